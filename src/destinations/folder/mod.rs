//! A folder of this machine, as a store.
//!
//! `root` does the file work, on threads that may block; `fault` says what its errors mean. A
//! photo is published under its name only when it is whole and on the disk, and never in the
//! place of another file.

mod fault;
mod root;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use self::{fault::Trouble, root::Root};
use super::{
    Shared,
    key::KeyTemplate,
    storage::{Body, Object, Storage, Store, StoreLimits, Upload, Written, space, unreadable},
};
use crate::model::{Cause, ErrorKind, Failure, Finding, Kind};

/// Bytes read at once.
const BLOCK: usize = 256 * 1024;

/// The settings of one folder destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder. Made with the first photo when its parent exists.
    pub path: PathBuf,
    /// How files are named inside it.
    pub key_template: KeyTemplate,
}

/// A destination that has touched nothing yet.
pub(super) fn storage(settings: Settings, shared: &Shared) -> Storage<Folder> {
    let Settings { path, key_template } = settings;
    // A relative one may have no parent to be looked at, made in or written through.
    let path = std::path::absolute(&path).unwrap_or(path);
    Storage::new(Folder { path: path.into(), seen: Arc::default() }, key_template, shared)
}

/// A folder of this machine.
#[derive(Debug)]
pub(super) struct Folder {
    path: Arc<Path>,
    /// Whether the folder was there once. Gone after that it is not made again: it may be a
    /// mount that is away, and photos do not belong on what lies under it.
    seen: Arc<AtomicBool>,
}

impl Folder {
    /// Runs file work on a thread that may block.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Failure> {
        let (path, seen) = (Arc::clone(&self.path), Arc::clone(&self.seen));
        let done = spawn_blocking(move || {
            let may_make = !seen.load(Ordering::Relaxed);
            let root = Root::open(&path, may_make)?;
            seen.store(true, Ordering::Relaxed);
            work(&root)
        });
        match done.await {
            Ok(done) => done.map_err(|trouble| trouble.into_failure(&self.path)),
            Err(error) => Err(Failure::Unknown {
                cause: Cause::new(
                    ErrorKind::Local,
                    "the thread that writes files ended",
                    "nothing; the next attempt looks before it writes",
                )
                .with_detail(&error.to_string()),
            }),
        }
    }

    /// Whether the first photo would make the folder.
    async fn is_to_be_made(&self) -> bool {
        let is_missing = matches!(tokio::fs::try_exists(&self.path).await, Ok(false));
        let Some(parent) = self.path.parent() else { return false };
        is_missing
            && !self.seen.load(Ordering::Relaxed)
            && tokio::fs::try_exists(parent).await.unwrap_or(false)
    }
}

#[async_trait]
impl Store for Folder {
    fn kind(&self) -> Kind {
        Kind::Folder
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_size: u64::MAX, concurrency: 4 }
    }

    async fn probe(&self) -> Vec<Finding> {
        if self.is_to_be_made().await {
            let fix = "make it as the daemon's user, or mount what belongs there";
            return vec![Finding::warning(
                "folder",
                "does not exist; the first photo makes it",
                fix,
            )];
        }
        match self.work(|root| Ok((root.check_writable()?, root.free()))).await {
            Ok(((), free)) => {
                let disk = format!("free space on the disk of {}", self.place());
                let mut findings = vec![Finding::ok("folder", self.place())];
                findings.extend(free.map(|free| space(free, &disk)));
                findings
            }
            Err(failure) => vec![Finding::failed("folder", &failure)],
        }
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        let key = key.to_owned();
        self.work(move |root| root.stat(&key)).await
    }

    async fn write(&self, key: &str, upload: &Upload) -> Result<Written, Failure> {
        let source = upload.file.open().await.map_err(|error| unreadable(&error))?;
        let source = source.into_std().await;
        let (key, size, sha256) = (key.to_owned(), upload.file.size, upload.file.sha256);
        self.work(move |root| root.write(&key, source, size, sha256)).await
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        let (key, path) = (key.to_owned(), Arc::clone(&self.path));
        let file = self.work(move |root| root.read(&key)).await?;
        let blocks = ReaderStream::with_capacity(tokio::fs::File::from_std(file), BLOCK);
        Ok(Box::pin(
            blocks
                .map(move |block| block.map_err(|error| Trouble::Disk(error).into_failure(&path))),
        ))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        let key = key.to_owned();
        self.work(move |root| root.remove(&key)).await
    }

    async fn remove_folder(&self, folder: &str) -> Result<(), Failure> {
        let folder = folder.to_owned();
        self.work(move |root| root.remove_folder(&folder)).await
    }

    fn url(&self, key: &str) -> Option<String> {
        url::Url::from_file_path(self.path.join(key)).ok().map(Into::into)
    }
}
