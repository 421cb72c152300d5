//! One change of many deliveries: what is asked for, how far it came, what was left and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    By, DeliveryId, DeliveryState, DestinationName, ErrorKind, Filter, RunId, SessionId, Verb,
    photo::words,
};

words!(
    /// Where a run stands.
    RunState {
        /// Carried out, page by page, by the process that owns the journal.
        Running = "running",
        /// Stopped by a person; it can go on.
        Stopped = "stopped",
        /// Every delivery that it asks for was looked at.
        Done = "done",
    }
);

words!(
    /// Why a delivery was left as it was.
    #[derive(PartialOrd, Ord)]
    Left {
        /// It is delivered.
        Delivered = "delivered",
        /// An attempt is under way.
        UnderWay = "under_way",
        /// A person gave it up.
        Dropped = "dropped",
        /// A person holds it.
        OnHold = "on_hold",
        /// It is held already.
        HeldAlready = "held_already",
        /// No person holds it.
        NotOnHold = "not_on_hold",
        /// No destination wants it, or its own is not configured any more.
        Unrouted = "unrouted",
        /// Its bytes were removed by retention.
        Expired = "expired",
        /// Another photo with the same bytes goes to the same place.
        SamePhoto = "same_photo",
        /// It is gone, or no longer what was asked for.
        Changed = "changed",
    }
);

impl Left {
    /// Why, for a person, after a number: `3 are delivered already`; with the next step where
    /// there is one.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Delivered => "delivered already; a replay takes them with --force",
            Self::UnderWay => "under way just now",
            Self::Dropped => "given up by a person",
            Self::OnHold => "held by a person; `deliveries release` lets them go on",
            Self::HeldAlready => "held already",
            Self::NotOnHold => "not held by a person; `deliveries replay` sends them again",
            Self::Unrouted => "wanted by no destination that is configured",
            Self::Expired => "without their bytes, which retention removed",
            Self::SamePhoto => {
                "left to another photo with the same bytes; a replay that names them takes them \
                 with --force"
            }
            Self::Changed => "no longer what was asked for",
        }
    }
}

/// A change of every delivery that matches a filter, kept in the journal so that it goes on
/// after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What is done.
    #[serde(flatten)]
    pub verb: Verb,
    /// With which deliveries; written out with the fingerprint of a session in its place.
    #[serde(serialize_with = "without_session")]
    pub filter: Filter,
    /// Who asked for it.
    pub by: By,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was done or stopped.
    pub ended_at: Option<Timestamp>,
    /// Where it stands.
    pub state: RunState,
    /// The last delivery that was looked at; 0 before the first.
    pub cursor: DeliveryId,
    /// The last one it asks for: none that was made after its beginning.
    pub upto: DeliveryId,
    /// How many matched when it began.
    pub matching: u64,
    /// What became of those looked at.
    pub tally: Tally,
}

impl Run {
    /// Whether it asks for more than 100 deliveries: what it sends comes after the rest then.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.matching > Filter::FEW
    }
}

fn without_session<S: Serializer>(filter: &Filter, to: S) -> Result<S::Ok, S::Error> {
    let shown = |session: &SessionId| SessionId::parse(&session.to_string()).ok();
    let session = filter.session.as_ref().and_then(shown);
    Filter { session, ..filter.clone() }.serialize(to)
}

/// What became of deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Changed as asked.
    pub done: u64,
    /// Of these, those whose photo is fetched again first.
    pub fetching: u64,
    /// Of these, those that go where the routes say now.
    pub routed: u64,
    /// Left as they were, by reason.
    pub left: BTreeMap<Left, u64>,
    /// Those that could not be read or changed.
    pub failed: u64,
}

impl Tally {
    /// How many were left as they were.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.values().sum()
    }

    /// How many were looked at.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.done + self.left() + self.failed
    }
}

/// What a run would do now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// How many would be changed.
    pub changes: u64,
    /// How many would be left as they are.
    pub left: u64,
    /// The same by destination, state, last error and reason.
    pub counts: Vec<Foreseen>,
}

/// What a run would do now with deliveries of a sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// Their destination; `None` for unrouted photos.
    pub destination: Option<DestinationName>,
    /// Their state.
    pub state: DeliveryState,
    /// The kind of their last error, if there was one.
    pub error: Option<ErrorKind>,
    /// Why they would be left as they are; `None`: they would be changed.
    pub left: Option<Left>,
    /// How many.
    pub count: u64,
}

impl Preview {
    /// Sums up what is foreseen.
    #[must_use]
    pub fn of(counts: Vec<Foreseen>) -> Self {
        let sum = |is_left| {
            let of = counts.iter().filter(|foreseen| foreseen.left.is_some() == is_left);
            of.map(|foreseen| foreseen.count).sum()
        };
        Self { changes: sum(false), left: sum(true), counts }
    }
}
