//! The explanation of an example for people, in the words of `deliveries show`.

use super::explain::{Explained, Rule, Way};
use crate::{
    cli::output::{Failure, line},
    model::{Cause, Photo, Tag},
    receive::{NamedBy, example::Whereabouts},
};

/// Tells it.
pub(super) fn tell(explained: &Explained) -> Result<(), Failure> {
    about(explained)?;
    line("")?;
    if explained.routes.is_empty() {
        line("routes     none: types and the photo's target decide")?;
    }
    for rule in &explained.routes {
        line(&format!("{:<11}{}", format!("route {}", rule.route), verdict(rule)))?;
    }
    line("")?;
    let (reached, others): (Vec<_>, Vec<_>) =
        explained.destinations.iter().partition(|way| way.reached);
    for way in reached {
        delivery(way)?;
    }
    for Way { name, kind, why, .. } in others {
        line(&format!("not to     {name} ({kind}): {why}"))?;
    }
    explained.held.as_ref().map_or(Ok(()), held)
}

fn about(explained: &Explained) -> Result<(), Failure> {
    let photo = &explained.photo;
    line(&format!("photo      {}", photo.id))?;
    if explained.known {
        line("           known already: the webhook would answer `duplicate`")?;
    }
    let topic = photo.topic.as_ref().map_or(String::new(), |topic| format!(" {topic}"));
    line(&format!("request    {}{topic}", photo.shape))?;
    if let Some(session) = &photo.session {
        line(&format!("session    {session}"))?;
    }
    line(&format!("picture    {}", picture(photo, explained.bytes)))?;
    let tags: Vec<_> = photo.tags.iter().map(Tag::to_text).collect();
    if !tags.is_empty() {
        line(&format!("tags       {}", tags.join(", ")))?;
    }
    line(&format!("target     {}", target(photo, explained.named_by)))?;
    let mode = photo.mode.map_or("that of the destination", |m| m.word_at(photo.target.as_ref()));
    line(&format!("mode       {mode}"))?;
    for remark in &explained.remarks {
        line(&format!("remark     {remark}"))?;
    }
    Ok(())
}

fn picture(photo: &Photo, bytes: Whereabouts) -> String {
    let name = photo.filename.as_deref().unwrap_or("without a name");
    let kind = photo.media_type.as_deref().unwrap_or("type unknown");
    let size = photo.size.map_or("size unknown".to_owned(), |size| format!("{size} bytes"));
    let whereabouts = match bytes {
        Whereabouts::Inside => "in the request",
        Whereabouts::Sealed => "in the request, end-to-end encrypted",
        Whereabouts::Link => "to be fetched by its link, type and size as they say",
        Whereabouts::Id => "to be fetched by its id, type and size as they say",
    };
    format!("{name}, {kind}, {size}, {whereabouts}")
}

fn target(photo: &Photo, named_by: Option<NamedBy>) -> String {
    let by = match named_by {
        Some(NamedBy::Session) => "named by the session, which was made here",
        Some(NamedBy::Metadata) => "named by metadata",
        Some(NamedBy::Tag) => "named by a tag",
        None => "",
    };
    photo.target.as_ref().map_or("none".to_owned(), |target| format!("{target}, {by}"))
}

fn verdict(rule: &Rule) -> String {
    let terms = |met: bool| {
        let terms = rule.conditions.iter().filter(|term| term.met == met);
        let text = terms.map(|term| match &term.pattern {
            Some(pattern) => format!("{} {pattern:?}", term.key),
            None => format!("the pattern of {}", term.key),
        });
        text.collect::<Vec<_>>().join(", ")
    };
    let to: Vec<_> = rule.to.iter().map(ToString::to_string).collect();
    let to = to.join(", ");
    match (rule.matches, terms(true)) {
        (true, met) if met.is_empty() => format!("matches every photo: to {to}"),
        (true, met) => format!("matches ({met}): to {to}"),
        (false, met) if met.is_empty() => format!("does not match: not {}", terms(false)),
        (false, met) => format!("does not match: {met}, but not {}", terms(false)),
    }
}

fn delivery(way: &Way) -> Result<(), Failure> {
    let Way { name, kind, place, why, .. } = way;
    line(&format!("delivery   to {name} ({kind}, {place}): {why}"))?;
    if let Some(receipt) = &way.receipt {
        let ids = receipt.ids.iter().map(|id| format!("{} {}", id.name, id.value));
        line(&format!("           {}", ids.collect::<Vec<_>>().join(", ")))?;
        if let Some(url) = &receipt.url {
            line(&format!("           {url}"))?;
        }
    }
    way.refused.as_ref().map_or(Ok(()), held)
}

fn held(cause: &Cause) -> Result<(), Failure> {
    line(&format!("held       {}", cause.what))?;
    line(&format!("what to do {}", cause.fix))
}
