//! `[journal]`, `[spool]` and `[log]`: what is kept and said on this machine.

use std::path::Path;

use tracing_subscriber::EnvFilter;

use super::{
    entry::nearest,
    section::Section,
    values::{Wrong, size_or_none, text, word},
};
use crate::{
    journal,
    telemetry::{self, Format},
};

/// What `log.level` takes where it names no module.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Reads `[journal]`; the file is relative to `data_dir`.
pub(super) fn read_journal(s: &mut Section<'_>, data_dir: &Path) -> Option<journal::Settings> {
    s.key("url", "\"sqlite:\" and a file, relative to data_dir").or(
        "sqlite:journal.db",
        text(|url| {
            let path = data_dir.join(sqlite_file(url)?);
            Ok(journal::Settings::Sqlite { path })
        }),
    )
}

/// What has to stay free on the disks of journal and spool, in bytes; 0 for nothing. A key of
/// `[journal]`.
pub(super) fn read_floor(s: &mut Section<'_>) -> Option<u64> {
    s.key(
        "min_free",
        "with less free on the disks of journal and spool no new photo is taken: Apertur keeps it\n\
         and sends it again; 0 for no limit",
    )
    .or("256MiB", size_or_none)
}

fn sqlite_file(url: &str) -> Result<&str, Wrong> {
    let remedy = "write for example sqlite:journal.db";
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Err(Wrong::new("is PostgreSQL, which is not in this release", remedy));
    }
    match url.strip_prefix("sqlite:").map(|file| file.strip_prefix("//").unwrap_or(file)) {
        None | Some("") => Err(Wrong::new("is not sqlite: and a file", remedy)),
        Some(file) if file.starts_with(':') || file.contains(['?', '\0']) => {
            Err(Wrong::new("names no file that lasts", remedy))
        }
        Some(file) => Ok(file),
    }
}

/// Reads `[spool]`, which takes no key yet and has no line in the reference.
pub(super) fn read_spool(root: &mut Section<'_>) {
    let mut s = root.open("spool");
    for name in s.names() {
        s.not_yet(&name, "the spool is the folder data_dir/spool; take the key out");
    }
}

/// Reads `[log]`.
pub(super) fn read_log(s: &mut Section<'_>) -> Option<telemetry::Settings> {
    let format = s
        .key("format", "\"human\" or \"json\"")
        .or("human", word(&[("human", Format::Human), ("json", Format::Json)]));
    let filter = s
        .key(
            "level",
            "error, warn, info, debug or trace; or by module: \"info,apertur_bridge=debug\"",
        )
        .or("info", text(filter));
    Some(telemetry::Settings { format: format?, filter: filter? })
}

fn filter(text: &str) -> Result<String, Wrong> {
    let word = text.to_lowercase();
    let is_level = LEVELS.contains(&word.as_str());
    if !is_level && !text.contains(['=', ',']) {
        let remedy = nearest(text, LEVELS.into_iter()).map_or_else(
            || "write for example info".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        return Err(Wrong::new("is no level of the log", remedy));
    }
    match EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Wrong::new(
            "is no filter of the log",
            "write for example info,apertur_bridge::deliver=debug",
        )),
    }
}
