//! WebDAV: Nextcloud, ownCloud, Apache, nginx and others. A photo is sent to a temporary name
//! beside its own, measured there, and renamed without replacing anything.
//!
//! `wire` makes the calls, `multistatus` reads what a server tells of an address. A temporary
//! name is the same in every try, so that the next one takes the place of what a broken one left.

mod multistatus;
mod settings;
mod wire;

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use reqwest::{Body as Payload, header};

pub use self::settings::{DEFAULT_TIMEOUT, Folder, Login, Settings};
use self::{
    multistatus::Told,
    wire::{Doing, Refusal, WHOM, Wire},
};
use super::{
    Shared,
    storage::{
        Body, Object, Storage, Store, StoreLimits, Upload, Written, beside, folders_of, space,
        unreadable,
    },
};
use crate::{
    http,
    model::{Cause, ErrorKind, Failure, Finding, Kind},
};

/// Bytes of a photo read at once.
const BLOCK: usize = 64 * 1024;
/// Most folders that are remembered; then all are forgotten, since keys come by date.
const MOST_KNOWN: usize = 10_000;

/// A folder on a WebDAV server.
#[derive(Debug)]
pub(super) struct Webdav {
    wire: Wire,
    /// Folders that were seen or made, the configured one as the empty text.
    known: Mutex<BTreeSet<String>>,
    /// Held by who makes folders: servers stumble where two photos want one at once.
    making: tokio::sync::Mutex<()>,
}

/// A destination that has touched nothing yet.
pub(super) fn storage(settings: Settings, shared: &Shared) -> Storage<Webdav> {
    let template = settings.key_template.clone();
    let (http, clock) = (shared.http.clone(), shared.clock.clone());
    let wire = Wire { settings, http, clock };
    let making = tokio::sync::Mutex::default();
    Storage::new(Webdav { wire, known: Mutex::default(), making }, template, shared)
}

impl Webdav {
    fn folder(&self) -> &Folder {
        &self.wire.settings.folder
    }

    fn knows(&self, folder: &str) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }

    fn learn(&self, folder: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(folder.to_owned());
    }

    fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What is at an address; `None` when nothing is.
    async fn look(&self, url: url::Url) -> Result<Option<Told>, Failure> {
        let request = self
            .wire
            .request("PROPFIND", url)?
            .header("Depth", "0")
            .header(header::CONTENT_TYPE, "application/xml; charset=utf-8")
            .body(multistatus::QUESTION);
        let response = match self.wire.send(request, Doing::Looking).await? {
            Ok(response) => response,
            // Nothing is below what is not there.
            Err(refusal) if matches!(refusal.code(), 404 | 409 | 410) => return Ok(None),
            Err(refusal) => return Err(refusal.failure()),
        };
        let status = response.status();
        let body = wire::body(response).await?;
        let told = multistatus::read(&body);
        told.map(Some).map_err(|error| Failure::Broken {
            cause: Cause::new(
                ErrorKind::Protocol,
                format!("{WHOM} answered {} and nothing that is WebDAV", status.as_u16()),
                "check url: it is to be the address of a folder, not of its page in the browser",
            )
            .with_detail(&self.wire.secrets().out_of(&error.to_string())),
        })
    }

    /// Sees to it that the folder of a key is there, and the configured one before all others:
    /// that one is not made, since it may be a mistake or a share that is away.
    async fn make_folders(&self, key: &str) -> Result<(), Failure> {
        if !self.knows("") {
            match self.look(self.folder().url().clone()).await? {
                Some(told) if told.is_folder => self.learn(""),
                Some(_) => return Err(no_folder()),
                None => return Err(missing()),
            }
        }
        if folders_of(key).all(|folder| self.knows(folder)) {
            return Ok(());
        }
        let _alone = self.making.lock().await;
        for part in folders_of(key).filter(|part| !self.knows(part)) {
            let request = self.wire.request("MKCOL", self.folder().folder(part))?;
            match self.wire.send(request, Doing::MakingFolder).await? {
                Ok(_) => {}
                // It is there; nginx and some others say so by conflict or redirect, and some
                // stumble where another bridge makes it now.
                Err(refusal) if matches!(refusal.code(), 405 | 409 | 415 | 301 | 423 | 500) => {
                    match self.look(self.folder().folder(part)).await? {
                        Some(told) if told.is_folder => {}
                        Some(_) => return Err(in_the_way(part)),
                        None if matches!(refusal.code(), 301 | 423 | 500) => {
                            return Err(refusal.failure());
                        }
                        None => return Err(self.unwritable(parent(part), refusal).await),
                    }
                }
                Err(refusal) => return Err(refusal.failure()),
            }
            self.learn(part);
        }
        Ok(())
    }

    /// Sends the photo to one of its temporary names, the first that is free, and measures it
    /// there.
    async fn upload(&self, names: &[String; 2], upload: &Upload) -> Result<String, Failure> {
        let [first, second] = names;
        let mut used = first;
        let mut answer = self.put(first, upload).await?;
        if answer.as_ref().is_err_and(|refusal| refusal.code() == 423) {
            // The server is not done with a try whose connection broke.
            used = second;
            answer = self.put(second, upload).await?;
        }
        if let Err(refusal) = answer {
            let is_gone = matches!(refusal.code(), 404 | 409);
            return Err(if is_gone {
                self.unwritable(parent(used), refusal).await
            } else {
                refusal.failure()
            });
        }
        let there = self.look(self.folder().file(used)).await?.and_then(|told| told.size);
        if there == Some(upload.file.size) {
            return Ok(used.clone());
        }
        let what = format!("{WHOM} took the photo but does not have all of it");
        let fix = "look at the server's disk and at proxies before it; it is tried again";
        let detail = there.map_or_else(
            || "nothing is there".to_owned(),
            |size| format!("{size} of {} bytes", upload.file.size),
        );
        let cause = Cause::new(ErrorKind::Unavailable, what, fix).with_detail(&detail);
        Err(Failure::Later { after: None, cause })
    }

    async fn put(&self, name: &str, upload: &Upload) -> Result<Result<(), Refusal>, Failure> {
        let body = upload.file.stream(BLOCK).await.map_err(|error| unreadable(&error))?;
        let request = self
            .wire
            .request("PUT", self.folder().file(name))?
            .header(header::CONTENT_TYPE, &upload.media_type)
            .header(header::CONTENT_LENGTH, upload.file.size)
            .body(Payload::wrap_stream(body));
        Ok(self.wire.send(request, Doing::Uploading).await?.map(|_| ()))
    }

    async fn rename(&self, temporary: &str, key: &str) -> Result<Written, Failure> {
        let request = self
            .wire
            .request("MOVE", self.folder().file(temporary))?
            .header("Destination", self.folder().file(key).as_str())
            .header("Overwrite", "F");
        match self.wire.send(request, Doing::Renaming).await? {
            Ok(_) => Ok(Written::Done),
            Err(refusal) if refusal.code() == 412 => Ok(Written::Taken),
            Err(refusal) if matches!(refusal.code(), 404 | 409) => Err(self.gone()),
            Err(refusal) if refusal.code() == 502 => Err(Failure::Broken {
                cause: Cause::new(
                    ErrorKind::Protocol,
                    format!("{WHOM} takes its own address for another server's"),
                    "let the proxy before it pass the host and the scheme on, or write the \
                     address that the server itself knows as url",
                ),
            }),
            Err(refusal) => Err(refusal.failure()),
        }
    }

    async fn delete(&self, url: url::Url) -> Result<(), Failure> {
        let request = self.wire.request("DELETE", url)?;
        match self.wire.send(request, Doing::Removing).await? {
            Err(refusal) if !matches!(refusal.code(), 404 | 410) => Err(refusal.failure()),
            _ => Ok(()),
        }
    }

    /// Sees that a renamed photo is under its name, for a server may take a name for another.
    async fn confirm(&self, key: &str, size: u64) -> Result<(), Failure> {
        let told = self.look(self.folder().file(key)).await.map_err(|failure| match failure {
            // It was renamed already.
            Failure::Later { cause, .. } => Failure::Unknown { cause },
            other => other,
        })?;
        match told.and_then(|told| told.size) {
            Some(there) if there == size => Ok(()),
            Some(there) => Err(Failure::Unknown { cause: replaced(there, size) }),
            None => Err(Failure::Broken { cause: renamed(key) }),
        }
    }

    /// A refusal to write into a folder: either the folder is gone, or nobody may write there.
    async fn unwritable(&self, folder: &str, refusal: Refusal) -> Failure {
        match self.look(self.folder().folder(folder)).await {
            Ok(Some(told)) if told.is_folder => refusal.unwritable(),
            Ok(_) => self.gone(),
            Err(failure) => failure,
        }
    }

    /// What was there is gone: what is known of the folders is out of date.
    fn gone(&self) -> Failure {
        self.forget();
        let what = format!("a folder went away on {WHOM}");
        let fix = "nothing; it is made again with the next try";
        Failure::Later { after: None, cause: Cause::new(ErrorKind::NotFound, what, fix) }
    }

    async fn findings(&self) -> Result<Vec<Finding>, Failure> {
        let start = Instant::now();
        let told = self.look(self.folder().url().clone()).await?.ok_or_else(missing)?;
        if !told.is_folder {
            return Err(no_folder());
        }
        let found = format!("{}, {} ms", self.folder(), start.elapsed().as_millis());
        let mut findings = vec![Finding::ok("folder", found)];
        let fix = "free space there, or raise this user's quota";
        findings.extend(told.quota.map(|quota| space(quota, fix)));
        Ok(findings)
    }
}

#[async_trait]
impl Store for Webdav {
    fn kind(&self) -> Kind {
        Kind::Webdav
    }

    fn place(&self) -> String {
        self.folder().to_string()
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_size: u64::MAX, concurrency: self.wire.settings.concurrency }
    }

    async fn probe(&self) -> Vec<Finding> {
        let told = self.findings().await;
        told.unwrap_or_else(|failure| vec![Finding::failed("folder", &failure)])
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        let told = self.look(self.folder().file(key)).await?;
        Ok(told.map(|told| Object {
            // A folder of that name is no photo, however long.
            size: told.size.filter(|_| !told.is_folder).unwrap_or(u64::MAX),
            sha256: None,
        }))
    }

    async fn write(&self, key: &str, upload: &Upload) -> Result<Written, Failure> {
        self.make_folders(key).await?;
        let names = temporary(key, upload);
        let written = match self.upload(&names, upload).await {
            Ok(used) => self.rename(&used, key).await.map(|written| (written, used)),
            Err(failure) => Err(failure),
        };
        // After what may pass, the next try writes over what is left.
        let left: &[String] = match &written {
            Ok((Written::Done, used)) if *used == names[0] => &[],
            Ok((Written::Done, _)) => &names[..1],
            Err(Failure::Later { .. } | Failure::Unknown { .. }) => &[],
            Ok((Written::Taken, _)) | Err(_) => &names,
        };
        for name in left {
            drop(self.remove(name).await);
        }
        let (written, _) = written?;
        if written == Written::Done {
            self.confirm(key, upload.file.size).await?;
        }
        Ok(written)
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        let request = self.wire.request("GET", self.folder().file(key))?;
        let response = self.wire.send(request, Doing::Reading).await?;
        let blocks = response.map_err(Refusal::failure)?.bytes_stream();
        let failure = |error: reqwest::Error| match http::failure(WHOM, &error) {
            Failure::Unknown { cause } => Failure::Later { after: None, cause },
            other => other,
        };
        Ok(Box::pin(blocks.map(move |block| block.map_err(failure))))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.delete(self.folder().file(key)).await
    }

    async fn remove_folder(&self, folder: &str) -> Result<(), Failure> {
        self.forget();
        self.delete(self.folder().folder(folder)).await
    }

    fn url(&self, key: &str) -> Option<String> {
        Some(self.folder().file(key).to_string())
    }
}

/// The folder that a key or folder is in, the configured one as the empty text.
fn parent(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The names that a photo has until it is whole, beside its own: the same in every try, others
/// for other bytes, so that two writers of one name write the same. Not `.part`, which Nextcloud
/// keeps for itself.
fn temporary(key: &str, upload: &Upload) -> [String; 2] {
    [".tmp", "-2.tmp"].map(|end| beside(key, &upload.file.sha256, end))
}

fn missing() -> Failure {
    let what = format!("the folder of url is not on {WHOM}");
    let fix = "make the folder there, or correct url; only folders below it are made by themselves";
    Failure::Broken { cause: Cause::new(ErrorKind::NotFound, what, fix) }
}

fn no_folder() -> Failure {
    let what = format!("url is a file on {WHOM}");
    let fix = "write the address of a folder as url";
    Failure::Broken { cause: Cause::new(ErrorKind::Protocol, what, fix) }
}

fn renamed(key: &str) -> Cause {
    let what = format!("{WHOM} took the photo but not its name: nothing is under {key}");
    let fix = "look there under which name the photo is and remove it; write a key_template of \
               letters, digits and -_./ only";
    Cause::new(ErrorKind::Protocol, what, fix)
}

fn replaced(there: u64, size: u64) -> Cause {
    let what = format!("{WHOM} has something else under the photo's name");
    let fix = "look who else writes there; the next try looks first";
    let detail = format!("{there} bytes, not {size}");
    Cause::new(ErrorKind::Protocol, what, fix).with_detail(&detail)
}

fn in_the_way(folder: &str) -> Failure {
    let what = format!("a file is where the folder {folder} is to be");
    let fix = "move it away, or change key_template; then replay the delivery";
    Failure::Refused { cause: Cause::new(ErrorKind::Rejected, what, fix) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{destinations::key::KeyTemplate, http::Http, system::Clock};

    #[test]
    fn folders_by_date_do_not_fill_the_memory() {
        let settings = Settings {
            folder: Folder::new("https://cloud.example.com/photos".parse().unwrap()),
            login: None,
            key_template: KeyTemplate::default(),
            timeout: DEFAULT_TIMEOUT,
            concurrency: 1,
        };
        let wire = Wire { settings, http: Http::new().unwrap(), clock: Clock::system() };
        let making = tokio::sync::Mutex::default();
        let webdav = Webdav { wire, known: Mutex::default(), making };
        (0..=MOST_KNOWN).for_each(|n| webdav.learn(&n.to_string()));
        assert!(webdav.known.lock().unwrap().len() <= MOST_KNOWN);
        assert!(webdav.knows(&MOST_KNOWN.to_string()) && !webdav.knows("0"));
    }
}
