//! A look at an address as a stranger: what it answers, by its clock and with its certificate.

use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::{header::DATE, tls::TlsInfo};
use url::Url;

use super::{Http, failure, read};
use crate::model::Failure;

/// Longest look, connection included.
const PATIENCE: Duration = Duration::from_secs(15);
/// Largest part of an answer that is kept, in bytes; of a longer one nothing is.
const MAX_BODY: usize = 16 * 1024;

/// What is posted: headers, and a body.
#[derive(Debug, Clone, Default)]
pub struct Posted {
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// What was seen at an address.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The HTTP status.
    pub status: u16,
    /// How far the other side's clock is ahead of this machine's, in whole seconds; behind where
    /// it is negative. `None` where the answer has no time.
    pub ahead: Option<SignedDuration>,
    /// The body; empty where it is larger than 16 KiB or broke off.
    pub body: Bytes,
    /// The certificate, DER, where there was one.
    pub certificate: Option<Vec<u8>>,
}

impl Http {
    /// Asks an address that the configuration names, with nothing of ours, or posts to it. Waits
    /// 15 s at most and follows no redirect. `whom` is a short name such as "Odoo".
    ///
    /// # Errors
    /// Where nobody answers. The texts never hold the URL.
    pub async fn look(
        &self,
        whom: &str,
        url: &Url,
        posted: Option<&Posted>,
    ) -> Result<Seen, Failure> {
        let request = match posted {
            None => self.open.get(url.clone()),
            Some(Posted { headers, body }) => {
                let request = self.open.post(url.clone()).body(body.clone());
                headers.iter().fold(request, |request, (name, value)| request.header(name, value))
            }
        };
        let asked = Instant::now();
        let sent = request.timeout(PATIENCE).send().await;
        let response = sent.map_err(|error| failure(whom, &error))?;
        // The answer was written about half way between question and answer.
        let now = Timestamp::now() - asked.elapsed() / 2;
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|d| rfc2822::DateTimeParser::new().parse_timestamp(d).ok());
        let certificate = response.extensions().get::<TlsInfo>();
        let certificate = certificate.and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec);
        Ok(Seen {
            status: response.status().as_u16(),
            ahead: date.map(|date| SignedDuration::from_secs(date.as_second() - now.as_second())),
            certificate,
            body: read(response, MAX_BODY).await.unwrap_or_default(),
        })
    }
}
