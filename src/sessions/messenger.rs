//! A session's link reaches the record's people by the destination that takes its photos.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    destinations::{Destination, Invitation, Language, Record},
    model::{Cause, DestinationName, ErrorKind, Failure, OwnSession, Receipt, Target},
};

/// Who writes to the record.
#[derive(Debug, Clone)]
pub struct Messenger {
    name: DestinationName,
    destination: Arc<dyn Destination>,
}

/// Why nobody is there to write to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoMessenger {
    /// No destination takes photos for it.
    None,
    /// Several do; their names.
    Several(Vec<DestinationName>),
}

/// What became of sending.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// It is there.
    Done(Receipt),
    /// It may be there.
    Unknown(Cause),
    /// It is not, and trying again is of no use.
    Refused(Cause),
    /// It is not.
    Failed(Cause),
}

impl Messenger {
    /// Who writes by this destination.
    #[must_use]
    pub fn new(name: DestinationName, destination: Arc<dyn Destination>) -> Self {
        Self { name, destination }
    }

    /// Who writes by the destination of this name, or with an empty one by the only one that
    /// the record is of.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn choose(
        all: Vec<(DestinationName, Arc<dyn Destination>)>,
        target: &Target,
        name: &str,
    ) -> Result<Self, NoMessenger> {
        let mut fitting: Vec<_> = all
            .into_iter()
            .filter(|(_, to)| target.belongs_to(to.kind()))
            .filter(|(known, _)| name.is_empty() || known.as_str() == name)
            .collect();
        match (fitting.pop(), fitting.is_empty()) {
            (Some((name, destination)), true) => Ok(Self { name, destination }),
            (None, _) => Err(NoMessenger::None),
            (Some(last), false) => {
                fitting.push(last);
                Err(NoMessenger::Several(fitting.into_iter().map(|(name, _)| name).collect()))
            }
        }
    }

    /// The destination's name.
    #[must_use]
    pub fn name(&self) -> &DestinationName {
        &self.name
    }

    /// The record as its system knows it.
    ///
    /// # Errors
    /// As [`Destination::record`].
    pub async fn record(&self, target: &Target) -> Result<Record, Failure> {
        self.destination.record(target).await
    }

    /// Sends a session's link once. Nothing of the session is undone where that fails.
    pub async fn send(&self, own: &OwnSession, language: Language) -> Sent {
        let Some(link) = own.link.clone() else {
            let what = "the session's link was not kept";
            let cause = Cause::new(ErrorKind::Local, what, "make a new session");
            return Sent::Refused(cause);
        };
        let invitation = Invitation::new(language, link, own.expires_at);
        let by = |cause: &Cause| {
            let what = format!("{}: {}", self.name, cause.what);
            Cause { what, ..cause.clone() }
        };
        match self.destination.tell(&own.target, own.mode, &invitation).await {
            Ok(receipt) => Sent::Done(receipt),
            Err(failure) => match &invitation.out_of(failure) {
                Failure::Unknown { cause } => Sent::Unknown(by(cause)),
                Failure::Refused { cause } => Sent::Refused(by(cause)),
                Failure::Later { cause, .. } | Failure::Broken { cause } => Sent::Failed(by(cause)),
            },
        }
    }
}
