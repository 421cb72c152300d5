//! Failed questions: whether everybody has to wait or only one session, and saying so once.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::{
    Follower,
    book::{Answer, Book, Next},
};
use crate::{
    apertur::ApiError,
    model::{ErrorKind, OwnSession, SessionId},
    system::later,
    telemetry::Fact,
};

/// Pauses of all while nobody answers: 5 s, 10 s, 20 s ... 5 min.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// So many sessions that fail in a way of their own, with no success between, are everybody.
const MANY: usize = 3;
/// Failures in a row, or how long of them, before anything is said, and until it is said again.
const FAILURES: u32 = 3;
const SURE: Duration = Duration::from_mins(1);
const TELL_AGAIN: Duration = Duration::from_hours(1);

/// Apertur not answering us at all, while that is so.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    since: Option<Since>,
    /// Sessions with answers that may be of everybody, since the last good answer.
    doubtful: BTreeSet<SessionId>,
}

#[derive(Debug)]
struct Since {
    began: Timestamp,
    /// When the last failure was heard of: what was asked before belongs to it.
    heard: Timestamp,
    failures: u32,
    told_at: Option<Timestamp>,
}

/// Whom an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Whoever asks: nobody does for a while.
    Everybody,
    /// This one session.
    Session,
}

impl Trouble {
    /// Draws what follows for everybody from an answer, and says it; gives whom an error is
    /// about.
    pub(super) fn hear(
        &mut self,
        follower: &Follower,
        next: &Next,
        answer: &Answer,
        book: &Book,
    ) -> About {
        let Err(error) = &answer.said else {
            self.over(follower);
            return About::Session;
        };
        let about = self.about(&next.session, error);
        if about == About::Everybody {
            self.failed(follower, error, answer.asked_at);
        } else if book.is_news(next) {
            tell_session(follower, book.session(&next.session), error);
        }
        about
    }

    fn about(&mut self, session: &SessionId, error: &ApiError) -> About {
        let kind = error.cause.kind;
        if error.passes() || kind == ErrorKind::Unauthorized {
            return About::Everybody;
        }
        let is_unreadable = kind == ErrorKind::Protocol && error.status.is_none();
        if kind == ErrorKind::Forbidden || is_unreadable {
            self.doubtful.insert(session.clone());
            if self.doubtful.len() >= MANY {
                return About::Everybody;
            }
        }
        About::Session
    }

    fn over(&mut self, follower: &Follower) {
        self.doubtful.clear();
        if let Some(since) = self.since.take() {
            follower.telemetry.emit(&Fact::Asking { fails_since: None });
            if since.told_at.is_some() {
                let lasted = follower.clock.now().duration_since(since.began).unsigned_abs();
                follower.telemetry.emit(&Fact::AskingWorks { lasted });
            }
        }
    }

    fn failed(&mut self, follower: &Follower, error: &ApiError, asked_at: Timestamp) {
        if error.cause.kind == ErrorKind::RateLimited {
            return follower.limited(error.after);
        }
        let now = follower.clock.now();
        let new = Since { began: now, heard: asked_at, failures: 0, told_at: None };
        let since = self.since.get_or_insert(new);
        // The clock may have been set back.
        (since.began, since.heard) = (since.began.min(now), since.heard.min(now));
        // Of several that were under way together one counts.
        if asked_at >= since.heard {
            since.failures += 1;
            since.heard = now;
        }
        follower.telemetry.emit(&Fact::Asking { fails_since: Some(since.began) });
        let growing = FIRST_PAUSE * 2_u32.pow(since.failures.saturating_sub(1).min(6));
        let wait = error.after.unwrap_or_default().max(growing.min(LONGEST_PAUSE));
        follower.budget.pause(wait);
        // A wrong key does not pass by itself.
        let is_sure = since.failures >= FAILURES
            || later(since.began, SURE) <= now
            || error.cause.kind == ErrorKind::Unauthorized;
        if is_sure && since.told_at.is_none_or(|told| later(told, TELL_AGAIN) <= now) {
            since.told_at = Some(now);
            let at = follower.clock.after(wait);
            follower.telemetry.emit(&Fact::AskingFails { cause: &error.cause, at });
        }
    }
}

fn tell_session(follower: &Follower, own: Option<&OwnSession>, error: &ApiError) {
    let Some(own) = own else { return };
    let mut cause = error.cause.clone();
    if own.environment != follower.apertur.environment() {
        cause.fix = format!(
            "the session was made in Apertur's {} environment; use an API key of that one",
            own.environment
        );
    }
    follower.telemetry.emit(&Fact::SessionRefused { session: &own.session, cause: &cause });
}
