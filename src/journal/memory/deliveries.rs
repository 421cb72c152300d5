//! Claiming deliveries, their attempts and their ends.

use std::collections::HashSet;

use jiff::Timestamp;

use super::state::{DeliveryRow, Lease, State};
use crate::{
    journal::{Claim, Claimed, DeliveryEnd, FAR, cause::stray, claim::place},
    model::{
        AttemptOutcome, Cause, Delivery, DeliveryId, DeliveryState, DestinationName, Step, Target,
    },
    system::later,
};

impl State {
    pub(super) fn claim_deliveries(&mut self, claim: &Claim) -> Vec<Vec<Claimed>> {
        let mut busy = if claim.one_per_target { self.busy_records(claim) } else { HashSet::new() };
        let mut due = self.due(claim);
        let mut parcels = Vec::new();
        while parcels.len() < claim.limit && !due.is_empty() {
            let first = due.remove(0);
            let free = |target: &Target| !claim.one_per_target || busy.insert(target.record());
            if !first.target.as_ref().is_none_or(free) {
                continue;
            }
            let parcel = fill(claim, first, &mut due);
            let until = claim.leased_until(parcel.iter());
            let begun =
                parcel.iter().filter_map(|delivery| self.begin(delivery.id, claim.now, until));
            parcels.push(begun.collect());
        }
        parcels
    }

    pub(super) fn note_step(&mut self, id: DeliveryId, step: Step) {
        if let Some(row) = self.deliveries.get_mut(&id) {
            row.delivery.steps.retain(|known| known.name != step.name);
            row.delivery.steps.push(step);
        }
    }

    pub(super) fn settle_delivery(&mut self, claimed: &Claimed, end: DeliveryEnd, now: Timestamp) {
        let Some(row) = self.deliveries.get_mut(&claimed.delivery.id) else { return };
        if row.lease.is_none_or(|lease| lease.attempt != claimed.attempt) {
            return;
        }
        row.lease = None;
        let nameless = claimed.delivery.target.is_none();
        let (outcome, cause) = settle(&mut row.delivery, end, nameless, now);
        self.end_attempt(claimed.attempt, outcome, cause, now);
    }

    pub(super) fn recover_deliveries(&mut self, now: Timestamp, look_at: Timestamp) -> u64 {
        let mut lost = Vec::new();
        for row in self.deliveries.values_mut() {
            if let Some(lease) = row.lease.take() {
                row.delivery.state = DeliveryState::Due;
                row.delivery.due_at = look_at;
                row.delivery.unsure = true;
                lost.push(lease.attempt);
            }
        }
        for attempt in &lost {
            self.end_attempt(*attempt, AttemptOutcome::Unknown, None, now);
        }
        lost.len() as u64
    }

    /// What lies too far ahead was written under a wrong clock.
    pub(super) fn mend_times(&mut self, now: Timestamp) {
        let mend = |at: &mut Timestamp| {
            if *at > later(now, FAR) {
                *at = now;
            }
        };
        self.photos.values_mut().for_each(|row| mend(&mut row.due_at));
        let deliveries = self.deliveries.values_mut().map(|row| &mut row.delivery);
        deliveries.filter(|d| d.state == DeliveryState::Due).for_each(|d| mend(&mut d.due_at));
    }

    pub(super) fn hold_strays(&mut self, configured: &[DestinationName], now: Timestamp) -> u64 {
        let (mut held, mut lost) = (0, Vec::new());
        for row in self.deliveries.values_mut() {
            let delivery = &mut row.delivery;
            let open = matches!(
                delivery.state,
                DeliveryState::Waiting | DeliveryState::Due | DeliveryState::Sending
            );
            let Some(to) = delivery.destination.as_ref() else { continue };
            if !open || configured.contains(to) {
                continue;
            }
            delivery.cause = Some(stray(to.as_str()));
            (delivery.state, delivery.settled_at) = (DeliveryState::Held, Some(now));
            delivery.unsure |= row.lease.is_some();
            lost.extend(row.lease.take());
            held += 1;
        }
        for lease in lost {
            self.end_attempt(lease.attempt, AttemptOutcome::Unknown, None, now);
        }
        held
    }

    pub(super) fn next_delivery_at(&self, destination: &DestinationName) -> Option<Timestamp> {
        self.of(destination).filter_map(DeliveryRow::due_at).min()
    }

    pub(super) fn oldest_due(&self) -> Option<Timestamp> {
        let due = self.deliveries.values().map(|row| &row.delivery);
        due.filter(|d| d.state == DeliveryState::Due).map(|d| d.due_at).min()
    }

    fn of(&self, destination: &DestinationName) -> impl Iterator<Item = &DeliveryRow> {
        self.deliveries
            .values()
            .filter(|row| row.delivery.destination.as_ref() == Some(destination))
    }

    /// What can be claimed, in the order of a claim.
    fn due(&self, claim: &Claim) -> Vec<Delivery> {
        let mut due: Vec<_> = self
            .of(&claim.destination)
            .filter_map(|row| Some((row.is_bulk, row.due_at()?, &row.delivery)))
            .filter(|(_, at, delivery)| *at <= claim.now && !claim.except.contains(&delivery.id))
            .collect();
        due.sort_by_key(|(is_bulk, at, delivery)| (*is_bulk, *at, delivery.id));
        due.into_iter().map(|(.., delivery)| delivery.clone()).collect()
    }

    /// Records that have a delivery under way, under a live lease or in flight at the caller.
    fn busy_records(&self, claim: &Claim) -> HashSet<Target> {
        self.of(&claim.destination)
            .filter(|row| {
                row.lease.is_some_and(|lease| {
                    lease.until > claim.now || claim.except.contains(&row.delivery.id)
                })
            })
            .filter_map(|row| row.delivery.target.as_ref().map(Target::record))
            .collect()
    }

    fn begin(&mut self, id: DeliveryId, now: Timestamp, until: Timestamp) -> Option<Claimed> {
        let row = self.deliveries.get_mut(&id)?;
        let photo = row.delivery.photo.id.clone();
        if let Some(lease) = row.lease.take() {
            // Its lease ran out: whoever had it never came back, so nobody knows how it ended.
            row.delivery.unsure = true;
            self.end_attempt(lease.attempt, AttemptOutcome::Unknown, None, now);
        }
        let attempt = self.begin_attempt(&photo, Some(id), now);
        let row = self.deliveries.get_mut(&id)?;
        row.lease = Some(Lease { attempt, until });
        row.delivery.state = DeliveryState::Sending;
        row.delivery.attempts += 1;
        Some(Claimed { delivery: row.delivery.clone(), attempt })
    }
}

/// The parcel of a delivery, in the order it is to be sent in; takes what joins it out of `due`.
fn fill(claim: &Claim, first: Delivery, due: &mut Vec<Delivery>) -> Vec<Delivery> {
    let mut room = claim.room_beside(&first);
    let mut full = false;
    let mut joins = |other: &Delivery| {
        let alike = claim.common(&first).is_some_and(|common| claim.common(other) == Some(common));
        full |= alike && !full && !room.take(other);
        alike && !full
    };
    let (mut parcel, left): (Vec<_>, _) = due.drain(..).partition(|other| joins(other));
    *due = left;
    parcel.push(first);
    parcel.sort_by_key(place);
    parcel
}

/// Writes an end into the delivery, which was sent `nameless` if it had no target then; gives
/// what is to be written into the attempt.
fn settle(
    delivery: &mut Delivery,
    end: DeliveryEnd,
    nameless: bool,
    now: Timestamp,
) -> (AttemptOutcome, Option<Cause>) {
    let (state, at, counts, outcome, cause) = match end {
        DeliveryEnd::Delivered(receipt) => {
            delivery.receipt = Some(receipt);
            delivery.unsure = false;
            (DeliveryState::Delivered, now, true, AttemptOutcome::Done, None)
        }
        DeliveryEnd::Later { at, cause, counts } => {
            (DeliveryState::Due, at, counts, AttemptOutcome::Later, Some(cause))
        }
        DeliveryEnd::Unknown { at, cause } => {
            delivery.unsure = true;
            (DeliveryState::Due, at, true, AttemptOutcome::Unknown, Some(cause))
        }
        DeliveryEnd::Broken { cause } => {
            (DeliveryState::Due, now, false, AttemptOutcome::Broken, Some(cause))
        }
        // It was refused without its record, which it has by now.
        DeliveryEnd::Held { cause } if nameless && delivery.target.is_some() => {
            (DeliveryState::Due, now, true, AttemptOutcome::Refused, Some(cause))
        }
        DeliveryEnd::Held { cause } => {
            (DeliveryState::Held, now, true, AttemptOutcome::Refused, Some(cause))
        }
        DeliveryEnd::Cancelled => (DeliveryState::Due, now, false, AttemptOutcome::Cancelled, None),
    };
    (delivery.state, delivery.due_at) = (state, at);
    delivery.attempts = delivery.attempts.saturating_sub(u32::from(!counts));
    delivery.settled_at = (state != DeliveryState::Due).then_some(now);
    if outcome != AttemptOutcome::Cancelled {
        delivery.cause.clone_from(&cause);
    }
    (outcome, cause)
}
