//! Photos out of the spool into a folder: how a person saves them when everything else fails.
//!
//! Only reads the journal and the spool, so it works beside the daemon and without it. The folder
//! is a destination like any other: names made safe, written under a temporary name, fsynced and
//! renamed, never over another file, and what is there already is found and not written again.

use std::{collections::VecDeque, fmt, sync::Arc};

use async_trait::async_trait;
use serde::Serialize;

use super::{Ops, story};
use crate::{
    destinations::{Destination, Item, Language, Parcel, Progress, StepLog},
    journal::{JournalError, Story},
    model::{Cause, Delivery, DeliveryId, Failure, FetchState, Filter, Photo, Receipt, Step},
    spool::Spool,
};

/// Deliveries that are read at once.
const PAGE: usize = 200;

/// What became of one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The photo.
    pub photo: Photo,
    /// Its file, relative to the folder; `None` where there is none.
    pub file: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why there is no file.
    pub why: Option<String>,
    /// Where the photo stands, over all its deliveries.
    pub summary: String,
}

/// What can become of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its file was written; with `dry_run` it would be.
    Saved,
    /// Its file was there.
    There,
    /// Its bytes are not here: not yet, not any more, or encrypted.
    Missing,
    /// Its bytes are here and could not be written.
    Failed,
}

/// Why an export ended early. What was saved until then stays.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Nothing can be written to the folder.
    #[error("{0}")]
    Folder(Cause),
}

/// An export under way.
#[derive(Debug)]
pub struct Export {
    /// The verbs.
    pub ops: Ops,
    /// Which photos: those with a delivery that matches.
    pub filter: Filter,
    /// Where their bytes are.
    pub spool: Spool,
    /// Where they go.
    pub folder: Arc<dyn Destination>,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// Whether the folder is not there yet, so that nothing can be in it; looking would make it.
    pub is_new: bool,
    /// What was read of the journal and not looked at yet.
    page: VecDeque<Delivery>,
    before: Option<DeliveryId>,
    /// Matching deliveries that were looked at.
    seen: u64,
}

impl Export {
    /// An export that has not begun.
    #[must_use]
    pub fn new(ops: Ops, filter: Filter, spool: Spool, folder: Arc<dyn Destination>) -> Self {
        let (page, before) = (VecDeque::new(), None);
        Self { ops, filter, spool, folder, dry_run: false, is_new: false, page, before, seen: 0 }
    }

    /// Matching deliveries that were looked at; of the [`Ops::count`] of the filter.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Saves the next photo, those that came last first; `None` after the last one.
    ///
    /// # Errors
    /// When the journal cannot be read, or nothing can be written to the folder.
    pub async fn next(&mut self) -> Result<Option<Saved>, Stopped> {
        loop {
            let Some(delivery) = self.delivery().await? else { return Ok(None) };
            self.seen = self.seen.saturating_add(1);
            if !self.ops.is_first(&self.filter, &delivery).await? {
                continue;
            }
            // Retention may have been quicker.
            if let Some(story) = self.ops.journal.story(&delivery.photo.id).await? {
                return self.save(delivery, &story).await.map(Some);
            }
        }
    }

    async fn delivery(&mut self) -> Result<Option<Delivery>, JournalError> {
        if self.page.is_empty() {
            self.page = self.ops.journal.list(&self.filter, self.before, PAGE).await?.into();
        }
        let next = self.page.pop_front();
        self.before = next.as_ref().map(|delivery| delivery.id).or(self.before);
        Ok(next)
    }

    async fn save(&self, delivery: Delivery, story: &Story) -> Result<Saved, Stopped> {
        let summary = story::summary(&story.deliveries, &[], Language::En);
        let saved =
            |outcome, file, why| Saved { photo: story.photo.clone(), file, outcome, why, summary };
        let (Some(sha256), Some(size), FetchState::Stored) =
            (story.photo.sha256, story.photo.size, story.fetch_state)
        else {
            return Ok(saved(Outcome::Missing, None, Some(story::missing(story).to_owned())));
        };
        // What was written down of another destination means nothing here.
        let delivery = Delivery { photo: story.photo.clone(), steps: Vec::new(), ..delivery };
        let item = Item { delivery, file: self.spool.file(sha256, size) };
        match self.write(item).await {
            Ok(receipt) => {
                let outcome = if receipt.found { Outcome::There } else { Outcome::Saved };
                Ok(saved(outcome, key(&receipt), None))
            }
            Err(Failure::Broken { cause }) => Err(Stopped::Folder(cause)),
            Err(failure) => {
                let cause = failure.cause();
                Ok(saved(Outcome::Failed, None, Some(cause.to_string())))
            }
        }
    }

    async fn write(&self, item: Item) -> Result<Receipt, Failure> {
        if self.dry_run {
            let delivery = std::slice::from_ref(&item.delivery);
            let found = match self.is_new {
                true => None,
                false => self.folder.find(delivery).await?.into_iter().next().flatten(),
            };
            return found.map_or_else(|| self.folder.preview(&item.delivery), Ok);
        }
        let progress = Progress(Arc::new(NoSteps));
        let receipts = self.folder.deliver(&Parcel { items: vec![item] }, &progress).await?;
        Ok(receipts.into_iter().next().unwrap_or_default())
    }
}

fn key(receipt: &Receipt) -> Option<String> {
    receipt.ids.iter().find(|id| id.name == "key").map(|id| id.value.clone())
}

/// An export is not continued but done again: what is there is found by its bytes.
#[derive(Debug)]
struct NoSteps;

#[async_trait]
impl StepLog for NoSteps {
    async fn write(&self, _delivery: DeliveryId, _step: Step) -> Result<(), String> {
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Saved => "saved",
            Self::There => "there",
            Self::Missing => "missing",
            Self::Failed => "failed",
        })
    }
}
