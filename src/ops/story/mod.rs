//! The whole story of one photo, in words: how it came, every attempt, every action of a person,
//! what happens next and what a person can do.
//!
//! [`tell`] is pure and the only place that decides these words: command line and API print what
//! it gives in English, the console what it gives in its visitor's language. What a cause says is
//! told as it was written down, in English, unless it is a usual [`phrase`]. No text holds a time:
//! times stand beside the words, for whoever shows them to write them in a person's own zone.

mod next;
mod standing;
mod timeline;
mod words;

use jiff::Timestamp;
use serde::Serialize;

use self::words::Words;
pub use self::{
    next::{Next, NextKind, Remedy},
    standing::{Standing, summary},
    timeline::{Entry, EntryKind},
    words::phrase,
};
use crate::{
    destinations::Language,
    journal::{Pause, Story, is_hint, misnamed},
    model::{Action, Attempt, AttemptOutcome, Cause, ErrorKind, FetchState, Photo},
};

/// The story of one photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Account {
    /// The photo; its session only as a fingerprint.
    pub photo: Photo,
    /// Where it stands, over all its deliveries, in one line.
    pub summary: String,
    /// How it came: the form of the event, its topic and how it was signed.
    pub came: String,
    /// Where its image id is from, where nobody signed that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where its bytes are.
    pub fetch_state: FetchState,
    /// Why the last fetch failed, if it did.
    pub fetch_cause: Option<Cause>,
    /// When the next fetch is due, or the lease of the one under way ends, while `wanted`.
    pub fetch_due_at: Option<Timestamp>,
    /// The same in words.
    pub fetch: Fetching,
    /// What is odd about its tags, where somebody takes the photo all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<Cause>,
    /// Its deliveries, oldest first.
    pub deliveries: Vec<Standing>,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// What people did with its deliveries, oldest first.
    pub actions: Vec<Action>,
    /// Everything that happened, oldest first.
    pub timeline: Vec<Entry>,
}

/// How the bytes of a photo stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetching {
    /// Where they are.
    pub words: String,
    /// What happens next; `None` where nothing has to.
    pub next: Option<Next>,
    /// What a person can do; `None` where nothing has to be done.
    pub remedy: Option<Remedy>,
}

/// Tells the story as it stands at this time, in this language. `pauses` are those of all
/// destinations.
#[must_use]
pub fn tell(story: &Story, pauses: &[Pause], now: Timestamp, language: Language) -> Account {
    let words = Words::of(language);
    let deliveries: Vec<_> =
        story.deliveries.iter().map(|it| standing::of(words, story, it, pauses, now)).collect();
    let is_wanted = story.deliveries.iter().all(|delivery| delivery.destination.is_some());
    let photo = &story.photo;
    Account {
        summary: summary(&story.deliveries, pauses, language),
        came: came(words, photo),
        hint: is_hint(photo).map(|image| (words.hint)(image.as_str())),
        fetch_state: story.fetch_state,
        fetch_cause: story.fetch_cause.clone(),
        fetch_due_at: story.fetch_due_at,
        fetch: fetching(words, story, now),
        // Where nobody takes the photo, its delivery says so.
        remark: misnamed(photo.target.as_ref(), &photo.tags).filter(|_| is_wanted),
        timeline: timeline::of(words, story),
        photo: photo.clone(),
        attempts: story.attempts.clone(),
        actions: story.actions.clone(),
        deliveries,
    }
}

fn came(words: &Words, photo: &Photo) -> String {
    let form = words.shape(photo.shape);
    let topic = photo.topic.as_ref().map_or(String::new(), |topic| format!(" {topic}"));
    let scheme = photo.scheme.map_or(String::new(), |it| (words.signed)(it.as_str()));
    format!("{form}{topic}{scheme}")
}

fn fetching(words: &Words, story: &Story, now: Timestamp) -> Fetching {
    let (next, remedy) = match story.fetch_state {
        FetchState::Wanted => {
            (Some(next::of_fetch(words, story, now)), next::comes_again(words, story))
        }
        FetchState::Held => (Some(Next::person(words)), Some(remedy(story))),
        FetchState::Stored | FetchState::Expired => (None, None),
    };
    Fetching { words: bytes(words, story).to_owned(), next, remedy }
}

/// Why a file cannot be saved: where its bytes are, in English.
pub(super) fn missing(story: &Story) -> &'static str {
    bytes(Words::of(Language::En), story)
}

/// Where the bytes are, in words.
fn bytes(words: &Words, story: &Story) -> &'static str {
    let kind = story.fetch_cause.as_ref().map(|cause| cause.kind);
    match story.fetch_state {
        FetchState::Stored => words.bytes.stored,
        FetchState::Wanted => words.bytes.wanted,
        FetchState::Held if kind == Some(ErrorKind::Encrypted) => words.bytes.encrypted,
        FetchState::Held => words.bytes.held,
        FetchState::Expired => words.bytes.expired,
    }
}

fn remedy(story: &Story) -> Remedy {
    let fix = story.fetch_cause.as_ref().map(|cause| cause.fix.clone()).unwrap_or_default();
    let command = next::replay_photo(&story.photo.id);
    Remedy { command: Some(command), ..Remedy::of_fix(fix) }
}

/// The fetch that is under way.
fn open_fetch(story: &Story) -> Option<&Attempt> {
    let last = story.attempts.iter().rfind(|attempt| attempt.delivery.is_none());
    last.filter(|attempt| attempt.outcome == AttemptOutcome::Open)
}
