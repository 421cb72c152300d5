//! `serve`: the daemon.

use super::{Context, block_on, output::Failure};
use crate::{serve, telemetry};

/// Runs the daemon until it is told to stop.
pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let config = context.load()?;
    serve::check_tls(&config.server).map_err(Failure::Unusable)?;
    telemetry::init(&config.telemetry)?;
    block_on(async move { Ok(serve::run(config).await?) })
}
