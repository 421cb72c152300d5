//! Exit codes, and text on its way to a person or a program.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::{config::Findings, journal::JournalError, model::Severity};

/// Why a command failed, with the exit code that says so.
#[derive(Debug)]
pub(super) enum Failure {
    /// 1: it was not done.
    Failed(anyhow::Error),
    /// 2: the options do not fit together.
    Usage(String),
    /// 69: the other side does not work.
    Unavailable(String),
    /// 78: the configuration cannot be used.
    Config(Findings),
    /// 78: what the configuration names cannot be used.
    Unusable(anyhow::Error),
    /// 1 or 3, and nothing more is said: a check found errors, or warnings alone.
    Found(Severity),
    /// 0, and nothing is said: who read the result went away (`| head`).
    NobodyReads,
}

impl Failure {
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) | Self::Found(Severity::Error) => 1,
            Self::Found(Severity::Warning) => 3,
            Self::Usage(_) => 2,
            Self::Unavailable(_) => 69,
            Self::Config(_) | Self::Unusable(_) => 78,
            Self::NobodyReads | Self::Found(Severity::Ok) => 0,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) | Self::Unusable(error) => write!(f, "error: {error:#}"),
            Self::Usage(what) | Self::Unavailable(what) => write!(f, "error: {what}"),
            Self::Config(findings) => fmt::Display::fmt(findings, f),
            Self::NobodyReads | Self::Found(_) => Ok(()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Findings> for Failure {
    fn from(findings: Findings) -> Self {
        Self::Config(findings)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Writes a line of the result. A reader that went away is no failure: see
/// [`Failure::NobodyReads`].
pub(super) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{}", plain(text)) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::NobodyReads),
        other => Ok(other?),
    }
}

/// Writes a value as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    line(&text)
}

/// Writes a line to standard error; an empty one is left out.
pub(super) fn remark(text: &str) {
    if !text.is_empty() {
        // Nothing can be done about a standard error that is closed.
        drop(writeln!(io::stderr().lock(), "{}", plain(text)));
    }
}

/// Writes a question to standard error; the answer comes on the same line.
pub(super) fn prompt(text: &str) {
    let mut to = io::stderr().lock();
    // Nothing can be done about a standard error that is closed.
    drop(write!(to, "{}", plain(text)).and_then(|()| to.flush()));
}

/// A text without what would steer a terminal or turn the direction of writing: tags, topics and
/// file names come from strangers.
fn plain(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}')
    };
    if text.contains(steers) { text.replace(steers, "\u{fffd}").into() } else { text.into() }
}

/// A table without lines, for people and for `awk`.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        assert_eq!(plain("a\tb\nü"), "a\tb\nü");
        assert_eq!(plain("\u{1b}[2J\r\u{202e}x\u{9b}"), "\u{fffd}[2J\u{fffd}\u{fffd}x\u{fffd}");
    }
}
