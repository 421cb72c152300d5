//! Why somebody does not get what they came for. What is shown of it says the next step and
//! nothing about why.

use std::time::Duration;

use actix_web::http::StatusCode;

use super::words::{Said, Words};
use crate::{
    apertur::ApiError,
    journal::JournalError,
    model::{ErrorKind, Failure},
};

/// Why there is no such page now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No link of ours, one for something else, expired, or used.
    Forbidden,
    /// An entry of a menu that does not show today's key.
    OldEntry,
    /// No password is configured.
    NoPassword,
    /// The address names no record, or one of a system that is not configured.
    NoTarget,
    /// Tried too often.
    Throttled(Duration),
    /// A form that no page of ours has.
    BadForm,
    /// The record is gone, or takes no photos.
    NoRecord,
    /// The session is gone, or another record's.
    NoSession,
    /// The record's system does not answer.
    Unreachable,
    /// The same while a mark was taken off: it may be used up.
    NoAnswer,
    /// The record's system does not let the bridge in.
    NotLetIn,
    /// Apertur does not answer; nothing was made.
    AperturDown,
    /// Apertur refuses, in its words.
    AperturRefuses(String),
    /// The session is one of Apertur's other environment, so it was not asked to end it.
    NotEnded,
    /// The plan's sessions are used up, in Apertur's words.
    Quota(String),
    /// A session may have been made.
    Unsure,
    /// Apertur has not answered yet; what was begun goes on.
    Slow,
    /// A session was made and given up again: it could not be written down.
    NotKept,
    /// The journal cannot be used now.
    Journal,
}

impl Trouble {
    /// A word for the log and for counts.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::OldEntry => "old_entry",
            Self::NoPassword => "no_password",
            Self::NoTarget => "no_target",
            Self::Throttled(_) => "throttled",
            Self::BadForm => "bad_form",
            Self::NoRecord => "no_record",
            Self::NoSession => "no_session",
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no_answer",
            Self::NotLetIn => "not_let_in",
            Self::AperturDown => "apertur_down",
            Self::AperturRefuses(_) => "apertur_refuses",
            Self::NotEnded => "not_ended",
            Self::Quota(_) => "quota",
            Self::Unsure => "unsure",
            Self::Slow => "slow",
            Self::NotKept => "not_kept",
            Self::Journal => "journal",
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Forbidden | Self::OldEntry | Self::NoPassword => StatusCode::FORBIDDEN,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::NoTarget | Self::NoRecord | Self::NoSession => StatusCode::NOT_FOUND,
            Self::AperturRefuses(_) | Self::Quota(_) | Self::NotLetIn | Self::NotEnded => {
                StatusCode::BAD_GATEWAY
            }
            Self::Unreachable
            | Self::NoAnswer
            | Self::AperturDown
            | Self::Unsure
            | Self::Slow
            | Self::NotKept
            | Self::Journal => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(after) => Some(*after),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(Duration::from_mins(1)),
            _ => None,
        }
    }

    pub(super) fn said(&self, words: &Words) -> Said {
        let troubles = &words.troubles;
        match self {
            Self::Forbidden => troubles.forbidden,
            Self::OldEntry => troubles.old_entry,
            Self::NoPassword => troubles.no_password,
            Self::NoTarget => troubles.no_target,
            Self::Throttled(_) => troubles.throttled,
            Self::BadForm => troubles.bad_form,
            Self::NoRecord => troubles.no_record,
            Self::NoSession => troubles.no_session,
            Self::Unreachable => troubles.unreachable,
            Self::NoAnswer => troubles.no_answer,
            Self::NotLetIn => troubles.not_let_in,
            Self::AperturDown => troubles.apertur_down,
            Self::AperturRefuses(_) => troubles.apertur_refuses,
            Self::NotEnded => troubles.not_ended,
            Self::Quota(_) => troubles.quota,
            Self::Unsure => troubles.unsure,
            Self::Slow => troubles.slow,
            Self::NotKept => troubles.not_kept,
            Self::Journal => troubles.journal,
        }
    }

    /// Apertur's own words, where there are some.
    pub(super) fn detail(&self) -> Option<&str> {
        match self {
            Self::AperturRefuses(words) | Self::Quota(words) if !words.is_empty() => Some(words),
            _ => None,
        }
    }

    /// Why a record's system does not say what it was asked.
    pub(super) fn of_failure(failure: &Failure) -> Self {
        match failure {
            Failure::Refused { cause } if cause.kind == ErrorKind::Forbidden => Self::NotLetIn,
            Failure::Refused { .. } => Self::NoRecord,
            Failure::Later { .. } | Failure::Unknown { .. } => Self::Unreachable,
            Failure::Broken { cause } => match cause.kind {
                ErrorKind::Unreachable | ErrorKind::Unavailable | ErrorKind::Timeout => {
                    Self::Unreachable
                }
                _ => Self::NotLetIn,
            },
        }
    }

    /// Why Apertur made no session.
    pub(super) fn of_apertur(error: &ApiError) -> Self {
        let detail = || error.cause.detail.clone();
        match error.cause.kind {
            _ if error.unsure => Self::Unsure,
            ErrorKind::NotAllowed if error.status == Some(429) => Self::Quota(detail()),
            _ if error.passes() => Self::AperturDown,
            _ => Self::AperturRefuses(detail()),
        }
    }
}

impl From<JournalError> for Trouble {
    fn from(_: JournalError) -> Self {
        Self::Journal
    }
}
