//! A disk that is soon full.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A file system of two mebibytes, unmounted at the end.
pub(super) struct Disk(pub(super) PathBuf);

impl Disk {
    /// # Panics
    /// Where this user may not mount one.
    pub(super) fn mount(at: &Path) -> Self {
        fs::create_dir(at).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=2m,mode=0777", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(at).status().unwrap();
        assert!(mounted.success(), "run the tests as root: this one mounts a small disk");
        Self(at.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}
