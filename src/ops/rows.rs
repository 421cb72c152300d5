//! Deliveries and photos as flat rows, for spreadsheets and scripts.
//!
//! What comes from strangers (names of files, tags, the words of other systems) is guarded: no
//! spreadsheet takes a cell for a formula.

use jiff::Timestamp;
use serde::Serialize;

use super::save::{Outcome, Saved};
use crate::model::{
    Delivery, DeliveryId, DeliveryState, DestinationName, ErrorKind, Mode, Photo, Receipt, Shape,
    Step, Tag,
};

/// One delivery; the fields are the columns, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// Its number.
    pub id: DeliveryId,
    /// Its state.
    pub state: DeliveryState,
    /// Where it goes; empty while no destination wants the photo.
    pub destination: Option<DestinationName>,
    /// The record.
    pub target: Option<String>,
    /// The mode that was asked for.
    pub mode: Option<Mode>,
    /// Attempts that counted.
    pub attempts: u32,
    /// When it is tried next, while it is `due`.
    pub due_at: Option<Timestamp>,
    /// When it was delivered, held or dropped.
    pub settled_at: Option<Timestamp>,
    /// The kind of the last error.
    pub error: Option<ErrorKind>,
    /// Why it failed last, or is held.
    pub why: Option<String>,
    /// What the other side said.
    pub said: Option<String>,
    /// What a person can do.
    pub fix: Option<String>,
    /// What the destination gave: names and numbers there.
    pub receipt: Option<String>,
    /// Whether it was there already.
    pub found: Option<bool>,
    /// What was odd about it.
    pub note: Option<String>,
    /// Where a person can see it.
    pub url: Option<String>,
    /// The photo's id.
    pub photo: String,
    /// Apertur's image id.
    pub image: Option<String>,
    /// When it was received.
    pub received_at: Timestamp,
    /// How it came.
    pub shape: Shape,
    /// The session's fingerprint.
    pub session: Option<String>,
    /// The position in the session, from 0.
    pub index: Option<u32>,
    /// The tags, parted by `, `.
    pub tags: String,
    /// The name that the guest's device gave.
    pub filename: Option<String>,
    /// The media type.
    pub media_type: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// SHA-256 of the bytes.
    pub sha256: Option<String>,
}

impl From<&Delivery> for DeliveryRow {
    fn from(delivery: &Delivery) -> Self {
        let (photo, cause) = (&delivery.photo, delivery.cause.as_ref());
        let receipt = delivery.receipt.as_ref();
        let is_due = delivery.state == DeliveryState::Due;
        Self {
            id: delivery.id,
            state: delivery.state,
            destination: delivery.destination.clone(),
            target: text(delivery.target.as_ref()),
            mode: delivery.mode,
            attempts: delivery.attempts,
            due_at: is_due.then_some(delivery.due_at),
            settled_at: delivery.settled_at,
            error: cause.map(|cause| cause.kind),
            why: cause.map(|cause| guarded(&cause.what)),
            said: cause.map(|cause| guarded(&cause.detail)),
            fix: cause.map(|cause| guarded(&cause.fix)),
            receipt: receipt.map(ids),
            found: receipt.map(|receipt| receipt.found),
            note: text(receipt.and_then(|receipt| receipt.note.as_ref())),
            url: text(receipt.and_then(|receipt| receipt.url.as_ref())),
            photo: guarded(photo.id.as_str()),
            image: text(photo.image_id.as_ref()),
            received_at: photo.received_at,
            shape: photo.shape,
            session: text(photo.session.as_ref()),
            index: photo.index,
            tags: tags(photo),
            filename: text(photo.filename.as_ref()),
            media_type: text(photo.media_type.as_ref()),
            size: photo.size,
            sha256: text(photo.sha256.as_ref()),
        }
    }
}

/// One photo of an export; the fields are the columns, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SavedRow {
    /// The file, relative to the folder.
    pub file: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why there is no file.
    pub why: Option<String>,
    /// The photo's id.
    pub photo: String,
    /// Apertur's image id.
    pub image: Option<String>,
    /// When it was received.
    pub received_at: Timestamp,
    /// The session's fingerprint.
    pub session: Option<String>,
    /// The position in the session, from 0.
    pub index: Option<u32>,
    /// The tags, parted by `, `.
    pub tags: String,
    /// The record that it belongs to.
    pub target: Option<String>,
    /// The mode that was asked for.
    pub mode: Option<Mode>,
    /// The name that the guest's device gave.
    pub filename: Option<String>,
    /// The media type.
    pub media_type: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// SHA-256 of the bytes.
    pub sha256: Option<String>,
    /// Where the photo stands, over all its deliveries.
    pub summary: String,
}

impl From<&Saved> for SavedRow {
    fn from(saved: &Saved) -> Self {
        let photo = &saved.photo;
        Self {
            file: text(saved.file.as_ref()),
            outcome: saved.outcome,
            why: text(saved.why.as_ref()),
            photo: guarded(photo.id.as_str()),
            image: text(photo.image_id.as_ref()),
            received_at: photo.received_at,
            session: text(photo.session.as_ref()),
            index: photo.index,
            tags: tags(photo),
            target: text(photo.target.as_ref()),
            mode: photo.mode,
            filename: text(photo.filename.as_ref()),
            media_type: text(photo.media_type.as_ref()),
            size: photo.size,
            sha256: text(photo.sha256.as_ref()),
            summary: guarded(&saved.summary),
        }
    }
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(|value| guarded(&value.to_string()))
}

fn tags(photo: &Photo) -> String {
    guarded(&photo.tags.iter().map(Tag::to_text).collect::<Vec<_>>().join(", "))
}

fn ids(receipt: &Receipt) -> String {
    let id = |step: &Step| format!("{} {}", step.name, step.value);
    guarded(&receipt.ids.iter().map(id).collect::<Vec<_>>().join(", "))
}

/// A text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe in
/// front (OWASP, "CSV Injection"); what would steer a terminal is a space.
fn guarded(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    if text.trim_start().starts_with(begins) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " \r=cmd|' /C calc'!A0", "＝1"] {
            assert!(guarded(text).starts_with('\''), "{text:?}");
            assert!(!guarded(text).contains(char::is_control), "{text:?}");
        }
        assert_eq!(guarded("IMG-1.jpg, a=b"), "IMG-1.jpg, a=b");
    }
}
