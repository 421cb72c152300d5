//! Which fact moves which metric.

use std::{sync::PoisonError, time::Duration};

use jiff::Timestamp;

use super::Metrics;
use crate::{
    model::{AttemptOutcome, Cause, Delivery, DestinationName, Photo},
    telemetry::Fact,
};

impl Metrics {
    /// Counts a fact.
    pub(in crate::telemetry) fn count(&self, fact: &Fact<'_>) {
        match fact {
            Fact::Request { status, photo, took, .. } => {
                self.requests.with_label_values(&[*status]).inc();
                self.request_seconds.with_label_values(&[*status]).observe(took.as_secs_f64());
                if let ("accepted", Some(photo)) = (*status, photo) {
                    self.accepted("webhook", photo);
                }
            }
            Fact::Fetched { size, took, .. } => {
                self.fetches.with_label_values(&["done"]).inc();
                self.fetch_seconds.with_label_values::<&str>(&[]).observe(took.as_secs_f64());
                self.fetched_bytes.with_label_values::<&str>(&[]).inc_by(*size);
            }
            Fact::FetchLater { .. } => self.fetches.with_label_values(&["later"]).inc(),
            Fact::FetchHeld { cause, .. } => {
                self.fetches.with_label_values(&["held"]).inc();
                self.held(None, cause);
            }
            Fact::CollectOpened { .. } => self.collecting.with_label_values(&["opened"]).inc(),
            Fact::SessionMade { .. } => self.collecting.with_label_values(&["made"]).inc(),
            Fact::CollectRefused { reason } => {
                self.collecting.with_label_values(&[*reason]).inc();
            }
            Fact::Delivered { .. }
            | Fact::AttemptFailed { .. }
            | Fact::Held { .. }
            | Fact::Paused { .. } => self.sent(fact),
            Fact::Changed { .. }
            | Fact::Pruned { .. }
            | Fact::JournalFailed { .. }
            | Fact::Panicked { .. } => self.kept_house(fact),
            _ => self.followed(fact),
        }
    }

    fn accepted(&self, way: &str, photo: &Photo) {
        self.accepted.with_label_values(&[way]).inc();
        self.accepted_at.with_label_values::<&str>(&[]).set(seconds(photo.received_at));
    }

    fn held(&self, destination: Option<&DestinationName>, cause: &Cause) {
        let name = destination.map_or("", DestinationName::as_str);
        self.held.with_label_values(&[name, cause.kind.as_str()]).inc();
    }

    /// What became of attempts.
    fn sent(&self, fact: &Fact<'_>) {
        match fact {
            Fact::Delivered { delivery, receipt, took, at, .. } => {
                let name = self.attempted(delivery, AttemptOutcome::Done);
                self.attempt_seconds.with_label_values(&[name]).observe(took.as_secs_f64());
                let how = if receipt.found { "found" } else { "sent" };
                self.delivered.with_label_values(&[name, how]).inc();
                self.delivered_at.with_label_values(&[name]).set(seconds(*at));
                let way = at.duration_since(delivery.photo.received_at);
                let way = Duration::try_from(way).unwrap_or_default();
                self.delivery_seconds.with_label_values(&[name]).observe(way.as_secs_f64());
            }
            Fact::AttemptFailed { delivery, outcome, .. } => {
                self.attempted(delivery, *outcome);
            }
            Fact::Held { delivery, cause, .. } => {
                self.attempted(delivery, AttemptOutcome::Refused);
                self.held(delivery.destination.as_ref(), cause);
            }
            Fact::Paused { destination, .. } => {
                self.pauses.with_label_values(&[destination.as_str()]).inc();
            }
            _ => {}
        }
    }

    /// Gives the destination's name.
    fn attempted<'a>(&self, delivery: &'a Delivery, outcome: AttemptOutcome) -> &'a str {
        let name = delivery.destination.as_ref().map_or("", DestinationName::as_str);
        self.attempts.with_label_values(&[name, outcome.as_str()]).inc();
        name
    }

    fn kept_house(&self, fact: &Fact<'_>) {
        match fact {
            Fact::Changed { verb, deliveries } => {
                self.operator.with_label_values(&[*verb]).inc_by(*deliveries);
            }
            Fact::Pruned { files, photos, at, .. } => {
                self.pruned.with_label_values(&["files"]).inc_by(*files);
                self.pruned.with_label_values(&["photos"]).inc_by(*photos);
                self.pruned_at.with_label_values::<&str>(&[]).set(seconds(*at));
            }
            Fact::JournalFailed { room, .. } => {
                self.journal_failures.with_label_values(&[*room]).inc();
            }
            Fact::Panicked { room, .. } => self.panics.with_label_values(&[*room]).inc(),
            _ => {}
        }
    }

    fn followed(&self, fact: &Fact<'_>) {
        let (counter, label) = match fact {
            Fact::Polled { photo, is_new: true, .. } => {
                self.accepted("poll", photo);
                (&self.polled, "new")
            }
            Fact::Polled { is_new: false, .. } => (&self.polled, "known"),
            Fact::NotPolled { .. } => (&self.polled, "later"),
            Fact::Acknowledged { .. } => (&self.acknowledged, "done"),
            Fact::NotAcknowledged { .. } => (&self.acknowledged, "later"),
            Fact::AskingFails { .. } | Fact::Limited { .. } => (&self.asking_failures, "all"),
            Fact::SessionRefused { .. }
            | Fact::SessionGivenUp { .. }
            | Fact::SessionUnread { .. }
            | Fact::SessionGone { .. } => (&self.asking_failures, "one"),
            Fact::Asking { fails_since } => {
                let mut since =
                    self.asking_fails_since.lock().unwrap_or_else(PoisonError::into_inner);
                *since = *fails_since;
                return;
            }
            Fact::Reconciled { photo, .. } => {
                self.accepted("missed", photo);
                return self.reconciled.with_label_values::<&str>(&[]).inc();
            }
            _ => return,
        };
        counter.with_label_values(&[label]).inc();
    }
}

/// Seconds since 1970.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
