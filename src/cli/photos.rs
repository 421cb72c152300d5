//! `photos`: the photos themselves, whatever became of their deliveries.

mod export;
mod list;

use super::{
    Context, block_on,
    deliveries::{open_to_read, show},
    filter,
    output::Failure,
};

/// Subcommands of `photos`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List photos and where each stands, the latest first
    List(list::Args),
    /// Show everything about one photo, as `deliveries show`
    Show(show::Args),
    /// Save the bytes of photos into a folder, whether the daemon runs or not
    Export(export::Args),
}

/// Runs one of them.
pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let kept = context.storage()?;
    block_on(async move {
        let journal = open_to_read(&kept.journal).await?;
        match command {
            Command::List(args) => list::run(journal, &args).await,
            Command::Show(args) => show::run(journal, &args).await,
            Command::Export(args) => export::run(journal, &kept, &args).await,
        }
    })
}
