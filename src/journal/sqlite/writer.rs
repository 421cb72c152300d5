//! The one thread that writes. Requests that wait at the same time share a transaction and
//! with it one fsync; each is answered only after the commit.

use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::rows::Error;
use crate::journal::{Commit, JournalError, Observer};

/// Requests that may wait before callers are held back.
const QUEUE: usize = 1024;
/// Requests that share one transaction at most.
const GROUP: usize = 128;

/// A request: work that can be run again when a neighbour in its group failed.
trait Request: Send {
    /// Does the work inside the group's transaction and keeps its result.
    fn run(&mut self, db: &Connection) -> Result<(), Error>;
    /// Answers the caller: after the commit, or with the reason why there was none.
    fn answer(self: Box<Self>, failed: Option<JournalError>);
}

struct Work<T, F> {
    work: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, JournalError>>,
}

impl<T, F> Request for Work<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, Error> + Send,
{
    fn run(&mut self, db: &Connection) -> Result<(), Error> {
        self.result = Some((self.work)(db)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failed: Option<JournalError>) {
        let answer = match (failed, self.result) {
            (None, Some(result)) => Ok(result),
            (Some(error), _) => Err(error),
            (None, None) => Err(JournalError::Unavailable("the request was not run".to_owned())),
        };
        // A caller that went away does not want the answer; the work is done all the same.
        drop(self.reply.send(answer));
    }
}

/// The handle callers use.
#[derive(Debug)]
pub(super) struct Writer {
    queue: std::sync::Mutex<Option<mpsc::Sender<Box<dyn Request>>>>,
    ended: tokio::sync::watch::Receiver<bool>,
}

impl Writer {
    /// Starts the thread on a connection that it owns from now on. The observer is called on it.
    pub(super) fn start(db: Connection, observer: Observer) -> std::io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (end, ended) = tokio::sync::watch::channel(false);
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            run(db, requests, &observer);
            end.send_replace(true);
        })?;
        Ok(Self { queue: std::sync::Mutex::new(Some(queue)), ended })
    }

    /// Runs `work` in the next group and returns its result after the commit.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let closed = || JournalError::Unavailable("the journal is closed".to_owned());
        let queue = self.queue.lock().map_err(|_| closed())?.clone().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let request = Work { work, result: None, reply };
        queue.send(Box::new(request)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Takes no more requests and returns when those under way are answered.
    pub(super) async fn close(&self) {
        if let Ok(mut queue) = self.queue.lock() {
            drop(queue.take());
        }
        let mut ended = self.ended.clone();
        // The thread ends by itself; an error says that it has already.
        drop(ended.wait_for(|ended| *ended).await);
    }
}

fn run(mut db: Connection, mut requests: mpsc::Receiver<Box<dyn Request>>, observer: &Observer) {
    let mut group = Vec::with_capacity(GROUP);
    while requests.blocking_recv_many(&mut group, GROUP) > 0 {
        let failed = match observed(&mut db, &mut group, observer) {
            Ok(()) => None,
            Err(error) if group.len() == 1 || is_locked(&error) => Some(error.into()),
            Err(_) => {
                // One bad request must not fail its neighbours: each again, alone.
                for mut request in group.drain(..) {
                    let alone = std::slice::from_mut(&mut request);
                    let failed = observed(&mut db, alone, observer).err();
                    request.answer(failed.map(Into::into));
                }
                continue;
            }
        };
        group.drain(..).for_each(|request| request.answer(failed.clone()));
    }
    // Whoever copies the file of a stopped daemon should have everything in it. Where that
    // fails the log stays beside it, and holds the rest.
    drop(db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
}

/// Whether another process keeps the file locked: no request is the cause, and to wait for
/// the lock with each alone would keep all that come after them for minutes.
fn is_locked(error: &Error) -> bool {
    let Error::Sqlite(error) = error else { return false };
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

fn observed(
    db: &mut Connection,
    group: &mut [Box<dyn Request>],
    observer: &Observer,
) -> Result<(), Error> {
    let started = Instant::now();
    let done = commit(db, group);
    let sync = done.as_ref().ok().map(|committing: &Instant| committing.elapsed());
    observer.tell(Commit { requests: group.len(), took: started.elapsed(), sync });
    done.map(drop)
}

/// Gives when the transaction began to be made durable.
fn commit(db: &mut Connection, group: &mut [Box<dyn Request>]) -> Result<Instant, Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for request in group {
        request.run(&tx)?;
    }
    let committing = Instant::now();
    tx.commit()?;
    Ok(committing)
}
