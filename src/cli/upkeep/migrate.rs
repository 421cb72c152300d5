//! `journal migrate`: what the daemon does at its start, to be done, or only looked at, before.

use serde::Serialize;

use crate::{
    cli::output::{Failure, json, line},
    config::Storage,
    journal::{self, Schema},
    ops::control,
    system::{DataDir, Size},
};

/// Options of `journal migrate`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Said {
    #[serde(flatten)]
    schema: Schema,
    migrated: bool,
}

/// Brings the journal up to date.
pub(super) async fn run(storage: &Storage, args: &Args) -> Result<(), Failure> {
    let settings = storage.journal.clone();
    let schema = tokio::task::spawn_blocking(move || journal::schema(&settings));
    let schema = schema.await.map_err(anyhow::Error::from)??;
    if let Some(found) = schema.found.filter(|found| *found > schema.known) {
        return Err(newer(found, schema.known));
    }
    let migrates = schema.is_behind() && !args.dry_run;
    if migrates {
        migrate(storage).await?;
    }
    if args.json { json(&Said { schema, migrated: migrates }) } else { tell(&schema, args.dry_run) }
}

async fn migrate(storage: &Storage) -> Result<(), Failure> {
    if !control::is_deserted(&storage.data_dir.join("control.sock")).await {
        return Err(Failure::Failed(anyhow::anyhow!(
            "a daemon of an older version uses the journal; stop it, and start this version: it \
             brings the journal up to date by itself"
        )));
    }
    let path = storage.data_dir.clone();
    let lock = tokio::task::spawn_blocking(move || DataDir::take(&path));
    let _lock = lock.await.map_err(anyhow::Error::from)??;
    journal::open(&storage.journal).await?.close().await;
    Ok(())
}

fn newer(found: i64, known: i64) -> Failure {
    Failure::Failed(anyhow::anyhow!(
        "the journal has schema {found}, this program knows {known}: it was written by a newer \
         apertur-bridge; install that version again or restore an older backup"
    ))
}

fn tell(schema: &Schema, is_dry: bool) -> Result<(), Failure> {
    let Schema { found, known, bytes, holds_something } = schema;
    match found {
        None => line(&format!("there is no journal yet; it will be made in schema {known}")),
        Some(found) if found == known => line(&format!("schema {found}, up to date")),
        Some(found) => {
            let would = if is_dry { "would be " } else { "" };
            line(&format!("schema {found} {would}brought to {known}"))?;
            if *holds_something {
                line(&format!(
                    "a backup {would}made beside it, {}: journal.db.before-schema-{known}-...",
                    Size(*bytes)
                ))?;
            }
            if is_dry { line("nothing was changed (--dry-run)") } else { Ok(()) }
        }
    }
}
