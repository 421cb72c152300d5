//! The file work of a folder destination. Everything here blocks.
//!
//! Nothing leaves the root: every folder on the way to a key is resolved and checked, so a
//! symlink inside that leads out stops the photo. Whoever can write inside the root at the same
//! moment is trusted.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::model::{Cause, Digest, ErrorKind, Failure};

/// Bytes copied at once.
const BLOCK: usize = 256 * 1024;
/// What the test writes.
const TRIAL: &[u8] = b"apertur-bridge test\n";

/// A folder that exists, by its real path.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
}

/// A photo and where it is to be.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its key.
    pub(super) key: String,
    /// Its key where that one is taken; in the same folder.
    pub(super) second_key: String,
    /// The photo's marker.
    pub(super) marker: String,
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

/// Where a photo is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) key: String,
    pub(super) is_second: bool,
    /// Whether it was there before.
    pub(super) found: bool,
}

/// Why a photo could not be placed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The folder's file system.
    Disk(io::Error),
    /// The photo cannot be read.
    Source(io::Error),
    /// The photo's bytes are not those that were received.
    Damaged,
    /// A symlink leads out of the root, or a file stands where a folder should.
    NoWay(String),
    /// Both keys are taken by other files.
    Taken(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// What stands under a name.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Nothing,
    Same,
    Other,
}

impl Store {
    /// Opens the root, making it where that is allowed and its parent exists.
    pub(super) fn open(path: &Path, may_make: bool) -> Result<Self, Trouble> {
        let root = match path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => {
                fs::create_dir(path)?;
                sync_dir(path.parent().unwrap_or(path))?;
                path.canonicalize()?
            }
            other => other?,
        };
        if !root.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory).into());
        }
        Ok(Self { root })
    }

    /// Places a photo, or finds it placed.
    pub(super) fn put(&self, wanted: &Wanted, mut source: File) -> Result<Placed, Trouble> {
        let folder = self.folder(&wanted.key, true)?.unwrap_or_else(|| self.root.clone());
        let (placed, _) = place(&folder, wanted)?;
        if placed.found {
            return Ok(placed);
        }
        let part = Part::write(&folder, wanted, &mut source)?;
        // A file that appears between look and link makes the link fail: look again.
        for _ in 0..3 {
            let (placed, name) = place(&folder, wanted)?;
            if placed.found {
                return Ok(placed);
            }
            match part.publish(&folder.join(name)) {
                Ok(()) => {
                    sync_dir(&folder)?;
                    return Ok(placed);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Trouble::Taken(wanted.second_key.clone()))
    }

    /// Finds a photo under either of its keys.
    pub(super) fn find(&self, wanted: &Wanted) -> Result<Option<Placed>, Trouble> {
        let Some(folder) = self.folder(&wanted.key, false)? else { return Ok(None) };
        match place(&folder, wanted) {
            Ok((placed, _)) => Ok(placed.found.then_some(placed)),
            Err(Trouble::Taken(_)) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The folder of a key, made where it is missing; `None` where it is missing and must not
    /// be made.
    fn folder(&self, key: &str, make: bool) -> Result<Option<PathBuf>, Trouble> {
        let mut at = self.root.clone();
        let Some((folders, _)) = key.rsplit_once('/') else { return Ok(Some(at)) };
        for name in folders.split('/') {
            let next = at.join(name);
            if make {
                make_dir(&at, &next)?;
            }
            let no_way = || Trouble::NoWay(next.display().to_string());
            at = match next.canonicalize() {
                Ok(real) if real.starts_with(&self.root) && real.is_dir() => real,
                Err(error) if error.kind() == io::ErrorKind::NotFound && !make => return Ok(None),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                // Elsewhere, no folder, or a symlink to nothing.
                Ok(_) | Err(_) => return Err(no_way()),
            };
        }
        Ok(Some(at))
    }

    /// Writes, reads, compares and removes a small file, telling each step and what it did.
    pub(super) fn try_out(&self, step: &mut impl FnMut(&str, &str)) -> Result<(), Trouble> {
        let path = self.root.join(".apertur-bridge-test.part");
        remove_left(&path)?;
        let compared = write_and_read(&path, step);
        let removed = remove_left(&path);
        compared.and(removed)?;
        step("remove", "it was removed");
        Ok(())
    }

    /// Free bytes for this user; `None` where the system does not tell.
    pub(super) fn free(&self) -> Option<u64> {
        let told = rustix::fs::statvfs(&self.root).ok()?;
        Some(told.f_bavail.saturating_mul(told.f_frsize))
    }
}

/// Where a photo is or can be: under its key, or its second key where another file has that.
fn place<'a>(folder: &Path, wanted: &'a Wanted) -> Result<(Placed, &'a str), Trouble> {
    for (key, is_second) in [(&wanted.key, false), (&wanted.second_key, true)] {
        let name = key.rsplit_once('/').map_or(key.as_str(), |(_, name)| name);
        let path = folder.join(name);
        let found = match standing(&path, wanted)? {
            Standing::Other => continue,
            Standing::Nothing => false,
            Standing::Same => {
                // Whoever wrote it may have been cut off before it was durable.
                File::open(&path)?.sync_all()?;
                sync_dir(folder)?;
                true
            }
        };
        return Ok((Placed { key: key.clone(), is_second, found }, name));
    }
    Err(Trouble::Taken(wanted.second_key.clone()))
}

fn standing(path: &Path, wanted: &Wanted) -> io::Result<Standing> {
    let there = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Nothing),
        other => other?,
    };
    if !there.is_file() || there.len() != wanted.size {
        return Ok(Standing::Other);
    }
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => hash.update(&block[..read]),
        }
    }
    let same = Digest(hash.finalize().into()) == wanted.sha256;
    Ok(if same { Standing::Same } else { Standing::Other })
}

/// A photo whole and on the disk under a temporary name, which goes when this does.
#[derive(Debug)]
struct Part(PathBuf);

impl Part {
    fn write(folder: &Path, wanted: &Wanted, source: &mut File) -> Result<Self, Trouble> {
        let path = folder.join(format!(".apertur-{}.part", wanted.marker));
        // What a killed daemon left may be linked to the published file: remove, never reuse.
        remove_left(&path)?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let part = Self(path);
        let (mut hash, mut size) = (Sha256::new(), 0);
        let mut block = vec![0; BLOCK];
        loop {
            let read = source.read(&mut block).map_err(Trouble::Source)?;
            if read == 0 {
                break;
            }
            file.write_all(&block[..read])?;
            hash.update(&block[..read]);
            size += read as u64;
        }
        if size != wanted.size || Digest(hash.finalize().into()) != wanted.sha256 {
            return Err(Trouble::Damaged);
        }
        file.sync_all()?;
        Ok(part)
    }

    /// Gives the file its name, unless the name is taken.
    fn publish(&self, path: &Path) -> io::Result<()> {
        match fs::hard_link(&self.0, path) {
            Err(error) if has_no_links(&error) => {
                if fs::symlink_metadata(path).is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::rename(&self.0, path)
            }
            other => other,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What stays behind is removed before the next write.
        drop(fs::remove_file(&self.0));
    }
}

/// Whether a file system refuses hard links as such.
fn has_no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied | io::ErrorKind::TooManyLinks
    )
}

fn write_and_read(path: &Path, step: &mut impl FnMut(&str, &str)) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(TRIAL)?;
    file.sync_all()?;
    step("write", "a file was written");
    if fs::read(path)? != TRIAL {
        return Err(io::Error::other("the file came back changed"));
    }
    step("read", "it was read back and compared");
    Ok(())
}

fn remove_left(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn make_dir(parent: &Path, path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => sync_dir(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

impl Trouble {
    /// What it means for the photo, or for all of them.
    pub(super) fn into_failure(self, root: &Path) -> Failure {
        let root = root.display();
        let local = |what: &str, fix: String| Cause::new(ErrorKind::Local, what, fix);
        match self {
            Self::Disk(error) => of_disk(&error, &root.to_string()),
            Self::Source(error) => Failure::Later {
                after: None,
                cause: local(
                    "the photo cannot be read from the spool",
                    "look at the disk of data_dir; it is tried again".to_owned(),
                )
                .with_detail(&error.to_string()),
            },
            Self::Damaged => Failure::Refused {
                cause: local(
                    "the photo's bytes in the spool are not those that were received",
                    "check the disk of data_dir; collect the photo again at Apertur".to_owned(),
                ),
            },
            Self::NoWay(place) => Failure::Refused {
                cause: Cause::new(
                    ErrorKind::NotAllowed,
                    format!("{place} is no folder inside {root}"),
                    "remove the symlink or file there, then replay the delivery",
                ),
            },
            Self::Taken(key) => Failure::Refused {
                cause: Cause::new(
                    ErrorKind::Rejected,
                    format!("another file has the name {key}"),
                    "move that file away, then replay the delivery",
                ),
            },
        }
    }
}

fn of_disk(error: &io::Error, root: &str) -> Failure {
    use io::ErrorKind as Io;
    let cause = |what: &str, fix: String| {
        Cause::new(ErrorKind::Local, what, fix).with_detail(&error.to_string())
    };
    match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => Failure::Broken {
            cause: cause("the disk is full", format!("free space on the disk of {root}")),
        },
        Io::ReadOnlyFilesystem => Failure::Broken {
            cause: cause(
                "the folder cannot be written",
                format!(
                    "mount {root} writable; under systemd name it in ReadWritePaths of a drop-in"
                ),
            ),
        },
        Io::PermissionDenied => Failure::Broken {
            cause: cause(
                "the folder may not be written",
                format!("give the daemon's user write access to {root}"),
            ),
        },
        Io::NotFound | Io::NotADirectory => Failure::Broken {
            cause: cause(
                "the folder is not there",
                format!("mount or make {root}, writable for the daemon's user"),
            ),
        },
        Io::InvalidFilename => Failure::Refused {
            cause: cause(
                "the file system does not take the photo's name",
                "use a shorter `key_template`, then replay the delivery".to_owned(),
            ),
        },
        _ => Failure::Later {
            after: None,
            cause: cause("the file could not be written", format!("look at the disk of {root}")),
        },
    }
}
