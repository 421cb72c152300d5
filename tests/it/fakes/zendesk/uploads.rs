//! `POST /uploads` and `DELETE /uploads/{token}` (`zendesk.md` section 3.1).

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    named,
    state::{File, State, Upload, shown},
};
use crate::fakes::desk::{Request, Response};

impl State {
    pub(super) fn upload(&mut self, request: &Request) -> Response {
        let Some(name) = request.head.variable("filename").filter(|name| !name.is_empty()) else {
            return invalid("filename", "cannot be blank");
        };
        let media = request.head.header("Content-Type").unwrap_or_default().to_owned();
        // The real one would keep the form itself, or a file that nobody can look at.
        if media.is_empty() || media.starts_with("multipart/") {
            return invalid("content_type", "is not that of a file");
        }
        if request.body.is_empty() {
            return invalid("base", "The file is empty");
        }
        if request.body.len() > self.largest {
            return Response::json(413, &named("AttachmentTooLarge", "The file is too large"));
        }
        let bytes = Bytes::copy_from_slice(&request.body);
        let file = File { id: self.id(), name, content_type: media, bytes };
        let token = match request.head.variable("token") {
            Some(token) if self.is_good(&token) => token,
            Some(_) => return self.bad_upload(),
            None => {
                let (token, expires_at) = (self.token(), self.core.clock.after(self.uploads_live));
                let (used, files) = (false, Vec::new());
                self.uploads.push(Upload { token: token.clone(), expires_at, used, files });
                token
            }
        };
        let last = shown(&file);
        let Some(upload) = self.uploads.iter_mut().find(|upload| upload.token == token) else {
            return self.bad_upload();
        };
        upload.files.push(file);
        let all: Vec<Value> = upload.files.iter().map(shown).collect();
        let told = json!({
            "token": token,
            "expires_at": upload.expires_at.to_string(),
            "attachment": last,
            "attachments": all,
        });
        Response::json(201, &json!({"upload": told}))
    }

    /// Unused and not too old.
    pub(super) fn is_good(&self, token: &str) -> bool {
        let now = self.core.clock.now();
        let good = |upload: &Upload| !upload.used && now < upload.expires_at;
        self.uploads.iter().any(|upload| upload.token == token && good(upload))
    }

    pub(super) fn bad_upload(&self) -> Response {
        if self.bad_upload == 404 {
            return Response::json(404, &named("RecordNotFound", "Not found"));
        }
        invalid("uploads", "Upload token is invalid")
    }

    pub(super) fn removed(&mut self, token: &str) -> Response {
        let before = self.uploads.len();
        self.uploads.retain(|upload| upload.token != token || upload.used);
        if self.uploads.len() < before {
            return Response::empty(204);
        }
        Response::json(404, &named("RecordNotFound", "Not found"))
    }
}

/// 422 about one field.
pub(super) fn invalid(field: &str, why: &str) -> Response {
    let mut body = named("RecordInvalid", "Record validation errors");
    body["details"] = json!({field: [{"description": why}]});
    Response::json(422, &body)
}
