//! 5 The sending: one loop per destination claims what is due, asks first where an earlier
//! attempt ended without an answer, sends under one deadline and settles.
//!
//! The sender decides what a [`Failure`] means for the delivery; what a failure is, is said by
//! the destination. It names no destination type.

mod backoff;
mod pause;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

pub use self::backoff::delay;
use self::pause::Gate;
use crate::{
    destinations::{Destination, Item, Parcel, Progress, StepLog},
    journal::{Claim, Claimed, DeliveryEnd, Journal, JournalError, Pause},
    model::{
        AttemptOutcome, Cause, Delivery, DeliveryId, DestinationName, ErrorKind, Failure, Receipt,
        Severity, Step,
    },
    spool::Spool,
    system::Clock,
    telemetry::{Fact, Telemetry},
    work::Work,
};

/// How long another side may go on with a request that timed out; Odoo ends its workers after
/// 120 seconds unless configured otherwise, counted from the request's start.
const STILL_AT_WORK: Duration = Duration::from_mins(1);

/// How long another side may go on with a request whose connection broke: Odoo takes two seconds
/// for the largest photo.
const SURELY_DONE: Duration = Duration::from_secs(3);
/// Waits between tries to settle an attempt while the journal fails; after the last one the
/// lease's end makes the delivery due again, to be looked for first.
const SETTLE: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// When attempts are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Wait after the first failed attempt.
    pub first_delay: Duration,
    /// Longest wait between attempts.
    pub max_delay: Duration,
    /// A delivery that failed for this long is held.
    pub give_up_after: Duration,
    /// Longest time for one attempt.
    pub deadline: Duration,
    /// Time between probes of a paused destination.
    pub probe_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(5),
            max_delay: Duration::from_hours(1),
            give_up_after: Duration::from_hours(72),
            deadline: Duration::from_mins(5),
            probe_every: Duration::from_secs(30),
        }
    }
}

/// What every sender needs.
#[derive(Debug, Clone)]
pub struct Around {
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// The bytes.
    pub spool: Spool,
    /// The time.
    pub clock: Clock,
    /// Where facts go.
    pub telemetry: Telemetry,
    /// No attempt begins after this is cancelled.
    pub stop: CancellationToken,
}

/// The sender of one destination.
#[derive(Debug)]
pub struct Sender {
    name: DestinationName,
    destination: Arc<dyn Destination>,
    settings: Settings,
    around: Around,
    progress: Progress,
    gate: Gate,
    /// What runs here right now; a lease can end early, when the machine's clock jumps.
    running: Mutex<HashSet<DeliveryId>>,
}

#[derive(Debug)]
struct JournalSteps(Arc<dyn Journal>);

#[async_trait]
impl StepLog for JournalSteps {
    async fn write(&self, delivery: DeliveryId, step: Step) -> Result<(), String> {
        self.0.note_step(delivery, step).await.map_err(|error| error.to_string())
    }
}

impl Sender {
    /// A sender for a destination.
    #[must_use]
    pub fn new(
        name: DestinationName,
        destination: Arc<dyn Destination>,
        settings: Settings,
        around: Around,
    ) -> Self {
        let progress = Progress(Arc::new(JournalSteps(Arc::clone(&around.journal))));
        let gate = Gate::new(settings.probe_every);
        let running = Mutex::default();
        Self { name, destination, settings, around, progress, gate, running }
    }

    /// Parcels under way at once.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.destination.limits().concurrency.max(1)
    }

    /// One attempt, from the look to the receipt.
    async fn attempt(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        let max_size = self.destination.limits().max_size;
        if let Some(size) = delivery.photo.size.filter(|size| *size > max_size) {
            return Err(Failure::Refused { cause: too_large(size, max_size) });
        }
        if delivery.unsure
            && let Some(mut receipt) =
                self.destination.find(std::slice::from_ref(delivery)).await?.pop().flatten()
        {
            receipt.found = true;
            return Ok(receipt);
        }
        let file = self.file(delivery)?;
        let parcel = Parcel { items: vec![Item { delivery: delivery.clone(), file }] };
        let receipts = self.destination.deliver(&parcel, &self.progress).await?;
        Ok(receipts.into_iter().next().unwrap_or_default())
    }

    fn file(&self, delivery: &Delivery) -> Result<crate::spool::SpooledFile, Failure> {
        let photo = &delivery.photo;
        let (Some(sha256), Some(size)) = (photo.sha256, photo.size) else {
            return Err(Failure::Refused {
                cause: Cause::new(
                    ErrorKind::Local,
                    "the photo's bytes are not here",
                    "replay the delivery, so that the photo is fetched again",
                ),
            });
        };
        Ok(self.around.spool.file(sha256, size))
    }

    /// What a failure means for this delivery.
    fn verdict(&self, delivery: &Delivery, failure: Failure) -> DeliveryEnd {
        let now = self.around.clock.now();
        let patience =
            SignedDuration::try_from(self.settings.give_up_after).unwrap_or(SignedDuration::MAX);
        let tired = now.duration_since(delivery.since) >= patience;
        match failure {
            // Nobody is there: what keeps this photo out keeps out all others.
            Failure::Later { cause, .. } if cause.kind == ErrorKind::Unreachable => {
                DeliveryEnd::Broken { cause }
            }
            Failure::Later { cause, .. } if tired => {
                DeliveryEnd::Held { cause: self.gave_up(&cause) }
            }
            Failure::Later { after, cause } => {
                let counts = cause.kind != ErrorKind::RateLimited;
                let asked = self.around.clock.after(after.unwrap_or_default());
                // However long the other side asks for, there is one last try in time.
                let last = delivery.since.checked_add(patience).unwrap_or(Timestamp::MAX);
                let at = self.next(delivery.attempts).max(asked).min(last).max(now);
                DeliveryEnd::Later { at, cause, counts }
            }
            // Held only once the journal says that it has to be looked for first.
            Failure::Unknown { cause } if tired && delivery.unsure => {
                DeliveryEnd::Held { cause: self.gave_up(&cause) }
            }
            Failure::Unknown { cause } => {
                // The other side may still be at work on what it did not answer in time, and
                // a look before it is done would find nothing.
                let busy = match cause.kind {
                    ErrorKind::Timeout => STILL_AT_WORK,
                    _ => SURELY_DONE,
                };
                let at = self.next(delivery.attempts).max(self.around.clock.after(busy));
                DeliveryEnd::Unknown { at, cause }
            }
            Failure::Refused { cause } => DeliveryEnd::Held { cause },
            Failure::Broken { cause } => DeliveryEnd::Broken { cause },
        }
    }

    fn next(&self, attempts: u32) -> Timestamp {
        let Settings { first_delay, max_delay, .. } = self.settings;
        self.around.clock.after(delay(first_delay, max_delay, attempts, rand::random()))
    }

    fn gave_up(&self, last: &Cause) -> Cause {
        let days = humantime::format_duration(self.settings.give_up_after);
        Cause::new(
            ErrorKind::GaveUp,
            format!("gave up after {days}; the last failure: {}", last.what),
            format!("{}; then replay it", last.fix),
        )
        .with_detail(&last.detail)
    }

    fn too_slow(&self) -> Cause {
        let deadline = humantime::format_duration(self.settings.deadline);
        Cause::new(
            ErrorKind::Timeout,
            format!("no answer within {deadline}"),
            "look at the load of the other side; the next attempt looks before it sends",
        )
    }

    /// Writes the end down and then says so.
    async fn settle(&self, claimed: &Claimed, end: DeliveryEnd, took: Duration) {
        if let DeliveryEnd::Broken { cause } = &end {
            self.pause(cause.clone()).await;
        }
        if self.write(claimed, &end).await {
            self.tell(&claimed.delivery, &end, took);
        }
        self.running().remove(&claimed.delivery.id);
    }

    /// Writes the end down, as stubbornly as is worth it; gives whether it is.
    async fn write(&self, claimed: &Claimed, end: &DeliveryEnd) -> bool {
        let mut waits = SETTLE.into_iter();
        loop {
            let now = self.around.clock.now();
            let settled = self.around.journal.settle_delivery(claimed, end.clone(), now).await;
            let Err(error) = settled else { return true };
            let wait = waits.next();
            self.resting(&error, wait.unwrap_or_default());
            let Some(wait) = wait else { return false };
            tokio::select! {
                () = self.around.clock.sleep_until(self.around.clock.after(wait)) => {}
                () = self.around.stop.cancelled() => return false,
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashSet<DeliveryId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, delivery: &Delivery, end: &DeliveryEnd, took: Duration) {
        let failed = |outcome, cause, at| Fact::AttemptFailed { delivery, outcome, cause, at };
        let telemetry = &self.around.telemetry;
        match end {
            DeliveryEnd::Delivered(receipt) => {
                telemetry.emit(&Fact::Delivered { delivery, receipt, took });
            }
            DeliveryEnd::Later { at, cause, .. } => {
                telemetry.emit(&failed(AttemptOutcome::Later, cause, *at));
            }
            DeliveryEnd::Unknown { at, cause } => {
                telemetry.emit(&failed(AttemptOutcome::Unknown, cause, *at));
            }
            DeliveryEnd::Broken { cause } => {
                let at = self.around.clock.after(self.settings.probe_every);
                telemetry.emit(&failed(AttemptOutcome::Broken, cause, at));
            }
            DeliveryEnd::Held { cause } => telemetry.emit(&Fact::Held { delivery, cause }),
            DeliveryEnd::Cancelled => {}
        }
    }

    async fn pause(&self, cause: Cause) {
        let since = self.around.clock.now();
        if !self.gate.shut(&self.around.clock) {
            return;
        }
        self.around.telemetry.emit(&Fact::Paused { destination: &self.name, cause: &cause });
        let pause = Pause { destination: self.name.clone(), since, cause };
        self.record(Some(pause)).await;
    }

    /// Asks a paused destination whether it works again, when it is time to.
    async fn probe(&self) {
        let findings = tokio::select! {
            findings = self.destination.probe() => findings,
            () = self.around.stop.cancelled() => return,
        };
        let now = self.around.clock.now();
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            self.gate.still_shut(&self.around.clock);
            return;
        }
        if let Some(since) = self.gate.open() {
            let paused = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            self.around.telemetry.emit(&Fact::Resumed { destination: &self.name, paused });
            self.record(None).await;
        }
    }

    async fn record(&self, pause: Option<Pause>) {
        if let Err(error) = self.around.journal.set_pause(&self.name, pause).await {
            // The record is for people; the gate itself is here.
            self.resting(&error, Duration::ZERO);
        }
    }
}

fn too_large(size: u64, limit: u64) -> Cause {
    Cause::new(
        ErrorKind::TooLarge,
        format!("the photo has {size} bytes, the destination takes at most {limit}"),
        "ask for a smaller picture, or route large photos to a storage destination",
    )
}

#[async_trait]
impl Work for Sender {
    type Job = Claimed;

    async fn claim(&self, room: usize) -> Result<Vec<Claimed>, JournalError> {
        let now = self.around.clock.now();
        match self.gate.probe_at() {
            Some(at) if at > now => return Ok(Vec::new()),
            Some(_) => self.probe().await,
            None => {}
        }
        if self.gate.probe_at().is_some() || self.around.stop.is_cancelled() {
            return Ok(Vec::new());
        }
        // A look and a send, each under the deadline, and time to settle.
        let lease = self.settings.deadline * 2 + Duration::from_mins(1);
        let claim = Claim {
            now,
            lease_until: self.around.clock.after(lease),
            destination: self.name.clone(),
            limit: room,
            one_per_target: self.destination.limits().one_per_target,
            except: self.running().iter().copied().collect(),
        };
        let claimed = self.around.journal.claim_deliveries(claim).await?;
        self.running().extend(claimed.iter().map(|claimed| claimed.delivery.id));
        Ok(claimed)
    }

    async fn run(&self, claimed: &Claimed) {
        let started = std::time::Instant::now();
        if self.around.stop.is_cancelled() || self.gate.probe_at().is_some() {
            return self.settle(claimed, DeliveryEnd::Cancelled, Duration::ZERO).await;
        }
        let delivery = &claimed.delivery;
        let attempt = tokio::time::timeout(self.settings.deadline, self.attempt(delivery)).await;
        let end = match attempt {
            Ok(Ok(receipt)) => DeliveryEnd::Delivered(receipt),
            Ok(Err(failure)) => self.verdict(delivery, failure),
            Err(_) => self.verdict(delivery, Failure::Unknown { cause: self.too_slow() }),
        };
        self.settle(claimed, end, started.elapsed()).await;
    }

    async fn panicked(&self, claimed: &Claimed, message: &str) {
        self.around.telemetry.emit(&Fact::Panicked { room: "sender", message });
        let cause = Cause::new(
            ErrorKind::Local,
            "the attempt ended in a bug of this program",
            "report it with the log lines around it; it is tried again by itself",
        );
        let end = self.verdict(&claimed.delivery, Failure::Unknown { cause });
        self.settle(claimed, end, Duration::ZERO).await;
    }

    async fn next_at(&self) -> Result<Option<Timestamp>, JournalError> {
        match self.gate.probe_at() {
            Some(at) => Ok(Some(at)),
            None => self.around.journal.next_delivery_at(&self.name).await,
        }
    }

    fn resting(&self, error: &JournalError, _rest: Duration) {
        let error = &error.to_string();
        self.around.telemetry.emit(&Fact::JournalFailed { room: "sender", error });
    }
}
