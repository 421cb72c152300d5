//! The fetching: photos that were only announced become photos whose bytes are here.

use std::time::Duration;

/// What the collector runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Downloads under way at once, at least 1.
    pub concurrency: usize,
    /// How long a photo is tried before a person is asked.
    pub give_up_after: Duration,
}
