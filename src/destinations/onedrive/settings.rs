//! What a OneDrive destination runs on, already parsed.

use std::time::Duration;

use url::Url;

use crate::destinations::{drive::FolderPath, key::KeyTemplate, oauth};

/// The API when the configuration names none.
pub const DEFAULT_BASE_URL: &str = "https://graph.microsoft.com";
/// Where people log in, before the tenant.
pub const LOGIN_URL: &str = "https://login.microsoftonline.com";
/// The tenant when the configuration names none: work, school and personal accounts.
pub const DEFAULT_TENANT: &str = "common";
/// What a login asks for: a folder of the client's own, and a refresh token.
pub const SCOPES: [&str; 2] = ["Files.ReadWrite.AppFolder", "offline_access"];
/// What it asks for where a `folder` is configured.
pub const WIDE_SCOPES: [&str; 2] = ["Files.ReadWrite", "offline_access"];

/// The settings of one OneDrive destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is called; a path before `/v1.0` is kept.
    pub base_url: Url,
    /// The OAuth client.
    pub login: oauth::Client,
    /// The folder below the drive's root; the client's own folder where there is none.
    pub folder: Option<FolderPath>,
    /// Names below it.
    pub key_template: KeyTemplate,
    /// Time one call may take.
    pub timeout: Duration,
    /// Photos under way at once, at least 1.
    pub concurrency: usize,
}

impl Settings {
    /// The path of a key below the drive's root, or below the client's own folder.
    pub(super) fn path_of(&self, key: &str) -> Vec<String> {
        self.folder.clone().unwrap_or_default().path_of(key)
    }

    /// The configured folder.
    pub(super) fn folders(&self) -> Vec<String> {
        let folder = self.folder.clone().unwrap_or_default();
        folder.parts().map(str::to_owned).collect()
    }

    /// The address of what is at a path, or of something about it (`content`, `children`). Names
    /// have no colons, which part the path from the rest.
    pub(super) fn item(&self, path: &[String], about: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base_url.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        let root = if self.folder.is_some() { "root" } else { "special/approot" };
        let colon = if path.is_empty() { "" } else { ":" };
        url.set_path(&format!("{prefix}/v1.0/me/drive/{root}{colon}"));
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path.split_last().map_or(&[][..], |(_, folders)| folders));
            if let Some(name) = path.last() {
                let colon = if about.is_empty() { "" } else { ":" };
                segments.push(&format!("{name}{colon}"));
            }
            if !about.is_empty() {
                segments.push(about);
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The address of what has an id, wherever it is.
    pub(super) fn by_id(&self, id: &str) -> Url {
        let mut url = self.drive(&[]);
        url.set_query(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(["items", id]);
        }
        url
    }

    /// The address of the drive itself.
    pub(super) fn drive(&self, query: &[(&str, &str)]) -> Url {
        let mut url = self.base_url.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}/v1.0/me/drive"));
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    /// Where photos go, for people.
    pub(super) fn place(&self) -> String {
        match &self.folder {
            Some(folder) => format!("OneDrive: /{folder}"),
            None => "OneDrive: the app's own folder".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_where_it_says() {
        let login = oauth::Client {
            id: String::new(),
            secret: "s".into(),
            scopes: Vec::new(),
            endpoints: oauth::Endpoints::Fixed(oauth::Addresses {
                authorize: None,
                token: LOGIN_URL.parse().unwrap(),
            }),
            style: oauth::Style::Form,
            redirect: oauth::DEFAULT_REDIRECT.parse().unwrap(),
        };
        let mut settings = Settings {
            base_url: "http://h/x/".parse().unwrap(),
            login,
            folder: Some(FolderPath::parse("A b").unwrap()),
            key_template: KeyTemplate::default(),
            timeout: Duration::from_secs(1),
            concurrency: 1,
        };
        let path = settings.path_of("2027/50%#?.jpg");
        let url = settings.item(&path, "content", &[("a", "b")]);
        let wanted = "/x/v1.0/me/drive/root:/A%20b/2027/50%25%23_.jpg:/content";
        assert_eq!((url.path(), url.query()), (wanted, Some("a=b")));
        assert_eq!(settings.item(&[], "children", &[]).path(), "/x/v1.0/me/drive/root/children");
        settings.folder = None;
        let path = settings.path_of("a.jpg");
        let wanted = "/x/v1.0/me/drive/special/approot:/a.jpg";
        assert_eq!(settings.item(&path, "", &[]).path(), wanted);
        assert_eq!(settings.item(&[], "", &[]).path(), "/x/v1.0/me/drive/special/approot");
    }
}
