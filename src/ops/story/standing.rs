//! Where a delivery stands, in words.

use jiff::Timestamp;
use serde::Serialize;

use super::next::{self, Next, Remedy};
use crate::{
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

pub(super) fn of(story: &Story, delivery: &Delivery, pauses: &[Pause], now: Timestamp) -> Standing {
    let pause = pause(delivery, pauses);
    let why = match delivery.state {
        DeliveryState::Delivered => None,
        _ => pause.map(|pause| &pause.cause).or(delivery.cause.as_ref()),
    };
    Standing {
        words: words(story, delivery),
        why: why.cloned(),
        next: next::of_delivery(story, delivery, pause, now),
        remedy: next::remedy(delivery, pause, story.fetch_state, now),
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

fn words(story: &Story, delivery: &Delivery) -> String {
    match delivery.state {
        DeliveryState::Waiting => "waits for the photo's bytes".to_owned(),
        DeliveryState::Due if delivery.unsure && delivery.receipt.is_some() => {
            "was delivered and is looked for again".to_owned()
        }
        DeliveryState::Due if delivery.unsure => {
            "may be there: an attempt ended without an answer".to_owned()
        }
        DeliveryState::Due if delivery.attempts == 1 => "failed once, comes again".to_owned(),
        DeliveryState::Due if delivery.attempts > 1 => {
            format!("failed {} times, comes again", delivery.attempts)
        }
        DeliveryState::Due => "to be sent".to_owned(),
        DeliveryState::Sending => "on its way".to_owned(),
        DeliveryState::Delivered => delivered(delivery),
        DeliveryState::Held => held(story, delivery),
        DeliveryState::Dropped => "given up by a person".to_owned(),
    }
}

fn delivered(delivery: &Delivery) -> String {
    let receipt = delivery.receipt.as_ref();
    match (left_to(delivery), receipt) {
        (Some(other), _) => format!("left to photo {other}, which has the same bytes"),
        (None, Some(receipt)) if receipt.found => {
            "it was there already, nothing was sent again".to_owned()
        }
        (None, Some(receipt)) if receipt.note.is_some() => "with a remark".to_owned(),
        _ => "delivered".to_owned(),
    }
}

fn held(story: &Story, delivery: &Delivery) -> String {
    let kind = delivery.cause.as_ref().map(|cause| cause.kind);
    let ours = |attempt: &&crate::model::Attempt| attempt.delivery == Some(delivery.id);
    let last = story.attempts.iter().rfind(ours).map(|attempt| attempt.outcome);
    let is_refused = last == Some(AttemptOutcome::Refused);
    let held = match (kind, story.fetch_state) {
        (Some(ErrorKind::Operator), _) => "by a person",
        (Some(ErrorKind::Unrouted), _) if delivery.destination.is_none() => {
            "no destination takes it as it stands"
        }
        (Some(ErrorKind::Unrouted), _) => "its destination does not take it as it stands",
        (Some(ErrorKind::Encrypted), _) => "it is encrypted end to end, and no key fits",
        (_, FetchState::Expired) => "its bytes are gone",
        (_, FetchState::Held) => "its bytes could not be had",
        (Some(ErrorKind::GaveUp), _) => "it was tried for as long as the configuration says",
        _ if is_refused => "it was refused",
        _ => "only a person can help",
    };
    held.to_owned()
}

/// Where a photo stands over all its deliveries, in one line: `delivered to archive and erp,
/// held for desk`.
#[must_use]
pub fn summary(deliveries: &[Delivery], pauses: &[Pause]) -> String {
    let mut parts: Vec<(&str, Vec<&str>)> = Vec::new();
    for delivery in deliveries {
        let place = delivery.destination.as_ref().map_or("nobody", |name| name.as_str());
        let how = match delivery.state {
            DeliveryState::Waiting => "waiting for its bytes for",
            DeliveryState::Due if pause(delivery, pauses).is_some() => "waiting for the paused",
            DeliveryState::Due => "due for",
            DeliveryState::Sending => "on its way to",
            DeliveryState::Delivered => "delivered to",
            DeliveryState::Held if delivery.destination.is_none() => "held, wanted by",
            DeliveryState::Held => "held for",
            DeliveryState::Dropped => "given up for",
        };
        match parts.iter_mut().find(|(known, _)| *known == how) {
            Some((_, places)) => places.push(place),
            None => parts.push((how, vec![place])),
        }
    }
    let parts = parts.into_iter().map(|(how, places)| format!("{how} {}", listed(&places)));
    parts.collect::<Vec<_>>().join(", ")
}

/// `a`, `a and b`, `a, b and c`.
fn listed(places: &[&str]) -> String {
    match places {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
