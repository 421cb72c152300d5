//! A note with its files as multipart, exactly as the products want it: file parts with a name
//! and a type, text parts without a name, every length known (`fixtures/contracts/freshdesk.md`
//! section 4). The files are streamed from the spool.

use std::io;

use reqwest::{
    Body,
    multipart::{Form, Part},
};

use super::settings::RequesterRefused;
use crate::{
    destinations::{Item, ticket},
    model::Mode,
    spool::SpooledFile,
};

/// The type of a file whose own is not known.
const ANY_TYPE: &str = "application/octet-stream";
/// Bytes read from the spool at once.
const BLOCK: usize = 64 * 1024;

/// Who sees a note, and whose it is (`freshdesk.md` section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Everybody; from the requester, who may be unknown.
    Requester(Option<u64>),
    /// Everybody; from the agent the bridge works as.
    Agent,
    /// Agents only.
    Internal,
    /// Everybody; from that agent, and mailed to the requester.
    Reply,
}

impl Voice {
    /// The voice of a mode; that of `Contact` is without an author.
    pub(super) fn of(mode: Mode) -> Self {
        match mode {
            Mode::Contact => Self::Requester(None),
            Mode::Public => Self::Agent,
            Mode::Internal => Self::Internal,
        }
    }

    /// What is posted where the requester cannot be the author.
    pub(super) fn instead(how: RequesterRefused) -> Self {
        match how {
            RequesterRefused::Internal => Self::Internal,
            RequesterRefused::Public => Self::Requester(None),
        }
    }
}

/// A note that can be sent more than once.
#[derive(Debug)]
pub(super) struct Note<'a> {
    pub(super) voice: Voice,
    /// HTML.
    pub(super) body: String,
    pub(super) files: Vec<File<'a>>,
}

/// A file of a note.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// Plain ASCII.
    pub(super) name: String,
    /// Its media type, where it is known.
    pub(super) media_type: Option<&'a str>,
    pub(super) content: Content<'a>,
}

/// The bytes of a file.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Spooled(&'a SpooledFile),
    Fixed(&'static [u8]),
}

impl<'a> File<'a> {
    pub(super) fn of(item: &'a Item) -> Self {
        let photo = &item.delivery.photo;
        Self {
            name: ticket::file_name(photo),
            media_type: photo.media_type.as_deref(),
            content: Content::Spooled(&item.file),
        }
    }

    async fn part(&self) -> io::Result<Part> {
        let part = match self.content {
            Content::Spooled(file) => {
                let body = Body::wrap_stream(file.stream(BLOCK).await?);
                Part::stream_with_length(body, file.size)
            }
            Content::Fixed(bytes) => Part::bytes(bytes),
        };
        let media_type = self.media_type.filter(|it| is_media_type(it)).unwrap_or(ANY_TYPE);
        part.file_name(self.name.clone()).mime_str(media_type).map_err(io::Error::other)
    }
}

impl Note<'_> {
    /// The note with its files opened anew.
    ///
    /// # Errors
    /// When a file of the spool cannot be opened.
    pub(super) async fn form(&self) -> io::Result<Form> {
        let (kind, author) = match self.voice {
            Voice::Requester(author) => (Some(("false", "true")), author),
            Voice::Agent => (Some(("false", "false")), None),
            Voice::Internal => (Some(("true", "false")), None),
            // A reply is of one kind only.
            Voice::Reply => (None, None),
        };
        let mut form = Form::new().text("body", self.body.clone());
        if let Some((private, incoming)) = kind {
            form = form.text("private", private).text("incoming", incoming);
        }
        if let Some(author) = author {
            form = form.text("user_id", author.to_string());
        }
        for file in &self.files {
            form = form.part("attachments[]", file.part().await?);
        }
        Ok(form)
    }
}

/// Whether a text is a type and a subtype and nothing else.
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
        !name.is_empty() && name.bytes().all(plain)
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}
