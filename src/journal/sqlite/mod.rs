//! The journal in a SQLite file: one thread writes in groups, a few connections read.
//!
//! The only room that knows SQLite. The file belongs to one process; others may read it.

mod accept;
pub(super) mod backup;
mod deliveries;
mod fetches;
mod filter;
mod health;
mod list;
mod notices;
mod operator;
mod place;
#[cfg(test)]
mod plans;
mod retention;
mod rows;
mod runs;
mod schema;
mod sessions;
mod strays;
mod texts;
mod told;
#[cfg(test)]
mod upgrades;
mod upkeep;
mod writer;

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use self::{
    rows::{Error, Result as RowResult},
    writer::Writer,
};
use super::{
    Accepted, Arrival, Claim, Claimed, Count, DeliveryEnd, Fetch, FetchEnd, Found, Health, Journal,
    JournalError, Moment, NewRun, Observer, Oldest, Page, Pause, Story,
};
use crate::model::{
    Delivery, DeliveryId, DestinationName, Digest, FetchState, Filter, Foreseen, OwnSession,
    PhotoId, Run, RunId, RunState, SessionId, Step, Target, Verb,
};

type Result<T> = std::result::Result<T, JournalError>;

/// What is claimed first: the rest, then what is replayed with many others.
const LANES: [i64; 2] = [0, 1];

/// Idle read connections kept open.
const READERS: usize = 4;

const NEXT_FETCH: &str = "SELECT min(at) FROM (
    SELECT min(fetch_due) AS at FROM photos WHERE fetch_state = 'wanted' AND lane = 0
    UNION ALL SELECT min(fetch_due) FROM photos WHERE fetch_state = 'wanted' AND lane = 1)";
const NEXT_DELIVERY: &str = "SELECT min(at) FROM (
    SELECT min(due_at) AS at FROM deliveries
        WHERE destination = ?1 AND lane = 0 AND state IN ('due', 'sending')
    UNION ALL SELECT min(due_at) FROM deliveries
        WHERE destination = ?1 AND lane = 1 AND state IN ('due', 'sending'))";
const OLDEST_DUE: &str = "SELECT min(due_at) FROM deliveries WHERE state = 'due'";

/// The journal in a SQLite file.
pub struct Sqlite {
    path: PathBuf,
    /// `None` when opened for reading.
    writer: Option<Writer>,
    readers: Arc<Mutex<Vec<Connection>>>,
    /// The session map of the one who writes, small and asked for every event; the file holds
    /// the same.
    sessions: RwLock<HashMap<SessionId, OwnSession>>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the file for writing, making it (0600) or migrating it where needed.
    ///
    /// # Errors
    /// When the SQLite library is older than 3.51.3, the file cannot be opened, is damaged, or
    /// was written by a newer program.
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_observed(path, Observer::default()).await
    }

    /// As [`Sqlite::open`], with somebody who hears of every commit.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub async fn open_observed(path: &Path, observer: Observer) -> anyhow::Result<Self> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || {
            schema::check_library(rusqlite::version_number())?;
            make_private(&path)?;
            let mut db = Connection::open(&path)?;
            schema::prepare(&db)?;
            backup::before_migration(&db, &path)?;
            schema::migrate(&mut db)?;
            // SQLite syncs the folder for its log, not for the file itself.
            path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())?;
            let sessions = sessions::by_id(&db).map_err(JournalError::from)?;
            let writer = Some(Writer::start(db, observer)?);
            Ok::<_, anyhow::Error>(Self::new(path, writer, sessions))
        })
        .await?
        .context("cannot open the journal; see that data_dir is writable and on a local disk")
    }

    /// Opens the file of a running daemon for reading; changing calls fail.
    ///
    /// # Errors
    /// As [`Sqlite::open`], and when there is no file yet.
    pub async fn open_to_read(path: &Path) -> anyhow::Result<Self> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || {
            schema::check_library(rusqlite::version_number())?;
            let db = reader(&path).map_err(JournalError::from)?;
            schema::check_current(schema::version(&db)?)?;
            Ok::<_, anyhow::Error>(Self::new(path, None, HashMap::new()))
        })
        .await?
        .context("cannot read the journal; start the daemon once, or see that --config is right")
    }

    fn new(
        path: PathBuf,
        writer: Option<Writer>,
        sessions: HashMap<SessionId, OwnSession>,
    ) -> Self {
        let readers = Arc::default();
        Self { path, writer, readers, sessions: RwLock::new(sessions) }
    }

    async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> RowResult<T> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(work).await,
            None => Err(JournalError::Unavailable("it was opened for reading only".to_owned())),
        }
    }

    async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> RowResult<T> + Send + 'static,
    {
        let (path, readers) = (self.path.clone(), Arc::clone(&self.readers));
        let read = move || {
            let idle = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let db = idle.map_or_else(|| reader(&path), Ok)?;
            let result = work(&db)?;
            let mut idle = readers.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < READERS {
                idle.push(db);
            }
            Ok::<_, Error>(result)
        };
        let joined = tokio::task::spawn_blocking(read).await;
        Ok(joined.map_err(|error| JournalError::Unavailable(error.to_string()))??)
    }
}

fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600).open(path).map(drop)
}

fn reader(path: &Path) -> RowResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.execute_batch("PRAGMA busy_timeout = 5000")?;
    Ok(db)
}

fn earliest(
    db: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> RowResult<Option<Timestamp>> {
    let found = rows::first(db, sql, params, |row| Ok(row.get::<_, Option<i64>>(0)?))?;
    found.flatten().map(rows::time).transpose()
}

#[async_trait]
impl Journal for Sqlite {
    async fn accept(&self, arrival: Arrival) -> Result<Accepted> {
        self.write(move |db| accept::accept(db, &arrival)).await
    }

    async fn session(&self, session: &SessionId) -> Result<Option<OwnSession>> {
        if self.writer.is_none() {
            let session = session.clone();
            return self.read(move |db| sessions::one(db, &session)).await;
        }
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        Ok(sessions.get(session).cloned())
    }

    async fn keep_session(&self, session: OwnSession) -> Result<()> {
        let kept = session.clone();
        self.write(move |db| sessions::keep(db, &kept)).await?;
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session.session.clone(), session);
        Ok(())
    }

    async fn sessions(&self) -> Result<Vec<OwnSession>> {
        self.read(sessions::all).await
    }

    async fn sessions_of(
        &self,
        target: &Target,
        destination: &DestinationName,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<OwnSession>> {
        let (target, name) = (target.clone(), destination.clone());
        self.read(move |db| sessions::of_record(db, (&target, &name), since, limit)).await
    }

    async fn session_of(
        &self,
        target: &Target,
        destination: &DestinationName,
        mark: &str,
    ) -> Result<Option<OwnSession>> {
        let (target, name, mark) = (target.clone(), destination.clone(), mark.to_owned());
        self.read(move |db| sessions::marked(db, (&target, &name), &mark)).await
    }

    async fn unsettled_sessions(&self) -> Result<Vec<OwnSession>> {
        self.read(sessions::unsettled).await
    }

    async fn settle_session(&self, session: &SessionId, at: Timestamp) -> Result<()> {
        let session = session.clone();
        self.write(move |db| sessions::settle(db, &session, at)).await
    }

    async fn claim_fetches(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Fetch>> {
        self.write(move |db| fetches::claim(db, now, lease_until, limit)).await
    }

    async fn settle_fetch(&self, fetch: &Fetch, end: FetchEnd, now: Timestamp) -> Result<()> {
        let fetch = fetch.clone();
        self.write(move |db| fetches::settle(db, &fetch, &end, now)).await
    }

    async fn claim_deliveries(&self, claim: Claim) -> Result<Vec<Vec<Claimed>>> {
        self.write(move |db| deliveries::claim(db, &claim)).await
    }

    async fn note_step(&self, delivery: DeliveryId, step: Step) -> Result<()> {
        self.write(move |db| deliveries::note_step(db, delivery, &step)).await
    }

    async fn settle_delivery(
        &self,
        claimed: &Claimed,
        end: DeliveryEnd,
        now: Timestamp,
    ) -> Result<()> {
        let claimed = claimed.clone();
        self.write(move |db| deliveries::settle(db, &claimed, &end, now)).await
    }

    async fn recover(&self, now: Timestamp, look_at: Timestamp) -> Result<u64> {
        self.write(move |db| deliveries::recover(db, now, look_at)).await
    }

    async fn hold_strays(&self, configured: &[DestinationName], now: Timestamp) -> Result<u64> {
        self.hold_some_strays(configured, now).await
    }

    async fn next_fetch_at(&self) -> Result<Option<Timestamp>> {
        self.read(|db| earliest(db, NEXT_FETCH, &[])).await
    }

    async fn next_delivery_at(&self, destination: &DestinationName) -> Result<Option<Timestamp>> {
        let name = destination.clone();
        self.read(move |db| earliest(db, NEXT_DELIVERY, &[&name.as_str()])).await
    }

    async fn set_pause(&self, destination: &DestinationName, pause: Option<Pause>) -> Result<()> {
        let name = destination.clone();
        self.write(move |db| operator::set_pause(db, &name, pause.as_ref())).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>> {
        self.read(operator::pauses).await
    }

    async fn list(
        &self,
        filter: &Filter,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>> {
        let filter = filter.clone();
        self.read(move |db| list::list(db, &filter, before, limit)).await
    }

    async fn count(&self, filter: &Filter) -> Result<Vec<Count>> {
        let filter = filter.clone();
        self.read(move |db| list::count(db, &filter)).await
    }

    async fn story(&self, photo: &PhotoId) -> Result<Option<Story>> {
        let photo = photo.clone();
        self.read(move |db| operator::story(db, &photo)).await
    }

    async fn begin_run(&self, run: NewRun, now: Timestamp) -> Result<Run> {
        self.write(move |db| runs::begin(db, &run, now)).await
    }

    async fn run(&self, run: RunId) -> Result<Option<Run>> {
        self.read(move |db| runs::run(db, run)).await
    }

    async fn runs(&self, state: Option<RunState>, limit: usize) -> Result<Vec<Run>> {
        self.read(move |db| runs::runs(db, state, limit)).await
    }

    async fn set_run(&self, run: RunId, state: RunState, now: Timestamp) -> Result<Option<Run>> {
        self.write(move |db| runs::set(db, run, state, now)).await
    }

    async fn find_page(&self, run: &Run, limit: usize) -> Result<Vec<Found>> {
        let run = run.clone();
        self.read(move |db| list::find_page(db, &run, limit)).await
    }

    async fn advance(&self, page: Page) -> Result<Run> {
        self.write(move |db| runs::advance(db, &page)).await
    }

    async fn foresee(
        &self,
        verb: &Verb,
        filter: &Filter,
        configured: &[DestinationName],
    ) -> Result<Vec<Foreseen>> {
        let (verb, filter, configured) = (verb.clone(), filter.clone(), configured.to_vec());
        self.read(move |db| told::foresee(db, &verb, &filter, &configured)).await
    }

    async fn timeline(
        &self,
        since: Timestamp,
        step: Duration,
        steps: usize,
    ) -> Result<Vec<Moment>> {
        self.read(move |db| told::timeline(db, since, step, steps)).await
    }

    async fn index_texts(&self, limit: usize) -> Result<usize> {
        self.write(move |db| texts::index(db, limit)).await
    }

    async fn oldest_open(&self) -> Result<Vec<Oldest>> {
        self.read(told::oldest_open).await
    }

    async fn last_delivered(&self, destination: &DestinationName) -> Result<Option<Timestamp>> {
        let name = destination.clone();
        self.read(move |db| told::last_delivered(db, &name)).await
    }

    async fn photos_of(&self, session: &SessionId) -> Result<u64> {
        let session = session.clone();
        self.read(move |db| told::photos_of(db, &session)).await
    }

    async fn expire_bytes(&self, before: Timestamp, limit: usize) -> Result<Vec<Digest>> {
        self.expire(before, limit).await
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<u64> {
        // Found beside the writer, which is held up only for what is really removed.
        let old = self.read(move |db| retention::forgettable(db, before, limit)).await?;
        let (forgotten, gone) = self.write(move |db| retention::forget(db, before, &old)).await?;
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        for session in gone {
            // One that was kept anew meanwhile ends later.
            if sessions.get(&session).is_some_and(|kept| kept.expires_at < before) {
                sessions.remove(&session);
            }
        }
        Ok(forgotten)
    }

    async fn knows_bytes(&self, digest: &Digest) -> Result<bool> {
        let digest = *digest;
        self.read(move |db| operator::knows_bytes(db, &digest)).await
    }

    async fn knows_photo(&self, photo: &PhotoId) -> Result<Option<bool>> {
        let photo = photo.clone();
        self.read(move |db| {
            let sql = "SELECT fetch_state FROM photos WHERE id = ?1";
            rows::first(db, sql, &[&photo.as_str()], |row| {
                Ok(rows::fetch_state(row)? == FetchState::Stored)
            })
        })
        .await
    }

    async fn oldest_due(&self) -> Result<Option<Timestamp>> {
        self.read(|db| earliest(db, OLDEST_DUE, &[])).await
    }

    async fn ping(&self) -> Result<()> {
        self.write(|db| {
            let sql = "INSERT INTO pings VALUES (1, 1)
                       ON CONFLICT (id) DO UPDATE SET count = count + 1";
            db.prepare_cached(sql)?.execute([])?;
            Ok(())
        })
        .await
    }

    async fn health(&self, patience: Duration) -> Result<Health> {
        health::health(&self.path, patience).await
    }

    async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::config::DbConfig;

    use super::*;
    use crate::journal::Upkeep as _;

    #[test]
    fn the_library_is_new_enough_and_an_older_one_is_refused() {
        assert!(schema::check_library(rusqlite::version_number()).is_ok());
        let refused = schema::check_library(3_051_002).map_err(|e| e.to_string());
        assert!(refused.is_err_and(|e| e.contains("3.51.3")), "3.51.2 can lose rows");
    }

    #[tokio::test]
    async fn a_journal_of_a_newer_program_is_refused() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        Connection::open(&path)?.pragma_update(None, "user_version", 999)?;
        let refused = Sqlite::open(&path).await;
        assert!(refused.is_err_and(|e| format!("{e:#}").contains("newer apertur-bridge")));
        Ok(())
    }

    #[tokio::test]
    async fn commits_are_synchronous_plans_are_kept_and_the_file_is_private() -> anyhow::Result<()>
    {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        let journal = Sqlite::open(&path).await?;
        let settings = journal
            .write(|db| {
                let full: i64 = db.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
                let mode: String = db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
                Ok((full, mode, db.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG)?))
            })
            .await?;
        assert_eq!(settings, (2, "wal".to_owned(), true));
        assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        Ok(())
    }

    #[tokio::test]
    async fn a_file_shrinks_once_much_of_it_is_unused() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        let journal = Sqlite::open(&path).await?;
        let fill = "CREATE TABLE t (x);
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
            INSERT INTO t SELECT randomblob(2000) FROM n";
        journal.write(move |db| Ok(db.execute_batch(fill)?)).await?;
        assert!(!journal.shrink().await?, "nothing is unused");
        journal.write(|db| Ok(db.execute_batch("DROP TABLE t")?)).await?;
        let unused = journal.stats().await?.unused;
        assert!(unused > 6_000_000, "{unused}");
        let mut pages = 1;
        while journal.shrink().await? {
            pages += 1;
        }
        assert!((4..40).contains(&pages), "{pages} times some pages");
        let stats = journal.stats().await?;
        assert!(stats.unused <= unused / 4, "{stats:?}");
        journal.close().await;
        assert!(std::fs::metadata(&path)?.len() < 2_000_000);
        Ok(())
    }

    #[tokio::test]
    async fn a_closed_journal_is_whole_in_its_one_file() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        let journal = Sqlite::open(&path).await?;
        journal
            .write(|db| Ok(db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7)")?))
            .await?;
        journal.close().await;
        let copy = home.path().join("copy.db");
        std::fs::copy(&path, &copy)?;
        let seven: i64 = Connection::open(&copy)?.query_row("SELECT x FROM t", [], |r| r.get(0))?;
        assert_eq!(seven, 7);
        Ok(())
    }
}
