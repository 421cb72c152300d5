//! The way of one call to the other side: OpenDAL's requests through our own client, and what
//! was said on it.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, Result};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::trouble::{self, Answer};
use crate::{destinations::redact::Secrets, http, model::Failure, system::Clock};

/// Most of a refusal's body that is read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// Longest body that is made one block, in bytes.
const MAX_COPIED: usize = 64 * 1024;

/// The way of one call.
pub(super) struct Wire {
    pub(super) client: reqwest::Client,
    /// Longest time of one request.
    pub(super) timeout: Duration,
    /// The other side's name.
    pub(super) whom: &'static str,
    pub(super) clock: Clock,
    pub(super) seen: Seen,
}

/// What was seen on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Last that was not well.
    sight: Arc<Mutex<Option<Sight>>>,
    committed: Arc<AtomicBool>,
}

/// What was not well.
#[derive(Debug, Clone)]
pub(super) enum Sight {
    /// The wire itself.
    Broken(Failure),
    /// The other side refused.
    Refusal(Answer),
}

impl Seen {
    /// Takes it out.
    pub(super) fn take(&self) -> Option<Sight> {
        self.sight().take()
    }

    /// Whether the other side says that there is no such bucket.
    pub(super) fn names_no_bucket(&self) -> bool {
        matches!(&*self.sight(), Some(Sight::Refusal(answer)) if answer.names_no_bucket())
    }

    /// Whether the other side refused without saying why.
    pub(super) fn is_silent(&self) -> bool {
        matches!(&*self.sight(), Some(Sight::Refusal(answer)) if answer.is_silent())
    }

    /// Whether the parts of an upload were to be put together.
    pub(super) fn is_committed(&self) -> bool {
        self.committed.load(Ordering::Relaxed)
    }

    fn sight(&self) -> MutexGuard<'_, Option<Sight>> {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, sight: Sight) {
        *self.sight() = Some(sight);
    }

    fn broken(&self, whom: &str, error: &reqwest::Error) -> Error {
        self.note(Sight::Broken(http::failure(whom, error)));
        // Nothing of the error goes on: it may hold the URL.
        Error::new(ErrorKind::Unexpected, "the wire broke")
    }
}

impl HttpTransport for Wire {
    async fn fetch(&self, request: ::http::Request<Buffer>) -> Result<::http::Response<HttpBody>> {
        let broken = |error: &reqwest::Error| self.seen.broken(self.whom, error);
        let is_head = request.method() == ::http::Method::HEAD;
        let secrets = sent(&request);
        if commits(&request) {
            self.seen.committed.store(true, Ordering::Relaxed);
        }
        let request = streamed(request);
        let mut request = reqwest::Request::try_from(request).map_err(|error| broken(&error))?;
        *request.timeout_mut() = Some(self.timeout);
        let mut response = self.client.execute(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let mut answer = ::http::Response::new(());
        *answer.status_mut() = status;
        *answer.headers_mut() = response.headers().clone();
        if status.is_client_error() || status.is_server_error() || is_moved(status) {
            let after = http::retry_after(response.headers(), self.clock.now());
            let code = trouble::header_code(response.headers()).map(|code| secrets.out_of(&code));
            let text = http::read(response, MAX_REFUSAL).await.unwrap_or_default();
            let said = secrets.out_of_body(&text);
            self.seen.note(Sight::Refusal(Answer::new(status.as_u16(), after, code, &said)));
            return Ok(answer.map(|()| whole(text)));
        }
        // The answer to HEAD tells the length of what it does not bring.
        let length = response.content_length().filter(|_| !is_head);
        let first = match may_be_page(response.headers()) {
            true => response.chunk().await.map_err(|error| broken(&error))?,
            false => None,
        };
        if let Some(first) = first.as_ref().filter(|first| trouble::begins_page(first)) {
            self.seen.note(Sight::Refusal(Answer::new(status.as_u16(), None, None, first)));
            return Err(Error::new(ErrorKind::Unexpected, "a page for browsers"));
        }
        let (seen, whom) = (self.seen.clone(), self.whom);
        let rest = response.bytes_stream();
        let blocks = stream::iter(first.map(Ok)).chain(rest).map(move |block| match block {
            Ok(block) => Ok(Buffer::from(block)),
            Err(error) => Err(seen.broken(whom, &error)),
        });
        Ok(answer.map(|()| HttpBody::new(Shared(Mutex::new(Box::pin(blocks))), length)))
    }
}

/// Whether it puts the parts of an upload together, in the words of S3, which Google has too.
fn commits(request: &::http::Request<Buffer>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == ::http::Method::POST && query.starts_with("uploadId=")
}

/// What goes out with a request and must not come back in words: what is behind the scheme of its
/// credentials, the token of keys that expire, the signature of a SAS token, and what is given for
/// Google's tokens in a form.
fn sent(request: &::http::Request<Buffer>) -> Secrets {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let credentials = header("authorization").and_then(|value| value.split_once(' '));
    let token = header("x-amz-security-token");
    let query = request.uri().query().unwrap_or_default().split('&');
    let secrets = credentials.map(|(_, rest)| rest).into_iter().chain(token);
    let secrets = secrets.fold(Secrets::default(), Secrets::and);
    let is_form = header("content-type") == Some("application/x-www-form-urlencoded");
    let form = is_form.then(|| request.body().to_bytes());
    let form = form.as_deref().and_then(|form| std::str::from_utf8(form).ok());
    let secrets = form.into_iter().fold(secrets, Secrets::and_query);
    query.filter(|pair| pair.starts_with("sig=")).fold(secrets, Secrets::and_query)
}

/// The request with its body as a stream of the blocks that it is made of.
fn streamed(request: ::http::Request<Buffer>) -> ::http::Request<reqwest::Body> {
    let (mut head, body) = request.into_parts();
    let body = if body.len() <= MAX_COPIED {
        reqwest::Body::from(body.to_bytes())
    } else {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
        reqwest::Body::wrap_stream(body)
    };
    ::http::Request::from_parts(head, body)
}

/// Whether an answer may be a page of something else: what stores objects signs its answers in
/// headers of its own, pages that it keeps for others, too.
fn may_be_page(headers: &::http::HeaderMap) -> bool {
    let html =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let own = ["x-amz-", "x-goog-", "x-guploader-", "x-ms-"];
    let is_own = |name: &::http::HeaderName| own.iter().any(|own| name.as_str().starts_with(own));
    html && !headers.keys().any(is_own)
}

/// A redirect that tells of another region; 308 is how Google asks for more.
fn is_moved(status: ::http::StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 307)
}

fn whole(text: Bytes) -> HttpBody {
    HttpBody::new(stream::iter([Ok(Buffer::from(text))]), None)
}

/// A stream that OpenDAL may share between threads, although only one reads it.
struct Shared<S>(Mutex<S>);

impl<S: Stream + Unpin> Stream for Shared<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let stream = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        Pin::new(stream).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_an_object_is_no_page_of_something_else() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let pair = |(name, value): &(&'static str, &'static str)| {
                let name = ::http::HeaderName::from_static(name);
                (name, ::http::HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect::<::http::HeaderMap>()
        };
        let html = ("content-type", "text/html; charset=utf-8");
        assert!(may_be_page(&headers(&[html])));
        assert!(!may_be_page(&headers(&[html, ("x-amz-request-id", "7")])));
        assert!(!may_be_page(&headers(&[("content-type", "image/jpeg")])));
        assert!(!may_be_page(&headers(&[])));
    }
}
