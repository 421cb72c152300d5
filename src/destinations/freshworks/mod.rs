//! Freshdesk and Freshservice: a photo becomes a note of a ticket.
//!
//! One room for both: `settings` holds what tells them apart, `answer` reads either's answers.
//! `deliver` holds the steps of a delivery, `find` the look for one, `note` what is posted,
//! `tell` a reply without a photo, `record` the ticket's name, `wire` a call, `fault` what a
//! refusal means, `probe` the checks. The facts are those of `fixtures/contracts/freshdesk.md` and
//! `freshservice.md`. Nothing here waits or tries again, and photos are streamed.

mod answer;
mod deliver;
mod fault;
mod find;
mod note;
mod probe;
mod record;
mod settings;
mod tell;
mod wire;

use std::time::Duration;

use async_trait::async_trait;

pub use self::settings::{
    DEFAULT_CONCURRENCY, DEFAULT_MODE, DEFAULT_SCOPES, DEFAULT_TIMEOUT, DEFAULT_WRITES_PER_MINUTE,
    Login, Product, RequesterRefused, Settings,
};
use self::wire::{Credentials, Wire};
use super::{
    Allowance, Destination, Invitation, Limits, Notice, Parcel, Progress, Record, Shared, oauth,
};
use crate::model::{Delivery, DestinationName, Failure, Finding, Kind, Mode, Receipt, Target};

/// How long a note whose answer was lost may be missing in the list of conversations: that lags
/// (`fixtures/contracts/open-questions.md` E12 asks for five seconds at least), and a load balancer
/// that breaks the wire does not end the work behind it.
const SETTLES_IN: Duration = Duration::from_secs(15);

/// A Freshdesk or Freshservice account.
#[derive(Debug)]
pub struct Freshworks {
    wire: Wire,
}

impl Freshworks {
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
impl Destination for Freshworks {
    fn kind(&self) -> Kind {
        self.settings().product.kind()
    }

    fn place(&self) -> String {
        self.settings().place()
    }

    fn limits(&self) -> Limits {
        Limits {
            max_size: self.settings().max_attachment,
            size_key: Some("max_attachment"),
            concurrency: self.settings().concurrency.max(1),
            // There is no key against a second note: only one writer makes the look valid.
            one_per_target: true,
            photos_per_parcel: self.settings().product.photos_per_note(),
            parcel_size: self.settings().max_attachment,
            settles_in: SETTLES_IN,
        }
    }

    fn allowance(&self) -> Allowance {
        // Photos name their own modes: the dearest parcel counts.
        self.wire.pace.allowance(deliver::AS_REQUESTER)
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
        self.look(deliveries).await
    }

    async fn deliver(
        &self,
        parcel: &Parcel,
        _progress: &Progress,
    ) -> Result<Vec<Receipt>, Failure> {
        self.post(parcel).await
    }

    async fn record(&self, target: &Target) -> Result<Record, Failure> {
        self.named(target).await
    }

    fn login(&self) -> Result<oauth::Login, oauth::NoLogin> {
        match &self.wire.credentials {
            Credentials::Key(_) if self.kind() == Kind::Freshdesk => Err(oauth::NoLogin::ByType),
            Credentials::Key(_) => Err(oauth::NoLogin::ApiKey),
            Credentials::OAuth(access) => access.login(),
        }
    }
}

#[cfg(test)]
mod tests;
