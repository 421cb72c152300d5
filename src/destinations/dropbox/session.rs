//! An upload session: begun with the first piece, ended with the last one, which names the file.
//! <https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-start>

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Dropbox, File, Stored, fault::summary};
use crate::{
    destinations::drive::{Content, Fault, Sent, Session},
    model::Failure,
    spool::SpooledFile,
};

/// Bytes in one piece: a multiple of 4 MiB, below the 150 MB that one call may have.
pub(super) const PIECE: u64 = 8 << 20;

/// A session, once it was begun.
pub(super) struct Pieces<'a> {
    dropbox: &'a Dropbox,
    /// What the file is to be.
    commit: Json,
    id: Option<String>,
}

#[derive(Deserialize)]
struct Begun {
    session_id: String,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(dropbox: &'a Dropbox, commit: Json) -> Self {
        Self { dropbox, commit, id: None }
    }

    async fn begin(&mut self, piece: Content<'_>, length: u64) -> Result<Sent<Stored>, Fault> {
        let call = self.dropbox.content("files/upload_session/start", &json!({ "close": false }));
        let begun: Begun = self.dropbox.wire.ask(&call.carrying(piece).unseen()).await?;
        self.id = Some(begun.session_id);
        Ok(Sent::UpTo(length))
    }

    async fn append(&self, id: &str, from: u64, piece: Content<'_>) -> Result<(), Fault> {
        let argument = json!({ "cursor": { "session_id": id, "offset": from }, "close": false });
        let call = self.dropbox.content("files/upload_session/append_v2", &argument).keeping(id);
        let answer = self.dropbox.wire.send(&call.carrying(piece).unseen()).await?;
        self.dropbox.wire.good(answer).await.map(drop)
    }

    async fn finish(&self, id: &str, from: u64, piece: Content<'_>) -> Result<File, Fault> {
        let cursor = json!({ "session_id": id, "offset": from });
        let argument = json!({ "cursor": cursor, "commit": self.commit });
        let call = self.dropbox.content("files/upload_session/finish", &argument).keeping(id);
        self.dropbox.wire.ask(&call.carrying(piece)).await
    }

    /// What a refusal says of where the session stands.
    fn sort(&self, fault: Fault) -> Result<Sent<Stored>, Failure> {
        let summary = summary(&fault);
        if summary.starts_with("path/conflict/") {
            return Ok(Sent::Done(Stored::Taken));
        }
        let is_session = |word: &str| {
            summary.strip_prefix("lookup_failed/").unwrap_or(summary).starts_with(word)
        };
        if is_session("not_found/") || is_session("closed/") {
            return Ok(Sent::Gone);
        }
        if let Fault::Refused(refusal) = &fault
            && is_session("incorrect_offset/")
        {
            let of = |pointer| refusal.said.pointer(pointer).and_then(Json::as_u64);
            let offset = of("/error/correct_offset").or(of("/error/lookup_failed/correct_offset"));
            return Ok(offset.map_or(Sent::Gone, Sent::UpTo));
        }
        Err(self.dropbox.failure(fault, true))
    }
}

#[async_trait]
impl Session for Pieces<'_> {
    type Done = Stored;

    fn piece(&self) -> u64 {
        PIECE
    }

    async fn put(
        &mut self,
        file: &SpooledFile,
        from: u64,
        length: u64,
    ) -> Result<Sent<Stored>, Failure> {
        let piece = Content::Piece { file, from, length };
        let sent = match self.id.clone() {
            None => self.begin(piece, length).await,
            Some(id) if from + length >= file.size => {
                self.finish(&id, from, piece).await.map(|file| Sent::Done(Stored::File(file)))
            }
            Some(id) => self.append(&id, from, piece).await.map(|()| Sent::UpTo(from + length)),
        };
        sent.or_else(|fault| self.sort(fault))
    }

    /// There is no question for it: the same piece again is answered with the right offset.
    async fn ask(&mut self, _file: &SpooledFile, at: u64) -> Result<Sent<Stored>, Failure> {
        Ok(Sent::UpTo(if self.id.is_some() { at } else { 0 }))
    }
}
