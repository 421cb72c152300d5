//! `config`: print configuration, or check it.

use super::{
    Context, check,
    output::{Failure, line},
};
use crate::config;

/// Subcommands of `config`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print a configuration file with every key, its default and what it does
    Example,
    /// The same as `check`
    Check(check::Args),
}

/// Does what was asked for.
pub(super) fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Example => line(config::example().trim_end()),
        Command::Check(args) => check::run(context, args),
    }
}
