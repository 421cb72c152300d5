//! What a check found: how bad it is and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cause, ErrorKind, Failure};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Error,
}

/// One result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at: `log in`, `write access`.
    pub subject: String,
    /// What was found.
    pub what: String,
    /// What to do about it; empty when all is well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fix: String,
    /// The cause of the failure that it tells of, for programs.
    #[serde(skip)]
    pub cause: Option<Box<Cause>>,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn ok(subject: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Ok,
            subject: subject.into(),
            what: what.into(),
            fix: String::new(),
            cause: None,
        }
    }

    /// Works, but somebody should look.
    #[must_use]
    pub fn warning(
        subject: impl Into<String>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            subject: subject.into(),
            what: what.into(),
            fix: fix.into(),
            cause: None,
        }
    }

    /// Does not work.
    #[must_use]
    pub fn error(
        subject: impl Into<String>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Error, ..Self::warning(subject, what, fix) }
    }

    /// Does not work, as a call failed: with its words and its remedy.
    #[must_use]
    pub fn failed(subject: impl Into<String>, failure: &Failure) -> Self {
        let Cause { what, detail, fix, .. } = failure.cause();
        let what = if detail.is_empty() { what.clone() } else { format!("{what} ({detail})") };
        let cause = Some(Box::new(failure.cause().clone()));
        Self { cause, ..Self::error(subject, what, fix) }
    }

    /// What it says as a cause: that of the failure it tells of, else of this kind.
    #[must_use]
    pub fn as_cause(&self, otherwise: ErrorKind) -> Cause {
        self.cause.as_deref().cloned().unwrap_or_else(|| {
            Cause::new(otherwise, format!("{}: {}", self.subject, self.what), &self.fix)
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Ok => "ok",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{word}: {}: {}", self.subject, self.what)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, "; {}", self.fix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorKind;

    #[test]
    fn a_failure_is_found_with_its_words_and_its_remedy() {
        let cause = Cause::new(ErrorKind::Forbidden, "may not write", "let it");
        let failed = |cause| Finding::failed("write", &Failure::Broken { cause }).to_string();
        assert_eq!(failed(cause.clone()), "error: write: may not write; let it");
        assert_eq!(failed(cause.with_detail("550")), "error: write: may not write (550); let it");
    }
}
