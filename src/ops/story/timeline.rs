//! Everything that happened to a photo, in one line of time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{standing::left_to, words::Words};
use crate::{
    journal::Story,
    model::{
        Action, Attempt, AttemptOutcome, By, Cause, Delivery, DeliveryId, DeliveryState,
        DestinationName, ErrorKind, Reason,
    },
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds; `None` for what takes no time or is under way.
    pub took_ms: Option<u64>,
    /// What it was.
    pub kind: EntryKind,
    /// Which delivery it concerns; `None` for the photo as such.
    pub delivery: Option<DeliveryId>,
    /// Where that goes.
    pub destination: Option<DestinationName>,
    /// The number of an attempt among those of its delivery, or of a fetch, from 1.
    pub number: Option<u32>,
    /// How an attempt or fetch ended.
    pub outcome: Option<AttemptOutcome>,
    /// Who did it, where a person did.
    pub by: Option<By>,
    /// What happened, in words.
    pub words: String,
    /// Why it did not go well: what happened, what the other side said, what to do.
    pub cause: Option<Cause>,
}

/// The kinds of things that happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The photo was accepted.
    Received,
    /// Its bytes were fetched, or not.
    Fetch,
    /// It was sent, or not.
    Attempt,
    /// A delivery came to its end, or was held, without an attempt.
    Settled,
    /// A person changed something.
    Action,
}

impl Entry {
    fn new(at: Timestamp, kind: EntryKind, words: impl Into<String>) -> Self {
        Self {
            at,
            took_ms: None,
            kind,
            delivery: None,
            destination: None,
            number: None,
            outcome: None,
            by: None,
            words: words.into(),
            cause: None,
        }
    }

    fn of(self, delivery: Option<&Delivery>) -> Self {
        Self {
            delivery: delivery.map(|delivery| delivery.id),
            destination: delivery.and_then(|delivery| delivery.destination.clone()),
            ..self
        }
    }
}

/// The entries, oldest first; of one moment in the order in which they follow from each other.
pub(super) fn of(words: &Words, story: &Story) -> Vec<Entry> {
    let received = Entry::new(story.photo.received_at, EntryKind::Received, words.received);
    let mut entries = vec![received];
    let mut numbers = BTreeMap::new();
    for attempt in &story.attempts {
        let number: &mut u32 = numbers.entry(attempt.delivery).or_default();
        *number = number.saturating_add(1);
        entries.push(tried(words, story, attempt, *number));
    }
    entries.extend(story.deliveries.iter().filter_map(|it| settled(words, story, it)));
    entries.extend(story.actions.iter().map(|action| acted(words, story, action)));
    entries.sort_by_key(|entry| entry.at);
    entries
}

fn tried(words: &Words, story: &Story, attempt: &Attempt, number: u32) -> Entry {
    let delivery = story.deliveries.iter().find(|it| Some(it.id) == attempt.delivery);
    let (kind, words) = match attempt.delivery {
        None => (EntryKind::Fetch, fetched(words, attempt.outcome)),
        Some(_) => (EntryKind::Attempt, sent(words, story, attempt, delivery)),
    };
    let took = attempt.ended_at.map(|end| end.duration_since(attempt.started_at).as_millis());
    Entry {
        took_ms: took.map(|took| u64::try_from(took).unwrap_or_default()),
        number: Some(number),
        outcome: Some(attempt.outcome),
        cause: attempt.cause.clone(),
        ..Entry::new(attempt.started_at, kind, words).of(delivery)
    }
}

fn acted(words: &Words, story: &Story, action: &Action) -> Entry {
    let by = &action.by;
    let did = words.did(&action.verb, by);
    let words = match action.verb.reason() {
        Some(reason) if *reason == Reason::default() => (words.because)(&did, words.unsaid),
        Some(reason) => (words.because)(&did, reason.as_str()),
        None => did,
    };
    // One that was replaced by a new plan is there no more.
    let delivery = story.deliveries.iter().find(|delivery| delivery.id == action.delivery);
    let entry = Entry::new(action.at, EntryKind::Action, words).of(delivery);
    Entry { delivery: Some(action.delivery), by: Some(by.clone()), ..entry }
}

fn fetched(words: &Words, outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Open => words.fetch.open,
        AttemptOutcome::Done => words.fetch.done,
        AttemptOutcome::Later | AttemptOutcome::Broken => words.fetch.later,
        AttemptOutcome::Unknown => words.fetch.unknown,
        AttemptOutcome::Refused => words.fetch.refused,
        AttemptOutcome::Cancelled => words.fetch.cancelled,
    }
}

fn sent(
    words: &Words,
    story: &Story,
    attempt: &Attempt,
    delivery: Option<&Delivery>,
) -> &'static str {
    let words = &words.attempt;
    let is_last = |attempt: &Attempt| {
        let last = story.attempts.iter().rfind(|it| it.delivery == attempt.delivery);
        last.is_some_and(|last| last.id == attempt.id)
    };
    let found = delivery.and_then(|it| it.receipt.as_ref()).is_some_and(|it| it.found);
    let kind = attempt.cause.as_ref().map(|cause| cause.kind);
    match attempt.outcome {
        AttemptOutcome::Open => words.open,
        AttemptOutcome::Done if found && is_last(attempt) => words.found,
        AttemptOutcome::Done => words.done,
        AttemptOutcome::Later => words.later,
        AttemptOutcome::Unknown => words.unknown,
        AttemptOutcome::Refused if kind == Some(ErrorKind::GaveUp) => words.gave_up,
        AttemptOutcome::Refused => words.refused,
        AttemptOutcome::Broken => words.broken,
        AttemptOutcome::Cancelled => words.cancelled,
    }
}

/// How a delivery came to its end, where neither an attempt nor a person did it.
fn settled(words: &Words, story: &Story, delivery: &Delivery) -> Option<Entry> {
    let at = delivery.settled_at?;
    let by_person = |action: &Action| action.delivery == delivery.id && action.at >= at;
    let ended_it = |attempt: &Attempt| {
        attempt.delivery == Some(delivery.id) && attempt.ended_at.is_some_and(|end| end >= at)
    };
    if story.attempts.iter().any(ended_it) || story.actions.iter().any(by_person) {
        return None;
    }
    let (words, cause) = match delivery.state {
        DeliveryState::Delivered => {
            let other = left_to(delivery)?;
            ((words.standing.left_to)(other.as_str()), None)
        }
        DeliveryState::Held => (words.attempt.held.to_owned(), delivery.cause.clone()),
        DeliveryState::Dropped => (words.attempt.dropped.to_owned(), delivery.cause.clone()),
        DeliveryState::Waiting | DeliveryState::Due | DeliveryState::Sending => return None,
    };
    Some(Entry { cause, ..Entry::new(at, EntryKind::Settled, words).of(Some(delivery)) })
}
