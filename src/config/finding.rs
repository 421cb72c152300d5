//! What is wrong with a configuration, where, and what to do about it.

use std::{error::Error, fmt};

use crate::model::{self, Severity};

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the configuration file.
    File {
        /// The file as it was named.
        name: String,
        /// The line, counted from 1; `None` where nothing was written that could be pointed at.
        line: Option<usize>,
        /// The column, counted from 1 in characters; given for syntax errors only.
        column: Option<usize>,
    },
    /// In this environment variable.
    Variable(String),
    /// Nowhere: there is no file and no variable for it.
    Nowhere,
}

/// One thing that is wrong, or worth a look, in the configuration. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// [`Severity::Error`] when the configuration cannot be run, [`Severity::Warning`] when it
    /// can but should be looked at, [`Severity::Ok`] for a note.
    pub severity: Severity,
    /// Where it was written.
    pub place: Place,
    /// The key, `destination.erp.url`; empty where the whole file is meant.
    pub path: String,
    /// What was found.
    pub what: String,
    /// The next step for a person.
    pub remedy: String,
}

/// Everything that was found in a configuration that cannot be run, errors and warnings, in the
/// order of the file. Displays one finding a line and the count in the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings(pub(super) Vec<Finding>);

impl Findings {
    /// The findings in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// How many of them are errors; at least one.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}

impl Error for Findings {}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            writeln!(f, "{finding}")?;
        }
        match self.errors() {
            1 => f.write_str("1 error in the configuration"),
            count => write!(f, "{count} errors in the configuration"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place != Place::Nowhere {
            write!(f, "{}: ", self.place)?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line: Some(line), column: Some(column) } => {
                write!(f, "{name}:{line}:{column}")
            }
            Self::File { name, line: Some(line), .. } => write!(f, "{name}:{line}"),
            Self::File { name, .. } => f.write_str(name),
            Self::Variable(name) => f.write_str(name),
            Self::Nowhere => f.write_str("the configuration"),
        }
    }
}

impl From<&Finding> for model::Finding {
    fn from(finding: &Finding) -> Self {
        let subject = match finding.path.as_str() {
            "" => finding.place.to_string(),
            path => format!("{}: {path}", finding.place),
        };
        Self {
            severity: finding.severity,
            subject,
            what: finding.what.clone(),
            fix: finding.remedy.clone(),
            cause: None,
        }
    }
}
