//! How often somebody may try: a guest at passwords and marks, the page of a record at what asks
//! other systems.

use std::time::Duration;

use crate::{
    model::Target,
    pages::{Gate, Tries},
    system::Clock,
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Every gate of the page.
#[derive(Debug)]
pub(super) struct Gates {
    /// Passwords.
    pub(super) logins: Tries,
    /// Marks that another system is asked about.
    pub(super) marks: Tries,
    /// Records whose names other systems are asked for.
    pub(super) lookups: Gate<Target>,
    /// Sessions.
    pub(super) makes: Gate<Target>,
    /// Messages.
    pub(super) tells: Gate<Target>,
}

impl Gates {
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            logins: Tries::new((20, seconds(10)), (100, seconds(2)), clock),
            marks: Tries::new((20, seconds(3)), (60, seconds(1)), clock),
            lookups: Gate::new((20, seconds(5)), (120, seconds(1)), clock),
            makes: Gate::new((10, seconds(30)), (60, seconds(2)), clock),
            tells: Gate::new((5, seconds(60)), (30, seconds(5)), clock),
        }
    }
}
