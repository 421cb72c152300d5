//! Forms that are sent once: a second click, or a form sent again, gets what the first one got.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{runtime::Handle, sync::watch};
use tokio_util::task::TaskTracker;

use super::key::{Key, Purpose};

/// How long a form may stand open before it is sent.
pub(super) const FORM_LIFE: Duration = Duration::from_hours(12);

/// What a form is signed as: for what, when and which one.
pub(super) fn form(key: &Key, about: &str, now: Timestamp) -> String {
    let number: u128 = rand::random();
    key.sign(Purpose::Form, &format!("{} {number:032x} {about}", now.as_millisecond()))
}

/// A form that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    id: String,
    at: Timestamp,
}

/// What came of a form, once it is known.
#[derive(Debug)]
struct Outcome<T> {
    /// When the form was made.
    of: Timestamp,
    told: watch::Receiver<Option<T>>,
}

/// The outcomes of forms, while the daemon runs.
#[derive(Debug)]
pub(super) struct Once<T> {
    since: Timestamp,
    outcomes: Mutex<HashMap<String, Outcome<T>>>,
    tasks: TaskTracker,
    runtime: Handle,
}

impl<T: Clone + Send + Sync + 'static> Once<T> {
    /// Takes forms of this moment and later; work goes on in this runtime, counted by `tasks`,
    /// also when whoever sent the form goes away.
    pub(super) fn new(since: Timestamp, tasks: TaskTracker, runtime: Handle) -> Self {
        Self { since, outcomes: Mutex::default(), tasks, runtime }
    }

    /// Reads a form; `None` where it is not ours, is for something else, or is so old that
    /// nobody knows any more whether it was sent before.
    pub(super) fn read(&self, key: &Key, form: &str, about: &str, now: Timestamp) -> Option<Sent> {
        let text = key.verified(Purpose::Form, form)?;
        let (at, rest) = text.split_once(' ')?;
        let (id, of) = rest.split_once(' ')?;
        let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
        let is_fresh = at >= self.since && at >= ago(now, FORM_LIFE);
        (of == about && is_fresh).then(|| Sent { id: id.to_owned(), at })
    }

    /// Does the work of a form, once; gives what came of it. `None` where that ended in a bug.
    pub(super) async fn outcome<W>(&self, sent: Sent, now: Timestamp, work: W) -> Option<T>
    where
        W: Future<Output = T> + Send + 'static,
    {
        let mut told = self.begin(sent, now, work);
        let done = told.wait_for(Option::is_some).await.ok()?;
        done.clone()
    }

    fn begin<W>(&self, sent: Sent, now: Timestamp, work: W) -> watch::Receiver<Option<T>>
    where
        W: Future<Output = T> + Send + 'static,
    {
        let mut outcomes = self.lock();
        if let Some(known) = outcomes.get(&sent.id) {
            return known.told.clone();
        }
        // What is older is no form any more.
        outcomes.retain(|_, outcome| outcome.of >= ago(now, FORM_LIFE));
        let (tell, told) = watch::channel(None);
        outcomes.insert(sent.id, Outcome { of: sent.at, told: told.clone() });
        drop(outcomes);
        let task = async move {
            tell.send_replace(Some(work.await));
        };
        self.tasks.spawn_on(task, &self.runtime);
        told
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Outcome<T>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ago(now: Timestamp, time: Duration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn once(since: i64) -> (Key, Once<usize>) {
        let key = Key::load(Some(&"k".into()), std::path::Path::new("")).unwrap();
        (key, Once::new(at(since), TaskTracker::new(), Handle::current()))
    }

    #[tokio::test]
    async fn a_form_sent_twice_is_done_once_also_when_its_sender_goes_away() {
        let (key, once) = once(0);
        let form = form(&key, "make a", at(5));
        let count = Arc::new(AtomicUsize::new(0));
        let send = || {
            let count = Arc::clone(&count);
            let sent = once.read(&key, &form, "make a", at(6)).unwrap();
            once.outcome(sent, at(6), async move {
                tokio::task::yield_now().await;
                count.fetch_add(1, Ordering::SeqCst)
            })
        };
        {
            let mut first = Box::pin(send());
            // Asked for once, then dropped: its sender hung up.
            assert!(futures_util::poll!(first.as_mut()).is_pending());
        }
        assert_eq!(tokio::join!(send(), send()), (Some(0), Some(0)));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_form_counts_for_one_thing_and_for_a_while() {
        let (key, once) = once(100);
        let form = |second| form(&key, "make a", at(second));
        let reads = |form: &str, about, now| once.read(&key, form, about, at(now)).is_some();
        assert!(reads(&form(100), "make a", 101));
        assert!(!reads(&form(100), "make b", 101));
        assert!(!reads(&form(99), "make a", 101), "sent before this daemon knew of it, perhaps");
        assert!(!reads(&form(100), "make a", 100 + 12 * 3600 + 1));
        assert!(!reads("rubbish", "make a", 101));
    }
}
