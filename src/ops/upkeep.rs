//! The care of journal and spool: retention by the clock and on demand, and what is written down
//! of it. Backups are made beside the daemon; here they are only noted.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::prune::{self, Pruned, Settings};
use crate::{
    journal::{Journal, Upkept},
    spool::Spool,
    system::{Clock, Floor, Live},
    telemetry::{Fact, Telemetry},
};

/// Time between two runs of retention, and while room is short.
const EVERY: Duration = Duration::from_hours(1);
const EVERY_WHILE_LOW: Duration = Duration::from_mins(5);
/// Time from the start to the first run.
const FIRST: Duration = Duration::from_mins(1);

/// What may be asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// A run of retention with other times than those of the configuration.
    Prune {
        /// Bytes of photos that arrived longer ago go.
        bytes: Duration,
        /// Their history goes, after not less time.
        rows: Duration,
    },
    /// Writes down that a backup was made.
    BackedUp {
        /// Where.
        to: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
}

/// Who keeps journal and spool small.
#[derive(Debug)]
pub struct Keeper {
    journal: Arc<dyn Journal>,
    spool: Spool,
    settings: Live<Settings>,
    floor: Floor,
    clock: Clock,
    telemetry: Telemetry,
    hurried: Notify,
    /// One run at a time.
    run: Mutex<()>,
}

impl Keeper {
    /// Keeps what these settings say, each time as they are then.
    #[must_use]
    pub fn new(
        (journal, spool): (Arc<dyn Journal>, Spool),
        settings: Live<Settings>,
        floor: Floor,
        (clock, telemetry): (Clock, Telemetry),
    ) -> Self {
        let (hurried, run) = (Notify::new(), Mutex::new(()));
        Self { journal, spool, settings, floor, clock, telemetry, hurried, run }
    }

    /// Has the next run begin now: room is short.
    pub fn hurry(&self) {
        self.hurried.notify_one();
    }

    /// Runs retention every hour until `stop` is cancelled; more often while room is short.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let mut next = self.clock.after(FIRST);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.hurried.notified() => {}
                () = self.clock.sleep_until(next) => {}
            }
            let settings = *self.settings.load();
            if let Err(error) = self.prune(settings).await {
                let error = format!("{error:#}");
                self.telemetry.emit(&Fact::JournalFailed { room: "retention", error: &error });
            }
            let wait = if self.floor.is_low() { EVERY_WHILE_LOW } else { EVERY };
            next = self.clock.after(wait);
        }
    }

    /// Runs retention once, gives room that it made back to the file system and writes down what
    /// came of it.
    ///
    /// # Errors
    /// When journal or spool cannot be read or written. What was removed until then is
    /// consistent.
    pub async fn prune(&self, settings: Settings) -> anyhow::Result<Pruned> {
        let _alone = self.run.lock().await;
        let started = Instant::now();
        let pruned = prune::run(&self.journal, &self.spool, settings, &self.clock).await?;
        while self.journal.shrink().await? {}
        let took = started.elapsed();
        let Pruned { files, bytes, photos } = pruned;
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let done = Upkept::Retention { files, bytes, photos, millis };
        self.journal.upkept(self.clock.now(), done).await?;
        self.telemetry.emit(&Fact::Pruned { files, bytes, photos, took });
        Ok(pruned)
    }

    /// Writes down that a backup was made.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn backed_up(&self, to: PathBuf, bytes: u64) -> anyhow::Result<()> {
        Ok(self.journal.upkept(self.clock.now(), Upkept::Backup { to, bytes }).await?)
    }
}
