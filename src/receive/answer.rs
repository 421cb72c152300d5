//! What the door answers, and what of it goes to the log. Apertur keeps our answers, so they
//! hold nothing but a word and a fixed text.

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;

use super::{body::Unread, payload::Bad, signature::Refusal};
use crate::{
    journal::JournalError,
    model::{Photo, Scheme},
};

/// The word of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Stored durably.
    Accepted,
    /// Known already.
    Duplicate,
    /// Carries no photo.
    Ignored,
    /// Signed, but of no known shape.
    Malformed,
    /// Not signed by anybody who knows the secret.
    Unauthorized,
    /// Not a POST.
    MethodNotAllowed,
    /// The body did not arrive in time.
    Timeout,
    /// Over `server.max_body`.
    TooLarge,
    /// Signed, but not a picture.
    Unsupported,
    /// Cannot be stored now; nothing was.
    Unavailable,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Ignored,
        Self::Malformed,
        Self::Unauthorized,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::TooLarge,
        Self::Unsupported,
        Self::Unavailable,
    ];

    fn code(self) -> StatusCode {
        match self {
            Self::Accepted | Self::Duplicate | Self::Ignored => StatusCode::OK,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The word, for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Malformed => "malformed",
            Self::Unauthorized => "unauthorized",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
        }
    }
}

/// An answer with what the log says about it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) detail: Option<&'static str>,
    /// For the log alone.
    pub(super) reason: Option<String>,
    pub(super) photo: Option<Photo>,
    pub(super) scheme: Option<Scheme>,
    pub(super) topic: Option<String>,
    /// How long it took to make the photo durable, for traces alone.
    pub(super) keeping: Option<std::time::Duration>,
}

#[derive(Serialize)]
struct Wire {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl Answer {
    pub(super) fn new(status: Status) -> Self {
        let (detail, reason, photo) = (None, None, None);
        Self { status, detail, reason, photo, scheme: None, topic: None, keeping: None }
    }

    pub(super) fn about(status: Status, photo: Photo) -> Self {
        let scheme = photo.scheme;
        Self { photo: Some(photo), scheme, ..Self::new(status) }
    }

    /// The answer as HTTP.
    pub(super) fn respond(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status.code());
        match self.status {
            Status::Unavailable => {
                response.insert_header(("Retry-After", "30"));
            }
            Status::MethodNotAllowed => {
                response.insert_header(("Allow", "POST"));
            }
            // What is left of the body is not worth reading.
            Status::TooLarge | Status::Timeout => {
                response.force_close();
            }
            _ => {}
        }
        response.json(Wire { status: self.status, detail: self.detail })
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self { reason: Some(refusal.to_string()), ..Self::new(Status::Unauthorized) }
    }
}

impl From<Unread> for Answer {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::new(Status::TooLarge),
            Unread::TimedOut => Self::new(Status::Timeout),
            Unread::Broken => Self {
                reason: Some("the connection broke while the body arrived".to_owned()),
                ..Self::new(Status::Malformed)
            },
            Unread::Busy => Self {
                reason: Some("too many large requests at once".to_owned()),
                ..Self::new(Status::Unavailable)
            },
            Unread::Disk(error) => Bad::Disk(error).into(),
        }
    }
}

impl From<Bad> for Answer {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Malformed(detail) => Self {
                detail: Some(detail),
                reason: Some(detail.to_owned()),
                ..Self::new(Status::Malformed)
            },
            Bad::Unsupported(detail) => Self {
                detail: Some(detail),
                reason: Some(detail.to_owned()),
                ..Self::new(Status::Unsupported)
            },
            Bad::Disk(error) => {
                let reason = format!("the spool cannot be written: {error}; look at its disk");
                Self { reason: Some(reason), ..Self::new(Status::Unavailable) }
            }
        }
    }
}

impl From<JournalError> for Answer {
    fn from(error: JournalError) -> Self {
        Self { reason: Some(error.to_string()), ..Self::new(Status::Unavailable) }
    }
}
