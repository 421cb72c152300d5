//! `sessions close`.

use jiff::Timestamp;

use super::{About, Name, apertur, keep, open_to_read};
use crate::{
    cli::output::{Failure, json, line},
    config::Config,
    sessions::{self, Closed},
    system::Clock,
};

/// Options of `sessions close`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  apertur-bridge sessions close session~1a2b3c4d

Apertur closes no session at once: its end is set to a minute from now or, where that is refused, to
an hour. Photos that are on their way still go to the record.")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    name: Name,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Closes a session.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let apertur = apertur(config)?;
    let own = args.name.find(&open_to_read(config).await?).await?;
    let now = Clock::system().now();
    let closed = sessions::close(&apertur, &own, now).await;
    let closed = closed.map_err(|error| Failure::Unusable(anyhow::Error::new(error)))?;
    keep(config, &closed.own).await?;
    let told = tell(&closed, args, now);
    match closed.left_open {
        None => told,
        Some(error) => Err(Failure::Unavailable(format!(
            "{} is closed here, but at Apertur its link may work until {:.0}: {error}; then run \
             this again",
            own.session, closed.own.expires_at
        ))),
    }
}

fn tell(closed: &Closed, args: &Args, now: Timestamp) -> Result<(), Failure> {
    let own = &closed.own;
    if args.json {
        return json(&About::new(own, now));
    }
    if closed.left_open.is_some() {
        return Ok(());
    }
    let (name, end) = (&own.session, own.expires_at.max(now));
    line(&format!("{name} is closed; its link works until {end:.0} at the latest"))
}
