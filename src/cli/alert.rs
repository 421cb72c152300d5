//! `alert`: whether alerts arrive.

use std::pin::pin;

use super::{
    Context, block_on,
    output::{Failure, line, remark},
};
use crate::{
    alert::{Alert, Outlets},
    http::Http,
    system::{Clock, shutdown},
};

/// Subcommands of `alert`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Send a test alert now, by the webhook and the command that are configured
    Test,
}

/// Does what was asked for.
pub(super) fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    let Command::Test = command;
    let settings = context.load()?.alert;
    block_on(async move {
        let clock = Clock::system();
        let outlets = Outlets::new(&settings, Http::new()?, clock.clone());
        let now = clock.now();
        let (alert, stop) = (Alert::test(now), pin!(shutdown()?));
        // The command is in a group of its own, which Ctrl-C does not reach: who stops waiting for
        // it ends it.
        let told = tokio::select! {
            told = outlets.tell(&alert, now) => told,
            () = stop => {
                let error = "stopped before its end; who was told already is not known";
                return Err(anyhow::Error::msg(error).into());
            }
        };
        if told.is_empty() {
            let error = "nobody is told: set alert.webhook or alert.command";
            return Err(anyhow::Error::msg(error).into());
        }
        let mut failed = None;
        for (outlet, told) in told {
            let outlet = outlet.as_str();
            match told {
                Ok(()) => line(&format!("{outlet}: told"))?,
                Err(failure) => {
                    remark(&format!("{outlet}: {}", failure.cause()));
                    failed = Some(format!("the {outlet} did not take the alert"));
                }
            }
        }
        failed.map_or(Ok(()), |what| Err(Failure::Unavailable(what)))
    })
}
