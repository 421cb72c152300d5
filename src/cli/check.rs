//! `check`: is the configuration good; with `--connect`, do the destinations work; with
//! `--explain`, where would a photo go?

mod explain;
mod story;

use std::{path::PathBuf, sync::Arc};

use super::{
    Context, block_on,
    destinations::{log_in, to_log_in},
    output::{Failure, line, remark},
    webhook::headers::header,
};
use crate::{
    destinations::Destination,
    model::{DestinationName, Severity},
    serve,
};

/// Options of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also reach every destination, log in and see whether photos could be written
    #[arg(long, conflicts_with = "explain")]
    connect: bool,
    /// Say where the photo of this request would go and why: a file with its body as Apertur
    /// sends it, - for standard input. Its signature is not looked at, nothing is kept, nobody
    /// is called
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
    /// A header of that request, 'Content-Type: image/jpeg' or 'X-Apertur-Session-Id: ...'; may be
    /// given several times [default: a body of JSON]
    #[arg(long, value_name = "HEADER", value_parser = header, requires = "explain")]
    header: Vec<(String, String)>,
    /// With --explain: as JSON
    #[arg(long, requires = "explain")]
    json: bool,
}

/// Checks the configuration.
pub(super) fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let config = context.load()?;
    serve::check_tls(&config.server).map_err(Failure::Unusable)?;
    if let Some(file) = &args.explain {
        return block_on(explain::run(&config, file, &args.header, args.json));
    }
    line(&format!(
        "configuration ok: {} destination(s), listening at {}",
        config.destinations.len(),
        config.server.listen,
    ))?;
    let apertur = &config.apertur;
    if apertur.api_key.is_some() && apertur.session_destinations.is_empty() && !apertur.poll {
        remark(
            "apertur.session_destinations is not set and apertur.poll is false: photos of the \
             sessions made here come late where the API key's own destinations do not post to this \
             bridge; set one of the two",
        );
    }
    block_on(async {
        let destinations = serve::destinations(&config)?;
        for name in to_log_in(&destinations).await {
            remark(&format!("destination.{name}: nobody logged in yet; {}", log_in(&name)));
        }
        if args.connect { connect(destinations).await } else { Ok(()) }
    })
}

async fn connect(
    destinations: Vec<(DestinationName, Arc<dyn Destination>)>,
) -> Result<(), Failure> {
    let mut broken = 0;
    for (name, destination) in destinations {
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
