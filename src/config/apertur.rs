//! `[apertur]`: the Apertur API and what may be fetched.

use secrecy::SecretString;
use url::Url;

use super::{
    entry::Entry,
    secret::{revealed, secret},
    section::Section,
    values::{Wrong, flag, http_url, list, name, size, some_of, text},
};
use crate::{
    apertur::{
        HostPattern, Settings, Timeouts, TotpSecret, default_base_url, envelope::PrivateKey,
    },
    http::Identity,
};

/// The APIs (`fixtures/contracts/apertur.md`, section 3.1).
const LIVE: &str = "https://api.aptr.ca";
const SANDBOX: &str = "https://sandbox.api.aptr.ca";
/// Begins the keys of the sandbox.
const TEST_KEY: &str = "aptr_test_";
/// The hosts of [`HostPattern::defaults`].
const HOSTS: &str = "[\"aptr.ca\", \"*.aptr.ca\", \"apertur.ca\", \"*.apertur.ca\"]";

/// Reads `[apertur]`; also gives whether photos are polled for, whatever else is wrong.
pub(super) fn read(s: &mut Section<'_>) -> (Option<Settings>, bool) {
    let mut poll = true;
    (settings(s, &mut poll), poll)
}

fn settings(s: &mut Section<'_>, poll: &mut bool) -> Option<Settings> {
    let has_key = s.has("api_key");
    let api_key = s
        .key("api_key", "for photos that must be asked for; aptr_test_... selects the sandbox")
        .optional("{ file = \"/etc/apertur-bridge/apertur-api-key\" }", api_key);
    let is_test = api_key.as_ref().is_some_and(|key| key.starts_with(TEST_KEY));
    let base_url = s
        .key("base_url", "the API; by default the one the key belongs to")
        .optional(LIVE, |entry| base_url(entry, api_key.as_ref().map(|_| is_test)));
    let signing_secret = s
        .key("signing_secret", "for API keys that demand signed requests")
        .optional("{ file = \"/etc/apertur-bridge/apertur-signing-secret\" }", secret);
    let totp_secret = s
        .key("totp_secret", "base32, for API keys that demand one-time codes")
        .optional("{ file = \"/etc/apertur-bridge/apertur-totp-secret\" }", totp_secret);
    let identity = s
        .key("client_certificate", "certificate and private key (PEM), for keys bound to them")
        .optional("{ file = \"/etc/apertur-bridge/apertur-client.pem\" }", identity);
    let session_destinations = s
        .key("session_destinations", "Apertur's ids of where the photos of our own sessions go")
        .optional("[\"11111111-2222-4333-8444-555555555555\"]", some_of(text(name)));
    let project_id = s
        .key("project_id", "Apertur's id of the project, to name its destinations by their names")
        .optional("11111111-2222-4333-8444-555555555555", text(name));
    let download_hosts_is_configured = s.has("download_hosts");
    let download_hosts = s
        .key("download_hosts", "hosts that photos may be fetched from")
        .or(HOSTS, some_of(text(host)));
    let allow_private_downloads = s
        .key("allow_private_downloads", "whether photos may be fetched from private addresses")
        .or("false", flag);
    let e2e_private_keys = s
        .key("e2e_private_keys", "private keys (PEM) for end-to-end encrypted photos")
        .optional("[{ file = \"/etc/apertur-bridge/e2e.pem\" }]", some_of(private_key));
    let max_size = s.key("max_download", "largest photo fetched").or("64MiB", size);
    let polls = s
        .key("poll", "whether photos of our own sessions are polled for: no public address needed")
        .or("false", |entry| polling(entry, has_key));
    *poll = polls.unwrap_or(true);
    let api_key = api_key.map(SecretString::from);
    let default = Url::parse(default_base_url(api_key.as_ref())).ok();
    Some(Settings {
        api_key,
        base_url_is_configured: base_url.is_some(),
        base_url: base_url.or(default)?,
        download_hosts: download_hosts?,
        download_hosts_is_configured,
        allow_private_downloads: allow_private_downloads?,
        signing_secret,
        totp_secret,
        identity,
        session_destinations: session_destinations.unwrap_or_default(),
        project_id,
        e2e_private_keys: e2e_private_keys.unwrap_or_default(),
        poll: polls?,
        max_size: max_size?,
        timeouts: Timeouts::default(),
    })
}

fn api_key(entry: &Entry<'_>) -> Option<String> {
    let key = revealed(entry)?;
    if !key.bytes().all(|b| b.is_ascii_graphic()) {
        return entry.wrong(
            "holds white space or other characters that no API key has",
            "copy the key again, alone on its line",
        );
    }
    Some(key)
}

fn polling(entry: &Entry<'_>, has_key: bool) -> Option<bool> {
    let poll = flag(entry)?;
    if poll && !has_key {
        return entry.wrong("needs an API key", "set apertur.api_key, or take poll out");
    }
    Some(poll)
}

/// The API, with a warning where key and address belong to different ones.
fn base_url(entry: &Entry<'_>, is_test: Option<bool>) -> Option<Url> {
    let url = http_url(LIVE)(entry)?;
    let is = |known: &str| Url::parse(known).is_ok_and(|known| known.host() == url.host());
    match is_test {
        Some(true) if is(LIVE) => entry.warn(
            "is the live API, but apertur.api_key is a test key (aptr_test_...)",
            "use a live key, or take base_url out to use the sandbox",
        ),
        Some(false) if is(SANDBOX) => entry.warn(
            "is the sandbox, but apertur.api_key is not a test key (aptr_test_...)",
            "use a test key, or take base_url out to use the live API",
        ),
        _ => {}
    }
    Some(url)
}

fn private_key(entry: &Entry<'_>) -> Option<PrivateKey> {
    parsed(entry, |text| PrivateKey::parse(text.as_bytes()).map_err(|e| Wrong::of(&e)))
}

fn totp_secret(entry: &Entry<'_>) -> Option<TotpSecret> {
    parsed(entry, |text| TotpSecret::parse(text).map_err(|error| Wrong::of(&error)))
}

/// One file with both, or several that have them together.
fn identity(entry: &Entry<'_>) -> Option<Identity> {
    let parts = list(revealed)(entry)?.join("\n");
    noted(entry, Identity::parse(parts.as_bytes()).map_err(|error| Wrong::of(&error)))
}

/// A secret that is parsed further.
fn parsed<T>(entry: &Entry<'_>, parse: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
    noted(entry, parse(&revealed(entry)?))
}

fn noted<T>(entry: &Entry<'_>, read: Result<T, Wrong>) -> Option<T> {
    read.map_err(|wrong| entry.wrong::<T>(wrong.what, wrong.remedy)).ok()
}

fn host(text: &str) -> Result<HostPattern, Wrong> {
    HostPattern::parse(text).map_err(|error| Wrong::of(&error))
}
