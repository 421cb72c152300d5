//! What operators ask and change.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{place::is_held, state::State};
use crate::{
    journal::{Count, LISTED_AFTER, LOOK_AFTER, Planned, Replayed, Story},
    model::{Delivery, DeliveryId, DeliveryState, ErrorKind, FetchState, Filter, PhotoId, Target},
    system::later,
};

impl State {
    pub(super) fn list(
        &self,
        filter: &Filter,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Vec<Delivery> {
        let newest_first = self.deliveries.values().rev().map(|row| &row.delivery);
        newest_first
            .filter(|delivery| before.is_none_or(|before| delivery.id < before))
            .filter(|delivery| matches(filter, delivery))
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn count(&self, filter: &Filter) -> Vec<Count> {
        let mut counts = BTreeMap::<_, Count>::new();
        let rows = self.deliveries.values().map(|row| &row.delivery);
        for delivery in rows.filter(|delivery| matches(filter, delivery)) {
            let (destination, state) = (delivery.destination.clone(), delivery.state);
            let error = delivery.cause.as_ref().map(|cause| cause.kind);
            let key = (destination.clone(), state.as_str(), error.map(|kind| kind.as_str()));
            let empty = Count { destination, state, error, count: 0 };
            counts.entry(key).or_insert(empty).count += 1;
        }
        counts.into_values().collect()
    }

    pub(super) fn story(&self, id: &PhotoId) -> Option<Story> {
        let row = self.photos.get(id)?;
        let deliveries = self.deliveries.values().map(|row| &row.delivery);
        let attempts = self.attempts.values().filter(|row| row.photo == *id);
        Some(Story {
            photo: row.photo.clone(),
            fetch_state: row.fetch,
            fetch_cause: row.cause.clone(),
            fetch_due_at: row.due_at(),
            deliveries: deliveries.filter(|d| d.photo.id == *id).cloned().collect(),
            attempts: attempts.map(|row| row.attempt.clone()).collect(),
        })
    }

    pub(super) fn replay(
        &mut self,
        filter: &Filter,
        force: bool,
        (now, look_at): (Timestamp, Timestamp),
    ) -> Replayed {
        let again = |state| move |d: &mut Delivery| due_again(d, state, now, look_at);
        let mut done = Replayed::default();
        let mut fetching = BTreeSet::new();
        for delivery in self.list(filter, None, usize::MAX).into_iter().rev() {
            let fetch = self.photos.get(&delivery.photo.id).map(|row| row.fetch);
            let covering = self.covering(&delivery).filter(|_| !force);
            match fetch {
                _ if !is_replayable(&delivery, force) => done.left += 1,
                Some(FetchState::Stored) => {
                    let due = covering.is_none();
                    match covering {
                        None => self.change(delivery.id, again(DeliveryState::Due)),
                        Some(other) => self.leave_to(delivery.id, other, now),
                    }
                    done.due += u64::from(due);
                    done.left += u64::from(!due);
                }
                Some(FetchState::Wanted | FetchState::Held) => {
                    self.fetch_again(&delivery.photo.id, now);
                    self.change(delivery.id, again(DeliveryState::Waiting));
                    fetching.insert(delivery.photo.id);
                }
                Some(FetchState::Expired) | None => done.left += 1,
            }
        }
        done.fetching = fetching.len() as u64;
        done
    }

    pub(super) fn plan_again(
        &mut self,
        id: DeliveryId,
        plan: Vec<Planned>,
        now: Timestamp,
    ) -> bool {
        let Some(delivery) = self.deliveries.get(&id).map(|row| &row.delivery) else {
            return false;
        };
        let routed = plan.iter().any(|planned| planned.destination.is_some());
        let unrouted = is_held(delivery, ErrorKind::Unrouted)
            || (delivery.state == DeliveryState::Held && delivery.destination.is_none());
        if !unrouted || !routed {
            return false;
        }
        let (photo, to) = (delivery.photo.id.clone(), delivery.destination.clone());
        if to.is_some() && plan.iter().any(|planned| planned.destination == to) {
            self.change(id, |delivery| delivery.attempts = 0);
            self.place(id, now);
        } else {
            self.deliveries.remove(&id);
        }
        self.plan(&photo, plan, now);
        true
    }

    fn change(&mut self, id: DeliveryId, change: impl FnOnce(&mut Delivery)) {
        if let Some(row) = self.deliveries.get_mut(&id) {
            change(&mut row.delivery);
        }
    }

    /// A fetch that is under way is left to end by itself.
    fn fetch_again(&mut self, id: &PhotoId, now: Timestamp) {
        if let Some(row) = self.photos.get_mut(id) {
            row.fetch = FetchState::Wanted;
            (row.attempts, row.since, row.due_at) = (0, now, now);
        }
    }
}

fn is_replayable(delivery: &Delivery, force: bool) -> bool {
    delivery.destination.is_some()
        && match delivery.state {
            DeliveryState::Waiting | DeliveryState::Due | DeliveryState::Held => true,
            DeliveryState::Delivered => force,
            DeliveryState::Sending | DeliveryState::Dropped => false,
        }
}

/// One that was delivered becomes unsure: it may well be there.
fn due_again(delivery: &mut Delivery, state: DeliveryState, now: Timestamp, look_at: Timestamp) {
    delivery.unsure |= delivery.state == DeliveryState::Delivered;
    let after = |wait: Duration| delivery.settled_at.map(|at| later(at, wait));
    let told = match delivery.state {
        DeliveryState::Due => Some(delivery.due_at),
        DeliveryState::Delivered => after(LISTED_AFTER),
        _ => after(LOOK_AFTER),
    };
    let looked = told.unwrap_or(look_at).min(look_at).max(now);
    delivery.due_at = if delivery.unsure { looked } else { now };
    (delivery.state, delivery.attempts, delivery.since) = (state, 0, now);
    (delivery.cause, delivery.settled_at) = (None, None);
}

fn matches(filter: &Filter, delivery: &Delivery) -> bool {
    fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
        wanted.is_none() || wanted == found
    }
    let record = |target: &Option<Target>| target.as_ref().map(Target::record);
    let photo = &delivery.photo;
    let error = delivery.cause.as_ref().map(|cause| &cause.kind);
    (filter.ids.is_empty() || filter.ids.contains(&delivery.id))
        && (filter.states.is_empty() || filter.states.contains(&delivery.state))
        && is(filter.destination.as_ref(), delivery.destination.as_ref())
        && is(filter.session.as_ref(), photo.session.as_ref())
        && is(record(&filter.target).as_ref(), record(&delivery.target).as_ref())
        && is(filter.photo.as_ref(), Some(&photo.id))
        && is(filter.error.as_ref(), error)
        && filter.since.is_none_or(|since| photo.received_at >= since)
        && filter.until.is_none_or(|until| photo.received_at < until)
}
