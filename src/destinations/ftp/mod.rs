//! FTP: with explicit TLS (FTPS) unless the configuration says otherwise; passive only.
//!
//! A file is written under a temporary name in its folder, measured by SIZE, and only then
//! renamed. FTP has no way to rename without replacing, so what is under the name is looked at
//! right before. `session` speaks, `fault` finds the words, this file does the file work.

mod fault;
mod session;
mod settings;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use rustls::ClientConfig;
use tokio::{io::AsyncReadExt as _, sync::OnceCell};

use self::session::{Session, Transfer};
pub use self::settings::{Authorities, NoCertificate, Settings, Tls};
use super::{
    Shared,
    storage::{
        Body, Object, Pool, Storage, Store, StoreLimits, Upload, Used, Written, folders_of, link,
        part_of, unreadable,
    },
};
use crate::{
    model::{ErrorKind, Failure, Finding, Kind},
    spool::blocking,
};

/// The default of `timeout`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(2);
/// The default of `concurrency`.
pub const DEFAULT_CONCURRENCY: usize = 4;
/// Bytes read or written at once.
const BLOCK: usize = 256 * 1024;
/// Answers to a command that the server does not know.
const NOT_KNOWN: [u32; 4] = [500, 501, 502, 504];
/// Answers that say there is no such file, among other things.
const NOT_THERE: [u32; 3] = [450, 550, 553];

/// A folder on an FTP server.
#[derive(Debug)]
pub(super) struct Ftp {
    settings: Settings,
    tls: OnceCell<Arc<ClientConfig>>,
    pool: Pool<Session>,
}

/// A destination that has touched nothing yet.
pub(super) fn storage(settings: Settings, shared: &Shared) -> Storage<Ftp> {
    let (template, pool) = (settings.key_template.clone(), Pool::new(settings.concurrency));
    Storage::new(Ftp { settings, pool, tls: OnceCell::new() }, template, shared)
}

impl Ftp {
    /// A connection that works.
    async fn session(&self) -> Result<Used<Session>, Failure> {
        let place = self.pool.place().await;
        if let Some(mut session) = self.pool.take() {
            if session.is_alive().await {
                return Ok(place.with(session));
            }
            self.pool.clear();
        }
        let tls = match &self.settings.tls {
            Tls::None => None,
            Tls::Explicit(authorities) => {
                let made = self.tls.get_or_try_init(|| client(authorities.clone()));
                Some(made.await?)
            }
        };
        Session::open(&self.settings, tls.map(Arc::as_ref)).await.map(|made| place.with(made))
    }

    fn rest(&self, session: Used<Session>) {
        if !session.is_broken {
            self.pool.put(session);
        }
    }

    async fn put(session: &mut Session, key: &str, upload: &Upload) -> Result<Written, Failure> {
        let part = part_of(key, &upload.file.sha256);
        let published = match Self::send(session, key, &part, upload).await {
            Ok(()) => Self::publish(session, &part, key).await,
            Err(failure) => Err(failure),
        };
        let is_left = !matches!(published, Ok(Written::Done) | Err(Failure::Unknown { .. }));
        if is_left && !session.is_broken {
            // What stays behind is replaced by the next try.
            drop(session.remove(&part).await);
        }
        published
    }

    /// Writes the temporary file and measures it.
    async fn send(
        session: &mut Session,
        key: &str,
        part: &str,
        upload: &Upload,
    ) -> Result<(), Failure> {
        let mut source = upload.file.open().await.map_err(|error| unreadable(&error))?;
        let mut transfer = match session.store(part).await {
            Err(trouble) if trouble.is(&NOT_THERE) => {
                make_folders(session, key).await?;
                session.store(part).await
            }
            other => other,
        }
        .map_err(|trouble| fault::of(&trouble, "write", key))?;
        let mut block = BytesMut::with_capacity(BLOCK);
        let mut sent = Ok(());
        while sent.is_ok()
            && source.read_buf(&mut block).await.map_err(|error| unreadable(&error))? > 0
        {
            sent = session.send(&mut transfer, &block).await;
            block.clear();
        }
        // A server that ends a transfer says why; a broken wire says less.
        session.stored(transfer).await.and(sent).map_err(|why| fault::of(&why, "write", part))?;
        match look(session, part).await?.map_or(0, |object| object.size) {
            size if size == upload.file.size => Ok(()),
            size => Err(fault::short("kept", size, upload.file.size)),
        }
    }

    /// Gives the file its name, unless the name is taken.
    async fn publish(session: &mut Session, part: &str, key: &str) -> Result<Written, Failure> {
        if look(session, key).await?.is_some() {
            return Ok(Written::Taken);
        }
        let Err(trouble) = session.rename(part, key).await else { return Ok(Written::Done) };
        let failure = fault::unnamed(&trouble, key);
        if matches!(failure, Failure::Unknown { .. }) {
            return Err(failure);
        }
        if look(session, key).await?.is_some() { Ok(Written::Taken) } else { Err(failure) }
    }

    async fn findings(&self, session: &mut Session, took: Duration) -> Vec<Finding> {
        let Settings { username, tls, .. } = &self.settings;
        let how = if *tls == Tls::None { "without TLS" } else { "with TLS" };
        let took = took.as_millis();
        let entered = Finding::ok("log in", format!("as {username}, {how}, {took} ms"));
        let folder = match session.folder().await {
            Ok(folder) => Finding::ok("folder", folder),
            Err(trouble) => finding(&fault::of(&trouble, "name", "its folder")),
        };
        vec![entered, folder]
    }
}

async fn client(authorities: Authorities) -> Result<Arc<ClientConfig>, Failure> {
    let made = blocking(move || Ok(authorities.client())).await;
    let made = made.map_err(|error| unreadable(&error))?;
    made.map(Arc::new).map_err(|error| fault::no_roots(&error))
}

/// Makes the folders on the way to a key; those that are there do no harm.
async fn make_folders(session: &mut Session, key: &str) -> Result<(), Failure> {
    for folder in folders_of(key) {
        let Err(trouble) = session.make_folder(folder).await else { continue };
        if trouble.answer().is_none() {
            return Err(fault::of(&trouble, "make the folder", folder));
        }
        // Only a file has a length.
        if session.size(folder).await.is_ok() {
            return Err(fault::no_way(folder));
        }
        if !session.enters(folder).await {
            return Err(fault::of(&trouble, "make the folder", folder));
        }
    }
    Ok(())
}

/// What is under a name: SIZE tells it of files, MLST, where the server knows it, of the rest.
async fn look(session: &mut Session, name: &str) -> Result<Option<Object>, Failure> {
    let sized = session.size(name).await;
    let trouble = match sized {
        Ok(size) => return Ok(Some(Object { size, sha256: None })),
        Err(trouble) if trouble.is(&NOT_THERE) || trouble.is(&NOT_KNOWN) => trouble,
        Err(trouble) => return Err(fault::of(&trouble, "look at", name)),
    };
    if session.has_mlst {
        match session.facts(name).await {
            Ok(facts) => return Ok(Some(Object { size: size_in(&facts), sha256: None })),
            Err(other) if other.is(&NOT_KNOWN) => session.has_mlst = false,
            Err(other) if other.is(&NOT_THERE) => return Ok(None),
            Err(other) => return Err(fault::of(&other, "look at", name)),
        }
    }
    if trouble.is(&NOT_THERE) { Ok(None) } else { Err(fault::of(&trouble, "measure", name)) }
}

/// The length in the facts of MLST (RFC 3659, section 7); a folder is no photo of any length.
fn size_in(facts: &str) -> u64 {
    let facts = facts.split(' ').find(|part| !part.is_empty()).unwrap_or_default();
    let fact = |name: &str| {
        facts.split(';').find_map(|fact| {
            let (key, value) = fact.split_once('=')?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    let is_file = fact("type").is_none_or(|kind| kind.eq_ignore_ascii_case("file"));
    let size = fact("size").and_then(|size| size.parse().ok());
    size.filter(|_| is_file).unwrap_or(u64::MAX)
}

fn finding(failure: &Failure) -> Finding {
    let is_missing = failure.cause().kind == ErrorKind::NotFound;
    Finding::failed(if is_missing { "folder" } else { "log in" }, failure)
}

#[async_trait]
impl Store for Ftp {
    fn kind(&self) -> Kind {
        Kind::Ftp
    }

    fn place(&self) -> String {
        let Settings { host, port, directory, tls, .. } = &self.settings;
        let scheme = if *tls == Tls::None { "ftp" } else { "ftps" };
        format!("{scheme}://{host}:{port}/{}", directory.trim_start_matches(['.', '/']))
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_size: u64::MAX, concurrency: self.settings.concurrency }
    }

    async fn probe(&self) -> Vec<Finding> {
        let start = Instant::now();
        let mut session = match self.session().await {
            Ok(session) => session,
            Err(failure) => return vec![finding(&failure)],
        };
        let findings = self.findings(&mut session, start.elapsed()).await;
        self.rest(session);
        findings
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        let mut session = self.session().await?;
        let found = look(&mut session, key).await;
        self.rest(session);
        found
    }

    async fn write(&self, key: &str, upload: &Upload) -> Result<Written, Failure> {
        let mut session = self.session().await?;
        let written = Self::put(&mut session, key, upload).await;
        self.rest(session);
        written
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        let mut session = self.session().await?;
        let size = look(&mut session, key).await?.map_or(0, |object| object.size);
        let opened = session.retrieve(key).await;
        let transfer = opened.map_err(|trouble| fault::of(&trouble, "read", key))?;
        let name = key.to_owned();
        let reading =
            Reading { transfer, session, name, left: size, size, pool: self.pool.clone() };
        Ok(Box::pin(stream::try_unfold(reading, Reading::next)))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        let mut session = self.session().await?;
        let removed = session.remove(key).await;
        // Most servers say the same of what is not there and of what may not be removed.
        let is_gone = match &removed {
            Err(trouble) if trouble.is(&NOT_THERE) => look(&mut session, key).await?.is_none(),
            other => other.is_ok(),
        };
        self.rest(session);
        match removed {
            Err(trouble) if !is_gone => Err(fault::of(&trouble, "remove", key)),
            _ => Ok(()),
        }
    }

    async fn remove_folder(&self, folder: &str) -> Result<(), Failure> {
        let mut session = self.session().await?;
        let removed = session.remove_folder(folder).await;
        let is_gone = match &removed {
            Err(trouble) if trouble.is(&NOT_THERE) => !session.enters(folder).await,
            other => other.is_ok(),
        };
        self.rest(session);
        match removed {
            Err(trouble) if !is_gone => Err(fault::of(&trouble, "remove", folder)),
            _ => Ok(()),
        }
    }

    fn url(&self, key: &str) -> Option<String> {
        link(&self.place(), key)
    }
}

/// A file being read. What ends early is not the file, whatever the server says.
struct Reading {
    transfer: Transfer,
    session: Used<Session>,
    name: String,
    left: u64,
    size: u64,
    pool: Pool<Session>,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Failure> {
        let mut block = BytesMut::with_capacity(BLOCK);
        let read = match self.session.receive(&mut self.transfer, &mut block).await {
            Ok(read) => read,
            // Some servers end TLS without saying so; the length tells whether all is there.
            Err(_) if self.left == 0 => 0,
            Err(trouble) => return Err(fault::of(&trouble, "read", &self.name)),
        };
        if read > 0 {
            self.left = self.left.saturating_sub(read as u64);
            return Ok(Some((block.freeze(), self)));
        }
        if self.left > 0 {
            return Err(fault::short("gave", self.size - self.left, self.size));
        }
        if self.session.finish(self.transfer).await.is_ok() {
            self.pool.put(self.session);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_file_is_among_its_facts_and_a_folder_has_none() {
        assert_eq!(size_in("Type=file;Size=17;Modify=20270115080000; a b;size=3.jpg"), 17);
        assert_eq!(size_in(" size=17;type=FILE; a.jpg"), 17);
        assert_eq!(size_in("type=dir;size=4096; a"), u64::MAX);
        assert_eq!(size_in("type=OS.unix=slink:/x;size=3; a"), u64::MAX);
        assert_eq!(size_in(""), u64::MAX);
    }
}
