//! `journal backup`: made by this process, beside the daemon, so that it may lie where the daemon
//! cannot write.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{
    cli::output::{Failure, json, line, remark},
    config::Storage,
    journal::{self, Backup, Settings},
    model::Digest,
    ops::{
        control::{self, Request},
        upkeep::Order,
    },
    spool::{Spool, blocking},
    system::{Clock, Size},
};

/// Options of `journal backup`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The file, which must not be there yet; in a folder a name with the time is chosen
    #[arg(long, value_name = "FILE|DIR")]
    to: PathBuf,
    /// Also keep, in this folder, the bytes that undelivered photos need; what is there from
    /// earlier backups is not copied again
    #[arg(long, value_name = "DIR")]
    with_spool: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Made {
    #[serde(flatten)]
    backup: Backup,
    spool: Option<Kept>,
}

/// What became of the bytes.
#[derive(Debug, Default, Serialize)]
struct Kept {
    /// Files that undelivered photos need.
    files: u64,
    /// Those that were not there from an earlier backup.
    copied: u64,
    /// Those that the spool does not have.
    missing: u64,
}

/// Makes a backup.
pub(super) async fn run(storage: &Storage, args: &Args) -> Result<(), Failure> {
    let to = if args.to.is_dir() { args.to.join(name()) } else { args.to.clone() };
    let (settings, target) = (storage.journal.clone(), to.clone());
    let made = tokio::task::spawn_blocking(move || {
        let bar = bar();
        journal::back_up(&settings, &target, &|done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
    });
    let backup = made.await.map_err(anyhow::Error::from)??;
    let spool = match &args.with_spool {
        Some(folder) => Some(bytes(storage, &backup, folder).await?),
        None => None,
    };
    note(storage, &backup).await;
    let made = Made { backup, spool };
    if args.json { json(&made) } else { tell(&made) }
}

fn name() -> String {
    format!("journal-{}.db", Clock::system().now().strftime("%Y%m%dT%H%M%SZ"))
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent}% of the journal, {eta} left");
    let bar = ProgressBar::new(0);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Keeps the bytes that the backup's photos need: what is in the backup decides, not what is in
/// the journal by now.
async fn bytes(storage: &Storage, backup: &Backup, folder: &Path) -> Result<Kept, Failure> {
    let copy = Settings::Sqlite { path: backup.path.clone() };
    let digests = journal::open_to_read(&copy).await?.undelivered_bytes().await?;
    let (from, to) = (storage.spool_dir(), folder.to_owned());
    let keep = move || {
        let mut kept = Kept::default();
        for digest in &digests {
            kept.files += 1;
            match keep(&from, &to, digest) {
                Ok(true) => kept.copied += 1,
                Ok(false) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => kept.missing += 1,
                Err(error) => return Err(error),
            }
        }
        fs::File::open(&to).map_or(Ok(()), |folder| folder.sync_all())?;
        Ok(kept)
    };
    let kept = blocking(keep).await;
    Ok(kept.map_err(|error| {
        anyhow::anyhow!("cannot keep the bytes in {}: {error}", folder.display())
    })?)
}

/// Keeps one file, as a link where the folder is on the same file system. Gives whether it was
/// not there.
fn keep(from: &Path, to: &Path, digest: &Digest) -> io::Result<bool> {
    let (from, to) = (Spool::path_in(from, digest), Spool::path_in(to, digest));
    let size = fs::metadata(&from)?.len();
    if fs::metadata(&to).is_ok_and(|there| there.len() == size) {
        return Ok(false);
    }
    let folder = to.parent().unwrap_or(Path::new(""));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::hard_link(&from, &to).is_err() {
        let mut copy = tempfile::NamedTempFile::new_in(folder)?;
        io::copy(&mut fs::File::open(&from)?, &mut copy)?;
        copy.as_file().sync_all()?;
        copy.persist(&to).map_err(|error| error.error)?;
    }
    fs::File::open(folder)?.sync_all()?;
    Ok(true)
}

/// Lets the daemon write down that there is a backup; nothing is lost where it cannot.
async fn note(storage: &Storage, backup: &Backup) {
    let Backup { path, bytes, .. } = backup;
    let path = path.canonicalize().unwrap_or_else(|_| path.clone());
    let order = Request::Upkeep(Order::BackedUp { to: path, bytes: *bytes });
    let socket = storage.data_dir.join("control.sock");
    if !matches!(control::ask(&socket, &order).await, Ok(Some(control::Reply::Kept))) {
        remark("`journal stats` will not show this backup: no daemon runs that would note it");
    }
}

fn tell(Made { backup, spool }: &Made) -> Result<(), Failure> {
    line(&format!(
        "{}: {}, schema {}, {} photo(s), {} deliveries, {} of them not delivered; read again and \
         whole",
        backup.path.display(),
        Size(backup.bytes),
        backup.schema,
        backup.photos,
        backup.deliveries,
        backup.undelivered
    ))?;
    let bytes = match spool {
        Some(Kept { files, copied, missing }) => {
            line(&format!("{files} file(s) of undelivered photos, {copied} of them new here"))?;
            if *missing > 0 {
                remark(&format!("{missing} file(s) are missing in the spool"));
            }
            "the bytes of photos that are delivered"
        }
        None => "the photos' bytes (see --with-spool)",
    };
    remark(&format!(
        "not in it: {bytes}, the configuration and its secrets, tokens.json, collect.key"
    ));
    Ok(())
}
