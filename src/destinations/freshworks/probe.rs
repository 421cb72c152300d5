//! The checks: does the account let the bridge in, as whom, how fast may it be called, and does
//! a note really arrive?

use std::time::Instant;

use super::{
    Freshworks, answer,
    answer::Conversation,
    deliver::{lacking, posting},
    fault::Fault,
    find::Walk,
    note::{Content, File, Note, Voice},
    settings::{Product, Ticket},
    wire::{Answer, Call, Credentials, number},
};
use crate::{
    destinations::{oauth::Access, pace::Permit},
    model::{Cause, ErrorKind, Failure, Finding, Severity, Target},
};

/// A picture of one pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, b'U', 0, 0, 0, 0x0a, b'I', b'D', b'A', b'T',
    b'x', 0xda, b'c', b'h', 0, 0, 0, 0x82, 0, 0x81, 0xda, b'E', 8, 0x3b, 0, 0, 0, 0, b'I', b'E',
    b'N', b'D', 0xae, b'B', 0x60, 0x82,
];
const PIXEL_NAME: &str = "apertur-bridge-test.png";
const TEXT: &str = "<p>A test of apertur-bridge; this note may be deleted.</p>";
const LOG_IN: &str = "log in";
/// What an account does that lets the bridge in, for people.
const LET_IN: &str = "let the bridge in";

impl Freshworks {
    /// What `check --connect`, doctor and console show.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Credentials::OAuth(access) = &self.wire.credentials {
            match self.scopes(access).await {
                Ok(finding) => findings.push(finding),
                Err(failure) => return vec![Finding::failed(LOG_IN, &failure)],
            }
        }
        match self.greet().await {
            Ok((let_in, limits)) => findings.extend([let_in, limits]),
            Err(failure) => findings.push(Finding::failed(LOG_IN, &failure)),
        }
        findings
    }

    async fn scopes(&self, access: &Access) -> Result<Finding, Failure> {
        let missing = access.missing_scopes(&access.reload().await?);
        let needed = self.wire.lacking().await?;
        if missing.is_empty() {
            return Ok(Finding::ok("scopes", "the login has what was asked for"));
        }
        let Cause { what, fix, .. } = lacking(&missing, &self.wire.name);
        Ok(match needed.is_empty() {
            true => Finding::warning("scopes", what, fix),
            false => Finding::error("scopes", what, fix),
        })
    }

    /// Asks by the cheapest call that shows it whether the account lets the bridge in
    /// (`fixtures/contracts/freshdesk.md`, `freshservice.md` section 1); gives as whom, and the
    /// answer.
    pub(super) async fn asked(&self, permit: &mut Permit) -> Result<(String, Answer), Failure> {
        let call = match self.settings().product {
            Product::Freshdesk => Call::reading("agents/me", LET_IN),
            Product::Freshservice => Call::reading("tickets", LET_IN).with("per_page", 1),
        };
        let asked = match self.wire.call(permit, &call).await {
            Ok(answer) => match self.understood(&answer) {
                Some(as_whom) => Ok((as_whom, answer)),
                None => Err(Fault::Unreadable("neither an agent nor tickets in it".to_owned())),
            },
            Err(fault) => Err(fault),
        };
        asked.map_err(|fault| fault.failure(&self.wire, &call))
    }

    async fn greet(&self) -> Result<(Finding, Finding), Failure> {
        let mut permit = self.wire.permit(1, 0)?;
        let (as_whom, answer) = self.asked(&mut permit).await?;
        let limits = limits(&answer);
        let (product, place) = (self.settings().product.name(), self.settings().place());
        let what = format!("{product} at {place} lets the bridge in{as_whom}");
        Ok((Finding::ok(LOG_IN, what), limits))
    }

    /// As whom the bridge is let in, where the product says so; `None` for a strange answer.
    fn understood(&self, answer: &Answer) -> Option<String> {
        if self.settings().product == Product::Freshservice {
            return answer::is_tickets(&answer.body).then(String::new);
        }
        let contact = answer::agent(&answer.body)?.contact?;
        let words: Vec<_> = [contact.name, contact.email].into_iter().flatten().collect();
        Some(format!(" as {}", words.join(", ")))
    }

    /// Posts a private note with a tiny picture to a ticket, reads it back and removes it.
    pub(super) async fn trial(&self, target: Option<&Target>) -> Vec<Finding> {
        let product = self.settings().product;
        let mut findings = self.findings().await;
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return findings;
        }
        let fix = format!("name a ticket that a test may touch: --target {}", product.example());
        let Some(ticket) = product.ticket(target) else {
            findings.push(match target {
                Some(target) => Finding::error(
                    "test",
                    format!("{target} is no ticket of {}", product.name()),
                    fix,
                ),
                None => Finding::warning("test", "nothing was written", fix),
            });
            return findings;
        };
        if let Err(failure) = self.try_out(ticket, &mut findings).await {
            findings.push(Finding::failed("test", &failure));
        }
        findings
    }

    async fn try_out(&self, ticket: Ticket, findings: &mut Vec<Finding>) -> Result<(), Failure> {
        let mut permit = self.wire.permit(3, 2)?;
        let mut start = Instant::now();
        let mut took = |what: &str| {
            let text = format!("{what}, {} ms", start.elapsed().as_millis());
            start = Instant::now();
            text
        };
        self.see(&mut permit, ticket).await?;
        let what = format!("ticket {} is there", ticket.number);
        findings.push(Finding::ok("ticket", took(&what)));
        let made = self.write(&mut permit, ticket).await?;
        findings.push(Finding::ok("write", took("private note with a picture made")));
        let Some(id) = made.id else {
            findings.push(Finding::warning(
                "remove",
                "the note's id is not known",
                by_hand(self, ticket),
            ));
            return Ok(());
        };
        // Removed whatever the look finds, so that nothing of the test stays.
        let back = self.read_back(ticket, id).await;
        findings.push(match back {
            Ok(finding) => Finding { what: took(&finding.what), ..finding },
            Err(failure) => Finding::failed("read", &failure),
        });
        let call = Call::removing(format!("conversations/{id}"), "remove the note");
        findings.push(match self.wire.call(&mut permit, &call).await {
            Ok(_) => Finding::ok("remove", took("note removed")),
            Err(fault) => {
                let failed = Finding::failed("remove", &fault.failure(&self.wire, &call));
                Finding { severity: Severity::Warning, fix: by_hand(self, ticket), ..failed }
            }
        });
        Ok(())
    }

    async fn write(&self, permit: &mut Permit, ticket: Ticket) -> Result<Conversation, Failure> {
        let file = File {
            name: PIXEL_NAME.to_owned(),
            media_type: Some("image/png"),
            content: Content::Fixed(PIXEL),
        };
        let note = Note { voice: Voice::Internal, body: TEXT.to_owned(), files: vec![file] };
        match self.send(permit, ticket, &note).await {
            Ok(made) => Ok(made),
            Err(fault) => Err(self.judged(permit, fault, &posting(ticket, &note)).await),
        }
    }

    /// Looks for the note among the conversations and compares its file.
    async fn read_back(&self, ticket: Ticket, id: u64) -> Result<Finding, Failure> {
        let mut walk = Walk::through(ticket);
        while let Some(conversations) = self.next_page(&mut walk).await? {
            if let Some(there) = conversations.iter().find(|it| it.id == Some(id)) {
                return compared(there);
            }
        }
        let fix = "nothing where the list lags behind: test again later";
        Ok(Finding::warning("read", "the note is not in the list of conversations yet", fix))
    }
}

fn compared(there: &Conversation) -> Result<Finding, Failure> {
    let picture = there.files().find(|file| file.name.as_deref() == Some(PIXEL_NAME));
    let is_whole = |size: u64| size == PIXEL.len() as u64;
    if picture.is_some_and(|picture| picture.size().is_none_or(is_whole)) {
        return Ok(Finding::ok("read", "listed with its picture"));
    }
    Err(Failure::Refused {
        cause: Cause::new(
            ErrorKind::Rejected,
            "the note is there, its picture is missing or changed",
            "look at the account's settings for attachments",
        ),
    })
}

/// The limits that the account told with its answer.
fn limits(answer: &Answer) -> Finding {
    let told = |name| number(&answer.headers, name);
    let what = match (told("x-ratelimit-total"), told("x-ratelimit-remaining")) {
        (Some(total), Some(left)) => format!("{total} calls a minute, {left} of them left"),
        (Some(total), None) => format!("{total} calls a minute"),
        _ => "the account names none".to_owned(),
    };
    Finding::ok("limits", what)
}

fn by_hand(desk: &Freshworks, ticket: Ticket) -> String {
    format!("delete the private note with {PIXEL_NAME} at {}", desk.settings().page(ticket))
}
