//! `deliveries export`: deliveries as rows, for spreadsheets and scripts.

use std::{io, sync::Arc};

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::filter;
use crate::{
    cli::output::{Failure, Rows, Shape},
    journal::Journal,
    ops::{Ops, rows::DeliveryRow},
    system::Clock,
};

/// Deliveries that are read at once.
const PAGE: usize = 500;

/// Options of `deliveries export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Columns of CSV: id, state, destination, target, mode, attempts, due_at, \
settled_at, error, why, said, fix, receipt, found, note, url, photo, image, received_at, shape, \
session (its fingerprint), index, tags, filename, media_type, size, sha256. A cell that would be a \
formula in a spreadsheet begins with an apostrophe. A row of JSON lines is what `deliveries list \
--json` shows of a delivery.

Examples:
  apertur-bridge deliveries export --since 30d > deliveries.csv
  apertur-bridge deliveries export --state held --format jsonl | jq .cause.what")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filter: filter::Args,
    /// How the rows are written
    #[arg(long, value_enum, default_value = "csv")]
    format: Shape,
}

/// Writes every delivery that matches, newest first, in constant memory.
pub(super) async fn run(journal: Arc<dyn Journal>, args: &Args) -> Result<(), Failure> {
    let ops = Ops::to_read(journal, Clock::system());
    let filter = args.filter.filter();
    let count = ops.count(&filter).await?.iter().map(|count| count.count).sum();
    let is_seen = io::IsTerminal::is_terminal(&io::stdout());
    let target = if is_seen { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(count), target);
    let mut rows = Rows::new(args.format, io::stdout().lock());
    let mut before = None;
    loop {
        let page = ops.list(&filter, before, PAGE).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        for delivery in &page {
            match args.format {
                Shape::Csv => rows.write(&DeliveryRow::from(delivery))?,
                Shape::Jsonl => rows.write(delivery)?,
            }
        }
        bar.inc(page.len() as u64);
    }
    bar.finish_and_clear();
    rows.end().map(drop)
}
