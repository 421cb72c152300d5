//! `journal`: measure it, back it up, prune it, bring it up to date.

mod backup;
mod migrate;
mod prune;
mod stats;

use super::{Context, block_on, output::Failure};

/// Subcommands of `journal`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what is in the journal and how large it is
    Stats(stats::Args),
    /// Copy the journal to a file, while the daemon runs
    Backup(backup::Args),
    /// Run retention now; what is not delivered always stays
    Prune(prune::Args),
    /// Bring the journal to the schema of this program; a backup is made before
    Migrate(migrate::Args),
}

/// Does what was asked for.
pub(super) fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Stats(args) => block_on(stats::run(&context.storage()?, args)),
        Command::Backup(args) => block_on(backup::run(&context.storage()?, args)),
        Command::Prune(args) => {
            let config = context.load()?;
            block_on(prune::run(&config, args))
        }
        Command::Migrate(args) => block_on(migrate::run(&context.storage()?, args)),
    }
}
