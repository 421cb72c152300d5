//! Taking events in, and knowing one photo as one photo.

use jiff::Timestamp;

use super::state::{DeliveryRow, PhotoRow, State};
use crate::{
    journal::{Accepted, Arrival, Bytes, Planned, SAME_PHOTO, is_hint, same_photo, unrouted},
    model::{
        AttemptOutcome, Delivery, DeliveryId, DeliveryState, ErrorKind, FetchState, Photo, PhotoId,
    },
};

impl State {
    pub(super) fn accept(&mut self, arrival: Arrival) -> Accepted {
        let Arrival { photo, bytes, plan } = arrival;
        if self.photos.contains_key(&photo.id) {
            let taken = self.take(&photo, bytes);
            return Accepted::Duplicate { completed: self.name_record(&photo, plan) || taken };
        }
        if self.original(&photo).is_some_and(|original| same_bytes(&original.photo, &photo)) {
            return Accepted::Duplicate { completed: false };
        }
        let (fetch, url) = match bytes {
            Bytes::Stored => (FetchState::Stored, None),
            Bytes::Announced { url } => (FetchState::Wanted, url),
        };
        let (id, now) = (photo.id.clone(), photo.received_at);
        let row = PhotoRow {
            number: self.next_number(),
            photo,
            url,
            fetch,
            cause: None,
            attempts: 0,
            due_at: now,
            since: now,
            lease: None,
        };
        self.photos.insert(id.clone(), row);
        self.plan(&id, plan, now);
        Accepted::New
    }

    /// Writes the deliveries of a plan, one a destination at most.
    pub(super) fn plan(&mut self, photo: &PhotoId, mut plan: Vec<Planned>, now: Timestamp) {
        if plan.is_empty() {
            plan.push(Planned { destination: None, target: None, mode: None });
        }
        for planned in plan {
            let theirs = |row: &DeliveryRow| {
                row.delivery.photo.id == *photo && row.delivery.destination == planned.destination
            };
            let Some(known) = self.photos.get(photo) else { return };
            if self.deliveries.values().any(theirs) {
                continue;
            }
            let known = known.photo.clone();
            let id = DeliveryId(self.next_number());
            let delivery = new_delivery(id, known, planned, now);
            self.deliveries.insert(id, DeliveryRow { delivery, lease: None });
            self.place(id, now);
        }
    }

    /// What follows when a fetch ended or became needless: the photo's own deliveries first,
    /// then those of copies that waited for it, so that at least one of each pair goes on.
    pub(super) fn fetch_ended(&mut self, photo: &PhotoId, now: Timestamp) {
        let own = |delivery: &Delivery| {
            delivery.photo.id == *photo
                && delivery.destination.is_some()
                && match delivery.state {
                    DeliveryState::Waiting => true,
                    DeliveryState::Held => !is_held_by_person(delivery),
                    _ => false,
                }
        };
        let copies = |delivery: &Delivery| {
            delivery.state == DeliveryState::Waiting
                && is_hint(&delivery.photo).is_some_and(|image| PhotoId::of_image(image) == *photo)
        };
        for id in self.ids(own) {
            self.place(id, now);
        }
        for id in self.ids(copies) {
            self.place(id, now);
        }
    }

    /// The bytes of a photo are in the spool.
    pub(super) fn bytes_arrived(&mut self, id: &PhotoId, bytes: &Photo, now: Timestamp) {
        let Some(row) = self.photos.get_mut(id) else { return };
        row.photo.sha256 = bytes.sha256;
        row.photo.size = bytes.size;
        row.photo.media_type.clone_from(&bytes.media_type);
        (row.fetch, row.url, row.cause, row.lease) = (FetchState::Stored, None, None, None);
        let photo = row.photo.clone();
        for row in self.deliveries.values_mut().filter(|row| row.delivery.photo.id == *id) {
            row.delivery.photo = photo.clone();
        }
        self.fetch_ended(id, now);
    }

    /// The photo that brings the same bytes to the same place already, if there is one.
    pub(super) fn covering(&self, delivery: &Delivery) -> Option<PhotoId> {
        let twin = self.twin(&delivery.photo)?;
        let covered = self
            .deliveries
            .values()
            .any(|row| row.delivery.photo.id == twin.id && covers(&row.delivery, delivery));
        covered.then(|| twin.id.clone())
    }

    /// The other half of a pair with the same bytes: one photo has a signed image id, the
    /// other is known only by its bytes and hints at it.
    fn twin(&self, photo: &Photo) -> Option<&Photo> {
        let twin = match self.original(photo) {
            Some(original) => original,
            None => self.photos.get(&PhotoId::of_bytes(&photo.sha256?)).filter(|copy| {
                is_hint(&copy.photo).is_some_and(|image| PhotoId::of_image(image) == photo.id)
            })?,
        };
        same_bytes(photo, &twin.photo).then_some(&twin.photo)
    }

    /// A known photo arrives again; gives whether it needed to be told its record.
    fn name_record(&mut self, arrived: &Photo, plan: Vec<Planned>) -> bool {
        let Some(row) = self.photos.get_mut(&arrived.id) else { return false };
        if row.photo.target.is_some() || arrived.target.is_none() {
            return false;
        }
        row.photo.target.clone_from(&arrived.target);
        row.photo.mode = arrived.mode.or(row.photo.mode);
        let photo = row.photo.clone();
        let ours = |delivery: &Delivery| delivery.photo.id == photo.id;
        for id in self.ids(ours) {
            let Some(row) = self.deliveries.get_mut(&id) else { continue };
            let delivery = &mut row.delivery;
            delivery.photo = photo.clone();
            let open = matches!(
                delivery.state,
                DeliveryState::Waiting | DeliveryState::Due | DeliveryState::Held
            );
            if open && delivery.target.is_none() {
                delivery.target.clone_from(&arrived.target);
                delivery.mode = arrived.mode.or(delivery.mode);
            }
        }
        if plan.iter().any(|planned| planned.destination.is_some()) {
            self.deliveries.retain(|_, row| {
                let delivery = &row.delivery;
                delivery.photo.id != photo.id
                    || delivery.destination.is_some()
                    || delivery.state != DeliveryState::Held
            });
            self.plan(&photo.id, plan, arrived.received_at);
        }
        true
    }

    /// A known photo arrives again; gives whether it needed the bytes.
    fn take(&mut self, arrived: &Photo, bytes: Bytes) -> bool {
        let Some(row) = self.photos.get_mut(&arrived.id) else { return false };
        if !matches!(row.fetch, FetchState::Wanted | FetchState::Held) {
            return false;
        }
        if let Bytes::Announced { url } = bytes {
            row.url = url.or(row.url.take());
            return false;
        }
        let now = arrived.received_at;
        if let Some(lease) = row.lease.take() {
            self.end_attempt(lease.attempt, AttemptOutcome::Cancelled, None, now);
        }
        self.bytes_arrived(&arrived.id, arrived, now);
        true
    }

    /// The photo whose image id this one, known only by its bytes, hints at.
    fn original(&self, photo: &Photo) -> Option<&PhotoRow> {
        is_hint(photo).and_then(|image| self.photos.get(&PhotoId::of_image(image)))
    }

    /// Gives a delivery the state it would have if its photo arrived now.
    fn place(&mut self, id: DeliveryId, now: Timestamp) {
        let Some(delivery) = self.deliveries.get(&id).map(|row| &row.delivery) else { return };
        let Some(photo) = self.photos.get(&delivery.photo.id) else { return };
        let waits = self.original(&photo.photo).is_some_and(|o| o.fetch == FetchState::Wanted);
        let (state, cause, receipt) = match photo.fetch {
            _ if delivery.destination.is_none() => (DeliveryState::Held, Some(unrouted()), None),
            FetchState::Wanted => (DeliveryState::Waiting, None, None),
            FetchState::Held => (DeliveryState::Held, photo.cause.clone(), None),
            FetchState::Stored | FetchState::Expired if waits => {
                (DeliveryState::Waiting, None, None)
            }
            FetchState::Stored | FetchState::Expired => match self.covering(delivery) {
                Some(other) => (DeliveryState::Delivered, None, Some(same_photo(&other))),
                None => (DeliveryState::Due, None, None),
            },
        };
        if let Some(row) = self.deliveries.get_mut(&id) {
            let delivery = &mut row.delivery;
            (delivery.state, delivery.cause, delivery.receipt) = (state, cause, receipt);
            (delivery.due_at, delivery.since) = (now, now);
            let ended = matches!(state, DeliveryState::Held | DeliveryState::Delivered);
            delivery.settled_at = ended.then_some(now);
        }
    }

    fn ids(&self, which: impl Fn(&Delivery) -> bool) -> Vec<DeliveryId> {
        self.deliveries
            .values()
            .map(|row| &row.delivery)
            .filter(|d| which(d))
            .map(|d| d.id)
            .collect()
    }
}

fn same_bytes(one: &Photo, other: &Photo) -> bool {
    one.sha256.is_some() && one.sha256 == other.sha256
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
    let apart = matches!((&mine.target, &other.target), (Some(a), Some(b)) if a != b);
    on_its_way && !apart && other.destination == mine.destination
}

fn is_held_by_person(delivery: &Delivery) -> bool {
    delivery.cause.as_ref().is_some_and(|cause| cause.kind == ErrorKind::Operator)
}

fn new_delivery(id: DeliveryId, photo: Photo, planned: Planned, now: Timestamp) -> Delivery {
    Delivery {
        id,
        photo,
        destination: planned.destination,
        target: planned.target,
        mode: planned.mode,
        state: DeliveryState::Waiting,
        attempts: 0,
        due_at: now,
        since: now,
        unsure: false,
        steps: Vec::new(),
        cause: None,
        receipt: None,
        settled_at: None,
    }
}
