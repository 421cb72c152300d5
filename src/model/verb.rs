//! What an operator does with deliveries, and what is written down of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeliveryId, RunId};

/// What an operator does with deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Verb {
    /// Due again, with all its tries; what may be there already is looked for first.
    Replay {
        /// Also what is delivered; of those that it names one by one
        /// ([`Filter::means_each`](super::Filter::means_each)) also what was left to another
        /// photo with the same bytes.
        #[serde(default)]
        force: bool,
    },
    /// Not sent until a person releases it.
    Hold {
        /// Why.
        #[serde(default)]
        reason: Reason,
    },
    /// What a person held goes on.
    Release,
    /// Given up for good.
    Drop {
        /// Why.
        reason: Reason,
    },
}

impl Verb {
    /// Its word: `replay`, `hold`, `release`, `drop`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Replay { .. } => "replay",
            Self::Hold { .. } => "hold",
            Self::Release => "release",
            Self::Drop { .. } => "drop",
        }
    }

    /// Why, where a reason was given.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Hold { reason } | Self::Drop { reason } => Some(reason),
            Self::Replay { .. } | Self::Release => None,
        }
    }
}

/// Why a person did something, in their words: one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

/// Why a text cannot be a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason is one line of 1 to 300 characters")]
pub struct InvalidReason;

impl Reason {
    /// Longest reason, in characters.
    const MAX: usize = 300;

    /// Takes 1 to 300 characters without control characters; white space around them goes.
    ///
    /// # Errors
    /// When the text is empty, too long or holds a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidReason> {
        let text = text.trim();
        let is_one_line = !text.is_empty() && !text.chars().any(char::is_control);
        let fits = text.chars().count() <= Self::MAX;
        (is_one_line && fits).then(|| Self(text.to_owned())).ok_or(InvalidReason)
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a hold says that was given no reason.
impl Default for Reason {
    fn default() -> Self {
        Self("held by a person".to_owned())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Reason {
    type Error = InvalidReason;

    fn try_from(text: String) -> Result<Self, InvalidReason> {
        Self::parse(&text)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

/// Who does something: a user of the machine, of the console, the name of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct By(String);

impl By {
    /// Longest name kept, in characters.
    const MAX: usize = 100;

    /// A name; control characters become spaces, it is cut at 100 characters, and an empty one
    /// is `unknown`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let name: String = name.trim().chars().map(plain).take(Self::MAX).collect();
        Self(if name.is_empty() { "unknown".to_owned() } else { name })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for By {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl From<By> for String {
    fn from(by: By) -> Self {
        by.0
    }
}

/// What a person did with one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: By,
    /// What, with the reason.
    #[serde(flatten)]
    pub verb: Verb,
    /// In which run.
    pub run: RunId,
    /// The delivery as it was called then; one that was replaced by a new plan is there no more.
    pub delivery: DeliveryId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line() {
        assert_eq!(Reason::parse("  wrong record ").map(String::from), Ok("wrong record".into()));
        for bad in ["", "  ", "a\nb", &"x".repeat(301)] {
            assert_eq!(Reason::parse(bad), Err(InvalidReason), "{bad:?}");
        }
        assert!(serde_json::from_str::<Verb>(r#"{"verb":"drop"}"#).is_err(), "why?");
        assert!(serde_json::from_str::<Verb>(r#"{"verb":"drop","reason":" "}"#).is_err());
        let hold = serde_json::from_str::<Verb>(r#"{"verb":"hold"}"#).ok();
        assert_eq!(hold, Some(Verb::Hold { reason: Reason::default() }));
    }

    #[test]
    fn a_name_is_one_line_too() {
        assert_eq!(By::new(" ana\u{1b}[2J ").as_str(), "ana [2J");
        assert_eq!(By::new(" \n").as_str(), "unknown");
    }
}
