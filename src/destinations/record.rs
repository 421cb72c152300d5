//! A record of the other side, and the mark by which somebody proves the right to it. Pure.

use secrecy::SecretString;

use crate::model::Target;

/// A record as the other side knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which one.
    pub target: Target,
    /// What people call it there, as plain text.
    pub name: String,
}

/// A mark that somebody left on a record of the other side with rights of their own, to be taken
/// off once.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Its number there.
    pub id: i64,
    /// What nobody else knows.
    pub token: SecretString,
}
