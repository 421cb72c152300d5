//! What is done to the journal itself: its measures, what retention would remove, the room that
//! removed rows gave free. Backups and schema are the file's affair: [`super::back_up`],
//! [`super::schema`].

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::JournalError;
use crate::model::{DeliveryState, Digest, FetchState};

/// The journal's measures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Schema version of the file; 0 in memory.
    pub schema: i64,
    /// Photos by where their bytes are.
    pub photos: Vec<(FetchState, u64)>,
    /// Deliveries by state.
    pub deliveries: Vec<(DeliveryState, u64)>,
    /// Attempts, of fetches and deliveries.
    pub attempts: u64,
    /// Sessions that were made here.
    pub sessions: u64,
    /// When the oldest photo arrived.
    pub oldest: Option<Timestamp>,
    /// Size of the file, in bytes.
    pub file: u64,
    /// Size of its write-ahead log, in bytes.
    pub log: u64,
    /// Bytes of the file that hold nothing: they are used again, or given back by retention.
    pub unused: u64,
    /// The last backup.
    pub last_backup: Option<Last>,
    /// The last run of retention.
    pub last_retention: Option<Last>,
}

/// Upkeep that was done, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Last {
    /// When.
    pub at: Timestamp,
    /// What came of it.
    #[serde(flatten)]
    pub done: Upkept,
}

/// What came of upkeep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Upkept {
    /// A backup was made.
    Backup {
        /// Where.
        to: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// Retention ran.
    Retention {
        /// Files that were removed from the spool.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// Photos that were removed with their history.
        photos: u64,
        /// How long it took, in milliseconds.
        millis: u64,
    },
}

impl Upkept {
    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Backup { .. } => "backup",
            Self::Retention { .. } => "retention",
        }
    }
}

/// What retention would remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Prunable {
    /// Photos whose bytes are needed no more.
    pub photos: u64,
    /// Files of the spool that would go.
    pub files: u64,
    /// Their bytes, as far as known.
    pub bytes: u64,
    /// Photos that would go with their history.
    pub rows: u64,
    /// Runs that would go, as they changed nothing that is left.
    pub runs: u64,
}

/// The measures and the care of a journal; part of [`super::Journal`].
#[async_trait]
pub trait Upkeep {
    /// Measures it. Reads all of it; a million deliveries take about a second.
    async fn stats(&self) -> Result<Stats, JournalError>;

    /// Writes down that upkeep was done; the last of each sort is kept.
    async fn upkept(&self, at: Timestamp, done: Upkept) -> Result<(), JournalError>;

    /// What [`super::Journal::expire_bytes`] and [`super::Journal::forget`] would remove that
    /// arrived before these times, called until nothing is left, the second as if the first had
    /// run long ago. Changes nothing.
    async fn prunable(
        &self,
        bytes_before: Timestamp,
        rows_before: Timestamp,
    ) -> Result<Prunable, JournalError>;

    /// The digests of all bytes in the spool that a delivery in `waiting`, `due`, `sending` or
    /// `held` needs, each once, sorted.
    async fn undelivered_bytes(&self) -> Result<Vec<Digest>, JournalError>;

    /// Gives a part of the unused room back to the file system, where more than a quarter of the
    /// file is unused. Gives whether there is more to give back. Holds writers up for
    /// milliseconds.
    async fn shrink(&self) -> Result<bool, JournalError>;
}
