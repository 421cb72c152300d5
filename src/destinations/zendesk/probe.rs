//! The checks: does Zendesk let the bridge in, may it do what it has to, and does a photo really
//! arrive?

use std::time::Instant;

use uuid::Uuid;

use super::{
    Zendesk,
    calls::{Comment, NewComment, NotAdded},
    deliver::{check_open, plan},
    fault::FIX_SCOPES,
    find::ONE_LOOK,
    wire::Body,
};
use crate::{
    destinations::oauth::Access,
    model::{Failure, Finding, Severity, Target},
};

/// A PNG of one pixel.
const PIXEL: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDA\
    Tx\xdac\xfc\xcf\xc0P\x0f\0\x04\x85\x01\x80\x84\xa9\x8c!\0\0\0\0IEND\xaeB`\x82";
const FIX_TARGET: &str = "name a ticket that a test may write to: --target zendesk:9";
/// Pages of comments in which the test looks for its own.
const PAGES: usize = 60;

impl Zendesk {
    /// What `check --connect` and doctor show.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<_> = self.plain_text().into_iter().collect();
        findings.push(match &self.wire.access {
            Some(access) => scopes(access).await,
            None => Finding::warning(
                "log in",
                "an API token is used; Zendesk switches these off on 30 April 2027",
                "make an OAuth client in Zendesk and write client_id and client_secret",
            ),
        });
        findings.push(match self.count().await {
            Ok(what) => Finding::ok("tickets", what),
            Err(failure) => Finding::failed("tickets", &failure),
        });
        findings
    }

    async fn count(&self) -> Result<String, Failure> {
        let mut permit = self.wire.pace.take(ONE_LOOK)?;
        let (answer, count) = self.wire.count(&mut permit).await?;
        let seen = count.map_or_else(String::new, |count| format!(", {count} tickets"));
        let limit = match answer.told.total {
            Some(total) => format!("; the account allows {total} calls a minute"),
            None => String::new(),
        };
        Ok(format!("{} lets the bridge in{seen}{limit}", self.settings().place()))
    }

    /// Adds an internal comment with a tiny picture and reads it back. Tells no customer.
    pub(super) async fn trial(&self, target: Option<&Target>) -> Vec<Finding> {
        let mut findings = self.findings().await;
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return findings;
        }
        let Some(Target::Zendesk { ticket }) = target else {
            findings.push(match target {
                Some(target) => {
                    let what = format!("{target} is no ticket of Zendesk");
                    Finding::error("test", what, FIX_TARGET)
                }
                None => Finding::warning("test", "nothing was written", FIX_TARGET),
            });
            return findings;
        };
        if let Err(failure) = self.try_out(*ticket, &mut findings).await {
            findings.push(Finding::failed("test", &failure));
        }
        findings
    }

    async fn try_out(&self, number: u64, findings: &mut Vec<Finding>) -> Result<(), Failure> {
        let mut start = Instant::now();
        let mut done = |subject: &str, what: String| {
            let what = format!("{what}, {} ms", start.elapsed().as_millis());
            start = Instant::now();
            findings.push(Finding::ok(subject, what));
        };
        let mut permit = self.wire.pace.take(plan(1, number))?;
        let ticket = self.wire.ticket(&mut permit, number).await?;
        check_open(number, &ticket)?;
        done("ticket", format!("ticket {number} is there"));
        let name = format!("apertur-bridge-test-{}.png", Uuid::now_v7().simple());
        let body = Body::Bytes(PIXEL, "image/png");
        let upload = self.wire.upload(&mut permit, &name, body).await?;
        done("upload", "a picture of one pixel is uploaded".to_owned());
        let new = NewComment {
            html_body: "<p>Test of apertur-bridge. Nothing to do.</p>",
            public: false,
            author: None,
            photos: &[],
        };
        let uploads = [upload];
        let comment = match self.wire.comment(&mut permit, number, &new, &uploads).await {
            Ok(comment) => comment,
            Err(
                NotAdded::Uploads(failure) | NotAdded::Author(failure) | NotAdded::Other(failure),
            ) => {
                self.discard(&failure, &uploads).await;
                return Err(failure);
            }
        };
        done("write", "an internal comment carries it".to_owned());
        let read = self.read_back(number, &name).await;
        findings.push(read.unwrap_or_else(|failure| Finding::failed("read", &failure)));
        findings.push(stays(number, &comment));
        Ok(())
    }

    /// Looks for the picture among the comments and compares its size.
    async fn read_back(&self, number: u64, name: &str) -> Result<Finding, Failure> {
        let start = Instant::now();
        let mut next = Some(self.wire.first_page(number));
        for _ in 0..PAGES {
            let Some(url) = next.take() else { break };
            let mut permit = self.wire.pace.take(ONE_LOOK)?;
            let page = self.wire.page(&mut permit, url).await?;
            let mut files = page.comments.iter().flat_map(Comment::files);
            if let Some(file) = files.find(|file| file.file_name == name) {
                return Ok(if file.size.is_none_or(|size| size == PIXEL.len() as u64) {
                    let took = start.elapsed().as_millis();
                    Finding::ok("read", format!("read back and compared, {took} ms"))
                } else {
                    let fix = "look at the ticket: the last internal comment should carry a PNG";
                    Finding::error("read", "the picture did not come back as it was sent", fix)
                });
            }
            next = page.next;
        }
        let fix = "nothing where the list lags behind: test again later";
        Ok(Finding::warning("read", "the comment is not in the list of comments yet", fix))
    }

    fn plain_text(&self) -> Option<Finding> {
        let url = &self.settings().base_url;
        let host = url.host_str().unwrap_or_default();
        let is_near = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        (url.scheme() == "http" && !is_near).then(|| {
            Finding::warning(
                "transport",
                "the address is plain http: secrets and photos travel readable",
                "use https in base_url",
            )
        })
    }
}

/// What is left of a test, whatever else came of it.
fn stays(number: u64, comment: &Comment) -> Finding {
    let id = comment.id.map_or_else(String::new, |id| format!(" {id}"));
    Finding::warning(
        "remove",
        format!("comment{id} stays on ticket {number}: Zendesk lets nobody remove a comment"),
        "nothing; only agents see it",
    )
}

/// Whether a token is to be had, and whether it is good for what was asked for: an unknown
/// scope still yields one (`fixtures/contracts/zendesk.md` section 1.2).
async fn scopes(access: &Access) -> Finding {
    let token = match access.reload().await {
        Ok(token) => token,
        Err(failure) => return Finding::failed("log in", &failure),
    };
    let Some(granted) = token.scope.as_deref() else {
        return Finding::ok("log in", "an access token was given for all that was asked for");
    };
    let is_covered = |scope: &String| {
        let whole = scope.rsplit(':').next().unwrap_or(scope);
        granted.split_whitespace().any(|given| given == whole)
    };
    let mut missing = access.missing_scopes(&token);
    missing.retain(|scope| !is_covered(scope));
    if missing.is_empty() {
        return Finding::ok("log in", format!("an access token was given for {granted}"));
    }
    let what = format!("Zendesk does not grant {}, only {granted:?}", missing.join(" and "));
    Finding::error("log in", what, FIX_SCOPES)
}
