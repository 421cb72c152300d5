//! The state that a delivery gets from its photo's bytes and from other photos with the same.

use jiff::Timestamp;

use super::state::{PhotoRow, State};
use crate::{
    journal::{SAME_PHOTO, are_apart, cause::bytes_gone, is_hint, same_photo, unrouted},
    model::{
        Delivery, DeliveryId, DeliveryState, ErrorKind, FetchState, Mode, Photo, PhotoId, Target,
    },
};

impl State {
    /// What follows when a fetch ended, became needless or begins anew: the photo's own
    /// deliveries first, then those of copies that waited for it, so that at least one of each
    /// pair goes on.
    pub(super) fn fetch_changed(&mut self, photo: &PhotoId, now: Timestamp) {
        let copies = |delivery: &Delivery| {
            delivery.state == DeliveryState::Waiting
                && is_hint(&delivery.photo).is_some_and(|image| PhotoId::of_image(image) == *photo)
        };
        for id in self.lacking_bytes(photo) {
            self.place(id, now);
        }
        for id in self.ids(copies) {
            self.place(id, now);
        }
        self.end_doubts(photo, now);
    }

    /// A photo has its bytes or its record now: what is in doubt, it or copies of it, is left to
    /// the photo that it is for certain, which goes where it belongs.
    pub(super) fn end_doubts(&mut self, photo: &PhotoId, now: Timestamp) {
        let certain = |delivery: &Delivery| {
            let doubtful = self.photos.get(&delivery.photo.id).filter(|row| row.is_doubtful)?;
            let original = self.original(&doubtful.photo).filter(|row| !row.is_doubtful)?;
            let (doubtful, original) = (&doubtful.photo, &original.photo);
            let is_asked = doubtful.id == *photo || original.id == *photo;
            let is_told = is_told(original, doubtful);
            (is_asked && same_bytes(original, doubtful) && is_told).then(|| original.id.clone())
        };
        let undecided = |delivery: &&Delivery| {
            delivery.destination.is_none() && is_held(delivery, ErrorKind::Unrouted)
        };
        let all = self.deliveries.values().map(|row| &row.delivery).filter(undecided);
        let ended: Vec<_> = all.filter_map(|d| Some((d.id, certain(d)?))).collect();
        for (id, certain) in ended {
            if let Some(row) = self.deliveries.get_mut(&id) {
                left(&mut row.delivery, &certain, now);
            }
        }
    }

    /// Deliveries of a photo without bytes that would be sent if it had them.
    pub(super) fn lacking_bytes(&self, photo: &PhotoId) -> Vec<DeliveryId> {
        self.ids(|delivery| {
            delivery.photo.id == *photo
                && delivery.destination.is_some()
                && match delivery.state {
                    DeliveryState::Waiting => true,
                    DeliveryState::Held => {
                        !is_held(delivery, ErrorKind::Operator)
                            && !is_held(delivery, ErrorKind::Unrouted)
                    }
                    _ => false,
                }
        })
    }

    /// The delivery that brings the same bytes to the same place already, if there is one.
    pub(super) fn covering(&self, delivery: &Delivery) -> Option<DeliveryId> {
        let mut others = self.deliveries.values().map(|row| &row.delivery);
        let covering = others
            .find(|other| are_twins(&other.photo, &delivery.photo) && covers(other, delivery));
        covering.map(|covering| covering.id)
    }

    /// The photo whose image id this one, known only by its bytes, hints at.
    pub(super) fn original(&self, photo: &Photo) -> Option<&PhotoRow> {
        is_hint(photo).and_then(|image| self.photos.get(&PhotoId::of_image(image)))
    }

    /// Gives a delivery the state it would have if its photo arrived now.
    pub(super) fn place(&mut self, id: DeliveryId, now: Timestamp) {
        let Some(delivery) = self.deliveries.get(&id).map(|row| &row.delivery) else { return };
        let Some(photo) = self.photos.get(&delivery.photo.id) else { return };
        let waits = self.original(&photo.photo).is_some_and(|o| o.fetch == FetchState::Wanted);
        let (state, cause) = match photo.fetch {
            _ if delivery.destination.is_none() => {
                (DeliveryState::Held, Some(unrouted(delivery.target.as_ref(), &photo.photo.tags)))
            }
            FetchState::Wanted => (DeliveryState::Waiting, None),
            FetchState::Held => (DeliveryState::Held, photo.cause.clone()),
            FetchState::Expired => (DeliveryState::Held, Some(bytes_gone())),
            FetchState::Stored if waits => (DeliveryState::Waiting, None),
            FetchState::Stored => match self.covering(delivery) {
                Some(other) => return self.leave_to(id, other, now),
                None => (DeliveryState::Due, None),
            },
        };
        if let Some(row) = self.deliveries.get_mut(&id) {
            let delivery = &mut row.delivery;
            (delivery.state, delivery.cause, delivery.receipt) = (state, cause, None);
            (delivery.due_at, delivery.since) = (now, now);
            delivery.settled_at = (state == DeliveryState::Held).then_some(now);
        }
    }

    /// Leaves a delivery to one of another photo with the same bytes, which takes its record
    /// over where it has none and is not settled yet.
    pub(super) fn leave_to(&mut self, id: DeliveryId, other: DeliveryId, now: Timestamp) {
        let Some(other) = self.deliveries.get(&other).map(|row| row.delivery.clone()) else {
            return;
        };
        let Some(row) = self.deliveries.get_mut(&id) else { return };
        let delivery = &mut row.delivery;
        left(delivery, &other.photo.id, now);
        let open = matches!(other.state, DeliveryState::Due | DeliveryState::Sending);
        if let (Some(target), mode) = (delivery.target.clone(), delivery.mode)
            && open
            && other.target.is_none()
        {
            self.name(&other.photo.id, &target, mode);
        }
    }

    /// Tells a photo and its deliveries the record, where they name none and are not settled.
    pub(super) fn name(&mut self, id: &PhotoId, target: &Target, mode: Option<Mode>) {
        let Some(row) = self.photos.get_mut(id) else { return };
        if row.photo.target.is_none() {
            row.photo.target = Some(target.clone());
            row.photo.mode = mode.or(row.photo.mode);
        }
        let photo = row.photo.clone();
        let ours = self.deliveries.values_mut().map(|row| &mut row.delivery);
        for delivery in ours.filter(|delivery| delivery.photo.id == *id) {
            delivery.photo = photo.clone();
            let over = matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Dropped);
            if !over && delivery.target.is_none() {
                delivery.target = Some(target.clone());
                delivery.mode = mode.or(delivery.mode);
            }
        }
    }

    pub(super) fn ids(&self, which: impl Fn(&Delivery) -> bool) -> Vec<DeliveryId> {
        self.deliveries
            .values()
            .map(|row| &row.delivery)
            .filter(|d| which(d))
            .map(|d| d.id)
            .collect()
    }
}

/// Ends a delivery that is another photo's.
fn left(delivery: &mut Delivery, photo: &PhotoId, now: Timestamp) {
    (delivery.state, delivery.unsure) = (DeliveryState::Delivered, false);
    (delivery.cause, delivery.settled_at) = (None, Some(now));
    delivery.receipt = Some(same_photo(photo));
}

/// Whether a photo whose record is certain tells that of a copy in doubt: it is the same, or
/// both came in one session.
pub(super) fn is_told(certain: &Photo, doubtful: &Photo) -> bool {
    let same_session = certain.session.is_some() && certain.session == doubtful.session;
    let is_apart = are_apart(certain.target.as_ref(), doubtful.target.as_ref());
    certain.target.is_some() && (same_session || !is_apart)
}

pub(super) fn same_bytes(one: &Photo, other: &Photo) -> bool {
    one.sha256.is_some() && one.sha256 == other.sha256
}

/// Whether a delivery is held for this kind of reason.
pub(super) fn is_held(delivery: &Delivery, kind: ErrorKind) -> bool {
    delivery.state == DeliveryState::Held
        && delivery.cause.as_ref().is_some_and(|cause| cause.kind == kind)
}

/// Whether two photos have the same bytes, and one is known only by them and hints at the image
/// id of the other, or at none and is of its session; or both are known only by their bytes,
/// which came in two envelopes, and hint at the same image id, or at none and are of one session.
fn are_twins(one: &Photo, other: &Photo) -> bool {
    let copies = |copy: &Photo, photo: &Photo| match &copy.image_id {
        Some(_) => is_hint(copy).is_some_and(|image| PhotoId::of_image(image) == photo.id),
        None => {
            let is_named = photo.image_id.is_some() && is_hint(photo).is_none();
            is_named && copy.session.is_some() && copy.session == photo.session
        }
    };
    let is_copy = |photo: &Photo| photo.image_id.is_none() || is_hint(photo).is_some();
    let are_copies = one.id != other.id
        && one.image_id == other.image_id
        && is_copy(one)
        && is_copy(other)
        && (one.image_id.is_some() || (one.session.is_some() && one.session == other.session));
    same_bytes(one, other) && (copies(one, other) || copies(other, one) || are_copies)
}

/// Whether `other` is on its way to where `mine` would go. One that was itself left to its twin
/// is not: else each would wait for the other and none be sent.
fn covers(other: &Delivery, mine: &Delivery) -> bool {
    let note = other.receipt.as_ref().and_then(|receipt| receipt.note.as_deref());
    let on_its_way = match other.state {
        DeliveryState::Due | DeliveryState::Sending => true,
        DeliveryState::Delivered => !note.is_some_and(|note| note.starts_with(SAME_PHOTO)),
        _ => false,
    };
    on_its_way
        && !are_apart(mine.target.as_ref(), other.target.as_ref())
        && other.destination == mine.destination
}
