//! What happens next, when, and what a person can do about it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{open_fetch, standing::left_to, words::Words};
use crate::{
    journal::{Pause, Story},
    model::{Cause, Delivery, DeliveryId, DeliveryState, ErrorKind, FetchState, PhotoId},
};

/// What is due for so long is waiting for something that nobody wrote down.
const OVERDUE: SignedDuration = SignedDuration::from_mins(10);

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Next {
    /// Which of the things that can happen.
    pub kind: NextKind,
    /// The same for a person, without the times.
    pub words: String,
    /// When, if that is known; always in the future.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Since when it is so, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The things that can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NextKind {
    /// Nothing: it came to its end.
    Nothing,
    /// Nothing until a person acts.
    Person,
    /// It is sent.
    Attempt,
    /// It is looked for, and sent where it is not there.
    Look,
    /// It is sent once its destination works again.
    Paused,
    /// Its bytes are fetched.
    Bytes,
    /// An attempt is under way.
    Underway,
}

impl Next {
    fn new(kind: NextKind, words: impl Into<String>) -> Self {
        Self { kind, words: words.into(), at: None, since: None }
    }

    fn at(self, at: Timestamp, now: Timestamp) -> Self {
        Self { at: Some(at).filter(|at| *at > now), ..self }
    }

    fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    pub(super) fn person(words: &Words) -> Self {
        Self::new(NextKind::Person, words.next.person)
    }
}

/// What a person can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// In words; may be empty where the command says all.
    pub what: String,
    /// The end of `what` that its cause brought along, as it was written down: in English,
    /// whatever the language.
    #[serde(skip)]
    pub fix: String,
    /// The command that goes on from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The command that gives the photo up for this destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up: Option<String>,
}

impl Remedy {
    /// What a cause says, and no more.
    pub(super) fn of_fix(fix: String) -> Self {
        Self { what: fix.clone(), fix, ..Self::default() }
    }
}

/// A command of `deliveries` for what this word names.
fn command(verb: &str, word: &impl fmt::Display) -> String {
    format!("apertur-bridge deliveries {verb} {word}")
}

/// The command that replays a photo: one whose id is digits would be taken for the number of a
/// delivery.
pub(super) fn replay_photo(photo: &PhotoId) -> String {
    match photo.as_str().parse::<i64>() {
        Ok(_) => command("replay", &format_args!("--photo {photo}")),
        Err(_) => command("replay", photo),
    }
}

/// What happens next to a photo whose bytes are not here.
pub(super) fn of_fetch(words: &Words, story: &Story, now: Timestamp) -> Next {
    if let Some(attempt) = open_fetch(story) {
        let next = Next::new(NextKind::Bytes, words.next.fetching);
        return next.since(Some(attempt.started_at));
    }
    match story.fetch_due_at.filter(|at| *at > now) {
        Some(at) => Next::new(NextKind::Bytes, words.next.fetched_again).at(at, now),
        None => Next::new(NextKind::Bytes, words.next.fetched_soon),
    }
}

/// What a person can do about a fetch that failed and comes again.
pub(super) fn comes_again(words: &Words, story: &Story) -> Option<Remedy> {
    let cause = story.fetch_cause.as_ref()?;
    Some(patient(words, cause, replay_photo(&story.photo.id)))
}

fn patient(words: &Words, cause: &Cause, command: String) -> Remedy {
    let fix = cause.fix.clone();
    let what = if fix.is_empty() || fix.starts_with("nothing") {
        fix.clone()
    } else {
        format!("{}{fix}", words.remedy.by_itself)
    };
    Remedy { what, fix, command: Some(command), give_up: None }
}

/// What happens next to a delivery.
pub(super) fn of_delivery(
    words: &Words,
    story: &Story,
    delivery: &Delivery,
    pause: Option<&Pause>,
    now: Timestamp,
) -> Next {
    match (delivery.state, pause) {
        (DeliveryState::Delivered, _) => Next::new(NextKind::Nothing, words.next.delivered),
        (DeliveryState::Dropped, _) => Next::new(NextKind::Nothing, words.next.dropped),
        (DeliveryState::Held, _) => Next::person(words),
        (DeliveryState::Sending, _) => {
            let ours = |attempt: &&crate::model::Attempt| attempt.delivery == Some(delivery.id);
            let since = story.attempts.iter().rfind(ours).map(|attempt| attempt.started_at);
            Next::new(NextKind::Underway, words.next.underway).since(since)
        }
        (DeliveryState::Waiting, _) if story.fetch_state == FetchState::Wanted => {
            of_fetch(words, story, now)
        }
        (DeliveryState::Waiting, _) => Next::new(NextKind::Bytes, words.next.after_bytes),
        (DeliveryState::Due, Some(pause)) => paused(words, delivery, pause),
        (DeliveryState::Due, None) => due(words, delivery, now),
    }
}

fn paused(words: &Words, delivery: &Delivery, pause: &Pause) -> Next {
    let words = (words.next.paused)(pause.destination.as_str(), delivery.unsure);
    Next::new(NextKind::Paused, words).since(Some(pause.since))
}

fn due(words: &Words, delivery: &Delivery, now: Timestamp) -> Next {
    let is_later = delivery.due_at > now;
    let next = match (delivery.unsure, is_later) {
        (true, true) => Next::new(NextKind::Look, words.next.looked_for),
        (true, false) => Next::new(NextKind::Look, words.next.looked_for_soon),
        (false, true) => Next::new(NextKind::Attempt, words.next.sent_again),
        (false, false) => Next::new(NextKind::Attempt, words.next.sent_soon),
    };
    let since = Some(delivery.due_at).filter(|_| !is_later);
    next.at(delivery.due_at, now).since(since)
}

/// What a person can do about a delivery; `None` where nothing has to be done.
pub(super) fn remedy(
    words: &Words,
    delivery: &Delivery,
    pause: Option<&Pause>,
    fetch: FetchState,
    now: Timestamp,
) -> Option<Remedy> {
    let fix = |cause: Option<&Cause>| cause.map(|cause| cause.fix.clone()).unwrap_or_default();
    match delivery.state {
        DeliveryState::Held => Some(held(delivery, fetch)),
        DeliveryState::Due if pause.is_some() => Some(Remedy {
            command: pause.map(|it| format!("apertur-bridge destinations test {}", it.destination)),
            ..Remedy::of_fix(fix(pause.map(|pause| &pause.cause)))
        }),
        DeliveryState::Due if now.duration_since(delivery.due_at) >= OVERDUE => Some(Remedy {
            what: words.remedy.overdue.to_owned(),
            command: Some("apertur-bridge destinations list".to_owned()),
            ..Remedy::default()
        }),
        DeliveryState::Due => {
            let cause = delivery.cause.as_ref();
            cause.map(|cause| patient(words, cause, command("replay", &delivery.id)))
        }
        DeliveryState::Delivered => left_to(delivery)
            .map(|other| Remedy { command: Some(command("show", &other)), ..Remedy::default() }),
        _ => None,
    }
}

fn held(delivery: &Delivery, fetch: FetchState) -> Remedy {
    let cause = delivery.cause.as_ref();
    let what = cause.map(|cause| cause.fix.clone()).unwrap_or_default();
    let (what, command) = match (cause.map(|cause| cause.kind), fetch) {
        // The command says it all.
        (Some(ErrorKind::Operator), _) => (String::new(), Some(command("release", &delivery.id))),
        // Nothing is left to be sent.
        (_, FetchState::Expired) => (what, None),
        _ => (what, Some(command("replay", &delivery.id))),
    };
    Remedy { command, give_up: Some(give_up(delivery.id)), ..Remedy::of_fix(what) }
}

fn give_up(delivery: DeliveryId) -> String {
    format!("{} --reason \"...\"", command("drop", &delivery))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_replayed_by_no_word_that_is_the_number_of_a_delivery() -> anyhow::Result<()> {
        for (photo, words) in [("img_17", "img_17"), ("17", "--photo 17"), ("0017", "--photo 0017")]
        {
            let command = replay_photo(&PhotoId::parse(photo)?);
            assert_eq!(command, format!("apertur-bridge deliveries replay {words}"));
        }
        Ok(())
    }
}
