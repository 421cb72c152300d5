//! What may go after a while: bytes first, rows later. Never what still has to be delivered.

use jiff::Timestamp;

use super::state::{PhotoRow, State};
use crate::model::{DeliveryState, Digest, FetchState, PhotoId, RunState};

impl State {
    pub(super) fn expire_bytes(&mut self, before: Timestamp, limit: usize) -> Vec<Digest> {
        let ended = |row: &PhotoRow| {
            matches!(row.fetch, FetchState::Stored | FetchState::Held)
                && self.is_done(&row.photo.id)
        };
        let mut free = Vec::new();
        for id in self.oldest(before, ended) {
            if free.len() >= limit {
                break;
            }
            let Some(row) = self.photos.get_mut(&id) else { continue };
            row.fetch = FetchState::Expired;
            row.url = None;
            if let Some(digest) = row.photo.sha256.or(row.envelope.take())
                && !self.knows_bytes(&digest)
            {
                free.push(digest);
            }
        }
        free
    }

    pub(super) fn forget(&mut self, before: Timestamp, limit: usize) -> u64 {
        let ended = |row: &PhotoRow| {
            row.fetch == FetchState::Expired
                && self.is_done(&row.photo.id)
                && !self.is_followed(row, before)
        };
        let mut old = self.oldest(before, ended);
        old.truncate(limit);
        for id in &old {
            self.photos.remove(id);
            self.deliveries.retain(|_, row| row.delivery.photo.id != *id);
            self.attempts.retain(|_, row| row.photo != *id);
            self.actions.retain(|(photo, _)| photo != id);
        }
        let actions = &self.actions;
        self.runs.retain(|id, run| {
            run.state == RunState::Running
                || run.ended_at.is_none_or(|at| at >= before)
                || actions.iter().any(|(_, action)| action.run == *id)
        });
        let photos = &self.photos;
        self.sessions.retain(|id, session| {
            let of_it = |row: &PhotoRow| row.photo.session.as_ref() == Some(id);
            session.expires_at >= before || photos.values().any(of_it)
        });
        old.len() as u64
    }

    pub(super) fn knows_bytes(&self, digest: &Digest) -> bool {
        let mut kept = self.photos.values().filter(|row| row.fetch != FetchState::Expired);
        kept.any(|row| row.photo.sha256 == Some(*digest) || row.envelope == Some(*digest))
    }

    fn oldest(&self, before: Timestamp, which: impl Fn(&PhotoRow) -> bool) -> Vec<PhotoId> {
        let old = self.photos.values().filter(|row| row.photo.received_at < before && which(row));
        let mut old: Vec<_> = old.map(|row| (row.number, row.photo.id.clone())).collect();
        old.sort();
        old.into_iter().map(|(_, id)| id).collect()
    }

    /// Whether its session may still be asked about.
    pub(super) fn is_followed(&self, row: &PhotoRow, before: Timestamp) -> bool {
        let own = row.photo.session.as_ref().and_then(|session| self.sessions.get(session));
        own.is_some_and(|own| own.expires_at >= before)
    }

    pub(super) fn is_done(&self, photo: &PhotoId) -> bool {
        let mut own = self.deliveries.values().filter(|row| row.delivery.photo.id == *photo);
        own.all(|row| {
            matches!(row.delivery.state, DeliveryState::Delivered | DeliveryState::Dropped)
        })
    }
}
