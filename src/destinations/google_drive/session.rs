//! A resumable upload: <https://developers.google.com/workspace/drive/api/guides/manage-uploads>
//! (section "Resumable"). Its address opens the upload for whoever has it.

use async_trait::async_trait;
use reqwest::{
    Method, Response, StatusCode,
    header::{HeaderMap, LOCATION, RANGE},
};
use serde_json::{Value as Json, json};
use url::Url;

use super::{
    GoogleDrive, WHOM,
    api::{ALL_DRIVES, FIELDS, File},
};
use crate::{
    destinations::drive::{Call, Content, Fault, Sent, Session, signed},
    model::{Cause, ErrorKind, Failure},
    spool::SpooledFile,
};

/// Bytes in one piece: a multiple of 256 KiB, as the API demands.
const PIECE: u64 = 8 << 20;

/// An upload that Drive knows of.
pub(super) struct Resumable<'a> {
    drive: &'a GoogleDrive,
    at: Url,
}

impl GoogleDrive {
    /// Begins an upload of so many bytes of this media type.
    pub(super) async fn begin(
        &self,
        file: Json,
        media_type: &str,
        size: u64,
    ) -> Result<Resumable<'_>, Fault> {
        let query = [("uploadType", "resumable"), ("fields", FIELDS), ALL_DRIVES];
        let url = self.settings.endpoint("upload/drive/v3/files", &query);
        let call = Call::write(Method::POST, url, Content::Json(file))
            .unseen()
            .with("x-upload-content-type", media_type.to_owned())
            .with("x-upload-content-length", size.to_string());
        let answer = self.wire.good(self.wire.send(&call).await?).await?;
        let at = answer.headers().get(LOCATION).and_then(|at| at.to_str().ok());
        let at = at.and_then(|at| signed(at, &self.settings.base_url)).ok_or_else(strange)?;
        Ok(Resumable { drive: self, at })
    }
}

/// What is told of a file that is to be made.
pub(super) fn description(name: &str, parent: &str, media_type: &str, mark: &str) -> Json {
    json!({
        "name": name,
        "parents": [parent],
        "mimeType": media_type,
        "appProperties": { super::api::KEY_PROPERTY: mark },
    })
}

impl Resumable<'_> {
    async fn call(&self, content: Content<'_>, range: String) -> Result<Sent<File>, Failure> {
        let mut call = Call::write(Method::PUT, self.at.clone(), content).signed();
        // The token goes to nobody but the API.
        call.bears = self.at.origin() == self.drive.settings.base_url.origin();
        let call = call.with("content-range", range);
        let sent = match self.drive.wire.send(&call).await {
            Ok(answer) => self.read(answer).await,
            Err(fault) => Err(fault),
        };
        sent.map_err(|fault| self.drive.failure(fault, true))
    }

    async fn read(&self, answer: Response) -> Result<Sent<File>, Fault> {
        match answer.status() {
            StatusCode::PERMANENT_REDIRECT => Ok(Sent::UpTo(arrived(answer.headers()))),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Sent::Gone),
            _ => {
                let answer = self.drive.wire.good(answer).await?;
                Ok(Sent::Done(self.drive.wire.json(answer, true).await?))
            }
        }
    }
}

#[async_trait]
impl Session for Resumable<'_> {
    type Done = File;

    fn piece(&self) -> u64 {
        PIECE
    }

    async fn put(
        &mut self,
        file: &SpooledFile,
        from: u64,
        length: u64,
    ) -> Result<Sent<File>, Failure> {
        let range = match (from + length).checked_sub(1) {
            Some(last) if length > 0 => format!("bytes {from}-{last}/{}", file.size),
            _ => format!("bytes */{}", file.size),
        };
        self.call(Content::Piece { file, from, length }, range).await
    }

    async fn ask(&mut self, file: &SpooledFile, _at: u64) -> Result<Sent<File>, Failure> {
        self.call(Content::Empty, format!("bytes */{}", file.size)).await
    }
}

/// How many bytes are there, by `Range: bytes=0-42`; none without the header.
fn arrived(headers: &HeaderMap) -> u64 {
    let last = || {
        let range = headers.get(RANGE)?.to_str().ok()?;
        range.strip_prefix("bytes=0-").unwrap_or(range).parse::<u64>().ok()?.checked_add(1)
    };
    last().unwrap_or_default()
}

fn strange() -> Fault {
    let what = format!("{WHOM} began an upload and said not where");
    let fix = "look for a proxy in between that drops the Location header";
    Fault::Failed(Failure::Broken { cause: Cause::new(ErrorKind::Protocol, what, fix) })
}
