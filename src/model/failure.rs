//! What can go wrong at the other side, in the four kinds that decide what happens next.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{SessionId, photo::words};

words!(
    /// A short word for what went wrong, for filters, counts and metrics.
    ErrorKind {
        /// Nobody answered, or the wire broke.
        Unreachable = "unreachable",
        /// The other side is there but cannot serve now.
        Unavailable = "unavailable",
        /// Told to slow down.
        RateLimited = "rate_limited",
        /// No answer in time.
        Timeout = "timeout",
        /// Credentials refused.
        Unauthorized = "unauthorized",
        /// Credentials are good but do not allow this.
        Forbidden = "forbidden",
        /// The record, file or place is not there.
        NotFound = "not_found",
        /// The link or the image is gone for good.
        Gone = "gone",
        /// Larger than somebody takes.
        TooLarge = "too_large",
        /// The other side refuses this photo.
        Rejected = "rejected",
        /// The answer makes no sense.
        Protocol = "protocol",
        /// Names something the configuration does not allow.
        NotAllowed = "not_allowed",
        /// Not a picture.
        NotAnImage = "not_an_image",
        /// End-to-end encrypted and no key fits.
        Encrypted = "encrypted",
        /// No destination wants it.
        Unrouted = "unrouted",
        /// A local fault: disk, journal, spool.
        Local = "local",
        /// Tried for as long as the configuration says.
        GaveUp = "gave_up",
        /// Held by a person.
        Operator = "operator",
    }
);

/// What happened, what the other side said, and what a person can do.
/// None of the three may hold a secret, a session id or a signed URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// A word for filters and metrics.
    pub kind: ErrorKind,
    /// What happened, in one line without a full stop at its end.
    pub what: String,
    /// The other side's own words, shortened, for the record; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The next step for a person.
    pub fix: String,
}

impl Cause {
    /// Longest `detail` kept, in characters.
    const MAX_DETAIL: usize = 600;

    /// A cause without the other side's words.
    #[must_use]
    pub fn new(kind: ErrorKind, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { kind, what: what.into(), detail: String::new(), fix: fix.into() }
    }

    /// The same with the other side's words: control characters become spaces and the text is
    /// cut at 600 characters.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.detail = detail
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(Self::MAX_DETAIL)
            .collect::<String>()
            .trim()
            .to_owned();
        self
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        if self.fix.is_empty() { Ok(()) } else { write!(f, "; {}", self.fix) }
    }
}

/// Why a delivery did not end well, as the sender must treat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Surely not stored; again by the schedule or after `after`, whichever is later.
    Later {
        /// What the other side asked for (`Retry-After`).
        after: Option<Duration>,
        /// Why.
        cause: Cause,
    },
    /// May be stored: the next attempt must look first.
    Unknown {
        /// Why.
        cause: Cause,
    },
    /// This photo, never: hold it and keep the bytes.
    Refused {
        /// Why.
        cause: Cause,
    },
    /// This destination, nothing: pause it and spend no attempts of others.
    Broken {
        /// Why.
        cause: Cause,
    },
}

impl Failure {
    /// The cause, whatever the kind.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        match self {
            Self::Later { cause, .. }
            | Self::Unknown { cause }
            | Self::Refused { cause }
            | Self::Broken { cause } => cause,
        }
    }

    /// The same with a session's id, which works like a password, taken out of every text: the
    /// other side may repeat it, and a file's name may hold it.
    #[must_use]
    pub fn without(mut self, session: &SessionId) -> Self {
        let (Self::Later { cause, .. }
        | Self::Unknown { cause }
        | Self::Refused { cause }
        | Self::Broken { cause }) = &mut self;
        for text in [&mut cause.what, &mut cause.detail, &mut cause.fix] {
            *text = session.hidden_in(text);
        }
        self
    }
}
