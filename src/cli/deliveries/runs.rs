//! `deliveries runs`.

use std::sync::Arc;

use super::{change::told, filter};
use crate::{
    cli::output::{Failure, json, line, remark, table},
    journal::Journal,
};

/// Options of `deliveries runs`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// At most this many
    #[arg(long, default_value = "20", value_parser = filter::up_to(filter::MOST))]
    limit: usize,
    /// As JSON, with everything known about each
    #[arg(long)]
    json: bool,
}

/// Lists changes of many deliveries, the latest first.
pub(super) async fn run(journal: Arc<dyn Journal>, args: &Args) -> Result<(), Failure> {
    let runs = journal.runs(None, args.limit).await?;
    if args.json {
        return json(&runs);
    }
    if runs.is_empty() {
        remark("nobody changed any delivery yet");
        return Ok(());
    }
    let mut rows = table(&["RUN", "BEGUN", "BY", "STATE", "SEEN", "WHAT IT DID"]);
    for run in &runs {
        rows.add_row([
            run.id.to_string(),
            format!("{:.0}", run.started_at),
            run.by.to_string(),
            run.state.to_string(),
            format!("{} of {}", run.tally.seen(), run.matching),
            told(run),
        ]);
    }
    line(&rows.trim_fmt())
}
