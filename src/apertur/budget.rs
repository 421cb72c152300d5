//! The calls that Apertur's limits leave to what the daemon asks by itself
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
/// Calls a minute up to which photos are taken; the rest of the 200 is for commands and for
/// whoever else uses the key.
const PHOTOS: usize = 160;
/// Calls a minute up to which sessions are asked about, spread: after a start everybody is to be
/// asked, and who has photos does not wait for the next minute.
const QUESTIONS: Share = Share { most: 120, own: 20 };
const SPREAD: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 10;
/// Calls a minute up to which announced photos are fetched.
const FETCHES: Share = Share { most: 100, own: 40 };
/// Calls a minute up to which everybody has their own.
const SHARED: usize = 140;
/// Pause where Apertur limits the calls and does not say for how long.
const LIMITED: Duration = Duration::from_mins(1);
/// Longest pause; longer ones were written under a wrong clock, or mean a limit of days.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// Between two times that a limit is told of.
const TELL_AGAIN: Duration = Duration::from_hours(1);

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Asking what there is.
    Question,
    /// Fetching what was announced.
    Fetch,
    /// Taking or acknowledging a photo that waits, which goes first.
    Photo,
}

/// Calls while all together are less than `most` a minute, or these alone less than `own`.
#[derive(Debug, Clone, Copy)]
struct Share {
    most: usize,
    own: usize,
}

/// The calls of the last minute. Clones share them.
#[derive(Debug, Clone)]
pub struct Budget {
    clock: Clock,
    spent: Arc<Mutex<Spent>>,
}

#[derive(Debug)]
struct Spent {
    calls: VecDeque<Timestamp>,
    questions: VecDeque<Timestamp>,
    fetches: VecDeque<Timestamp>,
    /// No call is made until then.
    limited_until: Timestamp,
    /// Nothing is asked until then.
    paused_until: Timestamp,
    /// When it was looked at last.
    seen_at: Timestamp,
    /// When a limit was told of last.
    told_at: Option<Timestamp>,
    is_untold: bool,
}

impl Budget {
    /// Nothing is spent yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let spent = Spent {
            calls: VecDeque::new(),
            questions: VecDeque::new(),
            fetches: VecDeque::new(),
            limited_until: Timestamp::MIN,
            paused_until: Timestamp::MIN,
            seen_at: clock.now(),
            told_at: None,
            is_untold: false,
        };
        Self { clock, spent: Arc::new(Mutex::new(spent)) }
    }

    /// Counts a call that is made now.
    ///
    /// # Errors
    /// When it may be made sooner or later than now: not counted.
    pub fn take(&self, purpose: Use) -> Result<(), Timestamp> {
        let now = self.clock.now();
        let mut spent = self.spent();
        spent.forget(now);
        if let Some(at) = spent.not_before(purpose).filter(|at| *at > now) {
            return Err(at);
        }
        spent.calls.push_back(now);
        match purpose {
            Use::Question => spent.questions.push_back(now),
            Use::Fetch => spent.fetches.push_back(now),
            Use::Photo => {}
        }
        Ok(())
    }

    /// Waits until a call may be made, and counts it.
    pub async fn wait(&self, purpose: Use) {
        while let Err(at) = self.take(purpose) {
            self.clock.sleep_until(at).await;
        }
    }

    /// Asks nothing and takes nothing that waits for so long, at most an hour. Announced photos are
    /// fetched, which may work all the same.
    pub fn pause(&self, wait: Duration) {
        let mut spent = self.spent();
        spent.forget(self.clock.now());
        let until = self.clock.after(wait.min(LONGEST_PAUSE));
        spent.paused_until = spent.paused_until.max(until);
    }

    /// Apertur limits the calls: none is made for so long, at most an hour; for a minute where it
    /// does not say.
    pub fn limited(&self, wait: Option<Duration>) {
        let now = self.clock.now();
        let wait = wait.unwrap_or(LIMITED).clamp(Duration::from_secs(1), LONGEST_PAUSE);
        let mut spent = self.spent();
        spent.forget(now);
        spent.limited_until = spent.limited_until.max(later(now, wait));
        spent.is_untold |= spent.told_at.is_none_or(|told| later(told, TELL_AGAIN) <= now);
    }

    /// The end of a limit: no call is made until then. `None` where there is none.
    #[must_use]
    pub fn limited_until(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut spent = self.spent();
        spent.forget(now);
        Some(spent.limited_until).filter(|at| *at > now)
    }

    /// The end of a limit's pause that nobody was told of in the last hour, once.
    #[must_use]
    pub fn untold_limit(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut spent = self.spent();
        if !std::mem::take(&mut spent.is_untold) {
            return None;
        }
        spent.told_at = Some(now);
        Some(spent.limited_until)
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
        let shared = |own: &VecDeque<Timestamp>, share: Share| {
            let of_own = free(own, share.own, MINUTE).max(free(&self.calls, SHARED, MINUTE));
            free(&self.calls, share.most, MINUTE).min(of_own)
        };
        let paused = Some(self.paused_until);
        let of_purpose = match purpose {
            Use::Photo => free(&self.calls, PHOTOS, MINUTE).max(paused),
            Use::Fetch => shared(&self.fetches, FETCHES),
            Use::Question => {
                let spread = free(&self.questions, AT_ONCE, SPREAD);
                shared(&self.questions, QUESTIONS).max(spread).max(paused)
            }
        };
        of_purpose.max(Some(self.limited_until))
    }

    /// Drops what is older than a minute; what is in the future is of a clock that was set back.
    fn forget(&mut self, now: Timestamp) {
        for calls in [&mut self.calls, &mut self.questions, &mut self.fetches] {
            calls.retain(|at| *at <= now && later(*at, MINUTE) > now);
        }
        if now < self.seen_at {
            let by = self.seen_at.duration_since(now);
            for until in [&mut self.paused_until, &mut self.limited_until] {
                *until = until.checked_sub(by).unwrap_or(Timestamp::MIN);
            }
            self.told_at = None;
        }
        self.seen_at = now;
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
        budget.limited(Some(Duration::from_secs(10)));
        assert_eq!(budget.take(Use::Photo), Err(clock.after(Duration::from_secs(30))));
        clock.step(Duration::from_secs(30));
        assert_eq!(budget.take(Use::Photo), Ok(()));
        budget.limited(Some(Duration::MAX));
        assert_eq!(budget.take(Use::Question), Err(clock.after(LONGEST_PAUSE)));
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(budget.take(Use::Question), Err(clock.after(LONGEST_PAUSE)));
        clock.step(LONGEST_PAUSE);
        assert_eq!(budget.take(Use::Question), Ok(()));
    }

    #[test]
    fn neither_questions_nor_fetches_keep_the_others_from_their_share() {
        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        let budget = Budget::new(clock.clone());
        let (mut questions, mut fetches, mut photos) = (0, 0, 0);
        for second in 0..600 {
            let count = |purpose| (0..1000).take_while(|_| budget.take(purpose).is_ok()).count();
            let (fetched, asked) = (count(Use::Fetch), count(Use::Question));
            if second >= 540 {
                (questions, fetches) = (questions + asked, fetches + fetched);
                photos += usize::from(budget.take(Use::Photo).is_ok());
            }
            clock.step(Duration::from_secs(1));
        }
        assert!(questions >= 20 && fetches >= 40 && photos >= 20, "{questions} {fetches} {photos}");
    }

    #[test]
    fn a_limit_is_told_once_an_hour() {
        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        let budget = Budget::new(clock.clone());
        assert_eq!((budget.untold_limit(), budget.limited_until()), (None, None));
        budget.limited(None);
        assert_eq!(budget.untold_limit(), Some(clock.after(LIMITED)));
        budget.limited(None);
        assert_eq!(budget.untold_limit(), None);
        clock.step(TELL_AGAIN);
        budget.limited(Some(Duration::from_secs(5)));
        assert_eq!(budget.untold_limit(), Some(clock.after(Duration::from_secs(5))));
    }
}
