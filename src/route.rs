//! The plan: which destinations want a photo. Pure; knows neither network nor disk.

use std::fmt;

use crate::model::{DestinationName, Kind};

/// A text in which `*` stands for any number of characters; it must match as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is empty; write `*` to match everything")]
pub struct InvalidPattern;

impl Pattern {
    /// Takes any text but the empty one.
    ///
    /// # Errors
    /// When it is empty.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() { Err(InvalidPattern) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The conditions of a route; all that are given must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// Any of the photo's tags, as `key:value`.
    pub tag: Option<Pattern>,
    /// The target, as `odoo:res.partner:42`.
    pub target: Option<Pattern>,
    /// The session id.
    pub session: Option<Pattern>,
    /// The topic of the event.
    pub topic: Option<Pattern>,
}

/// One rule: photos that match go to these destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which photos.
    pub when: When,
    /// Where to.
    pub to: Vec<DestinationName>,
}

/// Every rule and every destination there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// The rules as configured; every rule that matches counts. With none at all, a photo goes
    /// to the destinations of its target's type and to every storage destination.
    pub rules: Vec<Route>,
    /// The destinations in the order of the configuration.
    pub destinations: Vec<(DestinationName, Kind)>,
}
