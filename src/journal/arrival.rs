//! What is taken in: a verified event with its photo and its plan.

use std::fmt;

use crate::model::{Cause, Digest, Photo, Planned};

/// How the bytes of an arriving photo can be had.
#[derive(Clone, PartialEq, Eq)]
pub enum Bytes {
    /// In the spool already, under `photo.sha256`.
    Stored,
    /// In the spool already, but end-to-end encrypted: to be opened first.
    Sealed {
        /// The digest of the envelope.
        envelope: Digest,
    },
    /// To be fetched: by the link if there is one, else by the image id.
    Announced {
        /// The link Apertur gave; works like a password while it lives.
        url: Option<String>,
    },
}

/// Without the link.
impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("Stored"),
            Self::Sealed { .. } => f.write_str("Sealed"),
            Self::Announced { url: Some(_) } => f.write_str("Announced, with a link"),
            Self::Announced { url: None } => f.write_str("Announced, without a link"),
        }
    }
}

/// A verified event with its photo and its plan.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The photo. `photo.sha256` and `photo.size` are set when `bytes` is `Stored`.
    pub photo: Photo,
    /// Where its bytes are.
    pub bytes: Bytes,
    /// At least one.
    pub plan: Vec<Planned>,
    /// Why a planned delivery without destination is held, where it is for another reason than
    /// [`super::unrouted`]: of kind `unrouted`, too, so that a replay plans it by its target.
    pub held: Option<Cause>,
    /// Whether it is not certain which record the photo belongs to. The plan is one delivery
    /// without destination then, which is held until a person plans it again or until somebody
    /// tells for certain.
    pub is_doubtful: bool,
}

/// What became of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// New: photo and deliveries are on disk.
    New,
    /// Known: nothing was made twice.
    Duplicate {
        /// Whether the arrival completed the known photo: brought the bytes that it lacked or
        /// a fresh link to them, or named its record. There may be work now.
        completed: bool,
    },
}
