//! `deliveries`: what became of the photos, and once more for those that failed.

mod change;
mod export;
mod follow;
mod list;
mod runs;
pub(super) mod show;

use std::sync::Arc;

use super::{Context, block_on, filter, output::Failure};
use crate::{
    journal::{self, Journal, Pause},
    model::{Delivery, DeliveryState},
    ops::Ops,
    route::Routes,
    system::{Clock, Live},
};

/// Subcommands of `deliveries`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List deliveries, newest first
    List(list::Args),
    /// Show everything about one photo
    Show(show::Args),
    /// Write deliveries as CSV or JSON lines, for spreadsheets and scripts
    Export(export::Args),
    /// Send again what is held or waiting; what is there already is found and not doubled
    Replay(change::Replay),
    /// Keep from being sent what is waiting or due, until it is released
    Hold(change::Hold),
    /// Let go on what was held with `hold`
    Release(change::Release),
    /// Give up for good what is waiting, due or held
    Drop(change::Drop),
    /// List the changes that were made, and how far those under way are
    Runs(runs::Args),
}

/// Runs one of them.
pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => {
            let journal = context.journal()?;
            block_on(async move { list::run(open_to_read(&journal).await?, &args).await })
        }
        Command::Show(args) => {
            let journal = context.journal()?;
            block_on(async move { show::run(open_to_read(&journal).await?, &args).await })
        }
        Command::Export(args) => {
            let journal = context.journal()?;
            block_on(async move { export::run(open_to_read(&journal).await?, &args).await })
        }
        Command::Replay(args) => {
            let config = context.load()?;
            block_on(async move { change::replay(&config, &args).await })
        }
        Command::Hold(args) => {
            let config = context.load()?;
            block_on(async move { change::hold(&config, &args).await })
        }
        Command::Release(args) => {
            let config = context.load()?;
            block_on(async move { change::release(&config, &args).await })
        }
        Command::Drop(args) => {
            let config = context.load()?;
            block_on(async move { change::drop(&config, &args).await })
        }
        Command::Runs(args) => {
            let journal = context.journal()?;
            block_on(async move { runs::run(open_to_read(&journal).await?, &args).await })
        }
    }
}

/// The verbs, to look with.
fn to_read(journal: Arc<dyn Journal>, routes: Routes) -> Ops {
    Ops { routes: Live::new(routes), ..Ops::to_read(journal, Clock::system()) }
}

pub(super) async fn open_to_read(
    settings: &journal::Settings,
) -> Result<Arc<dyn Journal>, Failure> {
    Ok(journal::open_to_read(settings).await?)
}

/// Why a delivery waits although it is due: its destination is paused.
fn paused(delivery: &Delivery, pauses: &[Pause]) -> Option<String> {
    let name = delivery.destination.as_ref()?;
    let pause = pauses.iter().find(|pause| pause.destination == *name)?;
    (delivery.state == DeliveryState::Due)
        .then(|| format!("{name} is paused since {:.0}: {}", pause.since, pause.cause.what))
}
