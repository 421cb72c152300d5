//! Upload sessions: pieces of 320 KiB each, in order; forgotten when they end.

use serde_json::{Value, json};

use super::{FakeOneDrive, error};
use crate::fakes::desk::{Request, Response};

/// The unit of pieces, and the most bytes of one.
const UNIT: u64 = 320 << 10;
const MOST: u64 = 60 << 20;

/// A session.
#[derive(Clone)]
pub(super) struct Upload {
    path: String,
    bytes: Vec<u8>,
}

impl FakeOneDrive {
    pub(super) fn begin(&mut self, path: &str, body: &[u8]) -> Result<Response, Response> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = path.rsplit('/').next().unwrap();
        let item = json!({ "@microsoft.graph.conflictBehavior": "fail", "name": name });
        if body != json!({ "item": item }) {
            return Err(error(400, "invalidRequest"));
        }
        // A name that is taken shows when the upload ends, and sometimes here.
        match self.may_make(path, 0) {
            Err(refusal) if refusal.status != 409 => return Err(refusal),
            _ => {}
        }
        let id = format!("secret-{}", hex::encode(rand::random::<[u8; 12]>()));
        self.uploads.insert(id.clone(), Upload { path: path.to_owned(), bytes: Vec::new() });
        let at = format!("{}/signed/upload?session={id}", self.url);
        let told = json!({ "uploadUrl": at, "nextExpectedRanges": ["0-"] });
        Ok(Response::json(200, &told))
    }

    /// Sessions that are open.
    pub(crate) fn open_uploads(&self) -> usize {
        self.uploads.len()
    }

    pub(super) fn upload(&mut self, request: &Request) -> Result<Response, Response> {
        let id = request.head.variable("session").unwrap_or_default();
        let mut upload =
            self.uploads.get(&id).cloned().ok_or_else(|| error(404, "itemNotFound"))?;
        match request.head.method.as_str() {
            "GET" => Ok(standing(200, &upload)),
            "DELETE" => {
                self.uploads.remove(&id);
                Ok(Response::empty(204))
            }
            _ => {
                let total = piece(&mut upload, request)?;
                if total > self.free {
                    return Err(error(507, "quotaLimitReached"));
                }
                self.uploads.insert(id.clone(), upload.clone());
                if (upload.bytes.len() as u64) < total {
                    return Ok(standing(202, &upload));
                }
                self.may_make(&upload.path, total)?;
                self.uploads.remove(&id);
                Ok(self.keep(&upload.path, "image/jpeg", upload.bytes))
            }
        }
    }
}

/// Adds a piece; gives the length of the whole.
fn piece(upload: &mut Upload, request: &Request) -> Result<u64, Response> {
    let invalid = || error(400, "invalidRequest");
    let range = request.head.header("Content-Range").unwrap_or_default();
    let range = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
    let (range, total) = range.ok_or_else(invalid)?;
    let (from, last) = range.split_once('-').ok_or_else(invalid)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| invalid());
    let (from, last, total) = (number(from)?, number(last)?, number(total)?);
    let length = request.body.len() as u64;
    if from != upload.bytes.len() as u64 {
        return Err(error(416, "invalidRange"));
    }
    let is_unit = last + 1 == total || length.is_multiple_of(UNIT);
    if length == 0 || length > MOST || from + length != last + 1 || last >= total || !is_unit {
        return Err(invalid());
    }
    upload.bytes.extend(&request.body);
    Ok(total)
}

fn standing(status: u16, upload: &Upload) -> Response {
    let next = format!("{}-", upload.bytes.len());
    Response::json(status, &json!({ "nextExpectedRanges": [next] }))
}
