//! `photos export`: the bytes of photos into a folder.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::filter;
use crate::{
    cli::output::{Failure, Rows, Shape, line, remark},
    config::Storage,
    destinations::{Shared, folder_at, key::KeyTemplate},
    http::Http,
    journal::Journal,
    ops::{
        Ops,
        rows::SavedRow,
        save::{Export, Outcome, Saved, Stopped},
    },
    spool::Spool,
    system::Clock,
};

/// Options of `photos export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Reads the journal and the spool and changes nothing there. A photo that \
is in the folder already is left as it is, so the same command again goes on where it ended; no \
other file is written over. Every run writes a list of its photos beside them: manifest.csv, then \
manifest-2.csv ...

The names take the variables of key_template: {session_id} {image_id} {image_index} {filename} \
{stem} {ext} {date} {year} {month} {day} {target} {model} {record_id} {ticket_id} {tag:NAME}. \
Where two photos have one name, the second gets its id.

Examples:
  apertur-bridge photos export --to /mnt/usb/photos --state held
  apertur-bridge photos export --to photos --target zendesk:9 --name '{date}/{filename}'")]
pub(in crate::cli) struct Args {
    /// The folder; it is made when its parent is there
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    filter: filter::Args,
    /// How files are named in it [default: {date}/{image_id}.{ext}]
    #[arg(long, value_name = "TEMPLATE", value_parser = |t: &str| KeyTemplate::parse(t))]
    name: Option<KeyTemplate>,
    /// How the list of the photos is written
    #[arg(long, value_enum, default_value = "csv")]
    manifest: Shape,
    /// Only say what would be written
    #[arg(long)]
    dry_run: bool,
}

/// Saves every photo that matches.
pub(super) async fn run(
    journal: Arc<dyn Journal>,
    kept: &Storage,
    args: &Args,
) -> Result<(), Failure> {
    let clock = Clock::system();
    let ops = Ops::to_read(journal, clock.clone());
    let filter = args.filter.filter();
    let count = ops.count(&filter).await?.iter().map(|count| count.count).sum();
    let shared = Shared::new(Http::new()?, clock, &kept.data_dir);
    let to = std::path::absolute(&args.to)?;
    let folder = folder_at(to.clone(), args.name.clone().unwrap_or_default(), &shared);
    let spool = Spool::to_read(&kept.spool_dir());
    let mut export = Export::new(ops, filter, spool, folder);
    export.dry_run = args.dry_run;
    export.is_new = !tokio::fs::try_exists(&to).await?;
    let bar = bar(count);
    let mut told = Told { manifest: None, tally: BTreeMap::new() };
    let ended = told.all(&mut export, &bar, (&to, args)).await;
    bar.finish_and_clear();
    told.end(args.dry_run)?;
    ended
}

fn bar(count: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr());
    let style = "{bar:30} {pos}/{len} {per_sec}, {eta} left";
    match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// What the person is told, and the list beside the photos.
struct Told {
    manifest: Option<(PathBuf, Rows<File>)>,
    tally: BTreeMap<Outcome, u64>,
}

impl Told {
    async fn all(
        &mut self,
        export: &mut Export,
        bar: &ProgressBar,
        (to, args): (&Path, &Args),
    ) -> Result<(), Failure> {
        while let Some(saved) = export.next().await.map_err(stopped)? {
            bar.set_position(export.seen());
            self.say(&saved, args.dry_run, bar)?;
            *self.tally.entry(saved.outcome).or_default() += 1;
            if !args.dry_run {
                self.list(&saved, to, args.manifest)?;
            }
        }
        Ok(())
    }

    /// What was saved is in the list; what was not is said at once.
    fn say(&self, saved: &Saved, dry_run: bool, bar: &ProgressBar) -> Result<(), Failure> {
        let id = &saved.photo.id;
        match (&saved.file, &saved.why) {
            (Some(file), _) if dry_run => line(&format!("{}  {id}  {file}", saved.outcome)),
            (None, why) => {
                let why = why.as_deref().unwrap_or_default();
                bar.suspend(|| remark(&format!("{}  {id}  {why}", saved.outcome)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn list(&mut self, saved: &Saved, to: &Path, shape: Shape) -> Result<(), Failure> {
        if self.manifest.is_none() {
            let (path, file) = manifest(to, shape)?;
            self.manifest = Some((path, Rows::new(shape, file)));
        }
        match &mut self.manifest {
            Some((_, rows)) => rows.write(&SavedRow::from(saved)),
            None => Ok(()),
        }
    }

    fn end(self, dry_run: bool) -> Result<(), Failure> {
        let count = |outcome| self.tally.get(&outcome).copied().unwrap_or_default();
        let [saved, there, missing, failed] =
            [Outcome::Saved, Outcome::There, Outcome::Missing, Outcome::Failed].map(count);
        let verb = if dry_run { "would be saved" } else { "saved" };
        line(&format!(
            "{saved} {verb}, {there} there already, {missing} without bytes here, {failed} failed"
        ))?;
        if let Some((path, rows)) = self.manifest {
            let file = rows.end()?;
            file.sync_all()?;
            line(&format!("listed in {}", path.display()))?;
        }
        if dry_run {
            line("nothing was written (--dry-run)")?;
        }
        match failed {
            0 => Ok(()),
            _ => Err(Failure::Failed(anyhow::anyhow!("{failed} photo(s) could not be saved"))),
        }
    }
}

/// A new list beside the photos; the lists of earlier runs stay.
fn manifest(to: &Path, shape: Shape) -> Result<(PathBuf, File), Failure> {
    std::fs::create_dir_all(to)?;
    for number in 1_u32.. {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let path = to.join(format!("manifest{number}.{}", shape.extension()));
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                return Ok((
                    path.clone(),
                    made.with_context(|| format!("cannot make {}", path.display()))?,
                ));
            }
        }
    }
    Err(Failure::Failed(anyhow::anyhow!("{} is full of lists", to.display())))
}

fn stopped(stopped: Stopped) -> Failure {
    Failure::Failed(anyhow::Error::new(stopped).context("ended early; the same command goes on"))
}
