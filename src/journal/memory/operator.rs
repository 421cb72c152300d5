//! What operators ask.

use std::collections::BTreeMap;

use super::state::State;
use crate::{
    journal::{Count, Story},
    model::{Delivery, DeliveryId, Filter, PhotoId, Tag, Target},
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
            actions: self.actions_of(id),
        })
    }
}

pub(super) fn matches(filter: &Filter, delivery: &Delivery) -> bool {
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
        && filter.text.as_ref().is_none_or(|text| says(delivery, text))
}

/// Whether a text stands in what a person knows of a delivery.
fn says(delivery: &Delivery, text: &str) -> bool {
    let photo = &delivery.photo;
    let words = [
        Some(photo.id.to_string()),
        photo.image_id.as_ref().map(ToString::to_string),
        photo.filename.clone(),
        delivery.target.as_ref().map(ToString::to_string),
        delivery.cause.as_ref().map(|cause| cause.what.clone()),
        delivery.cause.as_ref().map(|cause| cause.detail.clone()),
    ];
    let tags = photo.tags.iter().map(Tag::to_text);
    let text = text.to_ascii_lowercase();
    words.into_iter().flatten().chain(tags).any(|w| w.to_ascii_lowercase().contains(&text))
}
