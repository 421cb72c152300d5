//! `type = "google_drive"`.

use url::Url;

use super::{
    super::{
        section::Section,
        values::{Wrong, text},
    },
    drive::{self, Server},
};
use crate::destinations::google_drive::{
    AUTHORIZE_URL, DEFAULT_BASE_URL, OFFLINE, SCOPE, Settings, TOKEN_URL, WIDE_SCOPE,
};

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    let scope = if s.has("folder_id") { WIDE_SCOPE } else { SCOPE };
    let server = Server {
        client_id: "1234567890-abc.apps.googleusercontent.com",
        client_secret: "{ file = \"/etc/apertur-bridge/google-client-secret\" }",
        authorize: AUTHORIZE_URL,
        offline: &OFFLINE,
        token: TOKEN_URL,
        scopes: &[scope],
    };
    let login = drive::login(s, &server);
    let folder = s
        .key("folder", "path below My Drive, or below folder_id; made when it is not there")
        .or("Apertur", text(drive::folder));
    let has_id = s.has("folder_id");
    let folder_id = s
        .key(
            "folder_id",
            "id of a shared drive or of a folder that is there, the last part of its address;\n\
             the log-in then asks for the whole drive",
        )
        .alternative("0AbCdEfGhIjKlUk9PVA", text(id));
    let habits = drive::habits(s, DEFAULT_BASE_URL);
    let folder_id = if has_id { Some(folder_id?) } else { None };
    let habits = habits?;
    Some(Settings {
        base_url: habits.base_url.or_else(|| Url::parse(DEFAULT_BASE_URL).ok())?,
        login: login?,
        folder_id,
        folder: folder?,
        key_template: habits.key_template,
        timeout: habits.timeout,
        concurrency: habits.concurrency,
    })
}

/// The id of a folder: letters, digits, `-` and `_`.
fn id(text: &str) -> Result<String, Wrong> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !(1..=128).contains(&text.len()) || !text.bytes().all(fits) {
        let fix = "write the last part of the folder's address, without what follows a ?";
        return Err(Wrong::new("is no id of a folder", fix));
    }
    Ok(text.to_owned())
}
