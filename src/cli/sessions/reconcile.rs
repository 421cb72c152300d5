//! `sessions reconcile`.

use std::{sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget};
use jiff::Timestamp;
use serde::Serialize;

use super::{apertur, open_to_read};
use crate::{
    apertur::{Apertur, ApiError, DeliveryStatus, RemoteFile},
    cli::{
        ask, filter,
        output::{Failure, json, line, remark, table},
    },
    config::Config,
    follow::{Known, Standing, compare},
    intake::Listed,
    journal::Journal,
    model::{Cause, OwnSession},
    ops::control::{Reply, Request},
    sessions::find,
    system::Clock,
};

/// How far back sessions are looked at: the longest life of one and a day.
const BACK: Duration = Duration::from_hours(8 * 24);
/// So many sessions are asked about at once; between more there is a pause, because the daemon
/// shares the 200 calls a minute of the key.
const AT_ONCE: usize = 20;
const PAUSE: Duration = Duration::from_millis(1500);

/// Options of `sessions reconcile`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apertur-bridge sessions reconcile --dry-run
  apertur-bridge sessions reconcile --session session~1a2b3c4d
  apertur-bridge sessions reconcile --since 2d --json

The daemon does the same by itself: at its start, every 5 to 15 minutes while a session is open, and
once when it has ended.")]
pub(in crate::cli) struct Args {
    /// Only this session: its short name, the beginning of its label, or its id; may be given
    /// several times
    #[arg(long = "session", value_name = "SESSION", conflicts_with = "since")]
    sessions: Vec<String>,
    /// Sessions made since: an age such as 2h or 7d, a date, or a time in RFC 3339 [default: 8d]
    #[arg(long, value_parser = filter::time, value_name = "WHEN")]
    since: Option<Timestamp>,
    /// Only say what would be taken
    #[arg(long)]
    dry_run: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What came of a session.
#[derive(Debug, Default, Serialize)]
struct Row {
    session: String,
    label: Option<String>,
    /// Photos that Apertur has.
    at_apertur: usize,
    /// Of them: in our journal before.
    here: usize,
    /// Announced now, to be fetched; with `--dry-run` those that would be.
    taken: usize,
    on_its_way: usize,
    /// Delivered to a destination at Apertur that is none of ours.
    elsewhere: usize,
    /// Why it was not asked about.
    skipped: Option<String>,
    /// Why Apertur does not say.
    error: Option<Cause>,
}

/// Compares Apertur's photos with ours and takes what never came.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let journal = open_to_read(config).await?;
    let sessions = chosen(&journal, args).await?;
    let apertur = apertur(config)?;
    let clock = Clock::system();
    let bar = ProgressBar::with_draw_target(
        Some(sessions.len() as u64),
        if args.json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() },
    );
    let (mut rows, mut trouble, mut failed) = (Vec::new(), None, None);
    for (number, own) in sessions.iter().enumerate() {
        if number >= AT_ONCE {
            clock.sleep_until(clock.after(PAUSE)).await;
        }
        let mut row =
            Row { session: own.session.to_string(), label: own.label.clone(), ..Row::default() };
        if apertur.key_says().is_some_and(|key| key != own.environment) {
            row.skipped = Some(format!("made in {}: another API key's", own.environment));
            rows.push(row);
            continue;
        }
        match status(&apertur, own).await {
            Ok(status) => {
                let compared = standings(config, &journal, own, &status, clock.now()).await;
                let done = match compared {
                    Ok(all) => reconcile(config, own, all, (&mut row, args.dry_run)).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = done {
                    // What was done is told though.
                    failed = Some(error);
                    break;
                }
            }
            Err(error) if stops(&error) => {
                trouble = Some(error);
                break;
            }
            Err(error) => row.error = Some(error.cause),
        }
        rows.push(row);
        bar.inc(1);
    }
    bar.finish_and_clear();
    tell(&rows, args)?;
    if let Some(error) = failed {
        return Err(error);
    }
    let left = sessions.len() - rows.len();
    match trouble {
        None if rows.iter().any(|row| row.error.is_some()) => Err(Failure::Unavailable(
            "Apertur does not speak about every session; see above".to_owned(),
        )),
        None => Ok(()),
        Some(error) => {
            Err(Failure::Unavailable(format!("{left} session(s) were not asked about: {error}")))
        }
    }
}

async fn chosen(journal: &Arc<dyn Journal>, args: &Args) -> Result<Vec<OwnSession>, Failure> {
    let all = journal.sessions().await?;
    if !args.sessions.is_empty() {
        let one = |name: &String| find(&all, name).cloned();
        let found: Result<Vec<_>, _> = args.sessions.iter().map(one).collect();
        return found.map_err(|error| Failure::Failed(anyhow::Error::new(error)));
    }
    let back = || Clock::system().now().checked_sub(BACK).unwrap_or(Timestamp::MIN);
    let since = args.since.unwrap_or_else(back);
    Ok(all.into_iter().filter(|own| own.created_at >= since).collect())
}

async fn status(apertur: &Apertur, own: &OwnSession) -> Result<DeliveryStatus, ApiError> {
    match apertur.delivery_status(&own.session, None).await {
        // It is over, and nothing is left to be told of.
        Err(ApiError { status: Some(410), .. }) => Ok(DeliveryStatus::default()),
        status => status,
    }
}

/// Whether an error would meet every other session as well.
fn stops(error: &ApiError) -> bool {
    error.passes() || error.status.is_none() || error.status == Some(401)
}

async fn standings(
    config: &Config,
    journal: &Arc<dyn Journal>,
    own: &OwnSession,
    status: &DeliveryStatus,
    now: Timestamp,
) -> Result<Vec<(RemoteFile, Standing)>, Failure> {
    let known = Known {
        journal: journal.as_ref(),
        destinations: &config.apertur.session_destinations,
        is_polled: config.apertur.poll && own.long_polling && now < own.expires_at,
        now,
    };
    // Since when a photo has been there only the daemon knows.
    Ok(compare(own, status, |_| false, known).await?)
}

async fn reconcile(
    config: &Config,
    own: &OwnSession,
    compared: Vec<(RemoteFile, Standing)>,
    (row, is_dry): (&mut Row, bool),
) -> Result<(), Failure> {
    let count = |wanted| compared.iter().filter(|(_, standing)| *standing == wanted).count();
    row.at_apertur = compared.len();
    row.here = count(Standing::Here);
    row.on_its_way = count(Standing::OnItsWay);
    row.elsewhere = count(Standing::Elsewhere);
    row.taken = count(Standing::Missing);
    if is_dry || row.taken == 0 {
        return Ok(());
    }
    let missing = compared.into_iter().filter(|(_, standing)| *standing == Standing::Missing);
    let listed = missing.map(|(file, _)| Listed {
        image: file.image,
        filename: file.filename,
        media_type: None,
        size: file.size,
    });
    let (session, photos) = (own.session.clone(), listed.collect());
    match ask::perform(config, Request::Announce { session, photos }).await? {
        Reply::Announced { taken } => {
            // What came meanwhile by itself.
            row.here += row.taken - taken.min(row.taken);
            row.taken = taken;
            Ok(())
        }
        other => Err(Failure::Failed(anyhow::anyhow!("the daemon answered {other:?}"))),
    }
}

fn tell(rows: &[Row], args: &Args) -> Result<(), Failure> {
    if args.json {
        return json(&rows);
    }
    if rows.is_empty() {
        remark("no sessions match; see `apertur-bridge sessions list`");
        return Ok(());
    }
    let taken = if args.dry_run { "TO TAKE" } else { "TAKEN" };
    let header =
        ["SESSION", "AT APERTUR", "HERE", taken, "ON ITS WAY", "NOT OURS", "LABEL", "TROUBLE"];
    let mut text = table(&header);
    for row in rows {
        let count = |number: usize| {
            if row.error.is_some() || row.skipped.is_some() {
                "-".to_owned()
            } else {
                number.to_string()
            }
        };
        text.add_row([
            row.session.clone(),
            count(row.at_apertur),
            count(row.here),
            count(row.taken),
            match row.on_its_way {
                0 => count(0),
                some => format!("{some} (the daemon decides)"),
            },
            count(row.elsewhere),
            row.label.clone().unwrap_or("-".to_owned()),
            row.error.as_ref().map(ToString::to_string).or(row.skipped.clone()).unwrap_or_default(),
        ]);
    }
    line(&text.trim_fmt())?;
    if args.dry_run { line("nothing was changed (--dry-run)") } else { Ok(()) }
}
