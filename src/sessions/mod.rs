//! Making sessions: what Apertur is told of the record, and what we keep of the session.
//!
//! It asks Apertur and computes, and has destinations tell the people of a record; keeping is the
//! affair of `ops`, printing that of whoever shows.

mod messenger;
mod name;
mod qr;
mod wish;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

pub use self::{
    messenger::{Messenger, NoMessenger, Sent},
    name::{NotFound, find, named},
    qr::{Qr, QrError},
    wish::{InvalidLabel, InvalidPicture, NoDestination, choose, label, names_other, picture},
};
use crate::{
    apertur::{Apertur, ApiError, End, NewSession, Session, SessionChange},
    model::{Cause, DestinationName, Environment, ErrorKind, Mode, OwnSession, Tag, Target},
    webhook::metadata_of,
};

/// Longest life of a session at Apertur (`fixtures/contracts/apertur.md`, section 6).
pub const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(168);
/// No session ends later than this from now.
const FARTHEST_END: SignedDuration = SignedDuration::from_hours(366 * 24);
/// How soon a closed session ends at Apertur, shortest first: its least is not known
/// (`fixtures/contracts/open-questions.md`, B18).
const SOON: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(1)];

/// A session that somebody wants.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The record that its photos belong to.
    pub target: Target,
    /// The destination whose record it is; `None`: every one of its type.
    pub destination: Option<DestinationName>,
    /// How visible they are there; `None` leaves it to the destination.
    pub mode: Option<Mode>,
    /// What it is to be called here.
    pub label: Option<String>,
    /// The rest. Tags and metadata are added.
    pub session: NewSession,
}

/// A session that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// What is to be kept of it.
    pub own: OwnSession,
    /// What Apertur said.
    pub session: Session,
}

impl Made {
    /// Whether none of its destinations posts to us: its photos then come only by an event
    /// webhook of the project.
    #[must_use]
    pub fn posts_nowhere(&self) -> bool {
        let posts = |kind: &str| matches!(kind, "webhook" | "odoo");
        !self.session.long_polling && !self.session.destinations.iter().any(|to| posts(&to.kind))
    }
}

/// Makes a session at Apertur. Its tags and its metadata name the record, too, so that whatever
/// else is told of its photos knows it (`fixtures/contracts/open-questions.md`, D1).
///
/// # Errors
/// When Apertur does not make it.
pub async fn make(apertur: &Apertur, wish: Wish, now: Timestamp) -> Result<Made, ApiError> {
    let Wish { target, destination, mode, label, session: mut new } = wish;
    // Of several tags that name a record the first one counts.
    let tag = target.to_string();
    new.tags.retain(|other| *other != tag);
    new.tags.insert(0, tag);
    // A record and a mode are always JSON.
    new.metadata = metadata_of(&target, mode).ok();
    let session = apertur.create_session(&new).await.map_err(perhaps_made)?;
    let own = OwnSession {
        session: session.id.clone(),
        target,
        destination,
        mode,
        label,
        link: Some(session.link.clone()),
        environment: session.environment.unwrap_or(apertur.environment()),
        long_polling: session.long_polling,
        tags: new.tags.iter().map(|tag| Tag::from_text(tag)).collect(),
        created_at: now,
        expires_at: end_of(session.expires_at, new.end, now),
        closed_at: None,
    };
    Ok(Made { own, session })
}

/// Where nobody knows whether there is a session now, a second try could make a second one.
fn perhaps_made(error: ApiError) -> ApiError {
    if !error.unsure {
        return error;
    }
    let fix = "a session may have been made: look at `apertur-bridge sessions list --remote` \
               first, and only make another if it is not there";
    ApiError { cause: Cause { fix: fix.to_owned(), ..error.cause }, ..error }
}

/// When a new session ends: as Apertur says, else as was asked for. What is past is no end of a
/// session that was just made, and not every time can be written down.
fn end_of(said: Option<Timestamp>, asked: Option<End>, now: Timestamp) -> Timestamp {
    let after = |life| now.saturating_add(life).unwrap_or(Timestamp::MAX);
    let asked = match asked {
        Some(End::Hours(hours)) => after(SignedDuration::from_hours(hours.into())),
        Some(End::At(at)) => at,
        None => after(LONGEST_LIFE),
    };
    let ends = [said, Some(asked)].into_iter().flatten().find(|end| *end > now);
    ends.unwrap_or_else(|| after(LONGEST_LIFE)).min(after(FARTHEST_END))
}

/// A session of the other environment than the API key: what Apertur says with that key of such
/// a session means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the session is one of Apertur's {} environment and apertur.api_key belongs to the other one, \
     so nothing was asked; run this with a key of that environment",
    .0.as_str()
)]
pub struct OtherEnvironment(pub Environment);

/// Whether guests still upload to a session that was closed here, because Apertur did not shorten
/// its life: closing it again may.
#[must_use]
pub fn lives_on(own: &OwnSession, now: Timestamp) -> bool {
    let closed = own.closed_at.filter(|_| now < own.expires_at);
    let soon = SOON.into_iter().max().unwrap_or_default();
    closed.is_some_and(|at| at.checked_add(soon).is_ok_and(|end| end < own.expires_at))
}

/// What became of closing a session.
#[derive(Debug, Clone)]
pub struct Closed {
    /// What is to be kept of it.
    pub own: OwnSession,
    /// Why Apertur did not shorten its life, if it did not: the link works until it ends.
    pub left_open: Option<ApiError>,
}

/// Closes a session: here at once, at Apertur as soon as it lets us. Photos that still come
/// belong to the same record. A session that Apertur does not know is left open: it may be known
/// to another key.
///
/// # Errors
/// When the API key says that it belongs to the other environment; nothing was asked or changed.
pub async fn close(
    apertur: &Apertur,
    own: &OwnSession,
    now: Timestamp,
) -> Result<Closed, OtherEnvironment> {
    if apertur.key_says().is_some_and(|environment| environment != own.environment) {
        return Err(OtherEnvironment(own.environment));
    }
    let mut own = own.clone();
    own.closed_at = own.closed_at.or(Some(now));
    let mut left_open = None;
    for soon in SOON {
        let Ok(end) = now.checked_add(soon) else { continue };
        if end >= own.expires_at {
            // It ends by itself before that.
            left_open = None;
            break;
        }
        let change = SessionChange { expires_at: Some(end), ..SessionChange::default() };
        match apertur.update_session(&own.session, &change).await {
            Ok(()) => {
                own.closed_at = Some(now);
                own.expires_at = end;
                return Ok(Closed { own, left_open: None });
            }
            // Nobody can upload there any more, which is what was wanted.
            Err(ApiError { status: Some(409 | 410), .. }) => {
                own.expires_at = now;
                return Ok(Closed { own, left_open: None });
            }
            Err(error) => {
                let too_soon = error.cause.kind == ErrorKind::Rejected;
                left_open = Some(error);
                if !too_soon {
                    break;
                }
            }
        }
    }
    Ok(Closed { own, left_open })
}

/// Why a text cannot be a session's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session's password has 4 to 128 characters")]
pub struct InvalidPassword;

/// Takes 4 to 128 characters (`fixtures/contracts/open-questions.md`, B19).
///
/// # Errors
/// When it has fewer or more.
pub fn password(text: SecretString) -> Result<SecretString, InvalidPassword> {
    let length = text.expose_secret().chars().count();
    if (4..=128).contains(&length) { Ok(text) } else { Err(InvalidPassword) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_was_just_made_has_not_ended_whatever_is_said() {
        let now: Timestamp = "2027-01-15T08:00:00Z".parse().unwrap();
        let at = |hours| now.checked_add(SignedDuration::from_hours(hours)).unwrap();
        for (said, asked, ends) in [
            (Some(at(5)), Some(End::Hours(3)), at(5)),
            (Some(at(-1)), Some(End::Hours(3)), at(3)),
            (Some(now), Some(End::At(at(2))), at(2)),
            (None, Some(End::At(at(2))), at(2)),
            (None, Some(End::At(at(-2))), at(168)),
            (Some(Timestamp::UNIX_EPOCH), None, at(168)),
            (Some(Timestamp::MAX), None, at(366 * 24)),
        ] {
            assert_eq!(end_of(said, asked, now), ends, "{said:?} {asked:?}");
        }
    }
}
