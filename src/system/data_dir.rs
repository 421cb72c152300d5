//! The data directory and the lock that lets one process own it.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// A data directory that this process owns until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: fs::File,
}

/// Somebody else owns the data directory.
#[derive(Debug, thiserror::Error)]
#[error(
    "another apertur-bridge uses {}; stop it first, or give this one a data_dir of its own",
    .0.display()
)]
pub struct Taken(PathBuf);

impl DataDir {
    /// Makes the directory (0700) where it is missing and takes the lock. Blocks.
    ///
    /// # Errors
    /// [`Taken`] when another process owns it; otherwise what the system says, with the
    /// remedy.
    pub fn take(path: &Path) -> anyhow::Result<Self> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.and_then(|()| sync_parent(path)).with_context(|| {
            format!("cannot make data_dir {}; make it, owned by this user", path.display())
        })?;
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(|| {
                format!("cannot write in data_dir {}; give it to this user", path.display())
            })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(fs::TryLockError::WouldBlock) => Err(Taken(path.to_owned()).into()),
            Err(fs::TryLockError::Error(error)) => Err(unlockable(path, error)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the directory's own name durable.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.canonicalize()?.parent() {
        // A parent that may not be read was not made by us.
        Some(parent) => fs::File::open(parent).map_or(Ok(()), |parent| parent.sync_all()),
        None => Ok(()),
    }
}

fn unlockable(path: &Path, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error)
        .context(format!("cannot lock data_dir {}; put it on a local disk", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("new").join("data");
        let first = DataDir::take(&path)?;
        let second = DataDir::take(&path).map(drop).map_err(|error| error.is::<Taken>());
        assert_eq!(second, Err(true));
        drop(first);
        assert!(DataDir::take(&path).is_ok());
        Ok(())
    }
}
