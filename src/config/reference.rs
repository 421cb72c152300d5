//! The annotated example: every key with its explanation and default, written by the same calls
//! that read a configuration.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    assemble,
    reader::{Described, Reader, ShownAs, Type},
    section::literal,
    source::{Lines, Tree},
};
use crate::model::{DestinationName, Kind};

const HEAD: &str = "\
# The configuration of apertur-bridge: /etc/apertur-bridge/config.toml, or --config FILE, or
# APERTUR_BRIDGE_CONFIG. Made by: apertur-bridge config example
#
# A line that begins with # and a key shows that key's default, or an example where it has none.
# Every key can be set from the environment: server.listen by APERTUR_BRIDGE__SERVER__LISTEN.
# A secret is a text in quotes, { file = \"path\" }, { env = \"NAME\" } or { credential = \"name\" }
# (systemd LoadCredential=). Paths are relative to the folder of this file. Durations are \"30s\",
# \"5m\", \"1h 30m\", \"7d\"; sizes are \"64MB\", \"20MiB\".

";

/// What a file that is made for somebody says about itself.
const MADE_HEAD: &str = "\
# The configuration of apertur-bridge. Made by: apertur-bridge init
#
# A line that begins with # and a key shows that key's default, or an example where it has none:
# take the # away to change it, then run apertur-bridge check. Every other type of destination, and
# routes: apertur-bridge config example
# Every key can be set from the environment: server.listen by APERTUR_BRIDGE__SERVER__LISTEN.
# A secret is a text in quotes, { file = \"path\" }, { env = \"NAME\" } or { credential = \"name\" }
# (systemd LoadCredential=). Paths are relative to the folder of this file. Durations are \"30s\",
# \"5m\", \"1h 30m\", \"7d\"; sizes are \"64MB\", \"20MiB\".

";

/// What was chosen for somebody.
pub(super) struct Chosen<'a> {
    /// The destinations, in order.
    pub(super) destinations: &'a [(DestinationName, Kind)],
    /// What keys are set to, as TOML, by their paths.
    pub(super) values: &'a BTreeMap<String, String>,
}

/// The annotated reference of every key with its default. It loads as it is, once the webhook
/// secret is where it points to.
#[must_use]
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    let mut live = true;
    for line in described(None).0 {
        match line {
            Described::Table { header, doc, live: in_force } => {
                live = in_force;
                table(&mut text, doc, live, &header);
            }
            Described::Key { name, doc, text: value, shown_as, .. } => {
                let in_force = live && shown_as == ShownAs::Required;
                key(&mut text, doc, shown_as, (in_force, name, &literal(value)));
            }
        }
    }
    text
}

/// The reference with what was chosen in force, and of the destinations only those.
pub(super) fn filled(chosen: &Chosen<'_>) -> String {
    let mut text = MADE_HEAD.to_owned();
    for line in described(Some(chosen.destinations)).0 {
        match line {
            // Routes name destinations that are not all there.
            Described::Table { header, .. } if header.starts_with("[[") => break,
            Described::Table { header, doc, .. } => table(&mut text, doc, true, &header),
            Described::Key { path, name, doc, text: value, shown_as } => {
                match chosen.values.get(&path) {
                    Some(set) => key(&mut text, doc, ShownAs::Required, (true, name, set)),
                    None => key(&mut text, doc, shown_as, (false, name, &literal(value))),
                }
            }
        }
    }
    text
}

/// The lines of the reference, with these destinations in place of one of each type, and what may
/// stand where.
pub(super) fn described(
    destinations: Option<&[(DestinationName, Kind)]>,
) -> (Vec<Described>, BTreeMap<String, Type>) {
    let env = BTreeMap::new();
    let mut reader = Reader::new(None, &env, Lines::new());
    reader.describing = true;
    reader.chosen = destinations;
    // Nothing is configured, so nothing comes of it but the lines.
    drop(assemble(&reader, Tree::default()));
    (reader.described.into_inner(), reader.types.into_inner())
}

fn table(text: &mut String, doc: &str, in_force: bool, header: &str) {
    text.push('\n');
    comment(text, doc);
    put(text, in_force, header);
}

fn key(
    text: &mut String,
    doc: &str,
    shown_as: ShownAs,
    (in_force, name, value): (bool, &str, &str),
) {
    comment(text, doc);
    let line = format!("{name} = {value}");
    if shown_as == ShownAs::Alternative {
        comment(text, &format!("or: {line}"));
    } else {
        put(text, in_force, &line);
    }
}

fn comment(text: &mut String, doc: &str) {
    for line in doc.lines() {
        // Writing to a string cannot fail.
        _ = writeln!(text, "# {line}");
    }
}

fn put(text: &mut String, in_force: bool, line: &str) {
    _ = writeln!(text, "{}{line}", if in_force { "" } else { "#" });
}
