//! `doctor`: everything that may be wrong, and what to do about it.

use super::{
    Context, block_on,
    output::{Failure, json, line},
};
use crate::{
    config::{self, Findings},
    doctor::{Area, Report},
    journal,
    model::{Finding, Severity},
    serve,
};

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: 0 all is well, 3 there are warnings, 1 something does not work,
78 the configuration cannot be used.

Examples:
  sudo apertur-bridge doctor
  apertur-bridge doctor --json | jq '.areas[].findings[] | select(.severity != \"ok\")'")]
pub(super) struct Args {
    /// Look at this machine alone: ask neither Apertur nor any destination
    #[arg(long)]
    offline: bool,
    /// Leave out what is as it should be
    #[arg(short, long)]
    quiet: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Looks at everything.
pub(super) fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let loaded = match config::load(context.file.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => return unusable(args, findings),
    };
    serve::check_tls(&loaded.config.server).map_err(Failure::Unusable)?;
    let report = block_on(Box::pin(async {
        let opened = journal::open_if_there(&loaded.config.journal).await;
        let journal = opened.map_err(|error| format!("{error:#}"));
        let destinations = serve::destinations(&loaded.config)?;
        let checkup = serve::checkup(&loaded, journal, destinations, args.offline)?;
        Ok(checkup.examine().await)
    }))?;
    tell(args, &report)?;
    match report.severity {
        Severity::Ok => Ok(()),
        severity => Err(Failure::Found(severity)),
    }
}

/// Nothing else can be looked at then.
fn unusable(args: &Args, findings: Findings) -> Result<(), Failure> {
    if args.json {
        let area = Area {
            name: "configuration".to_owned(),
            findings: findings.iter().map(Finding::from).collect(),
        };
        json(&Report {
            severity: Severity::Error,
            at: jiff::Timestamp::now(),
            version: env!("CARGO_PKG_VERSION"),
            areas: vec![area],
        })?;
    }
    Err(Failure::Config(findings))
}

fn tell(args: &Args, report: &Report) -> Result<(), Failure> {
    if args.json {
        return json(report);
    }
    for Area { name, findings } in &report.areas {
        let told = findings.iter().filter(|f| !args.quiet || f.severity > Severity::Ok);
        let told: Vec<_> = told.collect();
        if told.is_empty() {
            continue;
        }
        line(name)?;
        for Finding { severity, subject, what, fix, .. } in told {
            let word = match severity {
                Severity::Ok => "ok     ",
                Severity::Warning => "WARNING",
                Severity::Error => "ERROR  ",
            };
            line(&format!("  {word} {subject}: {what}"))?;
            if !fix.is_empty() {
                line(&format!("          -> {fix}"))?;
            }
        }
    }
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    line(&match (errors, warnings) {
        (0, 0) => "all is well".to_owned(),
        _ => format!("{errors} error(s), {warnings} warning(s)"),
    })
}
