//! Odoo 16 and later: a photo becomes an attachment of a record and a message in its chatter.
//!
//! `deliver` holds the steps, `calls` the calls they are made of, `session` what was learnt
//! about the server, `actions` what is put into Odoo itself, `at_once` a delivery by it, `mark`
//! the marks people leave on their records, `tell` a message without a photo, `wire` with
//! `xmlrpc` and `json2` the two interfaces, `fault` what their faults mean, `probe` the checks.
//! `fixtures/odoo/README.md` holds the facts all of it rests on. Nothing here waits, tries again
//! or keeps more than one photo's block in memory.

pub mod actions;
mod at_once;
mod calls;
mod deliver;
mod fault;
mod json2;
mod keys;
mod mark;
mod probe;
mod session;
mod settings;
mod tell;
mod wire;
mod xmlrpc;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Mutex;

pub use settings::{
    Api, DEFAULT_CONCURRENCY, DEFAULT_MODE, DEFAULT_MODELS, DEFAULT_TIMEOUT, Settings,
};

use self::{session::Session, wire::Wire};
use super::{Destination, Invitation, Limits, Mark, Notice, Parcel, Progress, Record};
use crate::{
    http::Http,
    model::{Delivery, DestinationName, Failure, Finding, Kind, Mode, Receipt, Target},
};

/// How long Odoo may go on with a request whose connection broke: two seconds for the largest
/// photo.
const SETTLES_IN: Duration = Duration::from_secs(3);
/// The same where it attaches and posts in one transaction, of which nothing is to be seen before
/// its end: rendering, notifying and indexing come on top.
const SETTLES_AT_ONCE_IN: Duration = Duration::from_mins(1);

/// An Odoo server.
#[derive(Debug)]
pub struct Odoo {
    name: DestinationName,
    wire: Wire,
    session: Mutex<Option<Arc<Session>>>,
    /// How stale marks were last swept away.
    swept: std::sync::Mutex<mark::Swept>,
    /// Whether photos go in one call, at least to some models.
    goes_at_once: AtomicBool,
}

impl Odoo {
    /// A destination that has asked nothing yet.
    #[must_use]
    pub fn new(name: DestinationName, settings: Settings, http: Http) -> Self {
        let wire = Wire { settings: Arc::new(settings), http };
        Self {
            name,
            wire,
            session: Mutex::default(),
            swept: std::sync::Mutex::default(),
            goes_at_once: AtomicBool::new(false),
        }
    }

    fn settings(&self) -> &Settings {
        &self.wire.settings
    }

    fn name(&self) -> &DestinationName {
        &self.name
    }

    /// The session that is open, or a new one. Whoever comes while it is opened waits for it.
    async fn session(&self) -> Result<Arc<Session>, Failure> {
        let mut open = self.session.lock().await;
        if let Some(session) = open.as_ref().filter(|session| !session.is_stale()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::open(self.wire.clone()).await?);
        *open = Some(Arc::clone(&session));
        Ok(session)
    }

    async fn forget(&self) {
        *self.session.lock().await = None;
    }
}

#[async_trait]
impl Destination for Odoo {
    fn kind(&self) -> Kind {
        Kind::Odoo
    }

    fn place(&self) -> String {
        self.settings().place()
    }

    fn limits(&self) -> Limits {
        Limits {
            max_size: deliver::MAX_PHOTO,
            size_key: None,
            concurrency: self.settings().concurrency.max(1),
            // Odoo knows no unique attachment: two at once could both find nothing.
            one_per_target: true,
            photos_per_parcel: 1,
            parcel_size: deliver::MAX_PHOTO,
            settles_in: if self.goes_at_once.load(Ordering::Relaxed) {
                SETTLES_AT_ONCE_IN
            } else {
                SETTLES_IN
            },
        }
    }

    async fn probe(&self) -> Vec<Finding> {
        self.findings().await
    }

    async fn test(&self, target: Option<&Target>) -> Vec<Finding> {
        self.trial(target).await
    }

    async fn tell(
        &self,
        target: &Target,
        mode: Option<Mode>,
        invitation: &Invitation,
    ) -> Result<Receipt, Failure> {
        self.invite(target, mode, invitation).await
    }

    async fn leave_note(
        &self,
        target: &Target,
        notice: &Notice,
        again: bool,
    ) -> Result<(), Failure> {
        self.inform(target, notice, again).await
    }

    async fn record(&self, target: &Target) -> Result<Record, Failure> {
        self.named(target).await
    }

    async fn redeem(&self, mark: &Mark) -> Result<Option<Record>, Failure> {
        self.taken_off(mark).await
    }

    fn preview(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        self.foreseen(delivery)
    }

    async fn find(&self, deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        let mut found = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            found.push(self.find_one(delivery).await?);
        }
        Ok(found)
    }

    async fn deliver(&self, parcel: &Parcel, progress: &Progress) -> Result<Vec<Receipt>, Failure> {
        let mut receipts = Vec::with_capacity(parcel.items.len());
        for item in &parcel.items {
            receipts.push(self.deliver_one(item, progress).await?);
        }
        Ok(receipts)
    }
}
