//! Every word of a story, a file for each language: a word that is missing does not compile.
//! A photo and a delivery are what is spoken of; no text holds a time.

mod en;
mod es;
mod fr;
mod phrases;

pub use self::phrases::phrase;
use crate::{
    destinations::Language,
    model::{By, Shape, Verb},
};

/// The words of a language.
#[derive(Debug)]
pub(super) struct Words {
    /// In the order of [`Words::shape`].
    shapes: [&'static str; 7],
    /// After the form of an event: by which scheme it was signed.
    pub(super) signed: fn(&str) -> String,
    pub(super) hint: fn(&str) -> String,
    pub(super) bytes: Bytes,
    pub(super) summary: Summary,
    pub(super) standing: Standing,
    pub(super) held: Held,
    pub(super) next: Next,
    pub(super) remedy: Remedy,
    pub(super) received: &'static str,
    pub(super) fetch: Fetch,
    pub(super) attempt: Attempt,
    /// In the order of [`Words::did`].
    verbs: [fn(&By) -> String; 5],
    /// The reason of a hold for which nobody gave one.
    pub(super) unsaid: &'static str,
    /// What was done, and why.
    pub(super) because: fn(&str, &str) -> String,
}

/// Where the bytes of a photo are.
#[derive(Debug)]
pub(super) struct Bytes {
    pub(super) stored: &'static str,
    pub(super) wanted: &'static str,
    pub(super) encrypted: &'static str,
    pub(super) held: &'static str,
    pub(super) expired: &'static str,
}

/// Before the names of the destinations for which it is so.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) waiting: &'static str,
    pub(super) paused: &'static str,
    pub(super) due: &'static str,
    pub(super) sending: &'static str,
    pub(super) delivered: &'static str,
    pub(super) unwanted: &'static str,
    pub(super) held: &'static str,
    pub(super) dropped: &'static str,
    /// In place of the name where no destination wants the photo.
    pub(super) nobody: &'static str,
    /// Between the last two names, of which the last is given.
    pub(super) and: fn(&str) -> &'static str,
}

/// Where a delivery stands.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) waiting: &'static str,
    pub(super) was_delivered: &'static str,
    pub(super) may_be_there: &'static str,
    /// After so many attempts, at least one.
    pub(super) failed: fn(u32) -> String,
    pub(super) due: &'static str,
    pub(super) sending: &'static str,
    pub(super) delivered: &'static str,
    /// The photo that it was left to.
    pub(super) left_to: fn(&str) -> String,
    pub(super) found: &'static str,
    pub(super) remarked: &'static str,
    pub(super) dropped: &'static str,
}

/// Why a delivery is held.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) by_person: &'static str,
    pub(super) unwanted: &'static str,
    pub(super) unrouted: &'static str,
    pub(super) encrypted: &'static str,
    pub(super) expired: &'static str,
    pub(super) no_bytes: &'static str,
    pub(super) gave_up: &'static str,
    pub(super) refused: &'static str,
    pub(super) other: &'static str,
}

/// What happens next.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) delivered: &'static str,
    pub(super) dropped: &'static str,
    pub(super) person: &'static str,
    pub(super) underway: &'static str,
    pub(super) fetching: &'static str,
    pub(super) fetched_again: &'static str,
    pub(super) fetched_soon: &'static str,
    pub(super) after_bytes: &'static str,
    /// The paused destination, and whether the photo is looked for first.
    pub(super) paused: fn(&str, bool) -> String,
    pub(super) looked_for: &'static str,
    pub(super) looked_for_soon: &'static str,
    pub(super) sent_again: &'static str,
    pub(super) sent_soon: &'static str,
}

/// What a person can do.
#[derive(Debug)]
pub(super) struct Remedy {
    /// Before what helps if it goes on.
    pub(super) by_itself: &'static str,
    pub(super) overdue: &'static str,
}

/// How a fetch ended.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) open: &'static str,
    pub(super) done: &'static str,
    pub(super) later: &'static str,
    pub(super) unknown: &'static str,
    pub(super) refused: &'static str,
    pub(super) cancelled: &'static str,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) open: &'static str,
    pub(super) found: &'static str,
    pub(super) done: &'static str,
    pub(super) later: &'static str,
    pub(super) unknown: &'static str,
    pub(super) gave_up: &'static str,
    pub(super) refused: &'static str,
    pub(super) broken: &'static str,
    pub(super) cancelled: &'static str,
    pub(super) held: &'static str,
    pub(super) dropped: &'static str,
}

impl Words {
    /// The words of a language.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::WORDS,
            Language::Fr => &fr::WORDS,
            Language::Es => &es::WORDS,
        }
    }

    /// In which form a photo came.
    pub(super) fn shape(&self, shape: Shape) -> &'static str {
        let [event, project_event, json, multipart, binary, polled, reconciled] = self.shapes;
        match shape {
            Shape::Event => event,
            Shape::ProjectEvent => project_event,
            Shape::JsonBase64 => json,
            Shape::Multipart => multipart,
            Shape::Binary => binary,
            Shape::Polled => polled,
            Shape::Reconciled => reconciled,
        }
    }

    /// Who did what.
    pub(super) fn did(&self, verb: &Verb, by: &By) -> String {
        let [replayed, forced, held, released, dropped] = self.verbs;
        match verb {
            Verb::Replay { force: false } => replayed(by),
            Verb::Replay { force: true } => forced(by),
            Verb::Hold { .. } => held(by),
            Verb::Release => released(by),
            Verb::Drop { .. } => dropped(by),
        }
    }
}
