//! The destinations of a project and what each gets of a photo (sections 1.2, 1.3, 4.3).

use serde_json::{Value, json};

use super::{KEY_DESTINATION, Photo, Request, Signer, WEBHOOK_DESTINATION};

/// How a destination is told of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    JsonBase64,
    Multipart,
    Binary,
    /// A destination of type `odoo`: an event for each of these topics.
    Events(&'static [&'static str]),
}

impl Format {
    /// Both topics of one photo, as a project may have them.
    pub(crate) const BOTH_TOPICS: Format =
        Format::Events(&["project.upload.image.uploaded", "image.delivered"]);

    pub(crate) const ALL: [Format; 4] =
        [Format::JsonBase64, Format::Multipart, Format::Binary, Format::BOTH_TOPICS];
}

/// Whoever posts requests, and how they are signed.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub id: String,
    pub name: String,
    /// Where it posts to; `None` for storage, where photos are at once.
    pub url: Option<String>,
    pub format: Format,
    /// `Aptr` or `Apertur`, of the headers with ids.
    pub spelling: &'static str,
    pub signer: Signer,
}

impl Place {
    pub(crate) fn new(id: &str, name: &str) -> Place {
        Place {
            id: id.to_owned(),
            name: name.to_owned(),
            url: None,
            format: Format::JsonBase64,
            spelling: "Aptr",
            signer: Signer::default(),
        }
    }

    /// The ones that every fake has.
    pub(super) fn defaults() -> Vec<Place> {
        vec![Place::new(WEBHOOK_DESTINATION, "Bridge"), Place::new(KEY_DESTINATION, "Archive")]
    }

    fn kind(&self) -> &'static str {
        match self.format {
            _ if self.id == KEY_DESTINATION => "s3",
            Format::Events(_) => "odoo",
            _ => "webhook",
        }
    }

    /// The destination as the API shows it.
    pub(super) fn shown(&self) -> Value {
        let format = match self.format {
            Format::JsonBase64 => "json_base64",
            Format::Multipart => "multipart",
            Format::Binary => "binary",
            Format::Events(_) => "events",
        };
        let config =
            self.url.as_ref().map_or(json!({}), |url| json!({"url": url, "format": format}));
        json!({"id": self.id, "type": self.kind(), "name": self.name, "config": config,
            "isActive": true})
    }

    /// Every request that tells of a photo, unsigned; the bytes are behind the link.
    pub(super) fn requests(&self, photo: &Photo, link: &str) -> Vec<Request> {
        let with_ids = |request: Request| {
            let named = ["Session-Id", "Image-Id", "Image-Index"];
            let bare =
                named.iter().fold(request, |bare, name| bare.without(&format!("X-Aptr-{name}")));
            photo.with_ids(bare.without("X-APTR-Delivery-ID"), self.spelling)
        };
        match self.format {
            Format::JsonBase64 => vec![with_ids(photo.json_base64())],
            Format::Multipart => vec![with_ids(photo.multipart())],
            Format::Binary => vec![with_ids(photo.binary())],
            Format::Events(topics) => {
                topics.iter().map(|topic| photo.event(topic, Some(link))).collect()
            }
        }
    }
}
