//! Resumable uploads: pieces of 256 KiB each, in order, and a question where one stands.

use super::{FakeDrive, File, error};
use crate::fakes::desk::{Request, Response};

/// The unit of pieces, in bytes.
const UNIT: u64 = 256 << 10;

/// An upload that was begun.
pub(super) struct Upload {
    file: File,
    fields: String,
    total: u64,
    bytes: Vec<u8>,
    /// What it became.
    made: Option<String>,
}

impl FakeDrive {
    pub(super) fn begin(&mut self, request: &Request) -> Result<Response, Response> {
        let known = ["uploadType", "fields", "supportsAllDrives"];
        let asked = Self::variables(&request.head, &known)?;
        let file = self.described(&request.body)?;
        let header = |name: &str| request.head.header(name).unwrap_or_default().to_owned();
        let total: u64 =
            header("X-Upload-Content-Length").parse().map_err(|_| error(400, "required"))?;
        if asked.get("uploadType").is_none_or(|kind| kind != "resumable")
            || header("X-Upload-Content-Type") != file.mime
            || header("Content-Type") != "application/json"
        {
            return Err(error(400, "badRequest"));
        }
        if total > self.free {
            return Err(error(403, "storageQuotaExceeded"));
        }
        let id = format!("secret-{}", hex::encode(rand::random::<[u8; 12]>()));
        let fields = asked["fields"].clone();
        let upload = Upload { file, fields, total, bytes: Vec::new(), made: None };
        self.uploads.insert(id.clone(), upload);
        let at = format!("{}/upload/drive/v3/files?uploadType=resumable&upload_id={id}", self.url);
        Ok(Response::empty(200).with("Location", at))
    }

    pub(super) fn piece(&mut self, request: &Request) -> Result<Response, Response> {
        let id = request.head.variable("upload_id").unwrap_or_default();
        let mut upload = self.uploads.remove(&id).ok_or_else(|| error(404, "notFound"))?;
        let answer = self.take(&mut upload, request);
        self.uploads.insert(id, upload);
        answer
    }

    fn take(&mut self, upload: &mut Upload, request: &Request) -> Result<Response, Response> {
        let range = request.head.header("Content-Range").unwrap_or_default();
        let range = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
        let (range, total) = range.ok_or_else(|| error(400, "badRequest"))?;
        if total != upload.total.to_string() {
            return Err(error(400, "badRequest"));
        }
        if let Some((from, last)) = range.split_once('-') {
            let here = upload.bytes.len() as u64;
            let end = here + request.body.len() as u64;
            let is_right = from == here.to_string()
                && !request.body.is_empty()
                && last == (end - 1).to_string()
                && end <= upload.total
                && (end == upload.total || end.is_multiple_of(UNIT));
            if !is_right {
                return Err(error(400, "badRequest"));
            }
            upload.bytes.extend(&request.body);
        } else if range != "*" || !request.body.is_empty() {
            return Err(error(400, "badRequest"));
        }
        if upload.made.is_none() && upload.bytes.len() as u64 == upload.total {
            let mut bytes = std::mem::take(&mut upload.bytes);
            if self.garbles {
                bytes.reverse();
            }
            upload.made = Some(self.keep(File { bytes, ..upload.file.clone() }));
        }
        Ok(match &upload.made {
            Some(id) => Response::json(200, &self.told(id, &upload.fields)),
            None if upload.bytes.is_empty() => Response::empty(308),
            None => {
                Response::empty(308).with("Range", format!("bytes=0-{}", upload.bytes.len() - 1))
            }
        })
    }
}
