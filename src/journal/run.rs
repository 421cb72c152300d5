//! One page of a run, and what is told of many deliveries at once.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{By, DeliveryId, DestinationName, Filter, Planned, RunId, Verb};

/// A run that is to begin.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What is done.
    pub verb: Verb,
    /// With which deliveries.
    pub filter: Filter,
    /// Who asks for it.
    pub by: By,
    /// How many match now.
    pub matching: u64,
}

/// A delivery that a run asks for, as far as it has to be known to plan it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub delivery: DeliveryId,
    /// Where it goes.
    pub destination: Option<DestinationName>,
}

/// The next deliveries of a run.
#[derive(Debug, Clone)]
pub struct Page {
    /// The run.
    pub run: RunId,
    /// Its cursor when they were looked up: one that went on since is left as it is.
    pub after: DeliveryId,
    /// By number, each with the way it may go.
    pub steps: Vec<(DeliveryId, Way)>,
    /// Whether none comes after them.
    pub is_last: bool,
    /// The time.
    pub now: Timestamp,
    /// When what is in doubt can be looked for.
    pub look_at: Timestamp,
}

/// Where a delivery may go that is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// To its destination.
    On,
    /// Its destination is none, or not configured: as planned now, to at least one.
    Again(Vec<Planned>),
    /// Nowhere: nobody wants it.
    Nowhere,
}

/// What happened between two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Since when.
    pub at: Timestamp,
    /// Photos that were received.
    pub received: u64,
    /// Deliveries that were delivered.
    pub delivered: u64,
    /// Deliveries that are held since.
    pub held: u64,
}

/// The oldest photo that a destination has not got yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oldest {
    /// The destination.
    pub destination: DestinationName,
    /// The delivery that is `waiting`, `due` or `sending`.
    pub delivery: DeliveryId,
    /// When the photo was received.
    pub received_at: Timestamp,
}
