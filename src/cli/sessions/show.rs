//! `sessions show`.

use serde::Serialize;

use super::{
    About, Name, apertur, open_to_read,
    photos::{self, Photo},
};
use crate::{
    apertur::{Apertur, SessionState},
    cli::output::{Failure, json, line, remark},
    config::Config,
    model::{SessionId, SessionLink},
    system::Clock,
};

/// Options of `sessions show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apertur-bridge sessions show session~1a2b3c4d
  apertur-bridge sessions show roof --local --json")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    name: Name,
    /// Do not ask Apertur
    #[arg(long)]
    local: bool,
    /// Also its id and link, which let whoever has them upload
    #[arg(long)]
    link: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    about: About<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    /// The status at Apertur, where it was asked and answered.
    apertur: Option<String>,
    photos: Vec<Photo>,
}

/// Shows a session.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let journal = open_to_read(config).await?;
    let own = args.name.find(&journal).await?;
    let remote = if args.local || config.apertur.api_key.is_none() {
        None
    } else {
        let asked = apertur(config)?.delivery_status(&own.session, None).await;
        asked.inspect_err(|error| remark(&format!("Apertur does not say: {error}"))).ok()
    };
    // Whoever has no keys expects plain photos.
    if remote.is_some() && !config.apertur.e2e_private_keys.is_empty() {
        warn_of_plain_photos(&apertur(config)?, &own.session).await;
    }
    let photos = photos::of_session(&journal, &own.session, remote.as_ref()).await?;
    let shown = Shown {
        about: About::new(&own, Clock::system().now()),
        session: args.link.then(|| own.session.reveal()),
        link: own.link.as_ref().filter(|_| args.link).map(SessionLink::reveal),
        apertur: remote.map(|remote| remote.status).filter(|status| !status.is_empty()),
        photos,
    };
    if args.json { json(&shown) } else { print(&shown) }
}

async fn warn_of_plain_photos(apertur: &Apertur, session: &SessionId) {
    match apertur.session(session).await {
        Ok(SessionState { is_downgraded: true, .. }) => remark(
            "some device sent its photos without end-to-end encryption; if that must not be, look \
             at the project's encryption in Apertur's dashboard",
        ),
        Ok(_) => {}
        Err(error) => {
            remark(&format!("Apertur does not say whether photos are encrypted: {error}"))
        }
    }
}

fn print(shown: &Shown<'_>) -> Result<(), Failure> {
    for text in shown.about.lines() {
        line(&text)?;
    }
    for (label, value) in [("id", shown.session), ("link", shown.link)] {
        if let Some(value) = value {
            line(&format!("{label:<10} {value}"))?;
        }
    }
    if let Some(status) = &shown.apertur {
        line(&format!("at Apertur {status}"))?;
    }
    if shown.photos.is_empty() {
        return line("photos     none yet");
    }
    for photo in &shown.photos {
        line("")?;
        line(&format!("photo      {}", photo.title()))?;
        line(&format!("here       {}", photo.standing()))?;
        if photo.apertur.is_some() {
            line(&format!("at Apertur {}", photo.remote()))?;
        }
        for url in photo.deliveries.iter().filter_map(|standing| standing.url.as_ref()) {
            line(&format!("           {url}"))?;
        }
    }
    Ok(())
}
