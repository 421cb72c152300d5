//! `destinations`: where photos go, and whether they could.

mod login;

use std::{os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use serde::Serialize;

use super::{
    Context, block_on,
    output::{Failure, json, line, remark, table},
};
use crate::{
    config::Config,
    destinations::Destination,
    journal::{self, Pause},
    model::{DeliveryState, DestinationName, Filter, Finding, Kind, Severity, Target},
    ops::control,
    serve,
};

/// Subcommands of `destinations`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the configured destinations and how they stand
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write something small to a destination, read it back and remove it
    Test {
        /// Its name: the `erp` of [destination.erp]
        name: String,
        /// The record to write to, for example odoo:res.partner:42
        #[arg(long)]
        target: Option<Target>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Log in to a destination with a browser, where it works by OAuth
    Login {
        /// Its name: the `desk` of [destination.desk]
        name: String,
    },
}

/// Runs one of them.
pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let config = context.load()?;
    block_on(async move {
        match command {
            Command::List { json } => list(&config, json).await,
            Command::Test { name, target, json } => {
                test(&config, &name, target.as_ref(), json).await
            }
            Command::Login { name } => login::login(&config, &name).await,
        }
    })
}

#[derive(Serialize)]
struct Row {
    name: DestinationName,
    #[serde(rename = "type")]
    kind: Kind,
    place: String,
    /// `None` where the journal cannot be read.
    delivered: Option<u64>,
    underway: Option<u64>,
    held: Option<u64>,
    login_needed: bool,
    paused: Option<Pause>,
}

/// The destinations that nobody logged in to yet, of those that need it and as far as this user
/// may know.
pub(super) async fn to_log_in(
    destinations: &[(DestinationName, Arc<dyn Destination>)],
) -> Vec<DestinationName> {
    let mut names = Vec::new();
    for (name, destination) in destinations {
        let Ok(login) = destination.login() else { continue };
        if login.is_needed().await.unwrap_or(false) {
            names.push(name.clone());
        }
    }
    names
}

/// What a person does then.
pub(super) fn log_in(name: &DestinationName) -> String {
    format!("log in: apertur-bridge destinations login {name}")
}

async fn list(config: &Config, as_json: bool) -> Result<(), Failure> {
    // Before the first start there is no journal, and nothing to count.
    let journal = journal::open_if_there(&config.journal).await;
    let known = journal.is_ok();
    let journal = journal.unwrap_or_else(|error| {
        remark(&format!("warning: how they stand is not known: {error:#}"));
        None
    });
    let (counts, pauses) = match journal {
        Some(journal) => (journal.count(&Filter::default()).await?, journal.pauses().await?),
        None => Default::default(),
    };
    let destinations = serve::destinations(config)?;
    let to_log_in = to_log_in(&destinations).await;
    let row = |(name, destination): (DestinationName, Arc<dyn Destination>)| {
        let sum = |states: &[DeliveryState]| {
            let ours = counts.iter().filter(|c| c.destination.as_ref() == Some(&name));
            known.then(|| ours.filter(|c| states.contains(&c.state)).map(|c| c.count).sum())
        };
        use DeliveryState::{Delivered, Due, Held, Sending, Waiting};
        Row {
            kind: destination.kind(),
            place: destination.place(),
            delivered: sum(&[Delivered]),
            underway: sum(&[Waiting, Due, Sending]),
            held: sum(&[Held]),
            login_needed: to_log_in.contains(&name),
            paused: pauses.iter().find(|pause| pause.destination == name).cloned(),
            name,
        }
    };
    let rows: Vec<Row> = destinations.into_iter().map(row).collect();
    if control::is_deserted(&config.data_dir.join("control.sock")).await {
        remark("no daemon runs: this is how things stood when the last one stopped");
    }
    if as_json { json(&rows) } else { tell(rows) }
}

fn tell(rows: Vec<Row>) -> Result<(), Failure> {
    let header = ["NAME", "TYPE", "PLACE", "DELIVERED", "UNDER WAY", "HELD", "STATE"];
    let mut text = table(&header);
    let mut more = Vec::new();
    for row in rows {
        let state = match (&row.paused, row.held) {
            (Some(_), _) => "paused",
            _ if row.login_needed => "to log in",
            (None, Some(_)) => "ok",
            (None, None) => "unknown",
        };
        let number = |number: Option<u64>| number.map_or("-".to_owned(), |n| n.to_string());
        let numbers = [row.delivered, row.underway, row.held].map(number);
        let [delivered, underway, held] = numbers;
        if row.login_needed && row.paused.is_none() {
            more.push(format!("{}: nobody logged in yet; {}", row.name, log_in(&row.name)));
        }
        more.extend(row.paused.map(|Pause { destination, since, cause }| {
            format!("{destination} is paused since {since:.0}: {cause}")
        }));
        let (name, kind, state) = (row.name.to_string(), row.kind.to_string(), state.to_owned());
        text.add_row([name, kind, row.place, delivered, underway, held, state]);
    }
    line(&text.trim_fmt())?;
    more.iter().try_for_each(|told| line(&format!("\n{told}")))
}

async fn test(
    config: &Config,
    name: &str,
    target: Option<&Target>,
    as_json: bool,
) -> Result<(), Failure> {
    let destination = named(config, name)?;
    let mut findings = destination.test(target).await;
    findings.extend(as_another(config, name, destination.kind()));
    if as_json {
        json(&findings)?;
    } else {
        for finding in &findings {
            line(&finding.to_string())?;
        }
    }
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(Failure::Unavailable(format!("destination {name} does not work; see above")));
    }
    Ok(())
}

/// What a test of a folder by root does not tell.
fn as_another(config: &Config, name: &str, kind: Kind) -> Option<Finding> {
    let owner = |path: &Path| std::fs::metadata(path).ok().map(|of| of.uid());
    let daemon = owner(&config.data_dir).filter(|uid| *uid != 0)?;
    // The owner of a process's own files is who runs it.
    if kind != Kind::Folder || owner(Path::new("/proc/self")) != Some(0) {
        return None;
    }
    let what = format!("root may write everywhere; whether the daemon's user {daemon} may is open");
    let fix = format!("sudo -u '#{daemon}' apertur-bridge destinations test {name}");
    Some(Finding::warning("user", what, fix))
}

/// The destination of this name.
fn named(config: &Config, name: &str) -> Result<Arc<dyn Destination>, Failure> {
    let destinations = serve::destinations(config)?;
    if let Some((_, found)) = destinations.iter().find(|(known, _)| known.as_str() == name) {
        return Ok(Arc::clone(found));
    }
    let known: Vec<_> = destinations.iter().map(|(name, _)| name.as_str()).collect();
    Err(Failure::Failed(anyhow::anyhow!(
        "there is no destination `{name}`; the configuration has {}",
        known.join(", ")
    )))
}
