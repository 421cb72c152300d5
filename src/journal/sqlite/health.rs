//! The state of the file: SQLite's own check, for as long as there is patience.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode};

use super::{
    reader,
    rows::{Error, Result},
};
use crate::journal::{Health, Integrity, JournalError};

/// Most faults that are told.
const MOST: usize = 5;

/// See [`crate::journal::Journal::health`]. On a connection of its own, which is interrupted.
pub(super) async fn health(path: &Path, patience: Duration) -> super::Result<Health> {
    let ended = |error: tokio::task::JoinError| JournalError::Unavailable(error.to_string());
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || reader(&path)).await.map_err(ended)?;
    let db = opened.map_err(JournalError::from)?;
    let stop = db.get_interrupt_handle();
    let mut work = tokio::task::spawn_blocking(move || look(&db));
    let looked = match tokio::time::timeout(patience, &mut work).await {
        Ok(looked) => looked,
        Err(_) => {
            stop.interrupt();
            work.await
        }
    };
    Ok(looked.map_err(ended)??)
}

fn look(db: &Connection) -> Result<Health> {
    let schema = db.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))?;
    let store = format!("SQLite {}", rusqlite::version());
    Ok(Health { store, schema, integrity: integrity(db)? })
}

fn integrity(db: &Connection) -> Result<Integrity> {
    let check = || -> rusqlite::Result<Vec<String>> {
        let mut asked = db.prepare(&format!("PRAGMA quick_check({MOST})"))?;
        asked.query_map([], |row| row.get(0))?.collect()
    };
    match check() {
        Ok(said) if said == ["ok"] => Ok(Integrity::Whole),
        Ok(faults) => Ok(Integrity::Damaged(faults)),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Ok(Integrity::Unfinished),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Ok(Integrity::Damaged(vec![error.to_string()]))
            }
            _ => Err(Error::from(error)),
        },
    }
}
