//! `config`: print configuration, or check it.

use super::{
    Context, block_on, check,
    output::{Failure, json, line, remark},
};
use crate::{
    config,
    ops::control::{self, Reply, Request},
};

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
    /// Have the running daemon read its configuration again, as `systemctl reload` does
    Reload,
}

/// Does what was asked for.
pub(super) fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Example => line(config::example().trim_end()),
        Command::Schema => json(&config::schema()),
        Command::Show { json } => show(context, *json),
        Command::Check(args) => check::run(context, args),
        Command::Reload => reload(context),
    }
}

/// Has the daemon reload, and says what is in force now and what is not.
fn reload(context: &Context) -> Result<(), Failure> {
    let storage = context.storage()?;
    let socket = storage.data_dir.join("control.sock");
    let reply = block_on(async { Ok(control::ask(&socket, &Request::Reload).await?) })?;
    let reloaded = match reply {
        Some(Reply::Reloaded(reloaded)) => reloaded,
        Some(Reply::Failed { error }) => return Err(Failure::Failed(anyhow::anyhow!(error))),
        Some(other) => {
            return Err(Failure::Failed(anyhow::anyhow!("the daemon answered {other:?}")));
        }
        None => {
            let data_dir = storage.data_dir.display();
            return Err(Failure::Failed(anyhow::anyhow!(
                "no daemon runs on {data_dir}; it reads its configuration at its start"
            )));
        }
    };
    for warning in &reloaded.warnings {
        remark(warning);
    }
    for key in &reloaded.applied {
        line(&format!("in force      {key}"))?;
    }
    for key in &reloaded.needs_restart {
        line(&format!("needs restart {key}"))?;
    }
    if reloaded.applied.is_empty() && reloaded.needs_restart.is_empty() {
        line("nothing was changed")?;
    }
    Ok(())
}

fn show(context: &Context, as_json: bool) -> Result<(), Failure> {
    let shown = context.load()?.shown;
    if as_json { json(&shown) } else { line(shown.to_string().trim_end()) }
}
