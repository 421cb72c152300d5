//! The fake's own time: that of the machine, set forward by whoever tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// A clock that can be set forward. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeClock(Arc<AtomicI64>);

impl FakeClock {
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.0.load(Ordering::SeqCst));
        Timestamp::now().checked_add(ahead).unwrap()
    }

    pub(crate) fn step(&self, by: Duration) {
        self.0.fetch_add(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    /// Sets it forward to this time, if that is yet to come.
    pub(crate) fn step_to(&self, at: Timestamp) {
        let by = at.duration_since(self.now());
        self.step(Duration::try_from(by).unwrap_or_default() + Duration::from_millis(1));
    }
}
