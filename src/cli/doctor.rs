//! `doctor`: everything that may be wrong, and what to do about it.

use super::{
    Context, block_on,
    output::{Failure, json, line},
};
use crate::{
    config::{self, Config, Findings},
    doctor::{Area, Report, of_error, unopened},
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
    let found = serve::found(&loaded);
    let looked = look(&loaded.config, found.clone(), args.offline);
    let looked = block_on(Box::pin(async { Ok(looked.await) }))?;
    let report = looked.unwrap_or_else(|error| without_means(found, &error));
    tell(args, &report)?;
    match report.severity {
        Severity::Ok => Ok(()),
        severity => Err(Failure::Found(severity)),
    }
}

async fn look(config: &Config, found: Vec<Finding>, offline: bool) -> anyhow::Result<Report> {
    let opened = journal::open_if_there(&config.journal).await;
    let journal = opened.map_err(|error| unopened(&error));
    let destinations = serve::destinations(config)?;
    let checkup = serve::checkup(config, found, journal, destinations, offline)?;
    Ok(checkup.examine().await)
}

/// Where this machine lacks what looking takes.
fn without_means(found: Vec<Finding>, error: &anyhow::Error) -> Report {
    let lacking = of_error("looking", error, "report it, with what stands here");
    let areas = [("configuration", found), ("this machine", vec![lacking])];
    let areas = areas.into_iter().filter(|(_, findings)| !findings.is_empty());
    let areas = areas.map(|(name, findings)| Area { name: name.to_owned(), findings });
    Report::new(areas.collect(), jiff::Timestamp::now())
}

/// Nothing else can be looked at then.
fn unusable(args: &Args, findings: Findings) -> Result<(), Failure> {
    if args.json {
        let area = Area {
            name: "configuration".to_owned(),
            findings: findings.iter().map(Finding::from).collect(),
        };
        json(&Report::new(vec![area], jiff::Timestamp::now()))?;
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
