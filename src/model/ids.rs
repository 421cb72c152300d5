//! Identifiers, each its own type, parsed once at the edge.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Why a text cannot be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {why}")]
pub struct InvalidId {
    what: &'static str,
    why: &'static str,
}

/// Longest identifier accepted from outside, in bytes.
const MAX_ID: usize = 200;

fn checked(what: &'static str, text: &str) -> Result<String, InvalidId> {
    let why = match text {
        "" => "is empty",
        t if t.len() > MAX_ID => "is longer than 200 bytes",
        t if t.chars().any(|c| c.is_control() || c.is_whitespace()) => {
            "holds white space or control characters"
        }
        _ => return Ok(text.to_owned()),
    };
    Err(InvalidId { what, why })
}

/// Apertur's image id (`data.id`, `image_id`, `record_id`: one and the same).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageId(String);

impl ImageId {
    /// Takes 1 to 200 bytes without white space or control characters.
    ///
    /// # Errors
    /// When the text is empty, too long or holds such characters.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        checked("the image id", text).map(Self)
    }

    /// The id under which a photo is passed on: what made it one photo here.
    #[must_use]
    pub fn of_photo(photo: &PhotoId) -> Self {
        Self(photo.0.clone())
    }

    /// The id as Apertur wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An Apertur upload session id. It works like a password for guests, so it prints only as a
/// short fingerprint; [`SessionId::reveal`] gives the text to the code that must send it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    /// Takes 1 to 200 bytes without white space or control characters.
    ///
    /// # Errors
    /// When the text is empty, too long or holds such characters.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        checked("the session id", text).map(Self)
    }

    /// The id itself. Never log, print or measure it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Eight hex digits that tell sessions apart for people without giving one away. Of very
    /// many sessions two may have the same: see [`SessionId::mark`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(&Sha256::digest(self.0.as_bytes())[..4])
    }

    /// 32 hex digits, which begin with the fingerprint, that stand for the id in addresses: no
    /// two sessions have the same, and nobody finds another id that has it.
    #[must_use]
    pub fn mark(&self) -> String {
        hex::encode(&Sha256::digest(self.0.as_bytes())[..16])
    }

    /// A text with this id's fingerprint in its place; a short one is an id only where it stands
    /// as a word.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        without(text, &self.0, &self.to_string())
    }
}

/// Replaces an id; a short one only where it stands as a word: it is part of other words.
fn without(text: &str, id: &str, by: &str) -> String {
    if id.chars().count() >= 8 {
        return text.replace(id, by);
    }
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(id).filter(|_| !id.is_empty()) {
        let (before, found) = rest.split_at(at);
        let after = &found[id.len()..];
        kept.push_str(before);
        let is_word = !is_part(kept.chars().next_back()) && !is_part(after.chars().next());
        kept.push_str(if is_word { by } else { id });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session~{}", self.fingerprint())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What makes one photo one photo, everywhere: Apertur's image id where the signature covers
/// it, else `sha256-` and 48 hex digits of a digest of the bytes and of the record they belong to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhotoId(String);

impl PhotoId {
    /// The id of a photo whose image id the signature covers.
    #[must_use]
    pub fn of_image(image: &ImageId) -> Self {
        Self(image.0.clone())
    }

    /// The id of a photo that is known only by its bytes, and by the record that the event
    /// names, if it does: the same picture for two records ([`super::Target::record`]) is two
    /// photos.
    #[must_use]
    pub fn of_bytes(digest: &super::Digest, target: Option<&super::Target>) -> Self {
        let mut hex = match target {
            None => digest.to_hex(),
            Some(target) => {
                let record = target.record().to_string();
                hex::encode(Sha256::new().chain_update(digest.0).chain_update(record).finalize())
            }
        };
        hex.truncate(48);
        Self(format!("sha256-{hex}"))
    }

    /// A photo id typed by a person or read from the journal.
    ///
    /// # Errors
    /// As [`ImageId::parse`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        checked("the photo id", text).map(Self)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id in a form that fits file names, attachment names and note bodies: itself where it
    /// is 1 to 64 of `A-Z a-z 0-9 _ -`, else the first 32 hex digits of its SHA-256
    /// (`fixtures/contracts/open-questions.md`, section G).
    #[must_use]
    pub fn marker(&self) -> String {
        let plain = self.0.len() <= 64
            && self.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if plain { self.0.clone() } else { hex::encode(&Sha256::digest(self.0.as_bytes())[..16]) }
    }
}

impl fmt::Display for PhotoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(
    /// The number of a delivery in the journal.
    DeliveryId
);
row_id!(
    /// The number of an attempt in the journal.
    AttemptId
);
row_id!(
    /// The number of a run in the journal: one change of many deliveries.
    RunId
);

/// The name of a configured destination: the `erp` of `[destination.erp]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DestinationName(String);

impl DestinationName {
    /// Takes 1 to 64 of `a-z A-Z 0-9 _ -`.
    ///
    /// # Errors
    /// When the text is empty, too long or holds another character.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let what = "the destination name";
        if text.is_empty() || text.len() > 64 {
            return Err(InvalidId { what, why: "must have 1 to 64 characters" });
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Err(InvalidId { what, why: "may hold only letters, digits, _ and -" });
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DestinationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_s_id_is_hidden_where_it_is_a_word_and_garbles_no_other() {
        let text = "message=s key=photos/s/s_img-1.jpg sees=s";
        assert_eq!(without(text, "s", "#1"), "message=#1 key=photos/#1/#1_img-1.jpg sees=#1");
        assert_eq!(without("key=a/sess-12/sess-1.jpg", "sess-1", "#"), "key=a/sess-12/#.jpg");
        assert_eq!(without("key=asess-1234b", "sess-1234", "#"), "key=a#b");
        assert_eq!(without("é=éé", "é", "#"), "#=éé");
    }
}
