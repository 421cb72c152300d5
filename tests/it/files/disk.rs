//! A disk that is soon full.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A file system of two mebibytes, unmounted at the end.
pub(crate) struct Disk(pub(crate) PathBuf);

impl Disk {
    /// # Panics
    /// Where this user may not mount one.
    pub(crate) fn mount(at: &Path) -> Self {
        fs::create_dir(at).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=2m,mode=0777", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(at).status().unwrap();
        assert!(mounted.success(), "run the tests as root: this one mounts a small disk");
        Self(at.to_owned())
    }

    /// The same without a byte of room.
    pub(crate) fn full(at: &Path) -> Self {
        let disk = Self::mount(at);
        let mut file = fs::File::create(at.join("filling")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        disk
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}
