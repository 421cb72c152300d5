//! What a request says about a photo, put together with what is known here. Checks no signature,
//! keeps nothing: the door and [`super::example`] both read by it.

use std::io;

use actix_web::http::header::{self, HeaderMap};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    answer::Answer,
    body::Body,
    multipart,
    payload::{self, Bad, Described, Payload, Source},
    record,
    signature::{self, Refusal},
};
use crate::{
    journal::Journal,
    model::{Cause, ErrorKind, ImageId, OwnSession, Photo, PhotoId, Scheme, SessionId, Target},
    route::Routes,
    spool::Spool,
};

/// Who named the record a photo belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// The upload session, which was made here for it.
    Session,
    /// The session's metadata.
    Metadata,
    /// A tag of the session.
    Tag,
}

/// What is known besides the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// The sessions that were made here; `None` where there is no journal yet.
    pub(super) journal: Option<&'a dyn Journal>,
    pub(super) routes: &'a Routes,
    pub(super) scheme: Scheme,
    pub(super) now: Timestamp,
}

/// A photo as a request tells of it. What is only measured in its bytes is not in it yet.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) photo: Photo,
    pub(super) source: Source,
    pub(super) named_by: Option<NamedBy>,
    /// Why a person has to look before it goes anywhere.
    pub(super) doubt: Option<Cause>,
    /// What the log is to say of it.
    pub(super) remark: Option<String>,
}

/// What unsigned headers say about a photo: never more than hints.
#[derive(Debug)]
pub(super) struct Hints {
    image: Option<ImageId>,
    session: Option<SessionId>,
    index: Option<u32>,
}

impl Hints {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name| signature::header(headers, name);
        Ok(Self {
            image: text("image-id")?.and_then(|id| ImageId::parse(id).ok()),
            session: text("session-id")?.and_then(|id| SessionId::parse(id).ok()),
            index: text("image-index")?.and_then(|index| index.parse().ok()),
        })
    }
}

/// Dispatches on the content type alone, never on configuration.
pub(super) async fn payload(
    headers: &HeaderMap,
    body: Body,
    spool: &Spool,
) -> Result<Payload, Bad> {
    let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or("?").trim().to_owned());
    if text(header::CONTENT_ENCODING).is_some_and(|e| !e.eq_ignore_ascii_case("identity")) {
        return Err(Bad::Unsupported("send the body without Content-Encoding"));
    }
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    let own = spool.clone();
    match essence.as_str() {
        "application/json" | "" => {
            // Most events are small and need no disk before the journal's.
            if let Body::Memory(text) = &body
                && let Some(event) = payload::event(text)?
            {
                return Ok(event);
            }
            read_blocking(move || payload::json(body, &own)).await
        }
        "multipart/form-data" => {
            let form = multipart::read(body, &content_type, spool).await?;
            read_blocking(move || payload::form(form)).await
        }
        picture if picture == "application/octet-stream" || picture.starts_with("image/") => {
            read_blocking(move || payload::binary(body, &own)).await
        }
        _ => Err(Bad::Unsupported(
            "send application/json, multipart/form-data, application/octet-stream or image/*",
        )),
    }
}

/// Puts together what the request says and what is known of its session.
pub(super) async fn told(
    described: Described,
    hints: Hints,
    known: Known<'_>,
) -> Result<Told, Answer> {
    let is_hinted = described.session.is_none();
    let session = described.session.or(hints.session);
    let own = match (&session, known.journal) {
        (Some(session), Some(journal)) => journal.session(session).await?,
        _ => None,
    };
    let signed = record::read(None, &described.metadata, &described.tags).target;
    let signed = signed.map(|target| known.routes.named(target));
    let doubted = own.as_ref().filter(|_| is_hinted).zip(signed);
    let doubt = doubted.and_then(|(own, signed)| doubt(own, &signed));
    // What is signed contradicts the header: it proves nothing then.
    let own = own.filter(|_| doubt.is_none());
    let own_target = own.as_ref().map(|own| own.target.clone());
    let record = record::read(own_target, &described.metadata, &described.tags);
    let own_mode = own.as_ref().and_then(|own| own.mode);
    // An id that the signature does not cover counts only in a session that we made.
    let trusted = match (&described.image_id, &own) {
        (Some(signed), _) => Some(signed),
        (None, Some(_)) => hints.image.as_ref(),
        (None, None) => None,
    };
    let id = match (trusted, &described.source) {
        (Some(image), _) => PhotoId::of_image(image),
        // By the record as it was written: what a bare ticket means may change with the
        // configuration, the photo's id may not.
        // Of an encrypted one by the envelope: whoever repeats a request repeats that.
        (None, Source::Inline(writer) | Source::Sealed(writer)) => {
            PhotoId::of_bytes(&writer.digest(), record.target.as_ref())
        }
        (None, Source::Link(_)) => {
            return Err(Bad::Malformed("the event names no image id").into());
        }
    };
    let photo = Photo {
        id,
        image_id: described.image_id.or(hints.image),
        session,
        index: described.index.or(hints.index),
        filename: described.filename,
        media_type: described.media_type,
        size: described.size,
        sha256: None,
        tags: described.tags,
        target: record.target.map(|target| known.routes.named(target)),
        mode: own_mode.or(record.mode),
        topic: described.topic,
        shape: described.shape,
        scheme: Some(known.scheme),
        received_at: known.now,
    };
    let remark = record.remark.filter(|_| own_mode.is_none());
    Ok(Told { photo, source: described.source, named_by: record.named_by, doubt, remark })
}

/// Why it is not known which of two records a photo belongs to: that of the session of ours in
/// an unsigned header, or the other one that its signed tags or metadata name. Whoever repeats a
/// request can write any session there (`fixtures/contracts/apertur.md`, section 1.2).
fn doubt(own: &OwnSession, signed: &Target) -> Option<Cause> {
    let OwnSession { session, target, .. } = own;
    (target.record() != signed.record()).then(|| {
        Cause::new(
            ErrorKind::Unrouted,
            format!(
                "what is signed names {signed}, and a header that nobody signed names {session}, \
                 which is for {target}"
            ),
            format!(
                "look at the photo: if it belongs to {signed}, `apertur-bridge deliveries replay` \
                 sends it there; else ask for it again in a session for its record and give this \
                 one up with `apertur-bridge deliveries drop`"
            ),
        )
    })
}

async fn read_blocking(
    read: impl FnOnce() -> Result<Payload, Bad> + Send + 'static,
) -> Result<Payload, Bad> {
    let joined = tokio::task::spawn_blocking(read).await;
    joined.unwrap_or_else(|error| Err(Bad::Disk(io::Error::other(error))))
}
