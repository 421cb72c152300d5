//! `sessions watch`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use super::{
    Name, apertur, open_to_read,
    photos::{self, Photo},
};
use crate::{
    apertur::{Apertur, DeliveryStatus},
    cli::output::{Failure, line, remark},
    config::Config,
    journal::Journal,
    model::{OwnSession, SessionId},
    system::{Clock, shutdown},
};

/// Between two looks at the journal.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two calls of Apertur, of the 200 a minute that a key has: it may answer at once.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// The same while it fails.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// How long after a session's end photos are waited for that are not here, or that nobody told of.
const STRAGGLERS: Duration = Duration::from_mins(2);

/// Options of `sessions watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  apertur-bridge sessions watch session~1a2b3c4d

Ends when the session has ended and all its photos have come to rest, or with Ctrl-C. Where Apertur
does not say that they are all here, two minutes are waited for others. A session that was closed
goes on until its link stops working.")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    name: Name,
    /// Do not ask Apertur
    #[arg(long)]
    local: bool,
    /// One JSON object a change
    #[arg(long)]
    json: bool,
}

/// Follows a session.
pub(super) async fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let stop = shutdown()?;
    let journal = open_to_read(config).await?;
    let own = args.name.find(&journal).await?;
    let (tell, told) = watch::channel(None);
    let asks = !args.local && config.apertur.api_key.is_some();
    let asking = match asks {
        true => Some(tokio::spawn(ask(apertur(config)?, own.session.clone(), tell))),
        false => None,
    };
    if !args.json {
        remark(&format!("{} for {}; Ctrl-C ends this, not the session", own.session, own.target));
    }
    let done = tokio::select! {
        () = stop => Ok(()),
        done = follow(&journal, own, told, args.json) => done,
    };
    if let Some(asking) = asking {
        asking.abort();
    }
    done
}

/// Asks Apertur until the session is over: one call at a time, each waiting for news.
async fn ask(apertur: Apertur, id: SessionId, tell: watch::Sender<Option<DeliveryStatus>>) {
    let clock = Clock::system();
    let mut since = None;
    loop {
        let wait = match apertur.delivery_status(&id, since.as_deref()).await {
            Ok(status) => {
                let is_over = status.is_over();
                since = status.last_changed.clone();
                tell.send_replace(Some(status));
                if is_over {
                    return;
                }
                ASK_EVERY
            }
            Err(error) if error.passes() => error.after.unwrap_or_default().max(ASK_AGAIN),
            Err(error) => {
                remark(&format!("Apertur is not asked any more: {error}"));
                return;
            }
        };
        clock.sleep_until(clock.after(wait)).await;
    }
}

async fn follow(
    journal: &Arc<dyn Journal>,
    mut own: OwnSession,
    told: watch::Receiver<Option<DeliveryStatus>>,
    as_json: bool,
) -> Result<(), Failure> {
    let clock = Clock::system();
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    let mut over_since: Option<Timestamp> = None;
    loop {
        let now = clock.now();
        // Closed from elsewhere, perhaps.
        own = journal.session(&own.session).await?.unwrap_or(own);
        let remote = told.borrow().clone();
        let photos = photos::of_session(journal, &own.session, remote.as_ref()).await?;
        for photo in &photos {
            let (title, standing) = (photo.title(), photo.standing());
            if shown.get(&title) != Some(&standing) {
                print(photo, now, as_json)?;
                shown.insert(title, standing);
            }
        }
        let is_told = remote.is_some_and(|remote| remote.is_over());
        // Closed here it may still be open at Apertur: its end alone counts.
        if is_told || now >= own.expires_at {
            let since = *over_since.get_or_insert(now);
            let waited = now.duration_since(since) >= STRAGGLERS.try_into().unwrap_or_default();
            if is_at_rest(&photos, is_told, waited) {
                return end(&photos);
            }
        }
        clock.sleep_until(clock.after(LOOK_EVERY)).await;
    }
}

/// Whether nothing more is awaited of a session that has ended. Apertur's list of its photos is
/// whole once Apertur says that the session is over; without that word there may be others on
/// their way.
fn is_at_rest(photos: &[Photo], list_is_whole: bool, waited: bool) -> bool {
    let mut here = photos.iter().filter(|photo| photo.id.is_some());
    let all_here = photos.iter().all(|photo| photo.id.is_some());
    here.all(Photo::is_settled) && (waited || (list_is_whole && all_here))
}

#[derive(Serialize)]
struct Change<'a> {
    at: Timestamp,
    #[serde(flatten)]
    photo: &'a Photo,
}

fn print(photo: &Photo, at: Timestamp, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let text = serde_json::to_string(&Change { at, photo }).map_err(anyhow::Error::from)?;
        return line(&text);
    }
    line(&format!("{at:.0}  {}  {}", photo.title(), photo.standing()))
}

fn end(photos: &[Photo]) -> Result<(), Failure> {
    let missing = photos.iter().filter(|photo| photo.id.is_none()).count();
    let here = photos.len() - missing;
    if missing > 0 {
        return Err(Failure::Failed(anyhow::anyhow!(
            "the session is over with {here} photo(s) here; {missing} more that Apertur has did \
             not come: look at its destination and redeliver them in its dashboard"
        )));
    }
    remark(&format!("the session is over, {here} photo(s)"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeliveryState, PhotoId};

    fn photo(state: Option<DeliveryState>) -> Photo {
        let standing =
            |state| photos::Standing { destination: None, state, cause: None, url: None };
        Photo {
            id: state.and_then(|_| PhotoId::parse("img_1").ok()),
            image: None,
            filename: None,
            received_at: None,
            deliveries: state.map(standing).into_iter().collect(),
            apertur: None,
        }
    }

    #[test]
    fn stragglers_are_waited_for_unless_apertur_has_told_of_all() {
        let (landed, under_way) =
            (photo(Some(DeliveryState::Delivered)), photo(Some(DeliveryState::Due)));
        let missing = photo(None);
        for (photos, whole, waited, at_rest) in [
            (vec![], false, false, false),
            (vec![], false, true, true),
            (vec![], true, false, true),
            (vec![landed.clone()], false, false, false),
            (vec![landed.clone()], true, false, true),
            (vec![landed.clone(), missing.clone()], true, false, false),
            (vec![landed.clone(), missing], true, true, true),
            (vec![landed, under_way], true, true, false),
        ] {
            assert_eq!(is_at_rest(&photos, whole, waited), at_rest, "{photos:?} {whole} {waited}");
        }
    }
}
