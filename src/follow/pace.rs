//! How often a session is asked about: often while photos come, seldom while none do. Pure.

use std::time::Duration;

use jiff::Timestamp;

use crate::{model::OwnSession, system::later};

/// Between two polls, as a share of the time without a photo, and the bounds of it.
const QUIET_SHARE: u32 = 20;
/// While photos come; what somebody who waits for one does not notice.
const SHORTEST_POLL: Duration = Duration::from_secs(2);
/// Before the first one: a QR code takes a while to be found and opened.
const FIRST_POLL: Duration = Duration::from_secs(5);
pub(super) const LONGEST_POLL: Duration = Duration::from_mins(5);

/// Between two checks of a session in which something happened within the hour.
const QUICK_CHECK: Duration = Duration::from_mins(5);
const SLOW_CHECK: Duration = Duration::from_mins(15);
/// The same where polling brings the photos.
const POLLED_CHECK: Duration = Duration::from_hours(1);
const QUICK_FOR: Duration = Duration::from_hours(1);

/// How long photos may still be on their way when a session has ended, or Apertur may still try
/// to deliver one: five tries of thirty seconds with growing waits.
pub(super) const STRAGGLERS: Duration = Duration::from_mins(15);
/// How long after a session's end Apertur is asked about it while it does not answer well.
/// Apertur deletes photos that are not fetched.
pub(super) const GIVE_UP: Duration = Duration::from_hours(7 * 24);
/// How long Apertur has to refuse before we give up, or does not know an ended session.
pub(super) const REFUSED_FOR: Duration = Duration::from_hours(24);
pub(super) const UNKNOWN_FOR: Duration = Duration::from_hours(1);
/// Waits after Apertur refused to speak of a session, the last one from then on.
const REFUSED: [Duration; 4] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
];
/// How long before its end a session is checked: later on Apertur may tell nothing of it.
const LAST_CHECK: Duration = Duration::from_mins(1);

/// A kind of question about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Which photos wait?
    Poll,
    /// How far has each photo come?
    Check,
}

/// When a session was asked about, and when it is next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Job {
    asked_at: Timestamp,
    due_at: Timestamp,
    pub(super) is_running: bool,
    /// How often in a row Apertur refused to speak of it.
    pub(super) refusals: usize,
}

impl Job {
    /// Due at this time, as if asked `interval` before.
    pub(super) fn due(at: Timestamp, interval: Duration) -> Self {
        let asked_at = at.checked_sub(interval).unwrap_or(at);
        Self { asked_at, due_at: at, is_running: false, refusals: 0 }
    }

    /// It was asked at this time and answered well.
    pub(super) fn answered(&mut self, asked_at: Timestamp, interval: Duration) {
        *self = Self { asked_at, ..Self::due(later(asked_at, interval), interval) };
    }

    /// It is tried again this long from now.
    pub(super) fn failed(&mut self, now: Timestamp, wait: Duration) {
        self.is_running = false;
        self.due_at = self.due_at.max(later(now, wait));
    }

    /// Apertur refuses.
    pub(super) fn refused(&mut self, now: Timestamp) {
        self.failed(now, REFUSED[self.refusals.min(REFUSED.len() - 1)]);
        self.refusals += 1;
    }

    /// Is due no later than this.
    pub(super) fn hurry(&mut self, at: Timestamp) {
        self.due_at = self.due_at.min(at.max(self.asked_at));
    }

    /// The clock was set back by so much.
    pub(super) fn set_back(&mut self, by: Duration) {
        self.asked_at = earlier(self.asked_at, by);
        self.due_at = earlier(self.due_at, by);
    }

    pub(super) fn due_at(&self) -> Option<Timestamp> {
        (!self.is_running).then_some(self.due_at)
    }

    /// How many of its intervals it waits already; `None` before it is due. Where not everybody
    /// can be asked in time, everybody waits the same multiple.
    pub(super) fn lateness(&self, now: Timestamp) -> Option<f64> {
        let due_at = self.due_at().filter(|due| *due <= now)?;
        let interval = due_at.duration_since(self.asked_at).as_secs_f64().max(0.001);
        Some(now.duration_since(self.asked_at).as_secs_f64() / interval)
    }
}

/// Between two polls of a session without a photo for so long.
pub(super) fn poll_interval(quiet: Duration, has_photos: bool) -> Duration {
    let shortest = if has_photos { SHORTEST_POLL } else { FIRST_POLL };
    (quiet / QUIET_SHARE).clamp(shortest, LONGEST_POLL)
}

/// Between two checks.
pub(super) fn check_interval(quiet: Duration, is_polled: bool) -> Duration {
    match quiet {
        _ if is_polled => POLLED_CHECK,
        quiet if quiet < QUICK_FOR => QUICK_CHECK,
        _ => SLOW_CHECK,
    }
}

/// A time less a duration, the beginning of time where that overflows.
pub(super) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// When a session is checked for the last time before its end.
pub(super) fn last_check(own: &OwnSession) -> Timestamp {
    earlier(own.expires_at, LAST_CHECK)
}

/// When no more photos of a session are on their way.
pub(super) fn end(own: &OwnSession) -> Timestamp {
    later(own.expires_at, STRAGGLERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_session_is_polled_the_seldomer_the_longer_it_is_quiet() {
        let seconds = |quiet, has| poll_interval(Duration::from_secs(quiet), has).as_secs();
        assert_eq!(
            [0, 60, 600, 3600, 86_400].map(|quiet| seconds(quiet, true)),
            [2, 3, 30, 180, 300]
        );
        assert_eq!([0, 60, 600].map(|quiet| seconds(quiet, false)), [5, 5, 30]);
        let minutes = |quiet, polled| check_interval(Duration::from_secs(quiet), polled).as_secs();
        assert_eq!([minutes(0, false), minutes(3600, false), minutes(0, true)], [300, 900, 3600]);
    }

    #[test]
    fn who_waits_for_more_of_its_intervals_is_asked_first() {
        let mut often = Job::due(at(0), Duration::from_secs(2));
        let mut seldom = Job::due(at(0), Duration::from_secs(300));
        often.answered(at(0), Duration::from_secs(2));
        seldom.answered(at(0), Duration::from_secs(300));
        assert_eq!((often.lateness(at(1)), seldom.lateness(at(299))), (None, None));
        assert!(often.lateness(at(310)) > seldom.lateness(at(310)));
        often.answered(at(310), Duration::from_secs(2));
        assert!(often.lateness(at(312)) < seldom.lateness(at(312)));
        often.is_running = true;
        assert_eq!((often.lateness(at(400)), often.due_at()), (None, None));
        let mut refused = |second| {
            often.refused(at(second));
            often.due_at()
        };
        assert_eq!(refused(400), Some(at(460)));
        assert_eq!(refused(500), Some(at(800)));
        assert_eq!([refused(800), refused(1700)], [Some(at(1700)), Some(at(5300))]);
        assert_eq!(refused(5300), Some(at(8900)));
    }
}
