//! `config`: print configuration, or check it.

use super::{
    Context, check,
    output::{Failure, json, line},
};
use crate::config;

/// Subcommands of `config`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print a configuration file with every key, its default and what it does
    Example,
    /// Print the configuration as it runs: every value with where it comes from, secrets hidden
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the configuration file, for editors
    Schema,
    /// The same as `check`
    Check(check::Args),
}

/// Does what was asked for.
pub(super) fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Example => line(config::example().trim_end()),
        Command::Schema => json(&config::schema()),
        Command::Show { json } => show(context, *json),
        Command::Check(args) => check::run(context, args),
    }
}

fn show(context: &Context, as_json: bool) -> Result<(), Failure> {
    let shown = context.load()?.shown;
    if as_json { json(&shown) } else { line(shown.to_string().trim_end()) }
}
