//! What a configuration is read from and what comes of the reading: findings, all at once, and
//! the lines of the reference. Tables are read by `section`, values by `entry`.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    finding::{Finding, Place},
    source::Lines,
};
use crate::model::{DestinationName, Kind, Severity};

/// What is read from, and what came of it.
pub(super) struct Reader<'a> {
    /// The configuration file as it was named.
    pub(super) file: Option<&'a Path>,
    /// The environment.
    pub(super) env: &'a BTreeMap<String, String>,
    /// Whether nothing is loaded and only the reference is wanted.
    pub(super) describing: bool,
    /// The destinations of the reference, where it is not one of each type.
    pub(super) chosen: Option<&'a [(DestinationName, Kind)]>,
    /// Whether the file itself holds a secret.
    pub(super) holds_secret: Cell<bool>,
    /// The digests of what the files and secrets hold that were read, by the paths of their keys.
    pub(super) held: RefCell<Vec<(String, [u8; 32])>>,
    /// The paths of values that are secrets.
    pub(super) hidden: RefCell<BTreeSet<String>>,
    /// What may stand at which path, for the schema: the first parser that says so is the one.
    pub(super) types: RefCell<BTreeMap<String, Type>>,
    /// `retry.deadline`, once it was read.
    pub(super) deadline: Cell<Option<Duration>>,
    /// What was asked for, in order.
    pub(super) described: RefCell<Vec<Described>>,
    /// What was found, in no order.
    pub(super) findings: RefCell<Vec<Finding>>,
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

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// A text.
    Text,
    /// One of these words.
    Words(Vec<&'static str>),
    /// A whole number of this range.
    Whole(usize, usize),
    /// `true` or `false`.
    Flag,
    /// `"5m"`.
    Duration,
    /// `"64MiB"`.
    Size,
    /// A text, or where it is kept.
    Secret,
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
            chosen: None,
            holds_secret: Cell::new(false),
            held: RefCell::default(),
            hidden: RefCell::default(),
            types: RefCell::default(),
            deadline: Cell::default(),
            described: RefCell::default(),
            findings: RefCell::default(),
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
    pub(super) fn place(&self, path: &str) -> Place {
        let Some(file) = self.file else { return Place::Nowhere };
        let around = path.rfind(['.', '[']).map(|end| &path[..end]);
        let line = self.line(path).or_else(|| self.line(around?));
        Place::File { name: file.display().to_string(), line, column: None }
    }

    /// The line of a key in the file.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        self.lines.get(path).copied()
    }

    /// Takes note that the value of this path is a secret.
    pub(super) fn hide(&self, path: &str) {
        self.hidden.borrow_mut().insert(path.to_owned());
    }

    /// Takes note of what may stand at this path, where that is asked for.
    pub(super) fn learn(&self, path: &str, is: impl FnOnce() -> Type) {
        if self.describing {
            self.types.borrow_mut().entry(path.to_owned()).or_insert_with(is);
        }
    }

    /// Notes what the file or the secret holds that a key points to.
    pub(super) fn holds(&self, path: &str, bytes: &[u8]) {
        self.held.borrow_mut().push((path.to_owned(), Sha256::digest(bytes).into()));
    }

    /// Adds a line to the reference.
    pub(super) fn describe(&self, line: Described) {
        self.described.borrow_mut().push(line);
    }
}
