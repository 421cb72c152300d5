//! What is measured at the moment somebody asks.

use jiff::Timestamp;
use prometheus::{GaugeVec, Opts, Registry, proto::MetricFamily};

use super::{PREFIX, counting::seconds};
use crate::model::{DeliveryState, DestinationName, ErrorKind};

const STATES: [DeliveryState; 6] = [
    DeliveryState::Waiting,
    DeliveryState::Due,
    DeliveryState::Sending,
    DeliveryState::Delivered,
    DeliveryState::Held,
    DeliveryState::Dropped,
];

/// What a person does with many deliveries.
pub(super) const VERBS: [&str; 4] = ["replay", "hold", "release", "drop"];

/// Values read at the moment of rendering.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// The time that it is.
    pub now: Timestamp,
    /// What the journal says; `None` when it does not answer, and then the daemon is not ready.
    pub queue: Option<Queue>,
    /// Whether there is too little room for new photos.
    pub is_low: bool,
    /// What the disk says.
    pub disk: Disk,
}

/// What waits, and why.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// How many deliveries there are of each sort; `None` before they were counted, and then
    /// nothing is shown of them: zero would mean that none is held.
    pub deliveries: Option<Vec<Tally>>,
    /// Seconds since the oldest due delivery became due; 0 when none is.
    pub oldest_due_seconds: f64,
    /// The same for each configured destination; a lease that ran out counts as due.
    pub oldest_due_of: Vec<(DestinationName, f64)>,
    /// Seconds since the oldest due fetch became due; 0 when none is.
    pub oldest_fetch_seconds: f64,
    /// Changes of deliveries by people that are under way, by verb.
    pub running: Vec<&'static str>,
    /// Destinations that are paused, and since when.
    pub paused: Vec<(DestinationName, Timestamp)>,
}

/// How many deliveries there are of a sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The destination; `None` for photos that nobody wants.
    pub destination: Option<DestinationName>,
    /// The state.
    pub state: DeliveryState,
    /// The kind of the last error.
    pub error: Option<ErrorKind>,
    /// How many.
    pub count: u64,
}

impl Tally {
    fn name(&self) -> &str {
        self.destination.as_ref().map_or("", DestinationName::as_str)
    }
}

/// What lies on the disk. `None`: not measured, or not to be measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disk {
    /// Files in the spool and the bytes in them.
    pub spool: Option<(u64, u64)>,
    /// Bytes of `data_dir`'s file system that the daemon may still write, and all of them.
    pub free: Option<(u64, u64)>,
    /// Bytes of the journal's file.
    pub journal: Option<u64>,
    /// Bytes of the log beside it.
    pub journal_wal: Option<u64>,
}

/// A registry of gauges that live for one rendering.
struct Now(Registry);

impl Now {
    fn show<'a>(
        &self,
        (name, help): (&str, &str),
        labels: &[&str],
        rows: impl IntoIterator<Item = (Vec<&'a str>, f64)>,
    ) {
        let gauge = GaugeVec::new(Opts::new(name, help), labels);
        let Ok(gauge) = gauge else { return };
        for (values, value) in rows {
            gauge.with_label_values(&values).add(value);
        }
        // Fails only for a name given twice, and these differ.
        drop(self.0.register(Box::new(gauge)));
    }

    fn one(&self, name: &str, help: &str, value: Option<f64>) {
        self.show((name, help), &[], value.map(|value| (Vec::new(), value)));
    }
}

/// Everything measured, and since when Apertur does not answer about our sessions.
pub(super) fn families(gauges: &Gauges, fails_since: Option<Timestamp>) -> Vec<MetricFamily> {
    // Fails only for an empty prefix.
    let now = Now(Registry::new_custom(Some(PREFIX.to_owned()), None).unwrap_or_default());
    let flag = |is: bool| Some(f64::from(u8::from(is)));
    now.one(
        "ready",
        "1 while the journal can be written and read and there is room for photos, else 0",
        flag(gauges.queue.is_some() && !gauges.is_low),
    );
    now.one(
        "space_low",
        "1 while no new photo is taken because less than journal.min_free is free, else 0",
        flag(gauges.is_low),
    );
    let fails = fails_since.map_or(0.0, |at| gauges.now.duration_since(at).as_secs_f64().max(0.0));
    now.one(
        "asking_fails_seconds",
        "Time since which Apertur does not answer about our sessions; 0 while it does",
        Some(fails),
    );
    if let Some(queue) = &gauges.queue {
        show_queue(&now, queue);
    }
    show_disk(&now, gauges.disk);
    now.0.gather()
}

fn show_queue(now: &Now, queue: &Queue) {
    if let Some(deliveries) = &queue.deliveries {
        show_deliveries(now, queue, deliveries);
    }
    show_ages(now, queue);
}

fn show_deliveries(now: &Now, queue: &Queue, deliveries: &[Tally]) {
    let names: Vec<_> = queue.oldest_due_of.iter().map(|(name, _)| name.as_str()).collect();
    let none =
        names.iter().copied().chain([""]).flat_map(|name| {
            STATES.into_iter().map(move |state| (vec![name, state.as_str()], 0.0))
        });
    let there = deliveries
        .iter()
        .map(|tally| (vec![tally.name(), tally.state.as_str()], count(tally.count)));
    now.show(
        (
            "deliveries",
            "Deliveries in the journal by destination (empty: unrouted) and state (waiting, due, \
             sending, delivered, held, dropped)",
        ),
        &["destination", "state"],
        none.chain(there),
    );
    let held = deliveries.iter().filter(|tally| tally.state == DeliveryState::Held);
    now.show(
        ("held_deliveries", "Deliveries that wait for a person by the kind of their error"),
        &["destination", "error"],
        held.map(|tally| {
            let error = tally.error.map_or("", ErrorKind::as_str);
            (vec![tally.name(), error], count(tally.count))
        }),
    );
}

fn show_ages(now: &Now, queue: &Queue) {
    now.one(
        "oldest_due_seconds",
        "Age of the oldest delivery that is due",
        Some(queue.oldest_due_seconds),
    );
    now.show(
        ("destination_oldest_due_seconds", "Age of a destination's oldest delivery that is due"),
        &["destination"],
        queue.oldest_due_of.iter().map(|(name, age)| (vec![name.as_str()], *age)),
    );
    now.one(
        "oldest_fetch_seconds",
        "Age of the oldest fetch of a photo that is due",
        Some(queue.oldest_fetch_seconds),
    );
    now.show(
        ("operator_runs", "Changes of deliveries by people that are under way, by verb"),
        &["verb"],
        VERBS
            .map(|verb| (vec![verb], 0.0))
            .into_iter()
            .chain(queue.running.iter().map(|verb| (vec![*verb], 1.0))),
    );
    let since = |name: &DestinationName| {
        queue.paused.iter().find(|(paused, _)| paused == name).map(|(_, since)| seconds(*since))
    };
    let all = || queue.oldest_due_of.iter().map(|(name, _)| (name.as_str(), since(name)));
    now.show(
        ("destination_paused", "1 for a destination that is paused, else 0"),
        &["destination"],
        all().map(|(name, since)| (vec![name], f64::from(u8::from(since.is_some())))),
    );
    now.show(
        (
            "destination_paused_since_timestamp_seconds",
            "Since when a destination is paused; 0 for one that is not",
        ),
        &["destination"],
        all().map(|(name, since)| (vec![name], since.unwrap_or(0.0))),
    );
}

fn show_disk(now: &Now, disk: Disk) {
    let (files, bytes) = (disk.spool.map(|spool| spool.0), disk.spool.map(|spool| spool.1));
    now.one("spool_files", "Files in the spool; measured every few minutes", files.map(count));
    now.one("spool_bytes", "Bytes in the spool; measured every few minutes", bytes.map(count));
    let (free, size) = (disk.free.map(|free| free.0), disk.free.map(|free| free.1));
    now.one(
        "data_dir_free_bytes",
        "Bytes that can still be written below data_dir",
        free.map(count),
    );
    now.one("data_dir_size_bytes", "Bytes of the file system of data_dir", size.map(count));
    let files = [("db", disk.journal), ("wal", disk.journal_wal)];
    now.show(
        ("journal_bytes", "Bytes of the journal by file (db; wal: the log beside it)"),
        &["file"],
        files.into_iter().filter_map(|(file, bytes)| Some((vec![file], count(bytes?)))),
    );
}

#[expect(clippy::cast_precision_loss, reason = "a count above 2^53 is out of reach")]
fn count(count: u64) -> f64 {
    count as f64
}
