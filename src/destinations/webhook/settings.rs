//! What an outgoing webhook runs on, already parsed.

use std::{fmt, time::Duration};

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use crate::webhook::{Format, Signer};

/// The settings of one outgoing webhook.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where photos are posted.
    pub address: Address,
    /// The secret and the scheme that requests are signed with.
    pub signer: Signer,
    /// The form that carries the photo.
    pub format: Format,
    /// Headers beside our own.
    pub headers: Vec<Header>,
    /// Longest time from the first byte sent to the answer.
    pub timeout: Duration,
    /// Largest photo, in bytes.
    pub max_size: u64,
    /// Whether the name in the address may lead into the own network. An address written as
    /// numbers may lead anywhere.
    pub allow_private: bool,
    /// Deliveries under way at once, at least 1.
    pub concurrency: usize,
}

/// Where photos are posted. What stands behind its `?` is often a key, so it is never printed.
#[derive(Clone)]
pub struct Address(Url);

impl Address {
    /// An `http` or `https` URL without user name; its fragment is dropped.
    #[must_use]
    pub fn new(mut url: Url) -> Self {
        url.set_fragment(None);
        Self(url)
    }

    /// The whole of it. Never log or print it.
    pub(in crate::destinations) fn reveal(&self) -> &Url {
        &self.0
    }

    /// What stands behind its `?`.
    pub(super) fn query(&self) -> Option<&str> {
        self.0.query().filter(|query| !query.is_empty())
    }

    /// Whether its host is a name that somebody else may lead elsewhere.
    pub(super) fn is_resolved(&self) -> bool {
        matches!(self.0.host(), Some(Host::Domain(_)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A header beside our own. Its value may be a secret and is never printed.
#[derive(Debug, Clone)]
pub struct Header {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
}

/// Why a header cannot be sent. Never quotes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// Not a header's name.
    #[error("is not the name of a header; write letters, digits and -")]
    Name,
    /// A header that the bridge or HTTP itself sets.
    #[error("is set by the bridge itself; take it out")]
    Reserved,
    /// Not a header's value.
    #[error("has a value that no header can have; write ASCII text without line breaks")]
    Value,
}

/// Headers that the message itself needs.
const RESERVED: [&str; 14] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
/// Headers that say who sent the photo and what it is.
const RESERVED_PREFIXES: [&str; 3] = ["x-apertur-", "x-aptr-", "svix-"];

impl Header {
    /// A header of this name and value.
    ///
    /// # Errors
    /// When it cannot be one, or is one that the bridge sets itself.
    pub fn parse(name: &str, value: &SecretString) -> Result<Self, InvalidHeader> {
        let name: HeaderName = name.trim().parse().map_err(|_| InvalidHeader::Name)?;
        let is_ours = RESERVED.contains(&name.as_str())
            || RESERVED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
        if is_ours {
            return Err(InvalidHeader::Reserved);
        }
        let mut value: HeaderValue =
            value.expose_secret().trim().parse().map_err(|_| InvalidHeader::Value)?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_our_own_and_what_is_none_are_refused() {
        let of = |name: &str, value: &str| Header::parse(name, &value.into()).map(|_| ());
        assert_eq!(of("X-Env", "prod"), Ok(()));
        assert_eq!(of("Authorization", "Bearer hush"), Ok(()));
        for name in ["Content-Type", "host", "X-Apertur-Signature", "x-aptr-image-id", "SVIX-ID"] {
            assert_eq!(of(name, "1"), Err(InvalidHeader::Reserved), "{name}");
        }
        assert_eq!(of("Idempotency-Key", "1"), Err(InvalidHeader::Reserved));
        assert_eq!(of("X Env", "1"), Err(InvalidHeader::Name));
        assert_eq!(of("", "1"), Err(InvalidHeader::Name));
        assert_eq!(of("X-Env", "a\r\nHost: b"), Err(InvalidHeader::Value));
    }

    #[test]
    fn neither_a_header_s_value_nor_the_key_of_an_address_is_printed() {
        let header = Header::parse("Authorization", &"Bearer hush".into()).unwrap();
        let address = Address::new("https://hooks.example.com/in?sig=hush#x".parse().unwrap());
        let text = format!("{header:?} {address:?} {address}");
        assert!(!text.contains("hush"), "{text}");
        assert!(text.contains("https://hooks.example.com/in"), "{text}");
        assert_eq!(address.query(), Some("sig=hush"));
    }

    #[test]
    fn only_a_name_is_somebody_else_s_word() {
        for (url, expected) in [
            ("http://127.0.0.1:1/x", false),
            ("http://[::1]/x", false),
            ("http://0x7f.1/x", false),
            ("http://localhost/x", true),
            ("http://erp.example.com/x", true),
        ] {
            assert_eq!(Address::new(url.parse().unwrap()).is_resolved(), expected, "{url}");
        }
    }
}
