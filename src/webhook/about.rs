//! What is told about a photo, and how it is written in JSON
//! (`fixtures/contracts/apertur.md`, sections 1.2 to 1.4).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::model::{ImageId, Mode, SessionId, Tag, Target};

/// Topic of an event unless another is asked for.
const EVENT: &str = "image.delivered";
/// Topic of a project event unless another is asked for.
const PROJECT_EVENT: &str = "project.upload.image.uploaded";
/// Topic of an event that is about nothing.
const PING: &str = "apertur-bridge.ping";

/// What is told about a photo.
#[derive(Debug, Clone)]
pub struct About {
    /// Its id.
    pub image: ImageId,
    /// The upload session.
    pub session: Option<SessionId>,
    /// Its place in the session, from 0.
    pub index: Option<u32>,
    /// The name that the guest's device gave.
    pub filename: Option<String>,
    /// The session's tags.
    pub tags: Vec<Tag>,
    /// The record it belongs to.
    pub target: Option<Target>,
    /// How visible it is there.
    pub mode: Option<Mode>,
    /// The topic of an event; the usual one where none is given.
    pub topic: Option<String>,
    /// Where an event's photo is fetched.
    pub download_url: Option<String>,
    /// What is known of the bytes; an event need not know any.
    pub picture: Option<Picture>,
}

/// What is told about a photo's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// `image/jpeg`; `application/octet-stream` where nobody knows.
    pub media_type: String,
    /// Their number.
    pub size: u64,
}

impl Picture {
    /// As the first of these bytes say.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let known = infer::get(bytes).map_or(UNKNOWN, |kind| kind.mime_type());
        Self { media_type: known.to_owned(), size: bytes.len() as u64 }
    }
}

/// The media type of what nobody knows.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// The body of an event that carries and names no photo: whoever takes Apertur's events answers
/// 2xx and does nothing (`fixtures/contracts/apertur.md`, section 1.3).
#[must_use]
pub fn ping() -> Vec<u8> {
    serde_json::json!({ "topic": PING, "data": {} }).to_string().into_bytes()
}

impl About {
    /// A photo with an id and nothing else.
    #[must_use]
    pub fn new(image: ImageId) -> Self {
        Self {
            image,
            session: None,
            index: None,
            filename: None,
            tags: Vec::new(),
            target: None,
            mode: None,
            topic: None,
            download_url: None,
            picture: None,
        }
    }

    /// The media type; `None` without a picture.
    pub(super) fn media_type(&self) -> Option<&str> {
        Some(self.picture.as_ref()?.media_type.as_str())
    }

    fn size(&self) -> Option<u64> {
        Some(self.picture.as_ref()?.size)
    }

    /// The tags, the one that names the target among them.
    pub(super) fn all_tags(&self) -> Vec<Tag> {
        let target = self.target.as_ref().map(|target| Tag::from_text(&target.to_string()));
        let target = target.filter(|tag| !self.tags.contains(tag));
        self.tags.iter().cloned().chain(target).collect()
    }

    fn metadata(&self) -> Option<Metadata<'_>> {
        metadata(self.target.as_ref(), self.mode)
    }

    /// The body of an event: `{topic, data}`.
    ///
    /// # Errors
    /// Never in practice; `serde_json`'s.
    pub fn event(&self) -> serde_json::Result<Vec<u8>> {
        let topic = self.topic.as_deref().unwrap_or(EVENT);
        serde_json::to_vec(&Event { topic, data: self.data() })
    }

    /// The body of a project event: `{event, project_id, data, timestamp}`.
    ///
    /// # Errors
    /// As [`About::event`].
    pub fn project_event(&self, now: Timestamp) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&ProjectEvent {
            event: self.topic.as_deref().unwrap_or(PROJECT_EVENT),
            project_id: "proj_demo",
            data: self.data(),
            timestamp: format!("{now:.0}"),
        })
    }

    /// What stands before and after the base64 of a body that carries the photo.
    pub(super) fn inline(&self) -> serde_json::Result<(Vec<u8>, Vec<u8>)> {
        let mut before = serde_json::to_vec(&Head {
            session_id: self.session.as_ref().map(SessionId::reveal),
            image_id: self.image.as_str(),
            image_index: self.index,
            mime_type: self.media_type(),
            filename: self.filename.as_deref(),
            size_bytes: self.size().unwrap_or_default(),
        })?;
        let tail = Tail { tags: Tags(self.all_tags()), metadata: self.metadata() };
        let mut after = b"\",".to_vec();
        // Two objects made one, the photo between their members.
        before.pop();
        before.extend_from_slice(b",\"data\":\"");
        after.extend(serde_json::to_vec(&tail)?.into_iter().skip(1));
        Ok((before, after))
    }

    fn data(&self) -> Data<'_> {
        Data {
            id: self.image.as_str(),
            session_id: self.session.as_ref().map(SessionId::reveal),
            image_index: self.index,
            filename: self.filename.as_deref(),
            size_bytes: self.size(),
            mime_type: self.media_type(),
            download_url: self.download_url.as_deref(),
            tags: self.all_tags().iter().map(Tag::to_text).collect(),
            metadata: self.metadata(),
        }
    }
}

/// The record where receivers look first, for the `metadata` of a session that is made for it
/// (`fixtures/contracts/open-questions.md`, D1).
///
/// # Errors
/// As [`About::event`].
pub fn metadata_of(target: &Target, mode: Option<Mode>) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(metadata(Some(target), mode))
}

fn metadata(target: Option<&Target>, mode: Option<Mode>) -> Option<Metadata<'_>> {
    let word = mode.map(Mode::as_str);
    let of = |system, record| Some(Metadata::Of(BTreeMap::from([(system, record)])));
    let ticket = |workspace_id, ticket: &u64| {
        // Help desks have words of their own for the same modes.
        let mode = mode.map(Mode::desk_word);
        Record { workspace_id, ticket_id: Some(*ticket), mode, ..Record::default() }
    };
    match target {
        Some(Target::Odoo { model, id }) => {
            let (model, res_id) = (Some(model.as_str()), Some(*id));
            of("odoo", Record { model, res_id, mode: word, ..Record::default() })
        }
        Some(Target::Freshdesk { ticket: id }) => of("freshdesk", ticket(None, id)),
        Some(Target::Freshservice { workspace, ticket: id }) => {
            of("freshservice", ticket(*workspace, id))
        }
        Some(Target::Zendesk { ticket: id }) => of("zendesk", ticket(None, id)),
        Some(Target::Ticket { workspace, ticket: id }) => {
            Some(Metadata::Bare(ticket(*workspace, id)))
        }
        None if word.is_some() => of("odoo", Record { mode: word, ..Record::default() }),
        None => None,
    }
}

#[derive(Serialize)]
struct Event<'a> {
    topic: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct ProjectEvent<'a> {
    event: &'a str,
    project_id: &'static str,
    data: Data<'a>,
    timestamp: String,
}

#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    image_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_index: Option<u32>,
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    size_bytes: u64,
}

#[derive(Serialize)]
struct Tail<'a> {
    tags: Tags,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Metadata<'a> {
    /// A record by the name of its system.
    Of(BTreeMap<&'static str, Record<'a>>),
    /// A ticket of nobody knows which help desk.
    Bare(Record<'a>),
}

#[derive(Default, Serialize)]
struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    res_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
}

/// An object, as documented; a list where an object would lose a tag.
struct Tags(Vec<Tag>);

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_twice = |tag: &Tag| self.0.iter().filter(|other| other.key == tag.key).count() > 1;
        if self.0.iter().any(is_twice) {
            return serializer.collect_seq(self.0.iter().map(Tag::to_text));
        }
        serializer.collect_map(self.0.iter().map(|tag| (&tag.key, &tag.value)))
    }
}
