//! What Google Drive's refusals mean, in words an administrator can act on.

use reqwest::StatusCode;
use serde_json::Value as Json;

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
    let (reason, message) = (reason(refusal), refusal.text("/error/message"));
    let words = [reason, message];
    if let Some(failure) = refusal.by_status(WHOM, name, &words) {
        return failure;
    }
    let broken = |kind, what: &str, fix: String| Failure::Broken {
        cause: refusal.cause(kind, (what, fix), &words),
    };
    match reason {
        "rateLimitExceeded" | "userRateLimitExceeded" | "dailyLimitExceeded" => {
            let what = "Google Drive wants no more requests now";
            let cause = refusal.cause(ErrorKind::RateLimited, (what, PASSES), &words);
            Failure::Later { after: refusal.after, cause }
        }
        "storageQuotaExceeded" | "teamDriveFileLimitExceeded" => broken(
            ErrorKind::Unavailable,
            "the Google Drive is full",
            format!("make room in it or buy more, then: apertur-bridge destinations test {name}"),
        ),
        "numChildrenInNonRootLimitExceeded" | "activeItemCreationLimitExceeded" => broken(
            ErrorKind::Rejected,
            "Google Drive takes no more files into the folder",
            "put a {date} into key_template, or name another folder".to_owned(),
        ),
        "accessNotConfigured" | "SERVICE_DISABLED" => broken(
            ErrorKind::Forbidden,
            "the Google Drive API is not enabled for the client's project",
            "enable it in the Google Cloud console: APIs & Services, Library".to_owned(),
        ),
        "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => broken(
            ErrorKind::Forbidden,
            "the login does not allow files to be made",
            format!("log in and tick every box: apertur-bridge destinations login {name}"),
        ),
        _ if refusal.status == StatusCode::FORBIDDEN => broken(
            ErrorKind::Forbidden,
            "Google Drive does not let this account do that",
            "let the account that logged in write to the folder, or name another".to_owned(),
        ),
        _ if refusal.status == StatusCode::NOT_FOUND => broken(
            ErrorKind::NotFound,
            "the folder is not in this Google Drive, or the login does not see it",
            format!("check folder_id of [destination.{name}] and log in as who may see it"),
        ),
        _ if writes => Failure::Refused {
            cause: refusal.cause(
                ErrorKind::Rejected,
                ("Google Drive refuses the file", "see its words; then replay the delivery"),
                &words,
            ),
        },
        _ => broken(
            ErrorKind::Protocol,
            "Google Drive does not understand the bridge",
            format!("check base_url of [destination.{name}]; if it is right, report this"),
        ),
    }
}

/// Google's word for a refusal: newer answers have it among the details.
fn reason(refusal: &Refusal) -> &str {
    let details = refusal.said.pointer("/error/details").and_then(Json::as_array);
    let detailed = details.into_iter().flatten().find_map(|detail| detail.get("reason")?.as_str());
    match refusal.text("/error/errors/0/reason") {
        "" | "forbidden" => detailed.unwrap_or_default(),
        reason => reason,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn told(status: u16, reason: &str) -> Failure {
        let error = json!({ "code": status, "message": "see https://x.example/?token=hush now",
                            "errors": [{ "domain": "global", "reason": reason }] });
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            after: Some(Duration::from_secs(7)),
            said: json!({ "error": error }),
        };
        let name = DestinationName::parse("drive").unwrap();
        failure(&name, Fault::Refused(refusal), true)
    }

    #[test]
    fn a_refusal_is_sorted_by_its_reason_and_repeats_no_address() {
        for (status, reason, kind, what) in [
            (403, "rateLimitExceeded", "later", "wants no more"),
            (403, "userRateLimitExceeded", "later", "wants no more"),
            (429, "rateLimitExceeded", "later", "wants no more"),
            (503, "backendError", "later", "cannot serve"),
            (401, "authError", "broken", "access token"),
            (403, "storageQuotaExceeded", "broken", "is full"),
            (403, "accessNotConfigured", "broken", "not enabled"),
            (403, "insufficientPermissions", "broken", "does not allow"),
            (403, "insufficientFilePermissions", "broken", "does not let"),
            (404, "notFound", "broken", "is not in this"),
            (400, "badRequest", "refused", "refuses the file"),
        ] {
            let failure = told(status, reason);
            let is_kind = match &failure {
                Failure::Later { after, .. } => {
                    assert_eq!(*after, Some(Duration::from_secs(7)));
                    kind == "later"
                }
                Failure::Broken { .. } => kind == "broken",
                Failure::Refused { .. } => kind == "refused",
                Failure::Unknown { .. } => false,
            };
            assert!(is_kind && failure.cause().what.contains(what), "{status} {failure:?}");
            assert!(!format!("{failure:?}").contains("hush"), "{failure:?}");
        }
    }
}
