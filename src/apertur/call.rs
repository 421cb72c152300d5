//! One call of the API: made, signed, sent, tried again where that can do no harm.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::{Apertur, fault::ApiError};
use crate::http;

/// Largest answer read, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Longest one try, unless a call says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Tries of one call.
pub(super) const MOST_TRIES: u32 = 3;
/// Longest wait between two tries; whoever is told to wait longer is told so at once.
const LONGEST_WAIT: Duration = Duration::from_secs(65);
/// Wait where none was asked for, doubled with each try.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// When a call may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Whenever it failed in a way that passes: carried out twice it does what once does.
    Freely,
    /// Only when it surely was not carried out: it makes a session, which a plan counts.
    IfNotDone,
}

/// One call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// What follows `/api/v1/`.
    pub(super) path: &'a [&'a str],
    pub(super) query: Vec<(&'a str, String)>,
    pub(super) body: Option<Value>,
    pub(super) patience: Duration,
    pub(super) repeat: Repeat,
}

impl<'a> Call<'a> {
    /// A call without query and body that may be repeated freely.
    pub(super) fn new(method: Method, path: &'a [&'a str]) -> Self {
        let (query, patience) = (Vec::new(), PATIENCE);
        Self { method, path, query, body: None, patience, repeat: Repeat::Freely }
    }

    pub(super) fn get(path: &'a [&'a str]) -> Self {
        Self::new(Method::GET, path)
    }
}

/// An answer that says that it was done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Apertur {
    /// Makes a call, up to three times unless told otherwise, with the waits that Apertur asks
    /// for up to 65 s each.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Done, ApiError> {
        let url = self.endpoint(call.path, &call.query)?;
        let mut tries = 1;
        loop {
            let error = match self.once(&call, &url).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let wait = error.after.unwrap_or(FIRST_WAIT * 2_u32.pow(tries - 1));
            let harmless = call.repeat == Repeat::Freely || !error.unsure;
            if !(error.passes() && harmless) || tries >= self.tries || wait > LONGEST_WAIT {
                return Err(error);
            }
            tries += 1;
            self.clock.sleep_until(self.clock.after(wait)).await;
        }
    }

    /// The address of an endpoint.
    pub(super) fn endpoint(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Url, ApiError> {
        self.settings.api_key.as_ref().ok_or_else(ApiError::no_key)?;
        let mut url = self.settings.base_url.clone();
        // A URL cannot hold these two as a segment, in whatever spelling.
        let fits = path.iter().all(|segment| !matches!(*segment, "." | ".."));
        let segments = url.path_segments_mut().ok().filter(|_| fits);
        let mut segments = segments.ok_or_else(|| ApiError::unreadable("the id cannot be one"))?;
        segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        drop(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn once(&self, call: &Call<'_>, url: &Url) -> Result<Done, ApiError> {
        let asked = timeout(call.patience, self.ask_api(call, url)).await;
        asked.unwrap_or_else(|_| Err(ApiError::timed_out(call.patience)))
    }

    async fn ask_api(&self, call: &Call<'_>, url: &Url) -> Result<Done, ApiError> {
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut request = self.api_client().request(call.method.clone(), url.clone());
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        // Made anew for each try: the signature's time and the one-time code are of this moment.
        let request = self.keyed(request, call.method.as_str(), url, body.as_bytes());
        let response = request.send().await.map_err(|error| ApiError::of_wire(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::read(response, MAX_ANSWER).await;
        if !status.is_success() {
            let makes_session = call.repeat == Repeat::IfNotDone;
            let about = (makes_session, self.now());
            return Err(ApiError::of_answer(status, &headers, &body.unwrap_or_default(), about));
        }
        let body = body.map_err(|error| {
            let broken = ApiError::unreadable("Apertur's answer did not arrive whole");
            let cause = broken.cause.clone().with_detail(&error.to_string());
            ApiError { unsure: true, cause, ..broken }
        })?;
        Ok(Done { status, body })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
