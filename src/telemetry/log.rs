//! Facts as log lines: for people on a terminal or in the journal of systemd, or as JSON.

use std::{io::IsTerminal as _, sync::OnceLock};

use tracing::{debug, error, info, warn};
use tracing_subscriber::{
    EnvFilter, Registry, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use super::Fact;
use crate::model::{Delivery, Photo, Receipt, SessionId};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How lines look.
    pub format: Format,
    /// Levels, in the syntax of `tracing_subscriber::EnvFilter`: `info`, `debug,hyper=info`.
    pub filter: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { format: Format::Human, filter: "info".to_owned() }
    }
}

/// The most that dependencies may say that would show passwords or tokens beyond.
const QUIET: &str = "russh=info,russh_sftp=error,suppaftp=info,reqsign=off";

/// The filter in force, to be replaced by a reload.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// The web server's own notes about its threads are for its authors; what goes over the wire of
/// FTP and SSH holds passwords, and what finds credentials prints tokens, whatever level is asked
/// for.
fn filter(settings: &Settings) -> anyhow::Result<EnvFilter> {
    let filter = format!("actix_server=warn,{},{QUIET}", settings.filter);
    Ok(EnvFilter::builder().parse(filter)?)
}

/// Logs what these settings say from now on; how lines look stays what it was.
///
/// # Errors
/// When the filter cannot be read.
pub fn change_level(settings: &Settings) -> anyhow::Result<()> {
    let filter = filter(settings)?;
    FILTER.get().map_or(Ok(()), |handle| Ok(handle.reload(filter)?))
}

/// Starts logging to standard error. The second call in a process changes nothing.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(settings: &Settings) -> anyhow::Result<()> {
    let (filter, handle) = reload::Layer::new(filter(settings)?);
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let started = match settings.format {
        Format::Json => registry.with(layer.json().flatten_event(true)).try_init(),
        Format::Human => registry.with(layer.with_ansi(std::io::stderr().is_terminal())).try_init(),
    };
    // Else already started: tests and the demo run several daemons in one process.
    if started.is_ok() {
        drop(FILTER.set(handle));
    }
    Ok(())
}

fn millis(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

macro_rules! delivery_line {
    ($level:ident, $delivery:expr, { $($field:tt)* }, $message:literal) => {{
        let delivery: &Delivery = $delivery;
        $level!(
            photo = %delivery.photo.id,
            delivery = %delivery.id,
            destination = delivery.destination.as_ref().map(tracing::field::display),
            target = delivery.target.as_ref().map(tracing::field::display),
            attempt = delivery.attempts,
            $($field)*
            $message
        )
    }};
}

/// What a receipt names. A key may hold the session's id, which works like a password.
fn ids(delivery: &Delivery, receipt: &Receipt) -> String {
    let ids = receipt.ids.iter().map(|id| format!("{}={}", id.name, id.value));
    let ids = ids.collect::<Vec<_>>().join(" ");
    match &delivery.photo.session {
        Some(session) => session.hidden_in(&ids),
        None => ids,
    }
}

/// Writes the line of a fact.
pub(super) fn write(fact: &Fact<'_>) {
    match fact {
        Fact::Request { .. } => request(fact),
        Fact::Delivered { delivery, receipt, took, .. } => delivery_line!(info, delivery, {
            ids = ids(delivery, receipt),
            found = receipt.found,
            note = receipt.note,
            ms = millis(*took),
        }, "photo delivered"),
        Fact::AttemptFailed { delivery, outcome, cause, at, .. } => {
            delivery_line!(warn, delivery, {
            outcome = outcome.as_str(),
            error = cause.kind.as_str(),
            next = %at,
            cause = %cause,
        }, "delivery attempt failed; it is repeated by itself")
        }
        Fact::Held { delivery, cause, .. } => delivery_line!(error, delivery, {
            error = cause.kind.as_str(),
            cause = %cause,
        }, "delivery held; it needs a person"),
        Fact::Polled { .. }
        | Fact::NotPolled { .. }
        | Fact::Acknowledged { .. }
        | Fact::NotAcknowledged { .. }
        | Fact::Reconciled { .. }
        | Fact::Limited { .. }
        | Fact::AskingFails { .. }
        | Fact::AskingWorks { .. }
        | Fact::SessionRefused { .. }
        | Fact::OtherEnvironment { .. }
        | Fact::SessionUnknown { .. }
        | Fact::SessionGivenUp { .. }
        | Fact::SessionUnread { .. }
        | Fact::SessionGone { .. } => followed(fact),
        Fact::Fetched { photo, size, took } => {
            info!(photo = %photo, bytes = size, ms = millis(*took), "photo fetched");
        }
        Fact::FetchLater { photo, cause, at, .. } => warn!(
            photo = %photo, error = cause.kind.as_str(), next = %at, cause = %cause,
            "photo not fetched yet; it is tried again by itself"
        ),
        Fact::FetchHeld { photo, cause, .. } => error!(
            photo = %photo, error = cause.kind.as_str(), cause = %cause,
            "photo cannot be fetched; it needs a person"
        ),
        Fact::CollectOpened { .. }
        | Fact::CollectRefused { .. }
        | Fact::CollectFailed { .. }
        | Fact::SessionMade { .. } => collecting(fact),
        Fact::ConsoleSignedIn { by } => info!(by, "signed in to the console"),
        // Whoever goes on guessing writes no log; the first guesses are told, all are counted.
        Fact::ConsoleRefused { reason: reason @ "throttled" } => debug!(reason, "console refused"),
        Fact::ConsoleRefused { reason } => warn!(reason, "console refused"),
        _ => operation(fact),
    }
}

fn collecting(fact: &Fact<'_>) {
    match fact {
        Fact::CollectOpened { target, way } => info!(target = %target, way, "collect page opened"),
        Fact::CollectRefused { reason } => warn!(reason, "collect page refused"),
        Fact::CollectFailed { destination, cause } => warn!(
            destination = destination.map(tracing::field::display),
            error = cause.kind.as_str(),
            cause = %cause,
            "collect page: another system did not do what it was asked"
        ),
        Fact::SessionMade { session, target, posts_nowhere: false } => {
            info!(session = %session, target = %target, "session made");
        }
        Fact::SessionMade { session, target, posts_nowhere: true } => warn!(
            session = %session, target = %target,
            "session made, but no destination of it at Apertur posts to this bridge: its photos \
             come by an event webhook of the project, or late, by the check for photos that never \
             came; set apertur.session_destinations"
        ),
        _ => {}
    }
}

fn request(fact: &Fact<'_>) {
    let Fact::Request { status, reason, photo, scheme, topic, took, .. } = fact else { return };
    let photo: Option<&Photo> = *photo;
    let id = photo.map(|photo| tracing::field::display(&photo.id));
    let session =
        photo.and_then(|photo| photo.session.as_ref()).map(|session| session.fingerprint());
    let shape = photo.map(|photo| photo.shape.as_str());
    let topic = topic.or(photo.and_then(|photo| photo.topic.as_deref()));
    let scheme = scheme.map(crate::model::Scheme::as_str);
    let ms = millis(*took);
    match *status {
        "accepted" if reason.is_some() => {
            warn!(
                photo = id,
                session, shape, topic, scheme, ms, reason, "event accepted, but look at it"
            );
        }
        "accepted" | "duplicate" => {
            info!(photo = id, session, shape, topic, scheme, ms, "event {status}");
        }
        "ignored" => info!(topic, scheme, ms, "event ignored: its topic carries no photo"),
        "unavailable" => error!(reason, ms, "event not stored; Apertur will send it again"),
        _ => warn!(status, reason, ms, "request refused"),
    }
}

/// What came of our own sessions.
fn followed(fact: &Fact<'_>) {
    let session = |photo: &Photo| photo.session.as_ref().map(SessionId::fingerprint);
    match fact {
        Fact::Polled { photo, is_new, unrouted, took } => {
            let (id, bytes, session, ms) = (&photo.id, photo.size, session(photo), millis(*took));
            let cause = unrouted.map(tracing::field::display);
            match (is_new, cause) {
                (true, Some(cause)) => {
                    warn!(photo = %id, session, bytes, ms, cause, "photo polled, but look at it");
                }
                (true, None) => info!(photo = %id, session, bytes, ms, "photo polled"),
                (false, _) => info!(photo = %id, session, ms, "photo polled, known already"),
            }
        }
        Fact::NotPolled { photo, cause } => warn!(
            photo = %photo, error = cause.kind.as_str(), cause = %cause,
            "photo that waits at Apertur not taken yet; it is tried again by itself"
        ),
        Fact::Acknowledged { photo } => debug!(photo = %photo, "photo acknowledged at Apertur"),
        Fact::NotAcknowledged { photo, cause } => warn!(
            photo = %photo, error = cause.kind.as_str(), cause = %cause,
            "photo is here and Apertur did not hear it; it is told again"
        ),
        Fact::Reconciled { photo, unrouted } => warn!(
            photo = %photo.id, session = session(photo),
            cause = unrouted.map(tracing::field::display),
            "photo never came; it is fetched now"
        ),
        Fact::Limited { until } => warn!(
            next = %until,
            "Apertur limits our calls; none is made until then, photos included"
        ),
        Fact::AskingFails { cause, at } => error!(
            error = cause.kind.as_str(), next = %at, cause = %cause,
            "Apertur does not answer about our sessions; it is asked again by itself"
        ),
        Fact::AskingWorks { lasted } => {
            info!(seconds = lasted.as_secs(), "Apertur answers about our sessions again");
        }
        Fact::SessionRefused { session, cause } => error!(
            session = session.fingerprint(), error = cause.kind.as_str(), cause = %cause,
            "Apertur does not speak about a session; it is asked again by itself"
        ),
        _ => left(fact),
    }
}

/// Sessions of which not everything is known in the end.
fn left(fact: &Fact<'_>) {
    match fact {
        Fact::OtherEnvironment { sessions } => warn!(
            sessions,
            "sessions of Apertur's other environment are not asked about; use an API key of it"
        ),
        Fact::SessionUnknown { session } => info!(
            session = session.fingerprint(),
            "Apertur does not know a session that has ended; nothing more is asked about it"
        ),
        Fact::SessionGivenUp { session, cause } => error!(
            session = session.fingerprint(), error = cause.kind.as_str(), cause = %cause,
            "Apertur still refuses to speak about a session that ended a week ago; photos of it \
             that never came are not looked for any more, see Apertur's dashboard"
        ),
        Fact::SessionUnread { session, photos } => error!(
            session = session.fingerprint(),
            photos,
            "Apertur names photos of a session by ids that cannot be read; see Apertur's dashboard"
        ),
        Fact::SessionGone { session } => warn!(
            session = session.fingerprint(),
            "Apertur tells nothing of a session any more; whether all its photos came is not \
             known, see Apertur's dashboard"
        ),
        _ => {}
    }
}

fn operation(fact: &Fact<'_>) {
    match fact {
        Fact::Started { listen, console, took } => {
            let version = env!("CARGO_PKG_VERSION");
            info!(listen, console, ms = millis(*took), version, "ready");
        }
        Fact::Recovered { deliveries } => {
            warn!(deliveries, "took up deliveries that the last run left under way");
        }
        Fact::Strays { count } => {
            warn!(
                deliveries = count,
                "held deliveries whose destinations are not configured any more; see \
                 `apertur-bridge deliveries list --error unrouted`"
            );
        }
        Fact::Stopping { drain } => {
            info!(seconds = drain.as_secs(), "stopping; finishing what is under way");
        }
        Fact::Stopped => info!("stopped"),
        Fact::Paused { destination, cause } => error!(
            destination = %destination, error = cause.kind.as_str(), cause = %cause,
            "destination paused; its photos wait and lose no attempts"
        ),
        Fact::StillPaused { destination, cause } => error!(
            destination = %destination, error = cause.kind.as_str(), cause = %cause,
            "destination still paused, by now for another reason"
        ),
        Fact::Resumed { destination, paused } => {
            info!(destination = %destination, seconds = paused.as_secs(), "destination goes on");
        }
        Fact::Told { outlet, subject } => info!(outlet, subject, "told that a person is needed"),
        Fact::NotTold { outlet, subject, cause, at: Some(at) } => warn!(
            outlet, subject, error = cause.kind.as_str(), next = %at, cause = %cause,
            "not told yet that a person is needed; it is tried again by itself"
        ),
        Fact::NotTold { outlet, subject, cause, at: None } => error!(
            outlet, subject, error = cause.kind.as_str(), cause = %cause,
            "not told that a person is needed, and it is not tried again"
        ),
        _ => kept_house(fact),
    }
}

fn kept_house(fact: &Fact<'_>) {
    match fact {
        Fact::Run { run } => {
            let (run_id, verb, by) = (run.id.0, run.verb.as_str(), run.by.as_str());
            let (state, tally) = (run.state.as_str(), &run.tally);
            let (done, left, failed) = (tally.done, tally.left(), tally.failed);
            info!(run = run_id, verb, by, state, done, left, failed, "deliveries changed");
        }
        Fact::Pruned { files: 0, photos: 0, took, .. } => {
            debug!(ms = millis(*took), "retention found nothing to remove");
        }
        Fact::Pruned { files, bytes, photos, took, .. } => {
            let ms = millis(*took);
            info!(files, bytes, photos, ms, "removed what retention no longer keeps");
        }
        Fact::SpaceLow { why, free, wanted } => {
            error!(free, wanted, why, "no new photo is taken; what is here is delivered")
        }
        Fact::SpaceBack => info!("there is room again; photos are taken"),
        Fact::JournalFailed { room, error } => {
            error!(room, error, "the journal does not work; trying again");
        }
        Fact::Reloaded { applied, needs_restart, warnings } => {
            for warning in *warnings {
                warn!(warning, "configuration");
            }
            match needs_restart.is_empty() {
                true => info!(applied, "configuration read again"),
                false => warn!(
                    applied,
                    needs_restart,
                    "configuration read again; a part of it is not in force before a restart"
                ),
            }
        }
        Fact::NotReloaded { error } => {
            for line in error.lines() {
                error!(error = line, "configuration not read again; nothing was changed");
            }
        }
        Fact::Panicked { room, message } => {
            error!(room, message, "a job ended in a bug; please report it");
        }
        _ => {}
    }
}
