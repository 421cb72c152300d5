//! What a receiver answered, and what that means.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::{
    destinations::redact::Secrets,
    http,
    model::{Cause, ErrorKind, Failure, Finding, Receipt},
};

/// Longest answer read, in bytes. What it says is good to know and decides nothing.
const MAX_ANSWER: usize = 16 * 1024;
/// Most characters of it that are kept.
const MAX_WORDS: usize = 200;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    after: Option<Duration>,
    /// The word of another bridge: `accepted`, `duplicate`.
    word: Option<String>,
    /// Its own words.
    words: String,
}

impl Answer {
    /// Reads an answer, without these secrets. With its status the decision has fallen: that the
    /// rest does not come changes nothing.
    pub(super) async fn read(response: Response, now: Timestamp, secrets: &Secrets) -> Self {
        let status = response.status();
        let after = http::retry_after(response.headers(), now);
        let body = http::read(response, MAX_ANSWER).await.unwrap_or_default();
        let body = secrets.out_of_body(&body);
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        let word = json.as_ref().and_then(|json| plain(json.get("status")?.as_str()?));
        let words = said(&String::from_utf8_lossy(&body), json.as_ref());
        Self { status, after, word, words }
    }

    /// Whether the receiver has the photo now.
    pub(super) fn is_taken(&self) -> bool {
        self.status.is_success()
    }

    /// Whether it may be the address that is wrong, rather than the photo.
    pub(super) fn may_be_the_address(&self) -> bool {
        matches!(self.status.as_u16(), 404 | 405 | 410 | 501)
    }

    /// The receipt of a photo that was taken.
    pub(super) fn receipt(&self, key: &str) -> Receipt {
        let found = self.word.as_deref() == Some("duplicate");
        Receipt { found, ..Receipt::default() }.with("delivery", key).with("answer", self)
    }

    /// What it means that the photo was not taken.
    pub(super) fn failure(&self) -> Failure {
        let code = self.status.as_u16();
        match code {
            300..=399 | 401 | 403 => self.broken(),
            408 | 409 | 425 | 429 | 503 => {
                Failure::Later { after: self.after, cause: self.passing() }
            }
            413 => self.refused(
                ErrorKind::TooLarge,
                "raise the receiver's limit; max_size here holds larger photos without a try",
            ),
            404 | 405 | 410 | 501 => self.refused(
                ErrorKind::NotFound,
                "its address does take events, so ask there why not this photo; then replay",
            ),
            400..=499 => self.refused(
                ErrorKind::Rejected,
                "look at the receiver's log and whether it reads this `format`; then replay",
            ),
            _ => Failure::Unknown { cause: self.passing() },
        }
    }

    /// The same for the destination as a whole.
    pub(super) fn broken(&self) -> Failure {
        let (kind, fix) = match self.status.as_u16() {
            401 | 403 => (
                ErrorKind::Unauthorized,
                "compare `secret` and `signature` with what it expects, and both clocks; look at \
                 `headers` if it wants a credential",
            ),
            300..=399 => (
                ErrorKind::Protocol,
                "write the address that it redirects to as `url`; redirects are not followed",
            ),
            _ => (ErrorKind::NotFound, "compare `url` with the address that takes photos there"),
        };
        Failure::Broken { cause: self.cause(kind, fix) }
    }

    /// What the answer to an event that is about nothing shows.
    pub(super) fn of_ping(&self, took: Duration) -> Finding {
        let code = self.status.as_u16();
        let finding = |make: fn(String, String) -> Finding, cause: &Cause| {
            let detail = if cause.detail.is_empty() {
                String::new()
            } else {
                format!(" ({})", cause.detail)
            };
            make(format!("{}{detail}", cause.what), cause.fix.clone())
        };
        let error = |what: String, fix: String| Finding::error("ping", what, fix);
        let warning = |what: String, fix: String| Finding::warning("ping", what, fix);
        match code {
            200..=299 => {
                let took = took.as_millis();
                Finding::ok("ping", format!("a signed event was answered {self}, {took} ms"))
            }
            300..=399 | 401 | 403 | 404 | 405 | 410 => finding(error, self.broken().cause()),
            408 | 425 | 500.. => finding(error, &self.passing()),
            429 => finding(warning, &self.passing()),
            // Reached; it may know photos and no events.
            _ => finding(
                warning,
                &self.cause(
                    ErrorKind::Rejected,
                    "nothing, if it takes photos alone; try with `destinations test`",
                ),
            ),
        }
    }

    fn refused(&self, kind: ErrorKind, fix: &str) -> Failure {
        Failure::Refused { cause: self.cause(kind, fix) }
    }

    fn passing(&self) -> Cause {
        let kind = match self.status.as_u16() {
            408 => ErrorKind::Timeout,
            429 => ErrorKind::RateLimited,
            _ => ErrorKind::Unavailable,
        };
        self.cause(kind, "nothing to do if it passes; else look at the receiver's log and load")
    }

    fn cause(&self, kind: ErrorKind, fix: &str) -> Cause {
        let code = self.status.as_u16();
        let reason = self.status.canonical_reason().map(|reason| format!(" {reason}"));
        let what = format!("the webhook answered {code}{}", reason.unwrap_or_default());
        Cause::new(kind, what, fix).with_detail(&self.words)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        self.word.as_ref().map_or(Ok(()), |word| write!(f, " {word}"))
    }
}

/// A word that can be shown as it is.
fn plain(word: &str) -> Option<String> {
    let is_plain = (1..=32).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    is_plain.then(|| word.to_owned())
}

/// What an answer says to people: the usual members of JSON, or a short plain text. A page is
/// not worth keeping.
fn said(text: &str, json: Option<&Value>) -> String {
    let member = |json: &Value| {
        let names = ["message", "error", "detail", "title", "status"];
        names.into_iter().find_map(|name| Some(json.get(name)?.as_str()?.to_owned()))
    };
    let words = match json {
        Some(json) => member(json).unwrap_or_default(),
        None if text.trim_start().starts_with('<') => String::new(),
        None => text.to_owned(),
    };
    words.trim().chars().take(MAX_WORDS).collect()
}
