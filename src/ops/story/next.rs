//! What happens next, when, and what a person can do about it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{open_fetch, standing::left_to};
use crate::{
    journal::{Pause, Story},
    model::{Cause, Delivery, DeliveryId, DeliveryState, ErrorKind, FetchState},
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

    pub(super) fn person() -> Self {
        Self::new(NextKind::Person, "nothing until a person acts")
    }
}

/// What a person can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// In words; may be empty where the command says all.
    pub what: String,
    /// The command that goes on from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The command that gives the photo up for this destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up: Option<String>,
}

/// A command of `deliveries` for one delivery or photo.
pub(super) fn command(verb: &str, id: &impl fmt::Display) -> String {
    format!("apertur-bridge deliveries {verb} {id}")
}

/// What happens next to a photo whose bytes are not here.
pub(super) fn of_fetch(story: &Story, now: Timestamp) -> Next {
    if let Some(attempt) = open_fetch(story) {
        let next = Next::new(NextKind::Bytes, "its bytes are being fetched");
        return next.since(Some(attempt.started_at));
    }
    match story.fetch_due_at.filter(|at| *at > now) {
        Some(at) => Next::new(NextKind::Bytes, "its bytes are fetched again").at(at, now),
        None => Next::new(NextKind::Bytes, "its bytes are fetched as soon as it is their turn"),
    }
}

/// What a person can do about a fetch that failed and comes again.
pub(super) fn comes_again(story: &Story) -> Option<Remedy> {
    let cause = story.fetch_cause.as_ref()?;
    Some(patient(cause, command("replay", &story.photo.id)))
}

fn patient(cause: &Cause, command: String) -> Remedy {
    let fix = &cause.fix;
    let what = if fix.is_empty() || fix.starts_with("nothing") {
        fix.clone()
    } else {
        format!("nothing, it comes again by itself; if it goes on: {fix}")
    };
    Remedy { what, command: Some(command), give_up: None }
}

/// What happens next to a delivery.
pub(super) fn of_delivery(
    story: &Story,
    delivery: &Delivery,
    pause: Option<&Pause>,
    now: Timestamp,
) -> Next {
    match (delivery.state, pause) {
        (DeliveryState::Delivered, _) => Next::new(NextKind::Nothing, "nothing: it is delivered"),
        (DeliveryState::Dropped, _) => {
            Next::new(NextKind::Nothing, "nothing: a person gave it up here")
        }
        (DeliveryState::Held, _) => Next::person(),
        (DeliveryState::Sending, _) => {
            let ours = |attempt: &&crate::model::Attempt| attempt.delivery == Some(delivery.id);
            let since = story.attempts.iter().rfind(ours).map(|attempt| attempt.started_at);
            Next::new(NextKind::Underway, "an attempt is under way").since(since)
        }
        (DeliveryState::Waiting, _) if story.fetch_state == FetchState::Wanted => {
            of_fetch(story, now)
        }
        (DeliveryState::Waiting, _) => Next::new(NextKind::Bytes, "begins when its bytes are here"),
        (DeliveryState::Due, Some(pause)) => paused(delivery, pause),
        (DeliveryState::Due, None) => due(delivery, now),
    }
}

fn paused(delivery: &Delivery, pause: &Pause) -> Next {
    let name = &pause.destination;
    let first = if delivery.unsure { ", looking for it first" } else { "" };
    let words = format!("waits while {name} is paused; goes on by itself once it works{first}");
    Next::new(NextKind::Paused, words).since(Some(pause.since))
}

fn due(delivery: &Delivery, now: Timestamp) -> Next {
    let is_later = delivery.due_at > now;
    let next = match (delivery.unsure, is_later) {
        (true, true) => {
            let words = "it is looked for first, because it may be there, and sent if it is not";
            Next::new(NextKind::Look, words)
        }
        (true, false) => {
            let words = "it is looked for first, then sent if it is not there, as soon as it is \
                         its turn";
            Next::new(NextKind::Look, words)
        }
        (false, true) => Next::new(NextKind::Attempt, "it is sent again"),
        (false, false) => Next::new(NextKind::Attempt, "it is sent as soon as it is its turn"),
    };
    let since = Some(delivery.due_at).filter(|_| !is_later);
    next.at(delivery.due_at, now).since(since)
}

/// What a person can do about a delivery; `None` where nothing has to be done.
pub(super) fn remedy(
    delivery: &Delivery,
    pause: Option<&Pause>,
    fetch: FetchState,
    now: Timestamp,
) -> Option<Remedy> {
    let fix = |cause: Option<&Cause>| cause.map(|cause| cause.fix.clone()).unwrap_or_default();
    match delivery.state {
        DeliveryState::Held => Some(held(delivery, fetch)),
        DeliveryState::Due if pause.is_some() => Some(Remedy {
            what: fix(pause.map(|pause| &pause.cause)),
            command: pause.map(|it| format!("apertur-bridge destinations test {}", it.destination)),
            give_up: None,
        }),
        DeliveryState::Due if now.duration_since(delivery.due_at) >= OVERDUE => Some(Remedy {
            what: "see that the daemon runs, and what its destination does".to_owned(),
            command: Some("apertur-bridge destinations list".to_owned()),
            give_up: None,
        }),
        DeliveryState::Due => {
            let cause = delivery.cause.as_ref();
            cause.map(|cause| patient(cause, command("replay", &delivery.id)))
        }
        DeliveryState::Delivered => left_to(delivery).map(|other| Remedy {
            what: String::new(),
            command: Some(command("show", &other)),
            give_up: None,
        }),
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
    Remedy { what, command, give_up: Some(give_up(delivery.id)) }
}

fn give_up(delivery: DeliveryId) -> String {
    format!("{} --reason \"...\"", command("drop", &delivery))
}
