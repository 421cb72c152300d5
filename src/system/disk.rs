//! What is under a path: which file system, and how much room it has left.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The file system under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its type in the kernel's word, `ext4`, `nfs4`, `tmpfs`; empty where it is not told.
    pub kind: String,
    /// Where it is mounted.
    pub mounted_at: PathBuf,
}

/// What is left on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that this user may still write.
    pub bytes: u64,
    /// Files that this user may still make; `None` where the file system does not count them.
    pub files: Option<u64>,
}

impl Disk {
    /// The file system under a path that is there. Blocks.
    ///
    /// # Errors
    /// When the path is not there, or the kernel does not tell.
    pub fn under(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        Ok(found(&fs::read_to_string("/proc/self/mountinfo")?, &path))
    }

    /// Whether other machines may write to it, too: no journal is safe there.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        const SHARED: [&str; 10] = [
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "9p",
            "ceph",
            "afs",
            "glusterfs",
            "fuse.glusterfs",
            "fuse.sshfs",
        ];
        SHARED.contains(&self.kind.as_str())
    }

    /// Whether it lives in memory: nothing on it outlasts the machine.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        matches!(self.kind.as_str(), "tmpfs" | "ramfs")
    }
}

impl Room {
    /// What is left where a path is. Blocks.
    ///
    /// # Errors
    /// When the path is not there.
    pub fn at(path: &Path) -> io::Result<Self> {
        let told = rustix::fs::statvfs(path)?;
        let files = (told.f_files > 0).then_some(told.f_favail);
        Ok(Self { bytes: told.f_bavail.saturating_mul(told.f_frsize), files })
    }
}

/// The mount that a path is on, by `/proc/self/mountinfo` (proc(5)): the longest mount point that
/// it is below, of several at one place the last.
fn found(mounts: &str, path: &Path) -> Disk {
    let mut best = Disk { kind: String::new(), mounted_at: PathBuf::new() };
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let Some(place) = before.split(' ').nth(4) else { continue };
        let place = PathBuf::from(place.replace("\\040", " "));
        let longest = best.mounted_at.components().count();
        if path.starts_with(&place) && place.components().count() >= longest {
            let kind = after.split(' ').next().unwrap_or_default().to_owned();
            best = Disk { kind, mounted_at: place };
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw shared:1 - nfs4 server:/srv rw
31 30 0:41 / /srv/own\\040disk rw - xfs /dev/sdb rw
32 22 0:42 / /var/lib rw master:1 shared:7 - ext4 /dev/sdc rw
33 32 0:43 / /var/lib rw - tmpfs tmpfs rw
";

    #[test]
    fn a_path_is_on_the_mount_that_was_made_last_below_it() {
        for (path, kind, at) in [
            ("/home/x", "ext4", "/"),
            ("/srv/x", "nfs4", "/srv"),
            ("/srvx", "ext4", "/"),
            ("/srv/own disk/x", "xfs", "/srv/own disk"),
            ("/var/lib/apertur-bridge", "tmpfs", "/var/lib"),
        ] {
            let disk = found(MOUNTS, Path::new(path));
            assert_eq!((disk.kind.as_str(), disk.mounted_at.as_path()), (kind, Path::new(at)));
            assert_eq!((disk.is_shared(), disk.is_memory()), (kind == "nfs4", kind == "tmpfs"));
        }
        assert_eq!(found("rubbish\n", Path::new("/x")).kind, "");
    }

    #[test]
    fn this_machine_tells_what_it_has() -> io::Result<()> {
        let home = tempfile::tempdir()?;
        assert!(!Disk::under(home.path())?.kind.is_empty());
        assert!(Room::at(home.path())?.bytes > 0);
        assert!(Disk::under(&home.path().join("away")).is_err());
        Ok(())
    }
}
