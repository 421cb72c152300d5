//! Windows in which calls are counted, as accounts count them, and what an outsider would count.

use std::time::Duration;

use jiff::Timestamp;

/// A limit of so many calls in a stretch of time. The stretches follow each other from a moment
/// that no caller knows.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// Calls in one stretch; `None` takes any number.
    pub limit: Option<usize>,
    pub length: Duration,
    /// When the caller under test called, whatever became of it.
    calls: Vec<Timestamp>,
    /// When anybody else did.
    others: Vec<Timestamp>,
    /// Calls that were refused.
    pub refused: usize,
}

/// Where an accepted call left the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    pub limit: usize,
    pub remaining: usize,
    /// Seconds until it counts anew.
    pub resets: u64,
}

/// The call is one too many; it may come again after these many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub u64);

impl Window {
    pub(crate) fn of(limit: Option<usize>, length: Duration) -> Window {
        Window { limit, length, calls: Vec::new(), others: Vec::new(), refused: 0 }
    }

    /// Counts a call; refused ones count as well. `None`: there is no limit.
    pub(crate) fn call(&mut self, now: Timestamp) -> Result<Option<Used>, Refused> {
        self.calls.push(now);
        let Some(limit) = self.limit else { return Ok(None) };
        let resets = self.resets(now);
        let used = self.used(now);
        if used > limit {
            self.refused += 1;
            return Err(Refused(resets));
        }
        Ok(Some(Used { limit, remaining: limit - used, resets }))
    }

    /// Somebody else makes so many calls.
    pub(crate) fn others(&mut self, calls: usize, now: Timestamp) {
        self.others.extend(std::iter::repeat_n(now, calls));
    }

    fn used(&self, now: Timestamp) -> usize {
        let here = self.stretch(now);
        self.calls.iter().chain(&self.others).filter(|at| self.stretch(**at) == here).count()
    }

    /// Stretches begin 17 seconds after the minute, so that nobody guesses it.
    fn stretch(&self, at: Timestamp) -> i64 {
        (at.as_second() - 17).div_euclid(self.seconds())
    }

    fn resets(&self, now: Timestamp) -> u64 {
        let seconds = self.seconds();
        (seconds - (now.as_second() - 17).rem_euclid(seconds)).unsigned_abs()
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.length.as_secs()).unwrap_or(i64::MAX)
    }

    /// The most calls of the caller under test within any stretch of that length, wherever it
    /// begins.
    pub(crate) fn most(&self) -> usize {
        let within = |first: &Timestamp, at: &Timestamp| {
            at.duration_since(*first).as_secs() < self.seconds()
        };
        let mut calls = self.calls.clone();
        calls.sort();
        let from = |at: usize| calls[at..].iter().take_while(|c| within(&calls[at], c)).count();
        (0..calls.len()).map(from).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or_default()
    }

    #[test]
    fn a_window_counts_what_an_account_and_what_an_outsider_would() {
        let mut window = Window::of(Some(2), Duration::from_mins(1));
        let used = |remaining, resets| Ok(Some(Used { limit: 2, remaining, resets }));
        assert_eq!(window.call(at(60)), used(1, 17));
        assert_eq!(window.call(at(76)), used(0, 1));
        assert_eq!(window.call(at(76)), Err(Refused(1)));
        assert_eq!(window.call(at(77)), used(1, 60));
        window.others(1, at(78));
        assert_eq!(window.call(at(136)), Err(Refused(1)));
        assert_eq!((window.refused, window.most()), (2, 4));
        let mut free = Window::of(None, Duration::from_mins(1));
        assert_eq!(free.call(at(0)), Ok(None));
    }
}
