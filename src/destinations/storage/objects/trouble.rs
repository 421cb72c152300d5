//! What a bucket's refusals mean, and what an administrator can do about them.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::wire::Sight;
use crate::model::{Cause, ErrorKind, Failure};

/// How one type is spoken of.
#[derive(Debug, Clone, Copy)]
pub(in crate::destinations) struct Words {
    /// `S3`, at most a few words.
    pub(in crate::destinations) whom: &'static str,
    /// What it calls a bucket: `bucket`, `container`.
    pub(in crate::destinations) bucket: &'static str,
    /// What to correct when it does not know who calls.
    pub(in crate::destinations) credentials: &'static str,
    /// What must be allowed.
    pub(in crate::destinations) permissions: &'static str,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    status: u16,
    /// `Retry-After`.
    after: Option<Duration>,
    /// `NoSuchBucket`; empty where it says none.
    code: String,
    /// One sentence of the other side; may be empty.
    words: String,
}

impl Answer {
    /// Reads a refusal: S3's and Azure's XML, Google's JSON or plain text.
    pub(super) fn new(
        status: u16,
        after: Option<Duration>,
        code: Option<String>,
        body: &[u8],
    ) -> Self {
        let text = String::from_utf8_lossy(body);
        let (in_body, words) = match serde_json::from_slice::<Value>(body) {
            Ok(json) => in_json(&json),
            Err(_) if text.contains("<Code>") => {
                (between(&text, "<Code>", "</Code>"), between(&text, "<Message>", "</Message>"))
            }
            // A page of a proxy says nothing to a person.
            Err(_) if text.trim_start().starts_with('<') => Default::default(),
            Err(_) => (String::new(), text.trim().to_owned()),
        };
        let words = words.lines().next().unwrap_or_default().to_owned();
        Self { status, after, code: code.unwrap_or(in_body), words }
    }

    /// Whether it says that there is no such bucket.
    pub(super) fn names_no_bucket(&self) -> bool {
        matches!(self.code.as_str(), "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted")
            || (self.status == 404 && self.words.contains("bucket does not exist"))
    }

    fn detail(&self) -> String {
        let parts = [self.status.to_string(), self.code.clone(), self.words.clone()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// The code that Azure sends in a header, with answers that have no body too.
pub(super) fn header_code(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("x-ms-error-code")?.to_str().ok()?.to_owned())
}

/// Google's error: of its storage, or of its tokens.
fn in_json(json: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match &json["error"] {
        Value::String(code) => (code.clone(), text(&json["error_description"])),
        error => (text(&error["errors"][0]["reason"]), text(&error["message"])),
    }
}

fn between(text: &str, from: &str, to: &str) -> String {
    let rest = text.split_once(from).map_or("", |(_, rest)| rest);
    rest.split_once(to).map_or("", |(text, _)| text).to_owned()
}

const NOT_IMPLEMENTED: &str = "cannot do what was asked";

/// Whether the other side does not know a condition that was set.
pub(super) fn is_not_implemented(failure: &Failure) -> bool {
    failure.cause().what.ends_with(NOT_IMPLEMENTED)
}

/// What a failed call means.
pub(super) fn failure(words: &Words, error: &opendal::Error, sight: Option<Sight>) -> Failure {
    match sight {
        Some(Sight::Broken(failure)) => failure,
        Some(Sight::Refusal(answer)) => refusal(words, &answer),
        // Not the wire and not a refusal: credentials that cannot be had, an odd answer.
        None => Failure::Unknown {
            cause: Cause::new(
                ErrorKind::Protocol,
                format!("the answer of {} makes no sense, or there are no credentials", words.whom),
                words.credentials,
            )
            .with_detail(error.message()),
        },
    }
}

/// What a refusal means: first by its code, which is exact, then by its status.
fn refusal(words: &Words, answer: &Answer) -> Failure {
    let Words { whom, bucket, .. } = words;
    let cause =
        |kind, what: String, fix: &str| Cause::new(kind, what, fix).with_detail(&answer.detail());
    let broken = |kind, what, fix: &str| Failure::Broken { cause: cause(kind, what, fix) };
    // Who asks for an object takes a 404 for its answer; what is left is about the bucket.
    if answer.names_no_bucket() || (answer.status == 404 && answer.code.is_empty()) {
        let fix = format!("make the {bucket}, or correct its name and the endpoint");
        return broken(ErrorKind::NotFound, format!("{whom} has no such {bucket}"), &fix);
    }
    match answer.code.as_str() {
        "RequestTimeTooSkewed" | "RequestExpired" => {
            let what = format!("this machine's clock and that of {whom} differ");
            let fix = "set this machine's clock by NTP (timedatectl)";
            return broken(ErrorKind::Unauthorized, what, fix);
        }
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => return elsewhere(words, answer),
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "AuthenticationFailed"
        | "InvalidAuthenticationInfo"
        | "NoAuthenticationInformation"
        | "invalid_grant"
        | "invalid_client"
        | "TokenRefreshRequired" => {
            return unauthorized(words, answer);
        }
        "QuotaExceeded"
        | "QuotaExceededException"
        | "StorageFull"
        | "XMinioStorageFull"
        | "storage_cap_exceeded"
        | "AccountIsDisabled"
        | "AccountProblem" => {
            let what = format!("{whom} takes nothing more: it is full or the account is stopped");
            return broken(ErrorKind::Unavailable, what, "make room there, or look at its account");
        }
        _ => {}
    }
    match answer.status {
        301 | 302 | 307 => elsewhere(words, answer),
        401 => unauthorized(words, answer),
        403 if answer.words.contains("failed to authenticate") => unauthorized(words, answer),
        403 => {
            let what = format!("{whom} does not allow this to these credentials");
            broken(ErrorKind::Forbidden, what, words.permissions)
        }
        413 => Failure::Refused {
            cause: cause(
                ErrorKind::TooLarge,
                format!("the photo is larger than {whom} takes"),
                "raise its limit, or send the photo elsewhere",
            ),
        },
        507 => broken(ErrorKind::Unavailable, format!("{whom} is full"), "make room there"),
        501 => {
            let fix = "look for the name of the header in the detail, and at its documentation";
            broken(ErrorKind::Protocol, format!("{whom} {NOT_IMPLEMENTED}"), fix)
        }
        429 | 503 => Failure::Later {
            after: answer.after,
            cause: cause(
                ErrorKind::RateLimited,
                format!("{whom} wants fewer calls, or is busy"),
                "nothing to do if it passes; else lower concurrency",
            ),
        },
        400 => Failure::Refused {
            cause: cause(
                ErrorKind::Rejected,
                format!("{whom} refuses the request"),
                "look at the detail; correct the settings or key_template, then replay",
            ),
        },
        status => unclear(whom, status, cause),
    }
}

/// What may pass.
fn unclear(whom: &str, status: u16, cause: impl Fn(ErrorKind, String, &str) -> Cause) -> Failure {
    let what = format!("{whom} could not do it ({status})");
    let cause = cause(ErrorKind::Unavailable, what, "nothing to do if it passes; else look there");
    // A server that stumbles may have kept what it was sent.
    if status >= 500 {
        return Failure::Unknown { cause };
    }
    Failure::Later { after: None, cause }
}

fn unauthorized(words: &Words, answer: &Answer) -> Failure {
    let what = format!("{} does not accept the credentials", words.whom);
    let cause = Cause::new(ErrorKind::Unauthorized, what, words.credentials);
    Failure::Broken { cause: cause.with_detail(&answer.detail()) }
}

fn elsewhere(words: &Words, answer: &Answer) -> Failure {
    let Words { whom, bucket, .. } = words;
    let what = format!("{whom} has the {bucket} in another region or at another address");
    let fix = "set region (and endpoint) to those that its own page shows";
    let cause = Cause::new(ErrorKind::NotFound, what, fix).with_detail(&answer.detail());
    Failure::Broken { cause }
}
