//! What came instead of a good answer: a wire that broke, or a refusal with its words. What the
//! words mean is the affair of the drive's own room.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value as Json;

use super::PASSES;
use crate::model::{Cause, DestinationName, ErrorKind, Failure};

/// What came instead of a good answer.
#[derive(Debug)]
pub(in crate::destinations) enum Fault {
    /// The wire or the login failed.
    Failed(Failure),
    /// The other side said no.
    Refused(Refusal),
}

/// A refusal, read.
#[derive(Debug)]
pub(in crate::destinations) struct Refusal {
    pub(in crate::destinations) status: StatusCode,
    /// How long the other side wants to be left alone.
    pub(in crate::destinations) after: Option<Duration>,
    /// Its body; null where it is no JSON.
    pub(in crate::destinations) said: Json,
}

impl Fault {
    /// Whether it is a refusal of this status in the API's own words, no page of a proxy.
    pub(in crate::destinations) fn is(&self, status: StatusCode) -> bool {
        let says = |refusal: &Refusal| refusal.status == status && !refusal.said.is_null();
        matches!(self, Self::Refused(refusal) if says(refusal))
    }
}

impl Refusal {
    /// A text of the body by its path; empty where there is none.
    pub(in crate::destinations) fn text(&self, pointer: &str) -> &str {
        self.said.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
    }

    /// The cause of a failure, with the status and these words of the other side's. What looks
    /// like an address is left out: it may open a door.
    pub(in crate::destinations) fn cause(
        &self,
        kind: ErrorKind,
        (what, fix): (impl Into<String>, impl Into<String>),
        words: &[&str],
    ) -> Cause {
        let mut detail = format!("HTTP {}", self.status.as_u16());
        for word in words.iter().flat_map(|words| words.split_whitespace()) {
            detail.push(' ');
            detail.push_str(if word.contains("://") { "…" } else { word });
        }
        Cause::new(kind, what, fix).with_detail(&detail)
    }

    /// What the status alone says, whatever the drive; `None` where its words decide.
    pub(in crate::destinations) fn by_status(
        &self,
        whom: &str,
        name: &DestinationName,
        words: &[&str],
    ) -> Option<Failure> {
        let cause = |kind, what: String, fix: String| self.cause(kind, (what, fix), words);
        let after = self.after;
        if self.status == StatusCode::UNAUTHORIZED {
            let what = format!("{whom} does not accept the access token");
            let fix = format!("log in: apertur-bridge destinations login {name}");
            let cause = cause(ErrorKind::Unauthorized, what, fix);
            return Some(Failure::Broken { cause });
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let what = format!("{whom} wants no more requests now");
            let cause = cause(ErrorKind::RateLimited, what, PASSES.to_owned());
            return Some(Failure::Later { after, cause });
        }
        if self.status.is_server_error() && self.status != StatusCode::INSUFFICIENT_STORAGE {
            let what = format!("{whom} cannot serve now");
            let cause = cause(ErrorKind::Unavailable, what, PASSES.to_owned());
            return Some(Failure::Later { after, cause });
        }
        let is_json = !self.said.is_null();
        if self.status.is_redirection() || self.status.is_success() || !is_json {
            let what = format!("what answers is not the API of {whom}");
            let fix = format!("check base_url of [destination.{name}] and what is in between");
            let cause = cause(ErrorKind::Protocol, what, fix);
            return Some(Failure::Broken { cause });
        }
        None
    }
}
