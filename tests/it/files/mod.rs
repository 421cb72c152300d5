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
    destinations::{Destination, Item, Parcel, Progress, Settings, Shared, StepLog, build},
    http::Http,
    model::{
        Delivery, DeliveryId, DeliveryState, DestinationName, Digest, Failure, Finding, ImageId,
        Photo, PhotoId, Receipt, Scheme, Severity, Shape, Step,
    },
    spool::SpooledFile,
    system::Clock,
};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

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
        let path = self.home.path().join(id);
        fs::write(&path, bytes).unwrap();
        let sha256 = Digest(Sha256::digest(bytes).into());
        let file = SpooledFile::at(path, bytes.len() as u64, sha256);
        Item { delivery: delivery(id, &file), file }
    }

    /// Delivers a photo; gives its key, with ` again` where it was found there.
    async fn send(&self, id: &str, bytes: &[u8]) -> Result<String, Failure> {
        let parcel = Parcel { items: vec![self.item(id, bytes)] };
        let progress = Progress(Arc::new(NoSteps));
        let receipt = self.destination.deliver(&parcel, &progress).await?.remove(0);
        Ok(said(&receipt))
    }

    async fn found(&self, id: &str, bytes: &[u8]) -> Option<String> {
        let item = self.item(id, bytes);
        let found = self.destination.find(&[item.delivery]).await.unwrap().remove(0);
        found.as_ref().map(said)
    }

    /// How a delivery fails: `broken unauthorized`, and the cause as people see it.
    async fn failure(&self) -> (String, String) {
        let failure = self.send("img_1", b"photo").await.unwrap_err();
        let kind = match &failure {
            Failure::Later { .. } => "later",
            Failure::Unknown { .. } => "unknown",
            Failure::Refused { .. } => "refused",
            Failure::Broken { .. } => "broken",
        };
        (format!("{kind} {}", failure.cause().kind), failure.cause().to_string())
    }
}

fn said(receipt: &Receipt) -> String {
    let again = if receipt.found { " again" } else { "" };
    format!("{}{again}", receipt.ids[0].value)
}

#[derive(Debug)]
struct NoSteps;

#[async_trait]
impl StepLog for NoSteps {
    async fn write(&self, _: DeliveryId, _: Step) -> Result<(), String> {
        Ok(())
    }
}

fn delivery(id: &str, file: &SpooledFile) -> Delivery {
    let received_at = "2027-01-15T08:00:00Z".parse().unwrap();
    let photo = Photo {
        id: PhotoId::parse(id).unwrap(),
        image_id: ImageId::parse(id).ok(),
        session: None,
        index: Some(0),
        filename: Some("pé 1.jpg".to_owned()),
        media_type: Some("image/jpeg".to_owned()),
        size: Some(file.size),
        sha256: Some(file.sha256),
        tags: Vec::new(),
        target: None,
        mode: None,
        topic: None,
        shape: Shape::Event,
        scheme: Scheme::Body,
        received_at,
    };
    Delivery {
        id: DeliveryId(7),
        target: None,
        photo,
        destination: DestinationName::parse("files").ok(),
        mode: None,
        state: DeliveryState::Sending,
        attempts: 1,
        due_at: received_at,
        since: received_at,
        unsure: false,
        steps: Vec::new(),
        cause: None,
        receipt: None,
        settled_at: None,
    }
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
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
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

fn errors(findings: &[Finding]) -> Vec<String> {
    let wrong = findings.iter().filter(|finding| finding.severity == Severity::Error);
    wrong.map(ToString::to_string).collect()
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
