//! Google Cloud Storage. Holds the settings and how they become a store; the work is done in
//! `storage`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use opendal::services::Gcs;
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

/// The settings of one Google Cloud Storage destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bucket, which is there already.
    pub bucket: String,
    /// Who calls.
    pub credentials: Credentials,
    /// Called instead of `https://storage.googleapis.com`; tokens still come from Google.
    pub base_url: Option<Url>,
    /// How objects are named.
    pub key_template: KeyTemplate,
    /// Longest time of one call; a part of 8 MiB has to be sent in it.
    pub timeout: Duration,
    /// Writes under way at once, at least 1; each holds up to 32 MiB in memory.
    pub concurrency: usize,
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// The JSON key of a service account.
    Key(SecretString),
    /// The daemon's environment as Google's own tools read it: variables, the file of `gcloud`,
    /// the machine's service account.
    Environment,
    /// Nobody: for emulators.
    Anonymous,
}

const WORDS: Words = Words {
    whom: "Google Cloud Storage",
    bucket: "bucket",
    credentials: "check that the service account and its key still exist, and this machine's time",
    source: "set credential to a service account's key, or give the daemon \
             GOOGLE_APPLICATION_CREDENTIALS or a machine with a service account; let it reach \
             oauth2.googleapis.com",
    permissions: "give the service account the role Storage Object User \
                  (roles/storage.objectUser) on the bucket",
};

/// A destination that has touched nothing yet.
pub(super) fn storage(settings: Settings, shared: &Shared) -> Storage<Objects> {
    let common = Common {
        kind: Kind::Gcs,
        place: match &settings.base_url {
            Some(url) => format!("{}/{}", url.as_str().trim_end_matches('/'), settings.bucket),
            None => format!("gs://{}", settings.bucket),
        },
        words: WORDS,
        expires: None,
        timeout: settings.timeout,
        concurrency: settings.concurrency,
    };
    let (http, clock) = (shared.http.clone(), shared.clock.clone());
    let objects = Objects::new(common, service(&settings), http, clock);
    Storage::new(objects, settings.key_template, shared)
}

fn service(settings: &Settings) -> Gcs {
    let mut service = Gcs::default().bucket(&settings.bucket);
    if let Some(url) = &settings.base_url {
        service = service.endpoint(url.as_str().trim_end_matches('/'));
    }
    match &settings.credentials {
        Credentials::Environment => service,
        Credentials::Anonymous => {
            service.disable_config_load().disable_vm_metadata().skip_signature()
        }
        Credentials::Key(key) => service
            .disable_config_load()
            .disable_vm_metadata()
            .credential(&STANDARD.encode(key.expose_secret())),
    }
}
