//! Google Drive's API, as strictly as its reference describes it: what it does not name is
//! refused. <https://developers.google.com/workspace/drive/api/reference/rest/v3>
//!
//! It takes two files of one name, as the real one does, and shows a client whose scope is
//! `drive.file` nothing but what the client made.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod query;
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

const FOLDER: &str = "application/vnd.google-apps.folder";

/// A file or folder.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub name: String,
    pub parent: String,
    pub mime: String,
    pub bytes: Vec<u8>,
    pub properties: BTreeMap<String, String>,
    /// Whether the client made it.
    pub ours: bool,
    pub trashed: bool,
    created: usize,
}

/// A drive of one person, and a shared one.
pub(crate) struct FakeDrive {
    core: Core,
    oauth: FakeOauth,
    url: String,
    files: BTreeMap<String, File>,
    uploads: BTreeMap<String, Upload>,
    made: usize,
    /// What is left, in bytes.
    pub free: u64,
    /// Whether the scope is `drive.file`.
    pub is_narrow: bool,
    /// Whether lists come one file a page, with an empty page before.
    pub is_paged: bool,
    /// Whether files are told with their digest.
    pub tells_digests: bool,
    /// Whether what arrives is changed on the way.
    pub garbles: bool,
    /// The id of a folder of the shared drive.
    pub shared: String,
}

/// A refusal with Google's word for it.
fn error(status: u16, reason: &str) -> Response {
    let error = json!({ "code": status, "message": format!("{reason}, says Drive"),
        "errors": [{ "domain": "global", "reason": reason, "message": reason }] });
    Response::json(status, &json!({ "error": error }))
}

impl FakeDrive {
    pub(crate) fn new(oauth: FakeOauth, clock: Clock, url: String) -> Self {
        let mut drive = Self {
            core: Core::new(clock),
            oauth,
            url,
            files: BTreeMap::new(),
            uploads: BTreeMap::new(),
            made: 0,
            free: 5 << 30,
            is_narrow: true,
            is_paged: false,
            tells_digests: true,
            garbles: false,
            shared: String::new(),
        };
        drive.shared = drive.add("Shared", "drives", FOLDER, &[], false);
        drive
    }

    /// Adds a file of somebody else's or of the client's.
    pub(crate) fn add(
        &mut self,
        name: &str,
        parent: &str,
        mime: &str,
        bytes: &[u8],
        ours: bool,
    ) -> String {
        let (name, parent, mime) = (name.to_owned(), parent.to_owned(), mime.to_owned());
        let (bytes, properties) = (bytes.to_vec(), BTreeMap::new());
        self.keep(File { name, parent, mime, bytes, properties, ours, trashed: false, created: 0 })
    }

    fn keep(&mut self, mut file: File) -> String {
        self.made += 1;
        file.created = self.made;
        self.free = self.free.saturating_sub(file.bytes.len() as u64);
        let id = format!("id-{}_{}", self.made, hex::encode(rand::random::<[u8; 4]>()));
        self.files.insert(id.clone(), file);
        id
    }

    /// Every file that is seen, with its path.
    pub(crate) fn seen_files(&self) -> Vec<(String, File)> {
        let seen = self.files.iter().filter(|(id, f)| f.mime != FOLDER && !self.is_trashed(id));
        let mut seen: Vec<_> = seen.map(|(id, file)| (self.path(id), file.clone())).collect();
        seen.sort_by(|a, b| a.0.cmp(&b.0));
        seen
    }

    /// Every folder that is seen, by its path.
    pub(crate) fn folders(&self) -> Vec<String> {
        let seen = self.files.iter().filter(|(id, f)| f.mime == FOLDER && !self.is_trashed(id));
        let mut paths: Vec<_> = seen.map(|(id, _)| self.path(id)).collect();
        paths.sort();
        paths
    }

    /// A file or folder by its path.
    pub(crate) fn at(&mut self, path: &str) -> &mut File {
        let id = self.files.keys().find(|id| self.path(id) == path).unwrap().clone();
        self.files.get_mut(&id).unwrap()
    }

    fn path(&self, id: &str) -> String {
        match self.files.get(id) {
            None => format!("/{id}"),
            Some(file) => format!("{}/{}", self.path(&file.parent), file.name),
        }
    }

    /// Whether it or a folder around it is in the trash.
    fn is_trashed(&self, id: &str) -> bool {
        self.files.get(id).is_some_and(|file| file.trashed || self.is_trashed(&file.parent))
    }

    fn sees(&self, file: &File) -> bool {
        file.ours || !self.is_narrow
    }

    fn is_shared(&self, id: &str) -> bool {
        id == self.shared || self.files.get(id).is_some_and(|file| self.is_shared(&file.parent))
    }

    fn is_there(&self, id: &str) -> bool {
        id == "root" || self.files.get(id).is_some_and(|file| self.sees(file))
    }

    fn told(&self, id: &str, fields: &str) -> Value {
        let file = &self.files[id];
        let mut told = json!({ "id": id, "trashed": self.is_trashed(id),
            "createdTime": format!("2027-01-15T08:{:02}:00.000Z", file.created % 60) });
        if file.mime != FOLDER {
            told["size"] = file.bytes.len().to_string().into();
            if self.tells_digests {
                told["sha256Checksum"] = hex::encode(Sha256::digest(&file.bytes)).into();
            }
        }
        if self.is_shared(id) {
            told["driveId"] = self.shared.as_str().into();
        }
        let all = told.as_object().unwrap().clone();
        let wanted = |name: &str| fields.split(',').any(|field| field == name);
        all.into_iter().filter(|(name, _)| wanted(name)).collect::<serde_json::Map<_, _>>().into()
    }

    /// The variables of the query, all of which have to be known.
    fn variables(head: &Head, known: &[&str]) -> Result<BTreeMap<String, String>, Response> {
        let query = head.query();
        let is_known = |name: &String| known.contains(&name.as_str());
        if !query.iter().all(|(name, _)| is_known(name)) {
            return Err(error(400, "invalidParameter"));
        }
        Ok(query.into_iter().collect())
    }

    fn list(&mut self, head: &Head) -> Result<Response, Response> {
        let known = [
            "q",
            "fields",
            "spaces",
            "includeItemsFromAllDrives",
            "supportsAllDrives",
            "corpora",
            "driveId",
            "pageToken",
        ];
        let asked = Self::variables(head, &known)?;
        let is = |name: &str, value: &str| asked.get(name).is_some_and(|v| v == value);
        if !is("spaces", "drive")
            || !is("supportsAllDrives", "true")
            || !is("includeItemsFromAllDrives", "true")
            || asked.contains_key("driveId") != is("corpora", "drive")
        {
            return Err(error(400, "invalidParameter"));
        }
        let fields = asked.get("fields").and_then(|fields| {
            fields.strip_prefix("nextPageToken,files(").and_then(|fields| fields.strip_suffix(')'))
        });
        let fields = fields.ok_or_else(|| error(400, "invalidParameter"))?;
        let query = asked.get("q").and_then(|q| query::parse(q));
        let query = query.ok_or_else(|| error(400, "invalid"))?;
        if query.parent().is_some_and(|id| !self.is_there(id)) {
            return Err(error(404, "notFound"));
        }
        let is_in = |id: &str, drive: &String| *drive == self.shared && self.is_shared(id);
        let in_drive = |id: &str| asked.get("driveId").is_none_or(|drive| is_in(id, drive));
        let fits = |(id, file): &(&String, &File)| {
            self.sees(file) && in_drive(id) && query.fits(file, self.is_trashed(id))
        };
        let found: Vec<_> = self.files.iter().filter(fits).map(|(id, _)| id).collect();
        if !self.is_paged {
            let files: Vec<_> = found.iter().map(|id| self.told(id, fields)).collect();
            return Ok(Response::json(200, &json!({ "files": files })));
        }
        let page = asked.get("pageToken").map_or(0, |token| token.parse::<usize>().unwrap());
        let files: Vec<_> = match page.checked_sub(1).and_then(|at| found.get(at)) {
            Some(id) => vec![self.told(id, fields)],
            None => Vec::new(),
        };
        let mut told = json!({ "files": files });
        if page < found.len() {
            told["nextPageToken"] = (page + 1).to_string().into();
        }
        Ok(Response::json(200, &told))
    }

    fn make(&mut self, request: &Request) -> Result<Response, Response> {
        let asked = Self::variables(&request.head, &["fields", "supportsAllDrives"])?;
        let file = self.described(&request.body)?;
        if file.mime != FOLDER {
            return Err(error(400, "invalid"));
        }
        let id = self.keep(file);
        Ok(Response::json(200, &self.told(&id, &asked["fields"])))
    }

    /// A file that a client describes.
    fn described(&self, body: &[u8]) -> Result<File, Response> {
        let invalid = || error(400, "invalid");
        let body: Value = serde_json::from_slice(body).map_err(|_| invalid())?;
        let known = ["name", "parents", "mimeType", "appProperties"];
        let is_known = body.as_object().is_some_and(|o| o.keys().all(|k| known.contains(&&**k)));
        let text = |name: &str| body[name].as_str().map(str::to_owned).ok_or_else(invalid);
        let parents = body["parents"].as_array().filter(|p| p.len() == 1).ok_or_else(invalid)?;
        let parent = parents[0].as_str().ok_or_else(invalid)?.to_owned();
        let mut properties = BTreeMap::new();
        for (name, value) in body["appProperties"].as_object().into_iter().flatten() {
            let value = value.as_str().ok_or_else(invalid)?;
            if name.len() + value.len() > 124 {
                return Err(error(400, "propertyTooLarge"));
            }
            properties.insert(name.clone(), value.to_owned());
        }
        if !is_known {
            return Err(invalid());
        }
        if !self.is_there(&parent) {
            return Err(error(404, "notFound"));
        }
        let (name, mime) = (text("name")?, text("mimeType")?);
        let (bytes, ours, trashed) = (Vec::new(), true, false);
        Ok(File { name, parent, mime, bytes, properties, ours, trashed, created: 0 })
    }

    fn one(&mut self, request: &Request, id: &str) -> Result<Response, Response> {
        let asked = Self::variables(&request.head, &["fields", "alt", "supportsAllDrives"])?;
        let is_seen = self.files.get(id).is_some_and(|file| self.sees(file));
        if !is_seen || (self.is_shared(id) && !asked.contains_key("supportsAllDrives")) {
            return Err(error(404, "notFound"));
        }
        match (request.head.method.as_str(), asked.get("alt").map(String::as_str)) {
            ("GET", Some("media")) => {
                let file = &self.files[id];
                Ok(Response::new(200, &file.mime, file.bytes.clone()))
            }
            ("GET", None) => Ok(Response::json(200, &self.told(id, &asked["fields"]))),
            ("DELETE", None) if self.is_shared(id) => {
                Err(error(403, "insufficientFilePermissions"))
            }
            ("DELETE", None) => {
                self.files.remove(id);
                Ok(Response::empty(204))
            }
            ("PATCH", None) if request.body == br#"{"trashed":true}"# => {
                self.files.get_mut(id).unwrap().trashed = true;
                Ok(Response::json(200, &json!({ "id": id })))
            }
            _ => Err(error(400, "invalid")),
        }
    }

    fn about(&self, head: &Head) -> Result<Response, Response> {
        let asked = Self::variables(head, &["fields"])?;
        if asked.get("fields").is_none_or(|fields| fields != "user,storageQuota") {
            return Err(error(400, "required"));
        }
        let limit = 15_u64 << 30;
        Ok(Response::json(
            200,
            &json!({
                "user": { "displayName": "Ada", "emailAddress": "ada@example.com" },
                "storageQuota": {
                    "limit": limit.to_string(), "usage": (limit - self.free).to_string(),
                },
            }),
        ))
    }
}

impl Desk for FakeDrive {
    fn endpoint(head: &Head) -> &'static str {
        match (head.method.as_str(), head.path()) {
            ("GET", "/drive/v3/files") => "list",
            ("POST", "/drive/v3/files") => "folder",
            ("GET", "/drive/v3/about") => "about",
            ("POST", "/upload/drive/v3/files") => "begin",
            ("PUT", "/upload/drive/v3/files") if head.header("Content-Length") == Some("0") => {
                "ask"
            }
            ("PUT", "/upload/drive/v3/files") => "piece",
            ("GET", path) if path.starts_with("/drive/v3/files/") => "get",
            ("DELETE", path) if path.starts_with("/drive/v3/files/") => "delete",
            ("PATCH", path) if path.starts_with("/drive/v3/files/") => "trash",
            _ => "unknown",
        }
    }

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn answer(&mut self, request: &Request) -> Response {
        let head = &request.head;
        let bearer = head.header("Authorization").and_then(|value| value.strip_prefix("Bearer "));
        if !bearer.is_some_and(|token| self.oauth.is_good(token)) || request.chunked {
            return error(401, "authError");
        }
        let answer = match Self::endpoint(head) {
            "list" => self.list(head),
            "folder" => self.make(request),
            "about" => self.about(head),
            "begin" => self.begin(request),
            "ask" | "piece" => self.piece(request),
            "get" | "delete" | "trash" => {
                let id = head.path().trim_start_matches("/drive/v3/files/").to_owned();
                self.one(request, &id)
            }
            _ => Err(Response::html(404)),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }
}
