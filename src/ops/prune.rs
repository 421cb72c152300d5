//! Retention: bytes go first, rows later, and nothing that is not settled.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    journal::Journal,
    model::Digest,
    spool::{Spool, blocking},
    system::Clock,
};

/// How long settled photos are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long the bytes.
    pub bytes: Duration,
    /// How long the history, not shorter.
    pub rows: Duration,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Files of the spool.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Photos with their history.
    pub photos: u64,
}

impl Pruned {
    fn add(&mut self, more: Self) {
        self.files += more.files;
        self.bytes += more.bytes;
        self.photos += more.photos;
    }
}

/// Photos handled in one transaction: some milliseconds of the writer's time.
const PAGE: usize = 200;

/// One run of retention: what is too old, then files that nobody knows.
///
/// # Errors
/// As [`prune`] and [`sweep`].
pub async fn run(
    journal: &Arc<dyn Journal>,
    spool: &Spool,
    settings: Settings,
    clock: &Clock,
) -> anyhow::Result<Pruned> {
    let mut pruned = prune(journal, spool, settings, clock).await?;
    pruned.add(sweep(journal, spool).await?);
    Ok(pruned)
}

/// Removes what is older than the settings keep.
///
/// # Errors
/// When journal or spool cannot be written. What was removed until then is consistent.
pub async fn prune(
    journal: &Arc<dyn Journal>,
    spool: &Spool,
    settings: Settings,
    clock: &Clock,
) -> anyhow::Result<Pruned> {
    let mut pruned = Pruned::default();
    loop {
        let before = ago(clock.now(), settings.bytes);
        let unneeded = journal.expire_bytes(before, PAGE).await?;
        for digest in &unneeded {
            pruned.add(remove(spool, *digest).await?);
        }
        if unneeded.is_empty() {
            break;
        }
    }
    loop {
        let before = ago(clock.now(), settings.rows.max(settings.bytes));
        let photos = journal.forget(before, PAGE).await?;
        pruned.photos += photos;
        if photos == 0 {
            return Ok(pruned);
        }
    }
}

/// Removes files that the journal does not know: left by a crash between spool and journal, or
/// by two copies of a photo that came at the same moment.
///
/// # Errors
/// When the spool cannot be read or written.
pub async fn sweep(journal: &Arc<dyn Journal>, spool: &Spool) -> anyhow::Result<Pruned> {
    let all = spool.clone();
    let digests = blocking(move || all.digests()).await.context("cannot read the spool")?;
    let mut removed = Pruned::default();
    for digest in digests {
        if !journal.knows_bytes(&digest).await? {
            removed.add(remove(spool, digest).await?);
        }
    }
    Ok(removed)
}

async fn remove(spool: &Spool, digest: Digest) -> anyhow::Result<Pruned> {
    let spool = spool.clone();
    let removed = blocking(move || spool.remove(&digest)).await;
    let removed = removed.context("cannot remove a file of the spool")?;
    Ok(removed.map_or(Pruned::default(), |bytes| Pruned { files: 1, bytes, photos: 0 }))
}

fn ago(now: Timestamp, age: Duration) -> Timestamp {
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}
