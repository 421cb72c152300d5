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
mod session;
mod target;

pub use delivery::{Attempt, AttemptOutcome, Delivery, DeliveryState, Planned, Receipt, Step};
pub use failure::{Cause, ErrorKind, Failure};
pub use filter::Filter;
pub use finding::{Finding, Severity};
pub use ids::{AttemptId, DeliveryId, DestinationName, ImageId, InvalidId, PhotoId, SessionId};
pub use kind::Kind;
pub use photo::{Digest, FetchState, Photo, Scheme, Shape, Tag};
pub use printable::printable;
pub use session::{Environment, InvalidLink, OwnSession, SessionLink};
pub use target::{InvalidTarget, Mode, Target, correction, ticket_number};
