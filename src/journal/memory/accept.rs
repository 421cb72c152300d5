//! Taking events in, and knowing one photo as one photo.

use jiff::Timestamp;

use super::{
    place::{is_held, is_told, same_bytes},
    state::{DeliveryRow, PhotoRow, State},
};
use crate::{
    journal::{Accepted, Arrival, Bytes, Planned, are_apart},
    model::{
        AttemptOutcome, Cause, Delivery, DeliveryId, DeliveryState, DestinationName, Digest,
        ErrorKind, FetchState, Photo, PhotoId,
    },
};

impl State {
    pub(super) fn accept(&mut self, arrival: Arrival) -> Accepted {
        if self.photos.contains_key(&arrival.photo.id) {
            let completed = self.complete(&arrival.photo.id.clone(), arrival);
            return Accepted::Duplicate { completed };
        }
        if let Some(original) = self.original(&arrival.photo)
            && is_same(original, &arrival)
        {
            let completed = self.complete(&original.photo.id.clone(), arrival);
            return Accepted::Duplicate { completed };
        }
        let Arrival { photo, bytes, plan, held, is_doubtful } = arrival;
        let (fetch, url, envelope) = match bytes {
            Bytes::Stored => (FetchState::Stored, None, None),
            Bytes::Announced { url } => (FetchState::Wanted, url, None),
            Bytes::Sealed { envelope } => (FetchState::Wanted, None, Some(envelope)),
        };
        let (id, now) = (photo.id.clone(), photo.received_at);
        let row = PhotoRow {
            number: self.next_number(),
            photo,
            url,
            envelope,
            is_doubtful,
            fetch,
            cause: None,
            attempts: 0,
            due_at: now,
            since: now,
            lease: None,
            is_bulk: false,
        };
        self.photos.insert(id.clone(), row);
        self.plan(&id, plan, now);
        self.hold_for(&id, held.as_ref());
        self.end_doubts(&id, now);
        Accepted::New
    }

    /// Writes down why what was planned without destination is held.
    fn hold_for(&mut self, id: &PhotoId, held: Option<&Cause>) {
        let unplanned = |row: &&mut DeliveryRow| {
            let delivery = &row.delivery;
            delivery.photo.id == *id
                && delivery.destination.is_none()
                && is_held(delivery, ErrorKind::Unrouted)
        };
        for row in self.deliveries.values_mut().filter(unplanned) {
            row.delivery.cause = held.cloned().or(row.delivery.cause.take());
        }
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
            self.deliveries.insert(id, DeliveryRow { delivery, is_bulk: false, lease: None });
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
        row.envelope = None;
        self.copy_photo(id);
        self.fetch_changed(id, now);
    }

    /// Tells a photo's deliveries what is known of it.
    fn copy_photo(&mut self, id: &PhotoId) {
        let Some(photo) = self.photos.get(id).map(|row| row.photo.clone()) else { return };
        for row in self.deliveries.values_mut().filter(|row| row.delivery.photo.id == *id) {
            row.delivery.photo = photo.clone();
        }
    }

    /// A known photo arrives again, maybe under the id of a copy; gives whether it needed that.
    fn complete(&mut self, id: &PhotoId, arrival: Arrival) -> bool {
        let Arrival { photo, bytes, plan, held, is_doubtful } = arrival;
        let is_certain = !is_doubtful;
        let is_decided = is_certain && self.decide(id, &photo, &plan);
        let is_named = is_certain && !is_decided && self.name_record(id, &photo, plan);
        if is_decided || is_named {
            self.hold_for(id, held.as_ref());
            self.end_doubts(id, photo.received_at);
        }
        self.take(id, &photo, bytes) || is_decided || is_named
    }

    /// Puts a photo in doubt right, as long as no person did: it is what this arrival says. Gives
    /// whether it was.
    fn decide(&mut self, id: &PhotoId, arrived: &Photo, plan: &[Planned]) -> bool {
        let undecided = self.ids(|delivery| {
            delivery.photo.id == *id
                && delivery.destination.is_none()
                && (delivery.state == DeliveryState::Delivered
                    || is_held(delivery, ErrorKind::Unrouted))
        });
        let Some(row) = self.photos.get_mut(id).filter(|row| row.is_doubtful) else {
            return false;
        };
        if undecided.is_empty() {
            return false;
        }
        row.is_doubtful = false;
        let Photo { image_id, session, index, tags, target, mode, .. } = arrived.clone();
        row.photo = Photo { image_id, session, index, tags, target, mode, ..row.photo.clone() };
        self.deliveries.retain(|number, _| !undecided.contains(number));
        self.plan(id, plan.to_vec(), arrived.received_at);
        true
    }

    fn name_record(&mut self, id: &PhotoId, arrived: &Photo, plan: Vec<Planned>) -> bool {
        let nameless = self.photos.get(id).is_some_and(|row| row.photo.target.is_none());
        let Some(target) = arrived.target.as_ref().filter(|_| nameless) else { return false };
        let wanted = |to: &Option<DestinationName>| {
            to.is_some() && plan.iter().any(|planned| planned.destination == *to)
        };
        let refused = self.ids(|delivery| {
            delivery.photo.id == *id
                && delivery.target.is_none()
                && is_held(delivery, ErrorKind::Unrouted)
                && wanted(&delivery.destination)
        });
        self.name(id, target, arrived.mode);
        for delivery in refused {
            self.place(delivery, arrived.received_at);
        }
        if plan.iter().any(|planned| planned.destination.is_some()) {
            self.deliveries.retain(|_, row| {
                let delivery = &row.delivery;
                delivery.photo.id != *id
                    || delivery.destination.is_some()
                    || delivery.state != DeliveryState::Held
            });
            self.plan(id, plan, arrived.received_at);
        }
        true
    }

    fn take(&mut self, id: &PhotoId, arrived: &Photo, bytes: Bytes) -> bool {
        let Some(row) = self.photos.get_mut(id) else { return false };
        let now = arrived.received_at;
        match (bytes, row.fetch) {
            (Bytes::Announced { url: Some(url) }, FetchState::Wanted | FetchState::Held) => {
                self.take_link(id, url, now)
            }
            (Bytes::Stored, FetchState::Wanted | FetchState::Held) => {
                if let Some(lease) = row.lease.take() {
                    self.end_attempt(lease.attempt, AttemptOutcome::Cancelled, None, now);
                }
                self.bytes_arrived(id, arrived, now);
                true
            }
            (Bytes::Stored, FetchState::Expired) if !self.lacking_bytes(id).is_empty() => {
                self.bytes_arrived(id, arrived, now);
                true
            }
            (Bytes::Sealed { envelope }, _) => self.take_envelope(id, envelope, now),
            _ => false,
        }
    }

    /// Gives whether there is something to fetch now because of it.
    fn take_link(&mut self, id: &PhotoId, url: String, now: Timestamp) -> bool {
        let Some(row) = self.photos.get_mut(id) else { return false };
        if row.url.as_ref() == Some(&url) {
            return false;
        }
        row.url = Some(url);
        self.fetch_anew(id, now)
    }

    fn take_envelope(&mut self, id: &PhotoId, envelope: Digest, now: Timestamp) -> bool {
        let lacking = !self.lacking_bytes(id).is_empty();
        let Some(row) = self.photos.get_mut(id) else { return false };
        let is_news = match row.fetch {
            FetchState::Wanted => row.envelope != Some(envelope),
            FetchState::Held => true,
            FetchState::Expired => lacking,
            FetchState::Stored => false,
        };
        if !is_news {
            return false;
        }
        // What is gone has no digest any more, either.
        (row.envelope, row.photo.sha256) = (Some(envelope), None);
        self.copy_photo(id);
        self.fetch_anew(id, now)
    }

    fn fetch_anew(&mut self, id: &PhotoId, now: Timestamp) -> bool {
        let Some(row) = self.photos.get_mut(id) else { return false };
        if row.lease.is_some() {
            return false;
        }
        row.due_at = now;
        if row.fetch != FetchState::Wanted {
            (row.fetch, row.cause, row.attempts, row.since) = (FetchState::Wanted, None, 0, now);
            self.fetch_changed(id, now);
        }
        true
    }
}

/// Whether a copy has the same bytes and names no other record. One in doubt names none: it is
/// told by its session, too.
fn is_same(original: &PhotoRow, copy: &Arrival) -> bool {
    let (known, arrived) = (&original.photo, &copy.photo);
    let is_apart = are_apart(known.target.as_ref(), arrived.target.as_ref());
    let is_same = if !copy.is_doubtful {
        !is_apart
    } else if original.is_doubtful {
        known.target.is_some() && !is_apart
    } else {
        is_told(known, arrived)
    };
    same_bytes(known, arrived) && is_same
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
