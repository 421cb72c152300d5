//! `type = "dropbox"`.

use url::Url;

use super::{
    super::{section::Section, values::text},
    drive::{self, Server},
};
use crate::destinations::dropbox::{
    API_URL, AUTHORIZE_URL, CONTENT_URL, OFFLINE, SCOPES, Settings, TOKEN_URL,
};

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    let server = Server {
        client_id: "abcdefghijklmno",
        client_secret: "{ file = \"/etc/apertur-bridge/dropbox-app-secret\" }",
        authorize: AUTHORIZE_URL,
        offline: &OFFLINE,
        token: TOKEN_URL,
        scopes: &SCOPES,
    };
    let login = drive::login(s, &server);
    let folder = s
        .key("folder", "path below what the app may see; made when it is not there")
        .or("Apertur", text(drive::folder));
    let habits = drive::habits(s, API_URL)?;
    let own = |url: &str| Url::parse(url).ok();
    Some(Settings {
        api_url: habits.base_url.clone().or_else(|| own(API_URL))?,
        content_url: habits.base_url.or_else(|| own(CONTENT_URL))?,
        login: login?,
        folder: folder?,
        key_template: habits.key_template,
        timeout: habits.timeout,
        concurrency: habits.concurrency,
    })
}
