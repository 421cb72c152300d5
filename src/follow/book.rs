//! Which sessions are followed and what is to be asked about them next. No I/O.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    HOLDS,
    pace::{self, Job, Question},
    trouble::About,
};
use crate::{
    apertur::ApiError,
    model::{Cause, ImageId, OwnSession, SessionId},
    system::later,
};

/// Wait of one session after a question that nobody answered.
const AGAIN: Duration = Duration::from_secs(10);

/// A question about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) session: SessionId,
    pub(super) question: Question,
}

/// What is remembered of photos that are at Apertur and could not be taken yet.
pub(super) type Tried = BTreeMap<ImageId, Try>;

/// How often a photo was tried and when it is next, or since when it is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) since: Timestamp,
    pub(super) failures: u32,
    pub(super) not_before: Timestamp,
}

impl Try {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { since: now, failures: 0, not_before: now }
    }
}

/// What a question brought.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) asked_at: Timestamp,
    /// What Apertur said in the end.
    pub(super) said: Result<Said, ApiError>,
    pub(super) tried: Tried,
}

/// What Apertur said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    /// Photos that were taken now.
    pub(super) taken: usize,
    /// Whether photos are left that may be had later.
    pub(super) leaves: bool,
    /// Whether no more can come by this way.
    pub(super) is_over: bool,
    /// Photos that Apertur named and we cannot read.
    pub(super) unread: usize,
    /// When the latest photo came that is here, where Apertur tells nothing of the session any
    /// more.
    pub(super) gone_after: Option<Timestamp>,
    /// Whether the answer was held until there was something to say, or nothing for long.
    pub(super) took: Duration,
}

/// Why nothing more is asked about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It is over, and what came of it is here.
    Done,
    /// It is over, and Apertur does not know it.
    Unknown,
    /// Apertur refuses for days to speak of it.
    GivenUp(Cause),
}

/// What there is to say of a session once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Photos that Apertur named and we cannot read.
    pub(super) unread: Option<usize>,
    /// Apertur tells nothing of it any more, and did not since its last photo.
    pub(super) is_gone: bool,
}

/// Whether Apertur holds polls: what most of the last eight answers that told of nothing say.
/// A single slow or quick one says nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Holding(u8);

impl Holding {
    fn heard(&mut self, took: Duration) {
        self.0 = self.0 << 1 | u8::from(took >= HOLDS);
    }

    fn is_usual(self) -> bool {
        self.0.count_ones() > 4
    }
}

#[derive(Debug)]
struct Followed {
    own: OwnSession,
    /// When the last photo came, else when the session was made.
    heard_at: Timestamp,
    has_photos: bool,
    /// `None` where nothing is to be polled, or no more.
    poll: Option<Job>,
    check: Job,
    /// By polls and by checks.
    tried: [Tried; 2],
    /// When a check was answered last.
    checked_at: Option<Timestamp>,
    /// Since when Apertur refuses, and since when it does not know what has ended.
    refused_since: Option<Timestamp>,
    unknown_since: Option<Timestamp>,
    told_unread: bool,
    told_gone: bool,
}

/// The sessions that are followed.
#[derive(Debug)]
pub(super) struct Book {
    polls: bool,
    sessions: HashMap<SessionId, Followed>,
    holding: Holding,
    /// Sessions that the key cannot ask about.
    left_out: usize,
    /// Looks at which sessions there are, so far.
    looks: u64,
}

impl Book {
    /// Nobody yet. `polls` says whether sessions are polled at all.
    pub(super) fn new(polls: bool) -> Self {
        Self { polls, sessions: HashMap::new(), holding: Holding::default(), left_out: 0, looks: 0 }
    }

    /// Whether Apertur holds polls until there is something to say.
    pub(super) fn is_held(&self) -> bool {
        self.holding.is_usual()
    }

    /// So many sessions cannot be asked about; gives the number if it grew.
    pub(super) fn left_out(&mut self, sessions: usize) -> Option<usize> {
        let before = std::mem::replace(&mut self.left_out, sessions);
        (sessions > before).then_some(sessions)
    }

    pub(super) fn session(&self, id: &SessionId) -> Option<&OwnSession> {
        self.sessions.get(id).map(|followed| &followed.own)
    }

    /// Keeps those that are there still as they are now, drops the rest and gives the new ones.
    pub(super) fn update(&mut self, sessions: Vec<OwnSession>) -> Vec<OwnSession> {
        self.looks += 1;
        let mut before = std::mem::take(&mut self.sessions);
        let mut new = Vec::new();
        for own in sessions {
            match before.remove(&own.session) {
                None => new.push(own),
                Some(followed) => {
                    let id = own.session.clone();
                    self.sessions.insert(id, Followed { own, ..followed });
                }
            }
        }
        new
    }

    /// Follows a session whose last photo came at this time.
    pub(super) fn add(&mut self, own: OwnSession, heard: Option<Timestamp>, now: Timestamp) {
        let heard_at = heard.unwrap_or(own.created_at).min(now);
        let quiet = now.duration_since(heard_at).unsigned_abs();
        let is_polled = self.polls && own.long_polling;
        let poll = is_polled.then(|| Job::due(now, pace::poll_interval(quiet, heard.is_some())));
        let interval = pace::check_interval(quiet, is_polled);
        // What was made while we are here has nothing yet that could have been missed.
        let is_made_now = self.looks > 1;
        let made = later(own.created_at.min(now), interval);
        let mut check = Job::due(if is_made_now { now.max(made) } else { now }, interval);
        check.hurry(pace::last_check(&own).max(now));
        let followed = Followed {
            heard_at,
            has_photos: heard.is_some(),
            poll,
            check,
            tried: [Tried::new(), Tried::new()],
            checked_at: None,
            refused_since: None,
            unknown_since: None,
            told_unread: false,
            told_gone: false,
            own,
        };
        self.sessions.insert(followed.own.session.clone(), followed);
    }

    /// The clock was set back by so much: whoever waits goes on waiting as long as before.
    pub(super) fn set_back(&mut self, by: Duration, now: Timestamp) {
        for followed in self.sessions.values_mut() {
            followed.heard_at = followed.heard_at.min(now);
            followed.check.set_back(by);
            if let Some(poll) = &mut followed.poll {
                poll.set_back(by);
            }
            for tried in followed.tried.iter_mut().flat_map(BTreeMap::values_mut) {
                tried.since = pace::earlier(tried.since, by);
                tried.not_before = pace::earlier(tried.not_before, by);
            }
        }
    }

    pub(super) fn remove(&mut self, id: &SessionId) {
        self.sessions.remove(id);
    }

    /// What is to be asked now: of all that is due what waits for most of its intervals.
    pub(super) fn next(&self, now: Timestamp) -> Option<Next> {
        let due = self.sessions.iter().flat_map(|(id, followed)| {
            let late = followed
                .jobs()
                .filter_map(move |(question, job)| Some((job.lateness(now)?, question)));
            late.map(move |(lateness, question)| (lateness, id, question))
        });
        let (_, session, question) = due.max_by(|one, other| one.0.total_cmp(&other.0))?;
        Some(Next { session: session.clone(), question })
    }

    /// When something is to be asked next.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let all = self.sessions.values().flat_map(Followed::jobs);
        all.filter_map(|(_, job)| job.due_at()).min()
    }

    /// A question is asked now; gives what it needs: also whether the session is polled still.
    pub(super) fn begin(&mut self, next: &Next) -> Option<(OwnSession, Tried, bool)> {
        let followed = self.sessions.get_mut(&next.session)?;
        followed.job(next.question)?.is_running = true;
        let tried = followed.tried[next.question as usize].clone();
        Some((followed.own.clone(), tried, followed.poll.is_some()))
    }

    /// Whether a session is refused that was not before.
    pub(super) fn is_news(&self, next: &Next) -> bool {
        let followed = self.sessions.get(&next.session);
        followed.is_some_and(|followed| followed.jobs().all(|(_, job)| job.refusals == 0))
    }

    /// What an answer has to say that was not said yet.
    pub(super) fn news(&mut self, next: &Next, answer: &Answer) -> News {
        let (Ok(said), Some(followed)) = (&answer.said, self.sessions.get_mut(&next.session))
        else {
            return News::default();
        };
        let is_unread = said.unread > 0 && !followed.told_unread;
        let unseen = |at: Timestamp| followed.checked_at.is_none_or(|checked| checked < at);
        let is_gone = said.gone_after.is_some_and(unseen) && !followed.told_gone;
        followed.told_unread |= is_unread;
        followed.told_gone |= is_gone;
        News { unread: is_unread.then_some(said.unread), is_gone }
    }

    /// Takes an answer in, and whom an error is about; tells where nothing more is expected of
    /// the session.
    pub(super) fn answered(
        &mut self,
        next: &Next,
        (answer, about): (Answer, About),
        now: Timestamp,
    ) -> Option<End> {
        let Answer { asked_at, said, tried } = answer;
        // The clock may have been set back since.
        let asked_at = asked_at.min(now);
        if let Ok(said) = &said
            && next.question == Question::Poll
            && said.taken == 0
        {
            self.holding.heard(said.took);
        }
        let followed = self.sessions.get_mut(&next.session)?;
        followed.tried[next.question as usize] = tried;
        if said.is_ok() {
            (followed.refused_since, followed.unknown_since) = (None, None);
        }
        match (said, next.question) {
            (Ok(said), Question::Poll) => {
                followed.polled(asked_at, said, now);
                None
            }
            (Ok(said), Question::Check) => {
                followed.checked(asked_at, said, now).then_some(End::Done)
            }
            (Err(error), question) => followed.failed(question, error, about, now),
        }
    }

    /// A question ended in a bug.
    pub(super) fn broke_off(&mut self, next: &Next, now: Timestamp) {
        let followed = self.sessions.get_mut(&next.session);
        if let Some(job) = followed.and_then(|followed| followed.job(next.question)) {
            job.failed(now, pace::STRAGGLERS);
        }
    }
}

impl Followed {
    fn jobs(&self) -> impl Iterator<Item = (Question, &Job)> {
        let poll = self.poll.iter().map(|job| (Question::Poll, job));
        poll.chain([(Question::Check, &self.check)])
    }

    fn job(&mut self, question: Question) -> Option<&mut Job> {
        match question {
            Question::Poll => self.poll.as_mut(),
            Question::Check => Some(&mut self.check),
        }
    }

    fn quiet(&self, now: Timestamp) -> Duration {
        now.duration_since(self.heard_at).try_into().unwrap_or_default()
    }

    fn polled(&mut self, asked_at: Timestamp, said: Said, now: Timestamp) {
        if said.taken > 0 {
            (self.heard_at, self.has_photos) = (now, true);
        }
        let interval = pace::poll_interval(self.quiet(now), self.has_photos);
        let has_ended = asked_at >= pace::end(&self.own) && !said.leaves;
        let is_early = asked_at < self.own.expires_at;
        if let Some(job) = self.poll.as_mut().filter(|_| said.is_over && is_early) {
            // It may be a word of the moment: the session is open here.
            job.answered(asked_at, pace::LONGEST_POLL);
            job.hurry(self.own.expires_at);
        } else if said.is_over || has_ended {
            self.poll = None;
            // Soon, and once: what it brought is here.
            self.check.hurry(pace::end(&self.own));
        } else if let Some(job) = &mut self.poll {
            job.answered(asked_at, interval);
            let again = self.tried[Question::Poll as usize].values().map(|tried| tried.not_before);
            if let Some(at) = again.min().filter(|_| said.leaves) {
                job.hurry(at.max(later(now, AGAIN)));
            }
        }
    }

    fn checked(&mut self, asked_at: Timestamp, said: Said, now: Timestamp) -> bool {
        let end = pace::end(&self.own);
        let is_polled = self.poll.is_some();
        self.check.answered(asked_at, pace::check_interval(self.quiet(now), is_polled));
        if said.gone_after.is_none() {
            self.checked_at = Some(asked_at);
        }
        let last = pace::last_check(&self.own);
        if asked_at < end {
            self.check.hurry(if asked_at < last { last } else { end });
        }
        asked_at >= end && !said.leaves && !is_polled
    }

    fn failed(
        &mut self,
        question: Question,
        error: ApiError,
        about: About,
        now: Timestamp,
    ) -> Option<End> {
        if about == About::Everybody {
            if let Some(job) = self.job(question) {
                job.failed(now, AGAIN);
            }
            return None;
        }
        if let Some(job) = self.job(question) {
            job.refused(now);
        }
        let has_ended = now >= pace::end(&self.own);
        if question == Question::Poll && has_ended && error.status.is_some() {
            self.poll = None;
        }
        let lasts = |since: Timestamp, so_long| later(since, so_long) <= now;
        let refused_since = *self.refused_since.get_or_insert(now);
        if has_ended && error.status == Some(404) {
            let unknown_since = *self.unknown_since.get_or_insert(now);
            return lasts(unknown_since, pace::UNKNOWN_FOR).then_some(End::Unknown);
        }
        let is_long_over = now >= later(self.own.expires_at, pace::GIVE_UP);
        let gives_up = is_long_over && lasts(refused_since, pace::REFUSED_FOR);
        gives_up.then_some(End::GivenUp(error.cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_or_quick_answer_does_not_tell_whether_polls_are_held() {
        let (quick, slow) = (Duration::from_millis(80), Duration::from_secs(20));
        let mut holding = Holding::default();
        let mut told = |took| {
            holding.heard(took);
            holding.is_usual()
        };
        assert!(!told(slow));
        assert_eq!([quick, slow, slow, slow].map(&mut told), [false; 4]);
        assert!(told(slow), "five of six");
        assert_eq!([quick, slow, slow].map(&mut told), [true; 3]);
        assert_eq!([quick; 4].map(&mut told), [true, true, false, false]);
    }
}
