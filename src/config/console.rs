//! `[console]`: the operator's listener, and who may use it.

use std::time::Duration;

use secrecy::SecretString;

use super::{
    entry::Entry,
    secret::revealed,
    section::Section,
    server::{Listen, Listener, ServerSettings, apart},
    token::tokens,
    values::{Wrong, duration, http_url},
};
use crate::console::{Settings, check_password};

const TOKENS: &str =
    "[{ name = \"ci\", scope = \"read\", token = { file = \"/etc/apertur-bridge/token\" } }]";

/// Longest time that somebody stays signed in.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// Reads `[console]` and completes what `[server]` said.
pub(super) fn read(
    s: &mut Section<'_>,
    listener: Listener,
) -> (Option<ServerSettings>, Option<Settings>) {
    let listen = s.key("listen", "where the console is, or \"off\"").or(
        "127.0.0.1:8788",
        |entry| match entry.as_text() {
            Some("off") => Some(None),
            _ => apart(entry, listener.listen.as_ref()).map(Some),
        },
    );
    let has_password = s.has("password");
    let password = s
        .key(
            "password",
            "what people sign in with: a text of 8 characters or more, or its argon2id hash as\n\
             argon2 -id -e prints it; without password and tokens only /readyz and /metrics answer",
        )
        .optional("{ file = \"/etc/apertur-bridge/console-password\" }", password);
    let tokens = s
        .key(
            "tokens",
            "what programs sign in with, at /api/v1; scope: read, operate or admin; at least 32\n\
             characters: openssl rand -hex 32",
        )
        .optional(TOKENS, tokens);
    let session_lifetime = s
        .key(
            "session_lifetime",
            "how long somebody stays signed in; two hours where nothing is done",
        )
        .or("12h", lifetime);
    let public_url = s
        .key("public_url", "the address of the console as people reach it through a proxy")
        .optional("https://bridge.example.com", address);
    let is_guarded = has_password || tokens.is_some();
    if let Some(Some(listen)) = &listen {
        warn_of_reach(s, listen, is_guarded, public_url.is_some());
    }
    let trusted_proxies = listener.trusted_proxies.clone().unwrap_or_default();
    let settings = session_lifetime.map(|session_lifetime| Settings {
        password,
        tokens: tokens.unwrap_or_default(),
        session_lifetime,
        public_url,
        trusted_proxies,
    });
    (listen.and_then(|listen| listener.complete(listen)), settings)
}

/// A listener that others reach should ask who they are, and nobody should hear the answer.
fn warn_of_reach(s: &Section<'_>, listen: &Listen, is_guarded: bool, has_public_url: bool) {
    let Listen::Tcp(address) = listen else { return };
    if address.ip().is_loopback() {
        return;
    }
    if !is_guarded {
        s.warn(
            "listens where other machines reach it, and /readyz and /metrics ask nobody who they \
             are",
            "listen at 127.0.0.1, or let a firewall say who may",
        );
    } else if !has_public_url {
        s.warn(
            "listens where other machines reach it, and passwords and tokens travel in the clear",
            "listen at 127.0.0.1 behind a proxy with TLS, and set console.public_url",
        );
    }
}

fn password(entry: &Entry<'_>) -> Option<SecretString> {
    let text = revealed(entry)?;
    match check_password(&text) {
        Ok(()) => Some(text.into()),
        Err(error) => {
            let Wrong { what, remedy } = Wrong::of(&error);
            entry.wrong(what, remedy)
        }
    }
}

fn lifetime(entry: &Entry<'_>) -> Option<Duration> {
    let life = duration(entry)?;
    if life > LONGEST {
        return entry.wrong_value("is longer than 31 days", "write for example \"12h\" or \"7d\"");
    }
    Some(life)
}

/// The console is at the root of its address.
fn address(entry: &Entry<'_>) -> Option<url::Url> {
    let url = http_url("https://bridge.example.com")(entry)?;
    if url.path() != "/" {
        return entry.wrong_value(
            "has a path, and the console is at the root of its address",
            "give it a name of its own, for example https://bridge.example.com",
        );
    }
    Some(url)
}
