//! The steps of one delivery: the ticket's requester where the photo is to come from them, then
//! one note with every photo of the parcel. One writing call, so all or nothing.

use super::{
    Freshworks, answer,
    answer::Conversation,
    fault::Fault,
    note::{File, Note, Voice},
    settings::{Product, Ticket},
    wire::{Answer, Call},
};
use crate::{
    destinations::{
        Item, Parcel,
        pace::{Permit, Plan},
        ticket,
    },
    model::{Cause, Delivery, DestinationName, ErrorKind, Failure, Photo, Receipt},
};

const POST: &str = "post the note";
/// The calls of a note as the requester: the ticket, the note, and the note once more where the
/// requester is refused as its author.
pub(super) const AS_REQUESTER: Plan = Plan { calls: 3, writes: 2, ticket: None };
/// The calls of any other note.
const AS_AGENT: Plan = Plan { calls: 1, writes: 1, ticket: None };

/// Whose a note is to be, and what the operator should know of that.
struct Authorship {
    voice: Voice,
    remark: Option<String>,
}

impl Freshworks {
    /// Posts the photos of a parcel as one note.
    pub(super) async fn post(&self, parcel: &Parcel) -> Result<Vec<Receipt>, Failure> {
        let Some(first) = parcel.items.first() else { return Ok(Vec::new()) };
        let ticket = self.ticket(&first.delivery)?;
        let voice = Voice::of(first.delivery.mode.unwrap_or(self.settings().default_mode));
        let is_as_requester = matches!(voice, Voice::Requester(_));
        let plan = if is_as_requester { AS_REQUESTER } else { AS_AGENT };
        let mut permit = self.wire.pace.take(plan)?;
        let (authorship, ticket) = if is_as_requester {
            self.requester(&mut permit, ticket).await?
        } else {
            (Authorship { voice, remark: None }, ticket)
        };
        let mut note = Note {
            voice: authorship.voice,
            body: ticket::body(&self.settings().message, parcel.items.iter().map(|i| &i.delivery)),
            files: parcel.items.iter().map(File::of).collect(),
        };
        let mut remark = authorship.remark;
        let mut posted = self.send(&mut permit, ticket, &note).await;
        let instead = Voice::instead(self.settings().requester_refused);
        if is_as_requester
            && note.voice != instead
            && posted.as_ref().is_err_and(Fault::refuses_author)
        {
            note.voice = instead;
            remark = Some(remarked("was refused as the author", instead));
            posted = self.send(&mut permit, ticket, &note).await;
        }
        match posted {
            Ok(made) => Ok(self.receipts(parcel, ticket, &made, remark.as_deref())),
            Err(fault) => Err(self.judged(&mut permit, fault, &posting(ticket, &note)).await),
        }
    }

    /// Sends a note once.
    pub(super) async fn send(
        &self,
        permit: &mut Permit,
        ticket: Ticket,
        note: &Note<'_>,
    ) -> Result<Conversation, Fault> {
        self.wire.call(permit, &posting(ticket, note)).await.and_then(made)
    }

    /// The ticket that a delivery is for.
    pub(super) fn ticket(&self, delivery: &Delivery) -> Result<Ticket, Failure> {
        let product = self.settings().product;
        product.ticket(delivery.target.as_ref()).ok_or_else(|| {
            let what = match &delivery.target {
                Some(target) => format!("{target} is no ticket of {}", product.name()),
                None => format!("the photo names no ticket of {}", product.name()),
            };
            let fix = format!(
                "name the ticket with the session, as in the tag {}, and let no route send \
                 other photos here",
                product.example()
            );
            refused(ErrorKind::NotAllowed, what, fix)
        })
    }

    /// What is known of a delivery before the account is asked.
    pub(super) fn foreseen(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        let Ticket { number, workspace } = self.ticket(delivery)?;
        let mode = delivery.mode.unwrap_or(self.settings().default_mode);
        let url = self.settings().page(Ticket { number, workspace });
        let receipt = Receipt { url: Some(url), ..Receipt::default() }
            .with("ticket", number)
            .with("name", ticket::file_name(&delivery.photo))
            .with("mode", mode.desk_word());
        Ok(workspace.into_iter().fold(receipt, |receipt, id| receipt.with("workspace", id)))
    }

    /// Who the requester is at this moment (`fixtures/contracts/open-questions.md` E6).
    async fn requester(
        &self,
        permit: &mut Permit,
        ticket: Ticket,
    ) -> Result<(Authorship, Ticket), Failure> {
        let seen = self.see(permit, ticket).await?;
        let workspace = ticket.workspace.or(seen.workspace_id);
        let authorship = match (seen.requester_id, self.settings().product) {
            (None, Product::Freshdesk) => {
                let voice = Voice::instead(self.settings().requester_refused);
                let remark = remarked("is not named by the ticket", voice);
                Authorship { voice, remark: Some(remark) }
            }
            // Without an author too, as it is done there (`freshservice.md` section 3).
            (id, _) => Authorship { voice: Voice::Requester(id), remark: None },
        };
        Ok((authorship, Ticket { workspace, ..ticket }))
    }

    /// The ticket as it is now.
    pub(super) async fn see(
        &self,
        permit: &mut Permit,
        ticket: Ticket,
    ) -> Result<answer::TicketSeen, Failure> {
        let path = format!("tickets/{}", ticket.number);
        let call = Call::reading(path, "read the ticket").of(ticket.number);
        let seen = match self.wire.call(permit, &call).await {
            Ok(answer) => answer::ticket(&answer.body)
                .ok_or_else(|| Fault::Unreadable("no ticket in it".to_owned())),
            Err(fault) => Err(fault),
        };
        match seen {
            Ok(seen) => Ok(seen),
            Err(fault) => Err(self.judged(permit, fault, &call).await),
        }
    }

    /// The failure of a call to a ticket. Where the refusal could be the whole account's, the
    /// account is asked, so that a wrong key or sub-domain holds no photo and one ticket stops
    /// no other. Where it cannot be asked, nobody knows: later.
    pub(super) async fn judged(
        &self,
        permit: &mut Permit,
        fault: Fault,
        call: &Call<'_>,
    ) -> Failure {
        if !fault.is_doubtful() {
            return fault.failure(&self.wire, call);
        }
        match self.wire.lacking().await {
            Ok(scopes) if scopes.is_empty() => {}
            Ok(scopes) => return Failure::Broken { cause: lacking(&scopes, &self.wire.name) },
            Err(failure) => return failure,
        }
        match self.asked(permit).await {
            Ok(_) => fault.failure_of_ticket(&self.wire, call),
            Err(Failure::Refused { cause }) => Failure::Broken { cause },
            Err(failure) => failure,
        }
    }

    fn receipts(
        &self,
        parcel: &Parcel,
        ticket: Ticket,
        made: &Conversation,
        remark: Option<&str>,
    ) -> Vec<Receipt> {
        let receipt = |item: &Item| {
            let mut receipt = self.receipt(&item.delivery.photo, ticket, made);
            let is_listed = made.files().any(|file| {
                file.name.as_ref().is_some_and(|n| ticket::is_file_of(&item.delivery.photo.id, n))
            });
            let unlisted = (made.attachments.is_some() && !is_listed).then_some(ticket::UNLISTED);
            let notes: Vec<_> = [remark, unlisted].into_iter().flatten().collect();
            receipt.note = (!notes.is_empty()).then(|| notes.join("; "));
            receipt
        };
        parcel.items.iter().map(receipt).collect()
    }

    /// What a conversation that carries a photo gives for it.
    pub(super) fn receipt(&self, photo: &Photo, ticket: Ticket, there: &Conversation) -> Receipt {
        let is_file =
            |name: &Option<String>| name.as_ref().is_some_and(|n| ticket::is_file_of(&photo.id, n));
        let attachment = there.files().find(|file| is_file(&file.name)).and_then(|file| file.id);
        let ids = [
            ("conversation", there.id),
            ("attachment", attachment),
            ("workspace", ticket.workspace),
        ];
        let receipt = Receipt { url: Some(self.settings().page(ticket)), ..Receipt::default() };
        ids.into_iter().fold(receipt, |receipt, (name, id)| match id {
            Some(id) => receipt.with(name, id),
            None => receipt,
        })
    }
}

pub(super) fn posting<'a>(ticket: Ticket, note: &'a Note<'a>) -> Call<'a> {
    Call::posting(format!("tickets/{}/notes", ticket.number), note, POST).of(ticket.number)
}

/// What was made. A 201 is a success whatever it says; any other answer only with an id.
fn made(answer: Answer) -> Result<Conversation, Fault> {
    let read = answer::conversation(&answer.body);
    match read {
        Some(made) if answer.is_created || made.id.is_some() => Ok(made),
        None if answer.is_created => Ok(Conversation::default()),
        _ => Err(Fault::Unreadable("neither 201 nor the id of a note".to_owned())),
    }
}

/// That the login does not have what every delivery needs.
pub(super) fn lacking(scopes: &[String], name: &DestinationName) -> Cause {
    let what = format!("the login lacks {}", scopes.join(" "));
    let fix = format!(
        "give the OAuth client these scopes, then log in again: apertur-bridge destinations \
         login {name}"
    );
    Cause::new(ErrorKind::Forbidden, what, fix)
}

fn remarked(why: &str, voice: Voice) -> String {
    let how = match voice {
        Voice::Internal => "posted as an internal note instead",
        _ => "posted as a public note without an author instead",
    };
    format!("the requester {why}: {how}")
}

fn refused(kind: ErrorKind, what: String, fix: String) -> Failure {
    Failure::Refused { cause: Cause::new(kind, what, fix) }
}
