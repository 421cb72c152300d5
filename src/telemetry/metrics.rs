//! Facts as Prometheus metrics. Every label's values come from this program or from the
//! configuration, never from outside.

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

use std::sync::{Mutex, PoisonError};

use super::Fact;
use crate::model::{AttemptOutcome, DestinationName};
use jiff::Timestamp;

/// Values read at the moment of rendering.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// Deliveries by destination (empty: unrouted) and state.
    pub deliveries: Vec<(String, &'static str, u64)>,
    /// Seconds since the oldest due delivery became due; 0 when none is.
    pub oldest_due_seconds: f64,
    /// The time that it is.
    pub now: Timestamp,
    /// Destinations that are paused.
    pub paused: Vec<DestinationName>,
}

/// The counters and histograms.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    fetches: IntCounterVec,
    fetch_seconds: HistogramVec,
    attempts: IntCounterVec,
    attempt_seconds: HistogramVec,
    collecting: IntCounterVec,
    polled: IntCounterVec,
    acknowledged: IntCounterVec,
    reconciled: IntCounterVec,
    asking_failures: IntCounterVec,
    /// Since when Apertur does not answer about our sessions.
    asking_fails_since: Mutex<Option<Timestamp>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels)
        };
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let buckets = vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];
            HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels)
        };
        let made = (|| {
            Ok::<_, prometheus::Error>(Self {
                registry: Registry::new_custom(Some("apertur_bridge".to_owned()), None)?,
                requests: counter(
                    "requests_total",
                    "Webhook requests by the word of the answer",
                    &["status"],
                )?,
                request_seconds: histogram(
                    "request_seconds",
                    "Time from the headers of a webhook request to its answer",
                    &["status"],
                )?,
                fetches: counter(
                    "fetches_total",
                    "Fetches of announced photos by outcome (done, later, held)",
                    &["outcome"],
                )?,
                fetch_seconds: histogram("fetch_seconds", "Time of a successful fetch", &[])?,
                attempts: counter(
                    "attempts_total",
                    "Delivery attempts by destination and outcome",
                    &["destination", "outcome"],
                )?,
                attempt_seconds: histogram(
                    "attempt_seconds",
                    "Time of a successful delivery attempt",
                    &["destination"],
                )?,
                collecting: counter(
                    "collect_page_total",
                    "What the collect page did (opened, made) or why it was refused",
                    &["outcome"],
                )?,
                polled: counter(
                    "polled_photos_total",
                    "Photos that waited at Apertur by outcome (new, known, later)",
                    &["outcome"],
                )?,
                acknowledged: counter(
                    "acknowledgements_total",
                    "Acknowledgements of polled photos by outcome (done, later)",
                    &["outcome"],
                )?,
                reconciled: counter(
                    "reconciled_photos_total",
                    "Photos that Apertur had, that never came and were taken",
                    &[],
                )?,
                asking_failures: counter(
                    "session_failures_total",
                    "Questions about our sessions that Apertur began not to answer (all, one)",
                    &["sessions"],
                )?,
                asking_fails_since: Mutex::default(),
            })
        })();
        match made {
            Ok(metrics) => metrics.registered(),
            Err(error) => unreachable!("the names above are fixed and valid: {error}"),
        }
    }
}

impl Metrics {
    fn registered(self) -> Self {
        let all: [Box<dyn prometheus::core::Collector>; 11] = [
            Box::new(self.requests.clone()),
            Box::new(self.request_seconds.clone()),
            Box::new(self.fetches.clone()),
            Box::new(self.fetch_seconds.clone()),
            Box::new(self.attempts.clone()),
            Box::new(self.attempt_seconds.clone()),
            Box::new(self.collecting.clone()),
            Box::new(self.polled.clone()),
            Box::new(self.acknowledged.clone()),
            Box::new(self.reconciled.clone()),
            Box::new(self.asking_failures.clone()),
        ];
        for collector in all {
            // Fails only for a name given twice, and these differ.
            drop(self.registry.register(collector));
        }
        self
    }

    /// Counts a fact.
    pub(super) fn count(&self, fact: &Fact<'_>) {
        match fact {
            Fact::Request { status, took, .. } => {
                self.requests.with_label_values(&[*status]).inc();
                self.request_seconds.with_label_values(&[*status]).observe(took.as_secs_f64());
            }
            Fact::Fetched { took, .. } => {
                self.fetches.with_label_values(&["done"]).inc();
                self.fetch_seconds.with_label_values::<&str>(&[]).observe(took.as_secs_f64());
            }
            Fact::FetchLater { .. } => self.fetches.with_label_values(&["later"]).inc(),
            Fact::FetchHeld { .. } => self.fetches.with_label_values(&["held"]).inc(),
            Fact::Delivered { delivery, took, .. } => {
                let name = delivery.destination.as_ref().map_or("", DestinationName::as_str);
                self.attempted(name, AttemptOutcome::Done);
                self.attempt_seconds.with_label_values(&[name]).observe(took.as_secs_f64());
            }
            Fact::AttemptFailed { delivery, outcome, .. } => {
                let name = delivery.destination.as_ref().map_or("", DestinationName::as_str);
                self.attempted(name, *outcome);
            }
            Fact::Held { delivery, .. } => {
                let name = delivery.destination.as_ref().map_or("", DestinationName::as_str);
                self.attempted(name, AttemptOutcome::Refused);
            }
            Fact::CollectOpened { .. } => self.collecting.with_label_values(&["opened"]).inc(),
            Fact::SessionMade { .. } => self.collecting.with_label_values(&["made"]).inc(),
            Fact::CollectRefused { reason } => {
                self.collecting.with_label_values(&[*reason]).inc();
            }
            _ => self.followed(fact),
        }
    }

    fn followed(&self, fact: &Fact<'_>) {
        let (counter, label) = match fact {
            Fact::Polled { is_new: true, .. } => (&self.polled, "new"),
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
            Fact::Reconciled { .. } => return self.reconciled.with_label_values::<&str>(&[]).inc(),
            _ => return,
        };
        counter.with_label_values(&[label]).inc();
    }

    fn attempted(&self, destination: &str, outcome: AttemptOutcome) {
        self.attempts.with_label_values(&[destination, outcome.as_str()]).inc();
    }

    /// Everything in Prometheus' text form.
    pub(super) fn render(&self, gauges: &Gauges) -> String {
        let mut bytes = Vec::new();
        // Fails only when the writer does, and a Vec does not.
        drop(TextEncoder::new().encode(&self.registry.gather(), &mut bytes));
        let mut text = String::from_utf8(bytes).unwrap_or_default();
        let mut gauge = |name: &str, help: &str, rows: Vec<(String, f64)>| {
            text.push_str(&format!(
                "# HELP apertur_bridge_{name} {help}\n# TYPE apertur_bridge_{name} gauge\n"
            ));
            for (labels, value) in rows {
                text.push_str(&format!("apertur_bridge_{name}{labels} {value}\n"));
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a count above 2^53 is out of reach")]
        let deliveries = gauges.deliveries.iter().map(|(destination, state, count)| {
            (format!("{{destination=\"{destination}\",state=\"{state}\"}}"), *count as f64)
        });
        gauge(
            "deliveries",
            "Deliveries in the journal by destination (empty: unrouted) and state",
            deliveries.collect(),
        );
        gauge(
            "oldest_due_seconds",
            "Age of the oldest delivery that is due",
            vec![(String::new(), gauges.oldest_due_seconds)],
        );
        let since = *self.asking_fails_since.lock().unwrap_or_else(PoisonError::into_inner);
        let fails = since.map_or(0.0, |since| gauges.now.duration_since(since).as_secs_f64());
        gauge(
            "asking_fails_seconds",
            "Time since which Apertur does not answer about our sessions; 0 while it does",
            vec![(String::new(), fails.max(0.0))],
        );
        let paused = gauges.paused.iter();
        gauge(
            "destination_paused",
            "1 for a destination that is paused",
            paused.map(|name| (format!("{{destination=\"{name}\"}}"), 1.0)).collect(),
        );
        text
    }
}
