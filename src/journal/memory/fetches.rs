//! Photos that were announced and have to be fetched.

use jiff::Timestamp;

use super::state::{Lease, State};
use crate::{
    journal::{Fetch, FetchEnd},
    model::{AttemptOutcome, Cause, FetchState, PhotoId},
};

impl State {
    pub(super) fn claim_fetches(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Vec<Fetch> {
        let mut due: Vec<_> = self
            .photos
            .values()
            .filter_map(|row| Some((row.is_bulk, row.due_at()?, row.number, row.photo.id.clone())))
            .filter(|(_, at, ..)| *at <= now)
            .collect();
        due.sort();
        due.truncate(limit);
        due.into_iter().filter_map(|(.., id)| self.claim_fetch(&id, now, lease_until)).collect()
    }

    pub(super) fn settle_fetch(&mut self, fetch: &Fetch, end: FetchEnd, now: Timestamp) {
        let id = &fetch.photo.id;
        let Some(row) = self.photos.get_mut(id) else { return };
        if row.lease.is_none_or(|lease| lease.attempt != fetch.attempt) {
            return;
        }
        row.lease = None;
        let counts = !matches!(end, FetchEnd::Cancelled);
        row.attempts += u32::from(counts);
        let (outcome, cause) = match end {
            FetchEnd::Stored { sha256, size, media_type } => {
                let mut bytes = row.photo.clone();
                bytes.sha256 = Some(sha256);
                bytes.size = Some(size);
                bytes.media_type = Some(media_type);
                self.bytes_arrived(id, &bytes, now);
                (AttemptOutcome::Done, None)
            }
            FetchEnd::Later { at, cause } => {
                (row.due_at, row.cause) = (at, Some(cause.clone()));
                (AttemptOutcome::Later, Some(cause))
            }
            // It failed with a link or an envelope that is not the latest.
            FetchEnd::Held { cause } if row.url != fetch.url || row.envelope != fetch.envelope => {
                (row.due_at, row.cause) = (now, Some(cause.clone()));
                (AttemptOutcome::Refused, Some(cause))
            }
            FetchEnd::Held { cause } => {
                self.hold_photo(id, &cause, now);
                (AttemptOutcome::Refused, Some(cause))
            }
            FetchEnd::Cancelled => {
                row.due_at = now;
                (AttemptOutcome::Cancelled, None)
            }
        };
        self.end_attempt(fetch.attempt, outcome, cause, now);
    }

    pub(super) fn recover_fetches(&mut self, now: Timestamp) {
        let mut lost = Vec::new();
        for row in self.photos.values_mut() {
            if let Some(lease) = row.lease.take() {
                row.attempts += 1;
                row.due_at = now;
                lost.push(lease.attempt);
            }
        }
        for attempt in lost {
            self.end_attempt(attempt, AttemptOutcome::Unknown, None, now);
        }
    }

    fn claim_fetch(&mut self, id: &PhotoId, now: Timestamp, until: Timestamp) -> Option<Fetch> {
        if let Some(lease) = self.photos.get_mut(id)?.lease.take() {
            // Its lease ran out: whoever had it never came back, and the try counts.
            self.end_attempt(lease.attempt, AttemptOutcome::Unknown, None, now);
            self.photos.get_mut(id)?.attempts += 1;
        }
        let attempt = self.begin_attempt(id, None, now);
        let row = self.photos.get_mut(id)?;
        row.lease = Some(Lease { attempt, until });
        Some(Fetch {
            photo: row.photo.clone(),
            url: row.url.clone(),
            envelope: row.envelope,
            attempts: row.attempts,
            attempt,
            since: row.since,
        })
    }

    fn hold_photo(&mut self, id: &PhotoId, cause: &Cause, now: Timestamp) {
        if let Some(row) = self.photos.get_mut(id) {
            (row.fetch, row.cause) = (FetchState::Held, Some(cause.clone()));
        }
        self.fetch_changed(id, now);
    }
}
