//! `serve`: the daemon.

use super::{Context, block_on, output::Failure};
use crate::{
    config::Loaded,
    serve::{self, Source},
    telemetry,
};

/// Runs the daemon until it is told to stop.
pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let Loaded { config, keys, .. } = context.loaded()?;
    serve::check_tls(&config.server).map_err(Failure::Unusable)?;
    telemetry::init(&config.telemetry)?;
    let source = Source { file: context.file.clone(), keys };
    block_on(async move { Ok(serve::run(config, source).await?) })
}
