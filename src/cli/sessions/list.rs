//! `sessions list`.

use std::sync::Arc;

use serde::Serialize;

use super::{About, apertur, failed, open_to_read, photos, polled, sandbox};
use crate::{
    apertur::SessionRow,
    cli::output::{Failure, json, line, remark, table},
    config::Config,
    journal::Journal,
    model::{DeliveryState, Environment, OwnSession, Target},
    system::Clock,
};

/// Options of `sessions list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apertur-bridge sessions list --open
  apertur-bridge sessions list --target odoo:res.partner:42 --json")]
pub(in crate::cli) struct Args {
    /// Only those that are open
    #[arg(long)]
    open: bool,
    /// Only those for this record
    #[arg(long, value_name = "TARGET")]
    target: Option<Target>,
    /// At most this many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Also ask Apertur, and add its latest sessions that were not made here
    #[arg(long)]
    remote: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    about: About<'a>,
    photos: usize,
    /// Photos with a delivery that waits for a person.
    held: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<Remote<'a>>,
}

/// A session as Apertur knows it.
#[derive(Serialize)]
struct Remote<'a> {
    name: String,
    status: &'a str,
    photos: u64,
    delivered: u64,
    failed: u64,
    created_at: Option<jiff::Timestamp>,
    expires_at: Option<jiff::Timestamp>,
    environment: Option<Environment>,
}

impl<'a> Remote<'a> {
    fn new(row: &'a SessionRow) -> Self {
        Self {
            name: row.id.to_string(),
            status: &row.status,
            photos: row.images,
            delivered: row.delivered,
            failed: row.failed,
            created_at: row.created_at,
            expires_at: row.expires_at,
            environment: row.environment,
        }
    }
}

/// Lists sessions.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let remote = match args.remote {
        true => Some(apertur(config)?),
        false => None,
    };
    let journal = open_to_read(config).await?;
    let now = Clock::system().now();
    let record = args.target.as_ref().map(Target::record);
    let wanted = |own: &&OwnSession| {
        (!args.open || own.is_open(now))
            && record.as_ref().is_none_or(|record| own.target.record() == *record)
    };
    let all = journal.sessions().await?;
    let own: Vec<_> = all.iter().filter(wanted).take(args.limit).collect();
    let remote = match remote {
        Some(apertur) => {
            let limit = u32::try_from(args.limit).unwrap_or(u32::MAX).min(100);
            apertur.recent_sessions(limit).await.map_err(|error| failed(&error))?
        }
        None => Vec::new(),
    };
    let mut rows = Vec::new();
    for own in own {
        let (photos, held) = counts(&journal, own).await?;
        let remote = remote.iter().find(|row| row.id == own.session).map(Remote::new);
        rows.push(Row { about: About::new(own, now), photos, held, remote });
    }
    let is_foreign = |row: &&SessionRow| !all.iter().any(|own| own.session == row.id);
    let foreign = remote.iter().filter(is_foreign).map(Remote::new);
    // What was made elsewhere names no record that we know of.
    let foreign: Vec<_> = foreign.filter(|_| !args.open && record.is_none()).collect();
    if args.json {
        return tell_json(&rows, &foreign, args.remote);
    }
    tell(&rows, &foreign)
}

async fn counts(journal: &Arc<dyn Journal>, own: &OwnSession) -> Result<(usize, usize), Failure> {
    let photos = photos::of_session(journal, &own.session, None).await?;
    let is_held = |photo: &&photos::Photo| {
        photo.deliveries.iter().any(|standing| standing.state == DeliveryState::Held)
    };
    Ok((photos.len(), photos.iter().filter(is_held).count()))
}

fn tell_json(rows: &[Row<'_>], foreign: &[Remote<'_>], remote: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Both<'a> {
        sessions: &'a [Row<'a>],
        not_made_here: &'a [Remote<'a>],
    }
    if remote {
        return json(&Both { sessions: rows, not_made_here: foreign });
    }
    json(&rows)
}

fn tell(rows: &[Row<'_>], foreign: &[Remote<'_>]) -> Result<(), Failure> {
    if rows.is_empty() && foreign.is_empty() {
        remark("no sessions match; `apertur-bridge sessions create` makes one");
        return Ok(());
    }
    let header = ["SESSION", "FOR", "MODE", "MADE", "UNTIL", "STATE", "PHOTOS", "LABEL"];
    let mut text = table(&header);
    for Row { about, photos, held, remote } in rows {
        let held = if *held > 0 { format!(" ({held} held)") } else { String::new() };
        let there = remote.as_ref().map(|remote| format!(", {} at Apertur", remote.photos));
        text.add_row([
            about.name.clone(),
            about.record(),
            about.mode.map_or("-", |mode| mode.word_at(Some(about.target))).to_owned(),
            format!("{:.0}", about.created_at),
            format!("{:.0}", about.expires_at),
            format!("{}{}{}", about.state, polled(about.polled), sandbox(about.environment)),
            format!("{photos}{held}{}", there.unwrap_or_default()),
            about.label.unwrap_or("-").to_owned(),
        ]);
    }
    for row in foreign {
        let time = |at: Option<jiff::Timestamp>| at.map_or("-".to_owned(), |at| format!("{at:.0}"));
        let mark = row.environment.map_or("", sandbox);
        text.add_row([
            row.name.clone(),
            "not made here".to_owned(),
            "-".to_owned(),
            time(row.created_at),
            time(row.expires_at),
            format!("{}{mark}", row.status),
            format!("{} at Apertur", row.photos),
            "-".to_owned(),
        ]);
    }
    line(&text.trim_fmt())
}
