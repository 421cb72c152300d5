//! What operators change: runs, page by page.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{operator::matches, state::State};
use crate::{
    journal::{
        Found, LISTED_AFTER, LOOK_AFTER, NewRun, Page, Planned, SAME_PHOTO, Way,
        verdict::{Case, by_person, heeds_copies, left},
    },
    model::{
        Action, Cause, Delivery, DeliveryId, DeliveryState, DestinationName, FetchState, Filter,
        Foreseen, Left, PhotoId, Run, RunId, RunState, Tally, Verb,
    },
    system::later,
};

impl State {
    pub(super) fn begin_run(&mut self, new: NewRun, now: Timestamp) -> Run {
        let run = Run {
            id: RunId(self.runs.keys().next_back().map_or(1, |last| last.0 + 1)),
            verb: new.verb,
            filter: new.filter,
            by: new.by,
            started_at: now,
            ended_at: None,
            state: RunState::Running,
            cursor: DeliveryId(0),
            upto: self.deliveries.keys().next_back().copied().unwrap_or(DeliveryId(0)),
            matching: new.matching,
            tally: Tally::default(),
        };
        self.runs.insert(run.id, run.clone());
        run
    }

    pub(super) fn set_run(&mut self, id: RunId, state: RunState, now: Timestamp) -> Option<Run> {
        let run = self.runs.get_mut(&id)?;
        if run.state != RunState::Done {
            run.state = state;
            run.ended_at = (state != RunState::Running).then_some(now);
        }
        Some(run.clone())
    }

    pub(super) fn find_page(&self, run: &Run, limit: usize) -> Vec<Found> {
        let rows = self.deliveries.values().map(|row| &row.delivery);
        rows.filter(|delivery| delivery.id > run.cursor && delivery.id <= run.upto)
            .filter(|delivery| matches(&run.filter, delivery))
            .take(limit)
            .map(|d| Found { delivery: d.id, destination: d.destination.clone() })
            .collect()
    }

    pub(super) fn advance(&mut self, page: Page) -> Option<Run> {
        let mut run = self.runs.get(&page.run)?.clone();
        if run.state != RunState::Running || run.cursor != page.after {
            return Some(run);
        }
        for (id, way) in page.steps {
            run.cursor = id;
            match self.step(&run, id, way, (page.now, page.look_at)) {
                Ok(done) => {
                    run.tally.done += 1;
                    run.tally.fetching += u64::from(done.is_fetched);
                    run.tally.routed += u64::from(done.is_routed);
                }
                Err(left) => *run.tally.left.entry(left).or_default() += 1,
            }
        }
        if page.is_last {
            (run.state, run.ended_at) = (RunState::Done, Some(page.now));
        }
        self.runs.insert(run.id, run.clone());
        Some(run)
    }

    pub(super) fn foresee(
        &self,
        verb: &Verb,
        filter: &Filter,
        configured: &[DestinationName],
    ) -> Vec<Foreseen> {
        let mut counts = BTreeMap::<_, Foreseen>::new();
        for delivery in self.list(filter, None, usize::MAX) {
            let goes_on = delivery.destination.as_ref().is_some_and(|to| configured.contains(to));
            let way = if goes_on { Way::On } else { Way::Nowhere };
            let case = self.case(&delivery, &way, heeds_copies(verb, filter));
            let left = case.map_or(Some(Left::Changed), |case| left(verb, &case));
            let error = delivery.cause.as_ref().map(|cause| cause.kind);
            let (destination, state) = (delivery.destination, delivery.state);
            let words = (state.as_str(), error.map(|kind| kind.as_str()));
            let key = (destination.clone(), words, left);
            let none = Foreseen { destination, state, error, left, count: 0 };
            counts.entry(key).or_insert(none).count += 1;
        }
        counts.into_values().collect()
    }

    pub(super) fn actions_of(&self, photo: &PhotoId) -> Vec<Action> {
        let of_it = self.actions.iter().filter(|(of, _)| of == photo);
        of_it.map(|(_, action)| action.clone()).collect()
    }

    fn case(&self, delivery: &Delivery, way: &Way, heeds_copies: bool) -> Option<Case> {
        let note = delivery.receipt.as_ref().and_then(|receipt| receipt.note.as_deref());
        let is_left = note.is_some_and(|note| note.starts_with(SAME_PHOTO));
        // One that was really delivered finds itself.
        let may_double = heeds_copies && (delivery.state != DeliveryState::Delivered || is_left);
        Some(Case {
            state: delivery.state,
            error: delivery.cause.as_ref().map(|cause| cause.kind),
            fetch: self.photos.get(&delivery.photo.id)?.fetch,
            has_way: match way {
                Way::On => delivery.destination.is_some(),
                Way::Again(_) => delivery.state == DeliveryState::Held,
                Way::Nowhere => false,
            },
            is_stray: *way != Way::On || delivery.destination.is_none(),
            is_covered: may_double && self.covering(delivery).is_some(),
        })
    }

    /// Does what a run asks for with one delivery.
    fn step(
        &mut self,
        run: &Run,
        id: DeliveryId,
        way: Way,
        (now, look_at): (Timestamp, Timestamp),
    ) -> Result<Fate, Left> {
        let Some(delivery) = self.deliveries.get(&id).map(|row| row.delivery.clone()) else {
            return Err(Left::Changed);
        };
        if !matches(&run.filter, &delivery) {
            return Err(Left::Changed);
        }
        let heeds_copies = heeds_copies(&run.verb, &run.filter);
        let case = self.case(&delivery, &way, heeds_copies).ok_or(Left::Changed)?;
        let photo = delivery.photo.id.clone();
        let is_fetched = case.fetch != FetchState::Stored;
        let done = match (left(&run.verb, &case), &run.verb, way) {
            (Some(Left::SamePhoto), ..) if case.state != DeliveryState::Delivered => {
                if let Some(other) = self.covering(&delivery) {
                    self.leave_to(id, other, now);
                }
                Err(Left::SamePhoto)
            }
            (Some(left), ..) => return Err(left),
            (None, verb @ (Verb::Hold { reason } | Verb::Drop { reason }), _) => {
                self.change(id, |delivery| end(delivery, verb, by_person(verb, reason), now));
                Ok(Fate::default())
            }
            (None, _, Way::Again(plan)) => {
                if is_fetched {
                    self.fetch_again(&photo, run.is_many(), now);
                }
                self.plan_again(&delivery, plan, run.is_many(), (now, look_at));
                Ok(Fate { is_fetched, is_routed: true })
            }
            (None, ..) => {
                if is_fetched {
                    self.fetch_again(&photo, run.is_many(), now);
                }
                self.send_again(&delivery, is_fetched, run.is_many(), (now, look_at));
                Ok(Fate { is_fetched, is_routed: false })
            }
        };
        let (by, verb) = (run.by.clone(), run.verb.clone());
        self.actions.push((photo, Action { at: now, by, verb, run: run.id, delivery: id }));
        done
    }

    fn send_again(
        &mut self,
        delivery: &Delivery,
        is_fetched: bool,
        is_bulk: bool,
        (now, look_at): (Timestamp, Timestamp),
    ) {
        let state = if is_fetched { DeliveryState::Waiting } else { DeliveryState::Due };
        if let Some(row) = self.deliveries.get_mut(&delivery.id) {
            row.is_bulk = is_bulk;
        }
        self.change(delivery.id, |delivery| due_again(delivery, state, now, look_at));
    }

    /// What may be there already may be there under the new name, too, and is looked for first.
    fn plan_again(
        &mut self,
        delivery: &Delivery,
        plan: Vec<Planned>,
        is_bulk: bool,
        (now, look_at): (Timestamp, Timestamp),
    ) {
        let newest = self.deliveries.keys().next_back().copied();
        let to = &delivery.destination;
        if to.is_some() && plan.iter().any(|planned| planned.destination == *to) {
            self.change(delivery.id, |delivery| delivery.attempts = 0);
            self.place(delivery.id, now);
        } else {
            self.deliveries.remove(&delivery.id);
        }
        self.plan(&delivery.photo.id, plan, now);
        let made = |id: DeliveryId| id == delivery.id || Some(id) > newest;
        let rows = self.deliveries.iter_mut().filter(|(id, _)| made(**id));
        for (_, row) in rows.filter(|(_, row)| row.delivery.state != DeliveryState::Delivered) {
            (row.is_bulk, row.delivery.unsure) = (is_bulk, delivery.unsure);
            if delivery.unsure && row.delivery.state == DeliveryState::Due {
                row.delivery.due_at = row.delivery.due_at.max(look_at);
            }
        }
    }

    fn change(&mut self, id: DeliveryId, change: impl FnOnce(&mut Delivery)) {
        if let Some(row) = self.deliveries.get_mut(&id) {
            change(&mut row.delivery);
        }
    }

    /// A fetch that is under way is left to end by itself.
    fn fetch_again(&mut self, id: &PhotoId, is_bulk: bool, now: Timestamp) {
        if let Some(row) = self.photos.get_mut(id) {
            (row.fetch, row.is_bulk) = (FetchState::Wanted, is_bulk);
            (row.attempts, row.since, row.due_at) = (0, now, now);
        }
    }
}

/// How a delivery was changed.
#[derive(Default)]
struct Fate {
    /// Its photo is fetched again first.
    is_fetched: bool,
    /// It goes where the routes say now.
    is_routed: bool,
}

fn end(delivery: &mut Delivery, verb: &Verb, cause: Cause, now: Timestamp) {
    let is_held = matches!(verb, Verb::Hold { .. });
    delivery.state = if is_held { DeliveryState::Held } else { DeliveryState::Dropped };
    (delivery.cause, delivery.settled_at) = (Some(cause), Some(now));
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
