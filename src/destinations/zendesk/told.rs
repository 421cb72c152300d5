//! What the headers of an answer say about the account's limits
//! (`fixtures/contracts/zendesk.md` section 4).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName},
};

use crate::{destinations::pace::Told, http};

/// How the names of the limits of single endpoints begin.
const NAMED: &str = "zendesk-ratelimit-";
/// The updates that one user may make to one ticket in ten minutes.
const OF_A_TICKET: usize = 30;
/// What an account counts by.
const MINUTE: Duration = Duration::from_mins(1);

/// One limit as its header has it: `total=100; remaining=99; resets=41`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Limit {
    total: Option<usize>,
    remaining: Option<usize>,
    resets: Option<u64>,
}

impl Limit {
    fn parse(text: &str) -> Self {
        let mut limit = Self::default();
        for (key, value) in text.split([';', ',']).filter_map(|part| part.split_once('=')) {
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "total" => limit.total = whole(value),
                "remaining" => limit.remaining = whole(value),
                "resets" => limit.resets = whole(value).map(|seconds| seconds as u64),
                _ => {}
            }
        }
        limit
    }
}

/// What the account said; a 429 closes it, or one ticket where it was the limit of that, which
/// only a call that `writes` can meet. A 503 closes it for the wait that it names.
pub(super) fn told(
    (status, writes): (StatusCode, bool),
    headers: &HeaderMap,
    now: Timestamp,
) -> Told {
    let number =
        |names: [&str; 2]| names.iter().find_map(|name| whole(headers.get(*name)?.to_str().ok()?));
    let resets = number(["ratelimit-reset", "x-rate-limit-reset"]);
    let told = Told {
        total: number(["x-rate-limit", "ratelimit-limit"]).filter(|total| *total > 0),
        remaining: number(["x-rate-limit-remaining", "ratelimit-remaining"]),
        resets: resets.map(|seconds| granted(seconds as u64)),
        ..Told::default()
    };
    let after = after(headers, now);
    match status {
        StatusCode::TOO_MANY_REQUESTS if writes && is_of_a_ticket(&told, headers, after) => {
            Told { ticket_closed: Some(after.unwrap_or(MINUTE)), ..told }
        }
        StatusCode::TOO_MANY_REQUESTS => told.refused(after),
        StatusCode::SERVICE_UNAVAILABLE => Told { closed: http::retry_after(headers, now), ..told },
        _ => told,
    }
}

/// Whether calls are left and only a ticket's own limit is used up: the account says so, or the
/// wait is longer than the minute that it counts by.
fn is_of_a_ticket(told: &Told, headers: &HeaderMap, after: Option<Duration>) -> bool {
    let goes_on = match told.remaining {
        Some(left) => left > 0,
        None => after.is_some_and(|wait| wait > MINUTE),
    };
    goes_on
        && limits(headers).all(|limit| {
            limit.remaining != Some(0) || limit.total.is_none_or(|total| total == OF_A_TICKET)
        })
}

/// How long an answer asks to wait: `Retry-After`, else until a limit that is used up counts
/// anew.
pub(super) fn after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    http::retry_after(headers, now).or_else(|| {
        let used_up = limits(headers).filter(|limit| limit.remaining == Some(0));
        used_up.filter_map(|limit| limit.resets).max().map(granted)
    })
}

fn granted(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(http::LONGEST_WAIT)
}

fn limits(headers: &HeaderMap) -> impl Iterator<Item = Limit> {
    let is_limit = |name: &HeaderName| name.as_str().starts_with(NAMED);
    let named = headers.iter().filter(move |(name, _)| is_limit(name));
    named.filter_map(|(_, value)| value.to_str().ok().map(Limit::parse))
}

/// A number, decimals cut off; `ratelimit-limit` may name several after a comma.
fn whole(text: &str) -> Option<usize> {
    let first = text.split([',', ';', '.']).next()?;
    first.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        all.iter().map(pair).collect()
    }

    fn read(status: u16, all: &[(&'static str, &'static str)]) -> Told {
        let status = StatusCode::from_u16(status).unwrap();
        told((status, true), &headers(all), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_account_s_limit_is_read_in_both_spellings() {
        let old = [("x-rate-limit", "700"), ("x-rate-limit-remaining", "699")];
        let expected = Told { total: Some(700), remaining: Some(699), ..Told::default() };
        assert_eq!(read(200, &old), expected);
        let new =
            [("ratelimit-limit", "700"), ("ratelimit-remaining", "699"), ("ratelimit-reset", "41")];
        assert_eq!(read(200, &new), Told { resets: Some(Duration::from_secs(41)), ..expected });
        assert_eq!(read(200, &[("x-rate-limit", "many")]), Told::default());
        assert_eq!(read(200, &[("x-rate-limit", "0")]), Told::default());
    }

    #[test]
    fn a_429_closes_the_account_unless_it_is_one_ticket_s() {
        let wait = ("retry-after", "59");
        let closed = |all: &[_]| read(429, all).closed.map(|wait| wait.as_secs());
        let left = ("x-rate-limit-remaining", "150");
        assert_eq!(closed(&[wait]), Some(59));
        assert_eq!(closed(&[("retry-after", "600")]), None);
        let reading = |all: &[_]| {
            told((StatusCode::TOO_MANY_REQUESTS, false), &headers(all), Timestamp::UNIX_EPOCH)
        };
        let long = [("retry-after", "600"), ("x-rate-limit-remaining", "150")];
        assert_eq!(reading(&long).closed, Some(Duration::from_mins(10)));
        assert_eq!(closed(&[]), Some(60));
        assert_eq!(closed(&[wait, ("x-rate-limit-remaining", "0")]), Some(59));
        assert_eq!(closed(&[wait, left]), None);
        let name = "zendesk-ratelimit-update-ticket";
        assert_eq!(closed(&[wait, left, (name, "total=30; remaining=0; resets=59")]), None);
        assert_eq!(closed(&[wait, left, (name, "total=100; remaining=0; resets=41")]), Some(59));
        assert_eq!(closed(&[wait, left, (name, "total=100; remaining=9; resets=41")]), None);
    }

    #[test]
    fn a_ticket_s_own_429_closes_the_ticket_for_as_long_as_it_says() {
        let closed = |all: &[_]| {
            let told = read(429, all);
            assert_eq!(told.closed, None);
            told.ticket_closed.map(|wait| wait.as_secs())
        };
        let left = ("x-rate-limit-remaining", "150");
        let used = ("zendesk-ratelimit-update-ticket", "total=30; remaining=0; resets=500");
        assert_eq!(closed(&[("retry-after", "600")]), Some(600));
        assert_eq!(closed(&[left, used]), Some(500));
        assert_eq!(closed(&[left]), Some(60));
        assert_eq!(read(429, &[("retry-after", "59")]).ticket_closed, None);
        assert_eq!(read(200, &[left, used]).ticket_closed, None);
    }

    #[test]
    fn a_503_closes_the_account_for_the_wait_that_it_names_and_no_longer() {
        let used = ("zendesk-ratelimit-update-ticket", "total=30; remaining=0; resets=500");
        assert_eq!(read(503, &[("retry-after", "90")]).closed, Some(Duration::from_secs(90)));
        assert_eq!(read(503, &[used]), Told::default());
    }

    #[test]
    fn a_wait_that_nobody_names_is_that_of_the_limit_that_is_used_up() {
        let of = |all: &[_]| after(&headers(all), Timestamp::UNIX_EPOCH).map(|w| w.as_secs());
        let used = ("zendesk-ratelimit-a", "total=30; remaining=0; resets=500");
        let free = ("zendesk-ratelimit-b", "total=9; remaining=1; resets=900");
        assert_eq!(of(&[used, free]), Some(500));
        assert_eq!(of(&[used, free, ("retry-after", "7.5")]), Some(7));
        assert_eq!(of(&[free]), None);
    }
}
