//! Making a photo durable, whoever brought it: the plan, one commit, the wake of whoever goes on.
//! Its bytes are in the spool already, or announced. Says and counts nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    journal::{
        Accepted, Arrival, Bytes, Journal, JournalError, Planned, misnamed, missed, unrouted,
    },
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
    /// Why nobody gets it, where it is new and nobody wants it or a person has to look first; else
    /// what is odd about its tags.
    pub remark: Option<Cause>,
}

impl Intake<'_> {
    /// Plans a photo, commits it with its deliveries and wakes who has to go on with it. A photo
    /// in doubt goes nowhere until somebody has looked.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing was stored then.
    pub async fn take(
        &self,
        photo: Photo,
        bytes: Bytes,
        doubt: Option<Cause>,
    ) -> Result<Taken, JournalError> {
        let is_here = bytes == Bytes::Stored;
        let (target, tags) = (photo.target.as_ref(), &photo.tags);
        let (plan, held) = match &doubt {
            Some(doubt) => {
                let (target, mode) = (target.cloned(), photo.mode);
                (vec![Planned { destination: None, target, mode }], Some(doubt.clone()))
            }
            None => {
                let own = session_of(self.journal, &photo).await?;
                planned(self.routes, &photo, own.as_ref())
            }
        };
        let cause = held.clone().or_else(|| misnamed(target, tags));
        let arrival = Arrival { photo, bytes, plan, held, is_doubtful: doubt.is_some() };
        let accepted = self.journal.accept(arrival).await?;
        match accepted {
            Accepted::New if is_here => self.sender.wake(),
            Accepted::New => self.collector.wake(),
            Accepted::Duplicate { completed: true } => {
                self.collector.wake();
                self.sender.wake();
            }
            Accepted::Duplicate { completed: false } => {}
        }
        let remark = cause.filter(|_| accepted == Accepted::New);
        Ok(Taken { accepted, remark })
    }
}

/// The session of ours that a photo came in.
///
/// # Errors
/// When the journal cannot be read.
pub async fn session_of(
    journal: &dyn Journal,
    photo: &Photo,
) -> Result<Option<OwnSession>, JournalError> {
    match &photo.session {
        Some(session) => journal.session(session).await,
        None => Ok(None),
    }
}

/// The plan for a photo of this session of ours, and why a part of it is held, if one is.
#[must_use]
pub fn planned(
    routes: &Routes,
    photo: &Photo,
    own: Option<&OwnSession>,
) -> (Vec<Planned>, Option<Cause>) {
    let plan = routes.plan(photo, own);
    let is_held = plan.iter().any(|planned| planned.destination.is_none());
    let target = photo.target.as_ref();
    let cause = is_held.then(|| match routes.missed(photo, own) {
        Some(destination) => missed(destination, target),
        None => unrouted(target, &photo.tags),
    });
    (plan, cause)
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
