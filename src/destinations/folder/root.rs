//! The file work of a folder destination. Everything here blocks.
//!
//! Nothing leaves the root: every folder on the way to a key is resolved and checked, so a
//! symlink inside that leads out stops the photo. Whoever can write inside the root at the same
//! moment is trusted.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, CWD, RenameFlags},
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use super::{
    super::storage::{Object, Written, part_of},
    BLOCK,
    fault::Trouble,
};
use crate::model::Digest;

/// A folder that exists, by its real path.
#[derive(Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    /// Opens it, making it where that is allowed and its parent exists.
    pub(super) fn open(path: &Path, may_make: bool) -> Result<Self, Trouble> {
        let real = match path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => {
                fs::create_dir(path)?;
                let parent = path.parent().unwrap_or(path);
                give_to_owner_of(parent, path);
                sync_dir(parent)?;
                path.canonicalize()?
            }
            other => other?,
        };
        if !real.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory).into());
        }
        Ok(Self(real))
    }

    /// Whether files can be made in it.
    pub(super) fn check_writable(&self) -> Result<(), Trouble> {
        let access = Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::access(&self.0, access).map_err(|errno| Trouble::Disk(errno.into()))
    }

    /// Free bytes for this user; `None` where the system does not tell.
    pub(super) fn free(&self) -> Option<u64> {
        let told = rustix::fs::statvfs(&self.0).ok().filter(|told| told.f_blocks > 0)?;
        Some(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// What is under a key, durable when this returns.
    pub(super) fn stat(&self, key: &str) -> Result<Option<Object>, Trouble> {
        let Some(path) = self.path(key)? else { return Ok(None) };
        let there = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        // A folder or a symlink is no photo, whatever length it is said to have.
        if !there.is_file() {
            return Ok(Some(Object { size: u64::MAX, sha256: None }));
        }
        let mut file = File::open(&path)?;
        let mut block = vec![0; BLOCK];
        let mut hash = Sha256::new();
        loop {
            match file.read(&mut block)? {
                0 => break,
                read => hash.update(&block[..read]),
            }
        }
        let sha256 = Digest(hash.finalize().into());
        // Whoever wrote it may have been killed before its temporary name was gone, or cut off
        // before it was durable.
        let part = path.with_file_name(split(&part_of(key, &sha256)).1);
        if is_same(&part, &file) {
            drop(fs::remove_file(part));
        }
        file.sync_all()?;
        sync_dir(path.parent().unwrap_or(&self.0))?;
        Ok(Some(Object { size: there.len(), sha256: Some(sha256) }))
    }

    /// Writes a file of this length and digest under a key, unless the key is taken.
    pub(super) fn write(
        &self,
        key: &str,
        mut source: File,
        size: u64,
        sha256: Digest,
    ) -> Result<Written, Trouble> {
        let path = self.make_folders(key)?;
        let part = path.with_file_name(split(&part_of(key, &sha256)).1);
        let part = Part::write(part, &mut source, size, sha256)?;
        match part.publish(&path) {
            Ok(()) => {
                sync_dir(path.parent().unwrap_or(&self.0))?;
                Ok(Written::Done)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Written::Taken),
            Err(error) => Err(error.into()),
        }
    }

    /// The file under a key.
    pub(super) fn read(&self, key: &str) -> Result<File, Trouble> {
        let path = self.path(key)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(File::open(path)?)
    }

    /// Removes what is under a key.
    pub(super) fn remove(&self, key: &str) -> Result<(), Trouble> {
        let Some(path) = self.path(key)? else { return Ok(()) };
        Ok(remove_left(&path)?)
    }

    /// Removes an empty folder.
    pub(super) fn remove_folder(&self, folder: &str) -> Result<(), Trouble> {
        let Some(path) = self.path(folder)? else { return Ok(()) };
        match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        }
    }

    /// The path of a key; `None` where a folder on the way is missing.
    fn path(&self, key: &str) -> Result<Option<PathBuf>, Trouble> {
        let (folders, name) = split(key);
        let mut at = self.0.clone();
        for folder in folders {
            match self.resolve(&at.join(folder)) {
                Ok(real) => at = real,
                Err(Trouble::Disk(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(None);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(Some(at.join(name)))
    }

    /// The path of a key, every folder on the way made where it is missing.
    fn make_folders(&self, key: &str) -> Result<PathBuf, Trouble> {
        let (folders, name) = split(key);
        let mut at = self.0.clone();
        for folder in folders {
            let next = at.join(folder);
            make_dir(&at, &next)?;
            at = match self.resolve(&next) {
                // A symlink to nothing.
                Err(Trouble::Disk(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Trouble::NoWay(next.display().to_string()));
                }
                other => other?,
            };
        }
        Ok(at.join(name))
    }

    /// The real path of a folder inside the root.
    fn resolve(&self, path: &Path) -> Result<PathBuf, Trouble> {
        let real = path.canonicalize()?;
        if real.starts_with(&self.0) && real.is_dir() {
            Ok(real)
        } else {
            Err(Trouble::NoWay(path.display().to_string()))
        }
    }
}

/// The folders on the way to a key, and its name.
fn split(key: &str) -> (impl Iterator<Item = &str>, &str) {
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    (folders.split('/').filter(|folder| !folder.is_empty()), name)
}

/// A photo whole and on the disk under a temporary name, which goes when this does.
///
/// The name is the same in every try, so that none is left for good. A try that hung may still
/// be at work when the next one begins, which takes the name away from it.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn write(path: PathBuf, source: &mut File, size: u64, sha256: Digest) -> Result<Self, Trouble> {
        // What a killed daemon left may be linked to the published file: remove, never reuse.
        remove_left(&path)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let mut part = Self { path, file };
        let (mut hash, mut written) = (Sha256::new(), 0);
        let mut block = vec![0; BLOCK];
        loop {
            let read = source.read(&mut block).map_err(Trouble::Source)?;
            if read == 0 {
                break;
            }
            part.file.write_all(&block[..read])?;
            hash.update(&block[..read]);
            written += read as u64;
        }
        if written != size || Digest(hash.finalize().into()) != sha256 {
            return Err(Trouble::Damaged);
        }
        part.file.sync_all()?;
        Ok(part)
    }

    /// Gives the file its name, unless the name is taken.
    fn publish(&self, path: &Path) -> io::Result<()> {
        if !self.has_its_name() {
            return Err(io::Error::other("another try to write this file took its place"));
        }
        match fs::hard_link(&self.path, path) {
            Err(error) if has_no_links(&error) => rename_new(&self.path, path),
            Ok(()) if !is_same(path, &self.file) => {
                // The name changed hands in this very moment: what got published is not whole.
                fs::remove_file(path)?;
                Err(io::Error::other("another try to write this file took its place"))
            }
            other => other,
        }
    }

    fn has_its_name(&self) -> bool {
        is_same(&self.path, &self.file)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What stays behind is removed before the next write.
        if self.has_its_name() {
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Renames to a name that nothing has.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system cannot promise it; nobody else of this daemon writes this key now.
        Err(Errno::INVAL | Errno::NOSYS) if fs::symlink_metadata(to).is_err() => {
            fs::rename(from, to)
        }
        Err(Errno::INVAL | Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
        other => Ok(other?),
    }
}

/// Whether this name is this file's.
fn is_same(path: &Path, file: &File) -> bool {
    let told = (fs::symlink_metadata(path), file.metadata());
    let (Ok(there), Ok(file)) = told else { return false };
    (there.dev(), there.ino()) == (file.dev(), file.ino())
}

/// Whether a file system refuses hard links as such.
fn has_no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied | io::ErrorKind::TooManyLinks
    )
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

/// Gives what root made for a trial to whom the daemon runs as, if that is the parent's owner.
fn give_to_owner_of(parent: &Path, path: &Path) {
    if let Ok(parent) = fs::metadata(parent) {
        // Nobody but root may, and nobody else has to.
        drop(std::os::unix::fs::chown(path, Some(parent.uid()), Some(parent.gid())));
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_that_hung_publishes_nothing_of_the_next_one() {
        let home = tempfile::tempdir().unwrap();
        let (part, key) = (home.path().join(".part"), home.path().join("photo.jpg"));
        let source = home.path().join("source");
        fs::write(&source, b"photo").unwrap();
        let sha256 = Digest(Sha256::digest(b"photo").into());
        let write = || Part::write(part.clone(), &mut File::open(&source).unwrap(), 5, sha256);
        let hung = write().unwrap();
        let next = write().unwrap();
        assert!(hung.publish(&key).is_err());
        drop(hung);
        assert!(!key.exists() && part.exists());
        next.publish(&key).unwrap();
        drop(next);
        assert_eq!(fs::read(&key).unwrap(), b"photo");
        assert!(!part.exists());
    }

    #[test]
    fn the_temporary_name_that_a_killed_try_left_beside_a_whole_file_goes_with_the_next_look() {
        let home = tempfile::tempdir().unwrap();
        let root = Root::open(home.path(), false).unwrap();
        let (key, sha256) = ("a.jpg", Digest(Sha256::digest(b"photo").into()));
        let part = home.path().join(part_of(key, &sha256));
        fs::write(home.path().join(key), b"photo").unwrap();
        fs::write(&part, b"another try").unwrap();
        root.stat(key).unwrap();
        assert!(part.exists(), "a try that is under way keeps its own");
        fs::remove_file(&part).unwrap();
        fs::hard_link(home.path().join(key), &part).unwrap();
        let found = root.stat(key).unwrap().unwrap();
        assert_eq!((found.size, found.sha256), (5, Some(sha256)));
        assert!(!part.exists() && home.path().join(key).exists());
    }

    #[test]
    fn a_rename_where_there_are_no_links_replaces_nothing() {
        let home = tempfile::tempdir().unwrap();
        let [one, two, key] = ["one", "two", "key"].map(|name| home.path().join(name));
        fs::write(&one, b"one").unwrap();
        fs::write(&two, b"two").unwrap();
        rename_new(&one, &key).unwrap();
        let error = rename_new(&two, &key).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&key).unwrap(), b"one");
    }
}
