//! `[webhook]`: who may post.

use ::config::Map;
use secrecy::SecretString;

use super::{
    reader::Reader,
    secret::secret,
    section::Section,
    server::Requests,
    values::{duration, some_of},
};
use crate::receive::Settings;

const SECRETS: &str = "the secret Apertur signs with; several while it is being changed.\n\
                       Without one the daemon does not start, unless apertur.poll is set";
const SECRET: &str = "[{ file = \"/etc/apertur-bridge/webhook-secret\" }]";

/// What `[webhook]` says, before it is known whether photos come another way, too.
#[derive(Debug)]
pub(super) struct Read {
    settings: Option<Settings>,
    has_secrets: bool,
}

/// Reads `[webhook]` and completes what `[server]` said about requests.
pub(super) fn read(s: &mut Section<'_>, requests: Requests) -> Read {
    let has_secrets = s.has("secrets");
    Read { settings: settings(s, requests, has_secrets), has_secrets }
}

impl Read {
    /// The settings; without a secret only where photos are polled for.
    pub(super) fn complete(self, reader: &Reader<'_>, polls: bool) -> Option<Settings> {
        if !self.has_secrets && !polls {
            Section::new(reader, "webhook".to_owned(), Map::new()).missing("secrets", SECRET);
            return None;
        }
        self.settings
    }
}

fn settings(s: &mut Section<'_>, requests: Requests, has_secrets: bool) -> Option<Settings> {
    let secrets: Option<Vec<SecretString>> =
        s.key("secrets", SECRETS).required_elsewhere(SECRET, some_of(secret));
    let secrets = if has_secrets { secrets } else { Some(Vec::new()) };
    let max_age = s
        .key("max_age", "oldest request taken, where the signature carries a time")
        .or("5m", duration);
    Some(Settings {
        webhook_path: requests.webhook_path?,
        max_body: requests.max_body?,
        secrets: secrets?,
        max_age: max_age?,
        body_timeout: requests.body_timeout?,
    })
}
