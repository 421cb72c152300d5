//! What a configuration is read from and what comes of the reading: findings, all at once, and
//! the lines of the reference. Tables are read by `section`, values by `entry`.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use ::config::Value;

use super::{
    finding::{Finding, Place},
    source::Lines,
};
use crate::model::Severity;

/// What is read from, and what came of it.
pub(super) struct Reader<'a> {
    /// The configuration file as it was named.
    pub(super) file: Option<&'a Path>,
    /// The environment.
    pub(super) env: &'a BTreeMap<String, String>,
    /// Whether nothing is loaded and only the reference is wanted.
    pub(super) describing: bool,
    /// Whether the file itself holds a secret.
    pub(super) holds_secret: Cell<bool>,
    /// `retry.deadline`, once it was read.
    pub(super) deadline: Cell<Option<Duration>>,
    /// What was asked for, in order.
    pub(super) described: RefCell<Vec<Described>>,
    /// What was found, in no order.
    pub(super) findings: RefCell<Vec<Finding>>,
    /// What counts, by path: of the file, of a variable, or by default.
    pub(super) effective: RefCell<Vec<(String, Value)>>,
    /// The paths of what was read as a secret.
    secrets: RefCell<BTreeSet<String>>,
    lines: Lines,
}

/// What the reference says, line by line.
pub(super) enum Described {
    /// A table begins.
    Table {
        /// `[server]`, `[[route]]`.
        header: String,
        /// What it is for.
        doc: &'static str,
        /// Whether the reference leaves the header in force.
        live: bool,
    },
    /// A key.
    Key {
        /// Its path.
        path: String,
        /// Its name within its table.
        name: &'static str,
        /// What it means.
        doc: &'static str,
        /// Its default or an example, as the text of a variable.
        text: &'static str,
        /// What the text is.
        shown_as: ShownAs,
    },
}

/// How the reference shows a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ShownAs {
    /// Its default, commented out.
    Default,
    /// An example, commented out.
    Example,
    /// An example, in force: the configuration is nothing without it.
    Required,
    /// A mere remark: another key excludes it.
    Alternative,
}

impl<'a> Reader<'a> {
    /// Nothing found yet.
    pub(super) fn new(
        file: Option<&'a Path>,
        env: &'a BTreeMap<String, String>,
        lines: Lines,
    ) -> Self {
        Self {
            file,
            env,
            describing: false,
            holds_secret: Cell::new(false),
            deadline: Cell::default(),
            described: RefCell::default(),
            findings: RefCell::default(),
            effective: RefCell::default(),
            secrets: RefCell::default(),
            lines,
        }
    }

    /// A path as typed, relative to the folder of the configuration file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.file.and_then(Path::parent).unwrap_or(Path::new("")).join(path)
    }

    /// Adds a finding about a key.
    pub(super) fn find(
        &self,
        severity: Severity,
        (path, variable): (&str, Option<&str>),
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let place = match variable {
            Some(name) => Place::Variable(name.to_owned()),
            None => self.place(path),
        };
        let (what, remedy) = (what.into(), remedy.into());
        let finding = Finding { severity, place, path: path.to_owned(), what, remedy };
        self.findings.borrow_mut().push(finding);
    }

    /// The line of the key, or of the table it is missing from.
    fn place(&self, path: &str) -> Place {
        let Some(file) = self.file else { return Place::Nowhere };
        let around = path.rfind(['.', '[']).map(|end| &path[..end]);
        let line = self.line(path).or_else(|| self.line(around?));
        Place::File { name: file.display().to_string(), line, column: None }
    }

    /// The line of a key in the file.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        self.lines.get(path).copied()
    }

    /// Notes a value that counts.
    pub(super) fn count(&self, path: &str, value: &Value) {
        if !self.describing {
            self.effective.borrow_mut().push((path.to_owned(), value.clone()));
        }
    }

    /// Notes that a value is a secret.
    pub(super) fn hide(&self, path: &str) {
        self.secrets.borrow_mut().insert(path.to_owned());
    }

    /// Whether a value is a secret, or part of one.
    pub(super) fn is_secret(&self, path: &str) -> bool {
        let is_part = |whole: &String| {
            path.strip_prefix(whole.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.secrets.borrow().iter().any(is_part)
    }

    /// Whether a secret is part of a value.
    pub(super) fn holds_secrets(&self, path: &str) -> bool {
        self.secrets.borrow().iter().any(|secret| {
            secret.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
        })
    }

    /// Adds a line to the reference.
    pub(super) fn describe(&self, line: Described) {
        self.described.borrow_mut().push(line);
    }
}
