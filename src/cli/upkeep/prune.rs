//! `journal prune`.

use std::time::Duration;

use crate::{
    cli::{
        ask,
        output::{Failure, json, line},
    },
    config::Config,
    journal::{self, Prunable},
    ops::{
        control::{Reply, Request},
        prune::Pruned,
        upkeep::Order,
    },
    system::{Clock, Size},
};

/// Options of `journal prune`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Remove the bytes of photos that arrived longer ago [default: retention.bytes]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    bytes_older: Option<Duration>,
    /// Remove the history of photos that arrived longer ago [default: retention.rows]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    rows_older: Option<Duration>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs retention, or says what it would remove.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let bytes = args.bytes_older.unwrap_or(config.prune.bytes);
    let rows = args.rows_older.unwrap_or(config.prune.rows.max(bytes));
    if rows < bytes {
        let what = "--rows-older is shorter than the time for the bytes, which go first";
        return Err(Failure::Usage(what.to_owned()));
    }
    if args.dry_run {
        let now = Clock::system().now();
        let before = |age| now.checked_sub(age).unwrap_or(jiff::Timestamp::MIN);
        let journal = journal::open_to_read(&config.journal).await?;
        let found = journal.prunable(before(bytes), before(rows)).await?;
        return if args.json { json(&found) } else { would(&found) };
    }
    match ask::perform(config, Request::Upkeep(Order::Prune { bytes, rows })).await? {
        Reply::Pruned(pruned) if args.json => json(&pruned),
        Reply::Pruned(Pruned { files, bytes, photos }) => line(&format!(
            "removed {files} file(s), {}, and the history of {photos} photo(s)",
            Size(bytes)
        )),
        other => Err(Failure::Failed(anyhow::anyhow!("the daemon answered {other:?}"))),
    }
}

fn would(Prunable { photos, files, bytes, rows, runs }: &Prunable) -> Result<(), Failure> {
    line(&format!(
        "would remove the bytes of {photos} photo(s): {files} file(s), {}; the history of {rows} \
         photo(s); and {runs} of the changes that `deliveries runs` lists",
        Size(*bytes)
    ))?;
    line("nothing was changed (--dry-run)")
}
