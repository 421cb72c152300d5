//! What a Dropbox destination runs on, already parsed.

use std::time::Duration;

use url::Url;

use crate::destinations::{drive::FolderPath, key::KeyTemplate, oauth};

/// Where questions are asked when the configuration names nothing.
pub const API_URL: &str = "https://api.dropboxapi.com";
/// Where bytes go when the configuration names nothing.
pub const CONTENT_URL: &str = "https://content.dropboxapi.com";
/// Where a person agrees.
pub const AUTHORIZE_URL: &str = "https://www.dropbox.com/oauth2/authorize";
/// What is added to that address: nothing else gives a refresh token.
pub const OFFLINE: [(&str, &str); 1] = [("token_access_type", "offline")];
/// Where tokens are given.
pub const TOKEN_URL: &str = "https://api.dropboxapi.com/oauth2/token";
/// What a login asks for: to say who it is, to look, to write, and to read back.
pub const SCOPES: [&str; 4] =
    ["account_info.read", "files.metadata.read", "files.content.write", "files.content.read"];

/// The settings of one Dropbox destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where questions are asked; a path before `/2` is kept.
    pub api_url: Url,
    /// Where bytes go; a path before `/2` is kept.
    pub content_url: Url,
    /// The OAuth client.
    pub login: oauth::Client,
    /// The folder below what the client may see: all of the Dropbox, or the folder of its own.
    pub folder: FolderPath,
    /// Names below it.
    pub key_template: KeyTemplate,
    /// Time one call may take.
    pub timeout: Duration,
    /// Photos under way at once, at least 1.
    pub concurrency: usize,
}

/// An address of the API, with the path prefix of its base kept.
pub(super) fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let prefix = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}/2/{path}"));
    url
}
