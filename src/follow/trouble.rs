//! Failed questions: whether everybody has to wait or only one session, and saying so once.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Follower,
    book::{Answer, Book, Next},
};
use crate::{
    apertur::ApiError,
    model::{ErrorKind, OwnSession},
    telemetry::Fact,
};

/// Pauses of all while nobody answers: 5 s, 10 s, 20 s ... 5 min.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Apertur not answering us at all, while that is so.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<Since>);

#[derive(Debug)]
struct Since {
    began: Timestamp,
    /// When the last failure was heard of: what was asked before belongs to it.
    heard: Timestamp,
    kind: ErrorKind,
    failures: u32,
}

/// Whom an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Whoever asks: nobody does for a while.
    Everybody,
    /// This one session.
    Session,
}

pub(super) fn about(error: &ApiError) -> About {
    let is_general = matches!(error.cause.kind, ErrorKind::Unauthorized)
        || (error.cause.kind == ErrorKind::Protocol && error.status.is_none());
    if error.passes() || is_general { About::Everybody } else { About::Session }
}

impl Trouble {
    /// Draws what follows for everybody from an answer, and says it.
    pub(super) fn hear(
        &mut self,
        follower: &Follower,
        next: &Next,
        answer: &Answer,
        book: &mut Book,
    ) {
        match &answer.said {
            Ok(_) => self.over(follower),
            Err(error) if about(error) == About::Everybody => {
                self.failed(follower, error, answer.asked_at);
            }
            Err(error) => {
                if book.is_news(next) {
                    let own = book.session(&next.session);
                    tell_session(follower, own, error);
                }
            }
        }
    }

    fn over(&mut self, follower: &Follower) {
        if let Some(since) = self.0.take() {
            let lasted = follower.clock.now().duration_since(since.began).unsigned_abs();
            follower.telemetry.emit(&Fact::AskingWorks { lasted });
        }
    }

    fn failed(&mut self, follower: &Follower, error: &ApiError, asked_at: Timestamp) {
        let (now, kind) = (follower.clock.now(), error.cause.kind);
        if kind == ErrorKind::RateLimited {
            return follower.limited(error.after);
        }
        let is_news = self.0.as_ref().is_none_or(|since| since.kind != kind);
        let since = self.0.get_or_insert(Since { began: now, heard: asked_at, kind, failures: 0 });
        // Of several that were under way together one counts.
        if asked_at >= since.heard {
            since.failures += 1;
            since.heard = now;
        }
        since.kind = kind;
        let growing = FIRST_PAUSE * 2_u32.pow(since.failures.saturating_sub(1).min(6));
        let wait = error.after.unwrap_or_default().max(growing.min(LONGEST_PAUSE));
        follower.budget.pause(wait);
        if is_news {
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
