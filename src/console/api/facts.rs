//! Photos and deliveries as the API shows them: a contract of its own, whatever the model's types
//! become. Sessions are shown by their marks.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::query::State;
use crate::model;

/// One photo on its way to one destination.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Delivery {
    /// Its number.
    id: i64,
    photo: Photo,
    /// The name of the destination; null while no destination wants the photo.
    destination: Option<String>,
    /// The record that it belongs to.
    #[schema(example = "odoo:res.partner:42")]
    target: Option<String>,
    /// How visible it is there; null leaves it to the destination.
    mode: Option<String>,
    #[schema(value_type = State)]
    state: &'static str,
    /// Attempts that counted.
    attempts: u32,
    /// When it is tried next, while it is due.
    due_at: Option<Timestamp>,
    /// Since when it is tried: first due, or replayed.
    since: Timestamp,
    /// Whether an earlier attempt ended without an answer: the next one looks before it sends.
    unsure: bool,
    cause: Option<Cause>,
    receipt: Option<Receipt>,
    /// When it was delivered, held or dropped.
    settled_at: Option<Timestamp>,
}

/// One image.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Photo {
    /// Its id, which names it everywhere.
    id: String,
    /// Apertur's id of the image.
    image_id: Option<String>,
    /// The mark of the session that it was uploaded in.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    session: Option<String>,
    /// Its position in the session, from 0.
    index: Option<u32>,
    /// What the guest's device called it.
    filename: Option<String>,
    #[schema(example = "image/jpeg")]
    media_type: Option<String>,
    /// Bytes.
    size: Option<u64>,
    /// SHA-256 of the bytes, once they are here.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: Option<String>,
    /// The tags of the session, `key:value` or `key`.
    tags: Vec<String>,
    /// The record that it belongs to.
    target: Option<String>,
    /// How visible it was asked to be there.
    mode: Option<String>,
    /// The topic of its event.
    topic: Option<String>,
    /// The form that it came in: `event`, `project_event`, `json_base64`, `multipart`, `binary`,
    /// `polled` or `reconciled`.
    shape: &'static str,
    /// How its request was signed: `body`, `timestamped` or `svix`; null where nobody sent it.
    scheme: Option<&'static str>,
    received_at: Timestamp,
}

/// Why something failed, and what to do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Cause {
    /// A word to filter by.
    #[schema(example = "not_found")]
    kind: &'static str,
    /// What happened.
    what: String,
    /// The other side's own words; may be empty.
    detail: String,
    /// The next step.
    fix: String,
}

/// What a destination gave for a photo.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Receipt {
    /// Names and numbers at the other side.
    ids: Vec<Named>,
    /// Where a person can see it.
    url: Option<String>,
    /// Something to know, such as a fallback that was used.
    note: Option<String>,
    /// Whether it was there before.
    found: bool,
}

/// A name or number at the other side.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Named {
    #[schema(example = "attachment")]
    name: String,
    #[schema(example = "77")]
    value: String,
}

/// One result of a check.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Finding {
    severity: Severity,
    /// What was looked at.
    subject: String,
    /// What was found.
    what: String,
    /// What to do about it; empty where all is well.
    fix: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Ok,
    Warning,
    Error,
}

impl From<&model::Delivery> for Delivery {
    fn from(it: &model::Delivery) -> Self {
        Self {
            id: it.id.0,
            photo: Photo::from(&it.photo),
            destination: it.destination.as_ref().map(ToString::to_string),
            target: it.target.as_ref().map(ToString::to_string),
            mode: it.mode.map(|mode| mode.word_at(it.target.as_ref()).to_owned()),
            state: it.state.as_str(),
            attempts: it.attempts,
            due_at: (it.state == model::DeliveryState::Due).then_some(it.due_at),
            since: it.since,
            unsure: it.unsure,
            cause: it.cause.as_ref().map(Cause::from),
            receipt: it.receipt.as_ref().map(Receipt::from),
            settled_at: it.settled_at,
        }
    }
}

impl From<&model::Photo> for Photo {
    fn from(it: &model::Photo) -> Self {
        Self {
            id: it.id.to_string(),
            image_id: it.image_id.as_ref().map(ToString::to_string),
            session: it.session.as_ref().map(model::SessionId::mark),
            index: it.index,
            filename: it.filename.clone(),
            media_type: it.media_type.clone(),
            size: it.size,
            sha256: it.sha256.map(model::Digest::to_hex),
            tags: it.tags.iter().map(model::Tag::to_text).collect(),
            target: it.target.as_ref().map(ToString::to_string),
            mode: it.mode.map(|mode| mode.word_at(it.target.as_ref()).to_owned()),
            topic: it.topic.clone(),
            shape: it.shape.as_str(),
            scheme: it.scheme.map(model::Scheme::as_str),
            received_at: it.received_at,
        }
    }
}

impl From<&model::Cause> for Cause {
    fn from(it: &model::Cause) -> Self {
        Self {
            kind: it.kind.as_str(),
            what: it.what.clone(),
            detail: it.detail.clone(),
            fix: it.fix.clone(),
        }
    }
}

impl From<&model::Receipt> for Receipt {
    fn from(it: &model::Receipt) -> Self {
        let named = |id: &model::Step| Named { name: id.name.clone(), value: id.value.clone() };
        Self {
            ids: it.ids.iter().map(named).collect(),
            url: it.url.clone(),
            note: it.note.clone(),
            found: it.found,
        }
    }
}

impl From<model::Severity> for Severity {
    fn from(it: model::Severity) -> Self {
        match it {
            model::Severity::Ok => Self::Ok,
            model::Severity::Warning => Self::Warning,
            model::Severity::Error => Self::Error,
        }
    }
}

impl From<model::Finding> for Finding {
    fn from(it: model::Finding) -> Self {
        let severity = Severity::from(it.severity);
        Self { severity, subject: it.subject, what: it.what, fix: it.fix }
    }
}
