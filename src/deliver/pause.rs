//! The gate before a destination: shut while it is broken, opened by a successful probe.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::system::Clock;

/// Longest wait between probes.
const LONGEST: Duration = Duration::from_mins(10);

/// Open, or shut until a probe succeeds.
#[derive(Debug)]
pub(super) struct Gate {
    first: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shut: Option<Shut>,
    /// Waits used since the destination last worked: a probe can succeed where sending fails.
    waits: u32,
}

impl State {
    fn wait(&mut self, first: Duration) -> Duration {
        let wait = first.saturating_mul(2_u32.pow(self.waits)).min(LONGEST);
        self.waits = (self.waits + 1).min(16);
        wait
    }
}

#[derive(Debug, Clone, Copy)]
struct Shut {
    since: Timestamp,
    probe_at: Timestamp,
}

impl Gate {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next probe is due; `None` while open.
    pub(super) fn probe_at(&self) -> Option<Timestamp> {
        self.state().shut.map(|shut| shut.probe_at)
    }

    /// Shuts it until a probe; `false` when it was shut already.
    pub(super) fn shut(&self, clock: &Clock) -> bool {
        let mut state = self.state();
        if state.shut.is_some() {
            return false;
        }
        let probe_at = clock.after(state.wait(self.first));
        state.shut = Some(Shut { since: clock.now(), probe_at });
        true
    }

    /// A probe failed: the next one later.
    pub(super) fn still_shut(&self, clock: &Clock) {
        let mut state = self.state();
        let probe_at = clock.after(state.wait(self.first));
        if let Some(shut) = &mut state.shut {
            shut.probe_at = probe_at;
        }
    }

    /// A probe succeeded; gives the time since when it was shut.
    pub(super) fn open(&self) -> Option<Timestamp> {
        self.state().shut.take().map(|shut| shut.since)
    }

    /// Something was delivered: the next pause begins with short waits again.
    pub(super) fn works(&self) {
        self.state().waits = 0;
    }
}
