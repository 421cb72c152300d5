//! The annotated example: every key with its explanation and default, written by the same calls
//! that read a configuration.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    assemble,
    reader::{Described, Reader, ShownAs, Type},
    section::literal,
    source::{Lines, Tree},
};

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

/// The annotated reference of every key with its default. It loads as it is, once the webhook
/// secret is where it points to.
#[must_use]
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    let mut live = true;
    for line in described().0 {
        match line {
            Described::Table { header, doc, live: in_force } => {
                live = in_force;
                text.push('\n');
                comment(&mut text, doc);
                put(&mut text, in_force, &header);
            }
            Described::Key { name, doc, text: value, shown_as, .. } => {
                comment(&mut text, doc);
                if shown_as == ShownAs::Alternative {
                    comment(&mut text, &format!("or: {name} = {}", literal(value)));
                } else {
                    let line = format!("{name} = {}", literal(value));
                    put(&mut text, live && shown_as == ShownAs::Required, &line);
                }
            }
        }
    }
    text
}

/// The lines of the reference, and what may stand where.
pub(super) fn described() -> (Vec<Described>, BTreeMap<String, Type>) {
    let env = BTreeMap::new();
    let mut reader = Reader::new(None, &env, Lines::new());
    reader.describing = true;
    // Nothing is configured, so nothing comes of it but the lines.
    drop(assemble(&reader, Tree::default()));
    (reader.described.into_inner(), reader.types.into_inner())
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
