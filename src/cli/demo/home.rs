//! The directory of a demo: configuration, secrets, data and photos.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    cli::output::Failure,
    config::{self, Config},
};

/// A directory for one demo.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    /// Removes it at the end.
    temporary: Option<tempfile::TempDir>,
    pub(super) webhook_secret: SecretString,
    pub(super) api_key: SecretString,
}

/// Addresses that stand in the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses<'a> {
    pub(super) listen: &'a str,
    pub(super) console: &'a str,
    pub(super) apertur: &'a str,
}

impl Home {
    /// Makes the directory, a temporary one unless it is named, with fresh secrets.
    pub(super) fn make(dir: Option<&Path>) -> anyhow::Result<Self> {
        let (path, temporary) = match dir {
            Some(dir) => (new_or_empty(dir)?, None),
            None => {
                let made = tempfile::Builder::new().prefix("apertur-bridge-demo-").tempdir();
                let made = made.context("cannot make a temporary directory; name one by --dir")?;
                (made.path().to_owned(), Some(made))
            }
        };
        let fresh = |prefix: &str| format!("{prefix}{}", hex::encode(rand::random::<[u8; 32]>()));
        let home = Self {
            path,
            temporary,
            webhook_secret: fresh("").into(),
            api_key: fresh("aptr_live_").into(),
        };
        home.write("webhook-secret", home.webhook_secret.expose_secret().as_bytes())?;
        home.write("apertur-api-key", home.api_key.expose_secret().as_bytes())?;
        Ok(home)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn photos(&self) -> PathBuf {
        self.path.join("photos")
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// Writes a file for the eyes of its owner, over one that is there.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(bytes))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Writes the configuration and reads it as the daemon does, without the environment.
    pub(super) fn configure(&self, addresses: Addresses<'_>) -> Result<Config, Failure> {
        let text = configuration(addresses);
        let file = self.write("config.toml", text.as_bytes())?;
        Ok(config::load_from(Some((&file, &text)), &BTreeMap::new())?.config)
    }
}

fn new_or_empty(dir: &Path) -> anyhow::Result<PathBuf> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make {}; name another --dir", dir.display()))?;
    let dir = fs::canonicalize(dir)?;
    if fs::read_dir(&dir)?.next().transpose()?.is_some() {
        let error = io::Error::from(io::ErrorKind::DirectoryNotEmpty);
        return Err(error).with_context(|| {
            format!("{} is not for a demo; name a new or empty --dir", dir.display())
        });
    }
    Ok(dir)
}

fn configuration(Addresses { listen, console, apertur }: Addresses<'_>) -> String {
    format!(
        r#"# A demo of apertur-bridge. Every key there is: apertur-bridge config example
data_dir = "data"

[server]
listen = "{listen}"

[webhook]
secrets = [{{ file = "webhook-secret" }}]

[apertur]
api_key = {{ file = "apertur-api-key" }}
# The demo's stand-in for Apertur; gone when the demo ends.
base_url = "{apertur}"

[console]
listen = "{console}"

[destination.archive]
type = "folder"
path = "photos"
"#
    )
}
