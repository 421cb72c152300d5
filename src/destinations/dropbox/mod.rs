//! Dropbox: a file below one folder. Folders come by themselves, files are whole when they are
//! seen, and nothing is ever replaced: a name that is taken is a refusal.
//! <https://www.dropbox.com/developers/documentation/http/documentation>

mod fault;
mod hash;
mod probe;
mod session;
mod settings;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use self::{
    fault::summary,
    hash::ContentHash,
    session::{PIECE, Pieces},
    settings::endpoint,
};
use super::{
    Shared,
    drive::{Call, Content, Fault, Wire, blocks, garbled, untold, upload},
    oauth::{Login, NoLogin},
    storage::{Body, Object, Storage, Store, StoreLimits, Upload, Written},
};
use crate::model::{DestinationName, Failure, Finding, Kind};

pub use self::settings::{
    API_URL, AUTHORIZE_URL, CONTENT_URL, OFFLINE, SCOPES, Settings, TOKEN_URL,
};

/// The name of the other side, for people.
const WHOM: &str = "Dropbox";
/// Largest file, in bytes (350 GB).
const MAX_SIZE: u64 = 350_000_000_000;

/// A folder of a Dropbox.
#[derive(Debug)]
pub(super) struct Dropbox {
    settings: Settings,
    wire: Wire,
}

/// A file or folder as the API tells of it. Both have an id, so that nothing else is taken for
/// one of them.
#[derive(Debug, Clone, Deserialize)]
struct File {
    id: String,
    /// Of this content; folders have none.
    rev: Option<String>,
    /// Folders have none.
    size: Option<u64>,
    content_hash: Option<String>,
}

/// How an upload ended.
#[derive(Debug)]
enum Stored {
    File(File),
    Taken,
}

/// A destination that has called nobody yet.
pub(super) fn storage(
    name: &DestinationName,
    settings: Settings,
    shared: &Shared,
) -> Storage<Dropbox> {
    let template = settings.key_template.clone();
    let wire = Wire::new((WHOM, name), settings.login.clone(), settings.timeout, shared);
    Storage::new(Dropbox { settings, wire }, template, shared)
}

impl Dropbox {
    /// The path of a key, `/Apertur/2027/a.jpg`.
    fn path(&self, key: &str) -> String {
        format!("/{}", self.settings.folder.path_of(key).join("/"))
    }

    /// A call whose argument is its body, and that makes nothing.
    fn rpc(&self, path: &str, argument: Json) -> Call<'static> {
        let url = endpoint(&self.settings.api_url, path);
        Call::write(Method::POST, url, Content::Json(argument)).unseen()
    }

    /// A call whose body is bytes; its argument is a header.
    fn content(&self, path: &str, argument: &Json) -> Call<'static> {
        let url = endpoint(&self.settings.content_url, path);
        let call = Call::write(Method::POST, url, Content::Empty);
        call.with("dropbox-api-arg", ascii(&argument.to_string()))
    }

    fn failure(&self, fault: Fault, writes: bool) -> Failure {
        fault::failure(&self.wire.name, fault, writes)
    }

    /// Removes a file; nothing there is no error.
    async fn delete(&self, argument: Json) -> Result<(), Failure> {
        match self.wire.ask::<Json>(&self.rpc("files/delete_v2", argument)).await {
            Ok(_) => Ok(()),
            Err(fault) if summary(&fault).starts_with("path_lookup/not_found/") => Ok(()),
            Err(fault) => Err(self.failure(fault, false)),
        }
    }

    async fn send(&self, key: &str, photo: &Upload) -> Result<Stored, Failure> {
        let commit = json!({
            "path": self.path(key), "mode": "add", "autorename": false,
            "strict_conflict": true, "mute": true,
        });
        let file = &photo.file;
        if file.size > PIECE {
            return upload(&mut Pieces::new(self, commit), file).await;
        }
        let whole = Content::Piece { file, from: 0, length: file.size };
        let call = self.content("files/upload", &commit).carrying(whole);
        match self.wire.ask(&call).await {
            Ok(file) => Ok(Stored::File(file)),
            Err(fault) if summary(&fault).starts_with("path/conflict/") => Ok(Stored::Taken),
            Err(fault) => Err(self.failure(fault, true)),
        }
    }
}

#[async_trait]
impl Store for Dropbox {
    fn kind(&self) -> Kind {
        Kind::Dropbox
    }

    fn place(&self) -> String {
        format!("Dropbox: /{}", self.settings.folder)
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_size: MAX_SIZE, concurrency: self.settings.concurrency.max(1) }
    }

    async fn probe(&self) -> Vec<Finding> {
        self.look_around().await
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        let call = self.rpc("files/get_metadata", json!({ "path": self.path(key) }));
        match self.wire.ask::<File>(&call).await {
            // A folder of that name is nobody's photo.
            Ok(file) => Ok(Some(Object { size: file.size.unwrap_or(u64::MAX), sha256: None })),
            Err(fault) if summary(&fault).starts_with("path/not_found/") => Ok(None),
            // A name that is refused is refused to be written, too.
            Err(fault) => Err(self.failure(fault, true)),
        }
    }

    async fn write(&self, key: &str, photo: &Upload) -> Result<Written, Failure> {
        let mut hash = ContentHash::default();
        blocks(&photo.file, |block| hash.update(block)).await?;
        let hash = hash.finish();
        let Stored::File(made) = self.send(key, photo).await? else { return Ok(Written::Taken) };
        let (Some(size), Some(found)) = (made.size, &made.content_hash) else {
            return Err(untold(WHOM));
        };
        if size == photo.file.size && *found == hash {
            return Ok(Written::Done);
        }
        // By its id: under its path may be another one by now.
        self.delete(json!({ "path": made.id, "parent_rev": made.rev })).await?;
        Err(garbled(WHOM))
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        let call = self.content("files/download", &json!({ "path": self.path(key) })).unseen();
        self.wire.download(&call).await.map_err(|fault| self.failure(fault, false))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.delete(json!({ "path": self.path(key) })).await
    }

    async fn remove_folder(&self, folder: &str) -> Result<(), Failure> {
        self.remove(folder).await
    }

    fn login(&self) -> Result<Login, NoLogin> {
        self.wire.access.login()
    }
}

/// JSON that fits a header: what is no printable ASCII is escaped.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_ascii_and_still_says_the_same() {
        let argument = json!({ "path": "/é/\u{7f}🦀.jpg" });
        let text = ascii(&argument.to_string());
        assert_eq!(text, r#"{"path":"/\u00e9/\u007f\ud83e\udd80.jpg"}"#);
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), argument);
    }
}
