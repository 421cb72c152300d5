//! The data directory: there, private, the daemon's own, on a disk that keeps things and has room.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use super::Files;
use crate::{
    model::Finding,
    system::{Disk, Room},
};

/// Fewer free bytes than this are told of.
const LITTLE: u64 = 1024 * 1024 * 1024;
/// Fewer files that may still be made than this are told of; none at all is an error.
const FEW: u64 = 10_000;
/// What is private, besides the journal.
const PRIVATE: [&str; 6] =
    ["tokens.json", "tokens.lock", "collect.key", "control.sock", "lock", "spool"];
/// Files of the spool that are counted; counting more takes too long.
const COUNTED: usize = 200_000;
const ROOT: u32 = 0;

/// Looks at it.
pub(super) async fn look(files: &Files) -> Vec<Finding> {
    let files = files.clone();
    let looked = tokio::task::spawn_blocking(move || examine(&files)).await;
    looked.unwrap_or_else(|error| {
        vec![Finding::error("look", error.to_string(), "report it, with the log before")]
    })
}

fn examine(files: &Files) -> Vec<Finding> {
    let path = &files.data_dir;
    let shown = path.display();
    let folder = match fs::metadata(path) {
        Ok(folder) if folder.is_dir() => folder,
        Ok(_) => {
            let fix = "move it away, or let `data_dir` name a directory";
            return vec![Finding::error("directory", format!("{shown} is no directory"), fix)];
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let what = format!("{shown} is not there; the first start makes it");
            let fix = "start the daemon: systemctl enable --now apertur-bridge, or \
                       apertur-bridge serve";
            return vec![Finding::warning("directory", what, fix)];
        }
        Err(error) => return vec![closed(path, &error)],
    };
    let mut findings = vec![Finding::ok("directory", shown.to_string())];
    findings.extend(access_of(path, &folder));
    let private = private(files);
    findings.extend(private.iter().filter_map(|file| strange(file, &folder)));
    findings.extend(open(path, &folder).into_iter().chain(
        private.iter().filter_map(|file| {
            fs::symlink_metadata(file).ok().and_then(|found| open(file, &found))
        }),
    ));
    findings.extend(disk(path));
    findings.extend(room(files));
    findings
}

/// What should be private and is not there is not looked at.
fn private(files: &Files) -> Vec<PathBuf> {
    let mut all: Vec<_> = PRIVATE.map(|name| files.data_dir.join(name)).into();
    if let Some(journal) = &files.journal {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = journal.clone().into_os_string();
            name.push(suffix);
            all.push(name.into());
        }
    }
    all
}

fn closed(path: &Path, error: &io::Error) -> Finding {
    let what = format!("{} cannot be looked at: {error}", path.display());
    let fix = "run this as root or as the daemon's user: sudo apertur-bridge doctor";
    Finding::error("directory", what, fix)
}

/// Whether the one who asks may write there; of root it says whether anybody may.
fn access_of(path: &Path, folder: &Metadata) -> Option<Finding> {
    let error = access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).err()?;
    let (shown, owner) = (path.display(), folder.uid());
    let what = format!("{shown}, of user {owner}, cannot be written: {error}");
    let fix = format!(
        "run this as root or as the daemon's user: sudo apertur-bridge doctor; if that is the one, \
         chown it to that user and mount its disk for writing: mount -o remount,rw {shown}"
    );
    Some(Finding::error("access", what, fix))
}

/// A file that belongs to another user than the directory: the daemon cannot write it.
fn strange(path: &Path, folder: &Metadata) -> Option<Finding> {
    let file = fs::symlink_metadata(path).ok()?;
    if file.uid() == folder.uid() || folder.uid() == ROOT {
        return None;
    }
    let (shown, owner) = (path.display(), folder.uid());
    let what = format!("{shown} belongs to user {}, not to the daemon's, {owner}", file.uid());
    Some(Finding::error("owner", what, format!("chown {owner}:{} {shown}", folder.gid())))
}

/// Something that others may look into.
fn open(path: &Path, found: &Metadata) -> Option<Finding> {
    let mode = found.mode() & 0o777;
    if mode & 0o077 == 0 || found.is_symlink() {
        return None;
    }
    let shown = path.display();
    let what = format!("{shown} is open to others (mode {mode:03o})");
    let wanted = if found.is_dir() { "700" } else { "600" };
    Some(Finding::warning("mode", what, format!("chmod {wanted} {shown}")))
}

fn disk(path: &Path) -> Option<Finding> {
    let disk = Disk::under(path).ok().filter(|disk| !disk.kind.is_empty())?;
    let what = format!("{} at {}", disk.kind, disk.mounted_at.display());
    let fix = "stop the daemon, move the directory to a local disk and let `data_dir` name it";
    if disk.is_shared() {
        let what = format!("{what} is a network file system: the journal can be damaged there");
        return Some(Finding::error("file system", what, fix));
    }
    if disk.is_memory() {
        let what = format!("{what} is memory: photos are lost when the machine stops");
        return Some(Finding::warning("file system", what, fix));
    }
    Some(Finding::ok("file system", what))
}

fn room(files: &Files) -> Vec<Finding> {
    let path = &files.data_dir;
    let Ok(Room { bytes, files: left }) = Room::at(path) else { return Vec::new() };
    let (count, size, is_all) = spool(&path.join("spool"));
    let more = if is_all { "" } else { "more than " };
    let (free, size) = (mib(bytes), mib(size));
    let what = format!("{free} are free; the spool has {more}{count} file(s) of {size}");
    let fix = format!(
        "make room on the disk of {}: df -h {0}; shorter `retention.bytes` keeps fewer photos",
        path.display()
    );
    let mut findings = vec![match bytes {
        _ if bytes < files.min_free.max(1) => {
            let least = mib(files.min_free);
            Finding::error("free space", format!("{what}; photos need {least}"), fix)
        }
        _ if bytes < LITTLE => Finding::warning("free space", what, fix),
        _ => Finding::ok("free space", what),
    }];
    if let Some(left) = left.filter(|left| *left < FEW) {
        let what = format!("{left} more files can be made on this disk");
        let fix = format!("remove files from the disk of {}: df -i {0}", path.display());
        findings.push(match left {
            0 => Finding::error("free files", what, fix),
            _ => Finding::warning("free files", what, fix),
        });
    }
    findings
}

fn mib(bytes: u64) -> String {
    match bytes >> 20 {
        mib @ ..10_240 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib >> 10),
    }
}

/// Number and size of the files of the spool, and whether these are all.
fn spool(path: &Path) -> (usize, u64, bool) {
    let (mut count, mut size) = (0, 0_u64);
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                folders.push(entry.path());
                continue;
            }
            if count == COUNTED {
                return (count, size, false);
            }
            (count, size) = (count + 1, size.saturating_add(found.len()));
        }
    }
    (count, size, true)
}
