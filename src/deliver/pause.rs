//! What keeps a destination from being called: the gate, shut while it is broken and opened by a
//! successful probe, and the waits after rate limits that name no time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{Settings, delay};
use crate::{
    model::{Cause, DeliveryId, ErrorKind},
    system::{Clock, later},
};

/// Longest time between two probes of what refuses our credentials: accounts are locked by those
/// who try again and again.
const LONGEST: Duration = Duration::from_mins(15);

/// Open, or shut until a probe succeeds.
#[derive(Debug)]
pub(super) struct Gate {
    /// The first wait for a probe.
    every: Duration,
    longest: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shut: Option<Shut>,
    /// How often a probe opened it.
    opened: u64,
    /// The deliveries that found the destination broken.
    suspects: HashMap<DeliveryId, Suspect>,
}

#[derive(Debug, Clone, Copy)]
struct Shut {
    since: Timestamp,
    /// Whether it is asked less and less often.
    slower: bool,
    wait: Duration,
    asked_at: Timestamp,
    probe_at: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    /// How often the gate had been opened then.
    opened: u64,
    /// Since when it is the delivery and not the destination.
    since: Option<Timestamp>,
}

impl Gate {
    /// An open gate.
    pub(super) fn new(settings: &Settings) -> Self {
        let every = settings.probe_every;
        let longest = settings.max_delay.min(LONGEST).max(every);
        Self { every, longest, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_shut(&self) -> bool {
        self.state().shut.is_some()
    }

    /// When the next probe is due; `None` while open. At once where the clock was set back.
    pub(super) fn probe_at(&self, now: Timestamp) -> Option<Timestamp> {
        let due = |shut: Shut| if now < shut.asked_at { now } else { shut.probe_at };
        self.state().shut.map(due)
    }

    /// Shuts it until a probe; `false` when it was shut already.
    pub(super) fn shut(&self, clock: &Clock, cause: &Cause) -> bool {
        let mut state = self.state();
        if state.shut.is_some() {
            return false;
        }
        let now = clock.now();
        let slower = matches!(cause.kind, ErrorKind::Unauthorized | ErrorKind::Forbidden);
        let probe_at = clock.after(self.every);
        let wait = self.every;
        state.shut = Some(Shut { since: now, slower, wait, asked_at: now, probe_at });
        true
    }

    /// A probe failed: the next one later.
    pub(super) fn still_shut(&self, clock: &Clock) {
        if let Some(shut) = self.state().shut.as_mut() {
            if shut.slower {
                shut.wait = shut.wait.saturating_mul(2).min(self.longest);
            }
            (shut.asked_at, shut.probe_at) = (clock.now(), clock.after(shut.wait));
        }
    }

    /// A probe succeeded; gives the time since when it was shut.
    pub(super) fn open(&self) -> Option<Timestamp> {
        let mut state = self.state();
        let shut = state.shut.take()?;
        state.opened = state.opened.saturating_add(1);
        Some(shut.since)
    }

    /// A delivery found the destination broken. Where it did so before and a probe has succeeded
    /// since, it is not the destination: gives since when that is known. So each time that is
    /// held against a delivery has a probe of its own.
    pub(super) fn suspect(&self, delivery: DeliveryId, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state();
        let (opened, shut) = (state.opened, state.shut.is_some());
        let first = Suspect { opened, since: None };
        let suspect = state.suspects.entry(delivery).or_insert(first);
        let again = suspect.opened < opened && !shut;
        suspect.opened = opened;
        again.then(|| *suspect.since.get_or_insert(now))
    }

    /// A delivery came to its end.
    pub(super) fn forget(&self, delivery: DeliveryId) {
        self.state().suspects.remove(&delivery);
    }
}

/// The waits of all that goes to a destination which says that it is too much, but not for how
/// long. They grow for as long as nothing is delivered.
#[derive(Debug, Default)]
pub(super) struct Slow(Mutex<Option<Waits>>);

#[derive(Debug, Clone, Copy)]
struct Waits {
    count: u32,
    asked_at: Timestamp,
    until: Timestamp,
}

impl Waits {
    /// Also where the clock was set back.
    fn are_over(&self, now: Timestamp) -> bool {
        self.until <= now || now < self.asked_at
    }
}

impl Slow {
    /// Until when nothing is to be sent; the beginning of time where nothing speaks against it.
    pub(super) fn until(&self, now: Timestamp) -> Timestamp {
        let waits = self.state().filter(|waits| !waits.are_over(now));
        waits.map_or(Timestamp::MIN, |waits| waits.until)
    }

    /// It is still too much; gives the end of the wait. Those under way at once wait once.
    pub(super) fn again(&self, now: Timestamp, settings: &Settings, spread: f64) -> Timestamp {
        let mut state = self.state();
        let waits = state.get_or_insert(Waits { count: 0, asked_at: now, until: now });
        if waits.are_over(now) {
            waits.count = waits.count.saturating_add(1);
            let wait = delay(settings.first_delay, settings.max_delay, waits.count, spread);
            (waits.asked_at, waits.until) = (now, later(now, wait));
        }
        waits.until
    }

    /// Something was taken.
    pub(super) fn over(&self) {
        *self.state() = None;
    }

    fn state(&self) -> MutexGuard<'_, Option<Waits>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_shut_for_ever() {
        let (settings, clock) = (Settings::default(), Clock::stepped(Timestamp::UNIX_EPOCH + HOUR));
        let (now, earlier) = (clock.now(), Timestamp::UNIX_EPOCH);
        let gate = Gate::new(&settings);
        let cause = Cause::new(ErrorKind::Unreachable, "nobody answers", "");
        assert!(gate.shut(&clock, &cause) && gate.is_shut());
        assert_eq!(gate.probe_at(now), Some(clock.after(settings.probe_every)));
        assert_eq!(gate.probe_at(earlier), Some(earlier), "due");

        let slow = Slow::default();
        let until = slow.again(now, &settings, 0.5);
        assert_eq!((slow.until(now), until > now), (until, true));
        assert_eq!(slow.until(earlier), Timestamp::MIN, "over");
        let again = slow.again(earlier, &settings, 0.5);
        assert!(again > earlier && again < now, "{again}");
    }

    #[test]
    fn probes_come_no_later_than_the_longest_wait_and_no_sooner_than_the_first() {
        let probe = Duration::from_mins(20);
        let settings = Settings { probe_every: probe, ..Settings::default() };
        let (gate, clock) = (Gate::new(&settings), Clock::stepped(Timestamp::UNIX_EPOCH));
        gate.shut(&clock, &Cause::new(ErrorKind::Forbidden, "no", ""));
        gate.still_shut(&clock);
        assert_eq!(gate.probe_at(clock.now()), Some(clock.after(probe)));
    }
}
