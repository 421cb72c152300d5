//! Dropbox's API, as strictly as its reference describes it: what it does not name is refused.
//! <https://www.dropbox.com/developers/documentation/http/documentation>
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod uploads;

use std::collections::BTreeMap;

use apertur_bridge::system::Clock;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::uploads::Upload;
use super::{
    desk::{Core, Desk, Head, Request, Response},
    oauth::FakeOauth,
};

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// As it was written first; compared without regard to case.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// A Dropbox.
pub(crate) struct FakeDropbox {
    core: Core,
    oauth: FakeOauth,
    /// By their path in small letters.
    files: BTreeMap<String, File>,
    uploads: BTreeMap<String, Upload>,
    /// What is left, in bytes.
    pub free: u64,
    /// Whether what arrives is changed on the way.
    pub garbles: bool,
    /// A permission that the token lacks, and the calls that need it.
    pub lacks: Option<(&'static str, &'static str)>,
}

/// A refusal of a call by its own rules.
fn error(summary: &str) -> Response {
    error_with(summary, json!({}))
}

fn error_with(summary: &str, mut error: Value) -> Response {
    error[".tag"] = summary.split('/').next().unwrap().into();
    Response::json(409, &json!({ "error_summary": format!("{summary}/.."), "error": error }))
}

/// A refusal of a call that is no call.
fn bad(words: &str) -> Response {
    Response::new(400, "text/plain; charset=utf-8", format!("Error in call: {words}"))
}

impl FakeDropbox {
    pub(crate) fn new(oauth: FakeOauth, clock: Clock) -> Self {
        Self {
            core: Core::new(clock),
            oauth,
            files: BTreeMap::new(),
            uploads: BTreeMap::new(),
            free: 2 << 30,
            garbles: false,
            lacks: None,
        }
    }

    /// Puts a file.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) {
        let file = File { path: path.to_owned(), bytes: bytes.to_vec() };
        self.files.insert(path.to_lowercase(), file);
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// The id of what is under a path.
    fn id(path: &str) -> String {
        format!("id:{}", hex::encode(path.to_lowercase()))
    }

    /// What is told of a file.
    fn told(file: &File) -> Value {
        let blocks = file.bytes.chunks(4 << 20).flat_map(|block| Sha256::digest(block).to_vec());
        let hash = hex::encode(Sha256::digest(blocks.collect::<Vec<_>>()));
        let name = file.path.rsplit('/').next().unwrap();
        json!({ ".tag": "file", "name": name, "path_display": file.path,
            "id": Self::id(&file.path), "rev": &hash[..16], "size": file.bytes.len(), "content_hash": hash })
    }

    fn is_folder(&self, path: &str) -> bool {
        let below = format!("{}/", path.to_lowercase());
        self.files.keys().any(|known| known.starts_with(&below))
    }

    /// Why a path is none, if it is none.
    fn wrong_path(path: &str) -> Option<&'static str> {
        let parts: Vec<_> = path.split('/').collect();
        if !path.starts_with('/') || path.ends_with('/') || path.contains(['\\', '\0']) {
            return Some("malformed_path");
        }
        let is_bad = |part: &&str| matches!(*part, "" | "." | "..") || part.ends_with(['.', ' ']);
        if parts[1..].iter().any(is_bad) {
            return Some("malformed_path");
        }
        let reserved = ["desktop.ini", "thumbs.db", ".ds_store", ".dropbox", ".dropbox.attr"];
        let keeps = |part: &&str| {
            let part = part.to_lowercase();
            reserved.contains(&&*part) || part.starts_with("~$") || part.starts_with(".~")
        };
        parts[1..].iter().any(keeps).then_some("disallowed_name")
    }

    fn metadata(&self, asked: &Value) -> Response {
        let path = asked["path"].as_str().unwrap_or_default();
        if let Some(wrong) = Self::wrong_path(path) {
            return error(&format!("path/{wrong}"));
        }
        match self.files.get(&path.to_lowercase()) {
            Some(file) => Response::json(200, &Self::told(file)),
            None if self.is_folder(path) => {
                let told = json!({ ".tag": "folder", "path_display": path, "id": Self::id(path) });
                Response::json(200, &told)
            }
            None => error("path/not_found"),
        }
    }

    fn delete(&mut self, asked: &Value) -> Response {
        let path = asked["path"].as_str().unwrap_or_default().to_lowercase();
        let is_it = |file: &File| {
            let rev = &Self::told(file)["rev"];
            Self::id(&file.path) == path && (asked["parent_rev"] == *rev)
        };
        let path = self.files.iter().find(|(_, file)| is_it(file)).map_or(path, |(p, _)| p.clone());
        match self.files.remove(&path) {
            Some(file) => Response::json(200, &json!({ "metadata": Self::told(&file) })),
            None => error("path_lookup/not_found"),
        }
    }

    fn download(&self, asked: &Value) -> Response {
        let path = asked["path"].as_str().unwrap_or_default().to_lowercase();
        match self.files.get(&path) {
            Some(file) => Response::new(200, "application/octet-stream", file.bytes.clone())
                .with("Dropbox-API-Result", Self::told(file)),
            None => error("path/not_found"),
        }
    }

    fn usage(&self) -> Response {
        let allocated = 16_u64 << 30;
        let allocation = json!({ ".tag": "individual", "allocated": allocated });
        let used = allocated - self.free;
        Response::json(200, &json!({ "used": used, "allocation": allocation }))
    }

    /// A question's argument, which is its body.
    fn question(request: &Request, known: &[&str]) -> Result<Value, Response> {
        if request.head.header("Content-Type") != Some("application/json") {
            return Err(bad("Content-Type"));
        }
        let asked = serde_json::from_slice(&request.body).map_err(|_| bad("no JSON"))?;
        only(asked, known)
    }

    /// A content call's argument, which is a header of ASCII.
    fn argument(request: &Request, known: &[&str]) -> Result<Value, Response> {
        let text = request.head.header("Dropbox-API-Arg").unwrap_or_default();
        if !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(bad("HTTP header Dropbox-API-Arg: not ASCII"));
        }
        only(serde_json::from_str(text).map_err(|_| bad("no JSON"))?, known)
    }

    fn carried_out(&mut self, request: &Request) -> Result<Response, Response> {
        let media = request.head.header("Content-Type");
        Ok(match Self::endpoint(&request.head) {
            "account" => {
                let name = json!({ "display_name": "Ada" });
                let told = json!({ "name": name, "email": "ada@example.com" });
                if Self::question(request, &[])?.is_null() {
                    Response::json(200, &told)
                } else {
                    bad("expected null")
                }
            }
            "usage" if Self::question(request, &[])?.is_null() => self.usage(),
            "metadata" => self.metadata(&Self::question(request, &["path"])?),
            "delete" => {
                let asked = Self::question(request, &["path", "parent_rev"])?;
                self.delete(&asked)
            }
            "download" if media.is_none() && request.body.is_empty() => {
                self.download(&Self::argument(request, &["path"])?)
            }
            "upload" | "start" | "append" | "finish"
                if media == Some("application/octet-stream") =>
            {
                self.uploaded(request)?
            }
            _ => bad("unknown function or wrong form"),
        })
    }
}

/// An argument with no other fields than these; null where there are none.
fn only(asked: Value, known: &[&str]) -> Result<Value, Response> {
    let fields = asked.as_object().map(|fields| fields.keys().all(|f| known.contains(&&**f)));
    if fields.unwrap_or(asked.is_null() && known.is_empty()) {
        Ok(asked)
    } else {
        Err(bad("unknown field"))
    }
}

impl Desk for FakeDropbox {
    fn endpoint(head: &Head) -> &'static str {
        if head.method != "POST" {
            return "unknown";
        }
        match head.target.as_str() {
            "/2/users/get_current_account" => "account",
            "/2/users/get_space_usage" => "usage",
            "/2/files/get_metadata" => "metadata",
            "/2/files/delete_v2" => "delete",
            "/2/files/download" => "download",
            "/2/files/upload" => "upload",
            "/2/files/upload_session/start" => "start",
            "/2/files/upload_session/append_v2" => "append",
            "/2/files/upload_session/finish" => "finish",
            _ => "unknown",
        }
    }

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn answer(&mut self, request: &Request) -> Response {
        let bearer = request.head.header("Authorization");
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
        if !bearer.is_some_and(|token| self.oauth.is_good(token)) {
            let error = json!({ ".tag": "expired_access_token" });
            let said = json!({ "error_summary": "expired_access_token/.", "error": error });
            return Response::json(401, &said);
        }
        if let Some((scope, call)) = self.lacks
            && call == Self::endpoint(&request.head)
        {
            let error = json!({ ".tag": "missing_scope", "required_scope": scope });
            let said = json!({ "error_summary": "missing_scope/..", "error": error });
            return Response::json(401, &said);
        }
        if request.chunked {
            return bad("chunked");
        }
        self.carried_out(request).unwrap_or_else(|refusal| refusal)
    }
}
