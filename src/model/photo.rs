//! One photo, and how it came.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ImageId, Mode, PhotoId, SessionId, Target};

/// A SHA-256 digest of a photo's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// 64 lower-case hex digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 hex digits; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hex"))
    }
}

/// A session tag, split at its first colon (`vip:gold` is `vip` and `gold`); a tag without a
/// colon has an empty value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// What stands before the first colon.
    pub key: String,
    /// What stands after it.
    pub value: String,
}

impl Tag {
    /// Splits a tag as Apertur writes it in a list.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (key, value) = text.split_once(':').unwrap_or((text, ""));
        Self { key: key.to_owned(), value: value.to_owned() }
    }

    /// The tag as one text, `key:value` or just `key`.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.value.is_empty() {
            self.key.clone()
        } else {
            format!("{}:{}", self.key, self.value)
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// The word used in the journal, in logs and in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads that word; `None` for any other.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(
    /// How a request was signed (`fixtures/contracts/apertur.md`, section 1.5).
    Scheme {
        /// HMAC over the body.
        Body = "body",
        /// HMAC over timestamp and body.
        Timestamped = "timestamped",
        /// Svix: HMAC over id, timestamp and body.
        Svix = "svix",
    }
);

words!(
    /// The form an event came in (`fixtures/contracts/apertur.md`, section 1).
    Shape {
        /// `{topic, data}` with a link.
        Event = "event",
        /// `{event, project_id, data, timestamp}`.
        ProjectEvent = "project_event",
        /// JSON that carries the bytes as base64.
        JsonBase64 = "json_base64",
        /// A form with the picture as a file.
        Multipart = "multipart",
        /// The bytes alone.
        Binary = "binary",
        /// A row of what waits to be polled.
        Polled = "polled",
        /// A row of a session's delivery status, of a photo that never came.
        Reconciled = "reconciled",
    }
);

words!(
    /// Where a photo's bytes are.
    FetchState {
        /// Announced; the collector has to get them.
        Wanted = "wanted",
        /// In the spool.
        Stored = "stored",
        /// Not to be had without a person (link gone, refused, too large, encrypted).
        Held = "held",
        /// Were in the spool; retention removed them after every delivery ended.
        Expired = "expired",
    }
);

/// One image, as the journal knows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Photo {
    /// The key of everything.
    pub id: PhotoId,
    /// Apertur's image id: signed, or only hinted at by an unsigned header when
    /// `id` is made from the bytes.
    pub image_id: Option<ImageId>,
    /// The upload session, signed or hinted at alike; written out as its fingerprint, because
    /// the id works like a password.
    #[serde(serialize_with = "fingerprint")]
    pub session: Option<SessionId>,
    /// Position in the session, from 0.
    pub index: Option<u32>,
    /// The name the guest's device gave; not to be trusted.
    pub filename: Option<String>,
    /// The media type: claimed while announced, read from the bytes once they are here.
    pub media_type: Option<String>,
    /// Bytes: claimed while announced, counted once they are here.
    pub size: Option<u64>,
    /// SHA-256 of the bytes once they are here.
    pub sha256: Option<Digest>,
    /// The session's tags.
    pub tags: Vec<Tag>,
    /// The record it belongs to, if any was named.
    pub target: Option<Target>,
    /// The mode that was asked for, if any.
    pub mode: Option<Mode>,
    /// The topic of the event, for routes and for the story.
    pub topic: Option<String>,
    /// The form it came in.
    pub shape: Shape,
    /// How it was signed; `None` where nobody sent it: we asked the API with our key.
    pub scheme: Option<Scheme>,
    /// When it was accepted.
    pub received_at: Timestamp,
}

#[expect(clippy::ref_option, reason = "serde gives the field as it is")]
fn fingerprint<S: serde::Serializer>(
    session: &Option<SessionId>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    session.as_ref().map(ToString::to_string).serialize(serializer)
}
