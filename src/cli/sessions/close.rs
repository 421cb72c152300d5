//! `sessions close`.

use super::{About, Name, apertur, keep, open_to_read};
use crate::{
    cli::output::{Failure, json, line},
    config::Config,
    sessions,
    system::Clock,
};

/// Options of `sessions close`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  apertur-bridge sessions close session~1a2b3c4d")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    name: Name,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Closes a session.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let own = args.name.find(&open_to_read(config).await?).await?;
    let now = Clock::system().now();
    let closed = sessions::close(&apertur(config)?, &own, now).await;
    keep(config, &closed.own).await?;
    if args.json {
        json(&About::new(&closed.own, now))?;
    } else if closed.left_open.is_none() {
        let (name, end) = (&own.session, closed.own.expires_at.max(now));
        line(&format!("{name} is closed; its link works until {end:.0} at the latest"))?;
    }
    match closed.left_open {
        None => Ok(()),
        Some(error) => Err(Failure::Unavailable(format!(
            "{} is closed here, but at Apertur its link works until {:.0}; run this again: {error}",
            own.session, own.expires_at
        ))),
    }
}
