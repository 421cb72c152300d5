//! Zendesk: photos become attachments of one comment on a ticket.
//!
//! `deliver` holds the steps, `calls` the calls they are made of, `wire` how a call is made,
//! `told` what an answer says, `tell` a comment without a photo, `record` the ticket's name,
//! `fault` what an answer means when it is no success, `probe` the checks. The facts all of it
//! rests on are in `fixtures/contracts/zendesk.md`. Nothing here waits or tries an attempt again,
//! and an upload's token never leaves the attempt that got it.

mod calls;
mod deliver;
mod fault;
mod find;
mod probe;
mod record;
mod settings;
mod tell;
mod told;
mod wire;

use std::time::Duration;

use async_trait::async_trait;

pub use settings::{Login, Settings};

use self::wire::Wire;
use super::{
    Allowance, Destination, Invitation, Limits, Notice, Parcel, Progress, Record, Shared,
    oauth::{self, NoLogin},
    pace::Plan,
};
use crate::model::{Delivery, DestinationName, Failure, Finding, Kind, Mode, Receipt, Target};

/// Photos in one comment (`fixtures/contracts/open-questions.md`, F7).
const PHOTOS: usize = 10;
/// How long a comment whose answer was lost may be missing from the ticket's list: a load balancer
/// that breaks the wire does not end the work behind it.
const SETTLES_IN: Duration = Duration::from_secs(15);

/// A Zendesk account.
#[derive(Debug)]
pub struct Zendesk {
    wire: Wire,
}

impl Zendesk {
    /// A destination that has asked nothing yet.
    #[must_use]
    pub fn new(name: DestinationName, settings: Settings, shared: &Shared) -> Self {
        Self { wire: Wire::new(name, settings, shared) }
    }

    fn settings(&self) -> &Settings {
        &self.wire.settings
    }
}

#[async_trait]
impl Destination for Zendesk {
    fn kind(&self) -> Kind {
        Kind::Zendesk
    }

    fn place(&self) -> String {
        self.settings().place()
    }

    fn limits(&self) -> Limits {
        Limits {
            max_size: self.settings().max_attachment,
            size_key: Some("max_attachment"),
            concurrency: self.settings().concurrency.max(1),
            // Zendesk knows no unique comment: two at once could both find nothing.
            one_per_target: true,
            photos_per_parcel: PHOTOS,
            parcel_size: self.settings().max_attachment,
            settles_in: SETTLES_IN,
        }
    }

    fn allowance(&self) -> Allowance {
        // A whole parcel, so that what is given is not given back.
        self.wire.pace.allowance(Plan { ticket: None, ..deliver::plan(PHOTOS, 0) })
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

    fn preview(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        self.foreseen(delivery)
    }

    async fn find(&self, deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        self.find_all(deliveries).await
    }

    async fn deliver(
        &self,
        parcel: &Parcel,
        _progress: &Progress,
    ) -> Result<Vec<Receipt>, Failure> {
        self.deliver_all(&parcel.items).await
    }

    async fn record(&self, target: &Target) -> Result<Record, Failure> {
        self.named(target).await
    }

    fn login(&self) -> Result<oauth::Login, NoLogin> {
        match &self.wire.access {
            Some(access) => access.login(),
            None => Err(NoLogin::ApiKey),
        }
    }
}
