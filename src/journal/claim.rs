//! What a sender asks for, gets and gives back: deliveries in parcels, and how their attempts
//! ended. What fits together is said here, for every store.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    model::{
        AttemptId, Cause, Delivery, DeliveryId, DestinationName, Mode, Receipt, SessionId, Target,
    },
    system::later,
};

/// The slowest line over which a photo is waited for, in bytes a second.
const SLOWEST: u64 = 32 * 1024;
/// How often the bytes of a parcel may go over it: looked for, sent together, sent one by one.
const CALLS: u32 = 3;

/// The time that so many bytes have over a slow line, on top of what any call has: a second for
/// every 32 KiB.
#[must_use]
pub fn on_the_way(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SLOWEST)
}

/// Which deliveries a sender wants.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The time.
    pub now: Timestamp,
    /// Until when the sender holds a parcel of one without bytes, for which there is more time
    /// ([`on_the_way`], three times); after that anybody may claim it again.
    pub lease_until: Timestamp,
    /// How much longer it holds a parcel for each further delivery in it.
    pub lease_more: Duration,
    /// Only deliveries for this destination.
    pub destination: DestinationName,
    /// At most this many parcels.
    pub limit: usize,
    /// Deliveries in one parcel, at least 1. Only deliveries of photos of one session, for one
    /// record ([`Target::record`]) and in one mode travel together; those without session or
    /// target travel alone.
    pub photos_per_parcel: usize,
    /// Bytes in one parcel; the first photo goes however large it is.
    pub parcel_size: u64,
    /// One parcel per record ([`Target::record`]), and none whose record has a delivery in
    /// `sending` under a live lease.
    pub one_per_target: bool,
    /// What the caller has in flight right now: never claimed again, whatever its lease says
    /// (the clock may have jumped), and its record is busy.
    pub except: Vec<DeliveryId>,
}

/// A delivery with the attempt that was written down for it.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The delivery, in state `sending`; `attempts` counts this one too.
    pub delivery: Delivery,
    /// The attempt, open.
    pub attempt: AttemptId,
}

/// How a delivery's attempt ended.
#[derive(Debug, Clone)]
pub enum DeliveryEnd {
    /// Stored there.
    Delivered(Receipt),
    /// Surely not stored: due again at this time.
    Later {
        /// When.
        at: Timestamp,
        /// Why.
        cause: Cause,
        /// Whether the attempt counts (a rate limit or a shutdown does not).
        counts: bool,
    },
    /// May be stored: due again at this time, and to be looked for first.
    Unknown {
        /// When.
        at: Timestamp,
        /// Why.
        cause: Cause,
    },
    /// The destination is broken: due again at once (its pause keeps it), does not count.
    Broken {
        /// Why.
        cause: Cause,
    },
    /// Only a person can help.
    Held {
        /// Why.
        cause: Cause,
    },
    /// The daemon stops before anything was sent: due at once, does not count.
    Cancelled,
}

/// What the deliveries of a parcel have in common.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Common<'a> {
    pub(super) session: &'a SessionId,
    pub(super) record: Target,
    pub(super) mode: Option<Mode>,
}

impl Claim {
    /// What others need to have in common with this delivery to travel with it; `None` where
    /// it travels alone.
    pub(super) fn common<'a>(&self, delivery: &'a Delivery) -> Option<Common<'a>> {
        let session = delivery.photo.session.as_ref().filter(|_| self.photos_per_parcel > 1)?;
        Some(Common { session, record: delivery.target.as_ref()?.record(), mode: delivery.mode })
    }

    /// Until when a parcel of these deliveries is held.
    pub(super) fn leased_until<'a>(
        &self,
        parcel: impl ExactSizeIterator<Item = &'a Delivery>,
    ) -> Timestamp {
        let further = u32::try_from(parcel.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let bytes = parcel.map(size).fold(0, u64::saturating_add);
        let sending = on_the_way(bytes).saturating_mul(CALLS);
        later(self.lease_until, self.lease_more.saturating_mul(further).saturating_add(sending))
    }

    /// The room in a parcel that has its first delivery.
    pub(super) fn room_beside(&self, first: &Delivery) -> Room {
        Room {
            photos: self.photos_per_parcel.saturating_sub(1),
            bytes: self.parcel_size.saturating_sub(size(first)),
        }
    }
}

/// The room left in a parcel.
pub(super) struct Room {
    photos: usize,
    bytes: u64,
}

impl Room {
    /// Takes the room for one more, or gives `false`: it does not fit, and none comes after it.
    pub(super) fn take(&mut self, delivery: &Delivery) -> bool {
        let left = (self.photos.checked_sub(1), self.bytes.checked_sub(size(delivery)));
        let (Some(photos), Some(bytes)) = left else { return false };
        *self = Self { photos, bytes };
        true
    }
}

/// Where a delivery stands in its parcel: by the photo's index in the session, then number.
pub(super) fn place(delivery: &Delivery) -> impl Ord + use<> {
    (delivery.photo.index.is_none(), delivery.photo.index, delivery.id)
}

fn size(delivery: &Delivery) -> u64 {
    delivery.photo.size.unwrap_or(0)
}
