//! What a sender hands to a destination and hears from it, for tests that take its place.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use apertur_bridge::{
    destinations::{Destination, Item, Parcel, Progress, StepLog},
    model::{
        Delivery, DeliveryId, DeliveryState, DestinationName, Digest, Failure, Finding, ImageId,
        Mode, Photo, PhotoId, Receipt, Scheme, Severity, Shape, Step,
    },
    spool::SpooledFile,
};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

/// A delivery under way of a JPEG that names neither session nor record.
pub(crate) fn delivery(id: &str, filename: &str) -> Delivery {
    let received_at = "2027-01-15T08:00:00Z".parse().unwrap();
    let photo = Photo {
        id: PhotoId::parse(id).unwrap(),
        image_id: ImageId::parse(id).ok(),
        session: None,
        index: Some(0),
        filename: Some(filename.to_owned()),
        media_type: Some("image/jpeg".to_owned()),
        size: None,
        sha256: None,
        tags: Vec::new(),
        target: None,
        mode: None,
        topic: None,
        shape: Shape::Event,
        scheme: Some(Scheme::Body),
        received_at,
    };
    Delivery {
        id: DeliveryId(7),
        photo,
        destination: DestinationName::parse("far").ok(),
        target: None,
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

/// The delivery to a record in a mode; to none where the text names none.
pub(crate) fn to(target: &str, mode: Option<Mode>, mut delivery: Delivery) -> Delivery {
    delivery.photo.target = target.parse().ok();
    (delivery.target, delivery.photo.mode) = (delivery.photo.target.clone(), mode);
    Delivery { mode, ..delivery }
}

/// The delivery of a photo whose bytes are known.
pub(crate) fn of(bytes: &[u8], mut delivery: Delivery) -> Delivery {
    delivery.photo.size = Some(bytes.len() as u64);
    delivery.photo.sha256 = Some(digest(bytes));
    delivery
}

/// The delivery with its photo, spooled in a folder.
pub(crate) fn item(folder: &Path, delivery: Delivery, bytes: &[u8]) -> Item {
    let path = folder.join(format!("spooled-{}", delivery.photo.id.marker()));
    std::fs::write(&path, bytes).unwrap();
    let file = SpooledFile::at(path, bytes.len() as u64, digest(bytes));
    Item { delivery: of(bytes, delivery), file }
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// A journal that keeps steps in memory.
#[derive(Debug, Default)]
pub(crate) struct Steps(pub Mutex<Vec<Step>>);

#[async_trait]
impl StepLog for Steps {
    async fn write(&self, _delivery: DeliveryId, step: Step) -> Result<(), String> {
        self.0.lock().unwrap().push(step);
        Ok(())
    }
}

/// Delivers a parcel.
pub(crate) async fn send(
    destination: &dyn Destination,
    items: Vec<Item>,
    steps: &Arc<Steps>,
) -> Result<Vec<Receipt>, Failure> {
    let progress = Progress(Arc::clone(steps) as Arc<dyn StepLog>);
    destination.deliver(&Parcel { items }, &progress).await
}

/// Delivers a parcel to where no step is written down.
pub(crate) async fn send_at_once(
    destination: &dyn Destination,
    items: Vec<Item>,
) -> Result<Vec<Receipt>, Failure> {
    let steps = Arc::default();
    let sent = send(destination, items, &steps).await;
    assert_eq!(*steps.0.lock().unwrap(), []);
    sent
}

/// `later`, `unknown`, `refused` or `broken`.
pub(crate) fn word(failure: &Failure) -> &'static str {
    match failure {
        Failure::Later { .. } => "later",
        Failure::Unknown { .. } => "unknown",
        Failure::Refused { .. } => "refused",
        Failure::Broken { .. } => "broken",
    }
}

/// `done`, `later unavailable` and the like.
pub(crate) fn ending<T>(ended: &Result<T, Failure>) -> String {
    let failed = |failure: &Failure| format!("{} {}", word(failure), failure.cause().kind);
    ended.as_ref().err().map_or_else(|| "done".to_owned(), failed)
}

/// As [`ending`], and `found` where the photo was there already.
pub(crate) fn ending_of_one(ended: &Result<Receipt, Failure>) -> String {
    match ended {
        Ok(receipt) if receipt.found => "found".to_owned(),
        _ => ending(ended),
    }
}

/// The key in the receipt of a storage.
pub(crate) fn key(receipt: &Receipt) -> &str {
    &receipt.ids.iter().find(|id| id.name == "key").unwrap().value
}

/// What a check finds wrong.
pub(crate) fn errors(findings: &[Finding]) -> Vec<String> {
    let wrong = findings.iter().filter(|finding| finding.severity == Severity::Error);
    wrong.map(Finding::to_string).collect()
}
