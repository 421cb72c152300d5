//! The Odoo destination against the fake Odoo, version by version.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod checks;
mod faults;
mod ways;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use apertur_bridge::{
    destinations::{
        Destination, Item, Message, Parcel, Progress, StepLog,
        odoo::{
            Api, DEFAULT_CONCURRENCY, DEFAULT_MODE, DEFAULT_MODELS, DEFAULT_TIMEOUT, Odoo, Settings,
        },
    },
    http::Http,
    model::{
        Delivery, DeliveryId, DeliveryState, DestinationName, Digest, Failure, ImageId, Mode,
        Photo, PhotoId, Receipt, Scheme, Shape, Step,
    },
    spool::SpooledFile,
};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use xmlrpc::{Request, Value};

use crate::fakes::odoo::FakeOdoo;

const VERSIONS: [u32; 4] = [16, 17, 18, 19];

/// A fake Odoo, a destination that points at it, and the journal's part of the steps.
struct Lab {
    odoo: FakeOdoo,
    destination: Odoo,
    steps: Arc<Steps>,
    home: tempfile::TempDir,
}

impl Lab {
    fn new(version: u32) -> Self {
        Self::with(FakeOdoo::start(version), |_| {})
    }

    /// With settings changed.
    fn with(odoo: FakeOdoo, change: impl FnOnce(&mut Settings)) -> Self {
        let destination = destination(&odoo.url(), change);
        let home = tempfile::tempdir().unwrap();
        Self { odoo, destination, steps: Arc::default(), home }
    }

    async fn send(&self, delivery: &Delivery, bytes: &[u8]) -> Result<Receipt, Failure> {
        let path = self.home.path().join("photo");
        std::fs::write(&path, bytes).unwrap();
        let file = SpooledFile::at(path, bytes.len() as u64, sha256(bytes));
        let parcel = Parcel { items: vec![Item { delivery: delivery.clone(), file }] };
        let progress = Progress(Arc::clone(&self.steps) as Arc<dyn StepLog>);
        Ok(self.destination.deliver(&parcel, &progress).await?.remove(0))
    }

    /// What stands at the server: attachments, messages.
    fn counts(&self) -> (usize, usize) {
        (self.odoo.attachments().len(), self.odoo.messages().len())
    }

    /// Methods called since they were forgotten last, in order.
    fn methods(&self) -> Vec<String> {
        let call = |call: crate::fakes::odoo::Call| format!("{}.{}", call.model, call.method);
        self.odoo.calls().into_iter().map(call).collect()
    }

    /// Writes a field as the administrator.
    async fn write(&self, model: &str, id: i32, field: &str, value: impl Into<Value>) {
        let member = [(field.to_owned(), value.into())].into_iter().collect();
        let args = vec![Value::Array(vec![Value::Int(id)]), Value::Struct(member)];
        let request = Request::new("execute_kw")
            .arg("prod")
            .arg(2)
            .arg("admin")
            .arg(model)
            .arg("write")
            .arg(Value::Array(args));
        let mut xml = Vec::new();
        request.write_as_xml(&mut xml).unwrap();
        let url = format!("{}/xmlrpc/2/object", self.odoo.url());
        let client = Http::new().unwrap();
        let answer = client.client().post(url).body(xml).send().await.unwrap();
        assert!(answer.text().await.unwrap().contains("<boolean>1</boolean>"));
    }
}

fn destination(url: &str, change: impl FnOnce(&mut Settings)) -> Odoo {
    let mut settings = Settings {
        url: url.parse().unwrap(),
        database: "prod".to_owned(),
        username: "bot@example.com".to_owned(),
        secret: "odoo-key".into(),
        is_api_key: true,
        api: Api::Auto,
        models: DEFAULT_MODELS.map(str::to_owned).to_vec(),
        default_mode: DEFAULT_MODE,
        message: Message::default(),
        keep_original: true,
        timeout: DEFAULT_TIMEOUT,
        concurrency: DEFAULT_CONCURRENCY,
    };
    change(&mut settings);
    Odoo::new(DestinationName::parse("erp").unwrap(), settings, Http::new().unwrap())
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

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// A small JPEG, as far as anybody looks at it.
fn photo() -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec();
    bytes.extend((0..20_000_u32).map(|i| (i * 31 % 251) as u8));
    bytes
}

/// A delivery of the photo `id` to a record.
fn delivery(id: &str, target: &str, mode: Option<Mode>) -> Delivery {
    let received_at = "2027-01-15T08:00:00Z".parse().unwrap();
    let bytes = photo();
    let photo = Photo {
        id: PhotoId::parse(id).unwrap(),
        image_id: ImageId::parse(id).ok(),
        session: None,
        index: Some(0),
        filename: Some("pé <b>.jpg".to_owned()),
        media_type: Some("image/jpeg".to_owned()),
        size: Some(bytes.len() as u64),
        sha256: Some(sha256(&bytes)),
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
        destination: DestinationName::parse("erp").ok(),
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

/// A delivery to the contact 42 in the default mode.
fn to_contact() -> Delivery {
    delivery("img_1", "odoo:res.partner:42", None)
}

fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Later { .. } => "later",
        Failure::Unknown { .. } => "unknown",
        Failure::Refused { .. } => "refused",
        Failure::Broken { .. } => "broken",
    }
}

/// `later unavailable` and the like.
fn ending(sent: &Result<Receipt, Failure>) -> String {
    match sent {
        Ok(receipt) if receipt.found => "found".to_owned(),
        Ok(_) => "done".to_owned(),
        Err(failure) => format!("{} {}", kind(failure), failure.cause().kind),
    }
}

const MOMENT: Duration = Duration::from_millis(300);
