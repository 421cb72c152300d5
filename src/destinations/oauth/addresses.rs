//! Where an authorization server is spoken to: the configured addresses, or those of its
//! metadata document (RFC 8414).

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{Addresses, Endpoints, renewal::Inner};
use crate::http;

/// Longest wait for a metadata document.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest metadata document that is read.
const MAX_DOCUMENT: usize = 64 * 1024;

/// What matters of a metadata document.
#[derive(Deserialize)]
struct Document {
    authorization_endpoint: Option<String>,
    token_endpoint: String,
}

impl Inner {
    /// The addresses. A document that is not to be had is asked for again the next time.
    pub(super) async fn addresses(&self) -> Addresses {
        let (at, otherwise) = match &self.client.endpoints {
            Endpoints::Fixed(addresses) => return addresses.clone(),
            Endpoints::Discovered { at, otherwise } => (at, otherwise),
        };
        let known = self.state().addresses.clone();
        if let Some(known) = known {
            return known;
        }
        let Some(found) = self.discover(at).await else { return otherwise.clone() };
        let authorize = found.authorize.or_else(|| otherwise.authorize.clone());
        let found = Addresses { authorize, token: found.token };
        self.state().addresses = Some(found.clone());
        found
    }

    async fn discover(&self, at: &Url) -> Option<Addresses> {
        let request = self.shared.http.client().get(at.clone()).timeout(PATIENCE);
        let answer = request.send().await.ok()?;
        if answer.status() != reqwest::StatusCode::OK {
            return None;
        }
        let body = http::read(answer, MAX_DOCUMENT).await.ok()?;
        read(&body, at)
    }
}

/// The addresses in a document; none where one of them is less protected than the document.
fn read(body: &[u8], at: &Url) -> Option<Addresses> {
    let document: Document = serde_json::from_slice(body).ok()?;
    let is_fit =
        |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && at.scheme() == "http");
    let fit = |url: &str| Url::parse(url).ok().filter(is_fit);
    let authorize = match &document.authorization_endpoint {
        Some(url) => Some(fit(url)?),
        None => None,
    };
    Some(Addresses { authorize, token: fit(&document.token_endpoint)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_may_not_send_secrets_over_plain_http() {
        let secure = "https://acme.example/.well-known/x".parse().unwrap();
        let plain = "http://127.0.0.1:9/.well-known/x".parse().unwrap();
        let document = |authorize: &str, token: &str| {
            format!(
                r#"{{"issuer":"x","authorization_endpoint":"{authorize}",
                "token_endpoint":"{token}"}}"#
            )
        };
        let good = document("https://org.example/a", "https://org.example/t");
        assert_eq!(read(good.as_bytes(), &secure).unwrap().token.as_str(), "https://org.example/t");
        let bad = document("https://org.example/a", "http://org.example/t");
        assert_eq!(read(bad.as_bytes(), &secure), None);
        assert!(read(bad.as_bytes(), &plain).is_some());
        let bad = document("http://org.example/a", "https://org.example/t");
        assert_eq!(read(bad.as_bytes(), &secure), None);
        let bad = document("file:///etc/passwd", "http://org.example/t");
        assert_eq!(read(bad.as_bytes(), &plain), None);
        for bad in ["", "[]", "{}", "<html>", r#"{"token_endpoint":"here"}"#] {
            assert_eq!(read(bad.as_bytes(), &secure), None, "{bad}");
        }
    }
}
