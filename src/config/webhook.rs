//! `[webhook]`: who may post.

use secrecy::SecretString;

use super::{
    secret::secret,
    section::Section,
    server::Requests,
    values::{duration, some_of},
};
use crate::receive::Settings;

const SECRETS: &str = "the secret Apertur signs with; several while it is being changed.\n\
                       Without one the daemon does not start";

/// Reads `[webhook]` and completes what `[server]` said about requests.
pub(super) fn read(s: &mut Section<'_>, requests: Requests) -> Option<Settings> {
    let secrets: Option<Vec<SecretString>> = s
        .key("secrets", SECRETS)
        .required("[{ file = \"/etc/apertur-bridge/webhook-secret\" }]", some_of(secret));
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
