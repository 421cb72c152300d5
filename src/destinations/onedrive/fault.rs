//! What the refusals of Microsoft Graph mean, in words an administrator can act on.
//! <https://learn.microsoft.com/graph/errors>

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

fn refused(name: &DestinationName, refusal: &Refusal, writes: bool) -> Failure {
    let code = refusal.text("/error/code");
    let words = [code, refusal.text("/error/message")];
    let broken = |kind, what: &str, fix: String| Failure::Broken {
        cause: refusal.cause(kind, (what, fix), &words),
    };
    let is_full = refusal.status == StatusCode::INSUFFICIENT_STORAGE;
    if is_full || code == "quotaLimitReached" || code == "insufficientStorage" {
        let fix =
            format!("make room in it or buy more, then: apertur-bridge destinations test {name}");
        return broken(ErrorKind::Unavailable, "the OneDrive is full", fix);
    }
    if let Some(failure) = refusal.by_status(WHOM, name, &words) {
        return failure;
    }
    match code {
        "activityLimitReached" => {
            let what = "OneDrive wants no more requests now";
            let cause = refusal.cause(ErrorKind::RateLimited, (what, PASSES), &words);
            Failure::Later { after: refusal.after, cause }
        }
        _ if refusal.status == StatusCode::LOCKED => {
            let what = "the file or folder is locked at OneDrive";
            let cause = refusal.cause(ErrorKind::Unavailable, (what, PASSES), &words);
            Failure::Later { after: refusal.after, cause }
        }
        _ if refusal.status == StatusCode::FORBIDDEN => broken(
            ErrorKind::Forbidden,
            "OneDrive does not let this login do that",
            format!(
                "let the account write to the folder and give the app its permission, then: \
                 apertur-bridge destinations login {name}"
            ),
        ),
        _ if refusal.status == StatusCode::NOT_FOUND => broken(
            ErrorKind::NotFound,
            "the account has no OneDrive, or no such folder",
            format!("open OneDrive once as who logged in; check [destination.{name}]"),
        ),
        _ if writes => Failure::Refused {
            cause: refusal.cause(
                ErrorKind::Rejected,
                ("OneDrive refuses the file", "see its words; then replay the delivery"),
                &words,
            ),
        },
        _ => broken(
            ErrorKind::Protocol,
            "OneDrive does not understand the bridge",
            format!("check base_url of [destination.{name}]; if it is right, report this"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_sorted_by_its_code() {
        for (status, code, wanted, what) in [
            (401, "InvalidAuthenticationToken", "broken unauthorized", "access token"),
            (403, "accessDenied", "broken forbidden", "does not let"),
            (404, "itemNotFound", "broken not_found", "no OneDrive"),
            (507, "quotaLimitReached", "broken unavailable", "is full"),
            (403, "quotaLimitReached", "broken unavailable", "is full"),
            (429, "activityLimitReached", "later rate_limited", "wants no more"),
            (423, "resourceLocked", "later unavailable", "locked"),
            (503, "serviceNotAvailable", "later unavailable", "cannot serve"),
            (400, "invalidRequest", "refused rejected", "refuses the file"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let said = json!({ "error": { "code": code, "message": "https://x/?t=hush" } });
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
            assert_eq!(format!("{word} {}", cause.kind), wanted, "{code}");
            assert!(cause.what.contains(what) && !cause.detail.contains("hush"), "{cause}");
        }
    }
}
