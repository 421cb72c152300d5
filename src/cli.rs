//! The command line: one file a command, each over `ops`, `serve` or `config`.
//!
//! Nothing here decides anything about photos. Results go to standard output, everything else
//! to standard error.

mod alert;
mod ask;
mod check;
mod completions;
mod configuration;
mod deliveries;
mod demo;
mod destinations;
mod doctor;
mod filter;
mod init;
mod manual;
mod odoo;
mod output;
mod photos;
mod serve;
mod sessions;
mod story;
mod unit;
mod upkeep;
mod webhook;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use self::output::Failure;
use crate::{
    config::{self, Loaded},
    journal,
};

/// Apertur photos into Odoo, help desks and storage: acknowledged is never lost, never attached
/// twice, never silently stuck.
#[derive(Debug, Parser)]
#[command(name = "apertur-bridge", version, about, arg_required_else_help = true)]
struct Cli {
    /// The configuration file [default: $APERTUR_BRIDGE_CONFIG, else
    /// /etc/apertur-bridge/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Serve,
    /// Show it at work: a daemon of its own, photos of every kind, and where they land
    Demo(demo::Args),
    /// Make a configuration: asks what is needed, tries it, and writes it
    Init(init::Args),
    /// Check the configuration; with --connect every destination; with --explain where a photo
    /// would go
    Check(check::Args),
    /// Try whether alerts arrive
    #[command(subcommand)]
    Alert(alert::Command),
    /// Look at everything that may be wrong, and say what to do about it
    Doctor(doctor::Args),
    /// List, show, export and replay deliveries
    #[command(subcommand)]
    Deliveries(deliveries::Command),
    /// List and show photos, and save their bytes into a folder
    #[command(subcommand)]
    Photos(photos::Command),
    /// Make sessions for records, with link and QR code; list, show, watch and close them
    #[command(subcommand)]
    Sessions(sessions::Command),
    /// List and test destinations
    #[command(subcommand)]
    Destinations(destinations::Command),
    /// Put "Collect photos" into Odoo's own menus, with an administrator's key; take it out again
    #[command(subcommand)]
    Odoo(odoo::Command),
    /// Sign and post photos as Apertur does; explain signatures
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Measure the journal, back it up, prune it, bring it up to date
    #[command(subcommand)]
    Journal(upkeep::Command),
    /// Print configuration, check it, or have the daemon read it again
    #[command(subcommand)]
    Config(configuration::Command),
    /// Print the unit for systemd
    Unit(unit::Args),
    /// Print what completes commands and options in a shell
    Completions(completions::Args),
    /// Print the manual page, or write one of every command to a folder
    Man(manual::Args),
}

/// What every command gets.
#[derive(Debug)]
struct Context {
    file: Option<PathBuf>,
}

impl Context {
    /// The configuration; its warnings go to standard error.
    fn load(&self) -> Result<config::Config, Failure> {
        Ok(self.loaded()?.config)
    }

    /// The same, with all that was found.
    fn loaded(&self) -> Result<Loaded, Failure> {
        let loaded = config::load(self.file.as_deref())?;
        for warning in &loaded.warnings {
            output::remark(&warning.to_string());
        }
        Ok(loaded)
    }

    /// What needs no secret of the daemon.
    fn storage(&self) -> Result<config::Storage, Failure> {
        Ok(config::load_storage(self.file.as_deref())?)
    }

    /// Where the journal is, for commands that only read it.
    fn journal(&self) -> Result<journal::Settings, Failure> {
        Ok(self.storage()?.journal)
    }
}

/// The command line as clap knows it, for what describes it.
fn command_line() -> clap::Command {
    Cli::command()
}

/// Runs the command of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // The first one wins; there is only one in this program.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let context = Context { file: cli.config };
    let done = match cli.command {
        Command::Serve => serve::run(&context),
        Command::Demo(args) => demo::run(&args),
        Command::Init(args) => init::run(&context, &args),
        Command::Check(args) => check::run(&context, &args),
        Command::Alert(command) => alert::run(&context, &command),
        Command::Doctor(args) => doctor::run(&context, &args),
        Command::Deliveries(command) => deliveries::run(&context, command),
        Command::Photos(command) => photos::run(&context, command),
        Command::Sessions(command) => sessions::run(&context, command),
        Command::Destinations(command) => destinations::run(&context, command),
        Command::Odoo(command) => odoo::run(&context, command),
        Command::Webhook(command) => webhook::run(&context, &command),
        Command::Journal(command) => upkeep::run(&context, &command),
        Command::Config(command) => configuration::run(&context, &command),
        Command::Unit(args) => unit::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => manual::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::remark(&failure.to_string());
            failure.code()
        }
    }
}

/// Runs asynchronous work to its end.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_holds_together() {
        super::command_line().debug_assert();
    }
}
