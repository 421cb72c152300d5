//! Which deliveries an operator means.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeliveryId, DeliveryState, DestinationName, ErrorKind, PhotoId, SessionId, Target};

/// All that is given must match; an empty filter matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Any of these deliveries.
    pub ids: Vec<DeliveryId>,
    /// Any of these states.
    pub states: Vec<DeliveryState>,
    /// This destination.
    pub destination: Option<DestinationName>,
    /// This session.
    pub session: Option<SessionId>,
    /// This record, see [`Target::record`].
    pub target: Option<Target>,
    /// This photo.
    pub photo: Option<PhotoId>,
    /// This kind of error.
    pub error: Option<ErrorKind>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
}
