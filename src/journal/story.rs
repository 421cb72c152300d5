//! What is told of photos, deliveries and destinations.

use jiff::Timestamp;

use crate::model::{
    Action, Attempt, Cause, Delivery, DeliveryState, DestinationName, ErrorKind, FetchState, Photo,
};

/// Why and since when a destination gets nothing.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Pause {
    /// The destination.
    pub destination: DestinationName,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// Everything known about one photo.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Story {
    /// The photo.
    pub photo: Photo,
    /// Where its bytes are.
    pub fetch_state: FetchState,
    /// Why the last fetch failed, if it did.
    pub fetch_cause: Option<Cause>,
    /// When the next fetch is due, while `wanted`.
    pub fetch_due_at: Option<Timestamp>,
    /// Its deliveries, oldest first.
    pub deliveries: Vec<Delivery>,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// What people did with its deliveries, oldest first.
    pub actions: Vec<Action>,
}

/// How many deliveries there are of a sort.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// The destination; `None` for unrouted photos.
    pub destination: Option<DestinationName>,
    /// The state.
    pub state: DeliveryState,
    /// The kind of the last error, if there was one.
    pub error: Option<ErrorKind>,
    /// How many.
    pub count: u64,
}
