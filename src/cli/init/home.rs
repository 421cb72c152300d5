//! Where configuration and secrets are written.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::Args;
use crate::{
    cli::{Context, output::Failure},
    config::{DEFAULT_FILE, Refer},
};

/// Where it is written, and how secrets are referred to.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// The configuration.
    pub(super) file: PathBuf,
    /// Its folder.
    pub(super) folder: PathBuf,
    /// How it refers to secrets.
    pub(super) refer: Refer,
}

impl Home {
    /// The file that is meant; refuses one that is there unless it may be written over.
    pub(super) fn find(context: &Context, args: &Args) -> Result<Self, Failure> {
        let file = match &context.file {
            Some(file) => file.clone(),
            None if is_root() => PathBuf::from(DEFAULT_FILE),
            None => {
                return Err(Failure::Usage(format!(
                    "only root may write {DEFAULT_FILE}: sudo apertur-bridge init, or name \
                     another file: apertur-bridge --config FILE init"
                )));
            }
        };
        if file.is_dir() {
            let at = file.display();
            return Err(Failure::Usage(format!("{at} is a folder; name a file in it: --config")));
        }
        if file.exists() && !args.force {
            let at = file.display();
            return Err(Failure::Failed(anyhow::anyhow!(
                "{at} is there already; change it and run apertur-bridge check, or make a new one \
                 with --force, which keeps the old one beside it"
            )));
        }
        let file = std::path::absolute(file)?;
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        let is_usual = file == Path::new(DEFAULT_FILE);
        let is_credential = args.credentials || (is_usual && !args.no_credentials);
        let refer = if is_credential { Refer::Credential } else { Refer::File };
        Ok(Self { file, folder, refer })
    }

    /// Whether the service runs on it, as a user of its own.
    pub(super) fn is_service(&self) -> bool {
        self.refer == Refer::Credential
    }
}

/// The owner of a process's own files is who runs it.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
