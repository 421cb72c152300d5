//! Retention: bytes go first, rows later.

use std::time::Duration;

/// How long settled photos are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long the bytes.
    pub bytes: Duration,
    /// How long the history, not shorter.
    pub rows: Duration,
}
