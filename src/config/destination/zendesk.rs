//! `type = "zendesk"`.

use super::{
    super::{
        entry::Entry,
        secret::secret,
        section::Section,
        values::{Wrong, name, some_of, text},
    },
    desk::{self, System},
};
use crate::destinations::zendesk::{Login, Settings};

const ZENDESK: System = System {
    host: "zendesk.com",
    domain: "the acme of https://acme.zendesk.com",
    max_attachment: "50MiB",
    writes_per_minute: "50",
};
/// The example of the secret's file.
const SECRET_FILE: &str = "{ file = \"/etc/apertur-bridge/zendesk-client-secret\" }";

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    let address = desk::address(s, &ZENDESK);
    let login = login(s);
    let habits = desk::habits(s, &ZENDESK);
    let (address, habits) = (address?, habits?);
    Some(Settings {
        base_url: address.base_url,
        agent_url: address.agent_url,
        login: login?,
        default_mode: habits.default_mode,
        message: habits.message,
        max_attachment: habits.max_attachment,
        writes_per_minute: habits.writes_per_minute,
        timeout: habits.timeout,
        concurrency: habits.concurrency,
    })
}

fn login(s: &mut Section<'_>) -> Option<Login> {
    let client = s.has("client_id") || s.has("client_secret");
    let token = s.has("email") || s.has("api_token");
    let is_missing = |s: &Section<'_>, key| (client || !token) && !s.has(key);
    let (no_id, no_secret) = (is_missing(s, "client_id"), is_missing(s, "client_secret"));
    let has_scopes = s.has("scopes");
    let id = s
        .key("client_id", "of an OAuth client of Zendesk, of the kind \"confidential\"")
        .optional("apertur_bridge", text(name));
    let secret_key = s.key("client_secret", "its secret").optional(SECRET_FILE, secret);
    let scopes = s
        .key("scopes", "what the client asks for; the alternative is \"read write\"")
        .or("tickets:read tickets:write", some_of(text(name)));
    if no_id {
        s.missing("client_id", "apertur_bridge");
    }
    if no_secret {
        s.missing("client_secret", SECRET_FILE);
    }
    let old = api_token(s, token && !client);
    match (client, token) {
        (true, true) => s.wrong(
            "has both an OAuth client and an API token",
            "keep client_id and client_secret; Zendesk switches API tokens off",
        ),
        (false, true) if has_scopes => {
            s.wrong("has scopes with an API token", "take scopes out: a token has no scopes")
        }
        (false, true) => old,
        _ => {
            let words = |list: Vec<String>| -> Vec<String> {
                list.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect()
            };
            Some(Login::Client { id: id?, secret: secret_key?, scopes: words(scopes?) })
        }
    }
}

fn api_token(s: &mut Section<'_>, wanted: bool) -> Option<Login> {
    let (no_email, no_token) = (!s.has("email"), !s.has("api_token"));
    let email = s
        .key("email", "of the agent whose API token is used, instead of an OAuth client")
        .alternative("bridge@example.com", text(email));
    let token = s
        .key("api_token", "that token; Zendesk switches API tokens off on 30 April 2027")
        .alternative("{ file = \"/etc/apertur-bridge/zendesk-token\" }", |entry: &Entry<'_>| {
            entry.warn(
                "is a Zendesk API token: Zendesk switches these off on 30 April 2027",
                "make an OAuth client in Zendesk's Admin Center (Apps and integrations > APIs > \
                 OAuth clients) and write client_id and client_secret",
            );
            secret(entry)
        });
    if wanted && no_email {
        s.missing("email", "bridge@example.com");
    }
    if wanted && no_token {
        s.missing("api_token", "{ file = \"/etc/apertur-bridge/zendesk-token\" }");
    }
    Some(Login::ApiToken { email: email?, token: token? })
}

/// An e-mail address; the `/token` that Zendesk's own examples put behind it is understood.
fn email(text: &str) -> Result<String, Wrong> {
    let text = text.trim();
    let address = text.strip_suffix("/token").unwrap_or(text);
    let is_address = address.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && !host.is_empty() && !address.contains([':', '/', ' '])
    });
    if is_address {
        return Ok(address.to_owned());
    }
    Err(Wrong::new("is no e-mail address", "write for example \"bridge@example.com\""))
}
