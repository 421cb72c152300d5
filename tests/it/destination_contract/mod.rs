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
mod notes;
mod odoo;
mod shore;
mod silence;
mod storing;
mod zendesk;

use std::sync::Arc;

use apertur_bridge::{
    destinations::{Item, Shared},
    http::Http,
    model::{Delivery, DestinationName, Failure, Mode, Receipt, SessionId},
    system::Clock,
};

use self::shore::Shore;
use crate::parcel::{self, Steps, digest, ending_of_one as ending};

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
        parcel::item(self.home.path(), delivery.clone(), &bytes(delivery.photo.id.as_str()))
    }

    /// Sends one parcel.
    async fn send_all(&self, deliveries: &[Delivery]) -> Result<Vec<Receipt>, Failure> {
        let items = deliveries.iter().map(|one| self.item(one)).collect();
        parcel::send(self.shore.destination(), items, &self.steps).await
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

/// A JPEG to whoever looks at its first bytes only; equal ids are equal bytes.
fn bytes(id: &str) -> Vec<u8> {
    crate::fakes::apertur::Photo::new(id).bytes
}

fn delivery(id: &str, target: &str, mode: Option<Mode>) -> Delivery {
    let delivery = parcel::of(&bytes(id), parcel::delivery(id, &format!("{id}.jpg")));
    let mut delivery = parcel::to(target, mode, delivery);
    delivery.photo.session = SessionId::parse(SESSION).ok();
    delivery
}
