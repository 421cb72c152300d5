//! An upload session: <https://learn.microsoft.com/graph/api/driveitem-createuploadsession>. Its
//! address opens the upload for whoever has it, and the token must not go there.

use async_trait::async_trait;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{Item, OneDrive, Stored, WHOM};
use crate::{
    destinations::drive::{Call, Content, Fault, Sent, Session, signed, untold},
    model::{Cause, ErrorKind, Failure},
    spool::SpooledFile,
};

/// Bytes in one piece: a multiple of 320 KiB below 60 MiB, as the API demands.
const PIECE: u64 = 32 * (320 << 10);

/// A session that OneDrive knows of.
pub(super) struct Pieces<'a> {
    drive: &'a OneDrive,
    at: Url,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    upload_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    #[serde(default)]
    next_expected_ranges: Vec<String>,
}

impl Standing {
    /// The offset of the first byte that is missing, by `["26-"]` or `["26-99"]`.
    fn offset(&self) -> Option<u64> {
        let starts = self
            .next_expected_ranges
            .iter()
            .map(|range| range.split('-').next().and_then(|start| start.parse().ok()));
        starts.collect::<Option<Vec<u64>>>()?.into_iter().min()
    }
}

impl OneDrive {
    /// Begins an upload that replaces nothing.
    pub(super) async fn begin(&self, path: &[String]) -> Result<Pieces<'_>, Fault> {
        let item = json!({ "@microsoft.graph.conflictBehavior": "fail", "name": path.last() });
        let url = self.settings.item(path, "createUploadSession", &[]);
        let content = Content::Json(json!({ "item": item }));
        let begun: Begun = self.wire.ask(&Call::write(Method::POST, url, content).unseen()).await?;
        let at = signed(&begun.upload_url, &self.settings.base_url).ok_or_else(strange)?;
        Ok(Pieces { drive: self, at })
    }
}

impl Pieces<'_> {
    /// Tells OneDrive to forget the upload. That it does so by itself later is good enough.
    pub(super) async fn cancel(self) {
        let call = Call::write(Method::DELETE, self.at, Content::Nothing);
        drop(self.drive.wire.send(&call.signed()).await);
    }

    async fn read(&self, answer: Response) -> Result<Sent<Stored>, Fault> {
        let wire = &self.drive.wire;
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Sent::Gone),
            StatusCode::CONFLICT => Ok(Sent::Done(Stored::Taken)),
            StatusCode::CREATED => {
                let item: Item = wire.json(answer, true).await?;
                Ok(Sent::Done(Stored::Item(item)))
            }
            _ => {
                let answer = wire.good(answer).await?;
                let said: serde_json::Value = wire.json(answer, true).await?;
                let standing = serde_json::from_value::<Standing>(said.clone()).ok();
                if let Some(offset) = standing.and_then(|standing| standing.offset()) {
                    return Ok(Sent::UpTo(offset));
                }
                // An upload may have ended with it, and nobody can tell.
                let item = serde_json::from_value(said);
                let item = item.map_err(|_| Fault::Failed(untold(WHOM)))?;
                Ok(Sent::Done(Stored::Item(item)))
            }
        }
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
        let last = (from + length).saturating_sub(1);
        let range = format!("bytes {from}-{last}/{}", file.size);
        let content = Content::Piece { file, from, length };
        let call = Call::write(Method::PUT, self.at.clone(), content);
        let call = call.with("content-range", range);
        let sent = match self.drive.wire.send(&call.signed()).await {
            // A piece that is there already is no piece to send: where does it stand?
            Ok(answer) if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
                return self.ask(file, from).await;
            }
            Ok(answer) => self.read(answer).await,
            Err(fault) => Err(fault),
        };
        sent.map_err(|fault| self.drive.failure(fault, true))
    }

    async fn ask(&mut self, _file: &SpooledFile, _at: u64) -> Result<Sent<Stored>, Failure> {
        let call = Call::get(self.at.clone()).signed();
        let standing = match self.drive.wire.send(&call).await {
            Ok(answer) => self.read(answer).await,
            Err(fault) => Err(fault),
        };
        standing.map_err(|fault| self.drive.failure(fault, true))
    }
}

fn strange() -> Fault {
    let what = format!("{WHOM} gave an answer about an upload that makes no sense");
    let fix = "look for a proxy in between; if there is none, report this";
    Fault::Failed(Failure::Broken { cause: Cause::new(ErrorKind::Protocol, what, fix) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_missing_byte_is_read() {
        let offset = |ranges: &[&str]| {
            let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
            Standing { next_expected_ranges: ranges }.offset()
        };
        assert_eq!(offset(&["26-"]), Some(26));
        assert_eq!(offset(&["77829-99375", "12345-55232"]), Some(12_345));
        assert_eq!(offset(&[]), None);
        assert_eq!(offset(&["x"]), None);
    }
}
