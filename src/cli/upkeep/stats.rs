//! `journal stats`.

use std::path::Path;

use serde::Serialize;

use crate::{
    cli::output::{Failure, json, line},
    config::Storage,
    journal::{self, Last, Stats, Upkept},
    spool::{Held, Spool, blocking},
    system::{Size, free_space},
};

/// Options of `journal stats`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Everything there is to say.
#[derive(Debug, Serialize)]
struct All {
    #[serde(flatten)]
    journal: Stats,
    /// What lies in the spool.
    spool: Held,
    /// Free on the tighter one of the disks of journal and spool, in bytes.
    free: Option<u64>,
    /// What `journal.min_free` wants there.
    min_free: u64,
}

/// Measures journal and spool.
pub(super) async fn run(storage: &Storage, args: &Args) -> Result<(), Failure> {
    let journal = journal::open_to_read(&storage.journal).await?;
    let (stats, folder) = (journal.stats().await?, storage.spool_dir());
    let journal::Settings::Sqlite { path } = storage.journal.clone();
    let (spool, free) = blocking(move || {
        let free = [path.parent().unwrap_or(Path::new("")), &folder];
        let free = free.into_iter().filter_map(|place| free_space(place).ok()).min();
        Ok((Spool::measure(&folder)?, free))
    })
    .await?;
    let all = All { journal: stats, spool, free, min_free: storage.min_free };
    if args.json { json(&all) } else { tell(&all) }
}

fn tell(all: &All) -> Result<(), Failure> {
    let stats = &all.journal;
    line(&format!("schema      {}", stats.schema))?;
    let photos = stats.photos.iter().map(|(state, n)| (state.as_str(), *n));
    line(&format!("photos      {}", counted(photos)))?;
    let deliveries = stats.deliveries.iter().map(|(state, n)| (state.as_str(), *n));
    line(&format!("deliveries  {}", counted(deliveries)))?;
    line(&format!("attempts    {}", stats.attempts))?;
    line(&format!("sessions    {}", stats.sessions))?;
    let oldest = stats.oldest.map_or("none".to_owned(), |at| at.to_string());
    line(&format!("oldest      {oldest}"))?;
    line(&format!(
        "journal     {}, and {} of write-ahead log; {} of it are unused",
        Size(stats.file),
        Size(stats.log),
        Size(stats.unused)
    ))?;
    line(&format!("spool       {} file(s), {}", all.spool.files, Size(all.spool.bytes)))?;
    let free = all.free.map_or("not known".to_owned(), |free| Size(free).to_string());
    let is_low = all.free.is_some_and(|free| free < all.min_free);
    let low = if is_low { ": no new photo is taken" } else { "" };
    let wanted = Size(all.min_free);
    line(&format!("free        {free}; journal.min_free wants {wanted}{low}"))?;
    line(&format!("backup      {}", stats.last_backup.as_ref().map_or("never".to_owned(), last)))?;
    line(&format!("retention   {}", stats.last_retention.as_ref().map_or("never".to_owned(), last)))
}

fn counted<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let counts: Vec<_> = counts.map(|(word, count)| format!("{count} {word}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

fn last(last: &Last) -> String {
    match &last.done {
        Upkept::Backup { to, bytes } => {
            format!("{}, {} to {}", last.at, Size(*bytes), to.display())
        }
        Upkept::Retention { files, bytes, photos, millis } => format!(
            "{}, {files} file(s) ({}) and the history of {photos} photo(s) in {millis} ms",
            last.at,
            Size(*bytes)
        ),
    }
}
