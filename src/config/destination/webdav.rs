//! `type = "webdav"`.

use super::super::{
    secret::secret,
    section::Section,
    values::{Wrong, count, http_url, text, timeout},
};
use crate::destinations::{
    key::DEFAULT_TEMPLATE,
    webdav::{Folder, Login, Settings},
};

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    const EXAMPLE: &str = "https://cloud.example.com/remote.php/dav/files/bridge/Photos";
    let has_base_url = s.has("base_url");
    let key = s.key(
        "url",
        "the folder's address, which has to exist: Nextcloud's and ownCloud's is as here, with \
         the\nuser and the folder at its end",
    );
    let url = if has_base_url {
        key.optional(EXAMPLE, http_url(EXAMPLE))
    } else {
        key.required(EXAMPLE, http_url(EXAMPLE))
    };
    let base_url = s
        .key("base_url", "called instead of url: tests, proxies")
        .alternative("http://127.0.0.1:8080/photos", http_url(EXAMPLE));
    let url = if has_base_url { base_url } else { url };
    let login = login(s);
    let key_template = s
        .key("key_template", "name of the file below the folder, made safe for a path")
        .or(DEFAULT_TEMPLATE, text(super::template));
    let timeout = s
        .key("timeout", "longest time of one call; a whole photo has to be sent in it")
        .or("5m", timeout);
    let concurrency = s.key("concurrency", "uploads under way at once").or("4", count(1, 32));
    Some(Settings {
        folder: Folder::new(url?),
        login: login?,
        key_template: key_template?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

/// Who calls; the outer `None` says that something is wrong.
fn login(s: &mut Section<'_>) -> Option<Option<Login>> {
    let [has_name, has_password, has_token] =
        ["username", "password", "token"].map(|key| s.has(key));
    let username = s.key("username", "whom to log in as").optional("bridge", text(name));
    let password = s
        .key("password", "that user's password; in Nextcloud and ownCloud an app password")
        .optional("{ file = \"/etc/apertur-bridge/webdav-password\" }", secret);
    let token = s
        .key("token", "a bearer token, instead of username and password")
        .alternative("{ file = \"/etc/apertur-bridge/webdav-token\" }", secret);
    match (has_name, has_password, has_token) {
        (false, false, false) => Some(None),
        (false, false, true) => Some(Some(Login::Token(token?))),
        (true, true, false) => {
            Some(Some(Login::Password { username: username?, password: password? }))
        }
        (_, _, true) => {
            s.wrong("has both a token and a username or password", "keep one of the two")
        }
        (true, false, false) => {
            s.missing("password", "{ file = \"/etc/apertur-bridge/webdav-password\" }");
            None
        }
        (false, true, false) => {
            s.missing("username", "bridge");
            None
        }
    }
}

/// A user's name: HTTP ends it at the first colon.
fn name(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || text.contains(':') || text.chars().any(char::is_control) {
        let what = "is no user name: empty, or with a colon or control characters";
        return Err(Wrong::new(what, "write the name that the server knows"));
    }
    Ok(text.to_owned())
}
