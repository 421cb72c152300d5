//! How the bridge does, at one look.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::Ops;
use crate::{
    journal::{Count, JournalError, Moment, Oldest, Pause},
    model::Filter,
};

/// The time that an overview tells of, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// 24 hours, hour by hour.
    Day,
    /// 7 days, in steps of 6 hours.
    Week,
    /// 30 days, day by day.
    Month,
}

impl Span {
    /// The length of a step, and their number.
    #[must_use]
    pub fn steps(self) -> (Duration, usize) {
        match self {
            Self::Day => (Duration::from_hours(1), 24),
            Self::Week => (Duration::from_hours(6), 28),
            Self::Month => (Duration::from_hours(24), 30),
        }
    }
}

/// How the bridge does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// The time it was made at.
    pub at: Timestamp,
    /// Deliveries by destination, state and last error.
    pub counts: Vec<Count>,
    /// The oldest photo that each destination has not got yet.
    pub oldest: Vec<Oldest>,
    /// Destinations that get nothing now, and why.
    pub pauses: Vec<Pause>,
    /// What happened, step by step, oldest first; the last step is under way. Steps begin at
    /// multiples of their length since 1970 (UTC).
    pub timeline: Vec<Moment>,
}

impl Ops {
    /// How the bridge does, and what happened in the time up to now.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn overview(&self, span: Span) -> Result<Overview, JournalError> {
        let at = self.clock.now();
        let (step, steps) = span.steps();
        let length = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let before = i64::try_from(steps).unwrap_or(1) - 1;
        let begun = at.as_millisecond().div_euclid(length) - before;
        let since = Timestamp::from_millisecond(begun * length).unwrap_or(at);
        Ok(Overview {
            at,
            counts: self.journal.count(&Filter::default()).await?,
            oldest: self.journal.oldest_open().await?,
            pauses: self.journal.pauses().await?,
            timeline: self.journal.timeline(since, step, steps).await?,
        })
    }
}
