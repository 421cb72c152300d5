//! The three forms that carry a photo's bytes (`fixtures/contracts/apertur.md`, sections 1.1 and
//! 1.2): what stands around the bytes, and the unsigned headers that go with them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{About, about::UNKNOWN};
use crate::model::SessionId;

/// A form that carries a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON with the bytes as base64; the signature covers everything that is said.
    JsonBase64,
    /// A form with the picture as a file and the tags as fields.
    Multipart,
    /// The bytes alone.
    Binary,
}

impl Format {
    /// The name that Apertur gives it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonBase64 => "json_base64",
            Self::Multipart => "multipart",
            Self::Binary => "binary",
        }
    }
}

/// What stands around the bytes in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapping {
    /// The body's media type.
    pub content_type: String,
    /// What stands before the photo.
    pub before: Vec<u8>,
    /// What stands after it.
    pub after: Vec<u8>,
    /// Whether the photo stands there as base64 (RFC 4648, padded); else as it is.
    pub is_base64: bool,
}

impl Wrapping {
    /// The body around a photo that is here whole.
    #[must_use]
    pub fn around(&self, photo: &[u8]) -> Vec<u8> {
        let base64 = self.is_base64.then(|| STANDARD.encode(photo).into_bytes());
        [&self.before, base64.as_deref().unwrap_or(photo), &self.after].concat()
    }
}

impl About {
    /// What stands around the photo's bytes. What the form has no place for is left out.
    ///
    /// # Errors
    /// As [`About::event`].
    pub fn wrapping(&self, format: Format) -> serde_json::Result<Wrapping> {
        Ok(match format {
            Format::JsonBase64 => {
                let (before, after) = self.inline()?;
                let content_type = "application/json".to_owned();
                Wrapping { content_type, before, after, is_base64: true }
            }
            Format::Multipart => self.form(),
            Format::Binary => Wrapping {
                content_type: UNKNOWN.to_owned(),
                before: Vec::new(),
                after: Vec::new(),
                is_base64: false,
            },
        })
    }

    /// The headers that go with every form, without `X-Apertur-` before their names.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        [
            ("Session-Id", self.session.as_ref().map(SessionId::reveal).map(str::to_owned)),
            ("Image-Index", self.index.map(|index| index.to_string())),
            ("Image-Id", Some(self.image.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    fn form(&self) -> Wrapping {
        let boundary = format!("apertur-{}", uuid::Uuid::now_v7().simple());
        let name = quoted(self.filename.as_deref().unwrap_or("image"));
        let kind = self.media_type().unwrap_or(UNKNOWN);
        let before = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{name}\"\
             \r\nContent-Type: {kind}\r\n\r\n"
        );
        let field = |name: &str, value: &str| {
            format!(
                "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{value}",
                quoted(name)
            )
        };
        // A field named `image` is the picture.
        let tags = self.all_tags().into_iter().filter(|tag| tag.key != "image");
        let fields: String = tags.map(|tag| field(&tag.key, &tag.value)).collect();
        Wrapping {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            before: before.into_bytes(),
            after: format!("{fields}\r\n--{boundary}--\r\n").into_bytes(),
            is_base64: false,
        }
    }
}

/// A name in quotes, as browsers write it (WHATWG HTML, multipart form data).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
