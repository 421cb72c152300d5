//! `[[route]]`: which destinations want a photo.

use super::{
    destination::Named,
    entry::{Entry, nearest},
    reader::Described,
    section::Section,
    values::{Wrong, some_of, text},
};
use crate::{
    model::{DestinationName, Severity},
    route::{Pattern, Route, Routes, When},
};

/// How targets begin.
const SYSTEMS: [&str; 5] = ["odoo:", "freshdesk:", "freshservice:", "zendesk:", "ticket:"];

/// Reads every `[[route]]`. `to` may name these destinations only; `None` where they are wrong,
/// and then any.
pub(super) fn read(root: &mut Section<'_>, destinations: Option<&[Named]>) -> Option<Vec<Route>> {
    describe(root);
    let Some(entry) = root.entry("route") else { return Some(Vec::new()) };
    let read: Vec<Option<Route>> =
        entry.items()?.iter().map(|rule| one(rule, destinations)).collect();
    let rules = read.into_iter().collect::<Option<Vec<_>>>()?;
    warn_of_unreached(&entry, &rules, destinations?);
    Some(rules)
}

/// With routes, a destination that none of them names gets nothing.
fn warn_of_unreached(routes: &Entry<'_>, rules: &[Route], destinations: &[Named]) {
    let reached = |name| rules.iter().any(|rule| rule.to.contains(name));
    for (name, _) in destinations.iter().filter(|(name, _)| !reached(name)) {
        let path = format!("destination.{name}");
        let remedy = "name it in a [[route]], or take it out";
        routes.reader.find(
            Severity::Warning,
            (&path, None),
            "is named by no route and gets no photo",
            remedy,
        );
    }
}

/// The rules with the destinations they choose from.
pub(super) fn routes(rules: Vec<Route>, destinations: &[Named]) -> Routes {
    let kinds = destinations.iter().map(|(name, settings)| (name.clone(), settings.kind()));
    Routes { rules, destinations: kinds.collect() }
}

/// The lines of the reference.
fn describe(root: &Section<'_>) {
    if !root.reader.describing {
        return;
    }
    let doc = "Which destinations want a photo; every route that matches counts, and with routes \
               only they\ndecide. Without any, a photo goes to the destinations of its target's \
               type, and to every\nstorage and webhook. `check --explain` says where a photo \
               would go.";
    let header = "[[route]]".to_owned();
    root.reader.describe(Described::Table { header, doc, live: false });
    let mut s = Section::new(root.reader, "route".to_owned(), ::config::Map::new());
    s.key("when", "tag, target, session, topic, with * for any text; all given must match")
        .optional("{ tag = \"vip:*\" }", |_| Some(()));
    s.key("to", "names of destinations").optional("[\"erp\", \"archive\"]", |_| Some(()));
}

fn one(rule: &Entry<'_>, destinations: Option<&[Named]>) -> Option<Route> {
    let mut s = Section::new(rule.reader, rule.path.clone(), rule.table()?);
    let when = match s.entry("when") {
        Some(entry) => when(&entry),
        None => Some(When::default()),
    };
    let to = s.inner("to", "[\"erp\"]", some_of(text(|name| destination(name, destinations))));
    s.close();
    Some(Route { when: when?, to: to? })
}

fn when(entry: &Entry<'_>) -> Option<When> {
    let mut s = Section::new(entry.reader, entry.path.clone(), entry.table()?);
    let mut one = |name, parse: fn(&str) -> Result<Pattern, Wrong>| match s.entry(name) {
        Some(entry) => text(parse)(&entry).map(Some),
        None => Some(None),
    };
    let (tag, target) = (one("tag", pattern), one("target", of_targets));
    let (session, topic) = (one("session", pattern), one("topic", pattern));
    s.close();
    Some(When { tag: tag?, target: target?, session: session?, topic: topic? })
}

fn pattern(text: &str) -> Result<Pattern, Wrong> {
    Pattern::parse(text).map_err(|_| Wrong::new("is empty", "write * to match everything"))
}

/// A pattern that some target can match.
fn of_targets(text: &str) -> Result<Pattern, Wrong> {
    let parsed = pattern(text)?;
    let head = text.split('*').next().unwrap_or_default();
    if SYSTEMS.iter().any(|system| system.starts_with(head) || head.starts_with(system)) {
        return Ok(parsed);
    }
    let remedy = "write for example odoo:res.partner:*, freshdesk:*, freshservice:* or zendesk:*";
    Err(Wrong::new("matches no target", remedy))
}

fn destination(name: &str, all: Option<&[Named]>) -> Result<DestinationName, Wrong> {
    let parsed = DestinationName::parse(name)
        .map_err(|error| Wrong::new(format!("cannot be right: {error}"), "name a destination"))?;
    let Some(all) = all else { return Ok(parsed) };
    if all.iter().any(|(known, _)| *known == parsed) {
        return Ok(parsed);
    }
    let known = || all.iter().map(|(name, _)| name.as_str());
    let remedy = match nearest(name, known()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
    };
    Err(Wrong::new("names no destination", remedy))
}
