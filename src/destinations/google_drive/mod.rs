//! Google Drive: a file of a person's drive or of a shared one, below one folder.
//!
//! Drive takes any number of files of one name, so a photo is looked for first, by the key that
//! it carries as a property of this client, then by its name. Files appear when their upload
//! ends.

mod api;
mod fault;
mod folders;
mod probe;
mod session;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};

use self::{
    api::{ALL_DRIVES, File},
    folders::Folders,
    session::description,
};
use super::{
    Shared,
    drive::{Call, Fault, Wire, garbled, header_value, nothing_stored, untold, upload},
    oauth::{Login, NoLogin},
    storage::{Body, Object, Storage, Store, StoreLimits, Upload, Written},
};
use crate::model::{Cause, DestinationName, ErrorKind, Failure, Finding, Kind};

pub use self::settings::{
    AUTHORIZE_URL, DEFAULT_BASE_URL, OFFLINE, SCOPE, Settings, TOKEN_URL, WIDE_SCOPE,
};

/// The name of the other side, for people.
const WHOM: &str = "Google Drive";
/// Largest file, in bytes (5 TiB).
const MAX_SIZE: u64 = 5 << 40;
/// How long a list may not show a file that was made: Google names no time, and a second file
/// of one photo would stay.
const SETTLES_IN: Duration = Duration::from_mins(2);

/// A folder of a Google Drive.
#[derive(Debug)]
pub(super) struct GoogleDrive {
    settings: Settings,
    wire: Wire,
    folders: Folders,
}

/// A destination that has called nobody yet.
pub(super) fn storage(
    name: &DestinationName,
    settings: Settings,
    shared: &Shared,
) -> Storage<GoogleDrive> {
    let template = settings.key_template.clone();
    let wire = Wire::new((WHOM, name), settings.login.clone(), settings.timeout, shared);
    Storage::new(GoogleDrive { settings, wire, folders: Folders::default() }, template, shared)
}

impl GoogleDrive {
    /// What a file carries so that it is found again: the key below the configured folder.
    fn mark(&self, key: &str) -> String {
        let root = self.settings.folder_id.as_deref().unwrap_or("root");
        hex::encode(Sha256::digest(format!("{root}/{}/{key}", self.settings.folder)))
    }

    /// What is under a key, oldest first.
    async fn files(&self, key: &str) -> Result<Vec<File>, Failure> {
        let (folders, name) = self.settings.folder.of_key(key);
        let mark = self.mark(key);
        let (root, parent) = self.folder(&folders, false).await?;
        match self.files_at(&root, parent.as_deref(), (name, &mark)).await {
            // The folder was removed since it was seen.
            Err(fault) if fault.is(StatusCode::NOT_FOUND) && parent.is_some() => {
                self.forget().await;
                let found = self.files_at(&root, None, (name, &mark)).await;
                found.map_err(|fault| self.failure(fault, false))
            }
            found => found.map_err(|fault| self.failure(fault, false)),
        }
    }

    /// Whether the file that was made is the one that stands under its key: of two that two
    /// bridges made at once the older one does, and the other is removed. A list may lag and show
    /// the younger one alone, whose bridge removes it.
    async fn settle(&self, key: &str, made: &File) -> Result<Written, Failure> {
        let unsure = |failure: Failure| Failure::Unknown { cause: failure.cause().clone() };
        let found = self.files(key).await.map_err(unsure)?;
        if !found.iter().any(|file| file.is_older(made)) {
            return Ok(Written::Done);
        }
        self.delete(&made.id).await.map_err(unsure)?;
        Ok(Written::Taken)
    }

    async fn send(&self, key: &str, photo: &Upload) -> Result<File, Failure> {
        let (folders, name) = self.settings.folder.of_key(key);
        let (_, parent) = self.folder(&folders, true).await?;
        let parent = parent.unwrap_or_default();
        let media_type = header_value(&photo.media_type);
        let file = description(name, &parent, media_type, &self.mark(key));
        let mut session = match self.begin(file, media_type, photo.file.size).await {
            Ok(session) => session,
            Err(fault) => {
                return Err(match fault {
                    fault if fault.is(StatusCode::NOT_FOUND) => {
                        self.forget().await;
                        moved()
                    }
                    Fault::Failed(failure) => nothing_stored(failure),
                    fault => self.failure(fault, true),
                });
            }
        };
        upload(&mut session, &photo.file).await
    }
}

#[async_trait]
impl Store for GoogleDrive {
    fn kind(&self) -> Kind {
        Kind::GoogleDrive
    }

    fn place(&self) -> String {
        self.settings.place()
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_size: MAX_SIZE, concurrency: self.settings.concurrency.max(1) }
    }

    fn settles_in(&self) -> Duration {
        SETTLES_IN
    }

    async fn probe(&self) -> Vec<Finding> {
        self.look_around().await
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        let found = self.files(key).await?.into_iter().next();
        Ok(found
            .map(|file| Object { size: file.size().unwrap_or_default(), sha256: file.sha256() }))
    }

    async fn write(&self, key: &str, photo: &Upload) -> Result<Written, Failure> {
        if !self.files(key).await?.is_empty() {
            return Ok(Written::Taken);
        }
        let made = self.send(key, photo).await?;
        if made.trashed {
            self.delete(&made.id).await?;
            self.forget().await;
            return Err(moved());
        }
        let Some(size) = made.size() else { return Err(untold(WHOM)) };
        let is_whole = size == photo.file.size;
        if !is_whole || made.sha256().is_some_and(|sha256| sha256 != photo.file.sha256) {
            self.delete(&made.id).await?;
            return Err(garbled(WHOM));
        }
        self.settle(key, &made).await
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        let Some(file) = self.files(key).await?.into_iter().next() else { return Err(moved()) };
        let url = self.file_url(&file.id, &[("alt", "media"), ALL_DRIVES]);
        let body = self.wire.download(&Call::get(url)).await;
        body.map_err(|fault| self.failure(fault, false))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        for file in self.files(key).await? {
            self.delete(&file.id).await?;
        }
        Ok(())
    }

    async fn remove_folder(&self, folder: &str) -> Result<(), Failure> {
        let (mut folders, name) = self.settings.folder.of_key(folder);
        folders.push(name);
        let (_, there) = self.folder(&folders, false).await?;
        self.forget().await;
        match there {
            Some(id) => self.delete(&id).await,
            None => Ok(()),
        }
    }

    fn login(&self) -> Result<Login, NoLogin> {
        self.wire.access.login()
    }
}

/// A folder that was known is not there any more; it is looked for, or made, the next time.
fn moved() -> Failure {
    let what = "a folder of Google Drive was removed meanwhile";
    let fix = "nothing to do: it is made anew by itself";
    Failure::Later { after: None, cause: Cause::new(ErrorKind::NotFound, what, fix) }
}
