//! `deliveries list`.

use std::sync::Arc;

use super::{filter, paused};
use crate::{
    cli::output::{Failure, json, line, remark, table},
    journal::{Journal, Pause},
    model::{Delivery, DeliveryState},
};

/// Options of `deliveries list`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filter: filter::Args,
    /// At most this many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// As JSON, with everything known about each
    #[arg(long)]
    json: bool,
}

/// Lists deliveries.
pub(super) async fn run(journal: Arc<dyn Journal>, args: &Args) -> Result<(), Failure> {
    let found = journal.list(&args.filter.filter(), None, args.limit).await?;
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
    if found.len() == args.limit {
        remark(&format!("only the newest {}; more with --limit", args.limit));
    }
    Ok(())
}

fn row(delivery: &Delivery, pauses: &[Pause]) -> [String; 8] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let cause = || delivery.cause.as_ref().map(|cause| cause.what.clone());
    let why = match delivery.state {
        DeliveryState::Delivered | DeliveryState::Waiting => None,
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
