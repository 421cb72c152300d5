//! What keeps a destination from being called: the gate, shut while it is broken, ajar for one
//! photo once a probe succeeds and opened by the first that is delivered, and the waits after
//! rate limits that name no time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Settings, delay};
use crate::{
    model::{Cause, DeliveryId, ErrorKind, Finding},
    system::{Clock, later},
};

/// Longest time between two probes of what refuses our credentials or photos: accounts are locked
/// by those who try again and again.
const LONGEST: Duration = Duration::from_mins(15);
/// Shortest time between two probes, however often people ask for one.
const SHORTEST: Duration = Duration::from_secs(5);

/// Open, or shut until a probe succeeds and then a photo is delivered.
#[derive(Debug)]
pub(super) struct Gate {
    /// The first wait for a probe.
    every: Duration,
    longest: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    shut: Option<Shut>,
    /// Changed where a person asked for deliveries since the last probe began.
    asked: watch::Receiver<()>,
    /// How often a delivered photo opened it.
    opened: u64,
    /// The deliveries that found the destination broken.
    suspects: HashMap<DeliveryId, Suspect>,
}

#[derive(Debug, Clone)]
struct Shut {
    since: Timestamp,
    cause: Cause,
    wait: Duration,
    asked_at: Timestamp,
    probe_at: Timestamp,
    /// A probe succeeded: one photo at a time may try.
    is_ajar: bool,
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    /// How often the gate had been opened then.
    opened: u64,
    /// Since when it is the delivery and not the destination.
    since: Option<Timestamp>,
}

impl Shut {
    /// Whether it is asked less and less often.
    fn is_slower(&self) -> bool {
        matches!(self.cause.kind, ErrorKind::Unauthorized | ErrorKind::Forbidden)
    }

    fn again(&mut self, clock: &Clock, wait: Duration) {
        (self.wait, self.is_ajar) = (wait, false);
        (self.asked_at, self.probe_at) = (clock.now(), clock.after(wait));
    }

    /// Takes the newest cause; gives since when it is shut where that is another one. Details
    /// may hold times and numbers that are others each time.
    fn learn(&mut self, cause: &Cause) -> Option<Timestamp> {
        let is_new = self.cause.kind != cause.kind || self.cause.what != cause.what;
        self.cause = cause.clone();
        is_new.then_some(self.since)
    }
}

impl Gate {
    /// An open gate. Where people ask for deliveries, a probe is not waited for as long.
    pub(super) fn new(settings: &Settings, asked: watch::Receiver<()>) -> Self {
        let every = settings.probe_every;
        let longest = settings.max_delay.min(LONGEST).max(every);
        let state = State { shut: None, asked, opened: 0, suspects: HashMap::new() };
        Self { every, longest, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing may go through.
    pub(super) fn is_shut(&self) -> bool {
        self.state().shut.as_ref().is_some_and(|shut| !shut.is_ajar)
    }

    /// Whether one photo at a time may go through.
    pub(super) fn is_ajar(&self) -> bool {
        self.state().shut.as_ref().is_some_and(|shut| shut.is_ajar)
    }

    /// When the next probe is due; `None` while none is. At once where the clock was set back, and
    /// soon where a person asked.
    pub(super) fn probe_at(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state();
        let shut = state.shut.as_ref().filter(|shut| !shut.is_ajar)?;
        if now < shut.asked_at {
            return Some(now);
        }
        let is_asked = state.asked.has_changed().unwrap_or(false);
        let soon = later(shut.asked_at, if is_asked { SHORTEST } else { Duration::MAX });
        Some(shut.probe_at.min(soon))
    }

    /// A probe begins: it is what people asked for until now.
    pub(super) fn asks(&self) {
        self.state().asked.mark_unchanged();
    }

    /// A delivery found the destination broken: shuts it until a probe; for longer where it was
    /// ajar. Gives what is to be told: whether it was open before, and since when it is shut.
    pub(super) fn shut(&self, clock: &Clock, cause: &Cause) -> Option<(bool, Timestamp)> {
        let mut state = self.state();
        if let Some(shut) = state.shut.as_mut() {
            if !shut.is_ajar {
                return None;
            }
            shut.again(clock, shut.wait.saturating_mul(2).min(self.longest));
            return shut.learn(cause).map(|since| (false, since));
        }
        let (since, wait) = (clock.now(), self.every);
        let (cause, probe_at) = (cause.clone(), clock.after(wait));
        let shut = Shut { since, cause, wait, asked_at: since, probe_at, is_ajar: false };
        state.shut = Some(shut);
        // What people asked for until now was to send what found it broken.
        state.asked.mark_unchanged();
        Some((true, since))
    }

    /// A probe failed: the next one later. Gives its cause and since when it is shut where that
    /// is another cause than before.
    pub(super) fn still_shut(&self, clock: &Clock, found: &Finding) -> Option<(Cause, Timestamp)> {
        let mut state = self.state();
        let shut = state.shut.as_mut()?;
        let cause = found.as_cause(shut.cause.kind);
        let told = shut.learn(&cause).map(|since| (cause, since));
        let grows = if shut.is_slower() { 2 } else { 1 };
        shut.again(clock, shut.wait.saturating_mul(grows).min(self.longest));
        told
    }

    /// A probe succeeded: one photo may try.
    pub(super) fn set_ajar(&self) {
        if let Some(shut) = self.state().shut.as_mut() {
            shut.is_ajar = true;
        }
    }

    /// A photo was delivered, or none is left to try; gives since when it was shut where it was
    /// ajar.
    pub(super) fn open(&self, was_delivered: bool) -> Option<Timestamp> {
        let mut state = self.state();
        let shut = state.shut.take_if(|shut| shut.is_ajar)?;
        state.opened = state.opened.saturating_add(u64::from(was_delivered));
        Some(shut.since)
    }

    /// A delivery found the destination broken. Where it did so before and another was delivered
    /// since, it is not the destination: gives since when that is known. While the gate is not
    /// open nobody knows.
    pub(super) fn suspect(&self, delivery: DeliveryId, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state();
        let (opened, is_open) = (state.opened, state.shut.is_none());
        let first = Suspect { opened, since: None };
        let suspect = state.suspects.entry(delivery).or_insert(first);
        let again = is_open && (suspect.opened < opened || suspect.since.is_some());
        suspect.opened = opened;
        again.then(|| *suspect.since.get_or_insert(now))
    }

    /// The deliveries that found the destination broken: another one tells more.
    pub(super) fn suspects(&self) -> Vec<DeliveryId> {
        self.state().suspects.keys().copied().collect()
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
    use crate::work::Wake;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_shut_for_ever() {
        let (settings, clock) = (Settings::default(), Clock::stepped(Timestamp::UNIX_EPOCH + HOUR));
        let (now, earlier) = (clock.now(), Timestamp::UNIX_EPOCH);
        let gate = Gate::new(&settings, Wake::default().subscribe());
        let cause = Cause::new(ErrorKind::Unreachable, "nobody answers", "");
        assert!(gate.shut(&clock, &cause).is_some() && gate.is_shut());
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
        let gate = Gate::new(&settings, Wake::default().subscribe());
        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        gate.shut(&clock, &Cause::new(ErrorKind::Forbidden, "no", ""));
        gate.still_shut(&clock, &Finding::error("log in", "no", ""));
        assert_eq!(gate.probe_at(clock.now()), Some(clock.after(probe)));
    }

    #[test]
    fn who_asks_for_deliveries_is_not_kept_waiting_by_what_was_broken() {
        let (settings, asked) = (Settings::default(), Wake::default());
        let (gate, clock) =
            (Gate::new(&settings, asked.subscribe()), Clock::stepped(Timestamp::UNIX_EPOCH));
        let is_probed_in = |wait| gate.probe_at(clock.now()) == Some(clock.after(wait));
        asked.wake();
        gate.shut(&clock, &Cause::new(ErrorKind::Unauthorized, "no", ""));
        assert!(is_probed_in(settings.probe_every), "it was asked for before");
        asked.wake();
        assert!(is_probed_in(SHORTEST));
        clock.step(SHORTEST);
        assert!(is_probed_in(Duration::ZERO));
        gate.asks();
        gate.still_shut(&clock, &Finding::error("log in", "no", ""));
        assert!(is_probed_in(settings.probe_every * 2), "it was asked");
    }
}
