//! `tokens.json`: the tokens of logins, by destination. Never half: written beside, made
//! durable, renamed. Several processes share it; who changes it holds the lock beside it.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::fs::OFlags;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::{Life, Token};
use crate::{
    model::{Cause, DestinationName, ErrorKind, Failure},
    system::Clock,
};

/// Longest wait for another process; it holds the lock for two requests at most.
const PATIENCE: Duration = Duration::from_secs(75);
/// Time between two looks whether the lock is free.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The file that keeps the tokens of logins. Clones are the same file.
#[derive(Debug, Clone)]
pub struct TokenStore {
    path: PathBuf,
}

/// The tokens of one login.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    /// The client that they were made for.
    pub(super) client_id: String,
    #[serde(serialize_with = "exposed")]
    pub(super) access_token: SecretString,
    #[serde(serialize_with = "exposed")]
    pub(super) refresh_token: SecretString,
    /// What was granted, where the other side said so.
    pub(super) scope: Option<String>,
    pub(super) issued_at: Timestamp,
    /// When the access token ends, where the other side said so.
    pub(super) expires_at: Option<Timestamp>,
}

impl Pair {
    pub(super) fn token(&self) -> Token {
        let life = Life { issued_at: self.issued_at, expires_at: self.expires_at };
        Token::new(self.access_token.clone(), self.scope.clone(), life)
    }
}

/// The one place where a secret is written out.
fn exposed<S: Serializer>(secret: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose_secret())
}

type Pairs = BTreeMap<String, Pair>;

impl TokenStore {
    /// The file at this path, `data_dir/tokens.json`. Touches no disk.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The pair of a destination, as it is now.
    ///
    /// # Errors
    /// [`Failure::Broken`] of kind `local` when the file cannot be read or makes no sense.
    pub(super) async fn read(&self, name: &DestinationName) -> Result<Option<Pair>, Failure> {
        let path = self.path.clone();
        let mut pairs = blocking(move || read(&path)).await?;
        Ok(pairs.remove(name.as_str()))
    }

    /// Keeps other processes, and other askers of this one, from changing the file. Waits for
    /// them up to 75 seconds.
    ///
    /// # Errors
    /// [`Failure::Later`] of kind `local` when they take longer, or when there can be no lock.
    pub(super) async fn lock(&self) -> Result<Locked, Failure> {
        let began = Instant::now();
        // How long another process takes is real time, whatever a test steps.
        let clock = Clock::system();
        loop {
            let path = self.path.clone();
            if let Some(lock) = blocking(move || try_lock(&path)).await? {
                return Ok(Locked { store: self.clone(), _lock: lock });
            }
            if began.elapsed() > PATIENCE {
                let what = format!("another process keeps {} locked", self.path.display());
                let fix = "look for an apertur-bridge that hangs and end it";
                return Err(later(Cause::new(ErrorKind::Local, what, fix)));
            }
            clock.sleep_until(clock.after(LOOK_EVERY)).await;
        }
    }
}

/// The file, for one who may change it.
#[derive(Debug)]
pub(super) struct Locked {
    store: TokenStore,
    _lock: fs::File,
}

impl Locked {
    /// As [`TokenStore::read`].
    pub(super) async fn read(&self, name: &DestinationName) -> Result<Option<Pair>, Failure> {
        self.store.read(name).await
    }

    /// Keeps a pair durably. The others stay as they are.
    ///
    /// # Errors
    /// [`Failure::Later`] of kind `local` when the disk does not take it: the old pair is still
    /// there. [`Failure::Broken`] as with [`TokenStore::read`].
    pub(super) async fn write(&self, name: &DestinationName, pair: Pair) -> Result<(), Failure> {
        let (path, name) = (self.store.path.clone(), name.as_str().to_owned());
        blocking(move || {
            let mut pairs = read(&path)?;
            pairs.insert(name, pair);
            write(&path, &pairs).map_err(|error| later(local(&path, "written", &error)))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let cut_off = |_| {
        let what = "the work on tokens.json was cut off";
        Err(later(Cause::new(ErrorKind::Local, what, "it is tried again by itself")))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(cut_off)
}

fn read(path: &Path) -> Result<Pairs, Failure> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Pairs::new()),
        Err(error) => return Err(Failure::Broken { cause: local(path, "read", &error) }),
    };
    serde_json::from_slice(&text).map_err(|error| {
        // Its own words may hold a token.
        let at = format!("line {}, column {}", error.line(), error.column());
        let what = format!("{} does not hold tokens as this release writes them", path.display());
        let fix = "restore it, or move it away and log in again to every destination that needs \
                   it: apertur-bridge destinations login";
        Failure::Broken { cause: Cause::new(ErrorKind::Local, what, fix).with_detail(&at) }
    })
}

fn write(path: &Path, pairs: &Pairs) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    give(&file, folder)?;
    serde_json::to_writer_pretty(&mut file, pairs)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(folder)?.sync_all()
}

/// Takes the lock when it is free.
fn try_lock(path: &Path) -> Result<Option<fs::File>, Failure> {
    let beside = path.with_extension("lock");
    let open = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let file = lock_file(&beside, folder)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    };
    open().map_err(|error| later(local(&beside, "locked", &error)))
}

/// Opens the lock's file, making it where it is not there. Only a file that was made here is
/// given away: what stands there may be a link to somebody else's.
fn lock_file(path: &Path, folder: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    match options.create_new(true).open(path) {
        Ok(file) => give(&file, folder).map(|()| file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.create_new(false).open(path)
        }
        Err(error) => Err(error),
    }
}

/// Gives a file of root's to the owner of its folder: a command that root runs must not take the
/// tokens away from the daemon.
fn give(file: &fs::File, folder: &Path) -> io::Result<()> {
    const ROOT: u32 = 0;
    let owner = fs::metadata(folder)?;
    if file.metadata()?.uid() != ROOT || owner.uid() == ROOT {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

fn local(path: &Path, done: &str, error: &io::Error) -> Cause {
    let what = format!("{} cannot be {done}", path.display());
    let fix = "look at the disk of data_dir; run commands as the daemon's user or as root";
    Cause::new(ErrorKind::Local, what, fix).with_detail(&error.to_string())
}

fn later(cause: Cause) -> Failure {
    Failure::Later { after: None, cause }
}
