//! `tokens.json`: the tokens of logins, by destination.

use std::path::PathBuf;

/// The file that keeps the tokens of logins. Clones are the same file.
#[derive(Debug, Clone)]
pub struct TokenStore {
    path: PathBuf,
}

impl TokenStore {
    /// The file at this path, `data_dir/tokens.json`. Touches no disk.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}
