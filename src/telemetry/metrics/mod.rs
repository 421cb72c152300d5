//! Facts as Prometheus metrics. Every label's values come from this program or from the
//! configuration, never from outside.
//!
//! What is counted is here and in `counting`, what is measured when somebody asks in `gauges`.
//! `docs/metrics.md` is the text form of all of it, and a test keeps it so.

mod counting;
mod gauges;

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use prometheus::{
    Encoder as _, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts,
    Registry, TextEncoder, process_collector::ProcessCollector, proto::MetricFamily,
};

pub use self::gauges::{Disk, Gauges, Queue, Tally};
use super::Committed;
use crate::model::{AttemptOutcome, DestinationName};

/// The beginning of the names of all metrics but those that describe any process.
const PREFIX: &str = "apertur_bridge";

/// Bounds of what takes a moment, in seconds.
const MOMENTS: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];
/// Bounds of what the disk does, in seconds.
const SYNCS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Bounds of the way of a photo, in seconds: to three days, when `retry.give_up_after` ends it.
const WAYS: &[f64] = &[0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 259_200.0];
/// Bounds of the requests in one commit.
const GROUPS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// How an attempt may end that is counted.
const OUTCOMES: [AttemptOutcome; 5] = [
    AttemptOutcome::Done,
    AttemptOutcome::Later,
    AttemptOutcome::Unknown,
    AttemptOutcome::Refused,
    AttemptOutcome::Broken,
];

/// Who says that the journal failed.
const JOURNAL_ROOMS: [&str; 9] =
    ["alert", "collect", "follow", "readiness", "reload", "retention", "runs", "sender", "texts"];
/// Who says that a job ended in a bug.
const PANIC_ROOMS: [&str; 3] = ["collect", "follow", "sender"];

/// The counters and histograms.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// What is known of any process, under the names that every exporter uses.
    process: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    accepted: IntCounterVec,
    accepted_at: GaugeVec,
    fetches: IntCounterVec,
    fetch_seconds: HistogramVec,
    fetched_bytes: IntCounterVec,
    attempts: IntCounterVec,
    attempt_seconds: HistogramVec,
    delivered: IntCounterVec,
    delivered_at: GaugeVec,
    delivery_seconds: HistogramVec,
    held: IntCounterVec,
    pauses: IntCounterVec,
    operator: IntCounterVec,
    pruned: IntCounterVec,
    pruned_bytes: IntCounterVec,
    pruned_at: GaugeVec,
    backed_up_at: GaugeVec,
    reloads: IntCounterVec,
    collecting: IntCounterVec,
    console: IntCounterVec,
    polled: IntCounterVec,
    acknowledged: IntCounterVec,
    reconciled: IntCounterVec,
    asking_failures: IntCounterVec,
    journal_failures: IntCounterVec,
    panics: IntCounterVec,
    commit_seconds: HistogramVec,
    transaction_seconds: HistogramVec,
    commit_requests: HistogramVec,
    commit_failures: IntCounterVec,
    pub(super) trace_exports: IntCounterVec,
    build: IntGaugeVec,
    /// Since when Apertur does not answer about our sessions.
    asking_fails_since: Mutex<Option<Timestamp>>,
}

/// A registry that makes what it holds.
struct Maker(Registry);

impl Maker {
    fn counter(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        let made = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
        let made = GaugeVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn histogram(
        &self,
        (name, help): (&str, &str),
        labels: &[&str],
        bounds: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        let made = HistogramVec::new(options, labels)?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = match Self::made() {
            Ok(metrics) => metrics,
            Err(error) => unreachable!("the names are fixed, valid and differ: {error}"),
        };
        metrics.begin();
        metrics
    }
}

impl Metrics {
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn made() -> prometheus::Result<Self> {
        let process = Registry::new();
        process.register(Box::new(ProcessCollector::for_self()))?;
        let m = Maker(Registry::new_custom(Some(PREFIX.to_owned()), None)?);
        let build = IntGaugeVec::new(Opts::new("build_info", "1, with the version"), &["version"])?;
        m.0.register(Box::new(build.clone()))?;
        Ok(Self {
            process,
            requests: m.counter(
                "requests_total",
                "Webhook requests by the word of the answer",
                &["status"],
            )?,
            request_seconds: m.histogram(
                ("request_seconds", "Time from the headers of a webhook request to its answer"),
                &["status"],
                MOMENTS,
            )?,
            accepted: m.counter(
                "accepted_photos_total",
                "New photos on disk by the way they came (webhook, poll; missed: Apertur had them \
                 and they never came)",
                &["way"],
            )?,
            accepted_at: m.gauge(
                "last_accepted_timestamp_seconds",
                "When the last new photo came, since the start; 0 for none",
                &[],
            )?,
            fetches: m.counter(
                "fetches_total",
                "Fetches of announced photos by outcome (done, later, held)",
                &["outcome"],
            )?,
            fetch_seconds: m.histogram(
                ("fetch_seconds", "Time of a successful fetch"),
                &[],
                MOMENTS,
            )?,
            fetched_bytes: m.counter("fetched_bytes_total", "Bytes of fetched photos", &[])?,
            attempts: m.counter(
                "attempts_total",
                "Delivery attempts by outcome (done, later, unknown, refused, broken)",
                &["destination", "outcome"],
            )?,
            attempt_seconds: m.histogram(
                ("attempt_seconds", "Time of a successful delivery attempt"),
                &["destination"],
                MOMENTS,
            )?,
            delivered: m.counter(
                "delivered_photos_total",
                "Photos at their destination: sent, or found there by an attempt that looked first",
                &["destination", "how"],
            )?,
            delivered_at: m.gauge(
                "last_delivered_timestamp_seconds",
                "When the last photo was delivered, since the start; 0 for none",
                &["destination"],
            )?,
            delivery_seconds: m.histogram(
                ("delivery_seconds", "Time from a photo's arrival to its delivery"),
                &["destination"],
                WAYS,
            )?,
            held: m.counter(
                "held_total",
                "Deliveries that were given to a person by an attempt, or photos by a fetch (with \
                 an empty destination), by the kind of the error",
                &["destination", "error"],
            )?,
            pauses: m.counter(
                "destination_pauses_total",
                "Times that a destination was paused",
                &["destination"],
            )?,
            operator: m.counter(
                "operator_deliveries_total",
                "Deliveries that a person changed by verb",
                &["verb"],
            )?,
            pruned: m.counter(
                "pruned_total",
                "What retention removed: files of the spool, and photos with their history",
                &["what"],
            )?,
            pruned_bytes: m.counter(
                "pruned_bytes_total",
                "Bytes of the files that retention removed",
                &[],
            )?,
            backed_up_at: m.gauge(
                "last_backup_timestamp_seconds",
                "When the journal was backed up last, since the start; 0 for never",
                &[],
            )?,
            reloads: m.counter(
                "reloads_total",
                "Times that the configuration was read again by outcome (done; failed: it cannot \
                 be used, and nothing was changed)",
                &["outcome"],
            )?,
            pruned_at: m.gauge(
                "last_retention_timestamp_seconds",
                "When retention ran last without an error, since the start; 0 for never",
                &[],
            )?,
            collecting: m.counter(
                "collect_page_total",
                "What the collect page did (opened, made) or why it was refused",
                &["outcome"],
            )?,
            console: m.counter(
                "console_total",
                "Who the console let in (signed_in), or why it refused or failed a request",
                &["outcome"],
            )?,
            polled: m.counter(
                "polled_photos_total",
                "Photos that waited at Apertur by outcome (new, known, later)",
                &["outcome"],
            )?,
            acknowledged: m.counter(
                "acknowledgements_total",
                "Acknowledgements of polled photos by outcome (done, later)",
                &["outcome"],
            )?,
            reconciled: m.counter(
                "reconciled_photos_total",
                "Photos that Apertur had, that never came and were taken",
                &[],
            )?,
            asking_failures: m.counter(
                "session_failures_total",
                "Questions about our sessions that Apertur began not to answer (all, one)",
                &["sessions"],
            )?,
            journal_failures: m.counter(
                "journal_failures_total",
                "Times that a part of the daemon could not use the journal",
                &["room"],
            )?,
            panics: m.counter("panics_total", "Jobs that ended in a bug", &["room"])?,
            commit_seconds: m.histogram(
                (
                    "journal_commit_seconds",
                    "Time in which the disk made a transaction of the journal durable (fsync)",
                ),
                &[],
                SYNCS,
            )?,
            transaction_seconds: m.histogram(
                ("journal_transaction_seconds", "Time of a transaction of the journal as a whole"),
                &[],
                SYNCS,
            )?,
            commit_requests: m.histogram(
                ("journal_commit_requests", "Requests that shared a transaction of the journal"),
                &[],
                GROUPS,
            )?,
            commit_failures: m.counter(
                "journal_commit_failures_total",
                "Transactions of the journal that failed",
                &[],
            )?,
            trace_exports: m.counter(
                "trace_exports_total",
                "Requests with traces to the collector by outcome (done, failed)",
                &["outcome"],
            )?,
            registry: m.0,
            build,
            asking_fails_since: Mutex::default(),
        })
    }

    /// Shows what has happened to nobody yet as 0, so that the first time is seen as a rise.
    fn begin(&self) {
        self.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        for (counter, words) in [
            (&self.accepted, &["webhook", "poll", "missed"][..]),
            (&self.fetches, &["done", "later", "held"]),
            (&self.operator, &gauges::VERBS),
            (&self.pruned, &["files", "photos"]),
            (&self.collecting, &["opened", "made", "throttled", "old_entry"]),
            (&self.console, &["signed_in", "wrong_password", "wrong_token", "throttled"]),
            (&self.polled, &["new", "known", "later"]),
            (&self.acknowledged, &["done", "later"]),
            (&self.asking_failures, &["all", "one"]),
            (&self.journal_failures, &JOURNAL_ROOMS),
            (&self.panics, &PANIC_ROOMS),
            (&self.trace_exports, &["done", "failed"]),
            (&self.reloads, &["done", "failed"]),
        ] {
            words.iter().for_each(|word| drop(counter.with_label_values(&[*word])));
        }
        let alone =
            [&self.fetched_bytes, &self.pruned_bytes, &self.reconciled, &self.commit_failures];
        for counter in alone {
            drop(counter.with_label_values::<&str>(&[]));
        }
        for gauge in [&self.accepted_at, &self.pruned_at, &self.backed_up_at] {
            drop(gauge.with_label_values::<&str>(&[]));
        }
        for histogram in [
            &self.fetch_seconds,
            &self.commit_seconds,
            &self.transaction_seconds,
            &self.commit_requests,
        ] {
            drop(histogram.with_label_values::<&str>(&[]));
        }
    }

    /// Shows these destinations and answers as 0 until something happens to them.
    pub(super) fn foresee(&self, destinations: &[DestinationName], statuses: &[&str]) {
        for status in statuses {
            drop(self.requests.with_label_values(&[*status]));
            drop(self.request_seconds.with_label_values(&[*status]));
        }
        for name in destinations.iter().map(DestinationName::as_str) {
            for outcome in OUTCOMES {
                drop(self.attempts.with_label_values(&[name, outcome.as_str()]));
            }
            for how in ["sent", "found"] {
                drop(self.delivered.with_label_values(&[name, how]));
            }
            drop(self.attempt_seconds.with_label_values(&[name]));
            drop(self.delivery_seconds.with_label_values(&[name]));
            drop(self.delivered_at.with_label_values(&[name]));
            drop(self.pauses.with_label_values(&[name]));
        }
    }

    /// Counts a transaction of the journal.
    pub(super) fn commit(&self, commit: Committed) {
        let Some(sync) = commit.sync else {
            return self.commit_failures.with_label_values::<&str>(&[]).inc();
        };
        let none: &[&str] = &[];
        self.commit_seconds.with_label_values(none).observe(sync.as_secs_f64());
        self.transaction_seconds.with_label_values(none).observe(commit.took.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "at most 128 share a transaction")]
        self.commit_requests.with_label_values(none).observe(commit.requests as f64);
    }

    /// Everything in Prometheus' text form.
    pub(super) fn render(&self, gauges: &Gauges) -> String {
        let since = *self.asking_fails_since.lock().unwrap_or_else(PoisonError::into_inner);
        let mut families: Vec<MetricFamily> = self.registry.gather();
        families.extend(gauges::families(gauges, since));
        families.extend(self.process.gather());
        let mut bytes = Vec::new();
        // Fails only when the writer does, and a Vec does not.
        drop(TextEncoder::new().encode(&families, &mut bytes));
        String::from_utf8(bytes).unwrap_or_default()
    }
}
