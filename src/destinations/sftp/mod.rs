//! SFTP: files on an SSH server, pure Rust, without an `ssh` program.
//!
//! A file is written under a temporary name in its folder, synced where the server offers
//! `fsync@openssh.com`, measured, and only then renamed; OpenSSH's rename replaces nothing.
//! `session` connects and trusts, `rsa` signs for keys of that kind, `fault` finds the words,
//! this file does the file work.

mod fault;
mod rsa;
mod session;
mod settings;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use russh_sftp::{
    client::{error::Error, fs::File},
    protocol::{OpenFlags, StatusCode},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::session::Session;
pub use self::settings::{
    Fingerprint, InvalidFingerprint, InvalidKey, Key, Login, Settings, Trust,
};
use super::{
    Shared,
    redact::Secrets,
    storage::{
        Body, Object, Pool, Storage, Store, StoreLimits, Upload, Used, Written, folders_of, link,
        part_of, space, unreadable,
    },
};
use crate::model::{Failure, Finding, Kind};

/// The default of `timeout`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(2);
/// The default of `concurrency`.
pub const DEFAULT_CONCURRENCY: usize = 4;
/// Bytes read or written at once.
const BLOCK: usize = 256 * 1024;

/// A folder on an SSH server.
#[derive(Debug)]
pub(super) struct Sftp {
    settings: Settings,
    pool: Pool<Session>,
}

/// A destination that has touched nothing yet.
pub(super) fn storage(settings: Settings, shared: &Shared) -> Storage<Sftp> {
    let (template, pool) = (settings.key_template.clone(), Pool::new(settings.concurrency));
    Storage::new(Sftp { settings, pool }, template, shared)
}

impl Sftp {
    /// A connection that works.
    async fn session(&self) -> Result<Used<Session>, Failure> {
        let place = self.pool.place().await;
        if let Some(session) = self.pool.take() {
            if session.is_alive().await {
                return Ok(place.with(session));
            }
            self.pool.clear();
        }
        Session::open(&self.settings).await.map(|made| place.with(made))
    }

    fn secrets(&self) -> Secrets {
        self.settings.login.secrets()
    }

    fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.settings.directory.trim_end_matches('/'))
    }

    async fn put(&self, session: &Session, key: &str, upload: &Upload) -> Result<Written, Failure> {
        let part = self.path(&part_of(key, &upload.file.sha256));
        let mut file = self.create(session, key, &part).await?;
        let sent = send(&session.secrets, &mut file, &part, upload).await;
        // Closed before it is renamed or removed: some servers lock open files.
        let failed = |error| fault::of_stream(&session.secrets, &error, "write", &part);
        let closed = file.close().await.map_err(failed);
        let published = match sent.and(closed) {
            Ok(()) => self.publish(session, &part, &self.path(key)).await,
            Err(failure) => Err(self.or_full(session, upload.file.size, failure).await),
        };
        if !matches!(published, Ok(Written::Done) | Err(Failure::Unknown { .. })) {
            // What stays behind is replaced by the next try.
            drop(session.sftp.remove_file(part).await);
        }
        published
    }

    /// Makes the temporary file anew, and the folders on the way to it.
    async fn create(&self, session: &Session, key: &str, part: &str) -> Result<File, Failure> {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::TRUNCATE;
        let first = match session.sftp.open_with_flags(part, flags).await {
            Ok(file) => return Ok(file),
            Err(error) => error,
        };
        match status(&first) {
            Some(StatusCode::NoSuchFile) => self.make_folders(session, key).await?,
            // What a broken try left is removed, never reused: its writer may still be at it.
            Some(StatusCode::Failure) if session.sftp.remove_file(part).await.is_ok() => {}
            _ => {
                let failure = fault::of(&session.secrets, &first, "create", part);
                return Err(self.or_full(session, 1, failure).await);
            }
        }
        let again = session.sftp.open_with_flags(part, flags).await;
        again.map_err(|error| fault::of(&session.secrets, &error, "create", part))
    }

    async fn make_folders(&self, session: &Session, key: &str) -> Result<(), Failure> {
        let root = &self.settings.directory;
        if !is_folder(session, root).await? {
            return Err(fault::no_folder(root));
        }
        for folder in folders_of(key) {
            let path = self.path(folder);
            let Err(error) = session.sftp.create_dir(path.as_str()).await else { continue };
            match session.sftp.metadata(path.as_str()).await {
                Ok(there) if there.is_dir() => {}
                Ok(_) => return Err(fault::no_way(&path)),
                Err(_) => {
                    let failure = fault::of(&session.secrets, &error, "create the folder", &path);
                    return Err(self.or_full(session, 1, failure).await);
                }
            }
        }
        Ok(())
    }

    /// Gives the file its name, unless the name is taken.
    async fn publish(&self, session: &Session, part: &str, path: &str) -> Result<Written, Failure> {
        // Servers other than OpenSSH may replace by renaming.
        if is_taken(session, path).await? {
            return Ok(Written::Taken);
        }
        let Err(error) = session.sftp.rename(part, path).await else { return Ok(Written::Done) };
        let failure = fault::of(&session.secrets, &error, "rename a file to", path);
        if status(&error).is_none() {
            return Err(fault::unknown(failure));
        }
        if is_taken(session, path).await? { Ok(Written::Taken) } else { Err(failure) }
    }

    /// OpenSSH says only "Failure" where its disk is full; the room that is left says more.
    async fn or_full(&self, session: &Session, size: u64, failure: Failure) -> Failure {
        match self.space(session).await {
            Some(free) if free < size && matches!(failure, Failure::Later { .. }) => {
                fault::full(&failure.cause().detail)
            }
            _ => failure,
        }
    }

    /// Free bytes for this user; `None` where the server does not tell.
    async fn space(&self, session: &Session) -> Option<u64> {
        let told = session.sftp.fs_info(self.settings.directory.as_str()).await.ok()??;
        Some(told.blocks_avail.saturating_mul(told.fragment_size))
    }

    async fn look(&self, session: &Session) -> Vec<Finding> {
        let root = self.settings.directory.as_str();
        let folder = match is_folder(session, root).await {
            Ok(true) => {
                let real = session.sftp.canonicalize(root).await;
                let real = real.map(|real| session.secrets.out_of(&real));
                Finding::ok("folder", real.unwrap_or_else(|_| root.to_owned()))
            }
            Ok(false) => Finding::failed("folder", &fault::no_folder(root)),
            Err(failure) => Finding::failed("folder", &failure),
        };
        let mut findings = vec![folder];
        let fix = "free space on the disk of the server";
        findings.extend(self.space(session).await.map(|free| space(free, fix)));
        findings
    }
}

/// A file being read.
struct Reading {
    file: File,
    session: Used<Session>,
    path: String,
    pool: Pool<Session>,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Failure> {
        let mut block = BytesMut::with_capacity(BLOCK);
        match self.file.read_buf(&mut block).await {
            Ok(0) => {
                self.pool.put(self.session);
                Ok(None)
            }
            Ok(_) => Ok(Some((block.freeze(), self))),
            Err(error) => Err(fault::of_stream(&self.session.secrets, &error, "read", &self.path)),
        }
    }
}

/// Sends the bytes, has them written to the disk where the server can, and measures them.
async fn send(
    secrets: &Secrets,
    file: &mut File,
    part: &str,
    upload: &Upload,
) -> Result<(), Failure> {
    let failed = |error| fault::of_stream(secrets, &error, "write", part);
    let mut source = upload.file.open().await.map_err(|error| unreadable(&error))?;
    let mut block = BytesMut::with_capacity(BLOCK);
    while source.read_buf(&mut block).await.map_err(|error| unreadable(&error))? > 0 {
        file.write_all(&block).await.map_err(failed)?;
        block.clear();
    }
    file.flush().await.map_err(failed)?;
    let kept = file.metadata().await;
    let kept = kept.map_err(|error| fault::of(secrets, &error, "look at", part))?.size;
    if kept == Some(upload.file.size) {
        Ok(())
    } else {
        Err(fault::short(part, kept, upload.file.size))
    }
}

fn status(error: &Error) -> Option<StatusCode> {
    match error {
        Error::Status(status) => Some(status.status_code),
        _ => None,
    }
}

async fn is_folder(session: &Session, path: &str) -> Result<bool, Failure> {
    match session.sftp.metadata(path).await {
        Ok(there) => Ok(there.is_dir()),
        Err(error) if status(&error) == Some(StatusCode::NoSuchFile) => Ok(false),
        Err(error) => Err(fault::of(&session.secrets, &error, "look at", path)),
    }
}

/// Whether anything stands under a name, a symlink to nothing too.
async fn is_taken(session: &Session, path: &str) -> Result<bool, Failure> {
    match session.sftp.symlink_metadata(path).await {
        Ok(_) => Ok(true),
        Err(error) if status(&error) == Some(StatusCode::NoSuchFile) => Ok(false),
        Err(error) => Err(fault::of(&session.secrets, &error, "look at", path)),
    }
}

#[async_trait]
impl Store for Sftp {
    fn kind(&self) -> Kind {
        Kind::Sftp
    }

    fn place(&self) -> String {
        let Settings { host, port, directory, .. } = &self.settings;
        let slash = if directory.starts_with('/') { "" } else { "/~/" };
        format!("sftp://{host}:{port}{slash}{directory}")
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_size: u64::MAX, concurrency: self.settings.concurrency }
    }

    async fn probe(&self) -> Vec<Finding> {
        let start = Instant::now();
        let session = match self.session().await {
            Ok(session) => session,
            Err(failure) => return vec![Finding::failed("log in", &failure)],
        };
        let took = start.elapsed().as_millis();
        let mut findings =
            vec![Finding::ok("log in", format!("as {}, {took} ms", self.settings.username))];
        findings.extend(self.look(&session).await);
        self.pool.put(session);
        findings
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        let path = self.path(key);
        let session = self.session().await?;
        let told = session.sftp.symlink_metadata(path.as_str()).await;
        self.pool.put(session);
        match told {
            // A folder or a symlink is no photo, whatever length it is said to have.
            Ok(there) => {
                let size = if there.is_regular() { there.len() } else { u64::MAX };
                Ok(Some(Object { size, sha256: None }))
            }
            Err(error) if status(&error) == Some(StatusCode::NoSuchFile) => Ok(None),
            Err(error) => Err(fault::of(&self.secrets(), &error, "look at", &path)),
        }
    }

    async fn write(&self, key: &str, upload: &Upload) -> Result<Written, Failure> {
        let session = self.session().await?;
        let written = self.put(&session, key, upload).await;
        self.pool.put(session);
        written
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        let path = self.path(key);
        let session = self.session().await?;
        let opened = session.sftp.open(path.as_str()).await;
        let file = opened.map_err(|error| fault::of(&session.secrets, &error, "read", &path))?;
        let reading = Reading { file, session, path, pool: self.pool.clone() };
        Ok(Box::pin(stream::try_unfold(reading, Reading::next)))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        let path = self.path(key);
        let session = self.session().await?;
        let removed = session.sftp.remove_file(path.as_str()).await;
        self.pool.put(session);
        match removed {
            Err(error) if status(&error) != Some(StatusCode::NoSuchFile) => {
                Err(fault::of(&self.secrets(), &error, "remove", &path))
            }
            _ => Ok(()),
        }
    }

    async fn remove_folder(&self, folder: &str) -> Result<(), Failure> {
        let path = self.path(folder);
        let session = self.session().await?;
        let removed = match session.sftp.remove_dir(path.as_str()).await {
            Err(error) if status(&error) != Some(StatusCode::NoSuchFile) => {
                Err(fault::of(&session.secrets, &error, "remove", &path))
            }
            _ => Ok(()),
        };
        self.pool.put(session);
        removed
    }

    fn url(&self, key: &str) -> Option<String> {
        link(&self.place(), key)
    }
}
