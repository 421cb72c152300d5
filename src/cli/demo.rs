//! `demo`: a whole daemon on a fresh machine, photos of every kind sent to it, and where they
//! landed. It needs no configuration, no network and nobody else.

mod apertur;
mod home;
mod scenes;
mod show;

use std::{path::PathBuf, pin::pin};

use self::{home::Home, scenes::Picture, show::Stage};
use super::{block_on, output::Failure};
use crate::{system::shutdown, telemetry};

/// Options of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Work in this new or empty directory and leave it [default: a temporary one]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Stay up afterwards to be tried out, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Send this photo instead of one that is built in; may be given several times
    #[arg(long = "photo", value_name = "FILE")]
    photos: Vec<PathBuf>,
    /// Also show the daemon's log
    #[arg(short, long)]
    verbose: bool,
}

/// Plays the demo.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if args.verbose {
        telemetry::init(&telemetry::Settings::default())?;
    }
    let pictures = scenes::pictures(&args.photos)?;
    let home = Home::make(args.dir.as_deref())?;
    block_on(Box::pin(play(args, &home, &pictures)))
}

async fn play(args: &Args, home: &Home, pictures: &[Picture]) -> Result<(), Failure> {
    let mut stop = pin!(shutdown()?);
    let stage = Stage::open(home, pictures).await?;
    let mut done = tokio::select! {
        done = stage.perform(pictures) => done,
        () = &mut stop => Err(Failure::Failed(anyhow::anyhow!("stopped before its end"))),
    };
    if done.is_ok() && args.keep {
        done = stage.invite();
        if done.is_ok() {
            stop.await;
        }
    } else if done.is_ok() {
        done = stage.farewell();
    }
    stage.close().await;
    done
}
