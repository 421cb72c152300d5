//! Where a delivery stands, in words.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    next::{self, Next, Remedy},
    words::Words,
};
use crate::{
    destinations::Language,
    journal::{Pause, SAME_PHOTO, Story},
    model::{AttemptOutcome, Cause, Delivery, DeliveryState, ErrorKind, FetchState, PhotoId},
};

/// One delivery and how it goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Where it stands, in words.
    pub words: String,
    /// Why it waits or is held: its own cause, or that of its destination's pause. `None` where
    /// nothing is wrong.
    pub why: Option<Cause>,
    /// What happens next, and when.
    pub next: Next,
    /// What a person can do; `None` where nothing has to be done.
    pub remedy: Option<Remedy>,
}

pub(super) fn of(
    words: &Words,
    story: &Story,
    delivery: &Delivery,
    pauses: &[Pause],
    now: Timestamp,
) -> Standing {
    let pause = pause(delivery, pauses);
    let why = match delivery.state {
        DeliveryState::Delivered => None,
        _ => pause.map(|pause| &pause.cause).or(delivery.cause.as_ref()),
    };
    Standing {
        words: stands(words, story, delivery),
        why: why.cloned(),
        next: next::of_delivery(words, story, delivery, pause, now),
        remedy: next::remedy(words, delivery, pause, story.fetch_state, now),
        delivery: delivery.clone(),
    }
}

/// Why a delivery waits although it is due: its destination is paused.
fn pause<'a>(delivery: &Delivery, pauses: &'a [Pause]) -> Option<&'a Pause> {
    let name = delivery.destination.as_ref().filter(|_| delivery.state == DeliveryState::Due)?;
    pauses.iter().find(|pause| pause.destination == *name)
}

/// The photo that a delivery was left to.
pub(super) fn left_to(delivery: &Delivery) -> Option<PhotoId> {
    let note = delivery.receipt.as_ref()?.note.as_ref()?;
    PhotoId::parse(note.strip_prefix(SAME_PHOTO)?).ok()
}

fn stands(words: &Words, story: &Story, delivery: &Delivery) -> String {
    let stands = match delivery.state {
        DeliveryState::Waiting => words.standing.waiting,
        DeliveryState::Due if delivery.unsure && delivery.receipt.is_some() => {
            words.standing.was_delivered
        }
        DeliveryState::Due if delivery.unsure => words.standing.may_be_there,
        DeliveryState::Due if delivery.attempts > 0 => {
            return (words.standing.failed)(delivery.attempts);
        }
        DeliveryState::Due => words.standing.due,
        DeliveryState::Sending => words.standing.sending,
        DeliveryState::Delivered => return delivered(words, delivery),
        DeliveryState::Held => held(words, story, delivery),
        DeliveryState::Dropped => words.standing.dropped,
    };
    stands.to_owned()
}

fn delivered(words: &Words, delivery: &Delivery) -> String {
    let receipt = delivery.receipt.as_ref();
    let delivered = match (left_to(delivery), receipt) {
        (Some(other), _) => return (words.standing.left_to)(other.as_str()),
        (None, Some(receipt)) if receipt.found => words.standing.found,
        (None, Some(receipt)) if receipt.note.is_some() => words.standing.remarked,
        _ => words.standing.delivered,
    };
    delivered.to_owned()
}

fn held(words: &Words, story: &Story, delivery: &Delivery) -> &'static str {
    let kind = delivery.cause.as_ref().map(|cause| cause.kind);
    let ours = |attempt: &&crate::model::Attempt| attempt.delivery == Some(delivery.id);
    let last = story.attempts.iter().rfind(ours).map(|attempt| attempt.outcome);
    let is_refused = last == Some(AttemptOutcome::Refused);
    match (kind, story.fetch_state) {
        (Some(ErrorKind::Operator), _) => words.held.by_person,
        (Some(ErrorKind::Unrouted), _) if delivery.destination.is_none() => words.held.unwanted,
        (Some(ErrorKind::Unrouted), _) => words.held.unrouted,
        (Some(ErrorKind::Encrypted), _) => words.held.encrypted,
        (_, FetchState::Expired) => words.held.expired,
        (_, FetchState::Held) => words.held.no_bytes,
        (Some(ErrorKind::GaveUp), _) => words.held.gave_up,
        _ if is_refused => words.held.refused,
        _ => words.held.other,
    }
}

/// Where a photo stands over all its deliveries, in one line: `delivered to archive and erp,
/// held for desk`.
#[must_use]
pub fn summary(deliveries: &[Delivery], pauses: &[Pause], language: Language) -> String {
    let words = &Words::of(language).summary;
    let mut parts: Vec<(&str, Vec<&str>)> = Vec::new();
    for delivery in deliveries {
        let place = delivery.destination.as_ref().map_or(words.nobody, |name| name.as_str());
        let how = match delivery.state {
            DeliveryState::Waiting => words.waiting,
            DeliveryState::Due if pause(delivery, pauses).is_some() => words.paused,
            DeliveryState::Due => words.due,
            DeliveryState::Sending => words.sending,
            DeliveryState::Delivered => words.delivered,
            DeliveryState::Held if delivery.destination.is_none() => words.unwanted,
            DeliveryState::Held => words.held,
            DeliveryState::Dropped => words.dropped,
        };
        match parts.iter_mut().find(|(known, _)| *known == how) {
            Some((_, places)) => places.push(place),
            None => parts.push((how, vec![place])),
        }
    }
    let listed = |places: &[&str]| listed(places, words.and);
    let parts = parts.into_iter().map(|(how, places)| format!("{how} {}", listed(&places)));
    parts.collect::<Vec<_>>().join(", ")
}

/// `a`, `a and b`, `a, b and c`.
fn listed(places: &[&str], and: fn(&str) -> &'static str) -> String {
    match places {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} {} {last}", first.join(", "), and(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_listed_as_each_language_does() {
        let listed = |language, places: &[&str]| listed(places, Words::of(language).summary.and);
        assert_eq!(listed(Language::En, &["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(Language::Fr, &["a", "b"]), "a et b");
        for (last, expected) in
            [("b", "a y b"), ("intranet", "a e intranet"), ("hielo", "a y hielo")]
        {
            assert_eq!(listed(Language::Es, &["a", last]), expected);
        }
        let failed = |language| [1, 2].map(Words::of(language).standing.failed);
        let french = [
            "une tentative a échoué, une autre suivra",
            "2 tentatives ont échoué, une autre suivra",
        ];
        assert_eq!(failed(Language::Fr), french);
        assert_eq!(
            failed(Language::Es),
            ["falló un intento, habrá otro", "fallaron 2 intentos, habrá otro"]
        );
    }
}
