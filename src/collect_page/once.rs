//! Forms that are sent once: a second click, or a form sent again, gets what the first one got.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch};
use tokio_util::task::TaskTracker;

use super::key::{Key, Purpose};
use crate::system::Clock;

/// How long a form may stand open before it is sent.
const FORM_LIFE: Duration = Duration::from_hours(12);
/// Time between two looks for outcomes that no form asks for any more.
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// Most outcomes that are remembered: more than what the gates let through in the life of a form.
const MOST: usize = 30_000;

/// A form that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    id: String,
    /// When it was made, by [`Clock::passed`].
    at: Duration,
}

/// What came of a form, once it is known.
#[derive(Debug)]
struct Outcome<T> {
    /// When the form was made.
    of: Duration,
    told: watch::Receiver<Option<T>>,
}

/// The outcomes that are remembered.
#[derive(Debug)]
struct Known<T> {
    outcomes: HashMap<String, Outcome<T>>,
    swept_at: Duration,
}

/// The outcomes of forms, while the daemon runs.
#[derive(Debug)]
pub(super) struct Once<T> {
    /// Tells this process's forms from those of an earlier one, of which nobody knows any more
    /// whether they were sent; its clock may have been another one.
    process: u64,
    known: Arc<Mutex<Known<T>>>,
    /// Whether an outcome says that surely nothing was done, so that the form may be sent again.
    is_nothing: fn(&T) -> bool,
    clock: Clock,
    tasks: TaskTracker,
    runtime: Handle,
}

impl<T: Clone + Send + Sync + 'static> Once<T> {
    /// Takes its own forms; work goes on in this runtime, counted by `tasks`, also when whoever
    /// sent the form goes away.
    pub(super) fn new(
        is_nothing: fn(&T) -> bool,
        clock: &Clock,
        tasks: TaskTracker,
        runtime: Handle,
    ) -> Self {
        let known = Known { outcomes: HashMap::new(), swept_at: Duration::ZERO };
        Self {
            process: rand::random(),
            known: Arc::new(Mutex::new(known)),
            is_nothing,
            clock: clock.clone(),
            tasks,
            runtime,
        }
    }

    /// What a form is signed as: for what, when and which one.
    pub(super) fn form(&self, key: &Key, about: &str) -> String {
        let (process, number) = (self.process, rand::random::<u128>());
        let at = self.clock.passed().as_millis();
        key.sign(Purpose::Form, &format!("{process:016x} {at} {number:032x} {about}"))
    }

    /// Reads a form; `None` where it is not ours, is for something else, or is so old that
    /// nobody knows any more whether it was sent before.
    pub(super) fn read(&self, key: &Key, form: &str, about: &str) -> Option<Sent> {
        let text = key.verified(Purpose::Form, form)?;
        let [process, at, id, of] = text.splitn(4, ' ').collect::<Vec<_>>().try_into().ok()?;
        let at = Duration::from_millis(at.parse().ok()?);
        let is_fresh = self.clock.passed().saturating_sub(at) <= FORM_LIFE;
        let is_ours = u64::from_str_radix(process, 16).ok()? == self.process;
        (of == about && is_ours && is_fresh).then(|| Sent { id: id.to_owned(), at })
    }

    /// Does the work of a form, once, if the gate lets it; gives what came of it. `None` where
    /// that ended in a bug.
    ///
    /// # Errors
    /// How long to wait; the form may be sent again then.
    pub(super) async fn outcome<W>(
        &self,
        sent: Sent,
        gate: impl FnOnce() -> Result<(), Duration> + Send,
        work: W,
    ) -> Result<Option<T>, Duration>
    where
        W: Future<Output = T> + Send + 'static,
    {
        let mut told = self.begin(sent, gate, work)?;
        let Ok(done) = told.wait_for(Option::is_some).await else { return Ok(None) };
        Ok(done.clone())
    }

    fn begin<W>(
        &self,
        sent: Sent,
        gate: impl FnOnce() -> Result<(), Duration>,
        work: W,
    ) -> Result<watch::Receiver<Option<T>>, Duration>
    where
        W: Future<Output = T> + Send + 'static,
    {
        let mut known = lock(&self.known);
        if let Some(outcome) = known.outcomes.get(&sent.id) {
            return Ok(outcome.told.clone());
        }
        gate()?;
        known.sweep(self.clock.passed());
        if known.outcomes.len() >= MOST {
            return Err(SWEEP_EVERY);
        }
        let (tell, told) = watch::channel(None);
        known.outcomes.insert(sent.id.clone(), Outcome { of: sent.at, told: told.clone() });
        drop(known);
        let (known, is_nothing) = (Arc::clone(&self.known), self.is_nothing);
        let task = async move {
            let outcome = work.await;
            if is_nothing(&outcome) {
                lock(&known).outcomes.remove(&sent.id);
            }
            tell.send_replace(Some(outcome));
        };
        self.tasks.spawn_on(task, &self.runtime);
        Ok(told)
    }
}

impl<T> Known<T> {
    /// Forgets what no form asks for any more.
    fn sweep(&mut self, now: Duration) {
        if now.saturating_sub(self.swept_at) >= SWEEP_EVERY || self.outcomes.len() >= MOST {
            self.outcomes.retain(|_, outcome| now.saturating_sub(outcome.of) <= FORM_LIFE);
            self.swept_at = now;
        }
    }
}

fn lock<T>(known: &Mutex<Known<T>>) -> MutexGuard<'_, Known<T>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const MADE: &str = "make a";

    /// Where 0 is nothing.
    fn once() -> (Key, Clock, Once<usize>) {
        let key = Key::load(Some(&"k".into()), std::path::Path::new("")).unwrap();
        let clock = Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap());
        let once = Once::new(|made| *made == 0, &clock, TaskTracker::new(), Handle::current());
        (key, clock, once)
    }

    #[tokio::test]
    async fn a_form_sent_twice_is_done_once_also_when_its_sender_goes_away() {
        let (key, _, once) = once();
        let form = once.form(&key, MADE);
        let count = Arc::new(AtomicUsize::new(1));
        let send = || {
            let count = Arc::clone(&count);
            let sent = once.read(&key, &form, MADE).unwrap();
            let work = async move {
                tokio::task::yield_now().await;
                count.fetch_add(1, Ordering::SeqCst)
            };
            once.outcome(sent, || Ok(()), work)
        };
        {
            let mut first = Box::pin(send());
            // Asked for once, then dropped: its sender hung up.
            assert!(futures_util::poll!(first.as_mut()).is_pending());
        }
        assert_eq!(tokio::join!(send(), send()), (Ok(Some(1)), Ok(Some(1))));
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_form_that_surely_did_nothing_may_be_sent_again() {
        let (key, _, once) = once();
        let form = once.form(&key, MADE);
        let send = |gate: Result<(), Duration>, outcome| {
            let sent = once.read(&key, &form, MADE).unwrap();
            once.outcome(sent, move || gate, async move { outcome })
        };
        let wait = Duration::from_secs(9);
        assert_eq!(send(Err(wait), 7).await, Err(wait));
        assert_eq!(lock(&once.known).outcomes.len(), 0, "who is not let through is not kept");
        assert_eq!(send(Ok(()), 0).await, Ok(Some(0)));
        assert_eq!(send(Ok(()), 5).await, Ok(Some(5)));
        assert_eq!(send(Err(wait), 6).await, Ok(Some(5)), "no gate for what is known");
    }

    #[tokio::test]
    async fn what_nobody_asks_for_any_more_is_forgotten() {
        let (key, clock, once) = once();
        for _ in 0..2 {
            let sent = once.read(&key, &once.form(&key, MADE), MADE).unwrap();
            assert_eq!(once.outcome(sent, || Ok(()), async { 1 }).await, Ok(Some(1)));
            clock.step(FORM_LIFE + Duration::from_secs(1));
        }
        assert_eq!(lock(&once.known).outcomes.len(), 1);
    }

    #[tokio::test]
    async fn a_form_counts_for_one_thing_for_a_while_and_in_one_process() {
        let (key, clock, once) = once();
        let form = once.form(&key, MADE);
        assert!(once.read(&key, &form, MADE).is_some());
        assert!(once.read(&key, &form, "make b").is_none());
        assert!(once.read(&key, "rubbish", MADE).is_none());
        let later = self::once().2;
        assert!(later.read(&key, &form, MADE).is_none(), "sent to the other one, perhaps");
        clock.set(jiff::Timestamp::UNIX_EPOCH);
        assert!(once.read(&key, &form, MADE).is_some(), "a clock set back changes nothing");
        clock.step(FORM_LIFE + Duration::from_millis(1));
        assert!(once.read(&key, &form, MADE).is_none());
    }
}
