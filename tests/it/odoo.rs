//! The Odoo destination against the fake Odoo, version by version.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod actions;
mod at_once;
mod checks;
mod faults;
mod marks;
mod ways;

use std::{sync::Arc, time::Duration};

use apertur_bridge::{
    destinations::{
        Message,
        odoo::{
            Api, DEFAULT_CONCURRENCY, DEFAULT_MODE, DEFAULT_MODELS, DEFAULT_TIMEOUT, Odoo, Settings,
        },
    },
    http::Http,
    model::{Delivery, DestinationName, Failure, Mode, Receipt},
};
use xmlrpc::{Request, Value};

use crate::{
    fakes::odoo::FakeOdoo,
    parcel::{self, Steps, digest, ending_of_one as ending, word},
};

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
        let items = vec![parcel::item(self.home.path(), delivery.clone(), bytes)];
        Ok(parcel::send(&self.destination, items, &self.steps).await?.remove(0))
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
    let mut settings = settings(url);
    change(&mut settings);
    Odoo::new(DestinationName::parse("erp").unwrap(), settings, Http::new().unwrap())
}

/// Settings for the default seed of a fake at `url`.
fn settings(url: &str) -> Settings {
    Settings {
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
        public_url: None,
    }
}

/// A small JPEG, as far as anybody looks at it.
fn photo() -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec();
    bytes.extend((0..20_000_u32).map(|i| (i * 31 % 251) as u8));
    bytes
}

/// A delivery of the photo `id` to a record.
fn delivery(id: &str, target: &str, mode: Option<Mode>) -> Delivery {
    parcel::to(target, mode, parcel::of(&photo(), parcel::delivery(id, "pé <b>.jpg")))
}

/// A delivery to the contact 42 in the default mode.
fn to_contact() -> Delivery {
    delivery("img_1", "odoo:res.partner:42", None)
}

const MOMENT: Duration = Duration::from_millis(300);
