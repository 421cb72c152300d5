//! What a store says of its own state.

use serde::Serialize;

/// The state of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// What keeps the rows, with its version: `SQLite 3.51.3`.
    pub store: String,
    /// The version of the tables; 0 where there are none.
    pub schema: u32,
    /// Whether the rows are whole.
    pub integrity: Integrity,
}

/// Whether rows are whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Integrity {
    /// All were looked at, and no fault was found.
    Whole,
    /// No fault was found for as long as was looked.
    Unfinished,
    /// What is wrong, a line each; at least one.
    Damaged(Vec<String>),
}
