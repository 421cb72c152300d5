//! One clock for the daemon, and one that tests step by hand.

use std::{
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// From when on the system's clock counts what has passed.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Tells the time and waits for it. Cheap to clone; clones share the time.
#[derive(Debug, Clone)]
pub struct Clock(Option<Arc<Stepped>>);

/// A clock that tests move.
#[derive(Debug)]
struct Stepped {
    time: watch::Sender<Timestamp>,
    /// All steps together, whatever the clock was set to.
    passed: Mutex<Duration>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::step`] moves it, for tests.
    #[must_use]
    pub fn stepped(start: Timestamp) -> Self {
        Self(Some(Arc::new(Stepped { time: watch::Sender::new(start), passed: Mutex::default() })))
    }

    /// Now, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.0.as_ref().map_or_else(Timestamp::now, |stepped| *stepped.time.borrow());
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Now plus a duration, the end of time where that overflows.
    #[must_use]
    pub fn after(&self, wait: Duration) -> Timestamp {
        later(self.now(), wait)
    }

    /// What has passed since some moment of this process. Never goes back, whoever sets the time;
    /// a stepped clock counts its steps.
    #[must_use]
    pub fn passed(&self) -> Duration {
        match &self.0 {
            None => START.elapsed(),
            Some(stepped) => *stepped.passed.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a stepped clock forward; does nothing to the system's.
    pub fn step(&self, by: Duration) {
        if let Some(stepped) = &self.0 {
            let mut passed = stepped.passed.lock().unwrap_or_else(PoisonError::into_inner);
            *passed = passed.saturating_add(by);
            drop(passed);
            stepped.time.send_replace(self.after(by));
        }
    }

    /// Sets a stepped clock, also back, as a person sets a wrong one: no time passes by that.
    /// Does nothing to the system's.
    pub fn set(&self, to: Timestamp) {
        if let Some(stepped) = &self.0 {
            stepped.time.send_replace(to);
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
            Some(stepped) => {
                let mut seen = stepped.time.subscribe();
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
    fn time_passes_also_where_the_clock_is_set_back() {
        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        clock.step(Duration::from_secs(5));
        clock.set(Timestamp::MIN);
        clock.step(Duration::from_secs(2));
        assert_eq!(clock.passed(), Duration::from_secs(7));
        let system = Clock::system();
        assert!(system.passed() <= system.passed());
    }

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
