//! What every destination promises, asked of each of them at its own shore: Odoo 16 and 19, a
//! folder, Freshdesk, Freshservice with a key and with OAuth, Zendesk with OAuth and with a token.
//!
//! `shore` is what the cases need of another side, `odoo`, `folder`, `freshworks` and `zendesk`
//! are those sides; all other files are cases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod asking;
mod failing;
mod finding;
mod folder;
mod freshworks;
mod hostile;
mod odoo;
mod shore;
mod silence;
mod storing;
mod zendesk;

use std::sync::{Arc, Mutex};

use apertur_bridge::{
    destinations::{Item, Parcel, Progress, Shared, StepLog},
    http::Http,
    model::{
        Delivery, DeliveryId, DeliveryState, DestinationName, Digest, Failure, ImageId, Mode,
        Photo, PhotoId, Receipt, Scheme, SessionId, Shape, Step,
    },
    spool::SpooledFile,
    system::Clock,
};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use self::shore::Shore;

/// The session of every photo; works like a password, so nobody may show it.
const SESSION: &str = "5e551011-SESSIONCANARY";

/// A shore and what a sender would have beside it.
struct Lab {
    shore: Box<dyn Shore>,
    steps: Arc<Steps>,
    home: tempfile::TempDir,
}

/// Every shore, fresh.
async fn every() -> Vec<Lab> {
    let mut labs = desks().await;
    labs.extend([odoo::at(16), odoo::at(19), folder::at()]);
    labs
}

/// The help desks, fresh.
async fn desks() -> Vec<Lab> {
    let mut labs = freshworks::all().await;
    labs.extend(zendesk::all());
    labs
}

/// What a destination is built with: a clock that stands still, and a data directory.
fn around() -> (Shared, Clock, tempfile::TempDir) {
    let clock = Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap());
    let home = tempfile::tempdir().unwrap();
    (Shared::new(Http::new().unwrap(), clock.clone(), home.path()), clock, home)
}

fn name() -> DestinationName {
    DestinationName::parse("far").unwrap()
}

impl Lab {
    fn new(shore: impl Shore + 'static, home: tempfile::TempDir) -> Self {
        Self { shore: Box::new(shore), steps: Arc::default(), home }
    }

    fn item(&self, delivery: &Delivery) -> Item {
        let bytes = bytes(delivery.photo.id.as_str());
        let path = self.home.path().join(format!("spooled-{}", delivery.photo.id.marker()));
        std::fs::write(&path, &bytes).unwrap();
        Item {
            delivery: delivery.clone(),
            file: SpooledFile::at(path, bytes.len() as u64, digest(&bytes)),
        }
    }

    /// Sends one parcel.
    async fn send_all(&self, deliveries: &[Delivery]) -> Result<Vec<Receipt>, Failure> {
        let parcel = Parcel { items: deliveries.iter().map(|one| self.item(one)).collect() };
        let progress = Progress(Arc::clone(&self.steps) as Arc<dyn StepLog>);
        self.shore.destination().deliver(&parcel, &progress).await
    }

    async fn send(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        self.send_all(std::slice::from_ref(delivery)).await.map(|mut all| all.remove(0))
    }

    async fn find(&self, delivery: &Delivery) -> Result<Option<Receipt>, Failure> {
        let all = self.shore.destination().find(std::slice::from_ref(delivery)).await;
        all.map(|mut all| all.remove(0))
    }

    /// A delivery to one of the two records.
    fn to(&self, record: usize, id: &str, mode: Option<Mode>) -> Delivery {
        delivery(id, self.shore.records()[record], mode)
    }

    /// A delivery to the first record, in the default mode.
    fn photo(&self, id: &str) -> Delivery {
        self.to(0, id, None)
    }
}

/// A journal that keeps steps in memory.
#[derive(Debug, Default)]
struct Steps(Mutex<Vec<Step>>);

#[async_trait]
impl StepLog for Steps {
    async fn write(&self, _delivery: DeliveryId, step: Step) -> Result<(), String> {
        self.0.lock().unwrap().push(step);
        Ok(())
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// A JPEG to whoever looks at its first bytes only; equal ids are equal bytes.
fn bytes(id: &str) -> Vec<u8> {
    crate::fakes::apertur::Photo::new(id).bytes
}

fn delivery(id: &str, target: &str, mode: Option<Mode>) -> Delivery {
    let received_at = "2027-01-15T08:00:00Z".parse().unwrap();
    let bytes = bytes(id);
    let photo = Photo {
        id: PhotoId::parse(id).unwrap(),
        image_id: ImageId::parse(id).ok(),
        session: SessionId::parse(SESSION).ok(),
        index: Some(0),
        filename: Some(format!("{id}.jpg")),
        media_type: Some("image/jpeg".to_owned()),
        size: Some(bytes.len() as u64),
        sha256: Some(digest(&bytes)),
        tags: Vec::new(),
        target: target.parse().ok(),
        mode,
        topic: None,
        shape: Shape::Event,
        scheme: Scheme::Body,
        received_at,
    };
    Delivery {
        id: DeliveryId(7),
        target: photo.target.clone(),
        photo,
        destination: Some(name()),
        mode,
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

/// `done`, `found`, `later unavailable` and the like.
fn ending(ended: &Result<Receipt, Failure>) -> String {
    let kind = match ended {
        Ok(receipt) if receipt.found => return "found".to_owned(),
        Ok(_) => return "done".to_owned(),
        Err(Failure::Later { .. }) => "later",
        Err(Failure::Unknown { .. }) => "unknown",
        Err(Failure::Refused { .. }) => "refused",
        Err(Failure::Broken { .. }) => "broken",
    };
    let kind_of_error = ended.as_ref().err().map(|failure| failure.cause().kind.as_str());
    format!("{kind} {}", kind_of_error.unwrap_or_default())
}
