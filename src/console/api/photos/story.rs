//! The whole story of a photo, in the words of [`crate::ops::story`].

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    console::api::facts::{Cause, Delivery, Photo},
    model,
    ops::story::{self, Account},
};

/// The story of a photo.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Story {
    photo: Photo,
    /// Where it stands, over all its deliveries, in one line.
    summary: String,
    /// How it came.
    came: String,
    /// Where its image id is from, where nobody signed that.
    hint: Option<String>,
    bytes: Bytes,
    /// What is odd about its tags, where somebody takes the photo all the same.
    remark: Option<Cause>,
    /// Its deliveries, oldest first.
    deliveries: Vec<Standing>,
    /// What people did with them, oldest first.
    actions: Vec<Action>,
    /// Everything that happened, oldest first.
    timeline: Vec<Entry>,
}

/// Where the bytes of a photo are.
#[derive(Debug, Serialize, ToSchema)]
struct Bytes {
    /// `wanted`, `stored`, `held` or `expired`.
    state: &'static str,
    /// The same in words.
    words: String,
    /// Why the last fetch failed, if it did.
    cause: Option<Cause>,
    next: Option<Step>,
    remedy: Option<Remedy>,
}

/// A delivery and how it goes on.
#[derive(Debug, Serialize, ToSchema)]
struct Standing {
    delivery: Delivery,
    /// Where it stands, in words.
    words: String,
    /// Why it waits or is held; null where nothing is wrong.
    why: Option<Cause>,
    next: Step,
    remedy: Option<Remedy>,
}

/// What happens next.
#[derive(Debug, Serialize, ToSchema)]
struct Step {
    /// Which of the things that can happen: `nothing`, `person`, `attempt`, `look`, `paused`,
    /// `bytes`, `underway`.
    #[schema(value_type = String, example = "attempt")]
    kind: story::NextKind,
    /// The same for a person.
    words: String,
    /// When, if that is known.
    at: Option<Timestamp>,
    /// Since when it is so, if that is known.
    since: Option<Timestamp>,
}

/// What a person can do.
#[derive(Debug, Serialize, ToSchema)]
struct Remedy {
    /// In words; may be empty where the command says all.
    what: String,
    /// The command that goes on from there.
    command: Option<String>,
    /// The command that gives the photo up for this destination.
    give_up: Option<String>,
}

/// What a person did with a delivery.
#[derive(Debug, Serialize, ToSchema)]
struct Action {
    at: Timestamp,
    /// Who: a user of the machine or of the console, or the name of a token.
    by: String,
    /// `replay`, `hold`, `release` or `drop`.
    verb: &'static str,
    /// Why, where a reason was given.
    reason: Option<String>,
    /// In which run.
    run: i64,
    /// The delivery as it was called then.
    delivery: i64,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
struct Entry {
    /// When it began.
    at: Timestamp,
    /// How long it took, in milliseconds; null for what takes no time or is under way.
    took_ms: Option<u64>,
    /// What it was: `received`, `fetch`, `attempt`, `settled` or `action`.
    #[schema(value_type = String, example = "attempt")]
    kind: story::EntryKind,
    /// Which delivery it concerns; null for the photo as such.
    delivery: Option<i64>,
    /// Where that goes.
    destination: Option<String>,
    /// The number of an attempt among those of its delivery, or of a fetch, from 1.
    number: Option<u32>,
    /// How an attempt or fetch ended.
    outcome: Option<&'static str>,
    /// Who did it, where a person did.
    by: Option<String>,
    /// What happened, in words.
    words: String,
    /// Why it did not go well.
    cause: Option<Cause>,
}

impl From<Account> for Story {
    fn from(it: Account) -> Self {
        Self {
            photo: Photo::from(&it.photo),
            summary: it.summary,
            came: it.came,
            hint: it.hint,
            bytes: Bytes {
                state: it.fetch_state.as_str(),
                words: it.fetch.words,
                cause: it.fetch_cause.as_ref().map(Cause::from),
                next: it.fetch.next.map(Step::from),
                remedy: it.fetch.remedy.map(Remedy::from),
            },
            remark: it.remark.as_ref().map(Cause::from),
            deliveries: it.deliveries.into_iter().map(Standing::from).collect(),
            actions: it.actions.iter().map(Action::from).collect(),
            timeline: it.timeline.into_iter().map(Entry::from).collect(),
        }
    }
}

impl From<&model::Action> for Action {
    fn from(it: &model::Action) -> Self {
        Self {
            at: it.at,
            by: it.by.to_string(),
            verb: it.verb.as_str(),
            reason: it.verb.reason().map(|reason| reason.as_str().to_owned()),
            run: it.run.0,
            delivery: it.delivery.0,
        }
    }
}

impl From<story::Standing> for Standing {
    fn from(it: story::Standing) -> Self {
        Self {
            delivery: Delivery::from(&it.delivery),
            words: it.words,
            why: it.why.as_ref().map(Cause::from),
            next: Step::from(it.next),
            remedy: it.remedy.map(Remedy::from),
        }
    }
}

impl From<story::Next> for Step {
    fn from(it: story::Next) -> Self {
        Self { kind: it.kind, words: it.words, at: it.at, since: it.since }
    }
}

impl From<story::Remedy> for Remedy {
    fn from(it: story::Remedy) -> Self {
        Self { what: it.what, command: it.command, give_up: it.give_up }
    }
}

impl From<story::Entry> for Entry {
    fn from(it: story::Entry) -> Self {
        Self {
            at: it.at,
            took_ms: it.took_ms,
            kind: it.kind,
            delivery: it.delivery.map(|id| id.0),
            destination: it.destination.as_ref().map(ToString::to_string),
            number: it.number,
            outcome: it.outcome.map(model::AttemptOutcome::as_str),
            by: it.by.as_ref().map(ToString::to_string),
            words: it.words,
            cause: it.cause.as_ref().map(Cause::from),
        }
    }
}
