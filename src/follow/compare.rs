//! What Apertur says of a session's photos beside what is known here. Asks the journal, changes
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::pace;
use crate::{
    apertur::{DeliveryStatus, RemoteDelivery, RemoteFile},
    journal::{Journal, JournalError},
    model::{Filter, ImageId, OwnSession, PhotoId},
};

/// Most deliveries of a record that are looked at.
const MOST: usize = 10_000;

/// Where a photo of a session stands that Apertur has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In our journal.
    Here,
    /// Not here, and Apertur may still be about to deliver it, or it waits to be polled.
    OnItsWay,
    /// Not here, and nobody is going to bring it.
    Missing,
    /// Not here: it was delivered to a destination at Apertur that is none of ours.
    Elsewhere,
}

/// What is known besides Apertur's answer.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The memory.
    pub journal: &'a dyn Journal,
    /// Apertur's ids of the destinations that post to us; empty where that is not known.
    pub destinations: &'a [String],
    /// Whether the session is polled still.
    pub is_polled: bool,
    /// Now.
    pub now: Timestamp,
}

/// Tells for each photo of a session where it stands, in Apertur's order. `is_old` says of a
/// photo whether it was there long ago already: whatever may deliver it has given up by now. All
/// are a quarter of an hour after the session's end.
///
/// A photo is here if its image id is known; also if it was delivered to us and one of this
/// session or record is known by its bytes alone, with the same number of them: the shapes that
/// sign no image id may come without any. Each of those stands for one photo; one too many is
/// fetched, and its bytes tell.
///
/// # Errors
/// When the journal cannot be read.
pub async fn compare(
    own: &OwnSession,
    status: &DeliveryStatus,
    is_old: impl Fn(&ImageId) -> bool,
    known: Known<'_>,
) -> Result<Vec<(RemoteFile, Standing)>, JournalError> {
    let mut compared = Vec::with_capacity(status.files.len());
    let mut nameless = None;
    let has_ended = known.now >= pace::end(own);
    for file in &status.files {
        let photo = PhotoId::of_image(&file.image);
        let standing = if known.journal.knows_photo(&photo).await?.is_some() {
            Standing::Here
        } else {
            let standing = standing(file, has_ended || is_old(&file.image), known);
            let was_posted =
                file.destinations.iter().any(|to| posts(to) && is_ours(to, known) && is_sent(to));
            if nameless.is_none() && was_posted {
                nameless = Some(known_by_bytes(own, known).await?);
            }
            let sizes = nameless.as_mut().filter(|_| was_posted);
            let left = sizes.and_then(|sizes| sizes.get_mut(&file.size?)).filter(|left| **left > 0);
            match left {
                Some(left) => {
                    *left -= 1;
                    Standing::Here
                }
                None => standing,
            }
        };
        compared.push((file.clone(), standing));
    }
    Ok(compared)
}

/// Where a photo stands whose image id is not known.
fn standing(file: &RemoteFile, is_old: bool, known: Known<'_>) -> Standing {
    let waiting = if is_old { Standing::Missing } else { Standing::OnItsWay };
    let posted: Vec<_> = file.destinations.iter().filter(|to| posts(to)).collect();
    let ours: Vec<_> = posted.iter().copied().filter(|to| is_ours(to, known)).collect();
    match (ours.as_slice(), posted.as_slice()) {
        // It goes to no destination that posts: an event may tell of it, or it is polled for.
        ([], []) if known.is_polled => Standing::OnItsWay,
        ([], []) => waiting,
        ([], others) if others.iter().any(|to| is_sent(to)) => Standing::Elsewhere,
        ([], _) => waiting,
        (ours, _) if ours.iter().any(|to| is_sent(to)) => Standing::Missing,
        (ours, _) if ours.iter().all(|to| to.status == "failed") => Standing::Missing,
        _ => waiting,
    }
}

/// How many photos of each size came since the session was made and are known by their bytes
/// alone, without any image id; without those that are known by an id as well.
async fn known_by_bytes(
    own: &OwnSession,
    known: Known<'_>,
) -> Result<BTreeMap<u64, usize>, JournalError> {
    let target = Some(own.target.clone());
    let filter = Filter { target, since: Some(own.created_at), ..Filter::default() };
    let deliveries = known.journal.list(&filter, None, MOST).await?;
    let photos: BTreeMap<_, _> = deliveries
        .into_iter()
        .map(|delivery| (delivery.photo.id.clone(), delivery.photo))
        .collect();
    let named = photos.values().filter(|photo| photo.image_id.is_some());
    let named: BTreeSet<_> = named.filter_map(|photo| photo.sha256).collect();
    let nameless = photos.values().filter(|photo| {
        let of_another = photo.session.as_ref().is_some_and(|other| *other != own.session);
        let is_named = photo.sha256.is_some_and(|sha256| named.contains(&sha256));
        photo.image_id.is_none() && !of_another && !is_named
    });
    let mut sizes = BTreeMap::new();
    for size in nameless.filter_map(|photo| photo.size) {
        *sizes.entry(size).or_default() += 1;
    }
    Ok(sizes)
}

/// Whether a destination at Apertur is one of ours.
fn is_ours(to: &RemoteDelivery, known: Known<'_>) -> bool {
    known.destinations.is_empty() || known.destinations.contains(&to.place.id)
}

/// Whether a destination's type is one that posts to a bridge.
fn posts(to: &RemoteDelivery) -> bool {
    matches!(to.place.kind.as_str(), "webhook" | "odoo")
}

/// The second word is of older documents.
fn is_sent(to: &RemoteDelivery) -> bool {
    matches!(to.status.as_str(), "sent" | "delivered")
}
