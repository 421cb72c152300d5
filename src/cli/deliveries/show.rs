//! `deliveries show`: the whole story of a photo.

use std::sync::Arc;

use super::paused;
use crate::{
    cli::output::{Failure, json, line},
    journal::{Journal, Pause, Story, misnamed},
    model::{Attempt, Cause, Delivery, DeliveryState, FetchState},
    route::Routes,
};

/// Options of `deliveries show`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A photo id, or the number of a delivery
    id: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Shows a photo.
pub(super) async fn run(journal: Arc<dyn Journal>, args: &Args) -> Result<(), Failure> {
    let ops = super::to_read(journal, Routes::default());
    let Some(story) = ops.show(&args.id).await? else {
        return Err(Failure::Failed(anyhow::anyhow!(
            "there is no photo and no delivery `{}`; see `apertur-bridge deliveries list`",
            args.id
        )));
    };
    if args.json { json(&story) } else { print(&story, &ops.journal.pauses().await?) }
}

fn print(story: &Story, pauses: &[Pause]) -> Result<(), Failure> {
    let photo = &story.photo;
    line(&format!("photo      {}", photo.id))?;
    let how = match photo.scheme {
        None => format!("{} with the API key", photo.shape),
        Some(scheme) => {
            let topic = photo.topic.as_ref().map_or(String::new(), |topic| format!(" {topic}"));
            format!("{} event{topic}, signature scheme {scheme}", photo.shape)
        }
    };
    line(&format!("received   {:.0}, {how}", photo.received_at))?;
    if let Some(session) = &photo.session {
        line(&format!("session    {session}"))?;
    }
    let size = photo.size.map_or("size unknown".to_owned(), |size| format!("{size} bytes"));
    let name = photo.filename.as_deref().unwrap_or("without a name");
    let kind = photo.media_type.as_deref().unwrap_or("type unknown");
    line(&format!("picture    {name}, {kind}, {size}"))?;
    line(&format!("bytes      {}", bytes(story)))?;
    if let Some(cause) = &story.fetch_cause
        && story.fetch_state != FetchState::Stored
    {
        why(cause, "           ")?;
    }
    attempts(story.attempts.iter().filter(|attempt| attempt.delivery.is_none()))?;
    // Where nobody wants the photo, its delivery says so.
    if story.deliveries.iter().all(|delivery| delivery.destination.is_some())
        && let Some(cause) = misnamed(photo.target.as_ref(), &photo.tags)
    {
        why(&cause, "remark     ")?;
    }
    for delivery in &story.deliveries {
        line("")?;
        print_delivery(delivery, paused(delivery, pauses))?;
        let ours = |attempt: &&Attempt| attempt.delivery == Some(delivery.id);
        attempts(story.attempts.iter().filter(ours))?;
    }
    Ok(())
}

fn bytes(story: &Story) -> String {
    match (story.fetch_state, story.fetch_due_at) {
        (FetchState::Stored, _) => {
            let digest = story.photo.sha256.map(|digest| digest.to_hex()).unwrap_or_default();
            format!("here, sha256 {digest}")
        }
        (FetchState::Wanted, Some(at)) => format!("not here yet; next fetch {at:.0}"),
        (FetchState::Wanted, None) => "not here yet".to_owned(),
        (FetchState::Held, _) => "not to be had".to_owned(),
        (FetchState::Expired, _) => "removed by retention after delivery".to_owned(),
    }
}

fn print_delivery(delivery: &Delivery, paused: Option<String>) -> Result<(), Failure> {
    let to = delivery.destination.as_ref().map_or("nobody".to_owned(), ToString::to_string);
    let target = delivery.target.as_ref().map_or(String::new(), |target| format!(", {target}"));
    let mode = match (delivery.mode, &delivery.target) {
        (Some(mode), target) => format!(", mode {}", mode.word_at(target.as_ref())),
        (None, Some(_)) => ", mode by default".to_owned(),
        (None, None) => String::new(),
    };
    line(&format!("delivery   {} to {to}{target}{mode}", delivery.id))?;
    let next = match delivery.state {
        _ if paused.is_some() => format!("; {}", paused.unwrap_or_default()),
        DeliveryState::Due => format!("; next attempt {:.0}", delivery.due_at),
        DeliveryState::Waiting => "; begins when the bytes are here".to_owned(),
        _ => String::new(),
    };
    line(&format!("state      {}{next}", delivery.state))?;
    if let Some(receipt) = &delivery.receipt {
        let ids = receipt.ids.iter().map(|id| format!("{} {}", id.name, id.value));
        let ids = ids.collect::<Vec<_>>().join(", ");
        let found = if receipt.found { " (was there already)" } else { "" };
        line(&format!("receipt    {ids}{found}"))?;
        for text in receipt.note.iter().chain(&receipt.url) {
            line(&format!("           {text}"))?;
        }
    }
    match &delivery.cause {
        Some(cause) if delivery.state != DeliveryState::Delivered => why(cause, "why        "),
        _ => Ok(()),
    }
}

fn why(cause: &Cause, label: &str) -> Result<(), Failure> {
    line(&format!("{label}{}", cause.what))?;
    if !cause.detail.is_empty() {
        line(&format!("           they said: {}", cause.detail))?;
    }
    if cause.fix.is_empty() { Ok(()) } else { line(&format!("what to do {}", cause.fix)) }
}

fn attempts<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Result<(), Failure> {
    for attempt in attempts {
        let took = attempt.ended_at.map_or(String::new(), |end| {
            format!(" after {} ms", end.duration_since(attempt.started_at).as_millis())
        });
        let cause = attempt.cause.as_ref().map_or(String::new(), |c| format!(": {}", c.what));
        let what = if attempt.delivery.is_some() { "attempt" } else { "fetch  " };
        line(&format!("{what}    {:.3} {}{took}{cause}", attempt.started_at, attempt.outcome))?;
    }
    Ok(())
}
