//! The one outgoing HTTP client: limits, vetted addresses, statuses to failures.
//! Placeholder until the collector's branch lands.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Response, header::HeaderMap};

use crate::model::{Cause, ErrorKind, Failure};

/// The outgoing client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
}

/// Why an answer could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More bytes than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// The wire broke.
    #[error("{0}")]
    Broken(String),
}

impl Http {
    /// Makes the client.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> anyhow::Result<Self> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("apertur-bridge/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }

    /// Client for hosts that the configuration names.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// A transport error as a failure.
#[must_use]
pub fn failure(whom: &str, error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        let cause = Cause::new(
            ErrorKind::Unreachable,
            format!("{whom} cannot be reached"),
            "check address, DNS, firewall and certificate",
        );
        return Failure::Later { after: None, cause };
    }
    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Unreachable };
    let cause = Cause::new(kind, format!("the connection to {whom} broke"), "nothing to do");
    Failure::Unknown { cause }
}

/// Reads a whole answer of at most `limit` bytes.
///
/// # Errors
/// As [`ReadError`] says.
pub async fn read(response: Response, limit: usize) -> Result<Bytes, ReadError> {
    let mut response = response;
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(ReadError::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) => return Err(ReadError::Broken(error.without_url().to_string())),
        }
    }
}

/// Retry-After in seconds or as an HTTP date, never negative.
#[must_use]
pub fn retry_after(headers: &HeaderMap, _now: jiff::Timestamp) -> Option<Duration> {
    let text = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
