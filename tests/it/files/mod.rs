//! SFTP and FTP against real servers: what the contract of all storage does not ask.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

pub(crate) mod disk;
mod ftp;
mod sftp;
mod wire;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use apertur_bridge::{
    destinations::{Destination, Item, Settings, Shared, build},
    http::Http,
    model::{DestinationName, Failure, Receipt},
    system::Clock,
};

use crate::{
    look,
    parcel::{self, ending, errors, key},
};

/// A destination and a folder for what it is to send.
struct Lab {
    destination: Arc<dyn Destination>,
    home: tempfile::TempDir,
}

impl Lab {
    fn new(settings: Settings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let shared = Shared::new(Http::new().unwrap(), Clock::system(), home.path());
        let name = DestinationName::parse("files").unwrap();
        Self { destination: build(&name, settings, &shared), home }
    }

    fn item(&self, id: &str, bytes: &[u8]) -> Item {
        parcel::item(self.home.path(), parcel::delivery(id, "pé 1.jpg"), bytes)
    }

    /// Delivers a photo; gives its key, with ` again` where it was found there.
    async fn send(&self, id: &str, bytes: &[u8]) -> Result<String, Failure> {
        let items = vec![self.item(id, bytes)];
        Ok(said(&parcel::send(&*self.destination, items, &Arc::default()).await?[0]))
    }

    async fn found(&self, id: &str, bytes: &[u8]) -> Option<String> {
        let item = self.item(id, bytes);
        let found = self.destination.find(&[item.delivery]).await.unwrap().remove(0);
        found.as_ref().map(said)
    }

    /// How a delivery fails: `broken unauthorized`, and the cause as people see it.
    async fn failure(&self) -> (String, String) {
        let sent = self.send("img_1", b"photo").await;
        (ending(&sent), sent.unwrap_err().cause().to_string())
    }
}

fn said(receipt: &Receipt) -> String {
    let again = if receipt.found { " again" } else { "" };
    format!("{}{again}", key(receipt))
}

/// Bytes that compress badly and of which no two blocks are equal.
fn large(size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// Every file below a folder, hidden ones too, by its relative path, in order.
fn files(root: &Path) -> Vec<String> {
    let below = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
    let mut found: Vec<_> = look::files(root).into_iter().map(below).collect();
    found.sort();
    found
}

/// Those that are no temporary ones.
fn visible(root: &Path) -> Vec<String> {
    files(root).into_iter().filter(|name| !name.ends_with(".part")).collect()
}

/// Whether a temporary file has grown.
fn has_part(folder: &Path) -> bool {
    files(folder).iter().any(|name| {
        name.ends_with(".part")
            && fs::metadata(folder.join(name)).is_ok_and(|there| there.len() > 0)
    })
}

/// Waits until something is so, at most for ten seconds.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it did not come about that {what}");
}
