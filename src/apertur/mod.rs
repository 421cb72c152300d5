//! The Apertur API.

use secrecy::SecretString;
use url::Url;

/// A host name, or `*.` and the end of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(String);

impl HostPattern {
    /// Takes `cdn.example.com` or `*.example.com`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        if name.is_empty() || name.contains(['*', '/', ':']) {
            return Err("is not a host name; write cdn.example.com or *.example.com".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// What the Apertur room runs on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The API key.
    pub api_key: Option<SecretString>,
    /// The API.
    pub base_url: Url,
    /// Whether `base_url` was written in the configuration.
    pub base_url_is_configured: bool,
    /// Hosts photos may be fetched from.
    pub download_hosts: Vec<HostPattern>,
    /// Whether `download_hosts` was written in the configuration.
    pub download_hosts_is_configured: bool,
    /// Whether photos may be fetched from private addresses.
    pub allow_private_downloads: bool,
    /// The secret requests are signed with.
    pub signing_secret: Option<SecretString>,
    /// Private keys, PEM.
    pub e2e_private_keys: Vec<SecretString>,
    /// Largest photo, in bytes.
    pub max_size: u64,
}
