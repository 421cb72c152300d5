//! `check`: is the configuration good, and with `--connect`, do the destinations work?

use super::{
    Context, block_on,
    output::{Failure, line},
};
use crate::{config::Config, model::Severity, serve};

/// Options of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also reach every destination, log in and see whether photos could be written
    #[arg(long)]
    connect: bool,
}

/// Checks the configuration.
pub(super) fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let config = context.load()?;
    serve::check_tls(&config.server).map_err(Failure::Unusable)?;
    line(&format!(
        "configuration ok: {} destination(s), listening at {}",
        config.destinations.len(),
        config.server.listen,
    ))?;
    if args.connect { block_on(connect(config)) } else { Ok(()) }
}

async fn connect(config: Config) -> Result<(), Failure> {
    let mut broken = 0;
    for (name, destination) in serve::destinations(&config)? {
        line(&format!("{name} ({}, {})", destination.kind(), destination.place()))?;
        let findings = destination.probe().await;
        for finding in &findings {
            line(&format!("  {finding}"))?;
        }
        broken += u32::from(findings.iter().any(|f| f.severity == Severity::Error));
    }
    if broken == 0 {
        return Ok(());
    }
    Err(Failure::Unavailable(format!("{broken} destination(s) do not work; see above")))
}
