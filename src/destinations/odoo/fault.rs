//! What comes from Odoo instead of a result, and the one place that decides what it means.
//!
//! Decides by codes, statuses and exception names; texts are translated and only shown
//! (`fixtures/odoo/README.md`, "Faults catalogue").

use std::time::Duration;

use reqwest::StatusCode;

use crate::{
    destinations::redact::Secrets,
    model::{Cause, ErrorKind, Failure},
};

/// What a call does at the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Finds out who and where we are: a failure concerns every photo.
    LogIn,
    /// Changes nothing: a lost answer is no loss.
    Reading,
    /// Changes something: a lost answer may hide a change.
    Writing,
}

/// What came instead of a result.
#[derive(Debug)]
pub(super) enum Fault {
    /// No answer: nobody there, or the wire broke.
    Wire(Failure),
    /// An HTTP answer that no Odoo method gave: a proxy's, or Odoo's own HTML page.
    Status {
        /// Its status.
        status: StatusCode,
        /// Its `Retry-After`.
        after: Option<Duration>,
    },
    /// An XML-RPC fault of `/xmlrpc/2`.
    Code {
        /// 1 anything, 2 refused or missing, 3 access denied, 4 access error.
        code: i64,
        /// A message, or for code 1 a traceback.
        text: String,
    },
    /// An XML-RPC fault with a name for a code, as old paths and proxies give.
    Name {
        /// The name, such as `AccessDenied`.
        name: String,
        /// The message.
        text: String,
    },
    /// A JSON-2 error.
    Error {
        /// Its HTTP status.
        status: StatusCode,
        /// The exception's full name, such as `odoo.exceptions.AccessError`.
        name: String,
        /// The message.
        text: String,
    },
    /// An answer that says success and cannot be read.
    Unreadable(String),
}

/// What a fault means, before it is known what the call did.
enum Verdict {
    /// Not done; may work later.
    Later(Option<Duration>),
    /// Not done: the database is away, or somebody was faster.
    Database,
    /// Perhaps done.
    Unknown,
    /// Perhaps done, if that was an Odoo at all.
    Senseless,
    /// Not done, and never will be for this photo.
    Refused,
    /// Not done, and never will be for any photo.
    Broken,
}

impl Fault {
    /// The same with these kept out of its words.
    pub(super) fn without(self, secrets: &Secrets) -> Self {
        let clean = |text: String| secrets.out_of(&text);
        match self {
            Self::Wire(_) | Self::Status { .. } => self,
            Self::Code { code, text } => Self::Code { code, text: clean(text) },
            Self::Name { name, text } => Self::Name { name: clean(name), text: clean(text) },
            Self::Error { status, name, text } => {
                Self::Error { status, name: clean(name), text: clean(text) }
            }
            Self::Unreadable(text) => Self::Unreadable(clean(text)),
        }
    }

    /// The fault as a failure of a call that was to do `about` ("create the attachment").
    pub(super) fn failure(self, doing: Doing, about: &str) -> Failure {
        if let Self::Wire(failure) = self {
            return match (doing, failure) {
                (Doing::Reading, Failure::Unknown { cause }) => {
                    Failure::Later { after: None, cause }
                }
                // Nobody lets anybody in: that concerns no single photo.
                (Doing::LogIn, failure) => Failure::Broken { cause: failure.cause().clone() },
                (_, failure) => failure,
            };
        }
        let (verdict, kind, fix) = self.judge();
        let cause = Cause::new(kind, format!("Odoo did not {about}: {}", self.says()), fix)
            .with_detail(self.detail());
        match (verdict, doing) {
            (Verdict::Later(after), _) if kind == ErrorKind::RateLimited => {
                Failure::Later { after, cause }
            }
            // A log-in concerns no single photo.
            (Verdict::Broken, _) | (_, Doing::LogIn) => Failure::Broken { cause },
            (Verdict::Later(after), _) => Failure::Later { after, cause },
            (Verdict::Database, Doing::Reading | Doing::Writing)
            | (Verdict::Unknown | Verdict::Senseless, Doing::Reading) => {
                Failure::Later { after: None, cause }
            }
            (Verdict::Unknown | Verdict::Senseless, Doing::Writing) => Failure::Unknown { cause },
            (Verdict::Refused, Doing::Reading | Doing::Writing) => Failure::Refused { cause },
        }
    }

    fn judge(&self) -> (Verdict, ErrorKind, &'static str) {
        match self {
            Self::Wire(_) | Self::Unreadable(_) => (
                Verdict::Senseless,
                ErrorKind::Protocol,
                "check that `url` leads to Odoo itself, not to a log-in page or another service",
            ),
            Self::Status { status, after } => of_status(*status, *after),
            Self::Code { code: 1, text } => of_exception(exception(text)),
            Self::Code { code: 2, .. } => (Verdict::Refused, ErrorKind::Rejected, FIX_REJECTED),
            Self::Code { code: 3, .. } => ACCESS_DENIED,
            Self::Code { code: 4, .. } => ACCESS_ERROR,
            Self::Code { .. } => (Verdict::Refused, ErrorKind::Protocol, FIX_LOG),
            Self::Name { name, .. } => match name.as_str() {
                "AccessDenied" => ACCESS_DENIED,
                name if name.contains("AccessError") => ACCESS_ERROR,
                _ => (Verdict::Refused, ErrorKind::Rejected, FIX_REJECTED),
            },
            Self::Error { status, name, .. } => of_error(*status, name),
        }
    }

    /// In a few words, never translated ones.
    fn says(&self) -> String {
        match self {
            Self::Wire(_) => "no answer".to_owned(),
            Self::Unreadable(_) => "the answer makes no sense".to_owned(),
            Self::Status { status, .. } => format!("HTTP {}", status.as_u16()),
            Self::Code { code: 1, text } => {
                exception(text).split(':').next().unwrap_or("fault 1").to_owned()
            }
            Self::Code { code: 2, .. } => "refused, or the record is missing".to_owned(),
            Self::Code { code: 3, .. } => "access denied".to_owned(),
            Self::Code { code: 4, .. } => "not allowed for this user".to_owned(),
            Self::Code { code, .. } => format!("fault {code}"),
            Self::Name { name, .. } => name.lines().next().unwrap_or("a fault").to_owned(),
            Self::Error { name, .. } => name.clone(),
        }
    }

    fn detail(&self) -> &str {
        match self {
            Self::Wire(_) | Self::Status { .. } => "",
            Self::Code { code: 1, text } => exception(text),
            Self::Code { text, .. }
            | Self::Name { text, .. }
            | Self::Error { text, .. }
            | Self::Unreadable(text) => text,
        }
    }
}

const FIX_REJECTED: &str = "check that the record still exists and the app is installed in Odoo, \
                            then replay the delivery";
const FIX_LOG: &str = "look into Odoo's log at this time, then replay the delivery";
const FIX_BUSY: &str = "nothing; it is tried again";
const FIX_LOOK: &str = "nothing; the next attempt looks before it sends";
const FIX_SIZE: &str = "raise the body limit of the proxy in front of Odoo \
                        (nginx: client_max_body_size 128m), then replay the delivery";
const FIX_DATABASE: &str = "check `database`, and that Odoo's PostgreSQL runs";

const ACCESS_DENIED: (Verdict, ErrorKind, &str) = (
    Verdict::Broken,
    ErrorKind::Unauthorized,
    "check `username` and `api_key`; a user with two-factor log-in needs an API key",
);
const ACCESS_ERROR: (Verdict, ErrorKind, &str) = (
    Verdict::Refused,
    ErrorKind::Forbidden,
    "give the bridge's user write access to this record in Odoo, then replay the delivery",
);

fn of_status(status: StatusCode, after: Option<Duration>) -> (Verdict, ErrorKind, &'static str) {
    match status.as_u16() {
        401 | 403 => (
            Verdict::Broken,
            ErrorKind::Unauthorized,
            "something before Odoo asks for a log-in; let the bridge's address through",
        ),
        404 | 405 => (
            Verdict::Broken,
            ErrorKind::NotFound,
            "check `url` and `database`, that the proxy lets /xmlrpc and /json through, \
             and that Odoo's PostgreSQL runs",
        ),
        408 => (Verdict::Later(None), ErrorKind::Timeout, FIX_BUSY),
        413 => (Verdict::Refused, ErrorKind::TooLarge, FIX_SIZE),
        429 => (Verdict::Later(after), ErrorKind::RateLimited, FIX_BUSY),
        503 if after.is_some() => (Verdict::Later(after), ErrorKind::Unavailable, FIX_BUSY),
        300..=399 => (
            Verdict::Broken,
            ErrorKind::Protocol,
            "set `url` to the address that the redirect leads to",
        ),
        400..=499 => (Verdict::Refused, ErrorKind::Rejected, FIX_LOG),
        // The work may be done behind a proxy that lost patience.
        504 => (Verdict::Unknown, ErrorKind::Timeout, FIX_LOOK),
        500..=599 => (Verdict::Unknown, ErrorKind::Unavailable, FIX_LOOK),
        _ => (Verdict::Unknown, ErrorKind::Protocol, FIX_LOOK),
    }
}

fn of_error(status: StatusCode, name: &str) -> (Verdict, ErrorKind, &'static str) {
    match status.as_u16() {
        401 => ACCESS_DENIED,
        403 if name.ends_with("AccessDenied") => ACCESS_DENIED,
        403 => ACCESS_ERROR,
        404 => (Verdict::Refused, ErrorKind::NotFound, FIX_REJECTED),
        408 | 413 | 429 | 503 => of_status(status, None),
        400..=499 => (Verdict::Refused, ErrorKind::Rejected, FIX_REJECTED),
        500 => of_exception(name),
        _ => (Verdict::Unknown, ErrorKind::Unavailable, FIX_LOOK),
    }
}

/// Decides by a Python exception, with or without its message.
fn of_exception(exception: &str) -> (Verdict, ErrorKind, &'static str) {
    let name = exception.split(':').next().unwrap_or_default().trim();
    let database = matches!(
        name,
        "psycopg2.OperationalError"
            | "psycopg2.InterfaceError"
            | "psycopg2.pool.PoolError"
            | "psycopg2.extensions.TransactionRollbackError"
            | "psycopg2.errors.SerializationFailure"
            | "psycopg2.errors.DeadlockDetected"
            | "psycopg2.errors.LockNotAvailable"
            | "psycopg2.errors.QueryCanceled"
            | "psycopg2.errors.AdminShutdown"
            | "psycopg2.errors.CannotConnectNow"
            | "psycopg2.errors.TooManyConnections"
    );
    if database {
        return (Verdict::Database, ErrorKind::Unavailable, FIX_DATABASE);
    }
    // The method gave None, which XML-RPC cannot carry: the work is committed.
    if name == "TypeError" && exception.contains("cannot marshal None") {
        return (Verdict::Unknown, ErrorKind::Protocol, FIX_LOOK);
    }
    (Verdict::Refused, ErrorKind::Rejected, FIX_LOG)
}

/// The line of a traceback that names the exception: the last one that begins with a dotted
/// name. A database's message goes on in indented lines below it.
fn exception(traceback: &str) -> &str {
    let named = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')
    };
    traceback.lines().rev().find(named).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(code: i64, text: &str) -> Fault {
        Fault::Code { code, text: text.to_owned() }
    }

    fn status(status: u16) -> Fault {
        Fault::Status { status: StatusCode::from_u16(status).unwrap(), after: None }
    }

    fn error(status: u16, name: &str) -> Fault {
        let status = StatusCode::from_u16(status).unwrap();
        Fault::Error { status, name: name.to_owned(), text: String::new() }
    }

    /// `later`, `unknown`, `refused` or `broken`, and the word for it.
    fn means(fault: Fault, doing: Doing) -> String {
        let failure = fault.failure(doing, "create the attachment");
        let cause = failure.cause();
        assert!(cause.what.starts_with("Odoo did not create the attachment: "), "{cause}");
        assert!(!cause.fix.is_empty() && !cause.fix.ends_with('.'), "{cause}");
        let kind = match &failure {
            Failure::Later { .. } => "later",
            Failure::Unknown { .. } => "unknown",
            Failure::Refused { .. } => "refused",
            Failure::Broken { .. } => "broken",
        };
        format!("{kind} {}", cause.kind)
    }

    const DOWN: &str = "Traceback (most recent call last):\n  [frames removed]\n\
        psycopg2.OperationalError: connection to server failed: Connection refused\n\
        \tIs the server running on that host and accepting TCP/IP connections?\n\n";
    const LOCKED: &str = "Traceback:\n  x\npsycopg2.errors.SerializationFailure: could not\n";
    const NONE: &str = "Traceback:\n  x\nTypeError: cannot marshal None unless allow_none is on\n";
    const QUOTED: &str = "Traceback:\n  x\nValueError: psycopg2.OperationalError: no, a name\n";

    #[test]
    fn every_xmlrpc_fault_has_its_meaning() {
        for (fault, reading, writing, log_in) in [
            (code(1, DOWN), "later unavailable", "later unavailable", "broken unavailable"),
            (code(1, LOCKED), "later unavailable", "later unavailable", "broken unavailable"),
            (code(1, NONE), "later protocol", "unknown protocol", "broken protocol"),
            (code(1, QUOTED), "refused rejected", "refused rejected", "broken rejected"),
            (code(1, ""), "refused rejected", "refused rejected", "broken rejected"),
            (code(2, "x"), "refused rejected", "refused rejected", "broken rejected"),
            (code(3, "x"), "broken unauthorized", "broken unauthorized", "broken unauthorized"),
            (code(4, "x"), "refused forbidden", "refused forbidden", "broken forbidden"),
            (code(9, "x"), "refused protocol", "refused protocol", "broken protocol"),
        ] {
            let Fault::Code { code: number, text } = fault else { unreachable!() };
            let again = || code(number, &text);
            assert_eq!(means(again(), Doing::Reading), reading, "{number} {text}");
            assert_eq!(means(again(), Doing::Writing), writing, "{number} {text}");
            assert_eq!(means(again(), Doing::LogIn), log_in, "{number} {text}");
        }
        let named = |name: &str| Fault::Name { name: name.to_owned(), text: String::new() };
        assert_eq!(means(named("AccessDenied"), Doing::Writing), "broken unauthorized");
        assert_eq!(
            means(named("warning -- AccessError\n\nx"), Doing::Writing),
            "refused forbidden"
        );
    }

    #[test]
    fn every_status_of_a_proxy_has_its_meaning() {
        for (number, reading, writing) in [
            (301, "broken protocol", "broken protocol"),
            (400, "refused rejected", "refused rejected"),
            (401, "broken unauthorized", "broken unauthorized"),
            (403, "broken unauthorized", "broken unauthorized"),
            (404, "broken not_found", "broken not_found"),
            (408, "later timeout", "later timeout"),
            (413, "refused too_large", "refused too_large"),
            (429, "later rate_limited", "later rate_limited"),
            (500, "later unavailable", "unknown unavailable"),
            (502, "later unavailable", "unknown unavailable"),
            (503, "later unavailable", "unknown unavailable"),
            (504, "later timeout", "unknown timeout"),
        ] {
            assert_eq!(means(status(number), Doing::Reading), reading, "{number}");
            assert_eq!(means(status(number), Doing::Writing), writing, "{number}");
        }
        let after = Some(Duration::from_secs(7));
        let busy = Fault::Status { status: StatusCode::SERVICE_UNAVAILABLE, after };
        let failure = busy.failure(Doing::Writing, "post");
        assert!(matches!(failure, Failure::Later { after: Some(wait), .. } if wait.as_secs() == 7));
    }

    #[test]
    fn every_json2_error_has_its_meaning() {
        for (number, name, writing) in [
            (400, "werkzeug.exceptions.BadRequest", "refused rejected"),
            (401, "werkzeug.exceptions.Unauthorized", "broken unauthorized"),
            (403, "odoo.exceptions.AccessError", "refused forbidden"),
            (403, "odoo.exceptions.AccessDenied", "broken unauthorized"),
            (404, "odoo.exceptions.MissingError", "refused not_found"),
            (413, "werkzeug.exceptions.RequestEntityTooLarge", "refused too_large"),
            (422, "odoo.exceptions.ValidationError", "refused rejected"),
            (500, "psycopg2.errors.SerializationFailure", "later unavailable"),
            (500, "builtins.ValueError", "refused rejected"),
            (502, "x", "unknown unavailable"),
        ] {
            assert_eq!(means(error(number, name), Doing::Writing), writing, "{number} {name}");
        }
    }

    #[test]
    fn a_lost_answer_is_no_loss_where_nothing_was_to_change() {
        let lost = || {
            let cause = Cause::new(ErrorKind::Timeout, "no answer", "wait");
            Fault::Wire(Failure::Unknown { cause })
        };
        let failure = |doing| lost().failure(doing, "x");
        assert!(matches!(failure(Doing::Reading), Failure::Later { .. }));
        assert!(matches!(failure(Doing::LogIn), Failure::Broken { .. }));
        assert!(matches!(failure(Doing::Writing), Failure::Unknown { .. }));
        let unreadable = |doing| Fault::Unreadable("x".to_owned()).failure(doing, "x");
        assert!(matches!(unreadable(Doing::Reading), Failure::Later { .. }));
        assert!(matches!(unreadable(Doing::LogIn), Failure::Broken { .. }));
        assert!(matches!(unreadable(Doing::Writing), Failure::Unknown { .. }));
    }

    #[test]
    fn the_detail_is_the_exception_and_not_the_traceback() {
        let failure = code(1, DOWN).failure(Doing::Reading, "look");
        let detail = &failure.cause().detail;
        assert!(detail.starts_with("psycopg2.OperationalError: connection"), "{detail}");
    }
}
