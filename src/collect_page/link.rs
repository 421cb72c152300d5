//! The link to the page of one record: who has it may open that page until it expires. Pure.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::{Key, Purpose};
use crate::model::{DestinationName, Target};

/// What a link opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The record.
    #[serde(rename = "t")]
    pub target: Target,
    /// The destination that knows it.
    #[serde(rename = "d")]
    pub destination: DestinationName,
    /// When it stops working, in seconds since 1970.
    #[serde(rename = "e")]
    expires_at: i64,
}

/// The last segment of a link's address. Shows itself to [`Signed::reveal`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed(String);

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signed(…)")
    }
}

impl Signed {
    /// The text, for an address. Never log it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Link {
    /// A link to a record until that time, in whole seconds.
    #[must_use]
    pub fn new(target: Target, destination: DestinationName, until: Timestamp) -> Self {
        Self { target, destination, expires_at: until.as_second() }
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &Key) -> Signed {
        // Texts and a number are always JSON.
        let text = serde_json::to_string(self).unwrap_or_default();
        Signed(key.sign(Purpose::Link, &text))
    }

    /// The link that a segment is, with the segment; `None` where it was not signed with this
    /// key, or has expired.
    pub(super) fn verified(key: &Key, segment: &str, now: Timestamp) -> Option<(Self, Signed)> {
        let text = key.verified(Purpose::Link, segment)?;
        let link: Self = serde_json::from_str(&text).ok()?;
        let lasts = now.as_second() < link.expires_at;
        lasts.then(|| (link, Signed(segment.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_link_works_for_its_record_until_it_expires() {
        let secret = SecretString::from("k");
        let key = Key::load(Some(&secret), std::path::Path::new("")).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let to = DestinationName::parse("desk").unwrap();
        let link = Link::new(Target::Freshservice { workspace: Some(2), ticket: 241 }, to, at(10));
        let signed = link.sign(&key);
        assert!(!format!("{signed:?}").contains(signed.reveal()));
        let read = |now| Link::verified(&key, signed.reveal(), at(now)).map(|(link, _)| link);
        assert_eq!(read(9), Some(link));
        assert_eq!(read(10), None);
    }
}
