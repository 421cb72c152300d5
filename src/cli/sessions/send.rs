//! `sessions create --send`: who sends the link, and what is told of that.

use crate::{
    cli::output::{Failure, remark},
    config::Config,
    destinations::Language,
    model::{self, Environment, Mode, OwnSession, Receipt, Target},
    serve,
    sessions::{Messenger, NoMessenger, Sent},
};

/// Who writes to the record, once it is known to be there: by the destination of this name, or
/// with an empty one by the only one that the record is of.
pub(super) async fn messenger(
    config: &Config,
    target: &Target,
    name: &str,
) -> Result<Messenger, Failure> {
    let chosen = Messenger::choose(serve::destinations(config)?, target, name);
    let messenger = chosen.map_err(|error| which(&error, target))?;
    match messenger.record(target).await {
        Ok(_) => Ok(messenger),
        Err(model::Failure::Refused { cause }) => {
            let (name, what) = (messenger.name(), cause.what);
            Err(Failure::Failed(anyhow::anyhow!("{name}: {what}; no session was made")))
        }
        Err(other) => {
            let cause = other.cause();
            let name = messenger.name();
            Err(Failure::Unavailable(format!("no session was made: {name}: {cause}")))
        }
    }
}

fn which(error: &NoMessenger, target: &Target) -> Failure {
    Failure::Usage(match error {
        NoMessenger::None => {
            format!("there is no destination to write to {target} with; leave --send out")
        }
        NoMessenger::Several(names) => {
            let names: Vec<_> = names.iter().map(model::DestinationName::as_str).collect();
            let names = names.join(" or --send=");
            format!("several destinations take photos for {target}; write --send={names}")
        }
    })
}

/// Sends a link, and says beforehand what people may not expect of it.
pub(super) async fn send(messenger: &Messenger, own: &OwnSession, language: Language) -> Sent {
    if own.mode == Some(Mode::Internal) {
        remark("note: in mode internal the link is a note for staff; no customer is told");
    }
    if own.environment == Environment::Sandbox && own.mode == Some(Mode::Contact) {
        remark("warning: this is a session of the sandbox, and its link goes to a customer");
    }
    messenger.send(own, language).await
}

/// Where it is, for people.
pub(super) fn done(sent: &Sent) -> Option<String> {
    let Sent::Done(Receipt { url, note, .. }) = sent else { return None };
    let note = note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    Some(format!("{}{note}", url.as_deref().unwrap_or("to the record")))
}

/// What is to be done where it is not surely there.
pub(super) fn verdict(sent: &Sent, own: &OwnSession) -> Result<(), Failure> {
    let name = &own.session;
    let not_sent = |cause: &model::Cause| {
        format!(
            "the session works, but its link was not sent: {cause}; send it yourself: \
             `apertur-bridge sessions qr {name}` shows it"
        )
    };
    match sent {
        Sent::Done(_) => Ok(()),
        Sent::Unknown(cause) => Err(Failure::Unavailable(format!(
            "the session works, but nobody knows whether its link was sent: {cause}; look at {} \
             and send it yourself if it is not there: `apertur-bridge sessions qr {name}` shows \
             it",
            own.target
        ))),
        Sent::Refused(cause) => Err(Failure::Failed(anyhow::anyhow!(not_sent(cause)))),
        Sent::Failed(cause) => Err(Failure::Unavailable(not_sent(cause))),
    }
}
