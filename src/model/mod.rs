//! The words of the bridge: photo, target, delivery, attempt, failure.
//!
//! Pure data and the rules that need nothing but the data. No I/O, no clock, no other room.

mod delivery;
mod failure;
mod filter;
mod finding;
mod ids;
mod kind;
mod photo;
mod printable;
mod run;
mod session;
mod target;
mod verb;

pub use delivery::{Attempt, AttemptOutcome, Delivery, DeliveryState, Planned, Receipt, Step};
pub use failure::{Cause, ErrorKind, Failure};
pub use filter::{Filter, InvalidText};
pub use finding::{Finding, Severity};
pub use ids::{
    AttemptId, DeliveryId, DestinationName, ImageId, InvalidId, PhotoId, RunId, SessionId,
};
pub use kind::Kind;
pub use photo::{Digest, FetchState, Photo, Scheme, Shape, Tag};
pub use printable::printable;
pub use run::{Foreseen, Left, Preview, Run, RunState, Tally};
pub use session::{Environment, InvalidLink, OwnSession, SessionLink};
pub use target::{InvalidTarget, Mode, Target, correction, ticket_number};
pub use verb::{Action, By, InvalidReason, Reason, Verb};
