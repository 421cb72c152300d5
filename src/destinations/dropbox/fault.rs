//! What Dropbox's refusals mean, in words an administrator can act on.

use reqwest::StatusCode;

use super::WHOM;
use crate::{
    destinations::drive::{Fault, PASSES, Refusal},
    model::{DestinationName, ErrorKind, Failure},
};

/// A fault as a failure. `writes`: what was refused is a photo of its own, not a question.
pub(super) fn failure(name: &DestinationName, fault: Fault, writes: bool) -> Failure {
    match fault {
        Fault::Failed(failure) => failure,
        Fault::Refused(refusal) => refused(name, &refusal, writes),
    }
}

/// Dropbox's words for what is wrong, outermost first and parted by slashes:
/// `path/conflict/file/..`.
pub(super) fn summary(fault: &Fault) -> &str {
    match fault {
        Fault::Refused(refusal) if refusal.status == StatusCode::CONFLICT => {
            refusal.text("/error_summary")
        }
        _ => "",
    }
}

fn refused(name: &DestinationName, refusal: &Refusal, writes: bool) -> Failure {
    let summary = refusal.text("/error_summary");
    let words = [summary, refusal.text("/user_message/text")];
    let says = |word: &str| summary.split('/').any(|part| part == word);
    let broken = |kind, what: &str, fix: String| Failure::Broken {
        cause: refusal.cause(kind, (what, fix), &words),
    };
    let log_in = format!("then log in: apertur-bridge destinations login {name}");
    if says("missing_scope") {
        let scope = refusal.text("/error/required_scope");
        let fix = format!("tick {scope} for the app in Dropbox's App Console, {log_in}");
        return broken(ErrorKind::Forbidden, "the login lacks a permission", fix);
    }
    if refusal.status == StatusCode::BAD_REQUEST {
        let fix = format!("check base_url of [destination.{name}]; if it is right, report this");
        return broken(ErrorKind::Protocol, "Dropbox does not understand the bridge", fix);
    }
    if let Some(failure) = refusal.by_status(WHOM, name, &words) {
        return failure;
    }
    if says("insufficient_space") || says("insufficient_quota") {
        let fix =
            format!("make room in it or buy more, then: apertur-bridge destinations test {name}");
        return broken(ErrorKind::Unavailable, "the Dropbox is full", fix);
    }
    if says("too_many_write_operations") || says("too_many_requests") {
        let what = "Dropbox wants no more requests now";
        let cause = refusal.cause(ErrorKind::RateLimited, (what, PASSES), &words);
        return Failure::Later { after: refusal.after, cause };
    }
    if says("no_write_permission") || refusal.status == StatusCode::FORBIDDEN {
        let fix = "let the account that logged in write to the folder, or name another".to_owned();
        return broken(ErrorKind::Forbidden, "Dropbox does not let this account do that", fix);
    }
    if says("not_found") {
        let fix = format!("check folder of [destination.{name}]");
        return broken(ErrorKind::NotFound, "Dropbox does not have what it was asked for", fix);
    }
    if writes {
        let texts = ("Dropbox refuses the file", "see its words; then replay the delivery");
        return Failure::Refused { cause: refusal.cause(ErrorKind::Rejected, texts, &words) };
    }
    let fix = format!("check [destination.{name}]; if it is right, report this");
    broken(ErrorKind::Protocol, "Dropbox refuses what the bridge asks", fix)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_sorted_by_its_words() {
        for (status, summary, kind, what) in [
            (401, "expired_access_token/..", "broken unauthorized", "access token"),
            (401, "missing_scope/..", "broken forbidden", "lacks a permission"),
            (409, "path/insufficient_space/..", "broken unavailable", "is full"),
            (409, "path/too_many_write_operations/.", "later rate_limited", "wants no more"),
            (429, "too_many_requests/..", "later rate_limited", "wants no more"),
            (409, "path/no_write_permission/", "broken forbidden", "does not let"),
            (409, "path/disallowed_name/..", "refused rejected", "refuses the file"),
            (500, "", "later unavailable", "cannot serve"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let said = json!({ "error_summary": summary, "error": { ".tag": "x" } });
            let refusal = Refusal { status, after: None, said };
            let name = DestinationName::parse("drive").unwrap();
            let failure = failure(&name, Fault::Refused(refusal), true);
            let word = match &failure {
                Failure::Later { .. } => "later",
                Failure::Unknown { .. } => "unknown",
                Failure::Refused { .. } => "refused",
                Failure::Broken { .. } => "broken",
            };
            let cause = failure.cause();
            assert_eq!(format!("{word} {}", cause.kind), kind, "{summary}");
            assert!(cause.what.contains(what), "{cause}");
        }
    }
}
