//! Copies of the journal that are fit to be gone back to, and the schema it is in. Works on the
//! file, beside a running daemon or without one.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Settings, sqlite};

/// A backup that was made, and read again to see that it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The file (0600).
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The schema it is in.
    pub schema: i64,
    /// Photos in it.
    pub photos: u64,
    /// Deliveries in it.
    pub deliveries: u64,
    /// Those of them that are not delivered and not dropped.
    pub undelivered: u64,
}

/// The schema of a journal's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Schema {
    /// What the file is in; `None` where there is no file yet.
    pub found: Option<i64>,
    /// What this program writes.
    pub known: i64,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// Whether there is something in it that a backup is made of first.
    pub holds_something: bool,
}

impl Schema {
    /// Whether the file has to be brought up to date before this program can use it.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.found.is_some_and(|found| found < self.known)
    }
}

/// Copies the journal as it is at one moment, while others write: to a new file (0600) that is
/// synced and has been read again. What is not delivered in it will be looked for at its
/// destination before it is sent, as it may have been delivered after that moment. `heard` is
/// told the pages that are copied and of how many, now and then. Blocks.
///
/// # Errors
/// With the remedy: there is a file already, no room for it, or the journal cannot be read; no
/// file is left then.
pub fn back_up(settings: &Settings, to: &Path, heard: &dyn Fn(u64, u64)) -> anyhow::Result<Backup> {
    match settings {
        Settings::Sqlite { path } => sqlite::backup::of_file(path, to, heard),
    }
}

/// The schema that the journal is in. Changes nothing. Blocks.
///
/// # Errors
/// When the file cannot be read, or there is no room for the backup that is made of it before it
/// is brought up to date.
pub fn schema(settings: &Settings) -> anyhow::Result<Schema> {
    match settings {
        Settings::Sqlite { path } => sqlite::backup::schema_of(path),
    }
}
