//! `[collect]`: the page on which people make sessions.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    entry::Entry,
    secret::secret,
    section::Section,
    server::ServerSettings,
    values::{duration, flag, word},
};
use crate::{
    collect_page::{LONGEST_LIFE, Settings},
    model::Mode,
};

/// Fewest characters of a password, and of a key.
const PASSWORD: usize = 8;
const KEY: usize = 32;

const MODES: &[(&str, Mode)] = &[
    ("contact", Mode::Contact),
    ("internal", Mode::Internal),
    ("public", Mode::Public),
    ("client", Mode::Contact),
    ("agent", Mode::Public),
];

/// Reads `[collect]`. `None` where there is no such page: it needs the public address and an API
/// key, and may be switched off.
pub(super) fn read(
    s: &mut Section<'_>,
    server: Option<&ServerSettings>,
    apertur: Option<&crate::apertur::Settings>,
) -> Option<Settings> {
    let is_written = !s.names().is_empty();
    let enabled = s.key("enabled", "whether there is such a page").or("true", flag)?;
    let password = s
        .key(
            "password",
            "opens the page of every record, for help-desk agents; without one only signed links\n\
             and Odoo open it",
        )
        .optional("{ file = \"/etc/apertur-bridge/collect-password\" }", |entry| {
            long_enough(entry, PASSWORD)
        });
    let link_lifetime = s
        .key("link_lifetime", "how long a signed link works and a password is remembered")
        .or("12h", life);
    let default_mode = s
        .key(
            "default_mode",
            "the mode that is chosen to begin with: contact, internal or public; by default that\n\
             of the destination",
        )
        .optional("internal", word(MODES));
    let key = s
        .key("key", "what links are signed with; by default a key made in data_dir")
        .optional("{ file = \"/etc/apertur-bridge/collect-key\" }", |entry| {
            long_enough(entry, KEY)
        });
    let public_url = server.and_then(|server| server.public_url.clone());
    let has_key = apertur.is_some_and(|apertur| apertur.api_key.is_some());
    if is_written && enabled {
        for (there, missing, what) in [
            (public_url.is_some(), "server.public_url", "the address that people reach it at"),
            (has_key, "apertur.api_key", "the key that sessions are made with"),
        ] {
            if !there {
                s.warn(
                    &format!("is for a page that is off: {missing} is missing"),
                    &format!("set {missing}, {what}"),
                );
            }
        }
    }
    let trusted_proxies = server.map(|server| server.trusted_proxies.clone()).unwrap_or_default();
    let public_url = public_url.filter(|_| has_key && enabled)?;
    let link_lifetime = link_lifetime?;
    Some(Settings { public_url, trusted_proxies, key, password, link_lifetime, default_mode })
}

fn life(entry: &Entry<'_>) -> Option<Duration> {
    let life = duration(entry)?;
    if life > LONGEST_LIFE {
        return entry.wrong_value("is longer than 31 days", "write for example \"12h\" or \"7d\"");
    }
    Some(life)
}

fn long_enough(entry: &Entry<'_>, least: usize) -> Option<SecretString> {
    let secret = secret(entry)?;
    if secret.expose_secret().trim().chars().count() < least {
        return entry.wrong(
            format!("has fewer than {least} characters"),
            "make a longer one, for example with: openssl rand -hex 32",
        );
    }
    Some(secret)
}
