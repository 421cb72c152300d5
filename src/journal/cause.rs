//! Why deliveries are held, where it is the journal that holds them. Pure.

use crate::model::{Cause, DestinationName, ErrorKind, Tag, Target, correction};

/// Why a delivery without destination is held whose photo belongs to this record, or has these
/// tags and belongs to none.
#[must_use]
pub fn unrouted(target: Option<&Target>, tags: &[Tag]) -> Cause {
    if let Some(cause) = misnamed(target, tags) {
        return cause;
    }
    let (what, fix) = match target {
        Some(Target::Ticket { ticket, .. }) => (
            format!("the photo names ticket {ticket} but not which help desk it is in"),
            "a bare number is enough while one type of help desk is configured; else write it on \
             the session as metadata.zendesk.ticket_id or as a tag like zendesk:17; then \
             `apertur-bridge deliveries replay`",
        ),
        _ => (
            "no destination wants this photo".to_owned(),
            "add a destination or a [[route]] that matches it, then \
             `apertur-bridge deliveries replay`; or give it up with \
             `apertur-bridge deliveries drop`",
        ),
    };
    Cause::new(ErrorKind::Unrouted, what, fix)
}

/// What is wrong with the first of these tags that was to name a record, where the photo belongs
/// to none.
#[must_use]
pub fn misnamed(target: Option<&Target>, tags: &[Tag]) -> Option<Cause> {
    let mut tags = tags.iter().map(Tag::to_text).filter(|_| target.is_none());
    tags.find_map(|tag| correction(&tag).map(|way| malformed(&tag, way)))
}

/// Why a photo is held that was to go to this destination, whose record its session is for, and
/// does not: it is not configured, or the rules name another one of its type.
#[must_use]
pub fn missed(destination: &DestinationName, target: Option<&Target>) -> Cause {
    let record = target.map_or_else(|| "a record".to_owned(), ToString::to_string);
    Cause::new(
        ErrorKind::Unrouted,
        format!("its session is for {record} of `{destination}`, and no photo of it goes there"),
        format!(
            "configure {destination} again, under that name and for the same system, or name it \
             in the [[route]] that matches; then `apertur-bridge deliveries replay`. No other \
             destination gets the photo: its {record} is another record"
        ),
    )
}

/// A tag is free text of whoever made the session.
fn malformed(tag: &str, way: &str) -> Cause {
    let tag: String = tag.chars().take(MAX_TAG).collect();
    let fix = format!(
        "write {way}, on the session and have the photo sent again; or add a [[route]] that \
         matches it, then `apertur-bridge deliveries replay`"
    );
    Cause::new(ErrorKind::Unrouted, format!("the tag {tag:?} names no record"), fix)
}

/// Longest tag that a cause repeats, in characters.
const MAX_TAG: usize = 80;

/// Why a delivery is held whose destination is gone from the configuration.
pub(super) fn stray(destination: &str) -> Cause {
    Cause::new(
        ErrorKind::Unrouted,
        format!("its destination `{destination}` is not configured any more"),
        format!(
            "configure {destination} again and replay the delivery, or replay it as it is: it \
             then goes where the routes say now"
        ),
    )
}

/// Why a delivery is held whose photo came and went.
pub(super) fn bytes_gone() -> Cause {
    Cause::new(
        ErrorKind::Local,
        "its bytes were removed by retention",
        "have the photo sent again with its bytes, or take it again",
    )
}
