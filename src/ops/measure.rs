//! What the daemon is asked for again and again: its metrics and whether it is ready. Nothing
//! here grows with the journal for long: what takes time is kept for a multiple of that time.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Ops;
use crate::{
    journal::{self, JournalError},
    model::{Filter, RunState},
    spool::{self, Spool},
    telemetry::{Disk, Fact, Gauges, Queue, Tally},
};

/// How long the journal may take before it counts as not ready.
const PATIENCE: Duration = Duration::from_secs(5);
/// What took a second is believed for so many seconds: counting costs a twentieth of a processor
/// at most, and is fresh where it is cheap.
const BELIEVED: u32 = 20;
/// Time between two looks at the spool at least, and how many times longer than the look.
const LOOK_EVERY: Duration = Duration::from_mins(1);
const LOOK_SHARE: u32 = 100;

/// How long is waited for counts.
const COUNTED: Duration = Duration::from_secs(1);
/// Runs that are counted at most.
const RUNS: usize = 1000;

/// What counting came to.
type Counted = Result<Vec<Tally>, JournalError>;

/// How many deliveries there are of each sort.
#[derive(Debug, Default)]
struct Counts {
    /// With the time until which it is believed; `None` before the first.
    last: Mutex<Option<(Instant, Counted)>>,
    /// One who counts is enough.
    one: tokio::sync::Mutex<()>,
}

impl Counts {
    async fn fresh(&self, ops: &Ops) -> Counted {
        let asked = Instant::now();
        let _one = self.one.lock().await;
        if let Some((until, last)) = &*lock(&self.last)
            && Instant::now() < *until
        {
            return last.clone();
        }
        let started = Instant::now();
        let counted = Self::count(ops).await;
        // A failure is believed only as long as it took: whoever waited for it counts no more.
        let share = if counted.is_ok() { BELIEVED } else { 1 };
        let until = Instant::now() + started.elapsed().saturating_mul(share);
        *lock(&self.last) = Some((until, counted.clone()));
        if let Err(error) = &counted
            && asked.elapsed() >= COUNTED
        {
            // Nobody waits for it any more.
            let error = error.to_string();
            ops.telemetry.emit(&Fact::JournalFailed { room: "readiness", error: &error });
        }
        counted
    }

    async fn count(ops: &Ops) -> Counted {
        let counts = ops.count(&Filter::default()).await?;
        let tally = |count: journal::Count| Tally {
            destination: count.destination,
            state: count.state,
            error: count.error,
            count: count.count,
        };
        Ok(counts.into_iter().map(tally).collect())
    }
}

/// The measures of a running daemon.
#[derive(Debug)]
pub struct Measures {
    ops: Ops,
    spool: Spool,
    data_dir: PathBuf,
    /// The journal's file.
    journal: PathBuf,
    counts: Arc<Counts>,
    spooled: Mutex<Option<(u64, u64)>>,
}

impl Measures {
    /// Measures of a daemon with these verbs, spool and places.
    #[must_use]
    pub fn new(ops: Ops, spool: Spool, data_dir: &Path, journal: &journal::Settings) -> Self {
        let journal::Settings::Sqlite { path } = journal;
        Self {
            ops,
            spool,
            data_dir: data_dir.to_owned(),
            journal: path.clone(),
            counts: Arc::default(),
            spooled: Mutex::default(),
        }
    }

    /// Every metric in Prometheus' text form. A journal that does not answer in five seconds is
    /// left out, and `ready` is 0 then.
    pub async fn render(&self) -> String {
        let queue = self.ready().await.ok();
        let (now, is_low) = (self.ops.clock.now(), self.ops.floor.is_low());
        let gauges = Gauges { now, queue, is_low, disk: self.disk().await };
        self.ops.telemetry.render(&gauges)
    }

    /// What waits, if the journal can be written and read.
    ///
    /// # Errors
    /// When it cannot, or not within five seconds.
    pub async fn ready(&self) -> Result<Queue, JournalError> {
        let asked = async {
            self.ops.journal.ping().await?;
            self.queue().await
        };
        let silent = |_| JournalError::Unavailable("it does not answer".to_owned());
        tokio::time::timeout(PATIENCE, asked).await.map_err(silent).flatten()
    }

    /// Looks at the size of the spool now and then, until told to stop.
    pub async fn watch(&self, stop: CancellationToken) {
        loop {
            let started = Instant::now();
            let spool = self.spool.dir().to_owned();
            match spool::blocking(move || Spool::measure(&spool)).await {
                Ok(held) => *lock(&self.spooled) = Some((held.files, held.bytes)),
                Err(error) => tracing::debug!(%error, "the spool cannot be measured"),
            }
            let wait = started.elapsed().saturating_mul(LOOK_SHARE).max(LOOK_EVERY);
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.ops.clock.sleep_until(self.ops.clock.after(wait)) => {}
            }
        }
    }

    async fn queue(&self) -> Result<Queue, JournalError> {
        let (journal, now) = (&self.ops.journal, self.ops.clock.now());
        let mut oldest_due_of = Vec::new();
        for (name, _) in &self.ops.routes.load().destinations {
            let due = journal.next_delivery_at(name).await?;
            oldest_due_of.push((name.clone(), age(due, now)));
        }
        let pauses = journal.pauses().await?;
        let running = journal.runs(Some(RunState::Running), RUNS).await?;
        Ok(Queue {
            deliveries: self.tallies().await?,
            oldest_due_seconds: age(journal.oldest_due().await?, now),
            oldest_due_of,
            oldest_fetch_seconds: age(journal.next_fetch_at().await?, now),
            running: running.iter().map(|run| run.verb.as_str()).collect(),
            paused: pauses.into_iter().map(|pause| (pause.destination, pause.since)).collect(),
        })
    }

    /// The counts. Where counting takes long it goes on by itself, and what it came to the last
    /// time is given, `None` before the first: a large journal is no reason not to be ready, one
    /// that could not be counted is.
    async fn tallies(&self) -> Result<Option<Vec<Tally>>, JournalError> {
        let (counts, ops) = (Arc::clone(&self.counts), self.ops.clone());
        let counting = tokio::spawn(async move { counts.fresh(&ops).await });
        match tokio::time::timeout(COUNTED, counting).await {
            Ok(Ok(counted)) => counted.map(Some),
            Ok(Err(error)) => Err(JournalError::Unavailable(error.to_string())),
            Err(_) => lock(&self.counts.last).clone().map(|(_, last)| last).transpose(),
        }
    }

    async fn disk(&self) -> Disk {
        let (data_dir, journal) = (self.data_dir.clone(), self.journal.clone());
        let looked = tokio::task::spawn_blocking(move || Disk {
            spool: None,
            free: room(&data_dir),
            journal: size(&journal),
            journal_wal: size(&wal(&journal)),
        });
        let looked = looked.await.unwrap_or_default();
        Disk { spool: *lock(&self.spooled), ..looked }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds since it was due; 0 for what is due later, or never.
fn age(due: Option<Timestamp>, now: Timestamp) -> f64 {
    due.map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0))
}

/// Bytes that may be written on the file system of a folder, and all of its bytes.
fn room(folder: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some((bytes(found.f_bavail), bytes(found.f_blocks)))
}

fn size(file: &Path) -> Option<u64> {
    std::fs::metadata(file).ok().map(|file| file.len())
}

/// Where SQLite keeps what is not in the file yet.
fn wal(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{DestinationName, Kind},
        route::Routes,
        system::{Clock, Live},
    };

    async fn measures(home: &Path) -> anyhow::Result<Measures> {
        let settings = journal::Settings::Sqlite { path: home.join("journal.db") };
        let destinations = vec![(DestinationName::parse("erp")?, Kind::Odoo)];
        let journal = journal::open(&settings).await?;
        let ops = Ops {
            routes: Live::new(Routes { rules: Vec::new(), destinations }),
            ..Ops::to_read(journal, Clock::stepped(Timestamp::UNIX_EPOCH))
        };
        Ok(Measures::new(ops, Spool::open(&home.join("spool"))?, home, &settings))
    }

    #[tokio::test]
    async fn a_journal_that_is_slow_to_count_is_ready() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let measures = measures(home.path()).await?;
        let counting = measures.counts.one.lock().await;
        assert_eq!(measures.ready().await?.deliveries, None);
        let shown = measures.render().await;
        assert!(shown.contains("\napertur_bridge_ready 1\n"), "{shown}");
        assert!(shown.contains("\napertur_bridge_oldest_due_seconds 0\n"), "{shown}");
        // What was not counted yet is not none.
        for family in ["deliveries", "held_deliveries"] {
            assert!(!shown.contains(&format!("apertur_bridge_{family}{{")), "{shown}");
        }
        drop(counting);
        assert_eq!(measures.ready().await?.deliveries, Some(Vec::new()));
        Ok(())
    }

    #[tokio::test]
    async fn a_journal_that_is_slow_to_say_that_it_cannot_be_counted_is_not_ready()
    -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let measures = measures(home.path()).await?;
        let counting = measures.counts.one.lock().await;
        assert_eq!(measures.ready().await?.deliveries, None);
        let damage = "INSERT INTO photos (seq, id, tags, shape, scheme, received_at, fetch_state)
                VALUES (1, 'img_1', '[]', 'event', 'body', 0, 'stored');
            INSERT INTO deliveries (photo, destination, state, due_at, since)
                VALUES (1, 'erp', 'painted', 0, 0);";
        rusqlite::Connection::open(&measures.journal)?.execute_batch(damage)?;
        drop(counting);
        while lock(&measures.counts.last).is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let _counting = measures.counts.one.lock().await;
        let failed = measures.ready().await;
        assert!(matches!(failed, Err(JournalError::Damaged(_))), "{failed:?}");
        let shown = measures.render().await;
        let told = "\napertur_bridge_journal_failures_total{room=\"readiness\"} 1\n";
        assert!(shown.contains(told), "{shown}");
        assert!(shown.contains("\napertur_bridge_ready 0\n"), "{shown}");
        Ok(())
    }

    #[tokio::test]
    async fn what_is_configured_is_shown_before_anything_happened() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let shown = measures(home.path()).await?.render().await;
        for line in [
            "ready 1",
            "deliveries{destination=\"erp\",state=\"held\"} 0",
            "deliveries{destination=\"\",state=\"held\"} 0",
            "destination_oldest_due_seconds{destination=\"erp\"} 0",
            "destination_paused{destination=\"erp\"} 0",
        ] {
            let line = format!("\napertur_bridge_{line}\n");
            assert!(shown.contains(&line), "{line}: {shown}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_journal_that_does_not_work_is_shown_and_hides_nothing_else() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let measures = measures(home.path()).await?;
        measures.ops.journal.close().await;
        assert!(measures.ready().await.is_err());
        let shown = measures.render().await;
        assert!(shown.contains("\napertur_bridge_ready 0\n"), "{shown}");
        assert!(!shown.contains("apertur_bridge_deliveries{"), "{shown}");
        for there in ["apertur_bridge_data_dir_free_bytes ", "process_open_fds "] {
            assert!(shown.contains(&format!("\n{there}")), "{there}: {shown}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn the_spool_is_measured_at_once_and_again_when_it_is_time() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let measures = Arc::new(measures(home.path()).await?);
        let (stop, ours) = (CancellationToken::new(), Arc::clone(&measures));
        let (clock, stopped) = (measures.ops.clock.clone(), stop.clone());
        let watching = tokio::spawn(async move { ours.watch(stopped).await });
        for expected in [(0, 0), (1, 3)] {
            while *lock(&measures.spooled) != Some(expected) {
                tokio::task::yield_now().await;
                clock.step(LOOK_EVERY);
            }
            let mut writer = measures.spool.begin()?;
            std::io::Write::write_all(&mut writer, b"abc")?;
            writer.keep()?;
        }
        assert!(measures.render().await.contains("\napertur_bridge_spool_bytes 3\n"));
        stop.cancel();
        Ok(watching.await?)
    }
}
