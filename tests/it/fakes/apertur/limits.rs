//! Requests a minute (section 3.3): so many of each sort for a key, then 429 with the headers.

use std::collections::HashMap;

use jiff::Timestamp;

use super::api::{Asked, Reply};

/// How many were asked in the minute that runs, by sort.
#[derive(Default)]
pub(crate) struct Limits {
    /// Off unless a test wants them: other tests are in a hurry.
    pub are_on: bool,
    minutes: HashMap<u32, (i64, u32)>,
}

impl Limits {
    /// Counts a request; gives the headers of its answer, or the refusal.
    pub(super) fn count(&mut self, asked: &Asked, now: Timestamp) -> Result<String, Reply> {
        if !self.are_on {
            return Ok(String::new());
        }
        let path = asked.target.split('?').next().unwrap_or_default();
        let most = match (asked.method.as_str(), path.strip_prefix("/api/v1/")) {
            ("POST", Some("upload-sessions")) => 100,
            ("GET", Some("sessions" | "sessions/recent")) => 300,
            _ => 200,
        };
        let minute = now.as_second().div_euclid(60);
        let (running, used) = self.minutes.entry(most).or_default();
        if *running != minute {
            (*running, *used) = (minute, 0);
        }
        *used += 1;
        let (left, reset) = (most.saturating_sub(*used), (minute + 1) * 60);
        let headers = format!(
            "X-RateLimit-Limit: {most}\r\nX-RateLimit-Remaining: {left}\r\n\
             X-RateLimit-Reset: {reset}\r\n"
        );
        if *used <= most {
            return Ok(headers);
        }
        let mut refused = Reply::refused(429, "Too many requests");
        refused.headers.push_str(&headers);
        Err(refused.header("Retry-After", &(reset - now.as_second()).to_string()))
    }
}
