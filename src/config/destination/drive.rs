//! The keys that the drives of people's clouds share.

use std::time::Duration;

use url::Url;

use super::{
    super::{
        secret::secret,
        section::Section,
        values::{Wrong, count, http_url, name, text, timeout},
    },
    template,
};
use crate::destinations::{
    drive::FolderPath,
    key::{DEFAULT_TEMPLATE, KeyTemplate},
    oauth::{Addresses, Client, DEFAULT_REDIRECT, Endpoints, Style},
};

/// Where a drive's authorization server is, and what it is asked for.
pub(super) struct Server<'a> {
    /// A client's id, for the reference.
    pub(super) client_id: &'static str,
    /// Where the client's secret may be kept, for the reference.
    pub(super) client_secret: &'static str,
    pub(super) authorize: &'a str,
    /// What is added to that address, so that a refresh token is given.
    pub(super) offline: &'a [(&'a str, &'a str)],
    pub(super) token: &'a str,
    pub(super) scopes: &'a [&'a str],
}

/// Reads the keys of the OAuth client.
pub(super) fn login(s: &mut Section<'_>, server: &Server<'_>) -> Option<Client> {
    const EXAMPLE: &str = "https://sso.example.com/authorize";
    let id = s
        .key("client_id", "id of your own OAuth client there; then log in once")
        .required(server.client_id, text(name));
    let client_secret = s.key("client_secret", "its secret").required(server.client_secret, secret);
    let redirect = s
        .key("redirect_url", "where the browser is sent after the log-in, as registered")
        .or(DEFAULT_REDIRECT, http_url(DEFAULT_REDIRECT));
    let own = [s.has("authorize_url"), s.has("token_url")];
    let authorize = s
        .key("authorize_url", "where a person agrees, instead of the service's own address")
        .alternative(EXAMPLE, http_url(EXAMPLE));
    let token = s
        .key("token_url", "where tokens are given, instead of the service's own address")
        .alternative("https://sso.example.com/token", http_url(EXAMPLE));
    let or_own = |is_own: bool, given: Option<Url>, own: &str| {
        if is_own { given } else { Url::parse(own).ok() }
    };
    let mut authorize = or_own(own[0], authorize, server.authorize)?;
    if !server.offline.is_empty() {
        authorize.query_pairs_mut().extend_pairs(server.offline);
    }
    let token = or_own(own[1], token, server.token)?;
    Some(Client {
        id: id?,
        secret: client_secret?,
        scopes: server.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        endpoints: Endpoints::Fixed(Addresses { authorize: Some(authorize), token }),
        style: Style::Form,
        redirect: redirect?,
    })
}

/// What every drive has besides its login and its folder.
pub(super) struct Habits {
    /// `None` for the service's own.
    pub(super) base_url: Option<Url>,
    pub(super) key_template: KeyTemplate,
    pub(super) timeout: Duration,
    pub(super) concurrency: usize,
}

/// Reads the keys of [`Habits`].
pub(super) fn habits(s: &mut Section<'_>, base_url: &'static str) -> Option<Habits> {
    let key_template = s
        .key("key_template", "name below the folder, made safe for a path")
        .or(DEFAULT_TEMPLATE, text(template));
    let has_base_url = s.has("base_url");
    let base_url = s
        .key("base_url", "called instead of the service's own address: tests, proxies")
        .alternative(base_url, http_url(base_url));
    let timeout = s
        .key("timeout", "longest time of one call; a large photo takes one for every 8 or 10 MiB")
        .or("2m", timeout);
    let concurrency = s.key("concurrency", "photos under way at once").or("4", count(1, 32));
    Some(Habits {
        base_url: if has_base_url { Some(base_url?) } else { None },
        key_template: key_template?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

/// Reads a path of folders.
pub(super) fn folder(text: &str) -> Result<FolderPath, Wrong> {
    FolderPath::parse(text)
        .map_err(|error| Wrong::new(error.to_string(), "write for example \"Apertur/Photos\""))
}
