//! The calls that Apertur's limits leave to following sessions
//! (`fixtures/contracts/apertur.md`, section 3.3: 200 a minute and key, shared by everything that
//! is no making and listing of sessions).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::system::{Clock, later};

/// What the limit counts in.
const MINUTE: Duration = Duration::from_mins(1);
/// Calls a minute up to which sessions are asked about, spread: after a start everybody is to be
/// asked, and who has photos does not wait for the next minute.
const QUESTIONS: usize = 120;
const SPREAD: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 10;
/// Calls a minute up to which photos are taken; the rest of the 200 is for the collector, for
/// commands and for whoever else uses the key.
const PHOTOS: usize = 160;
/// Longest pause; longer ones were written under a wrong clock, or mean a limit of days.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Asking what there is.
    Question,
    /// Taking or acknowledging a photo, which goes first.
    Photo,
}

/// The calls of the last minute. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    clock: Clock,
    spent: Arc<Mutex<Spent>>,
}

#[derive(Debug)]
struct Spent {
    calls: VecDeque<Timestamp>,
    /// The latest ones that are for questions.
    questions: VecDeque<Timestamp>,
    paused_until: Timestamp,
}

impl Budget {
    pub(super) fn new(clock: Clock) -> Self {
        let (calls, questions) = (VecDeque::new(), VecDeque::new());
        let spent = Spent { calls, questions, paused_until: Timestamp::MIN };
        Self { clock, spent: Arc::new(Mutex::new(spent)) }
    }

    /// Counts a call that is made now.
    ///
    /// # Errors
    /// When it may be made sooner or later than now: not counted.
    pub(super) fn take(&self, purpose: Use) -> Result<(), Timestamp> {
        let now = self.clock.now();
        let mut spent = self.spent();
        spent.forget(now);
        if let Some(at) = spent.not_before(purpose).filter(|at| *at > now) {
            return Err(at);
        }
        spent.calls.push_back(now);
        if purpose == Use::Question {
            spent.questions.push_back(now);
        }
        Ok(())
    }

    /// Waits until a call may be made, and counts it.
    pub(super) async fn wait(&self, purpose: Use) {
        while let Err(at) = self.take(purpose) {
            self.clock.sleep_until(at).await;
        }
    }

    /// Makes no call for so long.
    pub(super) fn pause(&self, wait: Duration) {
        let until = self.clock.after(wait.min(LONGEST_PAUSE));
        let mut spent = self.spent();
        spent.paused_until = spent.paused_until.max(until);
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    /// When a call may be made.
    fn not_before(&self, purpose: Use) -> Option<Timestamp> {
        let free = |calls: &VecDeque<Timestamp>, most: usize, window| {
            let over = calls.len().checked_sub(most)?;
            calls.get(over).map(|oldest| later(*oldest, window))
        };
        let (of_minute, of_spread) = match purpose {
            Use::Photo => (free(&self.calls, PHOTOS, MINUTE), None),
            Use::Question => {
                let of_minute = free(&self.calls, QUESTIONS, MINUTE);
                (of_minute, free(&self.questions, AT_ONCE, SPREAD))
            }
        };
        [Some(self.paused_until), of_minute, of_spread].into_iter().flatten().max()
    }

    /// Drops what is older than a minute; what is in the future is of a clock that was set back.
    fn forget(&mut self, now: Timestamp) {
        self.calls.retain(|at| *at <= now && later(*at, MINUTE) > now);
        self.questions.retain(|at| *at <= now && later(*at, SPREAD) > now);
        if self.paused_until > later(now, LONGEST_PAUSE) {
            self.paused_until = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_calls_than_its_limit_and_photos_go_first() {
        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        let budget = Budget::new(clock.clone());
        let count = |purpose| (0..1000).take_while(|_| budget.take(purpose).is_ok()).count();
        let spread = || {
            let questions = count(Use::Question);
            clock.step(SPREAD);
            questions
        };
        assert_eq!([spread(), spread(), spread(), spread()], [10; 4]);
        assert_eq!(count(Use::Photo), 120);
        assert_eq!(budget.take(Use::Photo), Err(later(Timestamp::UNIX_EPOCH, MINUTE)));
        clock.step(Duration::from_secs(40));
        assert_eq!(count(Use::Question), 0, "those for photos count, too");
        assert_eq!(count(Use::Photo), 10);
        clock.step(Duration::from_secs(20));
        assert_eq!(count(Use::Photo), 150);
    }

    #[test]
    fn a_pause_stops_all_calls_and_a_clock_that_is_set_back_does_not() {
        let clock = Clock::stepped(later(Timestamp::UNIX_EPOCH, MINUTE));
        let budget = Budget::new(clock.clone());
        budget.pause(Duration::from_secs(30));
        budget.pause(Duration::from_secs(10));
        assert_eq!(budget.take(Use::Photo), Err(clock.after(Duration::from_secs(30))));
        clock.step(Duration::from_secs(30));
        assert_eq!(budget.take(Use::Photo), Ok(()));
        budget.pause(Duration::MAX);
        assert_eq!(budget.take(Use::Question), Err(clock.after(LONGEST_PAUSE)));
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(budget.take(Use::Question), Ok(()));
    }
}
