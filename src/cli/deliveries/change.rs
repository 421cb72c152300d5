//! `deliveries replay`, `hold`, `release`, `drop`: which, what it would be, may it, how far it is,
//! what came of it.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::{
    Numbered, filter,
    follow::{self, Hand},
    numbered, open_to_read,
};
use crate::{
    cli::{
        ask,
        output::{Failure, json, line, remark, table},
    },
    config::{Config, operator},
    model::{By, DeliveryId, DeliveryState, DestinationName, ErrorKind, Filter, PhotoId},
    ops::{
        Left, Preview, Reason, Run, RunId, RunState, Verb,
        control::{Reply, Request},
    },
};

/// Changes of more than this are asked about first.
const MANY: u64 = 100;
/// Most deliveries that `--limit` may name.
const MOST: usize = 10_000;

/// Options of every command that changes deliveries.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Which {
    /// Delivery numbers, or one photo id; without any, the options say which. A number is that of
    /// a delivery where there is one; --photo names a photo alone
    ids: Vec<String>,
    #[command(flatten)]
    filter: filter::Args,
    /// Only the newest so many of them
    #[arg(long, value_parser = filter::up_to(MOST), value_name = "NUMBER")]
    limit: Option<usize>,
    /// All that can be; needed when nothing else says which
    #[arg(long)]
    all: bool,
    /// Only say how many this would be
    #[arg(long)]
    dry_run: bool,
    /// Do not ask, however many they are
    #[arg(long)]
    yes: bool,
    /// Do not wait for the end; needs a running daemon
    #[arg(long)]
    detach: bool,
    /// Who does it, for the record; without it the user of this command
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Options of `deliveries replay`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Replay {
    #[command(flatten)]
    which: Which,
    /// Also deliveries that are delivered; what is there is found and not doubled
    #[arg(long)]
    force: bool,
    /// Go on with a change that was stopped, whatever it does; see `deliveries runs`
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "ids", "force", "all", "dry_run", "limit", "state", "destination", "session", "target",
        "photo", "error", "since", "until", "text",
    ])]
    resume: Option<i64>,
}

/// Options of `deliveries hold`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Hold {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long, value_parser = |t: &str| Reason::parse(t), default_value_t)]
    reason: Reason,
}

/// Options of `deliveries release`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Release {
    #[command(flatten)]
    which: Which,
}

/// Options of `deliveries drop`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Drop {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long, value_parser = |t: &str| Reason::parse(t))]
    reason: Reason,
}

/// `deliveries replay`.
pub(super) async fn replay(config: &Config, args: &Replay) -> Result<(), Failure> {
    match args.resume {
        Some(run) => {
            let hand = Hand::take(config).await?;
            let run = hand.resume(RunId(run)).await?;
            finish(hand, run, &args.which).await
        }
        None => change(config, Verb::Replay { force: args.force }, &args.which).await,
    }
}

/// `deliveries hold`.
pub(super) async fn hold(config: &Config, args: &Hold) -> Result<(), Failure> {
    change(config, Verb::Hold { reason: args.reason.clone() }, &args.which).await
}

/// `deliveries release`.
pub(super) async fn release(config: &Config, args: &Release) -> Result<(), Failure> {
    change(config, Verb::Release, &args.which).await
}

/// `deliveries drop`.
pub(super) async fn drop(config: &Config, args: &Drop) -> Result<(), Failure> {
    change(config, Verb::Drop { reason: args.reason.clone() }, &args.which).await
}

async fn change(config: &Config, verb: Verb, which: &Which) -> Result<(), Failure> {
    let filter = asked(config, &verb, which).await?;
    let preview = preview(config, &verb, &filter).await?;
    if which.dry_run {
        return foretell(&preview, which.json);
    }
    if preview.counts.is_empty() {
        let remedy = "see `apertur-bridge deliveries list`";
        return Err(Failure::Failed(anyhow::anyhow!("no delivery matches; {remedy}")));
    }
    if preview.changes > MANY && !which.yes {
        confirm(&verb, preview.changes)?;
    }
    let by = which.by.as_deref().map_or_else(operator, By::new);
    let hand = Hand::take(config).await?;
    let run = hand.begin(verb, filter, by).await?;
    finish(hand, run, which).await
}

/// What a daemon that runs would do by what is in force with it, else what the configuration says.
async fn preview(config: &Config, verb: &Verb, filter: &Filter) -> Result<Preview, Failure> {
    let request = Request::Preview { change: verb.clone(), filter: filter.clone() };
    match ask::perform(config, request).await? {
        Reply::Preview(preview) => Ok(preview),
        other => Err(Failure::Failed(anyhow::anyhow!("the daemon answered {other:?}"))),
    }
}

/// Which deliveries are meant.
async fn asked(config: &Config, verb: &Verb, which: &Which) -> Result<Filter, Failure> {
    let mut filter = filter::with_ids(&which.ids, &which.filter)?;
    if filter == Filter::default() && which.limit.is_none() {
        if !which.all {
            return Err(Failure::Usage(
                "say which deliveries: numbers, a photo id, options such as --destination erp \
                 --state held, or --all for all that can be"
                    .to_owned(),
            ));
        }
        (filter.states, filter.error) = all(verb);
    }
    let journal = open_to_read(&config.journal).await?;
    if let [word] = which.ids.as_slice()
        && filter.photo.is_none()
    {
        match numbered(&journal, word).await? {
            Some(Numbered::Photo(photo)) => {
                (filter.ids, filter.photo) = (Vec::new(), Some(photo));
            }
            Some(Numbered::Both { photo, of }) => taken_for_number(verb, &photo, &of)?,
            None => {}
        }
    }
    if let Some(limit) = which.limit {
        // Who names some means them in whatever state they are.
        if filter.states.is_empty() && !filter.is_named() {
            let (states, error) = all(verb);
            (filter.states, filter.error) = (states, filter.error.or(error));
        }
        let newest = journal.list(&filter, None, limit).await?;
        let ids = newest.iter().map(|delivery| delivery.id);
        // An empty list would name all of them.
        let none = newest.is_empty().then_some(DeliveryId(0));
        filter.ids = ids.chain(none).collect();
    }
    Ok(filter)
}

/// What cannot be undone is done with nothing that may be meant otherwise.
fn taken_for_number(verb: &Verb, photo: &PhotoId, of: &PhotoId) -> Result<(), Failure> {
    if !matches!(verb, Verb::Drop { .. }) {
        remark(&Numbered::both(photo));
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "`{photo}` is the number of a delivery and the id of a photo; nothing was dropped. Say \
         `--photo {photo}` for the photo, or `{photo} --photo {of}` for the delivery"
    )))
}

/// All that a verb can change.
fn all(verb: &Verb) -> (Vec<DeliveryState>, Option<ErrorKind>) {
    use DeliveryState::{Delivered, Due, Held, Waiting};
    match verb {
        Verb::Replay { force: false } => (vec![Held], None),
        Verb::Replay { force: true } => (vec![Held, Delivered], None),
        Verb::Hold { .. } => (vec![Waiting, Due], None),
        Verb::Release => (vec![Held], Some(ErrorKind::Operator)),
        Verb::Drop { .. } => (vec![Waiting, Due, Held], None),
    }
}

fn foretell(preview: &Preview, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(preview);
    }
    let mut rows = table(&["DESTINATION", "STATE", "ERROR", "DELIVERIES", "LEFT ALONE"]);
    for count in preview.counts.iter().filter(|count| count.count > 0) {
        let name = count.destination.as_ref().map_or("-", DestinationName::as_str);
        let error = count.error.map_or("-", ErrorKind::as_str);
        let left = count.left.map_or("-", Left::words);
        rows.add_row([name, count.state.as_str(), error, &count.count.to_string(), left]);
    }
    line(&rows.trim_fmt())?;
    line(&format!(
        "{} would be changed, {} left alone; nothing was changed (--dry-run)",
        preview.changes, preview.left
    ))
}

/// Asks a person; where there is none to ask, says what would have answered.
fn confirm(verb: &Verb, changes: u64) -> Result<(), Failure> {
    let verb = verb.as_str();
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let what = format!("this would {verb} {changes} deliveries; say --yes if that is meant");
        return Err(Failure::Usage(what));
    }
    remark(&format!("{verb} {changes} deliveries? Type yes to go on, or see --dry-run."));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::Failed(anyhow::anyhow!("nothing was changed")))
}

/// Waits for the end of a run and says what came of it.
async fn finish(hand: Hand, run: Run, which: &Which) -> Result<(), Failure> {
    if which.detach {
        let id = run.id;
        if hand.is_alone() {
            hand.stop(id).await?;
            return Err(Failure::Failed(anyhow::anyhow!(
                "no daemon is running that could go on without this command; nothing was changed. \
                 Go on with `apertur-bridge deliveries replay --resume {id}`"
            )));
        }
        remark(&format!("the daemon carries out run {id}; see `apertur-bridge deliveries runs`"));
        return if which.json { json(&run) } else { Ok(()) };
    }
    let run = follow::to_the_end(hand, run, which.json).await?;
    if which.json {
        json(&run)?;
    } else {
        line(&told(&run))?;
        for (left, count) in &run.tally.left {
            remark(&format!("{count} left alone: {}", left.words()));
        }
    }
    let failed = run.tally.failed;
    if run.state == RunState::Stopped {
        return Err(Failure::Failed(anyhow::anyhow!(
            "stopped; go on with `apertur-bridge deliveries replay --resume {}`",
            run.id
        )));
    }
    if failed > 0 {
        return Err(Failure::Failed(anyhow::anyhow!(
            "{failed} could not be read or changed; see the daemon's log"
        )));
    }
    Ok(())
}

/// What a run did, in one line.
pub(super) fn told(run: &Run) -> String {
    let tally = &run.tally;
    let done = match run.verb {
        Verb::Replay { .. } => format!(
            "{} replayed, {} of them fetched again first, {} newly routed",
            tally.done, tally.fetching, tally.routed
        ),
        Verb::Hold { .. } => format!("{} held", tally.done),
        Verb::Release => format!("{} released", tally.done),
        Verb::Drop { .. } => format!("{} dropped", tally.done),
    };
    format!("{done}; {} left alone, {} failed (run {})", tally.left(), tally.failed, run.id)
}
