//! `deliveries list`.

use std::sync::Arc;

use super::{filter, paused};
use crate::{
    cli::output::{Failure, json, line, remark, table},
    journal::{Journal, Pause},
    model::{Delivery, DeliveryId, DeliveryState},
};

/// Options of `deliveries list`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filter: filter::Args,
    /// At most this many
    #[arg(long, default_value = "50", value_parser = filter::up_to(filter::MOST))]
    limit: usize,
    /// Only those with a lower number, to go on where a list ended
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// As JSON, with everything known about each
    #[arg(long)]
    json: bool,
}

/// Lists deliveries.
pub(super) async fn run(journal: Arc<dyn Journal>, args: &Args) -> Result<(), Failure> {
    let before = args.before.map(DeliveryId);
    let room = args.limit.saturating_add(1);
    let mut found = journal.list(&args.filter.filter(), before, room).await?;
    let has_more = found.len() > args.limit;
    found.truncate(args.limit);
    let pauses = journal.pauses().await?;
    if args.json {
        return json(&found);
    }
    if found.is_empty() {
        remark("no deliveries match");
        return Ok(());
    }
    let header = ["ID", "RECEIVED", "STATE", "DESTINATION", "TARGET", "PHOTO", "TRIES", "WHY"];
    let mut rows = table(&header);
    for delivery in &found {
        rows.add_row(row(delivery, &pauses));
    }
    line(&rows.trim_fmt())?;
    if let Some(last) = found.last().filter(|_| has_more) {
        remark(&format!("there are more; go on with --before {}, or give a --limit", last.id));
    }
    Ok(())
}

fn row(delivery: &Delivery, pauses: &[Pause]) -> [String; 8] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let cause = || delivery.cause.as_ref().map(|cause| cause.what.clone());
    let why = match delivery.state {
        DeliveryState::Delivered => delivery.receipt.as_ref().and_then(|got| got.note.clone()),
        DeliveryState::Waiting => None,
        _ => paused(delivery, pauses).or_else(cause),
    };
    [
        delivery.id.to_string(),
        format!("{:.0}", delivery.photo.received_at),
        delivery.state.to_string(),
        or_dash(delivery.destination.as_ref().map(ToString::to_string)),
        or_dash(delivery.target.as_ref().map(ToString::to_string)),
        delivery.photo.id.to_string(),
        delivery.attempts.to_string(),
        or_dash(why),
    ]
}
