//! Making sessions: what Apertur is told of the record, and what we keep of the session.
//!
//! It asks Apertur and computes; keeping is the affair of `ops`, printing that of whoever shows.

mod name;
mod qr;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

pub use self::{
    name::{NotFound, find},
    qr::{Qr, QrError},
};
use crate::{
    apertur::{Apertur, ApiError, End, NewSession, Session, SessionChange},
    model::{ErrorKind, Mode, OwnSession, Tag, Target},
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
    let Wish { target, mode, label, session: mut new } = wish;
    let tag = target.to_string();
    if !new.tags.contains(&tag) {
        new.tags.push(tag);
    }
    // A record and a mode are always JSON.
    new.metadata = metadata_of(&target, mode).ok();
    let session = apertur.create_session(&new).await?;
    let asked = match new.end {
        Some(End::Hours(hours)) => now.checked_add(SignedDuration::from_hours(hours.into())).ok(),
        Some(End::At(at)) => Some(at),
        None => now.checked_add(LONGEST_LIFE).ok(),
    };
    // Whatever is said: not every time can be written down.
    let latest = now.checked_add(FARTHEST_END).unwrap_or(now);
    let own = OwnSession {
        session: session.id.clone(),
        target,
        mode,
        label,
        link: Some(session.link.clone()),
        environment: session.environment.unwrap_or(apertur.environment()),
        long_polling: session.long_polling,
        tags: new.tags.iter().map(|tag| Tag::from_text(tag)).collect(),
        created_at: now,
        expires_at: session.expires_at.or(asked).unwrap_or(now).min(latest),
        closed_at: None,
    };
    Ok(Made { own, session })
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
/// belong to the same record.
pub async fn close(apertur: &Apertur, own: &OwnSession, now: Timestamp) -> Closed {
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
                own.expires_at = end;
                return Closed { own, left_open: None };
            }
            // Nobody can upload there any more, which is what was wanted.
            Err(ApiError { status: Some(404 | 409 | 410), .. }) => {
                own.expires_at = now;
                return Closed { own, left_open: None };
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
    Closed { own, left_open }
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
