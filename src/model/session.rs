//! The upload sessions that the bridge made itself.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DestinationName, Mode, SessionId, Tag, Target, photo::words};

words!(
    /// Which Apertur a session lives in.
    Environment {
        /// The one whose photos count.
        Live = "live",
        /// The sandbox: sessions are free there and photos get a watermark.
        Sandbox = "sandbox",
    }
);

/// The address where a guest uploads photos. Who has it may upload, so it prints as nothing;
/// [`SessionLink::reveal`] gives the text to the code that was asked for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionLink(String);

/// Why a text is no link to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the link to the session is no http or https address")]
pub struct InvalidLink;

impl SessionLink {
    /// Longest link taken, in bytes: a QR code holds no more that a phone still reads.
    const MAX: usize = 1000;

    /// Takes an http or https address of at most 1000 bytes without white space or control
    /// characters.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn parse(text: &str) -> Result<Self, InvalidLink> {
        let is_address = ["https://", "http://"].iter().any(|scheme| {
            text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic());
        if !is_address || !is_plain || text.len() > Self::MAX {
            return Err(InvalidLink);
        }
        Ok(Self(text.to_owned()))
    }

    /// The address itself. Never log or measure it; print it only where a person asked for it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionLink(…)")
    }
}

/// A session that the bridge made: where its photos belong, whatever they say themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnSession {
    /// The session.
    pub session: SessionId,
    /// The record.
    pub target: Target,
    /// The destination whose record is meant; `None` where every destination of the record's
    /// type takes the photos.
    pub destination: Option<DestinationName>,
    /// How visible photos are there; `None` leaves it to their metadata, else to the destination.
    pub mode: Option<Mode>,
    /// What a person called it.
    pub label: Option<String>,
    /// Where guests upload.
    pub link: Option<SessionLink>,
    /// Which Apertur it lives in.
    pub environment: Environment,
    /// Whether its photos wait at Apertur until they are taken by polling.
    pub long_polling: bool,
    /// Its tags: a photo that is polled for or asked for by its id does not bring them.
    pub tags: Vec<Tag>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, as Apertur said last.
    pub expires_at: Timestamp,
    /// When a person closed it.
    pub closed_at: Option<Timestamp>,
}

impl OwnSession {
    /// Whether photos may still be uploaded, as far as is known here.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.closed_at.is_none() && now < self.expires_at
    }

    /// When photos could no more be uploaded: at its end, or when a person closed it.
    #[must_use]
    pub fn ended_at(&self) -> Timestamp {
        self.closed_at.map_or(self.expires_at, |closed| closed.min(self.expires_at))
    }

    /// Whether it is a session for this record ([`Target::record`]) of this destination.
    #[must_use]
    pub fn is_for(&self, target: &Target, destination: &DestinationName) -> bool {
        self.target.record() == target.record()
            && self.destination.as_ref().is_none_or(|own| own == destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_an_address_and_shows_itself_only_when_asked() {
        let link = SessionLink::parse("https://u.aptr.ca/s/hush").unwrap();
        assert_eq!(link.reveal(), "https://u.aptr.ca/s/hush");
        assert!(!format!("{link:?}").contains("hush"));
        let long = format!("https://u.aptr.ca/{}", "a".repeat(1000));
        for text in ["", "u.aptr.ca", "https://", "https:///x", "javascript:x", "http://a b", &long]
        {
            assert_eq!(SessionLink::parse(text), Err(InvalidLink), "{text}");
        }
    }

    #[test]
    fn a_session_is_open_until_it_ends_or_is_closed() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut session = OwnSession {
            session: SessionId::parse("s-1").unwrap(),
            target: Target::Zendesk { ticket: 9 },
            destination: None,
            mode: None,
            label: None,
            link: None,
            environment: Environment::Live,
            long_polling: false,
            tags: Vec::new(),
            created_at: at(0),
            expires_at: at(10),
            closed_at: None,
        };
        assert_eq!([0, 9, 10].map(|now| session.is_open(at(now))), [true, true, false]);
        assert_eq!(session.ended_at(), at(10));
        session.closed_at = Some(at(5));
        assert!(!session.is_open(at(5)));
        assert_eq!(session.ended_at(), at(5));
    }
}
