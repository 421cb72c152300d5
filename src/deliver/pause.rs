//! The gate before a destination: shut while it is broken, opened by a successful probe.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

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
