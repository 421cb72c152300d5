//! Apertur's REST API, and the links it gives (`fixtures/contracts/apertur.md`, sections 3-5).
//!
//! It fetches; when to fetch, how often and what to write down is the collector's affair. The
//! API key goes to the API's origin and nowhere else.

mod answer;
mod download;
pub mod envelope;
mod link;
mod signing;

use std::{sync::Arc, time::Duration};

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub use self::link::{HostPattern, InvalidHost};
use crate::{
    http::Http,
    model::{Cause, ImageId},
    system::Clock,
};

/// How Apertur is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The API key; without it only links can be followed.
    pub api_key: Option<SecretString>,
    /// Where the API is; paths such as `/api/v1/uploads` are appended to it.
    pub base_url: Url,
    /// Whether the configuration gives `base_url`: links to its origin may then be plain http
    /// and private.
    pub base_url_is_configured: bool,
    /// Hosts that links may lead to.
    pub download_hosts: Vec<HostPattern>,
    /// Whether the configuration gives `download_hosts`.
    pub download_hosts_is_configured: bool,
    /// Whether links may lead to addresses of this machine's network.
    pub allow_private_downloads: bool,
    /// The secret that our requests are signed with, if the key asks for it.
    pub signing_secret: Option<SecretString>,
    /// The customer's private keys for end-to-end encrypted photos; each is tried.
    pub e2e_private_keys: Vec<envelope::PrivateKey>,
    /// Largest photo, in bytes.
    pub max_size: u64,
    /// How long a fetch may take.
    pub timeouts: Timeouts,
}

/// How long a fetch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Longest silence of the other side.
    pub idle: Duration,
    /// Longest fetch in all, over every way that is tried.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 30 s of silence, 8 min in all.
    fn default() -> Self {
        Self { idle: Duration::from_secs(30), total: Duration::from_secs(480) }
    }
}

/// The base URL when the configuration gives none: keys that begin with `aptr_test_` belong to
/// the sandbox (`fixtures/contracts/apertur.md`, section 3.1).
#[must_use]
pub fn default_base_url(api_key: Option<&SecretString>) -> &'static str {
    if api_key.is_some_and(|key| key.expose_secret().starts_with("aptr_test_")) {
        "https://sandbox.api.aptr.ca"
    } else {
        "https://api.aptr.ca"
    }
}

/// Why a photo could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchFailure {
    /// It may work later.
    Later {
        /// The wait that the other side asked for.
        after: Option<Duration>,
        /// Why.
        cause: Cause,
    },
    /// Only a person can help.
    Held {
        /// Why.
        cause: Cause,
    },
}

/// Apertur, as configured. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Apertur {
    http: Http,
    settings: Arc<Settings>,
    clock: Clock,
}

impl Apertur {
    /// Makes the client; touches no network.
    #[must_use]
    pub fn new(http: Http, settings: Settings, clock: Clock) -> Self {
        Self { http, settings: Arc::new(settings), clock }
    }

    /// How it was configured.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where a photo can be had by its id, when there is a key for it.
    fn url_of(&self, image: &ImageId) -> Option<Url> {
        self.settings.api_key.as_ref()?;
        // A URL cannot hold these two as a segment, in whatever spelling.
        if matches!(image.as_str(), "." | "..") {
            return None;
        }
        let mut url = self.settings.base_url.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend([
            "api",
            "v1",
            "uploads",
            image.as_str(),
            "download",
        ]);
        Some(url)
    }

    /// Adds the key, and the signature where one is configured. Only for the API's origin.
    fn keyed(&self, request: RequestBuilder, method: &str, url: &Url) -> RequestBuilder {
        let Some(key) = &self.settings.api_key else { return request };
        let request = request.bearer_auth(key.expose_secret());
        let Some(secret) = &self.settings.signing_secret else { return request };
        let now = self.clock.now();
        request
            .header(signing::SIGNATURE, signing::sign(secret, now, method, url, b""))
            .header(signing::TIMESTAMP, now.as_second())
    }
}

#[cfg(test)]
impl Settings {
    /// Settings at their defaults with this base URL, for tests.
    pub(crate) fn for_test(base_url: &str, configured: bool) -> Self {
        Self {
            api_key: None,
            base_url: Url::parse(base_url).unwrap(),
            base_url_is_configured: configured,
            download_hosts: HostPattern::defaults(),
            download_hosts_is_configured: false,
            allow_private_downloads: false,
            signing_secret: None,
            e2e_private_keys: Vec::new(),
            max_size: 1000,
            timeouts: Timeouts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_says_which_environment() {
        let of = |key: &str| default_base_url(Some(&SecretString::from(key)));
        assert_eq!(of("aptr_test_x"), "https://sandbox.api.aptr.ca");
        assert_eq!(of("aptr_live_x"), "https://api.aptr.ca");
        assert_eq!(default_base_url(None), "https://api.aptr.ca");
    }

    #[test]
    fn an_image_id_is_one_segment_whatever_it_holds() {
        let path = |base: &str, id: &str| {
            let mut settings = Settings::for_test(base, true);
            settings.api_key = Some("k".into());
            let apertur = Apertur::new(Http::new().unwrap(), settings, Clock::system());
            apertur.url_of(&ImageId::parse(id).unwrap()).map(|url| url.path().to_owned())
        };
        let root = "https://api.aptr.ca";
        for (base, id, expected) in [
            (root, "img_1", "/api/v1/uploads/img_1/download"),
            ("https://x/prefix/", "a", "/prefix/api/v1/uploads/a/download"),
            ("https://x/prefix", "a", "/prefix/api/v1/uploads/a/download"),
            (root, "../keys", "/api/v1/uploads/..%2Fkeys/download"),
            (root, "a?b#c", "/api/v1/uploads/a%3Fb%23c/download"),
            (root, "%2e%2e", "/api/v1/uploads/%252e%252e/download"),
            (root, "a\\b", "/api/v1/uploads/a%5Cb/download"),
            (root, "é", "/api/v1/uploads/%C3%A9/download"),
        ] {
            assert_eq!(path(base, id).as_deref(), Some(expected), "{id}");
        }
        assert_eq!(path(root, ".."), None);
        assert_eq!(path(root, "."), None);
    }
}
