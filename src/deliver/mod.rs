//! 5 The sending: one loop per destination claims parcels of what is due, asks first where an
//! earlier attempt ended without an answer, sends under one deadline a call and settles.
//!
//! The sender decides what a failure means for the delivery; what a failure is, is said by
//! the destination. It names no destination type.

mod backoff;
mod parcel;
mod pause;
mod verdict;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use self::backoff::delay;
use self::pause::{Gate, Slow};
use crate::{
    destinations::{Allowance, Destination, Progress, StepLog},
    journal::{Claim, Claimed, DeliveryEnd, Journal, JournalError, Pause},
    model::{
        AttemptId, AttemptOutcome, Cause, DeliveryId, DestinationName, ErrorKind, Failure,
        Severity, Step,
    },
    spool::Spool,
    system::Clock,
    telemetry::{Fact, Telemetry},
    work::{Wake, Work},
};

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
    /// Longest time for one call to a destination; a second more for every 32 KiB that are to be
    /// sent or read in it.
    pub deadline: Duration,
    /// First wait before a paused destination is probed, and between probes of one that cannot
    /// be reached; one that refuses our credentials, or the photo that tries it out after a
    /// probe, is probed less and less often, at least every 15 minutes or `max_delay`.
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
    /// Woken by people who ask for deliveries: a paused destination is probed soon then.
    pub asked: Wake,
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
    slow: Slow,
    /// What runs here right now, each with an attempt that names its parcel; a lease can end
    /// early, when the machine's clock jumps.
    running: Mutex<HashMap<DeliveryId, AttemptId>>,
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
        let gate = Gate::new(&settings, around.asked.subscribe());
        let (slow, running) = (Slow::default(), Mutex::default());
        Self { name, destination, settings, around, progress, gate, slow, running }
    }

    /// Parcels under way at once.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.destination.limits().concurrency.max(1)
    }

    /// How many parcels may be claimed now, or from when on.
    fn allowance(&self) -> Allowance {
        let (count, from) = match self.destination.allowance() {
            Allowance::Parcels(count) => (count, Timestamp::MIN),
            Allowance::From(at) => (1, at),
        };
        let now = self.around.clock.now();
        match from.max(self.slow.until(now)) {
            at if at > now => Allowance::From(at),
            _ => Allowance::Parcels(count),
        }
    }

    /// How many more parcels may be claimed now.
    fn room(&self) -> usize {
        match self.allowance() {
            Allowance::Parcels(count) if self.gate.is_ajar() => {
                count.min(1).saturating_sub(self.parcels_under_way())
            }
            // What runs may not have asked for its calls yet.
            Allowance::Parcels(count) => count.saturating_sub(self.parcels_under_way()),
            Allowance::From(_) => 0,
        }
    }

    fn parcels_under_way(&self) -> usize {
        self.running().values().collect::<HashSet<_>>().len()
    }

    /// Whether nothing is to be sent now.
    fn idle(&self) -> bool {
        self.around.stop.is_cancelled() || self.gate.is_shut()
    }

    /// The time in which a parcel of one is surely settled, and how much more each further photo
    /// takes: a look, the parcel, each photo of it alone, every call under its deadline, and the
    /// writing down.
    fn lease(&self) -> (Duration, Duration) {
        let photo = self.settings.deadline.saturating_add(Duration::from_mins(1));
        (self.settings.deadline.saturating_mul(2).saturating_add(photo), photo)
    }

    /// Writes the end of an attempt that began at `started` down and then says so.
    async fn settle(&self, claimed: &Claimed, end: DeliveryEnd, started: Instant) {
        match &end {
            DeliveryEnd::Broken { cause } => self.pause(cause.clone()).await,
            DeliveryEnd::Delivered(receipt) => {
                self.gate.forget(claimed.delivery.id);
                // What was found proves that it can be read, no more.
                if !receipt.found {
                    self.resume(true).await;
                }
            }
            DeliveryEnd::Held { .. } => self.gate.forget(claimed.delivery.id),
            _ => {}
        }
        if self.write(claimed, &end).await {
            self.tell(claimed, &end, started.elapsed());
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

    fn running(&self) -> MutexGuard<'_, HashMap<DeliveryId, AttemptId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, claimed: &Claimed, end: &DeliveryEnd, took: Duration) {
        let (delivery, attempt) = (&claimed.delivery, claimed.attempt);
        let failed = |outcome, cause, at| Fact::AttemptFailed {
            delivery,
            attempt,
            outcome,
            cause,
            at,
            took,
        };
        let telemetry = &self.around.telemetry;
        match end {
            DeliveryEnd::Delivered(receipt) => {
                let at = self.around.clock.now();
                telemetry.emit(&Fact::Delivered { delivery, attempt, receipt, took, at });
            }
            DeliveryEnd::Later { at, cause, .. } => {
                telemetry.emit(&failed(AttemptOutcome::Later, cause, *at));
            }
            DeliveryEnd::Unknown { at, cause } => {
                telemetry.emit(&failed(AttemptOutcome::Unknown, cause, *at));
            }
            DeliveryEnd::Broken { cause } => {
                let now = self.around.clock.now();
                let at = self.gate.probe_at(now).unwrap_or(now);
                telemetry.emit(&failed(AttemptOutcome::Broken, cause, at));
            }
            DeliveryEnd::Held { cause } => {
                telemetry.emit(&Fact::Held { delivery, attempt, cause, took });
            }
            DeliveryEnd::Cancelled => {}
        }
    }

    async fn pause(&self, cause: Cause) {
        let Some((is_new, since)) = self.gate.shut(&self.around.clock, &cause) else { return };
        let (destination, cause) = (&self.name, &cause);
        self.around.telemetry.emit(&if is_new {
            Fact::Paused { destination, cause }
        } else {
            Fact::StillPaused { destination, cause }
        });
        self.record(Some((since, cause))).await;
    }

    /// Asks a paused destination whether it works again, when it is time to.
    async fn probe(&self) {
        self.gate.asks();
        let findings = tokio::select! {
            findings = self.destination.probe() => findings,
            () = self.around.stop.cancelled() => return,
        };
        let Some(found) = findings.iter().find(|found| found.severity == Severity::Error) else {
            return self.gate.set_ajar();
        };
        if let Some((cause, since)) = self.gate.still_shut(&self.around.clock, found) {
            let (destination, cause) = (&self.name, &cause);
            self.around.telemetry.emit(&Fact::StillPaused { destination, cause });
            self.record(Some((since, cause))).await;
        }
    }

    /// A paused destination goes on, where a probe let one photo try.
    async fn resume(&self, was_delivered: bool) {
        let Some(since) = self.gate.open(was_delivered) else { return };
        let paused = self.around.clock.now().duration_since(since);
        let paused = Duration::try_from(paused).unwrap_or_default();
        self.around.telemetry.emit(&Fact::Resumed { destination: &self.name, paused });
        self.record(None).await;
    }

    /// One photo to try a paused destination out with: one that did not find it broken before,
    /// where there is such. With none left it goes on.
    async fn claim_one(&self) -> Result<Vec<Vec<Claimed>>, JournalError> {
        for except in [self.gate.suspects(), Vec::new()] {
            let parcels = self.claim_some((1, 1), except).await?;
            if !parcels.is_empty() {
                return Ok(parcels);
            }
        }
        self.resume(false).await;
        Ok(Vec::new())
    }

    /// Claims at most so many parcels of at most so many photos.
    async fn claim_some(
        &self,
        (limit, photos_per_parcel): (usize, usize),
        mut except: Vec<DeliveryId>,
    ) -> Result<Vec<Vec<Claimed>>, JournalError> {
        let limits = self.destination.limits();
        let (lease, lease_more) = self.lease();
        except.extend(self.running().keys());
        let claim = Claim {
            now: self.around.clock.now(),
            lease_until: self.around.clock.after(lease),
            lease_more,
            destination: self.name.clone(),
            limit,
            photos_per_parcel,
            parcel_size: limits.parcel_size,
            one_per_target: limits.one_per_target,
            except,
        };
        self.around.journal.claim_deliveries(claim).await
    }

    async fn record(&self, pause: Option<(Timestamp, &Cause)>) {
        let pause = pause.map(|(since, cause)| Pause {
            destination: self.name.clone(),
            since,
            cause: cause.clone(),
        });
        if let Err(error) = self.around.journal.set_pause(&self.name, pause).await {
            // The record is for people; the gate itself is here.
            self.resting(&error, Duration::ZERO);
        }
    }
}

#[async_trait]
impl Work for Sender {
    type Job = Vec<Claimed>;

    async fn claim(&self, room: usize) -> Result<Vec<Vec<Claimed>>, JournalError> {
        let now = self.around.clock.now();
        match self.gate.probe_at(now) {
            Some(at) if at > now => return Ok(Vec::new()),
            Some(_) => self.probe().await,
            None => {}
        }
        let limit = room.min(self.room());
        if self.idle() || limit == 0 {
            return Ok(Vec::new());
        }
        let parcels = if self.gate.is_ajar() {
            self.claim_one().await?
        } else {
            let photos = self.destination.limits().photos_per_parcel.max(1);
            self.claim_some((limit, photos), Vec::new()).await?
        };
        let mut running = self.running();
        for parcel in &parcels {
            let Some(first) = parcel.first() else { continue };
            running.extend(parcel.iter().map(|claimed| (claimed.delivery.id, first.attempt)));
        }
        drop(running);
        Ok(parcels)
    }

    async fn run(&self, parcel: &Vec<Claimed>) {
        self.attempt(parcel).await;
    }

    async fn panicked(&self, parcel: &Vec<Claimed>, message: &str) {
        self.around.telemetry.emit(&Fact::Panicked { room: "sender", message });
        let open = |claimed: &&Claimed| self.running().contains_key(&claimed.delivery.id);
        let open: Vec<_> = parcel.iter().filter(open).collect();
        self.settle_all(open, Err(Failure::Unknown { cause: bug() }), Instant::now()).await;
    }

    async fn next_at(&self) -> Result<Option<Timestamp>, JournalError> {
        if let Some(at) = self.gate.probe_at(self.around.clock.now()) {
            return Ok(Some(at));
        }
        // The end of the one photo that tries is awaited anyhow.
        if self.gate.is_ajar() && self.parcels_under_way() > 0 {
            return Ok(None);
        }
        let next = self.around.journal.next_delivery_at(&self.name).await?;
        Ok(match self.allowance() {
            Allowance::From(at) => next.map(|next| next.max(at)),
            Allowance::Parcels(_) => next,
        })
    }

    fn resting(&self, error: &JournalError, _rest: Duration) {
        let error = &error.to_string();
        self.around.telemetry.emit(&Fact::JournalFailed { room: "sender", error });
    }
}

fn bug() -> Cause {
    Cause::new(
        ErrorKind::Local,
        "the attempt ended in a bug of this program",
        "report it with the log lines around it; it is tried again by itself",
    )
}
