//! Making a photo durable, whoever brought it: the plan, one commit, the wake of whoever goes on.
//! Its bytes are in the spool already, or announced. Says and counts nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    journal::{Accepted, Arrival, Bytes, Journal, JournalError, unrouted},
    model::{Cause, ImageId, OwnSession, Photo, PhotoId, Shape},
    route::Routes,
    work::Wake,
};

/// What photos are handed to.
#[derive(Debug, Clone, Copy)]
pub struct Intake<'a> {
    /// The memory.
    pub journal: &'a dyn Journal,
    /// Who wants what.
    pub routes: &'a Routes,
    /// Woken when a photo has to be fetched.
    pub collector: &'a Wake,
    /// Woken when a delivery is due.
    pub sender: &'a Wake,
}

/// What became of a photo. It is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// Whether it is new.
    pub accepted: Accepted,
    /// Why nobody gets it, where it is new and nobody wants it.
    pub unrouted: Option<Cause>,
}

impl Intake<'_> {
    /// Plans a photo, commits it with its deliveries and wakes who has to go on with it.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing was stored then.
    pub async fn take(&self, photo: Photo, bytes: Bytes) -> Result<Taken, JournalError> {
        let is_here = bytes == Bytes::Stored;
        let plan = self.routes.plan(&photo);
        let is_held = plan.iter().any(|planned| planned.destination.is_none());
        let cause = is_held.then(|| unrouted(photo.target.as_ref(), &photo.tags));
        let accepted = self.journal.accept(Arrival { photo, bytes, plan }).await?;
        match accepted {
            Accepted::New if is_here => self.sender.wake(),
            Accepted::New => self.collector.wake(),
            Accepted::Duplicate { completed: true } => {
                self.collector.wake();
                self.sender.wake();
            }
            Accepted::Duplicate { completed: false } => {}
        }
        let unrouted = cause.filter(|_| accepted == Accepted::New);
        Ok(Taken { accepted, unrouted })
    }
}

/// What Apertur's lists say of a photo of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its id.
    pub image: ImageId,
    /// The name that the guest's device gave.
    pub filename: Option<String>,
    /// Its media type, as the device said.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

impl Listed {
    /// The photo that it is in a session of ours: lists name neither record nor tags, the
    /// session does. What is only measured in its bytes is not in it yet.
    #[must_use]
    pub fn photo(self, own: &OwnSession, shape: Shape, now: Timestamp) -> Photo {
        Photo {
            id: PhotoId::of_image(&self.image),
            image_id: Some(self.image),
            session: Some(own.session.clone()),
            index: None,
            filename: self.filename,
            media_type: self.media_type,
            size: self.size,
            sha256: None,
            tags: own.tags.clone(),
            target: Some(own.target.clone()),
            mode: own.mode,
            topic: None,
            shape,
            scheme: None,
            received_at: now,
        }
    }
}
