//! The loop that the collector and the sender run on: wake, claim, run, drain.
//!
//! It knows when to look and how many jobs may run; what a job is, and what becomes of it,
//! is the affair of the [`Work`] it is given.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{journal::JournalError, system::Clock};

/// Longest time without a look at the journal: another node may have added work, or the
/// machine's clock may have been set.
const POLL: Duration = Duration::from_secs(30);
/// Pause when work is due that nobody can claim yet.
const PAUSE: Duration = Duration::from_secs(1);
/// Pauses after a journal error: 1 s, 2 s, 4 s, 8 s, 16 s, then 30 s.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Tells loops that there is work. Clones wake the same loops; a wake while a loop looks for
/// work makes it look again, so none is lost.
#[derive(Debug, Clone, Default)]
pub struct Wake(watch::Sender<()>);

impl Wake {
    /// Wakes every loop that was given this handle.
    pub fn wake(&self) {
        self.0.send_replace(());
    }

    /// What changes with every wake from now on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// Work that a [`Loop`] does.
#[async_trait]
pub trait Work: Send + Sync + 'static {
    /// One piece of it.
    type Job: Send + Sync + 'static;

    /// Claims at most `room` jobs that are due now. Once given they are run, even when the
    /// loop is stopped meanwhile: [`Work::run`] is where a stop gives a job back.
    async fn claim(&self, room: usize) -> Result<Vec<Self::Job>, JournalError>;

    /// Does a job and settles it.
    async fn run(&self, job: &Self::Job);

    /// Settles a job whose [`Work::run`] panicked with this message.
    async fn panicked(&self, job: &Self::Job, message: &str);

    /// When the next job is due; `None` when there is none.
    async fn next_at(&self) -> Result<Option<Timestamp>, JournalError>;

    /// Hears that the journal failed a claim and that the loop rests for `rest`.
    fn resting(&self, error: &JournalError, rest: Duration);
}

/// A loop, ready to run.
#[derive(Debug, Clone)]
pub struct Loop {
    /// The time that due times are compared with.
    pub clock: Clock,
    /// Makes the loop look before the next due time.
    pub wake: Wake,
    /// Ends it: no claim after this is cancelled.
    pub stop: CancellationToken,
    /// Jobs under way at once, at least 1.
    pub limit: usize,
}

impl Loop {
    /// Works until `stop` is cancelled, then waits for the jobs under way. Dropping the future
    /// aborts them; that is how a caller sets a deadline.
    pub async fn run<W: Work>(self, work: Arc<W>) {
        let mut woken = self.wake.0.subscribe();
        let mut jobs = JoinSet::new();
        let mut rest = FIRST_REST;
        while !self.stop.is_cancelled() {
            // Before the look, so that a wake during the look ends the wait after it.
            woken.mark_unchanged();
            match self.fill(&work, &mut jobs).await {
                Ok(until) => {
                    rest = FIRST_REST;
                    self.wait(&mut woken, &mut jobs, until).await;
                }
                Err(error) => {
                    work.resting(&error, rest);
                    self.rest(rest).await;
                    rest = (rest * 2).min(LONGEST_REST);
                }
            }
        }
        while jobs.join_next().await.is_some() {}
    }

    /// Starts what is due and fits; gives the time of the next look.
    async fn fill<W: Work>(
        &self,
        work: &Arc<W>,
        jobs: &mut JoinSet<()>,
    ) -> Result<Timestamp, JournalError> {
        let room = self.limit.max(1).saturating_sub(jobs.len());
        let poll = self.clock.after(POLL);
        if room == 0 {
            return Ok(poll);
        }
        // Before the claim: what becomes due meanwhile is to be had at once, not after a pause.
        let now = self.clock.now();
        let claimed = work.claim(room).await?;
        let count = claimed.len();
        for job in claimed {
            jobs.spawn(guarded(Arc::clone(work), job));
        }
        if count >= room {
            return Ok(poll);
        }
        Ok(match work.next_at().await? {
            // Due but not to be had, for instance because its target is busy.
            Some(at) if at <= now && count == 0 => self.clock.after(PAUSE),
            Some(at) => at.min(poll),
            None => poll,
        })
    }

    async fn wait(
        &self,
        woken: &mut watch::Receiver<()>,
        jobs: &mut JoinSet<()>,
        until: Timestamp,
    ) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            Some(_) = jobs.join_next() => {}
            // The sender lives in `self.wake`, so this cannot fail.
            _ = woken.changed(), if jobs.len() < self.limit.max(1) => {}
            () = self.clock.sleep_until(until) => {}
        }
    }

    async fn rest(&self, rest: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.clock.sleep_until(self.clock.after(rest)) => {}
        }
    }
}

async fn guarded<W: Work>(work: Arc<W>, job: W::Job) {
    let ran = AssertUnwindSafe(work.run(&job)).catch_unwind().await;
    if let Err(panic) = ran {
        work.panicked(&job, message(panic.as_ref())).await;
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::Mutex};

    use tokio::sync::{Notify, mpsc};

    use super::*;

    /// What the loop did, in order.
    #[derive(Debug, PartialEq, Eq)]
    enum Did {
        Claim(usize),
        Run(u32),
        End(u32),
        Panicked(u32, String),
        Resting(Duration),
    }

    struct Fake {
        claims: Mutex<VecDeque<Result<Vec<u32>, JournalError>>>,
        next: Mutex<Option<Timestamp>>,
        did: mpsc::UnboundedSender<Did>,
        go: Notify,
        /// Used up by the next claim: it finds nothing, and work comes before it returns.
        late: Mutex<Option<Wake>>,
    }

    /// Jobs from this number on wait until told to go on; job 13 panics.
    const SLOW: u32 = 100;

    impl Fake {
        fn tell(&self, did: Did) {
            self.did.send(did).unwrap();
        }
    }

    #[async_trait]
    impl Work for Fake {
        type Job = u32;

        async fn claim(&self, room: usize) -> Result<Vec<u32>, JournalError> {
            self.tell(Did::Claim(room));
            if let Some(wake) = self.late.lock().unwrap().take() {
                wake.wake();
                return Ok(vec![]);
            }
            self.claims.lock().unwrap().pop_front().unwrap_or(Ok(vec![]))
        }

        async fn run(&self, job: &u32) {
            self.tell(Did::Run(*job));
            assert_ne!(*job, 13, "unlucky");
            if *job >= SLOW {
                self.go.notified().await;
            }
            self.tell(Did::End(*job));
        }

        async fn panicked(&self, job: &u32, message: &str) {
            self.tell(Did::Panicked(*job, message.to_owned()));
        }

        async fn next_at(&self) -> Result<Option<Timestamp>, JournalError> {
            Ok(*self.next.lock().unwrap())
        }

        fn resting(&self, _error: &JournalError, rest: Duration) {
            self.tell(Did::Resting(rest));
        }
    }

    struct Rig {
        fake: Arc<Fake>,
        looping: Loop,
        did: mpsc::UnboundedReceiver<Did>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Rig {
        fn start(
            limit: usize,
            claims: impl IntoIterator<Item = Result<Vec<u32>, JournalError>>,
        ) -> Self {
            let (tell, did) = mpsc::unbounded_channel();
            let fake = Arc::new(Fake {
                claims: Mutex::new(claims.into_iter().collect()),
                next: Mutex::new(None),
                did: tell,
                go: Notify::new(),
                late: Mutex::new(None),
            });
            let looping = Loop {
                clock: Clock::stepped(Timestamp::UNIX_EPOCH),
                wake: Wake::default(),
                stop: CancellationToken::new(),
                limit,
            };
            let task = tokio::spawn(looping.clone().run(Arc::clone(&fake)));
            Self { fake, looping, did, task }
        }

        async fn saw(&mut self) -> Did {
            let did = tokio::time::timeout(Duration::from_secs(10), self.did.recv());
            did.await.expect("nothing happened").unwrap()
        }

        /// Lets every task run until all of them wait.
        async fn settle(&mut self) {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }

        async fn quiet(&mut self) {
            self.settle().await;
            assert!(self.did.try_recv().is_err());
        }
    }

    fn broken() -> Result<Vec<u32>, JournalError> {
        Err(JournalError::Unavailable("disk full".into()))
    }

    #[tokio::test]
    async fn a_wake_during_the_look_is_not_lost() {
        let mut rig = Rig::start(1, [Ok(vec![]), Ok(vec![7])]);
        assert_eq!(rig.saw().await, Did::Claim(1));
        rig.settle().await;
        *rig.fake.late.lock().unwrap() = Some(rig.looping.wake.clone());
        rig.looping.wake.wake();
        assert_eq!([rig.saw().await, rig.saw().await], [Did::Claim(1), Did::Claim(1)]);
        assert_eq!(rig.saw().await, Did::Run(7));
    }

    #[tokio::test]
    async fn one_handle_wakes_many_loops() {
        let mut rig = Rig::start(4, []);
        let other = tokio::spawn(rig.looping.clone().run(Arc::clone(&rig.fake)));
        assert_eq!([rig.saw().await, rig.saw().await], [Did::Claim(4), Did::Claim(4)]);
        rig.quiet().await;
        rig.fake.claims.lock().unwrap().push_back(Ok(vec![1]));
        rig.looping.wake.wake();
        rig.settle().await;
        let seen: Vec<_> = std::iter::from_fn(|| rig.did.try_recv().ok()).collect();
        assert!(seen.contains(&Did::End(1)), "{seen:?}");
        assert!(seen.iter().filter(|d| **d == Did::Claim(4)).count() >= 2, "{seen:?}");
        rig.looping.stop.cancel();
        rig.task.await.unwrap();
        other.await.unwrap();
    }

    #[tokio::test]
    async fn no_more_jobs_than_the_limit_and_the_next_starts_when_one_ends() {
        let mut rig = Rig::start(2, [Ok(vec![101, 102]), Ok(vec![3])]);
        assert_eq!(rig.saw().await, Did::Claim(2));
        assert_eq!([rig.saw().await, rig.saw().await], [Did::Run(101), Did::Run(102)]);
        rig.looping.wake.wake();
        rig.quiet().await;
        rig.fake.go.notify_one();
        assert_eq!(rig.saw().await, Did::End(101));
        assert_eq!(rig.saw().await, Did::Claim(1));
        assert_eq!(rig.saw().await, Did::Run(3));
    }

    #[tokio::test]
    async fn it_sleeps_until_the_next_due_time_but_never_longer_than_half_a_minute() {
        let mut rig = Rig::start(1, []);
        assert_eq!(rig.saw().await, Did::Claim(1));
        rig.settle().await;
        rig.looping.clock.step(Duration::from_secs(29));
        rig.quiet().await;
        let due = rig.looping.clock.after(Duration::from_secs(11));
        *rig.fake.next.lock().unwrap() = Some(due);
        rig.looping.clock.step(Duration::from_secs(1));
        assert_eq!(rig.saw().await, Did::Claim(1));
        rig.settle().await;
        rig.looping.clock.step(Duration::from_secs(9));
        rig.quiet().await;
        rig.looping.clock.step(Duration::from_secs(1));
        assert_eq!(rig.saw().await, Did::Claim(1));
        // Due, yet nothing was given: a pause instead of a busy loop.
        rig.quiet().await;
        rig.looping.clock.step(PAUSE);
        assert_eq!(rig.saw().await, Did::Claim(1));
    }

    #[tokio::test]
    async fn a_panic_ends_neither_the_loop_nor_the_other_jobs() {
        let mut rig = Rig::start(3, [Ok(vec![13, 101])]);
        assert_eq!(rig.saw().await, Did::Claim(3));
        assert_eq!([rig.saw().await], [Did::Run(13)]);
        let told = rig.saw().await;
        assert!(matches!(&told, Did::Panicked(13, text) if text.contains("unlucky")), "{told:?}");
        rig.settle().await;
        rig.fake.go.notify_one();
        rig.settle().await;
        let seen: Vec<_> = std::iter::from_fn(|| rig.did.try_recv().ok()).collect();
        assert!(seen.contains(&Did::End(101)), "{seen:?}");
        assert!(!rig.task.is_finished());
    }

    #[tokio::test]
    async fn journal_errors_make_it_rest_longer_each_time_whatever_wakes_it() {
        let mut rig = Rig::start(1, [broken(), broken(), broken(), Ok(vec![]), broken()]);
        for seconds in [1, 2, 4] {
            assert_eq!(rig.saw().await, Did::Claim(1));
            let rest = Duration::from_secs(seconds);
            assert_eq!(rig.saw().await, Did::Resting(rest));
            rig.looping.wake.wake();
            rig.quiet().await;
            rig.looping.clock.step(rest);
        }
        assert_eq!(rig.saw().await, Did::Claim(1));
        rig.settle().await;
        rig.looping.wake.wake();
        assert_eq!(rig.saw().await, Did::Claim(1));
        assert_eq!(rig.saw().await, Did::Resting(FIRST_REST));
    }

    #[tokio::test]
    async fn a_stop_claims_nothing_more_and_waits_for_what_runs() {
        let mut rig = Rig::start(2, [Ok(vec![101])]);
        assert_eq!([rig.saw().await, rig.saw().await], [Did::Claim(2), Did::Run(101)]);
        rig.settle().await;
        rig.looping.stop.cancel();
        rig.looping.wake.wake();
        rig.quiet().await;
        assert!(!rig.task.is_finished());
        rig.fake.go.notify_one();
        rig.task.await.unwrap();
        assert_eq!(rig.did.try_recv(), Ok(Did::End(101)));
        assert!(rig.did.try_recv().is_err());
    }
}
