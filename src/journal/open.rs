//! Where the journal is, and how it is opened.

use std::{path::PathBuf, sync::Arc};

use super::{Journal, sqlite};

/// Where the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// A SQLite file.
    Sqlite {
        /// Its path.
        path: PathBuf,
    },
}

/// Opens the journal, making or migrating it where needed.
///
/// # Errors
/// A text with the remedy, when the file cannot be opened, is newer than this program, or the
/// SQLite library is too old to be trusted with it.
pub async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Journal>> {
    match settings {
        Settings::Sqlite { path } => Ok(Arc::new(sqlite::Sqlite::open(path).await?)),
    }
}

/// Opens the journal for reading beside a running daemon. Changing calls fail.
///
/// # Errors
/// As [`open`].
pub async fn open_to_read(settings: &Settings) -> anyhow::Result<Arc<dyn Journal>> {
    match settings {
        Settings::Sqlite { path } => Ok(Arc::new(sqlite::Sqlite::open_to_read(path).await?)),
    }
}

/// As [`open_to_read`]; `None` before the first start, when there is none.
///
/// # Errors
/// As [`open`].
pub async fn open_if_there(settings: &Settings) -> anyhow::Result<Option<Arc<dyn Journal>>> {
    let Settings::Sqlite { path } = settings;
    match tokio::fs::metadata(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => open_to_read(settings).await.map(Some),
    }
}
