//! Where the photos of a session stand for its record. Pure.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::{Delivery, DeliveryState, DestinationName, ErrorKind, OwnSession, PhotoId};

/// How long after a session's end photos may still come.
const STRAGGLERS: SignedDuration = SignedDuration::from_mins(2);

/// Where a photo stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Announced; its bytes are not here yet.
    Received,
    /// On its way to the record.
    Sending,
    /// Still on its way: something failed that may pass.
    Delayed(ErrorKind),
    /// On the record.
    Landed,
    /// Where the routes send it, which is not the record.
    Stored,
    /// Somebody has to help.
    Problem(ErrorKind),
}

impl Standing {
    /// The word of the page's `data-state`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sending => "sending",
            Self::Delayed(_) => "delayed",
            Self::Landed => "landed",
            Self::Stored => "stored",
            Self::Problem(_) => "problem",
        }
    }

    fn is_settled(self) -> bool {
        matches!(self, Self::Landed | Self::Stored | Self::Problem(_))
    }
}

/// A photo of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Photo {
    /// What the guest's device called it.
    pub(super) filename: Option<String>,
    pub(super) received_at: Timestamp,
    pub(super) standing: Standing,
}

/// The photos of a session, oldest first, as they stand at a destination. `deliveries` are those
/// of the session, newest first as the journal lists them. Where the routes send none of a photo's
/// deliveries to the destination, the others count.
pub(super) fn photos(deliveries: &[Delivery], destination: &DestinationName) -> Vec<Photo> {
    let mut order: Vec<&PhotoId> = Vec::new();
    let mut of: HashMap<&PhotoId, Vec<&Delivery>> = HashMap::new();
    for delivery in deliveries.iter().rev() {
        let all = of.entry(&delivery.photo.id).or_default();
        if all.is_empty() {
            order.push(&delivery.photo.id);
        }
        all.push(delivery);
    }
    let photo = |id: &PhotoId| {
        let all = of.get(id)?;
        let photo = &all.first()?.photo;
        Some(Photo {
            filename: photo.filename.clone(),
            received_at: photo.received_at,
            standing: standing(all, destination)?,
        })
    };
    order.into_iter().filter_map(photo).collect()
}

fn standing(all: &[&Delivery], destination: &DestinationName) -> Option<Standing> {
    let is_here = |delivery: &&&Delivery| delivery.destination.as_ref() == Some(destination);
    let here: Vec<_> = all.iter().filter(is_here).map(|delivery| of(delivery)).collect();
    let elsewhere = |delivery: &&Delivery| match of(delivery) {
        Standing::Landed => Standing::Stored,
        other => other,
    };
    let standings = if here.is_empty() { all.iter().map(elsewhere).collect() } else { here };
    standings.into_iter().min_by_key(|standing| match standing {
        Standing::Problem(_) => 0,
        Standing::Delayed(_) => 1,
        Standing::Received => 2,
        Standing::Sending => 3,
        Standing::Stored => 4,
        Standing::Landed => 5,
    })
}

fn of(delivery: &Delivery) -> Standing {
    let kind = delivery.cause.as_ref().map(|cause| cause.kind);
    match (delivery.state, kind) {
        (DeliveryState::Waiting, None) => Standing::Received,
        (DeliveryState::Due | DeliveryState::Waiting, Some(kind)) => Standing::Delayed(kind),
        (DeliveryState::Due | DeliveryState::Sending, _) => Standing::Sending,
        (DeliveryState::Delivered, _) => Standing::Landed,
        (DeliveryState::Held, kind) => Standing::Problem(kind.unwrap_or(ErrorKind::Operator)),
        (DeliveryState::Dropped, _) => Standing::Problem(ErrorKind::Operator),
    }
}

/// Whether nothing more happens: nobody can upload any more, and every photo came to rest. A
/// session that was closed here ends when Apertur says so.
pub(super) fn is_done(own: &OwnSession, photos: &[Photo], now: Timestamp) -> bool {
    let last = own.expires_at.checked_add(STRAGGLERS).unwrap_or(Timestamp::MAX);
    now >= last && photos.iter().all(|photo| photo.standing.is_settled())
}
