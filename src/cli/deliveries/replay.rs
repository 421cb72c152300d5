//! `deliveries replay`.

use super::{filter, open_to_read};
use crate::{
    cli::{
        ask,
        output::{Failure, json, line, remark, table},
    },
    config::Config,
    model::{DeliveryState, DestinationName, Filter},
    ops::{
        Replay, ReplayReport,
        control::{Reply, Request},
    },
};

/// Options of `deliveries replay`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Delivery numbers, or one photo id; without any, the options say which
    ids: Vec<String>,
    #[command(flatten)]
    filter: filter::Args,
    /// Only say how many deliveries this would be
    #[arg(long)]
    dry_run: bool,
    /// Also deliveries that are delivered
    #[arg(long)]
    force: bool,
    /// Replay everything that is held; needed when nothing else says which
    #[arg(long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Replays deliveries.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let mut filter = filter::with_ids(&args.ids, &args.filter)?;
    if filter == Filter::default() {
        if !args.all {
            return Err(Failure::Failed(anyhow::anyhow!(
                "say which deliveries: numbers, a photo id, options such as --destination erp \
                 --state held, or --all for everything that is held"
            )));
        }
        filter.states = vec![DeliveryState::Held];
    }
    if args.dry_run {
        return dry_run(config, &filter, args.json).await;
    }
    let by = std::process::id();
    let replay = Replay { filter, force: args.force, by: format!("command line, process {by}") };
    match ask::perform(config, Request::Replay(replay)).await? {
        Reply::Replayed(report) => tell(&report, args),
        other => Err(Failure::Failed(anyhow::anyhow!("the daemon answered {other:?}"))),
    }
}

fn tell(report: &ReplayReport, args: &Args) -> Result<(), Failure> {
    if *report == ReplayReport::default() {
        let remedy = "see `apertur-bridge deliveries list`";
        return Err(Failure::Failed(anyhow::anyhow!("no delivery matches; {remedy}")));
    }
    if args.json {
        return json(report);
    }
    line(&format!(
        "{} due again, {} photo(s) fetched again first, {} newly routed, {} left alone",
        report.due, report.fetching, report.routed, report.left
    ))?;
    if report.left > 0 && !args.force {
        remark("delivered ones are left alone without --force; those under way always are");
    }
    Ok(())
}

async fn dry_run(config: &Config, filter: &Filter, as_json: bool) -> Result<(), Failure> {
    let counts = open_to_read(&config.journal).await?.count(filter).await?;
    if as_json {
        return json(&counts);
    }
    let mut rows = table(&["DESTINATION", "STATE", "ERROR", "DELIVERIES"]);
    for count in &counts {
        let name = count.destination.as_ref().map_or("-", DestinationName::as_str);
        let error = count.error.map_or("-", crate::model::ErrorKind::as_str);
        rows.add_row([name, count.state.as_str(), error, &count.count.to_string()]);
    }
    line(&rows.trim_fmt())?;
    line("nothing was changed (--dry-run)")
}
