//! What a Google Drive destination runs on, already parsed.

use std::time::Duration;

use url::Url;

use crate::destinations::{drive::FolderPath, key::KeyTemplate, oauth};

/// The API when the configuration names none.
pub const DEFAULT_BASE_URL: &str = "https://www.googleapis.com";
/// Where a person agrees.
pub const AUTHORIZE_URL: &str = "https://accounts.google.com/o/oauth2/v2/auth";
/// What is added to that address: nothing else gives a refresh token each time.
pub const OFFLINE: [(&str, &str); 2] = [("access_type", "offline"), ("prompt", "consent")];
/// Where tokens are given.
pub const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// What a login asks for: the files that the bridge itself made, and no other.
pub const SCOPE: &str = "https://www.googleapis.com/auth/drive.file";
/// What it asks for where a `folder_id` is configured, which only somebody else can have made.
pub const WIDE_SCOPE: &str = "https://www.googleapis.com/auth/drive";

/// The settings of one Google Drive destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is called; a path before `/drive/v3` is kept.
    pub base_url: Url,
    /// The OAuth client.
    pub login: oauth::Client,
    /// The folder or shared drive that `folder` is below; My Drive where there is none.
    pub folder_id: Option<String>,
    /// The folder, made when it is not there.
    pub folder: FolderPath,
    /// Names below it.
    pub key_template: KeyTemplate,
    /// Time one call may take.
    pub timeout: Duration,
    /// Photos under way at once, at least 1.
    pub concurrency: usize,
}

impl Settings {
    /// An address of the API, with the path prefix of `base_url` kept.
    pub(super) fn endpoint(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base_url.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}/{path}"));
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    /// Where photos go, for people.
    pub(super) fn place(&self) -> String {
        let root = match &self.folder_id {
            Some(id) => format!("folder {id}"),
            None => "My Drive".to_owned(),
        };
        format!("Google Drive: {root}/{}", self.folder)
    }
}
