//! Uploads in one call, and in sessions whose offsets have to fit.

use serde_json::{Value, json};

use super::{FakeDropbox, File, bad, error, error_with};
use crate::fakes::desk::{Desk as _, Request, Response};

/// A session.
#[derive(Default)]
pub(super) struct Upload {
    bytes: Vec<u8>,
    is_closed: bool,
}

impl FakeDropbox {
    pub(super) fn uploaded(&mut self, request: &Request) -> Result<Response, Response> {
        let commit = ["path", "mode", "autorename", "strict_conflict", "mute"];
        match Self::endpoint(&request.head) {
            "upload" => {
                let asked = Self::argument(request, &commit)?;
                self.commit(&asked, request.body.clone())
            }
            "start" => {
                if Self::argument(request, &["close"])?["close"] != false {
                    return Err(bad("close"));
                }
                let id = format!("secret-{}", hex::encode(rand::random::<[u8; 12]>()));
                let upload = Upload { bytes: request.body.clone(), is_closed: false };
                self.uploads.insert(id.clone(), upload);
                Ok(Response::json(200, &json!({ "session_id": id })))
            }
            "append" => {
                let asked = Self::argument(request, &["cursor", "close"])?;
                self.appended(&asked["cursor"], &request.body, "")?;
                Ok(Response::json(200, &Value::Null))
            }
            _ => {
                let asked = Self::argument(request, &["cursor", "commit"])?;
                let asked_commit = super::only(asked["commit"].clone(), &commit)?;
                let id = self.appended(&asked["cursor"], &request.body, "lookup_failed/")?;
                let bytes = self.uploads[&id].bytes.clone();
                let made = self.commit(&asked_commit, bytes)?;
                self.uploads.get_mut(&id).unwrap().is_closed = true;
                Ok(made)
            }
        }
    }

    /// Adds bytes to a session; gives its id.
    fn appended(&mut self, cursor: &Value, bytes: &[u8], within: &str) -> Result<String, Response> {
        let id = cursor["session_id"].as_str().unwrap_or_default();
        let offset = cursor["offset"].as_u64().ok_or_else(|| bad("offset"))?;
        let upload = self.uploads.get_mut(id);
        let upload = upload.ok_or_else(|| error(&format!("{within}not_found")))?;
        if upload.is_closed {
            return Err(error(&format!("{within}closed")));
        }
        let here = upload.bytes.len() as u64;
        if offset != here {
            let summary = format!("{within}incorrect_offset");
            let correct = json!({ "correct_offset": here });
            let error =
                if within.is_empty() { correct } else { json!({ "lookup_failed": correct }) };
            return Err(error_with(&summary, error));
        }
        upload.bytes.extend(bytes);
        Ok(id.to_owned())
    }

    fn commit(&mut self, asked: &Value, mut bytes: Vec<u8>) -> Result<Response, Response> {
        let path = asked["path"].as_str().unwrap_or_default().to_owned();
        if asked["mode"] != "add"
            || asked["autorename"] != false
            || asked["strict_conflict"] != true
        {
            return Err(bad("this test wants nothing replaced or renamed"));
        }
        if let Some(wrong) = Self::wrong_path(&path) {
            return Err(error(&format!("path/{wrong}")));
        }
        if self.files.contains_key(&path.to_lowercase()) {
            return Err(error("path/conflict/file"));
        }
        if self.is_folder(&path) {
            return Err(error("path/conflict/folder"));
        }
        if bytes.len() as u64 > self.free {
            return Err(error("path/insufficient_space"));
        }
        self.free -= bytes.len() as u64;
        if self.garbles {
            bytes.reverse();
        }
        let file = File { path: path.clone(), bytes };
        let told = Self::told(&file);
        self.files.insert(path.to_lowercase(), file);
        Ok(Response::json(200, &told))
    }
}
