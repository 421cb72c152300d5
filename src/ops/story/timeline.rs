//! Everything that happened to a photo, in one line of time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::standing::left_to;
use crate::{
    journal::Story,
    model::{
        Action, Attempt, AttemptOutcome, By, Cause, Delivery, DeliveryId, DeliveryState,
        DestinationName, ErrorKind, Verb,
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
pub(super) fn of(story: &Story) -> Vec<Entry> {
    let received = Entry::new(story.photo.received_at, EntryKind::Received, "received");
    let mut entries = vec![received];
    let mut numbers = BTreeMap::new();
    for attempt in &story.attempts {
        let number: &mut u32 = numbers.entry(attempt.delivery).or_default();
        *number = number.saturating_add(1);
        entries.push(tried(story, attempt, *number));
    }
    entries.extend(story.deliveries.iter().filter_map(|delivery| settled(story, delivery)));
    entries.extend(story.actions.iter().map(|action| acted(story, action)));
    entries.sort_by_key(|entry| entry.at);
    entries
}

fn tried(story: &Story, attempt: &Attempt, number: u32) -> Entry {
    let delivery = story.deliveries.iter().find(|it| Some(it.id) == attempt.delivery);
    let (kind, words) = match attempt.delivery {
        None => (EntryKind::Fetch, fetched(attempt.outcome)),
        Some(_) => (EntryKind::Attempt, sent(story, attempt, delivery)),
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

fn acted(story: &Story, action: &Action) -> Entry {
    let by = &action.by;
    let did = match &action.verb {
        Verb::Replay { force: false } => format!("replayed by {by}"),
        Verb::Replay { force: true } => format!("replayed by {by}, with force"),
        Verb::Hold { .. } => format!("held by {by}"),
        Verb::Release => format!("released by {by}"),
        Verb::Drop { .. } => format!("given up by {by}"),
    };
    let words = match action.verb.reason() {
        Some(reason) => format!("{did}: {reason}"),
        None => did,
    };
    // One that was replaced by a new plan is there no more.
    let delivery = story.deliveries.iter().find(|delivery| delivery.id == action.delivery);
    let entry = Entry::new(action.at, EntryKind::Action, words).of(delivery);
    Entry { delivery: Some(action.delivery), by: Some(by.clone()), ..entry }
}

fn fetched(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Open => "is being fetched",
        AttemptOutcome::Done => "fetched",
        AttemptOutcome::Later | AttemptOutcome::Broken => "not fetched, comes again",
        AttemptOutcome::Unknown => "cut off, comes again",
        AttemptOutcome::Refused => "cannot be had",
        AttemptOutcome::Cancelled => "ended early and does not count",
    }
}

fn sent(story: &Story, attempt: &Attempt, delivery: Option<&Delivery>) -> &'static str {
    let is_last = |attempt: &Attempt| {
        let last = story.attempts.iter().rfind(|it| it.delivery == attempt.delivery);
        last.is_some_and(|last| last.id == attempt.id)
    };
    let found = delivery.and_then(|it| it.receipt.as_ref()).is_some_and(|it| it.found);
    let kind = attempt.cause.as_ref().map(|cause| cause.kind);
    match attempt.outcome {
        AttemptOutcome::Open => "is under way",
        AttemptOutcome::Done if found && is_last(attempt) => "found there, nothing sent again",
        AttemptOutcome::Done => "delivered",
        AttemptOutcome::Later => "surely not stored, comes again",
        AttemptOutcome::Unknown => "no answer: it may be there and is looked for first",
        AttemptOutcome::Refused if kind == Some(ErrorKind::GaveUp) => "given up and held",
        AttemptOutcome::Refused => "refused and held",
        AttemptOutcome::Broken => "the destination does not work, comes again",
        AttemptOutcome::Cancelled => "nothing was sent, does not count",
    }
}

/// How a delivery came to its end, where neither an attempt nor a person did it.
fn settled(story: &Story, delivery: &Delivery) -> Option<Entry> {
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
            (format!("left to photo {other}, which has the same bytes"), None)
        }
        DeliveryState::Held => ("held".to_owned(), delivery.cause.clone()),
        DeliveryState::Dropped => ("given up".to_owned(), delivery.cause.clone()),
        DeliveryState::Waiting | DeliveryState::Due | DeliveryState::Sending => return None,
    };
    Some(Entry { cause, ..Entry::new(at, EntryKind::Settled, words).of(Some(delivery)) })
}
