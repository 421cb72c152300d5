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
    /// The highest number of this pass, once it has begun.
    upto: Option<DeliveryId>,
    /// That of the pass before.
    after: DeliveryId,
    /// Matching deliveries that were looked at.
    seen: u64,
}

impl Export {
    /// An export that has not begun.
    #[must_use]
    pub fn new(ops: Ops, filter: Filter, spool: Spool, folder: Arc<dyn Destination>) -> Self {
        Self {
            ops,
            filter,
            spool,
            folder,
            dry_run: false,
            is_new: false,
            page: VecDeque::new(),
            before: None,
            upto: None,
            after: DeliveryId(0),
            seen: 0,
        }
    }

    /// Matching deliveries that were looked at; of the [`Ops::count`] of the filter.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Saves the next photo, those that came last first; `None` after the last one. Photos that
    /// came meanwhile, or got other deliveries as they were planned anew, come behind the rest;
    /// one that was saved before is found there then.
    ///
    /// # Errors
    /// When the journal cannot be read, or nothing can be written to the folder.
    pub async fn next(&mut self) -> Result<Option<Saved>, Stopped> {
        loop {
            let Some(delivery) = self.delivery().await? else { return Ok(None) };
            self.seen = self.seen.saturating_add(1);
            if !self.ops.is_first(&self.filter, &delivery, self.upto).await? {
                continue;
            }
            // Retention may have been quicker.
            if let Some(story) = self.ops.journal.story(&delivery.photo.id).await? {
                return self.save(delivery, &story).await.map(Some);
            }
        }
    }

    async fn delivery(&mut self) -> Result<Option<Delivery>, JournalError> {
        loop {
            if self.page.is_empty() {
                self.page = self.ops.journal.list(&self.filter, self.before, PAGE).await?.into();
            }
            if let Some(next) = self.page.pop_front().filter(|next| next.id > self.after) {
                self.before = Some(next.id);
                self.upto.get_or_insert(next.id);
                return Ok(Some(next));
            }
            // What was planned anew since this pass began has higher numbers than all of it.
            let Some(upto) = self.upto.take() else { return Ok(None) };
            (self.after, self.before) = (upto, None);
            self.page.clear();
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        destinations::{Shared, folder_at, key::KeyTemplate},
        http::Http,
        journal::{Arrival, Bytes, Planned, memory::Memory},
        model::{By, DestinationName, Digest, Kind, PhotoId, Shape, Verb},
        route::Routes,
        system::{Clock, Live},
    };

    /// A photo in the spool; what no destination wants is held.
    fn arrival(number: usize, to: &[&str]) -> anyhow::Result<Arrival> {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        let photo = Photo {
            id: PhotoId::parse(&format!("img_{number}"))?,
            image_id: None,
            session: None,
            index: None,
            filename: None,
            media_type: None,
            size: Some(3),
            sha256: Some(Digest(digest)),
            tags: Vec::new(),
            target: None,
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: None,
            received_at: Timestamp::UNIX_EPOCH,
        };
        let planned = |to: &&str| Planned {
            destination: DestinationName::parse(to).ok(),
            target: None,
            mode: None,
        };
        let plan = to.iter().map(planned).collect();
        Ok(Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false })
    }

    #[tokio::test]
    async fn a_photo_that_is_planned_anew_meanwhile_is_saved_too() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let destinations = vec![(DestinationName::parse("archive")?, Kind::Folder)];
        let journal = Arc::new(Memory::new());
        let ops = Ops {
            routes: Live::new(Routes { rules: Vec::new(), destinations }),
            ..Ops::to_read(journal, Clock::stepped(Timestamp::UNIX_EPOCH))
        };
        ops.journal.accept(arrival(0, &[])?).await?;
        ops.journal.accept(arrival(1, &["archive"])?).await?;
        for number in 2..PAGE + 2 {
            ops.journal.accept(arrival(number, &["archive"])?).await?;
        }
        let shared = Shared::new(Http::new()?, ops.clock.clone(), home.path());
        let folder = folder_at(home.path().join("to"), KeyTemplate::default(), &shared);
        let spool = Spool::to_read(&home.path().join("spool"));
        let mut export = Export::new(ops.clone(), Filter::default(), spool, folder);
        (export.dry_run, export.is_new) = (true, true);
        let mut named = vec![export.next().await?.map(|saved| saved.photo.id)];

        // One gets another delivery instead of its own, one gets one more.
        let filter = Filter { photo: Some(PhotoId::parse("img_0")?), ..Filter::default() };
        let replay = Verb::Replay { force: false };
        let run = ops.begin(replay, filter, By::new("a test")).await?;
        let run = ops.advance(run.id).await?.expect("the run is known");
        assert_eq!(run.tally.routed, 1);
        let mut told = arrival(1, &["archive", "erp"])?;
        told.photo.target = Some("odoo:res.partner:42".parse()?);
        ops.journal.accept(told).await?;
        assert_eq!(ops.list(&Filter::default(), None, 999).await?.len(), PAGE + 3);

        while let Some(saved) = export.next().await? {
            named.push(Some(saved.photo.id));
        }
        let all: BTreeSet<_> = named.iter().flatten().collect();
        assert_eq!(all.len(), PAGE + 2);
        Ok(())
    }
}
