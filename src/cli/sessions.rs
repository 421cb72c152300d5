//! `sessions`: upload sessions for records, and what came of them.
//!
//! A session's link lets whoever has it upload: it is printed where it is asked for, and only
//! there. Sessions show themselves as `session~1a2b3c4d`.

mod close;
mod create;
mod link;
mod list;
mod photos;
mod qr;
mod reconcile;
mod send;
mod show;
mod watch;

use std::sync::Arc;

use serde::Serialize;

use super::{Context, ask, block_on, output::Failure};
use crate::{
    apertur::{Apertur, ApiError},
    config::Config,
    http::Http,
    journal::{self, Journal},
    model::{DestinationName, Environment, ErrorKind, Mode, OwnSession, Target},
    ops::control::Request,
    sessions::find,
    system::Clock,
};

/// Subcommands of `sessions`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a session for a record; prints its link and QR code
    Create(Box<create::Args>),
    /// List the sessions that were made here, the latest first
    List(list::Args),
    /// Show a session and where each of its photos stands, here and at Apertur
    Show(show::Args),
    /// Follow the photos of a session until it ends
    Watch(watch::Args),
    /// End a session: its link stops working within a minute, or within an hour
    Close(close::Args),
    /// Show the link and QR code of a session again
    Qr(qr::Args),
    /// Print a signed link to the collect page of a record
    Link(link::Args),
    /// Take the photos of our sessions that never came
    Reconcile(reconcile::Args),
}

/// Runs one of them.
pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let config = context.load()?;
    block_on(async move {
        match command {
            Command::Create(args) => create::run(&config, *args).await,
            Command::List(args) => list::run(&config, &args).await,
            Command::Show(args) => show::run(&config, &args).await,
            Command::Watch(args) => watch::run(&config, &args).await,
            Command::Close(args) => close::run(&config, &args).await,
            Command::Qr(args) => qr::run(&config, &args).await,
            Command::Link(args) => link::run(&config, &args),
            Command::Reconcile(args) => Box::pin(reconcile::run(&config, &args)).await,
        }
    })
}

/// Which session is meant.
#[derive(Debug, clap::Args)]
struct Name {
    /// Its short name (session~1a2b3c4d), the beginning of its label, or its id
    #[arg(value_name = "SESSION")]
    name: String,
}

impl Name {
    async fn find(&self, journal: &Arc<dyn Journal>) -> Result<OwnSession, Failure> {
        let sessions = journal.sessions().await?;
        let found = find(&sessions, &self.name).cloned();
        found.map_err(|error| Failure::Failed(anyhow::Error::new(error)))
    }
}

async fn open_to_read(config: &Config) -> Result<Arc<dyn Journal>, Failure> {
    Ok(journal::open_to_read(&config.journal).await?)
}

fn apertur(config: &Config) -> Result<Apertur, Failure> {
    if config.apertur.api_key.is_none() {
        return Err(Failure::Unusable(anyhow::anyhow!(
            "there is no API key to ask Apertur with; set apertur.api_key"
        )));
    }
    Ok(Apertur::new(Http::new()?, config.apertur.clone(), Clock::system())?)
}

async fn keep(config: &Config, session: &OwnSession) -> Result<(), Failure> {
    let request = Request::KeepSession(session.clone());
    ask::perform(config, request).await.map(drop)
}

/// 69 where Apertur does not work for us, 1 where it refuses this one thing.
fn failed(error: &ApiError) -> Failure {
    let ours = matches!(error.cause.kind, ErrorKind::Unauthorized | ErrorKind::Protocol);
    if error.passes() || ours {
        Failure::Unavailable(error.to_string())
    } else {
        Failure::Failed(anyhow::anyhow!("{error}"))
    }
}

/// What is told of a session, without what would let somebody upload.
#[derive(Debug, Serialize)]
struct About<'a> {
    name: String,
    label: Option<&'a str>,
    target: &'a Target,
    /// The destination whose record is meant, where one was named.
    destination: Option<&'a DestinationName>,
    mode: Option<Mode>,
    environment: Environment,
    state: &'static str,
    polled: bool,
    created_at: jiff::Timestamp,
    expires_at: jiff::Timestamp,
    closed_at: Option<jiff::Timestamp>,
}

impl<'a> About<'a> {
    fn new(own: &'a OwnSession, now: jiff::Timestamp) -> Self {
        Self {
            name: own.session.to_string(),
            label: own.label.as_deref(),
            target: &own.target,
            destination: own.destination.as_ref(),
            mode: own.mode,
            environment: own.environment,
            state: state(own, now),
            polled: own.long_polling,
            created_at: own.created_at,
            expires_at: own.expires_at,
            closed_at: own.closed_at,
        }
    }

    /// The record that is meant.
    fn record(&self) -> String {
        match self.destination {
            Some(name) => format!("{} of {name}", self.target),
            None => self.target.to_string(),
        }
    }

    /// Its lines for people.
    fn lines(&self) -> Vec<String> {
        let mark = sandbox(self.environment);
        let label = self.label.map_or(String::new(), |label| format!("  {label}"));
        let mode = self.mode.map_or("by default", |mode| mode.word_at(Some(self.target)));
        vec![
            format!("session    {}{label}", self.name),
            format!("for        {}, mode {mode}", self.record()),
            format!(
                "state      {}{}{mark}, made {:.0}",
                self.state,
                polled(self.polled),
                self.created_at
            ),
            format!("until      {:.0}", self.expires_at),
        ]
    }
}

fn state(own: &OwnSession, now: jiff::Timestamp) -> &'static str {
    match (own.is_open(now), own.closed_at) {
        (true, _) => "open",
        (false, Some(_)) => "closed",
        (false, None) => "ended",
    }
}

/// Marks what waits at Apertur to be taken.
fn polled(is_polled: bool) -> &'static str {
    if is_polled { ", polled" } else { "" }
}

/// Marks what does not count.
fn sandbox(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => "",
        Environment::Sandbox => " (sandbox)",
    }
}
