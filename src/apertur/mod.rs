//! Apertur's REST API, and the links it gives (`fixtures/contracts/apertur.md`, sections 3-5).
//!
//! It asks and fetches; when to, how often and what to write down is the affair of who calls.
//! API key, signature, one-time code and client certificate go to the API's origin and nowhere
//! else.

mod answer;
mod budget;
mod call;
mod download;
pub mod envelope;
mod fault;
mod hooks;
mod link;
mod opening;
mod polling;
mod reading;
mod session;
mod signing;
mod status;
mod totp;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub use self::{
    budget::{Budget, Use},
    fault::ApiError,
    hooks::{Hook, Made, Receiver},
    link::{HostPattern, InvalidHost},
    opening::Fetched,
    polling::{Polled, PolledImage},
    session::{
        End, NewSession, Page, Place, QrFormat, Session, SessionChange, SessionRow, SessionState,
    },
    status::{DeliveryStatus, RemoteDelivery, RemoteFile},
    totp::{InvalidTotpSecret, TotpSecret},
};
use crate::{
    http::{Http, Identity},
    model::{Cause, Environment, ImageId},
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
    /// What one-time codes are made of, if the key asks for them.
    pub totp_secret: Option<TotpSecret>,
    /// The certificate that the key is bound to, if it is to one. Shown to the API alone.
    pub identity: Option<Identity>,
    /// Apertur's ids of the destinations that the photos of our own sessions go to.
    pub session_destinations: Vec<String>,
    /// Apertur's id of the project, for calls that name it.
    pub project_id: Option<String>,
    /// The customer's private keys for end-to-end encrypted photos; each is tried.
    pub e2e_private_keys: Vec<envelope::PrivateKey>,
    /// Whether photos of our own sessions are taken by polling.
    pub poll: bool,
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
    match environment(api_key) {
        Environment::Sandbox => "https://sandbox.api.aptr.ca",
        Environment::Live => "https://api.aptr.ca",
    }
}

fn environment(api_key: Option<&SecretString>) -> Environment {
    api_key.and_then(said_by).unwrap_or(Environment::Live)
}

/// Which environment a key says that it belongs to; older keys do not say
/// (`fixtures/contracts/apertur.md`, section 3.1).
fn said_by(key: &SecretString) -> Option<Environment> {
    let key = key.expose_secret();
    let prefixes = [("aptr_test_", Environment::Sandbox), ("aptr_live_", Environment::Live)];
    prefixes
        .into_iter()
        .find(|(prefix, _)| key.starts_with(prefix))
        .map(|(_, environment)| environment)
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
    /// The client that shows our certificate, where there is one.
    identified: Option<Client>,
    settings: Arc<Settings>,
    clock: Clock,
    /// Held while an envelope is opened.
    opening: Arc<Mutex<()>>,
    /// Tries of one call.
    tries: u32,
    /// What whoever asks by itself is bound by.
    budget: Budget,
}

impl Apertur {
    /// Makes the client; touches no network.
    ///
    /// # Errors
    /// When there is a client certificate and the system's root certificates cannot be loaded.
    pub fn new(http: Http, settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        let identified = settings.identity.as_ref().map(Http::identified).transpose()?;
        let (opening, tries) = (Arc::default(), call::MOST_TRIES);
        let (settings, budget) = (Arc::new(settings), Budget::new(clock.clone()));
        Ok(Self { http, identified, settings, clock, opening, tries, budget })
    }

    /// The same without a second try of a call that failed, for who paces its calls itself.
    #[must_use]
    pub fn unrepeated(&self) -> Self {
        Self { tries: 1, ..self.clone() }
    }

    /// Which Apertur the key belongs to: the live one, unless it says that it does not.
    #[must_use]
    pub fn environment(&self) -> Environment {
        environment(self.settings.api_key.as_ref())
    }

    /// Which Apertur the key says that it belongs to; `None` where it does not say.
    #[must_use]
    pub fn key_says(&self) -> Option<Environment> {
        self.settings.api_key.as_ref().and_then(said_by)
    }

    /// The calls that are left, for who asks by itself. Clones of this share them;
    /// [`Apertur::download`] heeds and counts them, everything else is the caller's to count.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The client for the API's origin.
    fn api_client(&self) -> &Client {
        self.identified.as_ref().unwrap_or_else(|| self.http.client())
    }

    /// How it was configured.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where a photo can be had by its id, when there is a key for it.
    fn url_of(&self, image: &ImageId) -> Option<Url> {
        self.endpoint(&["uploads", image.as_str(), "download"], &[]).ok()
    }

    /// Adds the key, and one-time code and signature where they are configured. Only for the
    /// API's origin.
    fn keyed(
        &self,
        request: RequestBuilder,
        method: &str,
        url: &Url,
        body: &[u8],
    ) -> RequestBuilder {
        let Some(key) = &self.settings.api_key else { return request };
        let now = self.clock.now();
        let mut request = request.bearer_auth(key.expose_secret());
        if let Some(secret) = &self.settings.totp_secret {
            request = request.header(totp::CODE, secret.code(now));
        }
        let Some(secret) = &self.settings.signing_secret else { return request };
        request
            .header(signing::SIGNATURE, signing::sign(secret, now, method, url, body))
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
            totp_secret: None,
            identity: None,
            session_destinations: Vec::new(),
            project_id: None,
            e2e_private_keys: Vec::new(),
            poll: false,
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
            let apertur = Apertur::new(Http::new().unwrap(), settings, Clock::system()).unwrap();
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
