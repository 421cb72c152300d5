//! A request read for a person: what the door would make of it. Its signature is not looked at,
//! and nothing is kept of it but in the spool it is read in.

use std::{io, sync::Arc};

use actix_web::http::header::HeaderMap;
use jiff::Timestamp;

use super::{
    Status,
    answer::Answer,
    body::Body,
    payload::{Bad, Payload, Source},
    reading::{self, Hints, Known, NamedBy, Told},
};
use crate::{
    journal::Journal,
    model::{Cause, Digest, Photo, Scheme, printable},
    route::Routes,
    spool::{Spool, blocking},
};

/// What the reading needs besides the request.
#[derive(Debug)]
pub struct Around<'a> {
    /// Where a picture in the body is while it is read.
    pub spool: &'a Spool,
    /// The sessions that were made here; `None` where there is no journal yet.
    pub journal: Option<Arc<dyn Journal>>,
    /// Which help desk a bare ticket is of.
    pub routes: &'a Routes,
    /// Largest body taken, in bytes.
    pub max_body: u64,
    /// When it is taken to have come.
    pub now: Timestamp,
}

/// What a request says.
#[derive(Debug)]
pub enum Example {
    /// Nothing about a photo: it is answered 200 `ignored`.
    Ignored {
        /// Its topic.
        topic: String,
    },
    /// One photo.
    Photo(Box<Reading>),
}

/// A photo as the door would journal it.
#[derive(Debug)]
pub struct Reading {
    /// The photo; `scheme` says nothing.
    pub photo: Photo,
    /// Who named its target.
    pub named_by: Option<NamedBy>,
    /// Where its bytes are.
    pub bytes: Whereabouts,
    /// Under which digest its envelope is in the spool now, where it came in one.
    pub envelope: Option<Digest>,
    /// Why it would be held until a person has looked, whatever the routes say.
    pub doubt: Option<Cause>,
    /// What the log would say of the mode.
    pub remark: Option<String>,
}

/// Where the bytes of a photo are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whereabouts {
    /// In the request.
    Inside,
    /// In the request, end-to-end encrypted.
    Sealed,
    /// At Apertur, under a link in the request.
    Link,
    /// At Apertur, to be asked for by the image id.
    Id,
}

/// Why the door would take nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// The word of its answer.
    pub status: Status,
    /// What is wrong, quoting nothing of the request.
    pub why: String,
}

impl From<Answer> for Unreadable {
    fn from(answer: Answer) -> Self {
        let word = || answer.status.as_str().to_owned();
        Self { status: answer.status, why: answer.reason.clone().unwrap_or_else(word) }
    }
}

impl From<Bad> for Unreadable {
    fn from(bad: Bad) -> Self {
        Answer::from(bad).into()
    }
}

/// Reads a request.
///
/// # Errors
/// As the door would answer, had the signature been right.
pub async fn read(
    headers: &HeaderMap,
    body: Vec<u8>,
    around: &Around<'_>,
) -> Result<Example, Unreadable> {
    if body.len() as u64 > around.max_body {
        let why = format!("it has {} bytes, server.max_body is {}", body.len(), around.max_body);
        return Err(Unreadable { status: Status::TooLarge, why });
    }
    let hints = Hints::read(headers).map_err(Answer::from)?;
    let spool = around.spool.clone();
    let body = blocking(move || Body::whole(body, &spool)).await.map_err(Bad::Disk)?;
    let described = match reading::payload(headers, body, around.spool).await? {
        Payload::Ignored { topic } => return Ok(Example::Ignored { topic: printable(&topic) }),
        Payload::Photo(described) => *described,
    };
    let known = Known {
        journal: around.journal.as_deref(),
        routes: around.routes,
        scheme: Scheme::Body,
        now: around.now,
    };
    let told = reading::told(described, hints, known).await?;
    let measured = blocking(move || measured(told)).await.map_err(Bad::Disk)?;
    Ok(Example::Photo(Box::new(measured)))
}

/// What keeping the bytes would tell of them. Keeps an envelope. Blocks.
fn measured(told: Told) -> io::Result<Reading> {
    let Told { mut photo, source, named_by, doubt, remark } = told;
    let mut envelope = None;
    let bytes = match source {
        Source::Inline(writer) => {
            photo.sha256 = Some(writer.digest());
            photo.size = Some(writer.size());
            photo.media_type = writer.media_type().map(ToOwned::to_owned);
            Whereabouts::Inside
        }
        Source::Sealed(writer) => {
            envelope = Some(writer.keep()?.sha256);
            Whereabouts::Sealed
        }
        Source::Link(Some(_)) => Whereabouts::Link,
        Source::Link(None) => Whereabouts::Id,
    };
    Ok(Reading { photo, named_by, bytes, envelope, doubt, remark })
}
