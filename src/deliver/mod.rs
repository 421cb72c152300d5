//! The sending: due deliveries are attempted and settled.

use std::time::Duration;

/// What the sender runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Wait after the first failure.
    pub first_delay: Duration,
    /// Longest wait between two attempts.
    pub max_delay: Duration,
    /// How long a delivery is tried before a person is asked.
    pub give_up_after: Duration,
    /// Longest time of one attempt.
    pub deadline: Duration,
    /// How often a broken destination is looked at.
    pub probe_every: Duration,
}
