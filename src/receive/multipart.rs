//! The multipart shape: the file field `image`, the field `metadata` where it holds some, and
//! every other field a tag
//! (`fixtures/contracts/apertur.md`, section 1.2; `open-questions.md`, A15).

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use multer::{Field, Multipart, parse_boundary};
use tokio_util::io::ReaderStream;

use super::{body::Body, payload::Bad, record::Metadata};
use crate::{
    model::Tag,
    spool::{Spool, Writer, blocking},
};

/// Most text fields, and most bytes in one.
const MAX_FIELDS: usize = 200;
const MAX_TEXT: usize = 64 * 1024;

/// The picture of a form with its name, the metadata and the tags.
pub(super) struct Form {
    pub(super) writer: Writer,
    pub(super) filename: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) tags: Vec<Tag>,
}

/// How sure it is that a part is the picture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    OtherFile,
    File,
    Image,
}

struct Picture {
    rank: Rank,
    writer: Writer,
    filename: Option<String>,
}

/// Reads a form.
pub(super) async fn read(body: Body, content_type: &str, spool: &Spool) -> Result<Form, Bad> {
    let boundary = parse_boundary(content_type)
        .map_err(|_| Bad::Malformed("the multipart content type names no boundary"))?;
    // Holds a large body's file until the form is read.
    let (stream, held) = open(body).await.map_err(Bad::Disk)?;
    let mut form = Multipart::new(stream, boundary);
    let mut picture: Option<Picture> = None;
    let (mut metadata, mut tags) = (Metadata::default(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let rank = match (name.as_str(), field.file_name().is_some()) {
            ("image", _) => Rank::Image,
            ("file", true) => Rank::File,
            (_, true) => Rank::OtherFile,
            (_, false) => {
                let value = text(field).await?;
                match Metadata::parse(&value).filter(|_| name == "metadata") {
                    Some(read) => metadata = read,
                    None => tags.push(Tag { key: name, value }),
                }
                if tags.len() > MAX_FIELDS {
                    return Err(Bad::Malformed("the form has over 200 fields"));
                }
                continue;
            }
        };
        match picture.as_ref().map(|known| known.rank) {
            Some(known) if known == rank => {
                return Err(Bad::Malformed("the form has several pictures; send one per request"));
            }
            Some(known) if known > rank => {}
            _ => picture = Some(store(field, rank, spool).await?),
        }
    }
    drop(held);
    let picture = picture.ok_or(Bad::Malformed("the form has no file field `image`"))?;
    Ok(Form { writer: picture.writer, filename: picture.filename, metadata, tags })
}

fn broken(error: multer::Error) -> Bad {
    match error {
        // Ours, not the sender's.
        multer::Error::StreamReadFailed(error) => Bad::Disk(io::Error::other(error)),
        _ => Bad::Malformed("the multipart body is broken"),
    }
}

type Chunks = std::pin::Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

async fn open(body: Body) -> io::Result<(Chunks, Option<Writer>)> {
    match body {
        Body::Memory(bytes) => Ok((stream::once(async { Ok(Bytes::from(bytes)) }).boxed(), None)),
        Body::File(writer) => {
            let (writer, file) = blocking(move || {
                let file = writer.reader()?;
                Ok((writer, file))
            })
            .await?;
            let file = tokio::fs::File::from_std(file);
            Ok((ReaderStream::with_capacity(file, 64 * 1024).boxed(), Some(writer)))
        }
    }
}

async fn store(mut field: Field<'_>, rank: Rank, spool: &Spool) -> Result<Picture, Bad> {
    let filename = field.file_name().map(ToOwned::to_owned);
    let mut writer = spool.begin_async().await.map_err(Bad::Disk)?;
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        writer = writer.write(&chunk).await.map_err(Bad::Disk)?;
    }
    let writer = writer.finish().await.map_err(Bad::Disk)?;
    Ok(Picture { rank, writer, filename })
}

async fn text(mut field: Field<'_>) -> Result<String, Bad> {
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_TEXT {
            return Err(Bad::Malformed("a text field of the form has over 64 KiB"));
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
