//! `photos list`.

use std::sync::Arc;

use super::filter;
use crate::{
    cli::output::{Failure, json, line, remark, table},
    journal::Journal,
    ops::{Ops, photos::Row},
    system::Clock,
};

/// Options of `photos list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A photo is listed when one of its deliveries matches.

Examples:
  apertur-bridge photos list --since 2h
  apertur-bridge photos list --target odoo:res.partner:42 --json")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filter: filter::Args,
    /// At most this many
    #[arg(long, default_value = "50", value_parser = filter::up_to(filter::MOST))]
    limit: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Lists photos.
pub(super) async fn run(journal: Arc<dyn Journal>, args: &Args) -> Result<(), Failure> {
    let ops = Ops::to_read(journal, Clock::system());
    let page = ops.photos(&args.filter.filter(), None, args.limit).await?;
    if args.json {
        return json(&page.rows);
    }
    if page.rows.is_empty() {
        remark("no photos match");
        return Ok(());
    }
    let mut rows = table(&["RECEIVED", "PHOTO", "FILE", "TARGET", "WHERE IT STANDS"]);
    for row in &page.rows {
        rows.add_row(cells(row));
    }
    line(&rows.trim_fmt())?;
    if page.next.is_some() {
        remark(&format!("only the newest {}; more with --limit", args.limit));
    }
    Ok(())
}

fn cells(row: &Row) -> [String; 5] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let photo = &row.photo;
    [
        format!("{:.0}", photo.received_at),
        photo.id.to_string(),
        or_dash(photo.filename.clone()),
        or_dash(photo.target.as_ref().map(ToString::to_string)),
        row.summary.clone(),
    ]
}
