//! What a collector is given and gives back: a photo to fetch, and how that ended.

use std::fmt;

use jiff::Timestamp;

use crate::model::{AttemptId, Cause, Digest, Photo};

/// A photo whose bytes the caller has to fetch, under a lease.
#[derive(Clone)]
pub struct Fetch {
    /// The photo.
    pub photo: Photo,
    /// The link, if Apertur gave one.
    pub url: Option<String>,
    /// The digest of the envelope in the spool, if the photo came in one: to be opened first.
    pub envelope: Option<Digest>,
    /// Fetches that counted before this one.
    pub attempts: u32,
    /// The attempt that was written down for this one.
    pub attempt: AttemptId,
    /// When the first try was due (acceptance or replay).
    pub since: Timestamp,
}

/// Without the link.
impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Fetch");
        shown.field("photo", &self.photo).field("attempts", &self.attempts);
        shown.field("attempt", &self.attempt).field("envelope", &self.envelope);
        shown.finish_non_exhaustive()
    }
}

/// How a fetch ended.
#[derive(Debug, Clone)]
pub enum FetchEnd {
    /// The bytes are in the spool.
    Stored {
        /// Their digest.
        sha256: Digest,
        /// Their number.
        size: u64,
        /// The media type, read from the bytes.
        media_type: String,
    },
    /// Again at this time.
    Later {
        /// When.
        at: Timestamp,
        /// Why.
        cause: Cause,
    },
    /// Only a person can help: the photo is held, and so are its deliveries.
    Held {
        /// Why.
        cause: Cause,
    },
    /// The daemon stops; the try does not count and is due again at once.
    Cancelled,
}
