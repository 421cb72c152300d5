//! `sessions create --send`: the link reaches the record's people by the destination that takes
//! its photos.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    cli::output::Failure,
    config::Config,
    destinations::{Destination, Invitation, Language},
    model::{self, Cause, DestinationName, OwnSession, Receipt, Target},
    serve,
    sessions::Made,
};

/// Who writes to the record.
pub(super) struct Messenger {
    name: DestinationName,
    destination: Arc<dyn Destination>,
}

/// The destination of this name, or with an empty one the only one that the record is of.
pub(super) fn messenger(
    config: &Config,
    target: &Target,
    name: &str,
) -> Result<Messenger, Failure> {
    let mut fitting: Vec<_> = serve::destinations(config)?
        .into_iter()
        .filter(|(_, to)| target.belongs_to(to.kind()))
        .filter(|(known, _)| name.is_empty() || known.as_str() == name)
        .collect();
    match (fitting.pop(), fitting.len()) {
        (Some((name, destination)), 0) => Ok(Messenger { name, destination }),
        (None, _) => Err(Failure::Usage(format!(
            "there is no destination to write to {target} with; leave --send out"
        ))),
        (Some((last, _)), _) => {
            let names: Vec<_> = fitting.iter().map(|(name, _)| name.as_str()).collect();
            Err(Failure::Usage(format!(
                "several destinations take photos for {target}; write --send={} or --send={last}",
                names.join(", --send=")
            )))
        }
    }
}

/// What became of sending.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sent {
    /// It is there.
    Done(Receipt),
    /// It may be there.
    Unknown(Cause),
    /// It is not.
    Failed(Cause),
}

impl Messenger {
    /// Sends the link. Nothing of the session is undone where that fails.
    pub(super) async fn send(&self, made: &Made, language: Language) -> Sent {
        let Made { own, session } = made;
        let invitation = Invitation::new(language, session.link.clone(), own.expires_at);
        let by = |cause: Cause| Cause { what: format!("{}: {}", self.name, cause.what), ..cause };
        match self.destination.tell(&own.target, own.mode, &invitation).await {
            Ok(receipt) => Sent::Done(receipt),
            Err(failure) => match invitation.out_of(failure) {
                model::Failure::Unknown { cause } => Sent::Unknown(by(cause)),
                other => Sent::Failed(by(other.cause().clone())),
            },
        }
    }
}

impl Sent {
    /// Where it is, for people.
    pub(super) fn done(&self) -> Option<String> {
        let Self::Done(receipt) = self else { return None };
        let note = receipt.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        Some(format!("{}{note}", receipt.url.as_deref().unwrap_or("to the record")))
    }

    /// What is to be done where it is not surely there.
    pub(super) fn verdict(&self, own: &OwnSession) -> Result<(), Failure> {
        let name = &own.session;
        match self {
            Self::Done(_) => Ok(()),
            Self::Unknown(cause) => Err(Failure::Unavailable(format!(
                "the session works, but nobody knows whether its link was sent: {cause}; look at \
                 {} and send it yourself if it is not there: `apertur-bridge sessions qr {name}` \
                 shows it",
                own.target
            ))),
            Self::Failed(cause) => Err(Failure::Unavailable(format!(
                "the session works, but its link was not sent: {cause}; send it yourself: \
                 `apertur-bridge sessions qr {name}` shows it"
            ))),
        }
    }
}
