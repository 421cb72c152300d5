//! What is told of many photos at once.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::state::State;
use crate::{
    journal::{Moment, Oldest},
    model::{DeliveryState, DestinationName, SessionId},
    system::later,
};

impl State {
    pub(super) fn timeline(&self, since: Timestamp, step: Duration, steps: usize) -> Vec<Moment> {
        let mut at = since;
        let mut told = Vec::with_capacity(steps);
        for _ in 0..steps {
            let until = later(at, step);
            let during = |time: Timestamp| time >= at && time < until;
            let received = self.photos.values().filter(|row| during(row.photo.received_at)).count();
            let settled = |state| {
                let rows = self.deliveries.values().map(|row| &row.delivery);
                let rows = rows.filter(|d| d.state == state && d.settled_at.is_some_and(during));
                rows.count() as u64
            };
            let (delivered, held) =
                (settled(DeliveryState::Delivered), settled(DeliveryState::Held));
            told.push(Moment { at, received: received as u64, delivered, held });
            at = until;
        }
        told
    }

    pub(super) fn oldest_open(&self) -> Vec<Oldest> {
        let mut oldest = BTreeMap::new();
        for delivery in self.deliveries.values().map(|row| &row.delivery) {
            let is_open = matches!(
                delivery.state,
                DeliveryState::Waiting | DeliveryState::Due | DeliveryState::Sending
            );
            if let Some(destination) = delivery.destination.clone().filter(|_| is_open) {
                oldest.entry(destination.clone()).or_insert(Oldest {
                    destination,
                    delivery: delivery.id,
                    received_at: delivery.photo.received_at,
                });
            }
        }
        oldest.into_values().collect()
    }

    pub(super) fn last_delivered(&self, destination: &DestinationName) -> Option<Timestamp> {
        let deliveries = self.deliveries.values().map(|row| &row.delivery);
        let there = deliveries.filter(|d| d.destination.as_ref() == Some(destination));
        let delivered = there.filter(|d| d.state == DeliveryState::Delivered);
        delivered.filter_map(|d| d.settled_at).max()
    }

    pub(super) fn photos_of(&self, session: &SessionId) -> u64 {
        let photos = self.photos.values().map(|row| &row.photo);
        photos.filter(|photo| photo.session.as_ref() == Some(session)).count() as u64
    }
}
