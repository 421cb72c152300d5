//! The measures of what is remembered.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Memory, Result,
    state::{PhotoRow, State},
};
use crate::{
    journal::{Last, Prunable, Stats, Upkeep, Upkept},
    model::{DeliveryState, Digest, FetchState, PhotoId, Run, RunState},
};

#[async_trait]
impl Upkeep for Memory {
    async fn stats(&self) -> Result<Stats> {
        let state = self.state();
        let last = |word: &str| state.upkept.get(word).cloned();
        Ok(Stats {
            schema: 0,
            photos: counted(state.photos.values().map(|row| row.fetch), FetchState::as_str),
            deliveries: counted(
                state.deliveries.values().map(|row| row.delivery.state),
                DeliveryState::as_str,
            ),
            attempts: state.attempts.len() as u64,
            sessions: state.sessions.len() as u64,
            oldest: state.photos.values().map(|row| row.photo.received_at).min(),
            file: 0,
            log: 0,
            unused: 0,
            last_backup: last("backup"),
            last_retention: last("retention"),
        })
    }

    async fn upkept(&self, at: Timestamp, done: Upkept) -> Result<()> {
        self.state().upkept.insert(done.word(), Last { at, done });
        Ok(())
    }

    async fn prunable(&self, bytes_before: Timestamp, rows_before: Timestamp) -> Result<Prunable> {
        Ok(self.state().prunable(bytes_before, rows_before))
    }

    async fn undelivered_bytes(&self) -> Result<Vec<Digest>> {
        let state = self.state();
        let wanted = state
            .photos
            .values()
            .filter(|row| row.fetch != FetchState::Expired && !state.is_done(&row.photo.id));
        let mut digests: Vec<_> = wanted.filter_map(bytes).collect();
        digests.sort_unstable_by_key(|digest| digest.0);
        digests.dedup();
        Ok(digests)
    }

    async fn shrink(&self) -> Result<bool> {
        Ok(false)
    }
}

fn bytes(row: &PhotoRow) -> Option<Digest> {
    row.photo.sha256.or(row.envelope)
}

fn counted<T: Copy>(
    all: impl Iterator<Item = T>,
    word: impl Fn(T) -> &'static str,
) -> Vec<(T, u64)> {
    let mut counts: BTreeMap<&'static str, (T, u64)> = BTreeMap::new();
    for one in all {
        counts.entry(word(one)).or_insert((one, 0)).1 += 1;
    }
    counts.into_values().collect()
}

impl State {
    fn prunable(&self, bytes_before: Timestamp, rows_before: Timestamp) -> Prunable {
        let has_bytes = |row: &PhotoRow| matches!(row.fetch, FetchState::Stored | FetchState::Held);
        let expires = |row: &PhotoRow| {
            has_bytes(row) && row.photo.received_at < bytes_before && self.is_done(&row.photo.id)
        };
        let mut found = Prunable::default();
        let mut freed = BTreeMap::new();
        for row in self.photos.values().filter(|row| expires(row)) {
            found.photos += 1;
            let Some(digest) = bytes(row) else { continue };
            let mut others = self.photos.values().filter(|other| {
                other.fetch != FetchState::Expired
                    && (other.photo.sha256 == Some(digest) || other.envelope == Some(digest))
            });
            if others.all(expires) {
                let size: &mut u64 = freed.entry(digest.0).or_default();
                *size = (*size).max(row.photo.size.unwrap_or_default());
            }
        }
        found.files = freed.len() as u64;
        found.bytes = freed.values().sum();
        let goes = |row: &&PhotoRow| {
            (row.fetch == FetchState::Expired || expires(row))
                && row.photo.received_at < rows_before
                && self.is_done(&row.photo.id)
                && !self.is_followed(row, rows_before)
        };
        let going = self.photos.values().filter(goes).map(|row| &row.photo.id);
        let going: BTreeSet<&PhotoId> = going.collect();
        found.rows = going.len() as u64;
        let left = |run: &Run| {
            let mut ours = self.actions.iter().filter(|(_, action)| action.run == run.id);
            ours.any(|(photo, _)| !going.contains(photo))
        };
        let ended = self.runs.values().filter(|run| run.state != RunState::Running);
        let old = ended.filter(|run| run.ended_at.is_some_and(|at| at < rows_before));
        found.runs = old.filter(|run| !left(run)).count() as u64;
        found
    }
}
