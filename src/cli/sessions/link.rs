//! `sessions link`.

use std::time::Duration;

use serde::Serialize;

use crate::{
    cli::output::{Failure, json, line},
    collect_page::{Key, LONGEST_LIFE, Link},
    config::Config,
    model::{DestinationName, Target},
    serve,
    sessions::{Messenger, NoMessenger},
    system::Clock,
};

/// Options of `sessions link`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apertur-bridge sessions link --for freshdesk:17
  apertur-bridge sessions link --for odoo:res.partner:42 --destination erp --expires-in 3d --json

Who has the link can make sessions for this record until it expires, and sees where its photos
stand; nothing else.")]
pub(in crate::cli) struct Args {
    /// The record whose collect page it opens, for example freshdesk:17
    #[arg(long = "for", value_name = "TARGET")]
    target: Target,
    /// The destination that knows the record, where several do
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    destination: String,
    /// How long it works, at most 31d, for example 2h [default: collect.link_lifetime]
    #[arg(long, value_name = "DURATION", value_parser = life)]
    expires_in: Option<Duration>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Made<'a> {
    target: &'a Target,
    destination: &'a DestinationName,
    url: String,
    expires_at: jiff::Timestamp,
}

/// Signs a link to a record's collect page.
pub(super) fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let Some(settings) = &config.collect_page else {
        return Err(Failure::Unusable(anyhow::anyhow!(
            "there is no collect page: set server.public_url and apertur.api_key"
        )));
    };
    let target = config.routes.named(args.target.clone());
    let messenger = Messenger::choose(serve::destinations(config)?, &target, &args.destination);
    let messenger = messenger.map_err(|error| which(&error, &target))?;
    let key = Key::load(settings.key.as_ref(), &config.data_dir)?;
    let until = Clock::system().after(args.expires_in.unwrap_or(settings.link_lifetime));
    let link = Link::new(target.clone(), messenger.name().clone(), until);
    let url = settings.address(&link.sign(&key));
    if !args.json {
        return line(&url);
    }
    let destination = messenger.name();
    json(&Made { target: &target, destination, url, expires_at: until })
}

fn which(error: &NoMessenger, target: &Target) -> Failure {
    Failure::Usage(match error {
        NoMessenger::None => format!("no destination is configured that knows {target}"),
        NoMessenger::Several(names) => {
            let names: Vec<_> = names.iter().map(DestinationName::as_str).collect();
            let names = names.join(" or --destination ");
            format!("several destinations know {target}; write --destination {names}")
        }
    })
}

fn life(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|_| "write for example 30m, 2h or 3d")?;
    if life.is_zero() || life > LONGEST_LIFE {
        return Err("a link works longer than nothing and at most 31 days".to_owned());
    }
    Ok(life)
}
