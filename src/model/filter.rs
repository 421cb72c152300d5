//! Which deliveries an operator means.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

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
    /// This text, as [`Filter::parse_text`] gives it, in the photo id, the image id, the file
    /// name, a tag, the target or the cause; letters of ASCII match in either case.
    #[serde(deserialize_with = "text")]
    pub text: Option<String>,
}

/// Why a text cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text to look for is one line of 1 to 200 characters")]
pub struct InvalidText;

impl Filter {
    /// Longest text, in characters.
    const MAX_TEXT: usize = 200;

    /// A text to look for: 1 to 200 characters, without the white space around them.
    ///
    /// # Errors
    /// When it is empty or too long, or holds a control character.
    pub fn parse_text(text: &str) -> Result<String, InvalidText> {
        let text = text.trim();
        let fits = (1..=Self::MAX_TEXT).contains(&text.chars().count());
        let is_one_line = !text.chars().any(char::is_control);
        (fits && is_one_line).then(|| text.to_owned()).ok_or(InvalidText)
    }

    /// Whether it names deliveries or a photo, so that a person waits for just these.
    #[must_use]
    pub fn is_named(&self) -> bool {
        !self.ids.is_empty() || self.photo.is_some()
    }
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| Filter::parse_text(&text)).transpose().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_to_look_for_is_one_line() {
        assert_eq!(Filter::parse_text("  Küche 50% ").as_deref(), Ok("Küche 50%"));
        for bad in ["", " ", "a\0b", "a\nb", "\u{1b}[2J", &"x".repeat(201)] {
            assert_eq!(Filter::parse_text(bad), Err(InvalidText), "{bad:?}");
        }
        assert!(serde_json::from_str::<Filter>(r#"{"text":"a\u0000b"}"#).is_err());
    }
}
