//! Following our own sessions while the daemon runs: photos that wait at Apertur are polled for,
//! made durable and only then acknowledged; photos that never came are found in Apertur's
//! delivery status and announced, for the collector to fetch.
//!
//! Every call of Apertur in here goes by one budget, which the collector shares. What is to be
//! asked next is in memory alone: which sessions there are, and which of them nothing more is
//! expected of, the journal knows.

mod book;
mod checking;
mod compare;
mod pace;
mod polling;
mod trouble;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::compare::{Known, Standing, compare};
use self::{
    book::{Answer, Book, End, News, Next},
    pace::Question,
    trouble::Trouble,
};
use crate::{
    apertur::{Apertur, Budget, Use},
    intake::{Intake, Taken},
    journal::{Bytes, Journal, JournalError},
    model::{Filter, OwnSession, Photo, SessionId},
    route::Routes,
    spool::Spool,
    system::{Clock, Floor, Live},
    telemetry::{Fact, Telemetry},
    work::Wake,
};

/// Between two looks at which sessions there are.
const LOOK: Duration = Duration::from_secs(5);
/// Longest time without a look at the clock, which may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// Between two looks while the journal fails.
const REST: Duration = Duration::from_secs(30);
/// Questions under way at once: of a server that answers at once, and of one that holds them
/// until there is something to say.
const AT_ONCE: usize = 8;
const HELD_AT_ONCE: usize = 32;
/// An answer that tells of nothing and took longer was held.
const HOLDS: Duration = Duration::from_secs(2);

/// Follows the sessions that were made here.
#[derive(Debug)]
pub struct Follower {
    journal: Arc<dyn Journal>,
    spool: Spool,
    routes: Live<Routes>,
    floor: Floor,
    apertur: Apertur,
    clock: Clock,
    telemetry: Telemetry,
    collector: Wake,
    sender: Wake,
    stop: CancellationToken,
    budget: Budget,
}

/// What a follower works with.
#[derive(Debug)]
pub struct Around {
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// The bytes.
    pub spool: Spool,
    /// Who wants what.
    pub routes: Live<Routes>,
    /// Whether there is room for new photos; none is fetched without.
    pub floor: Floor,
    /// The time.
    pub clock: Clock,
    /// Hears what happened.
    pub telemetry: Telemetry,
    /// Woken when a photo has to be fetched.
    pub collector: Wake,
    /// Woken when a delivery is due.
    pub sender: Wake,
    /// Ends following; a download under way is cut off.
    pub stop: CancellationToken,
}

type Jobs = JoinSet<(Next, Answer)>;

impl Follower {
    /// Touches neither network nor disk.
    #[must_use]
    pub fn new(apertur: &Apertur, around: Around) -> Self {
        let Around { journal, spool, routes, floor, clock, telemetry, collector, sender, stop } =
            around;
        let budget = apertur.budget().clone();
        // A call that failed is repeated by the budget, not beside it.
        let apertur = apertur.unrepeated();
        Self {
            journal,
            spool,
            routes,
            floor,
            apertur,
            clock,
            telemetry,
            collector,
            sender,
            stop,
            budget,
        }
    }

    /// Follows until `stop` is cancelled, and lets what is being written down end.
    pub async fn follow(self: Arc<Self>) {
        let mut book = Book::new(self.apertur.settings().poll);
        let mut trouble = Trouble::default();
        let mut jobs = Jobs::new();
        let mut names: HashMap<Id, Next> = HashMap::new();
        let mut seen_at = self.clock.now();
        let mut look_at = seen_at;
        while !self.stop.is_cancelled() {
            let now = self.clock.now();
            if now < seen_at {
                book.set_back(seen_at.duration_since(now).unsigned_abs(), now);
                look_at = now;
            }
            seen_at = now;
            if now >= look_at {
                look_at = self.clock.after(self.look(&mut book).await);
            }
            let free_at = self.ask(&mut book, &mut jobs, &mut names);
            let longest = self.clock.after(LONGEST_SLEEP);
            let next = free_at.unwrap_or(longest).min(look_at).min(longest);
            tokio::select! {
                () = self.stop.cancelled() => {}
                Some(ended) = jobs.join_next_with_id() => {
                    self.ended(ended, &mut names, &mut book, &mut trouble).await;
                }
                () = self.clock.sleep_until(next) => {}
            }
        }
        while jobs.join_next().await.is_some() {}
    }

    /// Takes up the sessions that have to be followed; gives the time until the next look.
    async fn look(&self, book: &mut Book) -> Duration {
        let looked = async {
            let mut sessions = self.journal.unsettled_sessions().await?;
            let all = sessions.len();
            if let Some(key) = self.apertur.key_says() {
                sessions.retain(|own| own.environment == key);
            }
            if let Some(sessions) = book.left_out(all - sessions.len()) {
                self.telemetry.emit(&Fact::OtherEnvironment { sessions });
            }
            let now = self.clock.now();
            for own in book.update(sessions) {
                let heard = self.last_heard(&own).await?;
                book.add(own, heard, now);
            }
            Ok::<_, JournalError>(())
        };
        match looked.await {
            Ok(()) => LOOK,
            Err(error) => {
                self.journal_failed(&error);
                REST
            }
        }
    }

    /// When the latest photo of a session came that is here.
    async fn last_heard(&self, own: &OwnSession) -> Result<Option<Timestamp>, JournalError> {
        let filter = Filter { session: Some(own.session.clone()), ..Filter::default() };
        let latest = self.journal.list(&filter, None, 1).await?;
        Ok(latest.first().map(|delivery| delivery.photo.received_at))
    }

    /// Asks what is due, as far as the budget goes; gives when there is more to ask.
    fn ask(
        self: &Arc<Self>,
        book: &mut Book,
        jobs: &mut Jobs,
        names: &mut HashMap<Id, Next>,
    ) -> Option<Timestamp> {
        loop {
            let now = self.clock.now();
            let most = if book.is_held() { HELD_AT_ONCE } else { AT_ONCE };
            if jobs.len() >= most {
                return None;
            }
            let Some(next) = book.next(now) else { return book.next_at() };
            if let Err(at) = self.budget.take(Use::Question) {
                return Some(at);
            }
            let (own, tried, is_polled) = book.begin(&next)?;
            let (follower, told) = (Arc::clone(self), next.clone());
            let task = jobs.spawn(async move {
                let answer = match told.question {
                    Question::Poll => follower.poll(&own, tried).await,
                    Question::Check => follower.check(&own, tried, is_polled).await,
                };
                (told, answer)
            });
            names.insert(task.id(), next);
        }
    }

    async fn ended(
        &self,
        ended: Result<(Id, (Next, Answer)), JoinError>,
        names: &mut HashMap<Id, Next>,
        book: &mut Book,
        trouble: &mut Trouble,
    ) {
        let now = self.clock.now();
        match ended {
            Ok((id, (next, answer))) => {
                names.remove(&id);
                let about = trouble.hear(self, &next, &answer, book);
                self.tell(&next.session, book.news(&next, &answer));
                if let Some(end) = book.answered(&next, (answer, about), now) {
                    self.settle(&next.session, &end, book).await;
                }
            }
            Err(error) => {
                let Some(next) = names.remove(&error.id()) else { return };
                let message = error.to_string();
                self.telemetry.emit(&Fact::Panicked { room: "follow", message: &message });
                book.broke_off(&next, now);
            }
        }
    }

    /// Nothing more is expected of a session.
    async fn settle(&self, session: &SessionId, end: &End, book: &mut Book) {
        if let Err(error) = self.journal.settle_session(session, self.clock.now()).await {
            return self.journal_failed(&error);
        }
        book.remove(session);
        match end {
            End::Done => {}
            End::Unknown => self.telemetry.emit(&Fact::SessionUnknown { session }),
            End::GivenUp(cause) => self.telemetry.emit(&Fact::SessionGivenUp { session, cause }),
        }
    }

    fn tell(&self, session: &SessionId, news: News) {
        if let Some(photos) = news.unread {
            self.telemetry.emit(&Fact::SessionUnread { session, photos });
        }
        if news.is_gone {
            self.telemetry.emit(&Fact::SessionGone { session });
        }
    }

    /// What becomes of a question; `None` where the daemon stops before it is answered.
    async fn unless_stopped<T>(&self, question: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            answer = question => Some(answer),
        }
    }

    /// Makes a photo durable by the routes of now.
    async fn take_in(&self, photo: Photo, bytes: Bytes) -> Result<Taken, JournalError> {
        let routes = self.routes.load();
        let intake = Intake {
            journal: self.journal.as_ref(),
            routes: &routes,
            collector: &self.collector,
            sender: &self.sender,
        };
        intake.take(photo, bytes, None).await
    }

    /// Apertur limits the calls: nobody asks for so long.
    fn limited(&self, wait: Option<Duration>) {
        self.budget.limited(wait);
        if let Some(until) = self.budget.untold_limit() {
            self.telemetry.emit(&Fact::Limited { until });
        }
    }

    fn journal_failed(&self, error: &JournalError) {
        let error = error.to_string();
        self.telemetry.emit(&Fact::JournalFailed { room: "follow", error: &error });
    }
}
