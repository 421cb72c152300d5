//! Which deliveries an operator means.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// name, a tag, the target or the cause; letters of ASCII match in either case. Whoever lets
    /// one in parses it; a stored filter is read with whatever text it was stored with.
    pub text: Option<String>,
}

/// Why a text cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text to look for is one line of 3 to 200 characters")]
pub struct InvalidText;

impl Filter {
    /// Shortest text, in characters: an index of three letters each finds no shorter one, and
    /// without it all photos would be read.
    pub const MIN_TEXT: usize = 3;

    /// Longest text, in characters.
    const MAX_TEXT: usize = 200;

    /// Most deliveries that count as few.
    pub(super) const FEW: u64 = 100;

    /// A text to look for: 3 to 200 characters, without the white space around them.
    ///
    /// # Errors
    /// When it is shorter or longer, or holds a control character.
    pub fn parse_text(text: &str) -> Result<String, InvalidText> {
        let text = text.trim();
        let fits = (Self::MIN_TEXT..=Self::MAX_TEXT).contains(&text.chars().count());
        let is_one_line = !text.chars().any(char::is_control);
        (fits && is_one_line).then(|| text.to_owned()).ok_or(InvalidText)
    }

    /// Whether it names deliveries or a photo.
    #[must_use]
    pub fn is_named(&self) -> bool {
        !self.ids.is_empty() || self.photo.is_some()
    }

    /// Whether a person means each one that it asks for: it names a photo or at most 100
    /// deliveries, in whatever state they are.
    #[must_use]
    pub fn means_each(&self) -> bool {
        let is_few = (1..=Self::FEW).contains(&(self.ids.len() as u64));
        (is_few || self.photo.is_some()) && self.states.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_to_look_for_is_one_line() {
        assert_eq!(Filter::parse_text("  Küche 50% ").as_deref(), Ok("Küche 50%"));
        for bad in ["", "  12 ", "a\0b", "a\nb", "\u{1b}[2J", &"x".repeat(201)] {
            assert_eq!(Filter::parse_text(bad), Err(InvalidText), "{bad:?}");
        }
    }

    #[test]
    fn who_names_a_few_means_each() {
        let ids =
            |count| Filter { ids: (1..=count).map(DeliveryId).collect(), ..Filter::default() };
        let photo = Filter { photo: PhotoId::parse("img_1").ok(), ..Filter::default() };
        let states = vec![DeliveryState::Delivered];
        assert!(ids(1).means_each() && ids(100).means_each() && photo.means_each());
        for many in [ids(101), ids(0), Filter { states, ..ids(5) }] {
            assert!(!many.means_each(), "{many:?}");
        }
    }
}
