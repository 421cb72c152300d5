//! A client for the self tests of the fakes: it sends exactly what it is told.

use apertur_bridge::http::Http;
use serde_json::Value;

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Talks to one fake with one set of credentials.
pub(crate) struct Client {
    http: Http,
    base: String,
    authorization: String,
}

impl Client {
    pub(crate) fn new(base: &str, authorization: &str) -> Client {
        let (base, authorization) = (base.to_owned(), authorization.to_owned());
        Client { http: Http::new().unwrap(), base, authorization }
    }

    /// `None`: no answer.
    pub(crate) async fn send(
        &self,
        (method, path): (&str, &str),
        media: &str,
        body: impl Into<reqwest::Body>,
    ) -> Option<Answer> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}/api/v2{path}", self.base)
        };
        let mut request = self.http.client().request(method.parse().unwrap(), url).body(body);
        if !self.authorization.is_empty() {
            request = request.header("Authorization", &self.authorization);
        }
        if !media.is_empty() {
            request = request.header("Content-Type", media);
        }
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.ok()?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Some(Answer { status, headers, body })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(("GET", path), "", "").await.unwrap()
    }

    pub(crate) async fn json(&self, call: (&str, &str), body: &Value) -> Answer {
        self.send(call, "application/json", body.to_string()).await.unwrap()
    }
}
