//! One photo on its way to one destination.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AttemptId, Cause, DeliveryId, DestinationName, Mode, Photo, Target, photo::words};

words!(
    /// Where a delivery stands.
    DeliveryState {
        /// The photo's bytes are not here yet.
        Waiting = "waiting",
        /// To be sent at its time.
        Due = "due",
        /// An attempt is under way, or was when the daemon ended.
        Sending = "sending",
        /// Stored at the destination.
        Delivered = "delivered",
        /// Only a person can help.
        Held = "held",
        /// Given up by a person.
        Dropped = "dropped",
    }
);

words!(
    /// How an attempt ended.
    AttemptOutcome {
        /// Under way; after a crash: nobody knows.
        Open = "open",
        /// Stored, now or found there.
        Done = "done",
        /// Surely not stored; goes on by schedule.
        Later = "later",
        /// May be stored.
        Unknown = "unknown",
        /// Refused for good.
        Refused = "refused",
        /// The destination as a whole does not work.
        Broken = "broken",
        /// The daemon stopped before anything was sent: does not count.
        Cancelled = "cancelled",
    }
);

/// A step of a delivery that was written down so that the next attempt goes on from there,
/// for instance `attachment` = `77`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The step's name within its destination type.
    pub name: String,
    /// What came of it.
    pub value: String,
}

/// What a destination gave for a stored photo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Names and numbers at the other side: `attachment` = `77`, `message` = `1203`,
    /// `key` = `uploads/a.jpg`.
    pub ids: Vec<Step>,
    /// Where a person can see it, if there is such a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Something the operator should know, such as a fallback that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it was there before this attempt.
    #[serde(default)]
    pub found: bool,
}

impl Receipt {
    /// A receipt with one id.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.ids.push(Step { name: name.to_owned(), value: value.to_string() });
        self
    }
}

/// A delivery that the plan asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where to; `None` records that no destination wants the photo.
    pub destination: Option<DestinationName>,
    /// The record it belongs to.
    pub target: Option<Target>,
    /// The mode that was asked for.
    pub mode: Option<Mode>,
}

/// One photo for one destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// The photo.
    pub photo: Photo,
    /// Where it goes; `None` while no destination wants the photo (`unrouted`).
    pub destination: Option<DestinationName>,
    /// The record it belongs to.
    pub target: Option<Target>,
    /// The mode; `None` lets the destination use its default.
    pub mode: Option<Mode>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts that counted.
    pub attempts: u32,
    /// When it is to be tried next; meaningful while `due`.
    pub due_at: Timestamp,
    /// When it became `due` first (or was replayed): the start of `give_up_after`.
    pub since: Timestamp,
    /// Whether an earlier attempt ended without an answer.
    pub unsure: bool,
    /// What earlier attempts wrote down.
    pub steps: Vec<Step>,
    /// Why the last attempt failed, or why it is held.
    pub cause: Option<Cause>,
    /// What the destination gave.
    pub receipt: Option<Receipt>,
    /// When it reached `delivered`, `held` or `dropped`.
    pub settled_at: Option<Timestamp>,
}

impl Delivery {
    /// The value of a step that an earlier attempt wrote down.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&str> {
        self.steps.iter().rfind(|s| s.name == name).map(|s| s.value.as_str())
    }
}

/// One try, of a delivery or of fetching a photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// Its number.
    pub id: AttemptId,
    /// The delivery; `None` for a fetch.
    pub delivery: Option<DeliveryId>,
    /// When it was written down, before anything was sent.
    pub started_at: Timestamp,
    /// When it was settled.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Why it did not end well.
    pub cause: Option<Cause>,
}
