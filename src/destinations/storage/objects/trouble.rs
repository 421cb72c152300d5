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
    /// What to correct when there are none.
    pub(in crate::destinations) source: &'static str,
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
    /// Whether it is a page for a browser.
    is_page: bool,
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
        Self { status, after, code: code.unwrap_or(in_body), words, is_page: begins_page(body) }
    }

    /// Whether it says that there is no such bucket.
    pub(super) fn names_no_bucket(&self) -> bool {
        matches!(self.code.as_str(), "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted")
            || (self.status == 404 && self.words.contains("bucket does not exist"))
    }

    /// Whether it says nothing but its status.
    pub(super) fn is_silent(&self) -> bool {
        self.code.is_empty() && self.words.is_empty()
    }

    fn detail(&self) -> String {
        let parts = [self.status.to_string(), self.code.clone(), self.words.clone()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Whether a body begins a page for a browser.
pub(super) fn begins_page(body: &[u8]) -> bool {
    let head = body.trim_ascii_start();
    let begins = |with: &[u8]| head.get(..with.len()).is_some_and(|h| h.eq_ignore_ascii_case(with));
    begins(b"<!doctype html") || begins(b"<html")
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

/// OpenDAL's words for a request that it could not sign.
const UNSIGNED: &str = "signing http request";

/// What a failed call means.
pub(super) fn failure(words: &Words, error: &opendal::Error, sight: Option<Sight>) -> Failure {
    match sight {
        sight if error.message() == UNSIGNED => unsigned(words, sight),
        Some(Sight::Broken(failure)) => failure,
        Some(Sight::Refusal(answer)) => refusal(words, &answer),
        None => Failure::Unknown {
            cause: Cause::new(
                ErrorKind::Protocol,
                format!("the answer of {} makes no sense", words.whom),
                "look at its own page for troubles; check that nothing stands in between",
            )
            .with_detail(error.message()),
        },
    }
}

/// There are no credentials, so nothing was sent. What was seen last was said by where they come
/// from: a metadata service, a service for tokens.
fn unsigned(words: &Words, sight: Option<Sight>) -> Failure {
    let whom = words.whom;
    let cause =
        |kind, what: String, detail: &str| Cause::new(kind, what, words.source).with_detail(detail);
    let none = format!("there are no credentials for {whom}");
    let later = format!("the credentials for {whom} cannot be fetched now");
    match sight {
        None => Failure::Broken { cause: cause(ErrorKind::Unauthorized, none, "") },
        Some(Sight::Broken(failure)) => {
            let Cause { what, detail, .. } = failure.cause();
            let detail = if detail.is_empty() { what } else { detail };
            Failure::Later { after: None, cause: cause(ErrorKind::Unreachable, later, detail) }
        }
        Some(Sight::Refusal(answer)) if is_unauthorized(&answer) => unauthorized(words, &answer),
        Some(Sight::Refusal(answer)) if answer.status >= 500 || answer.status == 429 => {
            let cause = cause(ErrorKind::Unavailable, later, &answer.detail());
            Failure::Later { after: answer.after, cause }
        }
        Some(Sight::Refusal(answer)) => {
            Failure::Broken { cause: cause(ErrorKind::Unauthorized, none, &answer.detail()) }
        }
    }
}

fn is_unauthorized(answer: &Answer) -> bool {
    matches!(
        answer.code.as_str(),
        "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "AuthenticationFailed"
            | "InvalidAuthenticationInfo"
            | "NoAuthenticationInformation"
            | "invalid_grant"
            | "invalid_client"
            | "TokenRefreshRequired"
    )
}

/// What a refusal means: first by its code, which is exact, then by its status.
fn refusal(words: &Words, answer: &Answer) -> Failure {
    let named = passing(words, answer).or_else(|| page(words, answer));
    let named = named.or_else(|| by_code(words, answer));
    named.unwrap_or_else(|| by_status(words, answer))
}

/// A page where an object or a refusal is due. What else stands before a bucket says in pages what
/// it cannot do now and what it does not let through: other statuses keep their meaning.
fn page(words: &Words, answer: &Answer) -> Option<Failure> {
    let is_there = answer.is_page && matches!(answer.status, 200..=299 | 400 | 404 | 405);
    let what = format!("a web page answers where {} should", words.whom);
    let fix = "set the endpoint to the address of the API; a console for browsers has another \
               port or host";
    is_there.then(|| broken(answer, ErrorKind::Protocol, what, fix))
}

fn by_code(words: &Words, answer: &Answer) -> Option<Failure> {
    let Words { whom, bucket, .. } = words;
    // Who asks for an object takes a 404 for its answer; what is left is about the bucket.
    if answer.names_no_bucket() || (answer.status == 404 && answer.code.is_empty()) {
        let fix = format!("make the {bucket}, or correct its name and the endpoint");
        return Some(broken(
            answer,
            ErrorKind::NotFound,
            format!("{whom} has no such {bucket}"),
            &fix,
        ));
    }
    Some(match answer.code.as_str() {
        "RequestTimeTooSkewed" | "RequestExpired" => {
            let what = format!("this machine's clock and that of {whom} differ");
            let fix = "set this machine's clock by NTP (timedatectl)";
            broken(answer, ErrorKind::Unauthorized, what, fix)
        }
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => elsewhere(words, answer),
        _ if is_unauthorized(answer) => unauthorized(words, answer),
        "InvalidStorageClass" => {
            let what = format!("{whom} does not have the storage class");
            broken(answer, ErrorKind::Rejected, what, "correct storage_class, or take it out")
        }
        code if code.starts_with("KMS.") || code.starts_with("InvalidEncryption") => {
            let what = format!("{whom} cannot encrypt the photo as it is told to");
            let fix = format!(
                "correct server_side_encryption, or look at the key that the {bucket} encrypts \
                 with and who may use it"
            );
            broken(answer, ErrorKind::Rejected, what, &fix)
        }
        "QuotaExceeded"
        | "QuotaExceededException"
        | "StorageFull"
        | "XMinioStorageFull"
        | "storage_cap_exceeded"
        | "AccountIsDisabled"
        | "AccountProblem" => {
            let what = format!("{whom} takes nothing more: it is full or the account is stopped");
            let fix = "make room there, or look at its account";
            broken(answer, ErrorKind::Unavailable, what, fix)
        }
        _ => return None,
    })
}

/// Codes of what passes, whatever the status.
fn passing(words: &Words, answer: &Answer) -> Option<Failure> {
    let whom = words.whom;
    Some(match answer.code.as_str() {
        "SlowDown"
        | "ServerBusy"
        | "TooManyRequests"
        | "rateLimitExceeded"
        | "userRateLimitExceeded" => slow(words, answer),
        code if code.ends_with("ThrottlingException") => slow(words, answer),
        "RequestTimeout"
        | "IncompleteBody"
        | "BadDigest"
        | "XAmzContentSHA256Mismatch"
        | "Md5Mismatch" => {
            let what = format!("{whom} did not get what was sent, and kept nothing of it");
            let fix = "it is sent again by itself; if it comes back, look for a proxy in between";
            let cause = Cause::new(ErrorKind::Unavailable, what, fix);
            Failure::Later { after: None, cause: cause.with_detail(&answer.detail()) }
        }
        // Another try may have put the parts together already.
        "InvalidBlockList" | "InvalidPart" | "InvalidPartOrder" => {
            let what = format!("{whom} does not have the parts of the photo any more");
            let fix = "nothing to do: it is looked for, and sent anew where it is not there";
            let cause = Cause::new(ErrorKind::Unavailable, what, fix);
            Failure::Unknown { cause: cause.with_detail(&answer.detail()) }
        }
        _ => return None,
    })
}

fn by_status(words: &Words, answer: &Answer) -> Failure {
    let whom = words.whom;
    let cause =
        |kind, what: String, fix: &str| Cause::new(kind, what, fix).with_detail(&answer.detail());
    match answer.status {
        301 | 302 | 307 => elsewhere(words, answer),
        401 => unauthorized(words, answer),
        403 if answer.words.contains("failed to authenticate") => unauthorized(words, answer),
        403 => {
            let what = format!("{whom} does not allow this to these credentials");
            broken(answer, ErrorKind::Forbidden, what, words.permissions)
        }
        413 => {
            let what = format!("the photo is larger than {whom} takes");
            let fix = "raise its limit, or send the photo elsewhere";
            Failure::Refused { cause: cause(ErrorKind::TooLarge, what, fix) }
        }
        507 => broken(answer, ErrorKind::Unavailable, format!("{whom} is full"), "make room there"),
        501 => {
            let what = format!("{whom} {NOT_IMPLEMENTED}");
            let fix = "look for the name of the header in the detail, and at its documentation";
            broken(answer, ErrorKind::Protocol, what, fix)
        }
        429 => slow(words, answer),
        503 if answer.after.is_some() => slow(words, answer),
        503 => {
            let what = format!("{whom} cannot serve now");
            let fix = "nothing to do if it passes; else look there";
            Failure::Later { after: None, cause: cause(ErrorKind::Unavailable, what, fix) }
        }
        400 => {
            let what = format!("{whom} refuses the request");
            let fix = "look at the detail; correct the settings or key_template, then replay";
            Failure::Refused { cause: cause(ErrorKind::Rejected, what, fix) }
        }
        status => unclear(whom, status, cause),
    }
}

/// Told to slow down: it spends no attempt, so nothing else may be taken for it.
fn slow(words: &Words, answer: &Answer) -> Failure {
    let what = format!("{} wants fewer calls", words.whom);
    let fix = "nothing to do if it passes; else lower concurrency";
    let cause = Cause::new(ErrorKind::RateLimited, what, fix).with_detail(&answer.detail());
    Failure::Later { after: answer.after, cause }
}

fn broken(answer: &Answer, kind: ErrorKind, what: String, fix: &str) -> Failure {
    Failure::Broken { cause: Cause::new(kind, what, fix).with_detail(&answer.detail()) }
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
    broken(answer, ErrorKind::Unauthorized, what, words.credentials)
}

fn elsewhere(words: &Words, answer: &Answer) -> Failure {
    let Words { whom, bucket, .. } = words;
    let what = format!("{whom} has the {bucket} in another region or at another address");
    let fix = "set region (and endpoint) to those that its own page shows";
    broken(answer, ErrorKind::NotFound, what, fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words = Words {
        whom: "S3",
        bucket: "bucket",
        credentials: "check the keys",
        source: "get some keys",
        permissions: "allow it",
    };

    fn said(status: u16, body: &str) -> Failure {
        refusal(&WORDS, &Answer::new(status, None, None, body.as_bytes()))
    }

    fn xml(code: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>So it is.\nRequestId:7\
             </Message><StringToSign>hush</StringToSign><Key>hush</Key></Error>"
        )
    }

    /// A letter for the kind of failure, and the kind of its cause.
    fn kind(failure: &Failure) -> (char, ErrorKind) {
        let letter = match failure {
            Failure::Later { .. } => 'L',
            Failure::Unknown { .. } => 'U',
            Failure::Refused { .. } => 'R',
            Failure::Broken { .. } => 'B',
        };
        (letter, failure.cause().kind)
    }

    #[test]
    fn every_refusal_is_what_its_code_says() {
        for (status, code, expected) in [
            (404, "NoSuchBucket", ('B', ErrorKind::NotFound)),
            (404, "ContainerNotFound", ('B', ErrorKind::NotFound)),
            (404, "NoSuchUpload", ('L', ErrorKind::Unavailable)),
            (403, "RequestTimeTooSkewed", ('B', ErrorKind::Unauthorized)),
            (403, "SignatureDoesNotMatch", ('B', ErrorKind::Unauthorized)),
            (403, "AccessDenied", ('B', ErrorKind::Forbidden)),
            (301, "PermanentRedirect", ('B', ErrorKind::NotFound)),
            (400, "AuthorizationHeaderMalformed", ('B', ErrorKind::NotFound)),
            (400, "ExpiredToken", ('B', ErrorKind::Unauthorized)),
            (400, "KeyTooLongError", ('R', ErrorKind::Rejected)),
            (403, "QuotaExceeded", ('B', ErrorKind::Unavailable)),
            (507, "XMinioStorageFull", ('B', ErrorKind::Unavailable)),
            (413, "EntityTooLarge", ('R', ErrorKind::TooLarge)),
            (409, "ConditionalRequestConflict", ('L', ErrorKind::Unavailable)),
            (400, "RequestTimeout", ('L', ErrorKind::Unavailable)),
            (400, "IncompleteBody", ('L', ErrorKind::Unavailable)),
            (400, "BadDigest", ('L', ErrorKind::Unavailable)),
            (400, "XAmzContentSHA256Mismatch", ('L', ErrorKind::Unavailable)),
            (400, "Md5Mismatch", ('L', ErrorKind::Unavailable)),
            (400, "InvalidBlockList", ('U', ErrorKind::Unavailable)),
            (400, "InvalidPart", ('U', ErrorKind::Unavailable)),
            (400, "InvalidStorageClass", ('B', ErrorKind::Rejected)),
            (400, "InvalidEncryptionAlgorithmError", ('B', ErrorKind::Rejected)),
            (400, "KMS.DisabledException", ('B', ErrorKind::Rejected)),
            (400, "KMS.ThrottlingException", ('L', ErrorKind::RateLimited)),
            (503, "SlowDown", ('L', ErrorKind::RateLimited)),
            (503, "ServerBusy", ('L', ErrorKind::RateLimited)),
            (429, "TooManyRequests", ('L', ErrorKind::RateLimited)),
            (403, "userRateLimitExceeded", ('L', ErrorKind::RateLimited)),
            (503, "ServiceUnavailable", ('L', ErrorKind::Unavailable)),
            (500, "InternalError", ('U', ErrorKind::Unavailable)),
        ] {
            let failure = said(status, &xml(code));
            assert_eq!(kind(&failure), expected, "{code}");
            assert_eq!(failure.cause().detail, format!("{status} {code} So it is."));
            assert!(!failure.cause().fix.is_empty() && !format!("{failure:?}").contains("hush"));
        }
        assert!(said(403, &xml("RequestTimeTooSkewed")).cause().fix.contains("NTP"));
        assert!(said(301, &xml("PermanentRedirect")).cause().fix.contains("region"));
        assert!(is_not_implemented(&said(501, &xml("NotImplemented"))));
    }

    #[test]
    fn what_cannot_be_signed_is_no_matter_of_the_bucket() {
        let unsigned = |sight| {
            let error = opendal::Error::new(opendal::ErrorKind::Unexpected, UNSIGNED);
            failure(&WORDS, &error, sight)
        };
        let answered = |status, body: &str| {
            unsigned(Some(Sight::Refusal(Answer::new(status, None, None, body.as_bytes()))))
        };
        let wire = Failure::Unknown { cause: Cause::new(ErrorKind::Timeout, "silence", "wait") };
        for (failure, expected) in [
            (unsigned(None), ('B', ErrorKind::Unauthorized)),
            (unsigned(Some(Sight::Broken(wire))), ('L', ErrorKind::Unreachable)),
            (answered(404, ""), ('B', ErrorKind::Unauthorized)),
            (answered(503, "busy"), ('L', ErrorKind::Unavailable)),
        ] {
            assert_eq!(kind(&failure), expected, "{failure:?}");
            assert_eq!(failure.cause().fix, "get some keys");
        }
        let failure = answered(400, r#"{"error": "invalid_grant"}"#);
        assert_eq!(kind(&failure), ('B', ErrorKind::Unauthorized));
        assert_eq!(failure.cause().fix, "check the keys");
    }

    #[test]
    fn google_is_understood_in_all_its_tongues() {
        let object = r#"{"error": {"code": 403, "message": "a@b does not have \
                        storage.objects.create access", "errors": [{"reason": "forbidden"}]}}"#;
        assert_eq!(kind(&said(403, &object.replace("\\\n", ""))), ('B', ErrorKind::Forbidden));
        let token = r#"{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}"#;
        let failure = said(400, token);
        assert_eq!(kind(&failure), ('B', ErrorKind::Unauthorized));
        assert_eq!(failure.cause().detail, "400 invalid_grant Invalid JWT Signature.");
        let plain = said(404, "The specified bucket does not exist.");
        assert_eq!(kind(&plain), ('B', ErrorKind::NotFound));
    }

    #[test]
    fn a_page_of_a_proxy_says_nothing_and_a_wait_is_kept() {
        let page = said(502, "<html><h1>hush</h1></html>");
        assert_eq!(kind(&page), ('U', ErrorKind::Unavailable));
        assert_eq!(page.cause().detail, "502");
        let after = Some(Duration::from_secs(7));
        for status in [429, 503] {
            let busy = refusal(&WORDS, &Answer::new(status, after, None, b""));
            assert!(matches!(busy, Failure::Later { after: waits, .. } if waits == after));
            assert_eq!(kind(&busy), ('L', ErrorKind::RateLimited));
        }
        for status in [200, 400, 404, 405] {
            let console = said(status, "\n<!DOCTYPE html>\n<title>Console</title>");
            assert_eq!(kind(&console), ('B', ErrorKind::Protocol), "{status}");
            assert_eq!(console.cause().what, "a web page answers where S3 should");
        }
        assert_eq!(kind(&said(413, "<html>")), ('R', ErrorKind::TooLarge));
        // A proxy whose server is away is no wish to be left alone.
        assert_eq!(kind(&said(503, "<html>")), ('L', ErrorKind::Unavailable));
    }
}
