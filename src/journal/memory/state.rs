//! What is remembered, and the attempts, which fetches and deliveries share.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    journal::{Last, Pause},
    model::{
        Action, Attempt, AttemptId, AttemptOutcome, Cause, Delivery, DeliveryId, DeliveryState,
        DestinationName, Digest, FetchState, OwnSession, Photo, PhotoId, Run, RunId, SessionId,
    },
};

#[derive(Default)]
pub(super) struct State {
    pub(super) photos: BTreeMap<PhotoId, PhotoRow>,
    pub(super) deliveries: BTreeMap<DeliveryId, DeliveryRow>,
    pub(super) attempts: BTreeMap<AttemptId, AttemptRow>,
    pub(super) sessions: BTreeMap<SessionId, OwnSession>,
    /// When Apertur was asked for the last time what came of a session.
    pub(super) settled: BTreeMap<SessionId, Timestamp>,
    pub(super) pauses: BTreeMap<DestinationName, Pause>,
    pub(super) runs: BTreeMap<RunId, Run>,
    pub(super) actions: Vec<(PhotoId, Action)>,
    /// The last upkeep of each sort.
    pub(super) upkept: BTreeMap<&'static str, Last>,
    pub(super) told: super::notices::Told,
    last_number: i64,
}

/// A photo and its fetch.
pub(super) struct PhotoRow {
    /// Tells which photo arrived first.
    pub(super) number: i64,
    pub(super) photo: Photo,
    pub(super) url: Option<String>,
    pub(super) envelope: Option<Digest>,
    /// Whether it is not certain which record it belongs to.
    pub(super) is_doubtful: bool,
    pub(super) fetch: FetchState,
    pub(super) cause: Option<Cause>,
    pub(super) attempts: u32,
    pub(super) due_at: Timestamp,
    pub(super) since: Timestamp,
    pub(super) lease: Option<Lease>,
    /// What is replayed with many others comes after the rest.
    pub(super) is_bulk: bool,
}

pub(super) struct DeliveryRow {
    pub(super) delivery: Delivery,
    /// What is replayed with many others comes after the rest.
    pub(super) is_bulk: bool,
    /// There while `sending`.
    pub(super) lease: Option<Lease>,
}

pub(super) struct AttemptRow {
    pub(super) photo: PhotoId,
    pub(super) attempt: Attempt,
}

/// Who has it and until when.
#[derive(Clone, Copy)]
pub(super) struct Lease {
    pub(super) attempt: AttemptId,
    pub(super) until: Timestamp,
}

impl PhotoRow {
    /// When it can be claimed, while it is wanted.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        let wanted = self.fetch == FetchState::Wanted;
        wanted.then(|| self.lease.map_or(self.due_at, |lease| lease.until))
    }
}

impl DeliveryRow {
    /// When it can be claimed, while it is due or under way.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        match self.delivery.state {
            DeliveryState::Due => Some(self.delivery.due_at),
            DeliveryState::Sending => self.lease.map(|lease| lease.until),
            _ => None,
        }
    }
}

impl State {
    /// The next number; none is given twice, so an old one can never mean something new.
    pub(super) fn next_number(&mut self) -> i64 {
        self.last_number += 1;
        self.last_number
    }

    /// Writes an open attempt down.
    pub(super) fn begin_attempt(
        &mut self,
        photo: &PhotoId,
        delivery: Option<DeliveryId>,
        now: Timestamp,
    ) -> AttemptId {
        let id = AttemptId(self.next_number());
        let attempt = Attempt {
            id,
            delivery,
            started_at: now,
            ended_at: None,
            outcome: AttemptOutcome::Open,
            cause: None,
        };
        self.attempts.insert(id, AttemptRow { photo: photo.clone(), attempt });
        id
    }

    /// Settles an attempt.
    pub(super) fn end_attempt(
        &mut self,
        id: AttemptId,
        outcome: AttemptOutcome,
        cause: Option<Cause>,
        now: Timestamp,
    ) {
        if let Some(row) = self.attempts.get_mut(&id) {
            row.attempt.ended_at = Some(now);
            row.attempt.outcome = outcome;
            row.attempt.cause = cause;
        }
    }
}
