//! What an API call that failed means, in Apertur's own words and with the next step
//! (`fixtures/contracts/apertur.md`, section 3.3; `open-questions.md`, B9 and B10). Pure.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{StatusCode, header::HeaderMap};

use super::answer::{hint, parsed, redacted};
use crate::model::{Cause, ErrorKind, Failure};

/// A wait longer than this is no limit of calls a minute.
const LONGEST_MINUTE: Duration = Duration::from_mins(10);

/// Why an API call did not do what it was for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct ApiError {
    /// The HTTP status; `None` where there was no answer.
    pub status: Option<u16>,
    /// The wait that Apertur asked for.
    pub after: Option<Duration>,
    /// Whether the call may have been carried out though.
    pub unsure: bool,
    /// Why, without link, key or session id.
    pub cause: Cause,
}

impl ApiError {
    /// Without an answer to it.
    pub(super) fn new(cause: Cause) -> Self {
        Self { status: None, after: None, unsure: false, cause }
    }

    /// Nobody answered, or the wire broke.
    pub(super) fn of_wire(error: &reqwest::Error) -> Self {
        match crate::http::failure("Apertur", error) {
            Failure::Later { after, cause } => Self { after, ..Self::new(cause) },
            other => Self { unsure: true, ..Self::new(other.cause().clone()) },
        }
    }

    /// No answer in time.
    pub(super) fn timed_out(limit: Duration) -> Self {
        let what = format!("Apertur did not answer within {} s", limit.as_secs());
        let fix = "try again; else look at this machine's connection and Apertur's status page";
        Self { unsure: true, ..Self::new(Cause::new(ErrorKind::Timeout, what, fix)) }
    }

    /// An answer that says that it was done, and breaks off.
    pub(super) fn broken_off(why: &str) -> Self {
        let what = "the connection to Apertur broke in the middle of its answer";
        let fix = "try again; else look at this machine's connection and Apertur's status page";
        let cause = Cause::new(ErrorKind::Unavailable, what, fix).with_detail(why);
        Self { unsure: true, ..Self::new(cause) }
    }

    /// An answer that says that it was done, and else nothing we can read.
    pub(super) fn unreadable(what: &str) -> Self {
        let fix = "see that apertur.base_url is Apertur's API; else report it to Apertur";
        Self { unsure: true, ..Self::new(Cause::new(ErrorKind::Protocol, what, fix)) }
    }

    /// What no address can be made of.
    pub(super) fn unaskable(what: &str) -> Self {
        let fix = "see that apertur.base_url is Apertur's API; else report it to Apertur";
        Self::new(Cause::new(ErrorKind::Protocol, what, fix))
    }

    /// There is no key to ask with.
    pub(super) fn no_key() -> Self {
        let what = "there is no API key to ask Apertur with";
        Self::new(Cause::new(ErrorKind::Unauthorized, what, "set apertur.api_key"))
    }

    /// Whether the same call may work a little later.
    #[must_use]
    pub fn passes(&self) -> bool {
        use ErrorKind::{RateLimited, Timeout, Unavailable, Unreachable};
        matches!(self.cause.kind, RateLimited | Timeout | Unavailable | Unreachable)
    }

    /// Reads an answer that is no success. `makes_session` says that the plan's quota of
    /// sessions may be what is spent.
    pub(super) fn of_answer(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        (makes_session, now): (bool, Timestamp),
    ) -> Self {
        let said = parsed(body);
        // Every answer says when the minute's calls are there again; a wait it is in this one.
        let after = match status {
            StatusCode::TOO_MANY_REQUESTS => hint(headers, &said, now),
            _ => crate::http::retry_after(headers, now),
        };
        let is_quota = makes_session && is_quota(headers, after);
        let (kind, what, fix) = meaning(status.as_u16(), is_quota);
        let cause = Cause::new(kind, format!("{what} (HTTP {})", status.as_u16()), fix);
        let words = match said.code.as_deref() {
            Some(code) if !said.message.contains(code) => format!("{} [{code}]", said.message),
            _ => said.message,
        };
        Self {
            status: Some(status.as_u16()),
            after: after.filter(|_| !is_quota),
            unsure: status.is_server_error(),
            cause: cause.with_detail(&redacted(&words)),
        }
    }
}

/// Of the two reasons for a 429 the one that waiting does not mend: nothing says when it ends,
/// or its end is far, or calls are left this minute.
fn is_quota(headers: &HeaderMap, after: Option<Duration>) -> bool {
    let left = headers.get("x-ratelimit-remaining").and_then(|left| left.to_str().ok());
    let calls_left = left.and_then(|left| left.trim().parse::<u64>().ok()).unwrap_or(0) > 0;
    calls_left || after.is_none_or(|after| after > LONGEST_MINUTE)
}

fn meaning(status: u16, is_quota: bool) -> (ErrorKind, &'static str, &'static str) {
    match status {
        400 | 422 => (
            ErrorKind::Rejected,
            "Apertur does not take the request as it is",
            "change what Apertur's words name, and try again",
        ),
        401 => (
            ErrorKind::Unauthorized,
            "Apertur refuses the API key",
            "mend apertur.api_key: the right environment, not revoked; a key that demands them \
             needs apertur.signing_secret, apertur.totp_secret or apertur.client_certificate, \
             and this machine's clock right",
        ),
        403 => (
            ErrorKind::Forbidden,
            "Apertur does not let this API key do it",
            "see that the key belongs to the right project, that the plan has the feature and \
             that the key is allowed from this machine's address",
        ),
        404 => (
            ErrorKind::NotFound,
            "Apertur does not know it",
            "see that it was made with this API key, in the same environment",
        ),
        409 => (
            ErrorKind::Rejected,
            "Apertur says that it is done already",
            "nothing to do; for more photos make a new session",
        ),
        410 => {
            (ErrorKind::Gone, "Apertur says that it is over", "for more photos make a new session")
        }
        413 => (ErrorKind::TooLarge, "Apertur says that it is too large", "make it smaller"),
        429 if is_quota => (
            ErrorKind::NotAllowed,
            "the plan's sessions of this month are used up",
            "wait for the next month or change the plan; sessions of the sandbox (a key \
             aptr_test_...) are not counted",
        ),
        429 => (
            ErrorKind::RateLimited,
            "Apertur asks to slow down",
            "try again in a minute; keys that others use, too, share one limit",
        ),
        408 | 425 | 500.. => (
            ErrorKind::Unavailable,
            "Apertur cannot do it now",
            "try again; else look at Apertur's status page",
        ),
        _ => (
            ErrorKind::Protocol,
            "Apertur's answer makes no sense",
            "see that apertur.base_url is Apertur's API; else report it to Apertur",
        ),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn limited(headers: &[(&'static str, &str)], body: &str, makes_session: bool) -> ApiError {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        let headers = HeaderMap::from_iter(headers);
        let status = StatusCode::TOO_MANY_REQUESTS;
        ApiError::of_answer(status, &headers, body.as_bytes(), (makes_session, now))
    }

    #[test]
    fn a_limit_of_the_minute_and_a_quota_of_the_month_are_told_apart() {
        let seconds = |s| Some(Duration::from_secs(s));
        for (headers, body, after) in [
            (vec![("retry-after", "7")], "{}", seconds(7)),
            (vec![], r#"{"retryAfter": 9}"#, seconds(9)),
            (vec![("x-ratelimit-reset", "1800000030")], "{}", seconds(30)),
            (
                vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000030")],
                "{}",
                seconds(30),
            ),
        ] {
            let error = limited(&headers, body, true);
            assert_eq!((error.cause.kind, error.after), (ErrorKind::RateLimited, after));
            assert!(error.passes());
        }
        for headers in [
            vec![],
            vec![("x-ratelimit-remaining", "88"), ("x-ratelimit-reset", "1800000030")],
            vec![("x-ratelimit-reset", "1802000000")],
        ] {
            let error = limited(&headers, r#"{"message": "Monthly sessions used"}"#, true);
            assert_eq!((error.cause.kind, error.after), (ErrorKind::NotAllowed, None));
            assert_eq!(error.cause.detail, "Monthly sessions used");
            assert!(!error.passes());
        }
        assert_eq!(limited(&[], "{}", false).cause.kind, ErrorKind::RateLimited);
    }

    #[test]
    fn only_a_limit_waits_for_the_minute_s_end() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let after = |name, value| {
            let header = (HeaderName::from_static(name), HeaderValue::from_static(value));
            let headers = HeaderMap::from_iter([header]);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            ApiError::of_answer(status, &headers, b"{}", (false, now)).after
        };
        assert_eq!(after("x-ratelimit-reset", "1800000030"), None);
        assert_eq!(after("retry-after", "5"), Some(Duration::from_secs(5)));
    }

    #[test]
    fn apertur_s_words_are_kept_without_links_and_ids() {
        let body = r#"{"statusCode": 400, "error": "Bad Request", "code": "BAD_DEST",
            "message": "destination 11111111-2222-4333-8444-555555555555 is not active"}"#;
        let status = StatusCode::BAD_REQUEST;
        let now = Timestamp::UNIX_EPOCH;
        let error = ApiError::of_answer(status, &HeaderMap::new(), body.as_bytes(), (true, now));
        assert_eq!(error.cause.detail, "destination [...] is not active [BAD_DEST]");
        assert_eq!((error.status, error.unsure), (Some(400), false));
    }
}
