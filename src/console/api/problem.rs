//! Why a request was not carried out, as RFC 9457 writes it: `application/problem+json`.

use std::{fmt, time::Duration};

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    console::{Scope, trouble::Trouble},
    journal::JournalError,
    model::Cause,
};

/// The media type of a problem.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";
/// How long to wait where the journal cannot be used now.
const BUSY: Duration = Duration::from_secs(5);

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::console) struct Problem {
    /// A name for this sort of problem that stays the same.
    #[serde(rename = "type", serialize_with = "urn")]
    #[schema(value_type = String, example = "urn:apertur-bridge:problem:invalid")]
    kind: &'static str,
    /// What the sort of problem is, the same for each of it.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time, in one line.
    detail: String,
    /// The next step.
    fix: String,
    /// Which field of the query, of the path or of the body it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    #[serde(skip)]
    extra: Option<Box<(header::HeaderName, String)>>,
}

impl Problem {
    fn new(
        (status, kind, title): (StatusCode, &'static str, &'static str),
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            fix: fix.into(),
            field: None,
            extra: None,
        }
    }

    fn with(self, name: header::HeaderName, value: impl Into<String>) -> Self {
        Self { extra: Some(Box::new((name, value.into()))), ..self }
    }

    fn again_after(self, wait: Duration) -> Self {
        self.with(header::RETRY_AFTER, wait.as_secs().max(1).to_string())
    }

    /// 400: a field says something that it cannot say.
    pub(super) fn invalid(field: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        let sort = (StatusCode::BAD_REQUEST, "invalid", "The request cannot be understood");
        let field = Some(field.to_owned()).filter(|field| !field.is_empty());
        Self { field, ..Self::new(sort, detail, fix) }
    }

    /// 401: nobody showed a token, or one that there is not.
    pub(super) fn unauthorized(detail: &str) -> Self {
        let sort = (StatusCode::UNAUTHORIZED, "unauthorized", "A token is needed");
        let fix = "send the header `Authorization: Bearer TOKEN` with a token of console.tokens";
        Self::new(sort, detail, fix)
            .with(header::WWW_AUTHENTICATE, "Bearer realm=\"apertur-bridge\"")
    }

    /// 403: the token may not do this.
    pub(super) fn forbidden(has: Scope, needed: Scope) -> Self {
        let sort = (StatusCode::FORBIDDEN, "forbidden", "The token may not do this");
        let detail = format!("this needs the scope {needed} and the token has {has}");
        let fix = format!("use a token with scope = \"{needed}\" in console.tokens");
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
        Self::new(sort, detail, fix).with(header::WWW_AUTHENTICATE, challenge)
    }

    /// 403: there is no token with which anybody could come in.
    pub(super) fn off() -> Self {
        let sort = (StatusCode::FORBIDDEN, "off", "The API is off");
        let fix = "write console.tokens = [{ name = \"ci\", scope = \"read\", token = { file = \
                   \"..\" } }]; openssl rand -hex 32 makes a token";
        Self::new(sort, "no token is configured", fix)
    }

    /// 404: there is nothing of that name.
    pub(super) fn not_found(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        let sort = (StatusCode::NOT_FOUND, "not-found", "There is no such thing");
        Self::new(sort, detail, fix)
    }

    /// 405: the address takes other methods, these.
    pub(super) fn method(allowed: &str) -> Self {
        let sort = (StatusCode::METHOD_NOT_ALLOWED, "method", "The address takes other methods");
        let detail = format!("this address takes {allowed}");
        Self::new(sort, detail, "see /api/v1/openapi.json").with(header::ALLOW, allowed)
    }

    /// 406: the answer comes in none of the types that are wanted.
    pub(super) fn not_acceptable(offered: &str) -> Self {
        let sort = (StatusCode::NOT_ACCEPTABLE, "not-acceptable", "There is no such form of it");
        Self::new(sort, format!("the answer comes as {offered}"), "send another Accept")
    }

    /// 409: it is as it is, and so this cannot be done.
    pub(super) fn conflict(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new((StatusCode::CONFLICT, "conflict", "It cannot be done as it stands"), detail, fix)
    }

    /// 410: it was there and is no more.
    pub(super) fn gone(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new((StatusCode::GONE, "gone", "It is not there any more"), detail, fix)
    }

    /// 413: the body is larger than anything that is taken.
    pub(super) fn too_large(limit: usize) -> Self {
        let sort = (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large");
        Self::new(sort, format!("a body has at most {limit} bytes"), "send a smaller one")
    }

    /// 415: the body is not JSON.
    pub(super) fn unsupported() -> Self {
        let sort = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", "The body is not JSON");
        let fix = "send JSON with the header `Content-Type: application/json`";
        Self::new(sort, "the body has another type than application/json", fix)
    }

    /// 429: too often.
    pub(super) fn throttled(wait: Duration) -> Self {
        let sort = (StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many wrong tokens");
        let detail = "too many requests with wrong tokens came from this address";
        Self::new(sort, detail, "wait, and correct the token").again_after(wait)
    }

    /// 500: a fault of ours.
    pub(super) fn internal(detail: &str) -> Self {
        let sort = (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of the bridge");
        Self::new(sort, detail, "see the log, or run: apertur-bridge doctor")
    }

    /// 502: Apertur or a destination refuses.
    pub(super) fn refused(cause: &Cause) -> Self {
        let sort = (StatusCode::BAD_GATEWAY, "refused", "The other side refuses");
        Self::new(sort, told(cause), &cause.fix)
    }

    /// 503: it cannot be done now.
    pub(super) fn busy(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        let sort = (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "It cannot be done now");
        Self::new(sort, detail, fix).again_after(BUSY)
    }

    /// 503: Apertur or a destination does not answer as it should.
    pub(super) fn unavailable(cause: &Cause) -> Self {
        Self::busy(told(cause), &cause.fix)
    }

    /// 504: another side takes longer than anybody waits.
    pub(super) fn slow(detail: &str, fix: &str) -> Self {
        let sort = (StatusCode::GATEWAY_TIMEOUT, "timeout", "The other side takes too long");
        Self::new(sort, detail, fix)
    }

    /// It as an answer.
    pub(super) fn response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        if let Some((name, value)) = self.extra.as_deref() {
            response.insert_header((name.clone(), value.as_str()));
        }
        // A problem is texts and numbers: it can be written.
        let body = serde_json::to_vec(self).unwrap_or_default();
        response.content_type(MEDIA_TYPE).body(body)
    }
}

fn urn<S: serde::Serializer>(kind: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:apertur-bridge:problem:{kind}"))
}

fn told(cause: &Cause) -> String {
    let Cause { what, detail, .. } = cause;
    if detail.is_empty() { what.clone() } else { format!("{what} ({detail})") }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.title, self.detail, self.fix)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}

impl From<Problem> for Trouble {
    /// On a page.
    fn from(Problem { detail, fix, .. }: Problem) -> Self {
        Self::Failed { what: detail, fix }
    }
}

impl From<JournalError> for Problem {
    /// The journal's own words may name files, and are for the log.
    fn from(error: JournalError) -> Self {
        tracing::warn!(%error, "the journal could not be used");
        match error {
            JournalError::Unavailable(_) => Self::busy(
                "the journal cannot be used now",
                "try again; if it lasts, see the log and the free space of data_dir",
            ),
            JournalError::Damaged(_) => Self::internal("the journal is damaged"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorKind;

    #[test]
    fn what_passes_says_when_to_come_again_and_nobody_s_words_get_out() {
        let busy = Problem::from(JournalError::Unavailable("/secret/path is full".to_owned()));
        let answer = busy.response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers().get(header::RETRY_AFTER).unwrap(), "5");
        let damaged = Problem::from(JournalError::Damaged("/secret/path".to_owned()));
        assert_eq!(damaged.status_code(), StatusCode::INTERNAL_SERVER_ERROR);
        for problem in [&busy, &damaged] {
            assert!(!serde_json::to_string(problem).unwrap().contains("/secret"), "{problem}");
        }
        let short = Problem::throttled(Duration::from_millis(1)).response();
        assert_eq!(short.headers().get(header::RETRY_AFTER).unwrap(), "1");
    }

    #[test]
    fn another_side_s_refusal_is_told_with_its_words_and_its_remedy() {
        let cause = Cause::new(ErrorKind::NotAllowed, "no session more", "wait for next month");
        let problem = Problem::refused(&cause.with_detail("quota"));
        assert_eq!(problem.status_code(), StatusCode::BAD_GATEWAY);
        assert_eq!(problem.detail, "no session more (quota)");
        assert_eq!(problem.fix, "wait for next month");
    }
}
