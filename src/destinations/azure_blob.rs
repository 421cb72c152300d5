//! Azure Blob Storage. Holds the settings and how they become a store; the work is done in
//! `storage`.

use std::time::Duration;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use opendal::services::Azblob;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    Shared,
    key::KeyTemplate,
    storage::{
        Storage,
        objects::{Common, Objects, Words},
    },
};
use crate::model::Kind;

/// The settings of one Azure Blob destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The storage account.
    pub account_name: String,
    /// The container, which is there already.
    pub container_name: String,
    /// The blob service, `https://ACCOUNT.blob.core.windows.net`.
    pub endpoint: Url,
    /// Who calls.
    pub credential: Credential,
    /// How blobs are named.
    pub blob_template: KeyTemplate,
    /// Longest time of one call; a part of 8 MiB has to be sent in it.
    pub timeout: Duration,
    /// Writes under way at once, at least 1; each holds up to 24 MiB in memory.
    pub concurrency: usize,
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A shared access signature, without its question mark.
    Sas(SecretString),
    /// One of the account's two keys, in base64.
    Key(SecretString),
}

impl Credential {
    /// When a signature ends; `None` for a key, and where the signature does not say.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        let Self::Sas(token) = self else { return None };
        let mut pairs = url::form_urlencoded::parse(token.expose_secret().as_bytes());
        let (_, ends) = pairs.find(|(name, _)| name == "se")?;
        let local = |time: DateTime| time.to_zoned(TimeZone::UTC).ok();
        // Azure takes a day alone, and minutes without seconds.
        let day = || local(ends.trim_end_matches('Z').parse::<DateTime>().ok()?);
        ends.parse().ok().or_else(|| day().map(|time| time.timestamp()))
    }
}

const WORDS: Words = Words {
    whom: "Azure",
    bucket: "container",
    credentials: "check account_name and the key or SAS token, which expires, and this machine's \
                  time; a SAS token must be for blobs (ss=b or sr=c)",
    source: "set sas_token, account_key or connection_string",
    permissions: "let the SAS token read, create, write and delete objects (sp=rcwd, srt=o), and \
                  this machine's address pass the account's firewall",
};

/// A destination that has touched nothing yet.
pub(super) fn storage(settings: Settings, shared: &Shared) -> Storage<Objects> {
    let endpoint = settings.endpoint.as_str().trim_end_matches('/');
    let common = Common {
        kind: Kind::AzureBlob,
        place: format!("{endpoint}/{}", settings.container_name),
        words: WORDS,
        expires: settings.credential.expires(),
        timeout: settings.timeout,
        concurrency: settings.concurrency,
    };
    let service = Azblob::default()
        .endpoint(endpoint)
        .container(&settings.container_name)
        .account_name(&settings.account_name);
    let service = match &settings.credential {
        Credential::Sas(token) => service.sas_token(token.expose_secret()),
        Credential::Key(key) => service.account_key(key.expose_secret()),
    };
    let objects = Objects::new(common, service, shared.http.clone(), shared.clock.clone());
    Storage::new(objects, settings.blob_template, shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_says_in_any_spelling_when_it_ends() {
        let ends = |token: &str| {
            let ends = Credential::Sas(SecretString::from(token)).expires();
            ends.map(|ends| ends.to_string())
        };
        let day = Some("2027-01-15T00:00:00Z".to_owned());
        for se in ["2027-01-15", "2027-01-15T00:00Z", "2027-01-15T00%3A00%3A00Z"] {
            assert_eq!(ends(&format!("sv=1&se={se}&sig=x")), day, "{se}");
        }
        assert_eq!(ends("sv=1&sig=x"), None);
        assert_eq!(ends("se=soon&sig=x"), None);
        assert_eq!(Credential::Key(SecretString::from("se=2027-01-15")).expires(), None);
    }
}
