//! What keeps a destination from being called: the gate, shut while it is broken and opened by a
//! successful probe, and the waits after rate limits that name no time.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{Settings, delay};
use crate::system::Clock;

/// Open, or shut until a probe succeeds.
#[derive(Debug)]
pub(super) struct Gate {
    every: Duration,
    shut: Mutex<Option<Shut>>,
}

#[derive(Debug, Clone, Copy)]
struct Shut {
    since: Timestamp,
    probe_at: Timestamp,
}

impl Gate {
    /// An open gate; once shut, probes come in this distance.
    pub(super) fn new(every: Duration) -> Self {
        Self { every, shut: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, Option<Shut>> {
        self.shut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next probe is due; `None` while open.
    pub(super) fn probe_at(&self) -> Option<Timestamp> {
        self.state().map(|shut| shut.probe_at)
    }

    /// Shuts it until a probe; `false` when it was shut already.
    pub(super) fn shut(&self, clock: &Clock) -> bool {
        let mut state = self.state();
        if state.is_some() {
            return false;
        }
        *state = Some(Shut { since: clock.now(), probe_at: clock.after(self.every) });
        true
    }

    /// A probe failed: the next one later.
    pub(super) fn still_shut(&self, clock: &Clock) {
        if let Some(shut) = self.state().as_mut() {
            shut.probe_at = clock.after(self.every);
        }
    }

    /// A probe succeeded; gives the time since when it was shut.
    pub(super) fn open(&self) -> Option<Timestamp> {
        self.state().take().map(|shut| shut.since)
    }
}

/// The waits of all that goes to a destination which says that it is too much, but not for how
/// long. They grow for as long as nothing is delivered.
#[derive(Debug, Default)]
pub(super) struct Slow(Mutex<Option<Waits>>);

#[derive(Debug, Clone, Copy)]
struct Waits {
    count: u32,
    until: Timestamp,
}

impl Slow {
    /// Until when nothing is to be sent; the beginning of time where nothing speaks against it.
    pub(super) fn until(&self) -> Timestamp {
        self.state().map_or(Timestamp::MIN, |waits| waits.until)
    }

    /// It is still too much; gives the end of the wait. Those under way at once wait once.
    pub(super) fn again(&self, now: Timestamp, settings: &Settings, spread: f64) -> Timestamp {
        let mut state = self.state();
        let waits = state.get_or_insert(Waits { count: 0, until: now });
        if waits.until <= now {
            waits.count = waits.count.saturating_add(1);
            let wait = delay(settings.first_delay, settings.max_delay, waits.count, spread);
            let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
            waits.until = now.checked_add(wait).unwrap_or(Timestamp::MAX);
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
