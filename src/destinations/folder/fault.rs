//! What goes wrong with files, and what it means for the photo or for all of them.

use std::{io, path::Path};

use super::super::storage::unreadable;
use crate::model::{Cause, ErrorKind, Failure};

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
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl Trouble {
    /// What it means for the photo, or for all of them.
    pub(super) fn into_failure(self, root: &Path) -> Failure {
        let root = root.display();
        let local = |what: &str, fix: String| Cause::new(ErrorKind::Local, what, fix);
        match self {
            Self::Disk(error) => of_disk(&error, &root.to_string()),
            Self::Source(error) => unreadable(&error),
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
