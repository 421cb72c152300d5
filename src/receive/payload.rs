//! What a verified body says: the shapes of `fixtures/contracts/apertur.md`, section 1, made
//! one. Blocks (it reads and writes spool files); call it off the async threads.

use std::{
    borrow::Cow,
    io::{self, Read, Write},
};

use serde::Deserialize;
use serde_json::value::RawValue;
use struson::{
    reader::{JsonReader as _, JsonStreamReader, ReaderError, ValueType},
    writer::{JsonStreamWriter, JsonWriter as _},
};

use super::{base64::decode, body::Body, multipart::Form, record::Metadata};
use crate::{
    apertur::envelope,
    model::{ImageId, SessionId, Shape, Tag, printable},
    spool::{Spool, Writer},
};

/// Most text around an inline picture, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// Why a verified body is of no use. The text is for the answer: it names what is wrong and
/// quotes nothing.
#[derive(Debug)]
pub(super) enum Bad {
    /// Not one of the shapes, or contradicts itself.
    Malformed(&'static str),
    /// Not a picture, or a media type nobody announced.
    Unsupported(&'static str),
    /// The spool could not take it.
    Disk(io::Error),
}

/// The bytes of a photo, or where they are.
#[derive(Debug)]
pub(super) enum Source {
    /// In a spool file that is not kept yet.
    Inline(Writer),
    /// The same, end-to-end encrypted.
    Sealed(Writer),
    /// At Apertur, under this link if there is one.
    Link(Option<String>),
}

/// What the signature covers about one photo.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) shape: Shape,
    pub(super) topic: Option<String>,
    pub(super) image_id: Option<ImageId>,
    pub(super) session: Option<SessionId>,
    pub(super) index: Option<u32>,
    pub(super) filename: Option<String>,
    pub(super) media_type: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) tags: Vec<Tag>,
    pub(super) metadata: Metadata,
    pub(super) source: Source,
}

/// What a body says.
#[derive(Debug)]
pub(super) enum Payload {
    /// Something that carries no photo.
    Ignored {
        /// Its topic.
        topic: String,
    },
    /// One photo.
    Photo(Box<Described>),
}

/// Reads a small JSON body that carries no picture, without touching a disk; `None` when it
/// carries one.
pub(super) fn event(text: &[u8]) -> Result<Option<Payload>, Bad> {
    let wire = Wire::read(text)?;
    let inline = wire.data.is_some_and(|data| data.get().starts_with('"'));
    if inline || is_envelope(text, text).map_err(Bad::Disk)? {
        return Ok(None);
    }
    wire.event().map(Some)
}

/// Reads any JSON body: an event, a photo as base64, or an envelope and nothing else.
pub(super) fn json(body: Body, spool: &Spool) -> Result<Payload, Bad> {
    let bare = match &body {
        Body::Memory(text) => is_envelope(text, text.as_slice()),
        Body::File(file) => file.reader().and_then(|whole| is_envelope(file.head(), whole)),
    };
    if bare.map_err(Bad::Disk)? {
        return binary(body, spool);
    }
    let (text, picture) = match body {
        Body::Memory(text) => (text, None),
        Body::File(file) => lift(&file, spool)?,
    };
    let wire = Wire::read(&text)?;
    let picture = match (picture, wire.data.map(RawValue::get)) {
        (Some(picture), _) => picture,
        (None, Some(data)) if data.starts_with('"') => {
            let text: Cow<'_, str> =
                serde_json::from_str(data).map_err(|_| Bad::Malformed("`data` is not a string"))?;
            decode(text.as_bytes(), spool)?
        }
        (None, _) => return wire.event(),
    };
    let photo: WirePhoto = serde_json::from_slice(&text)
        .map_err(|_| Bad::Malformed("the text around the picture is not of a known shape"))?;
    photo.described(Shape::JsonBase64, None, Source::Inline(picture))
}

/// Takes a body that is a picture and nothing else.
pub(super) fn binary(body: Body, spool: &Spool) -> Result<Payload, Bad> {
    let writer = match body {
        Body::File(writer) => writer,
        Body::Memory(bytes) => {
            let mut writer = spool.begin().map_err(Bad::Disk)?;
            writer.write_all(&bytes).map_err(Bad::Disk)?;
            writer
        }
    };
    WirePhoto::default().described(Shape::Binary, None, Source::Inline(writer))
}

/// Puts the picture of a form, its metadata and its tags together.
pub(super) fn form(form: Form) -> Result<Payload, Bad> {
    let Form { writer, filename, metadata, tags } = form;
    let photo = WirePhoto { filename, metadata, tags: Tags(tags), ..WirePhoto::default() };
    photo.described(Shape::Multipart, None, Source::Inline(writer))
}

/// Whether a JSON body that begins like this is an envelope. Looks at the whole of it only where
/// one of the envelope's long words stands in the beginning.
fn is_envelope(head: &[u8], whole: impl Read) -> io::Result<bool> {
    const WORD: &[u8] = b"\"encrypted";
    Ok(head.windows(WORD.len()).any(|part| part == WORD) && envelope::is_one(buffered(whole))?)
}

fn buffered<R: Read>(source: R) -> io::BufReader<R> {
    io::BufReader::with_capacity(64 * 1024, source)
}

/// Splits a large JSON body into its text, with `""` in place of the picture, and the picture.
fn lift(file: &Writer, spool: &Spool) -> Result<(Vec<u8>, Option<Writer>), Bad> {
    let source = file.reader().map_err(Bad::Disk)?;
    let mut reader = JsonStreamReader::new(buffered(source));
    let mut text = JsonStreamWriter::new(Bounded(Vec::new()));
    let mut picture = None;
    let malformed = |error: ReaderError| match error {
        // Ours, not the sender's.
        ReaderError::IoError { error, .. } if error.kind() != io::ErrorKind::InvalidData => {
            Bad::Disk(error)
        }
        _ => Bad::Malformed("the body is not valid JSON"),
    };
    let too_long = |_| Bad::Malformed("the body is not valid JSON, or has over 1 MiB of text");
    reader.begin_object().map_err(malformed)?;
    text.begin_object().map_err(too_long)?;
    while reader.has_next().map_err(malformed)? {
        let name = reader.next_name_owned().map_err(malformed)?;
        text.name(&name).map_err(too_long)?;
        let is_picture = name == "data" && reader.peek().map_err(malformed)? == ValueType::String;
        if is_picture {
            if picture.is_some() {
                return Err(Bad::Malformed("`data` stands there twice"));
            }
            picture = Some(decode(reader.next_string_reader().map_err(malformed)?, spool)?);
            text.string_value("").map_err(too_long)?;
        } else {
            let copied = reader.transfer_to(&mut text);
            copied.map_err(|_| {
                Bad::Malformed("the body is not valid JSON, or has over 1 MiB of text")
            })?;
        }
    }
    reader.end_object().map_err(malformed)?;
    reader.consume_trailing_whitespace().map_err(malformed)?;
    text.end_object().map_err(too_long)?;
    let text = text.finish_document().map_err(too_long)?;
    Ok((text.0, picture))
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tells the JSON shapes apart.
#[derive(Deserialize)]
struct Wire<'a> {
    topic: Option<String>,
    event: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    project_id: Option<&'a RawValue>,
}

/// What can be said about a photo, at the top (inline) or under `data` (event). What is only
/// good to know is skipped when it has an odd type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WirePhoto {
    id: Option<Word>,
    #[serde(alias = "imageId")]
    image_id: Option<Word>,
    #[serde(alias = "recordId")]
    record_id: Option<Word>,
    #[serde(alias = "sessionId")]
    session_id: Option<Word>,
    #[serde(alias = "imageIndex", deserialize_with = "lenient")]
    image_index: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    filename: Option<String>,
    #[serde(alias = "mimeType", deserialize_with = "lenient")]
    mime_type: Option<String>,
    #[serde(alias = "sizeBytes", deserialize_with = "lenient")]
    size_bytes: Option<u64>,
    #[serde(alias = "downloadUrl", deserialize_with = "lenient")]
    download_url: Option<String>,
    tags: Tags,
    metadata: Metadata,
}

/// A string, or a number meant as one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Number(u64),
}

impl Word {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Free text of a guest's device: what does not fit is not there.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let text = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(text.get()).ok())
}

/// Tags in any of their forms: a list of `key:value`, an object, one text.
#[derive(Default)]
struct Tags(Vec<Tag>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde_json::Value;
        fn word(value: &Value) -> Option<String> {
            match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(flag) => Some(flag.to_string()),
                _ => None,
            }
        }
        let tags = match Value::deserialize(deserializer)? {
            Value::Array(tags) => {
                tags.iter().filter_map(word).map(|tag| Tag::from_text(&tag)).collect()
            }
            Value::Object(tags) => tags
                .into_iter()
                .flat_map(|(key, value)| {
                    let values = if let Value::Array(many) = value { many } else { vec![value] };
                    let tag = move |value| Tag { key: key.clone(), value };
                    values.iter().filter_map(word).map(tag).collect::<Vec<_>>()
                })
                .collect(),
            Value::String(tag) => vec![Tag::from_text(&tag)],
            _ => Vec::new(),
        };
        Ok(Self(tags))
    }
}

impl<'a> Wire<'a> {
    fn read(text: &'a [u8]) -> Result<Self, Bad> {
        serde_json::from_slice(text)
            .map_err(|_| Bad::Malformed("the body is not a JSON object of a known shape"))
    }

    fn event(self) -> Result<Payload, Bad> {
        let Some(topic) = self.topic.or(self.event).or(self.kind) else {
            return Err(Bad::Malformed("there is neither a topic nor a picture in `data`"));
        };
        let data = self.data.map(RawValue::get).filter(|data| data.starts_with('{'));
        let completed = topic.contains("upload.completed");
        if !topic.contains("image.uploaded") && !topic.contains("image.delivered") && !completed {
            return Ok(Payload::Ignored { topic });
        }
        let photo: WirePhoto = serde_json::from_str(data.unwrap_or("{}"))
            .map_err(|_| Bad::Malformed("`data` is not a description of an image"))?;
        if photo.image_id.is_none() && photo.record_id.is_none() && photo.id.is_none() {
            if completed {
                return Ok(Payload::Ignored { topic });
            }
            return Err(Bad::Malformed("`data` names no image id"));
        }
        let shape = if self.project_id.is_some() { Shape::ProjectEvent } else { Shape::Event };
        let url = photo.download_url.clone().filter(|url| !url.is_empty());
        photo.described(shape, Some(topic), Source::Link(url))
    }
}

impl WirePhoto {
    fn described(
        self,
        shape: Shape,
        topic: Option<String>,
        source: Source,
    ) -> Result<Payload, Bad> {
        let id = self.image_id.or(self.record_id).or(self.id);
        let image_id = id.map(|id| ImageId::parse(&id.text())).transpose();
        let image_id = image_id.map_err(|_| Bad::Malformed("the image id cannot be one"))?;
        if shape == Shape::JsonBase64 && image_id.is_none() {
            return Err(Bad::Malformed("there is a picture in `data` but no image_id"));
        }
        let session = self.session_id.map(|id| SessionId::parse(&id.text())).transpose();
        let session = session.map_err(|_| Bad::Malformed("the session id cannot be one"))?;
        let source = match source {
            Source::Inline(writer) => picture(writer, self.size_bytes)?,
            other => other,
        };
        Ok(Payload::Photo(Box::new(Described {
            shape,
            topic,
            image_id,
            session,
            index: self.image_index,
            filename: self.filename.map(|name| printable(&name)).filter(|name| !name.is_empty()),
            media_type: self.mime_type.map(|name| printable(&name)),
            size: self.size_bytes,
            metadata: self.metadata,
            tags: self.tags.0,
            source,
        })))
    }
}

/// A picture, or an envelope, whose claimed size may be that of the picture in it
/// (`fixtures/contracts/open-questions.md`, C10).
fn picture(writer: Writer, claimed: Option<u64>) -> Result<Source, Bad> {
    if writer.media_type().is_none() {
        let is_sealed = envelope::may_begin(writer.head()) == Some(true)
            && writer.reader().and_then(|r| envelope::is_one(buffered(r))).map_err(Bad::Disk)?;
        return if is_sealed {
            Ok(Source::Sealed(writer))
        } else {
            Err(Bad::Unsupported("the bytes do not begin a picture of a known type"))
        };
    }
    if claimed.is_some_and(|claimed| claimed != writer.size()) {
        return Err(Bad::Malformed("the picture does not have size_bytes bytes"));
    }
    Ok(Source::Inline(writer))
}
