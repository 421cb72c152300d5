//! What is told about a photo, and how it is written in JSON
//! (`fixtures/contracts/apertur.md`, sections 1.2 to 1.4).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::model::{ImageId, Mode, SessionId, Tag, Target};

/// Topic of an event unless another is asked for.
const EVENT: &str = "image.delivered";
/// Topic of a project event unless another is asked for.
const PROJECT_EVENT: &str = "project.upload.image.uploaded";

/// What is told about a photo.
#[derive(Debug, Clone)]
pub(in crate::cli) struct About {
    pub(in crate::cli) image: ImageId,
    pub(in crate::cli) session: Option<SessionId>,
    pub(in crate::cli) index: Option<u32>,
    pub(in crate::cli) filename: Option<String>,
    pub(in crate::cli) tags: Vec<Tag>,
    pub(in crate::cli) target: Option<Target>,
    pub(in crate::cli) mode: Option<Mode>,
    pub(in crate::cli) topic: Option<String>,
    pub(in crate::cli) download_url: Option<String>,
    /// The photo itself; an event only tells its size and type.
    pub(in crate::cli) picture: Option<Vec<u8>>,
}

impl About {
    /// A photo with an id and nothing else.
    pub(in crate::cli) fn new(image: ImageId) -> Self {
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

    pub(super) fn bytes(&self) -> &[u8] {
        self.picture.as_deref().unwrap_or_default()
    }

    /// By the first bytes; `None` without a picture.
    pub(super) fn media_type(&self) -> Option<&'static str> {
        let bytes = self.picture.as_ref()?;
        Some(infer::get(bytes).map_or("application/octet-stream", |kind| kind.mime_type()))
    }

    /// The tags, the one of the target among them.
    pub(super) fn all_tags(&self) -> Vec<Tag> {
        let target = self.target.as_ref().map(|target| Tag::from_text(&target.to_string()));
        self.tags.iter().cloned().chain(target).collect()
    }

    fn metadata(&self) -> Option<Metadata<'_>> {
        let mode = self.mode.map(Mode::as_str);
        let desk = |workspace_id, ticket_id| {
            // Help desks have words of their own for the same modes.
            let mode = self.mode.map(Mode::desk_word);
            DeskMetadata { ticket_id, workspace_id, mode }
        };
        Some(match self.target.as_ref() {
            Some(Target::Odoo { model, id }) => {
                Metadata::Odoo(OdooMetadata { model: Some(model), res_id: Some(*id), mode })
            }
            Some(Target::Freshservice { workspace, ticket }) => {
                Metadata::Freshservice(desk(*workspace, *ticket))
            }
            Some(Target::Freshdesk { ticket }) => Metadata::Freshdesk(desk(None, *ticket)),
            Some(Target::Zendesk { ticket }) => Metadata::Zendesk(desk(None, *ticket)),
            Some(Target::Ticket { workspace, ticket }) => Metadata::Bare(desk(*workspace, *ticket)),
            None => {
                mode?;
                Metadata::Odoo(OdooMetadata { model: None, res_id: None, mode })
            }
        })
    }

    /// `{topic, data}`.
    pub(super) fn event(&self) -> serde_json::Result<Vec<u8>> {
        let topic = self.topic.as_deref().unwrap_or(EVENT);
        serde_json::to_vec(&Event { topic, data: self.data() })
    }

    /// `{event, project_id, data, timestamp}`.
    pub(super) fn project_event(&self, now: Timestamp) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&ProjectEvent {
            event: self.topic.as_deref().unwrap_or(PROJECT_EVENT),
            project_id: "proj_demo",
            data: self.data(),
            timestamp: format!("{now:.0}"),
        })
    }

    /// The photo as base64 and everything about it.
    pub(super) fn inline(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.wire())
    }

    fn data(&self) -> Data<'_> {
        Data {
            id: self.image.as_str(),
            session_id: self.session.as_ref().map(SessionId::reveal),
            image_index: self.index,
            filename: self.filename.as_deref(),
            size_bytes: self.picture.as_ref().map(Vec::len),
            mime_type: self.media_type(),
            download_url: self.download_url.as_deref(),
            tags: self.all_tags().iter().map(Tag::to_text).collect(),
            metadata: self.metadata(),
        }
    }

    fn wire(&self) -> Inline<'_> {
        Inline {
            session_id: self.session.as_ref().map(SessionId::reveal),
            image_id: self.image.as_str(),
            image_index: self.index,
            mime_type: self.media_type(),
            filename: self.filename.as_deref(),
            size_bytes: self.bytes().len(),
            data: STANDARD.encode(self.bytes()),
            tags: Tags(self.all_tags()),
            metadata: self.metadata(),
        }
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
    size_bytes: Option<usize>,
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
struct Inline<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    image_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_index: Option<u32>,
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    size_bytes: usize,
    data: String,
    tags: Tags,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

/// What is said about the record, under the name of its system.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Metadata<'a> {
    Odoo(OdooMetadata<'a>),
    Freshservice(DeskMetadata),
    Freshdesk(DeskMetadata),
    Zendesk(DeskMetadata),
    /// Of a help desk that is not named: beside the systems.
    #[serde(untagged)]
    Bare(DeskMetadata),
}

/// A ticket, in the first form of `fixtures/contracts/open-questions.md`, D1.
#[derive(Serialize)]
struct DeskMetadata {
    ticket_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
}

#[derive(Serialize)]
struct OdooMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    res_id: Option<u64>,
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
