//! The fetching: photos that were only announced, or came encrypted, become stored ones.
//!
//! Claims due fetches from the journal, downloads or opens, and settles, on the loop of
//! [`crate::work`]. How a photo is had is Apertur's room; what happens to a stored one is the
//! sender's.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    apertur::{Apertur, FetchFailure},
    journal::{Fetch, FetchEnd, Journal, JournalError},
    model::{Cause, ErrorKind},
    spool::{Spool, Stored},
    system::{Clock, Floor, later},
    telemetry::{Fact, Telemetry},
    work::{Loop, Wake, Work},
};

/// Shortest time for which a fetch is ours; longer where a download may take longer.
const LEASE: Duration = Duration::from_secs(600);
/// Time between the end of the longest download and the end of its lease.
const LEASE_ROOM: Duration = Duration::from_secs(120);
/// Pauses between tries to settle a fetch while the journal fails; after the last one the
/// lease's end makes the fetch due again.
const SETTLE: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// Seconds from each failed fetch to the next one. Quick at first, because links expire.
const DELAYS: [u32; 13] = [2, 5, 10, 20, 40, 60, 120, 180, 300, 600, 900, 1200, 1800];

/// How photos are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Downloads at once, at least 1.
    pub concurrency: usize,
    /// Time from the first try to the end of trying; the photo is held then.
    pub give_up_after: Duration,
}

impl Default for Settings {
    /// 4 downloads at once, a day of trying.
    fn default() -> Self {
        Self { concurrency: 4, give_up_after: Duration::from_secs(24 * 3600) }
    }
}

/// Fetches what was announced.
#[derive(Debug)]
pub struct Collector {
    /// Where announced photos stand.
    pub journal: Arc<dyn Journal>,
    /// Where their bytes go.
    pub spool: Spool,
    /// Where they come from.
    pub apertur: Apertur,
    /// How they are collected.
    pub settings: Settings,
    /// Whether there is room for new photos; none is fetched without.
    pub floor: Floor,
    /// The time.
    pub clock: Clock,
    /// Woken when a photo was stored: the senders' handle.
    pub stored: Wake,
    /// Ends collecting; a download under way is cut off and does not count.
    pub stop: CancellationToken,
    /// Hears what happened.
    pub telemetry: Telemetry,
}

impl Collector {
    /// Collects until `stop` is cancelled and every download under way is settled. `announced`
    /// is woken by whoever writes an announced photo down.
    pub async fn collect(self: Arc<Self>, announced: Wake) {
        let looping = Loop {
            clock: self.clock.clone(),
            wake: announced,
            stop: self.stop.clone(),
            limit: self.settings.concurrency,
        };
        looping.run(self).await;
    }

    async fn fetch(&self, fetch: &Fetch) -> FetchEnd {
        let result = tokio::select! {
            biased;
            () = self.stop.cancelled() => return FetchEnd::Cancelled,
            result = self.get(fetch) => result,
        };
        match result {
            Ok(Stored { sha256, size, media_type }) => FetchEnd::Stored {
                sha256,
                size,
                media_type: media_type.unwrap_or("application/octet-stream").to_owned(),
            },
            Err(FetchFailure::Held { cause }) => FetchEnd::Held { cause },
            Err(FetchFailure::Later { after, cause }) => self.again(fetch, after, cause),
        }
    }

    /// Out of the envelope that came with it; where there is none, or a link leads to what may be
    /// another one, from Apertur.
    async fn get(&self, fetch: &Fetch) -> Result<Stored, FetchFailure> {
        let (url, image) = (fetch.url.as_deref(), fetch.photo.image_id.as_ref());
        let Some(envelope) = fetch.envelope else {
            return self.apertur.download(url, image, &self.spool).await;
        };
        let opened = self.apertur.open(envelope, &self.spool).await;
        if opened.is_ok() || url.is_none() {
            return opened;
        }
        match self.apertur.download(url, image, &self.spool).await {
            Err(FetchFailure::Held { .. }) => opened,
            fetched => fetched,
        }
    }

    /// By the schedule or when the other side asks for it, whichever is later; one last time
    /// when it is time to give up.
    fn again(&self, fetch: &Fetch, after: Option<Duration>, cause: Cause) -> FetchEnd {
        let end = later(fetch.since, self.settings.give_up_after);
        if self.clock.now() >= end {
            return FetchEnd::Held { cause: gave_up(self.settings.give_up_after, &cause) };
        }
        let wait = delay(fetch.attempts, rand::random()).max(after.unwrap_or_default());
        FetchEnd::Later { at: self.clock.after(wait).min(end), cause }
    }

    /// Writes the end down and then says so.
    async fn settle(&self, fetch: &Fetch, end: FetchEnd, took: Duration) {
        let mut pauses = SETTLE.into_iter();
        loop {
            let now = self.clock.now();
            let Err(error) = self.journal.settle_fetch(fetch, end.clone(), now).await else {
                return self.tell(fetch, &end, took);
            };
            let Some(pause) = pauses.next() else { return };
            self.resting(&error, pause);
            tokio::select! {
                () = self.clock.sleep_until(self.clock.after(pause)) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    fn tell(&self, fetch: &Fetch, end: &FetchEnd, took: Duration) {
        let photo = &fetch.photo.id;
        match end {
            FetchEnd::Stored { size, .. } => {
                self.telemetry.emit(&Fact::Fetched { photo, size: *size, took });
            }
            // A limit is everybody's, and told once.
            FetchEnd::Later { cause, .. }
                if cause.kind == ErrorKind::RateLimited
                    && self.apertur.budget().limited_until().is_some() =>
            {
                if let Some(until) = self.apertur.budget().untold_limit() {
                    self.telemetry.emit(&Fact::Limited { until });
                }
            }
            FetchEnd::Later { at, cause } => {
                self.telemetry.emit(&Fact::FetchLater { photo, cause, at: *at });
            }
            FetchEnd::Held { cause } => self.telemetry.emit(&Fact::FetchHeld { photo, cause }),
            FetchEnd::Cancelled => {}
        }
    }
}

#[async_trait]
impl Work for Collector {
    type Job = Fetch;

    async fn claim(&self, room: usize) -> Result<Vec<Fetch>, JournalError> {
        if self.floor.is_low() {
            return Ok(Vec::new());
        }
        let longest = self.apertur.settings().timeouts.total.saturating_add(LEASE_ROOM);
        let lease_until = self.clock.after(LEASE.max(longest));
        self.journal.claim_fetches(self.clock.now(), lease_until, room).await
    }

    async fn run(&self, fetch: &Fetch) {
        let started = self.clock.now();
        let end = self.fetch(fetch).await;
        let took = self.clock.now().duration_since(started);
        let stored = matches!(end, FetchEnd::Stored { .. });
        self.settle(fetch, end, took.unsigned_abs()).await;
        if stored {
            self.stored.wake();
        }
    }

    async fn panicked(&self, fetch: &Fetch, message: &str) {
        self.telemetry.emit(&Fact::Panicked { room: "collect", message });
        let what = "the bridge failed while it fetched the photo";
        let fix = "report it with the log of this time";
        let end = self.again(fetch, None, Cause::new(ErrorKind::Local, what, fix));
        self.settle(fetch, end, Duration::ZERO).await;
    }

    async fn next_at(&self) -> Result<Option<Timestamp>, JournalError> {
        self.journal.next_fetch_at().await
    }

    fn resting(&self, error: &JournalError, _rest: Duration) {
        self.telemetry.emit(&Fact::JournalFailed { room: "collect", error: &error.to_string() });
    }
}

/// The wait after a failed fetch, given the number that counted before it: 2 s, 5 s, 10 s,
/// 20 s, 40 s, 1 min, 2, 3, 5, 10, 15, 20, then always 30 min. `chance` in 0..1 moves it by up
/// to a fifth either way.
fn delay(failed_before: u32, chance: f64) -> Duration {
    let step = usize::try_from(failed_before).unwrap_or(usize::MAX).min(DELAYS.len() - 1);
    Duration::from_secs(DELAYS[step].into()).mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0))
}

fn gave_up(after: Duration, last: &Cause) -> Cause {
    let what =
        format!("the photo could not be fetched within {}", humantime::format_duration(after));
    let fix = format!("{}, then replay the photo", last.fix);
    Cause::new(ErrorKind::GaveUp, what, fix).with_detail(&last.to_string())
}

#[cfg(test)]
mod tests;
