//! OneDrive, of a person or at work: a file below one folder, or in a folder of the app's own.
//! Files are whole when they are seen, and nothing is ever replaced: a name that is taken is a
//! refusal. Folders that are missing are made, and one that is there already is no error.
//! <https://learn.microsoft.com/graph/api/resources/onedrive>

mod fault;
mod hash;
mod probe;
mod session;
mod settings;

use async_trait::async_trait;
use reqwest::{Method, StatusCode, header::LOCATION};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::Url;

use self::hash::QuickXor;
use super::{
    Shared,
    drive::{Call, Content, Fault, Wire, blocks, garbled, header_value, signed, untold, upload},
    oauth::{Login, NoLogin},
    storage::{Body, Object, Storage, Store, StoreLimits, Upload, Written},
};
use crate::model::{Cause, DestinationName, Digest, ErrorKind, Failure, Finding, Kind};

pub use self::settings::{
    DEFAULT_BASE_URL, DEFAULT_TENANT, LOGIN_URL, SCOPES, Settings, WIDE_SCOPES,
};

/// The name of the other side, for people.
const WHOM: &str = "OneDrive";
/// Largest file, in bytes (250 GB).
const MAX_SIZE: u64 = 250_000_000_000;
/// Largest file that goes in one call, in bytes; every account takes that much.
const SMALL: u64 = 4 << 20;
/// What is told of a file.
const FIELDS: (&str, &str) = ("$select", "id,size,file,folder");
/// Nothing is replaced.
const FAIL: (&str, &str) = ("@microsoft.graph.conflictBehavior", "fail");

/// A folder of a OneDrive.
#[derive(Debug)]
pub(super) struct OneDrive {
    settings: Settings,
    wire: Wire,
}

/// A file or folder as the API tells of it. Both have an id, so that nothing else is taken for
/// one of them.
#[derive(Debug, Clone, Deserialize)]
struct Item {
    id: String,
    size: Option<u64>,
    /// Folders have none.
    file: Option<Facet>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Facet {
    #[serde(default)]
    hashes: Hashes,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hashes {
    quick_xor_hash: Option<String>,
    /// In hexadecimal digits; few accounts have it.
    sha256_hash: Option<String>,
}

impl Item {
    fn hashes(&self) -> Hashes {
        self.file.clone().unwrap_or_default().hashes
    }

    fn object(&self) -> Object {
        let told = self.hashes().sha256_hash.map(|hex| hex.to_ascii_lowercase());
        // A folder of that name is nobody's photo.
        let size = if self.file.is_some() { self.size.unwrap_or_default() } else { u64::MAX };
        Object { size, sha256: told.as_deref().and_then(Digest::from_hex) }
    }
}

/// How an upload ended.
#[derive(Debug)]
enum Stored {
    Item(Item),
    Taken,
}

/// A destination that has called nobody yet.
pub(super) fn storage(
    name: &DestinationName,
    settings: Settings,
    shared: &Shared,
) -> Storage<OneDrive> {
    let template = settings.key_template.clone();
    let wire = Wire::new((WHOM, name), settings.login.clone(), settings.timeout, shared);
    Storage::new(OneDrive { settings, wire }, template, shared)
}

impl OneDrive {
    fn failure(&self, fault: Fault, writes: bool) -> Failure {
        fault::failure(&self.wire.name, fault, writes)
    }

    /// Writes a file; `None` when a folder on the way is missing.
    async fn send(&self, path: &[String], photo: &Upload) -> Result<Option<Stored>, Failure> {
        if photo.file.size > SMALL {
            return self.send_pieces(path, photo).await;
        }
        let file = &photo.file;
        let url = self.settings.item(path, "content", &[FAIL]);
        let content = Content::Piece { file, from: 0, length: file.size };
        let call = Call::write(Method::PUT, url, content)
            .with("content-type", header_value(&photo.media_type).to_owned());
        match self.wire.ask(&call).await {
            Ok(item) => Ok(Some(Stored::Item(item))),
            Err(fault) => self.refused(fault),
        }
    }

    async fn send_pieces(
        &self,
        path: &[String],
        photo: &Upload,
    ) -> Result<Option<Stored>, Failure> {
        let mut session = match self.begin(path).await {
            Ok(session) => session,
            Err(fault) => return self.refused(fault),
        };
        let stored = upload(&mut session, &photo.file).await?;
        if matches!(stored, Stored::Taken) {
            session.cancel().await;
        }
        Ok(Some(stored))
    }

    /// A name that is taken, a folder that is missing, or a failure.
    fn refused(&self, fault: Fault) -> Result<Option<Stored>, Failure> {
        if fault.is(StatusCode::CONFLICT) {
            return Ok(Some(Stored::Taken));
        }
        if fault.is(StatusCode::NOT_FOUND) {
            return Ok(None);
        }
        Err(self.failure(fault, true))
    }

    /// Removes what is at an address; nothing there is no error.
    async fn delete(&self, url: Url) -> Result<(), Failure> {
        let call = Call::write(Method::DELETE, url, Content::Nothing).unseen();
        let removed = match self.wire.send(&call).await {
            Ok(answer) => self.wire.good(answer).await.map(drop),
            Err(fault) => Err(fault),
        };
        match removed {
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => Ok(()),
            removed => removed.map_err(|fault| self.failure(fault, false)),
        }
    }

    /// Makes the folders on the way to a file; those that are there stay as they are.
    async fn make_folders(&self, path: &[String]) -> Result<(), Failure> {
        let Some((_, folders)) = path.split_last() else { return Ok(()) };
        for (depth, name) in folders.iter().enumerate() {
            let url = self.settings.item(&folders[..depth], "children", &[]);
            let body = json!({ "name": name, "folder": {}, FAIL.0: FAIL.1 });
            let call = Call::write(Method::POST, url, Content::Json(body)).unseen();
            match self.wire.ask::<Json>(&call).await {
                Err(fault) if !fault.is(StatusCode::CONFLICT) => {
                    return Err(self.failure(fault, false));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Store for OneDrive {
    fn kind(&self) -> Kind {
        Kind::Onedrive
    }

    fn place(&self) -> String {
        self.settings.place()
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_size: MAX_SIZE, concurrency: self.settings.concurrency.max(1) }
    }

    async fn probe(&self) -> Vec<Finding> {
        self.look_around().await
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        let url = self.settings.item(&self.settings.path_of(key), "", &[FIELDS]);
        match self.wire.ask::<Item>(&Call::get(url)).await {
            Ok(item) => Ok(Some(item.object())),
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => Ok(None),
            // A name that is refused is refused to be written, too.
            Err(fault) => Err(self.failure(fault, true)),
        }
    }

    async fn write(&self, key: &str, photo: &Upload) -> Result<Written, Failure> {
        let mut hash = QuickXor::default();
        blocks(&photo.file, |block| hash.update(block)).await?;
        let hash = hash.finish();
        let path = self.settings.path_of(key);
        let mut stored = self.send(&path, photo).await?;
        if stored.is_none() {
            self.make_folders(&path).await?;
            stored = self.send(&path, photo).await?;
        }
        let made = match stored {
            Some(Stored::Item(made)) => made,
            Some(Stored::Taken) => return Ok(Written::Taken),
            None => return Err(missing()),
        };
        let (Some(_), Some(size)) = (&made.file, made.size) else { return Err(untold(WHOM)) };
        let is_other = |told: Option<String>| told.is_some_and(|told| told != hash);
        if size != photo.file.size || is_other(made.hashes().quick_xor_hash) {
            // By its id: under its path may be another one by now.
            self.delete(self.settings.by_id(&made.id)).await?;
            return Err(garbled(WHOM));
        }
        Ok(Written::Done)
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        let url = self.settings.item(&self.settings.path_of(key), "content", &[]);
        let answer = self.wire.send(&Call::get(url)).await;
        let answer = answer.map_err(|fault| self.failure(fault, false))?;
        // What is signed by itself is read without the token.
        let location = answer.headers().get(LOCATION).and_then(|at| at.to_str().ok());
        let Some(at) = location.and_then(|at| signed(at, &self.settings.base_url)) else {
            let refused = self.wire.good(answer).await.err();
            return Err(refused.map_or_else(missing, |fault| self.failure(fault, false)));
        };
        let body = self.wire.download(&Call::get(at).signed()).await;
        body.map_err(|fault| self.failure(fault, false))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.delete(self.settings.item(&self.settings.path_of(key), "", &[])).await
    }

    async fn remove_folder(&self, folder: &str) -> Result<(), Failure> {
        self.remove(folder).await
    }

    fn login(&self) -> Result<Login, NoLogin> {
        self.wire.access.login()
    }
}

/// What was made or seen a moment ago is not there.
fn missing() -> Failure {
    let what = "OneDrive does not have what it had a moment ago";
    let fix = "nothing to do: it is tried again by itself";
    Failure::Later { after: None, cause: Cause::new(ErrorKind::NotFound, what, fix) }
}
