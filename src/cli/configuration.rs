//! `config`: print configuration.

use super::output::{Failure, line};
use crate::config;

/// Subcommands of `config`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print a configuration file with every key, its default and what it does
    Example,
}

/// Prints what was asked for.
pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Example => line(config::example().trim_end()),
    }
}
