//! What an answer that is not the photo means (`fixtures/contracts/apertur.md`, section 3.3).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Response, StatusCode, header::HeaderMap};
use tokio::time::timeout;

use super::{FetchFailure, reading::Fields};
use crate::{
    http,
    model::{Cause, ErrorKind},
};

/// Bytes read of an error's body.
const MAX_ERROR: usize = 16 * 1024;

/// The two ways to a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The link that came with the event.
    Link,
    /// The API, by the photo's id.
    Api,
}

/// Why one way did not lead to the photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Miss {
    pub(super) cause: Cause,
    pub(super) then: Then,
}

/// What can be done after a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// This way is closed for good; the other may be open.
    OtherWay,
    /// This way may work later; the other may work now.
    Again(Option<Duration>),
    /// Nobody should ask at once again.
    Wait(Option<Duration>),
    /// No way will give another result.
    Hold,
}

impl Miss {
    pub(super) fn new(then: Then, cause: Cause) -> Self {
        Self { cause, then }
    }
}

impl From<Miss> for FetchFailure {
    fn from(Miss { cause, then }: Miss) -> Self {
        match then {
            Then::OtherWay | Then::Hold => Self::Held { cause },
            Then::Again(after) | Then::Wait(after) => Self::Later { after, cause },
        }
    }
}

/// The error body of the API, in either casing; what is of another type than documented is not
/// there.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    pub(super) message: String,
    pub(super) code: Option<String>,
    retry_after: Option<f64>,
}

/// Reads what a status other than 200 means. The body is looked at only on the API's way: on a
/// link's it is anybody's.
pub(super) async fn miss(way: Way, response: Response, idle: Duration, now: Timestamp) -> Miss {
    let status = response.status();
    let headers = response.headers().clone();
    let body = match way {
        Way::Link => ErrorBody::default(),
        Way::Api => {
            let body = timeout(idle, http::read(response, MAX_ERROR)).await;
            body.ok().and_then(Result::ok).map(|b| parsed(&b)).unwrap_or_default()
        }
    };
    let after = hint(&headers, &body, now);
    let mut miss = of_status(way, status, after);
    miss.cause = miss.cause.with_detail(&redacted(&body.message));
    miss
}

pub(super) fn parsed(body: &[u8]) -> ErrorBody {
    let fields = serde_json::from_slice(body).ok().and_then(Fields::of).unwrap_or_default();
    // Some faults come as a list of sentences, one a field.
    let sentences = || fields.texts("message").join("; ");
    ErrorBody {
        message: fields.text(&["message"]).unwrap_or_else(sentences),
        code: fields.text(&["code"]),
        retry_after: fields.text(&["retry_after"]).and_then(|seconds| seconds.parse().ok()),
    }
}

fn of_status(way: Way, status: StatusCode, after: Option<Duration>) -> Miss {
    let code = status.as_u16();
    let miss = |then, kind, what: String, fix: &str| Miss::new(then, Cause::new(kind, what, fix));
    match (way, code) {
        (Way::Link, 401 | 403 | 404 | 410) => miss(
            Then::OtherWay,
            ErrorKind::Gone,
            format!("the photo's link does not work any more (HTTP {code})"),
            "ask for the photo again; with apertur.api_key set, photos are fetched by their id \
             when a link has expired: set it and replay",
        ),
        (Way::Api, 404 | 410) => miss(
            Then::OtherWay,
            ErrorKind::Gone,
            format!(
                "Apertur does not have the photo any more (HTTP {code}); it deletes photos \
                     after delivery"
            ),
            "ask for the photo again, or find it in the destination history of Apertur's \
             dashboard and redeliver it",
        ),
        (Way::Api, 401 | 403) => miss(
            Then::Again(after),
            ErrorKind::Unauthorized,
            format!("Apertur refuses the API key (HTTP {code})"),
            "mend apertur.api_key: the right environment and project, allowed from this \
             machine's address; the photo is fetched once the key works",
        ),
        (_, 429) => miss(
            Then::Wait(after),
            ErrorKind::RateLimited,
            "Apertur asks to slow down (HTTP 429)".to_owned(),
            "nothing to do if it passes; else look at the limits of the plan",
        ),
        (_, 408 | 425 | 500..) => miss(
            Then::Again(after),
            ErrorKind::Unavailable,
            format!("Apertur cannot give the photo now (HTTP {code})"),
            "nothing to do if it passes; else look at Apertur's status page",
        ),
        _ => miss(
            Then::Again(after),
            ErrorKind::Protocol,
            format!("Apertur answered with HTTP {code} instead of the photo"),
            "nothing to do if it passes; else report it to Apertur",
        ),
    }
}

/// The wait asked for: `Retry-After`, else the body's `retryAfter` in seconds, else
/// `X-RateLimit-Reset`, whose number may be Unix seconds, milliseconds or a number of seconds
/// (`fixtures/contracts/open-questions.md`, B10).
pub(super) fn hint(headers: &HeaderMap, body: &ErrorBody, now: Timestamp) -> Option<Duration> {
    let in_body = || http::wait(body.retry_after?);
    let at_reset = || {
        let reset: f64 = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim().parse().ok()?;
        let reset = SignedDuration::try_from_secs_f64(reset).ok()?;
        let since_epoch = match reset.as_secs() {
            ..1_000_000 => return http::wait(reset.as_secs_f64()),
            1_000_000..=100_000_000_000 => reset,
            _ => reset / 1000,
        };
        let left = Duration::try_from(since_epoch - now.as_duration()).unwrap_or(Duration::ZERO);
        Some(left.min(http::LONGEST_WAIT))
    };
    http::retry_after(headers, now).or_else(in_body).or_else(at_reset)
}

/// A message without control characters and without what may be a link, a token or a session id.
pub(super) fn redacted(message: &str) -> String {
    let word = |word: &str| {
        let longest = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        let long = longest.map(str::len).max().unwrap_or_default() >= 20;
        if long || word.contains("://") { "[...]".to_owned() } else { word.to_owned() }
    };
    let words = message.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|text| !text.is_empty()).map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn hinted(header: Option<(&'static str, &str)>, body: &str) -> Option<Duration> {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let headers = header.map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        hint(&HeaderMap::from_iter(headers), &parsed(body.as_bytes()), now)
    }

    #[test]
    fn a_wait_is_read_wherever_it_stands() {
        let reset = |value| hinted(Some(("x-ratelimit-reset", value)), "{}");
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(hinted(Some(("retry-after", "7")), r#"{"retryAfter":9}"#), seconds(7));
        assert_eq!(hinted(None, r#"{"retryAfter":9}"#), seconds(9));
        assert_eq!(hinted(None, r#"{"retry_after":9,"message":"x"}"#), seconds(9));
        assert_eq!(reset("1800000030"), seconds(30));
        assert_eq!(reset("1800000030000"), seconds(30));
        assert_eq!(reset("30"), seconds(30));
        assert_eq!(reset("1700000000"), seconds(0));
        for none in ["-5", "soon", "NaN", "1e300", ""] {
            assert_eq!(reset(none), None, "{none}");
        }
        let day = Some(http::LONGEST_WAIT);
        assert_eq!(hinted(None, r#"{"retryAfter":99999999999}"#), day);
        assert_eq!(hinted(Some(("x-ratelimit-reset", "99999999999")), ""), day);
        assert_eq!(hinted(None, r#"{"retryAfter":-1}"#), None);
        assert_eq!(hinted(None, "<html>"), None);
    }

    #[test]
    fn an_odd_field_takes_no_other_with_it() {
        let body = r#"{"message": "too many", "code": 429, "retryAfter": "9", "x": []}"#;
        let read = parsed(body.as_bytes());
        assert_eq!((read.message.as_str(), read.code.as_deref()), ("too many", Some("429")));
        assert_eq!(read.retry_after, Some(9.0));
        let body = r#"{"message": ["a is odd", "b too"], "code": {"x": 1}, "retryAfter": {}}"#;
        let read = parsed(body.as_bytes());
        assert_eq!((read.message.as_str(), read.code), ("a is odd; b too", None));
        assert_eq!(read.retry_after, None);
    }

    #[test]
    fn messages_lose_links_tokens_and_session_ids() {
        let message = "Session 11111111-2222-4333-8444-555555555555 is over,\nsee \
                       https://api.aptr.ca/d/x?sig=y or \"aptr_live_0123456789abcdef\"";
        assert_eq!(redacted(message), "Session [...] is over, see [...] or [...]");
    }
}
