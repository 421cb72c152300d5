//! How much room there is, and the floor below which nothing more is taken.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use tokio::sync::watch;

use super::Room;

/// What is free for this user on the file system of a path, in bytes.
///
/// # Errors
/// When the path, or its file system, cannot be looked at.
pub fn free_space(path: &Path) -> io::Result<u64> {
    Ok(Room::at(path)?.bytes)
}

/// A number of bytes, for people: `12 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let (mut whole, mut rest, mut unit) = (self.0, 0, "");
        for next in units {
            if whole < 1024 {
                break;
            }
            (whole, rest, unit) = (whole / 1024, whole % 1024, next);
        }
        match (whole, rest * 10 / 1024) {
            (..10, tenth @ 1..) => write!(f, "{whole}.{tenth} {unit}"),
            _ => write!(f, "{whole} {unit}"),
        }
    }
}

/// There is less room than wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Low {
    /// The folder.
    pub place: PathBuf,
    /// What is free there, in bytes.
    pub free: u64,
    /// What is wanted, in bytes.
    pub wanted: u64,
}

impl fmt::Display for Low {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "only {} are free on the disk of {}, and journal.min_free wants {}; make room there: \
             no new photo is taken until then",
            Size(self.free),
            self.place.display(),
            Size(self.wanted)
        )
    }
}

/// Whether there is room for new photos: set by who measures, asked by who takes them. Clones are
/// one. By itself there is.
#[derive(Debug, Clone, Default)]
pub struct Floor(watch::Sender<Option<Low>>);

impl Floor {
    /// Why nothing more may be taken, if so.
    #[must_use]
    pub fn low(&self) -> Option<Low> {
        self.0.borrow().clone()
    }

    /// Whether nothing more may be taken.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Says how it is; gives whether that is another word than before.
    pub fn set(&self, low: Option<Low>) -> bool {
        let before = self.0.send_replace(low);
        before.is_some() != self.is_low()
    }
}

/// The next word, given the last: room counts as there again only with a quarter more than
/// wanted, so that one photo more or less does not open and shut the door.
#[must_use]
pub fn is_low(was_low: bool, free: u64, wanted: u64) -> bool {
    let enough = if was_low { wanted.saturating_add(wanted / 4) } else { wanted };
    free < enough
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let shown = [0, 1023, 1024, 1536, 10 << 20, 268_435_456, 5_583_457_484, u64::MAX];
        let shown = shown.map(|bytes| Size(bytes).to_string());
        let expected =
            ["0 B", "1023 B", "1 KiB", "1.5 KiB", "10 MiB", "256 MiB", "5.1 GiB", "16777215 TiB"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_floor_opens_later_than_it_shuts() {
        assert!(!is_low(false, 100, 100) && is_low(false, 99, 100));
        assert!(is_low(true, 124, 100) && !is_low(true, 125, 100));
        assert!(!is_low(true, 0, 0) && !is_low(false, 0, 0), "0 is no floor");
        assert!(is_low(true, u64::MAX - 1, u64::MAX));
    }

    #[test]
    fn a_file_system_says_what_is_free() -> io::Result<()> {
        assert!(free_space(Path::new("/"))? > 0);
        assert!(free_space(Path::new("/there/is/nothing/here")).is_err());
        Ok(())
    }
}
