//! One clock for the daemon, and one that tests step by hand.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Tells the time and waits for it. Cheap to clone; clones share the time.
#[derive(Debug, Clone)]
pub struct Clock(Option<Arc<watch::Sender<Timestamp>>>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::step`] moves it, for tests.
    #[must_use]
    pub fn stepped(start: Timestamp) -> Self {
        Self(Some(Arc::new(watch::Sender::new(start))))
    }

    /// Now, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.0.as_ref().map_or_else(Timestamp::now, |time| *time.borrow());
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Now plus a duration, the end of time where that overflows.
    #[must_use]
    pub fn after(&self, wait: Duration) -> Timestamp {
        later(self.now(), wait)
    }

    /// Moves a stepped clock forward; does nothing to the system's.
    pub fn step(&self, by: Duration) {
        if let Some(time) = &self.0 {
            let to = self.after(by);
            time.send_replace(to);
        }
    }

    /// Sets a stepped clock, also back; does nothing to the system's.
    pub fn set(&self, to: Timestamp) {
        if let Some(time) = &self.0 {
            time.send_replace(to);
        }
    }

    /// Returns once the time has come; at once when it is past. A clock that is set back
    /// meanwhile makes nobody wait longer.
    pub async fn sleep_until(&self, at: Timestamp) {
        match &self.0 {
            None => {
                let wait = at.duration_since(self.now());
                tokio::time::sleep(Duration::try_from(wait).unwrap_or(Duration::ZERO)).await;
            }
            Some(time) => {
                let mut seen = time.subscribe();
                let mut now = *seen.borrow_and_update();
                let mut left = at.duration_since(now);
                // The sender lives in `self`, so waiting cannot fail.
                while left.is_positive() && seen.changed().await.is_ok() {
                    let before = std::mem::replace(&mut now, *seen.borrow_and_update());
                    left -= now.duration_since(before).max(SignedDuration::ZERO);
                }
            }
        }
    }
}

/// A time plus a duration, the end of time where that overflows.
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_is_longer_than_time() {
        let start = Timestamp::UNIX_EPOCH;
        assert_eq!(later(start, Duration::from_millis(1500)).as_millisecond(), 1500);
        for (at, by) in [
            (start, Duration::MAX),
            (start, Duration::from_secs(i64::MAX as u64 + 1)),
            (Timestamp::MAX, Duration::from_nanos(1)),
            (Timestamp::MIN, Duration::MAX),
        ] {
            assert_eq!(later(at, by), Timestamp::MAX, "{at} {by:?}");
        }
    }
}
