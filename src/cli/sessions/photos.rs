//! The photos of a session: what we know of each beside what Apertur says.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use crate::{
    apertur::{DeliveryStatus, RemoteFile},
    cli::output::Failure,
    journal::Journal,
    model::{Cause, Delivery, DeliveryState, Filter, ImageId, PhotoId, SessionId},
};

/// Most deliveries that are looked at of one session.
const MOST: usize = 10_000;

/// One photo of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Photo {
    /// Its id here; `None` while it is not here.
    pub(super) id: Option<PhotoId>,
    /// Apertur's id of it.
    pub(super) image: Option<ImageId>,
    pub(super) filename: Option<String>,
    pub(super) received_at: Option<jiff::Timestamp>,
    /// Where it stands here.
    pub(super) deliveries: Vec<Standing>,
    /// Where it stands at Apertur, as far as that was asked for.
    pub(super) apertur: Option<RemoteFile>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Standing {
    /// `None` where no destination wants the photo.
    pub(super) destination: Option<String>,
    pub(super) state: DeliveryState,
    pub(super) cause: Option<Cause>,
    pub(super) url: Option<String>,
}

impl Standing {
    /// Whether its last attempt failed.
    fn is_failing(&self) -> bool {
        matches!(self.state, DeliveryState::Due | DeliveryState::Held)
    }

    fn is_settled(&self) -> bool {
        use DeliveryState::{Delivered, Dropped, Held};
        matches!(self.state, Delivered | Held | Dropped)
    }
}

impl Photo {
    /// Its name for people.
    pub(super) fn title(&self) -> String {
        let id = self.id.as_ref().map(ToString::to_string);
        let id = id.or(self.image.as_ref().map(ToString::to_string)).unwrap_or_default();
        self.filename.as_ref().map_or(id.clone(), |name| format!("{name} ({id})"))
    }

    /// Where it stands, here first, for people.
    pub(super) fn standing(&self) -> String {
        if self.id.is_none() {
            return format!("not here yet; at Apertur {}", self.remote());
        }
        let each = self.deliveries.iter().map(|standing| {
            let to = standing.destination.as_deref().unwrap_or("nobody");
            let cause = standing.cause.as_ref().filter(|_| standing.is_failing());
            let why = cause.map_or(String::new(), |cause| format!(" ({})", cause.what));
            format!("{to}: {}{why}", standing.state)
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// What Apertur says, for people.
    pub(super) fn remote(&self) -> String {
        let Some(file) = &self.apertur else { return "-".to_owned() };
        let each = file.destinations.iter().map(|to| {
            let name = if to.place.name.is_empty() { &to.place.kind } else { &to.place.name };
            let error = to.last_error.as_ref().map_or(String::new(), |said| format!(" ({said})"));
            format!("{name}: {}{error}", to.status)
        });
        let all = each.collect::<Vec<_>>().join(", ");
        if all.is_empty() { "uploaded".to_owned() } else { all }
    }

    /// Whether nothing more happens to it by itself.
    pub(super) fn is_settled(&self) -> bool {
        self.id.is_some() && self.deliveries.iter().all(Standing::is_settled)
    }
}

/// The photos of a session, oldest first; those that only Apertur knows come last.
pub(super) async fn of_session(
    journal: &Arc<dyn Journal>,
    session: &SessionId,
    remote: Option<&DeliveryStatus>,
) -> Result<Vec<Photo>, Failure> {
    let filter = Filter { session: Some(session.clone()), ..Filter::default() };
    let mut deliveries = journal.list(&filter, None, MOST).await?;
    deliveries.reverse();
    Ok(joined(deliveries, remote))
}

fn joined(deliveries: Vec<Delivery>, remote: Option<&DeliveryStatus>) -> Vec<Photo> {
    let files = remote.map(|status| status.files.as_slice()).unwrap_or_default();
    let mut photos: Vec<Photo> = Vec::new();
    let mut at: BTreeMap<PhotoId, usize> = BTreeMap::new();
    for delivery in deliveries {
        let known = *at.entry(delivery.photo.id.clone()).or_insert(photos.len());
        if known == photos.len() {
            let photo = &delivery.photo;
            let is_it = |file: &&RemoteFile| Some(&file.image) == photo.image_id.as_ref();
            photos.push(Photo {
                id: Some(photo.id.clone()),
                image: photo.image_id.clone(),
                filename: photo.filename.clone(),
                received_at: Some(photo.received_at),
                deliveries: Vec::new(),
                apertur: files.iter().find(is_it).cloned(),
            });
        }
        if let Some(photo) = photos.get_mut(known) {
            photo.deliveries.push(Standing {
                destination: delivery.destination.as_ref().map(ToString::to_string),
                state: delivery.state,
                cause: delivery.cause,
                url: delivery.receipt.and_then(|receipt| receipt.url),
            });
        }
    }
    let is_new =
        |file: &&RemoteFile| !photos.iter().any(|photo| photo.image.as_ref() == Some(&file.image));
    let missing: Vec<_> = files.iter().filter(is_new).map(only_there).collect();
    photos.extend(missing);
    photos
}

fn only_there(file: &RemoteFile) -> Photo {
    Photo {
        id: None,
        image: Some(file.image.clone()),
        filename: file.filename.clone(),
        received_at: None,
        deliveries: Vec::new(),
        apertur: Some(file.clone()),
    }
}
