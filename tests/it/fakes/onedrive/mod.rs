//! Microsoft Graph as far as a OneDrive goes, as strictly as its reference describes it: what it
//! does not name is refused. <https://learn.microsoft.com/graph/api/resources/onedrive>
//!
//! What is signed by itself, uploads and downloads, refuses a token, as Microsoft says it may.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod uploads;

use std::collections::{BTreeMap, BTreeSet};

use apertur_bridge::system::Clock;
use serde_json::{Value, json};
use url::Url;

use self::uploads::Upload;
use super::{
    desk::{Core, Desk, Head, Request, Response},
    oauth::FakeOauth,
};

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// As it was written first, below `root`; compared without regard to case.
    pub path: String,
    pub bytes: Vec<u8>,
    pub mime: String,
    hash: String,
}

/// A OneDrive.
pub(crate) struct FakeOneDrive {
    core: Core,
    oauth: FakeOauth,
    url: String,
    /// By their path in small letters.
    files: BTreeMap<String, File>,
    /// In small letters.
    folders: BTreeSet<String>,
    /// How often each folder was asked for.
    pub makings: BTreeMap<String, usize>,
    uploads: BTreeMap<String, Upload>,
    /// What is left, in bytes.
    pub free: u64,
    /// Whether what arrives is changed on the way.
    pub garbles: bool,
    /// Whether only the app's own folder may be seen.
    pub is_narrow: bool,
}

/// A refusal with Graph's word for it.
fn error(status: u16, code: &str) -> Response {
    let message = format!("{code}, says Graph");
    Response::json(status, &json!({ "error": { "code": code, "message": message } }))
}

/// Where a call goes: what is asked about, and the path.
struct Place {
    path: String,
    about: String,
}

impl FakeOneDrive {
    pub(crate) fn new(oauth: FakeOauth, clock: Clock, url: String) -> Self {
        Self {
            core: Core::new(clock),
            oauth,
            url,
            files: BTreeMap::new(),
            folders: ["/root", "/approot"].map(str::to_owned).into(),
            makings: BTreeMap::new(),
            uploads: BTreeMap::new(),
            free: 5 << 30,
            garbles: false,
            is_narrow: false,
        }
    }

    /// Puts a file and its folders.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) {
        let (folder, _) = path.rsplit_once('/').unwrap();
        self.folders.insert(folder.to_lowercase());
        let (path, mime) = (path.to_owned(), "image/jpeg".to_owned());
        let (hash, bytes) = (quick_xor(bytes), bytes.to_vec());
        self.files.insert(path.to_lowercase(), File { path, bytes, mime, hash });
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// What is told of a file or folder.
    fn told(&self, path: &str) -> Option<Value> {
        let low = path.to_lowercase();
        if self.folders.contains(&low) {
            return Some(
                json!({ "id": hex::encode(&low), "size": 0, "folder": { "childCount": 1 } }),
            );
        }
        let file = self.files.get(&low)?;
        let hashes = json!({ "quickXorHash": file.hash });
        let facet = json!({ "mimeType": file.mime, "hashes": hashes });
        Some(json!({ "id": hex::encode(&low), "size": file.bytes.len(), "file": facet }))
    }

    fn place(head: &Head) -> Option<Place> {
        let rest = head.path().strip_prefix("/v1.0/me/drive/")?;
        let (root, rest) = match rest.strip_prefix("special/approot") {
            Some(rest) => ("/approot", rest),
            None => ("/root", rest.strip_prefix("root")?),
        };
        let (path, about) = match rest.strip_prefix(":/") {
            Some(rest) => rest.split_once(":/").unwrap_or((rest, "")),
            None => ("", rest.strip_prefix('/').unwrap_or(rest)),
        };
        // As addresses are read: `..` has gone by now, escapes have not.
        let decoded = url::form_urlencoded::parse(
            format!("a={}", path.replace('+', "%2B").replace('&', "%26")).as_bytes(),
        )
        .next()?
        .1
        .into_owned();
        let path = if path.is_empty() { root.to_owned() } else { format!("{root}/{decoded}") };
        Some(Place { path, about: about.to_owned() })
    }

    /// Whether a name is none.
    fn is_wrong(path: &str) -> bool {
        let reserved = [".lock", "con", "prn", "aux", "nul", "desktop.ini"];
        path.split('/').skip(2).any(|name| {
            let low = name.to_lowercase();
            name.is_empty()
                || name.contains(['"', '*', ':', '<', '>', '?', '\\', '|'])
                || name.chars().any(char::is_control)
                || name.starts_with(' ')
                || name.ends_with([' ', '.'])
                || low.starts_with("~$")
                || low.contains("_vti_")
                || reserved.contains(&&*low)
        }) || path.len() > 1000
    }

    /// Why a file may not be made.
    fn may_make(&self, path: &str, size: u64) -> Result<(), Response> {
        let (folder, _) = path.rsplit_once('/').unwrap();
        if Self::is_wrong(path) {
            return Err(error(400, "invalidRequest"));
        }
        if !self.folders.contains(&folder.to_lowercase()) {
            return Err(error(404, "itemNotFound"));
        }
        if self.told(path).is_some() {
            return Err(error(409, "nameAlreadyExists"));
        }
        if size > self.free {
            return Err(error(507, "quotaLimitReached"));
        }
        Ok(())
    }

    fn keep(&mut self, path: &str, mime: &str, mut bytes: Vec<u8>) -> Response {
        self.free -= bytes.len() as u64;
        if self.garbles {
            bytes.reverse();
        }
        let hash = quick_xor(&bytes);
        let file = File { path: path.to_owned(), bytes, mime: mime.to_owned(), hash };
        self.files.insert(path.to_lowercase(), file);
        Response::json(201, &self.told(path).unwrap())
    }

    fn make_folder(&mut self, path: &str, body: &[u8]) -> Result<Response, Response> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = body["name"].as_str().ok_or_else(|| error(400, "invalidRequest"))?;
        let wanted =
            json!({ "name": name, "folder": {}, "@microsoft.graph.conflictBehavior": "fail" });
        let made = format!("{path}/{name}");
        if body != wanted || Self::is_wrong(&made) {
            return Err(error(400, "invalidRequest"));
        }
        *self.makings.entry(made.to_lowercase()).or_default() += 1;
        if !self.folders.contains(&path.to_lowercase()) {
            return Err(error(404, "itemNotFound"));
        }
        if self.told(&made).is_some() {
            return Err(error(409, "nameAlreadyExists"));
        }
        self.folders.insert(made.to_lowercase());
        Ok(Response::json(201, &self.told(&made).unwrap()))
    }

    fn drive(&self, head: &Head) -> Response {
        if self.is_narrow {
            return error(403, "accessDenied");
        }
        if head.query() != [("$select".to_owned(), "owner,quota".to_owned())] {
            return error(400, "invalidRequest");
        }
        let user = json!({ "displayName": "Ada", "email": "ada@example.com" });
        let quota = json!({ "total": 5_u64 << 30, "remaining": self.free });
        Response::json(200, &json!({ "owner": { "user": user }, "quota": quota }))
    }

    /// A call of the API itself.
    fn called(&mut self, request: &Request) -> Result<Response, Response> {
        let head = &request.head;
        if head.path() == "/v1.0/me/drive" && head.method == "GET" {
            return Ok(self.drive(head));
        }
        if let Some(id) = head.path().strip_prefix("/v1.0/me/drive/items/") {
            let low = String::from_utf8(hex::decode(id).unwrap()).unwrap();
            let removed = self.files.remove(&low).filter(|_| head.method == "DELETE");
            return removed.map(|_| Response::empty(204)).ok_or_else(|| error(404, "itemNotFound"));
        }
        let place = Self::place(head).ok_or_else(|| error(400, "invalidRequest"))?;
        if self.is_narrow && !place.path.starts_with("/approot") {
            return Err(error(403, "accessDenied"));
        }
        let query = head.query();
        let asks = |name: &str, value: &str| query == [(name.to_owned(), value.to_owned())];
        let invalid = || Err(error(400, "invalidRequest"));
        match (head.method.as_str(), place.about.as_str()) {
            ("GET", "") if asks("$select", "id,size,file,folder") => {
                let told = self.told(&place.path);
                told.map(|told| Response::json(200, &told))
                    .ok_or_else(|| error(404, "itemNotFound"))
            }
            ("GET", "content") if query.is_empty() => self.download(&place.path),
            ("PUT", "content") if asks("@microsoft.graph.conflictBehavior", "fail") => {
                self.may_make(&place.path, request.body.len() as u64)?;
                let mime = head.header("Content-Type").unwrap_or_default();
                Ok(self.keep(&place.path, mime, request.body.clone()))
            }
            ("POST", "children") if query.is_empty() => {
                self.make_folder(&place.path, &request.body)
            }
            ("POST", "createUploadSession") => self.begin(&place.path, &request.body),
            ("DELETE", "") if query.is_empty() => {
                let removed = self.files.remove(&place.path.to_lowercase());
                removed.map(|_| Response::empty(204)).ok_or_else(|| error(404, "itemNotFound"))
            }
            _ => invalid(),
        }
    }

    fn download(&self, path: &str) -> Result<Response, Response> {
        let low = path.to_lowercase();
        if !self.files.contains_key(&low) {
            return Err(error(404, "itemNotFound"));
        }
        let mut at: Url = format!("{}/signed/download", self.url).parse().unwrap();
        at.query_pairs_mut().append_pair("secret-path", &low);
        Ok(Response::empty(302).with("Location", at))
    }

    /// A call of what is signed by itself.
    fn signed(&mut self, request: &Request) -> Result<Response, Response> {
        if request.head.header("Authorization").is_some() {
            return Err(error(401, "unauthenticated"));
        }
        if request.head.path() == "/signed/download" {
            let path = request.head.variable("secret-path").unwrap_or_default();
            let file = self.files.get(&path).ok_or_else(|| error(404, "itemNotFound"))?;
            return Ok(Response::new(200, &file.mime, file.bytes.clone()));
        }
        self.upload(request)
    }
}

/// The hash as its description has it, byte by byte.
fn quick_xor(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut ring = [0_u8; 20];
    let mut place = 0;
    for byte in bytes {
        let [low, high] = (u16::from(*byte) << (place % 8)).to_le_bytes();
        ring[place / 8] ^= low;
        ring[(place / 8 + 1) % 20] ^= high;
        place = (place + 11) % 160;
    }
    let length = (bytes.len() as u64).to_le_bytes();
    ring[12..].iter_mut().zip(length).for_each(|(byte, length)| *byte ^= length);
    STANDARD.encode(ring)
}

impl Desk for FakeOneDrive {
    fn endpoint(head: &Head) -> &'static str {
        let path = head.path();
        match (head.method.as_str(), path) {
            ("GET", "/v1.0/me/drive") => "drive",
            ("GET", "/signed/download") => "download",
            ("GET", "/signed/upload") => "ask",
            ("PUT", "/signed/upload") => "piece",
            ("DELETE", "/signed/upload") => "cancel",
            ("PUT", _) if path.ends_with(":/content") => "content",
            ("GET", _) if path.ends_with(":/content") => "read",
            ("POST", _) if path.ends_with("/children") => "folder",
            ("POST", _) if path.ends_with(":/createUploadSession") => "begin",
            ("DELETE", _) => "delete",
            ("GET", _) => "item",
            _ => "unknown",
        }
    }

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn answer(&mut self, request: &Request) -> Response {
        if request.chunked {
            return error(411, "lengthRequired");
        }
        if request.head.path().starts_with("/signed/") {
            return self.signed(request).unwrap_or_else(|refusal| refusal);
        }
        let bearer = request.head.header("Authorization");
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
        if !bearer.is_some_and(|token| self.oauth.is_good(token)) {
            return error(401, "InvalidAuthenticationToken");
        }
        self.called(request).unwrap_or_else(|refusal| refusal)
    }
}
