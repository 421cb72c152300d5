//! Exit codes, and text on its way to a person or a program.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};
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
    writeln!(io::stdout().lock(), "{}", plain(text)).map_err(unwritten)
}

/// How a part of a line stands out, on a terminal that can show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// What only says what stands beside it.
    Faint,
    Strong,
    /// It went well.
    Good,
    /// It goes on by itself.
    Busy,
    /// A person has to look.
    Bad,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Faint => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Busy => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
        }
    }
}

/// A line in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line(pub(super) Vec<(Tone, String)>);

/// Writes a line of the result in its tones, which are left out where nobody sees them: in a
/// pipe, and where `NO_COLOR` says so.
pub(super) fn painted(shown: &Line) -> Result<(), Failure> {
    let mut text = String::new();
    for (tone, part) in &shown.0 {
        let style = tone.style();
        text.push_str(&format!("{style}{}{style:#}", plain(part)));
    }
    writeln!(anstream::stdout().lock(), "{text}").map_err(unwritten)
}

/// Columns of the terminal that the result goes to; `None` where it goes elsewhere.
pub(super) fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(width.0.into())
}

/// Writes a value as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    line(&text)
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Shape {
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Jsonl,
}

impl Shape {
    /// The extension of files of this shape.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// Rows on their way to a file or a pipe; a reader that went away is no failure, as in [`line()`].
pub(super) enum Rows<W: io::Write> {
    Csv(Box<csv::Writer<W>>),
    Jsonl(io::BufWriter<W>),
}

impl<W: io::Write> Rows<W> {
    pub(super) fn new(shape: Shape, to: W) -> Self {
        match shape {
            Shape::Csv => Self::Csv(Box::new(csv::Writer::from_writer(to))),
            Shape::Jsonl => Self::Jsonl(io::BufWriter::new(to)),
        }
    }

    pub(super) fn write(&mut self, row: &impl Serialize) -> Result<(), Failure> {
        match self {
            Self::Csv(csv) => csv.serialize(row).map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => unwritten(error),
                other => Failure::Failed(anyhow::anyhow!("a row could not be written: {other:?}")),
            }),
            Self::Jsonl(to) => {
                let text = serde_json::to_string(row).map_err(anyhow::Error::from)?;
                writeln!(to, "{}", plain(&text)).map_err(unwritten)
            }
        }
    }

    /// Hands the rest on and gives what was written to.
    pub(super) fn end(self) -> Result<W, Failure> {
        let ended = match self {
            Self::Csv(csv) => csv.into_inner().map_err(|error| error.into_error()),
            Self::Jsonl(to) => to.into_inner().map_err(io::IntoInnerError::into_error),
        };
        ended.map_err(unwritten)
    }
}

fn unwritten(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::NobodyReads,
        _ => error.into(),
    }
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

/// A path as one word of a shell.
pub(super) fn for_shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c)) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
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
