//! A folder on this machine: one file a photo, named by the key template.
//!
//! `store` does the file work, on threads that may block. A photo is published under its name
//! only when it is whole and on the disk, and never in the place of another file.

mod store;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use self::store::{Placed, Store, Trouble, Wanted};
use super::{Destination, Item, Limits, Parcel, Progress, key::KeyTemplate, key::suffixed};
use crate::model::{Cause, Delivery, ErrorKind, Failure, Finding, Kind, Receipt, Target};

/// Below so many free bytes the probe warns.
const LITTLE_SPACE: u64 = 1024 * 1024 * 1024;

/// The settings of one folder destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder. Made with the first photo when its parent exists.
    pub path: PathBuf,
    /// How files are named inside it.
    pub key_template: KeyTemplate,
}

/// A folder on this machine.
#[derive(Debug)]
pub struct Folder {
    settings: Arc<Settings>,
    /// Whether the folder was there once. Gone after that it is not made again: it may be a
    /// mount that is away, and photos do not belong on what lies under it.
    seen: Arc<AtomicBool>,
}

impl Folder {
    /// A destination that has touched nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), seen: Arc::default() }
    }

    async fn deliver_one(&self, item: &Item) -> Result<Receipt, Failure> {
        let wanted = self.wanted(&item.delivery, item.file.size, item.file.sha256);
        let source =
            item.file.open().await.map_err(|error| self.failure(Trouble::Source(error)))?;
        let source = source.into_std().await;
        let placed = self.work(move |store| store.put(&wanted, source)).await?;
        Ok(receipt(placed))
    }

    fn wanted(&self, delivery: &Delivery, size: u64, sha256: crate::model::Digest) -> Wanted {
        let key = self.settings.key_template.render(delivery);
        let id = &delivery.photo.id;
        Wanted { second_key: suffixed(&key, id), key, marker: id.marker(), size, sha256 }
    }

    async fn find_one(&self, delivery: &Delivery) -> Result<Option<Receipt>, Failure> {
        let photo = &delivery.photo;
        let Some((size, sha256)) = photo.size.zip(photo.sha256) else { return Ok(None) };
        let wanted = self.wanted(delivery, size, sha256);
        let found = self.work(move |store| store.find(&wanted)).await?;
        Ok(found.map(receipt))
    }

    /// Runs file work on a thread that may block.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Failure> {
        let (settings, seen) = (Arc::clone(&self.settings), Arc::clone(&self.seen));
        let done = spawn_blocking(move || {
            let may_make = !seen.load(Ordering::Relaxed);
            let store = Store::open(&settings.path, may_make)?;
            seen.store(true, Ordering::Relaxed);
            work(&store)
        });
        match done.await {
            Ok(done) => done.map_err(|trouble| self.failure(trouble)),
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

    fn failure(&self, trouble: Trouble) -> Failure {
        trouble.into_failure(&self.settings.path)
    }

    /// Whether the first photo makes the folder.
    fn is_to_be_made(&self) -> bool {
        let path = &self.settings.path;
        let parent_exists = path.parent().is_some_and(std::path::Path::is_dir);
        let is_missing = matches!(path.try_exists(), Ok(false));
        is_missing && parent_exists && !self.seen.load(Ordering::Relaxed)
    }

    fn findings(&self) -> Vec<Finding> {
        let path = &self.settings.path;
        if self.is_to_be_made() {
            let fix = "make it as the daemon's user, or mount what belongs there";
            return vec![Finding::warning(
                "folder",
                "does not exist; the first photo makes it",
                fix,
            )];
        }
        let store = match Store::open(path, false) {
            Ok(store) => store,
            Err(trouble) => return vec![self.finding("folder", trouble)],
        };
        let mut findings = vec![Finding::ok("folder", path.display().to_string())];
        if let Err(trouble) = tried(&store, &mut findings) {
            findings.push(self.finding("write", trouble));
        }
        findings.extend(space(store.free()));
        findings
    }

    fn finding(&self, subject: &str, trouble: Trouble) -> Finding {
        let failure = self.failure(trouble);
        let Cause { what, detail, fix, .. } = failure.cause();
        Finding::error(subject, format!("{what} ({detail})"), fix.clone())
    }

    /// What is found, and where the folder is still to be made, whether it could be.
    fn trial(&self) -> Vec<Finding> {
        let mut findings = self.findings();
        if self.is_to_be_made() {
            findings.extend(self.try_beside());
        }
        findings
    }

    /// Does in a folder beside the one that is to be made what a photo would do in that. A daemon
    /// that makes it at this moment would not like to see it go away again.
    fn try_beside(&self) -> Vec<Finding> {
        let name = format!(".apertur-bridge-test-{}", Uuid::now_v7().simple());
        let beside = self.settings.path.with_file_name(name);
        let mut findings = Vec::new();
        let tried = Store::open(&beside, true).and_then(|store| tried(&store, &mut findings));
        let removed = std::fs::remove_dir(&beside).map_err(Trouble::from);
        if let Err(trouble) = tried.and(removed) {
            findings.push(self.finding("write", trouble));
        }
        findings
    }

    async fn look(&self, with: fn(&Self) -> Vec<Finding>) -> Vec<Finding> {
        let folder = Self { settings: Arc::clone(&self.settings), seen: Arc::clone(&self.seen) };
        spawn_blocking(move || with(&folder)).await.unwrap_or_else(|error| {
            vec![Finding::error("folder", error.to_string(), "try again; look at the log")]
        })
    }
}

/// Tries a folder out; tells each step with its time.
fn tried(store: &Store, findings: &mut Vec<Finding>) -> Result<(), Trouble> {
    let mut start = Instant::now();
    store.try_out(&mut |subject, what| {
        let text = format!("{what}, {} ms", start.elapsed().as_millis());
        start = Instant::now();
        findings.push(Finding::ok(subject, text));
    })
}

fn space(free: Option<u64>) -> Option<Finding> {
    let mib = free? / (1024 * 1024);
    Some(if free? < LITTLE_SPACE {
        Finding::warning("space", format!("only {mib} MiB are free"), "free space on that disk")
    } else {
        Finding::ok("space", format!("{mib} MiB are free"))
    })
}

fn receipt(placed: Placed) -> Receipt {
    let note = placed.is_second.then(|| {
        "another file had the name of this photo, so its id was added to the name".to_owned()
    });
    Receipt { note, found: placed.found, ..Receipt::default() }.with("key", placed.key)
}

#[async_trait]
impl Destination for Folder {
    fn kind(&self) -> Kind {
        Kind::Folder
    }

    fn place(&self) -> String {
        self.settings.path.display().to_string()
    }

    fn limits(&self) -> Limits {
        Limits {
            max_size: u64::MAX,
            concurrency: 4,
            one_per_target: false,
            photos_per_parcel: 1,
            parcel_size: u64::MAX,
            settles_in: Duration::ZERO,
        }
    }

    async fn probe(&self) -> Vec<Finding> {
        self.look(Self::findings).await
    }

    async fn test(&self, _target: Option<&Target>) -> Vec<Finding> {
        self.look(Self::trial).await
    }

    fn preview(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        Ok(Receipt::default().with("key", self.settings.key_template.render(delivery)))
    }

    async fn find(&self, deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        let mut found = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            found.push(self.find_one(delivery).await?);
        }
        Ok(found)
    }

    async fn deliver(&self, parcel: &Parcel, _: &Progress) -> Result<Vec<Receipt>, Failure> {
        let mut receipts = Vec::with_capacity(parcel.items.len());
        for item in &parcel.items {
            receipts.push(self.deliver_one(item).await?);
        }
        Ok(receipts)
    }
}
