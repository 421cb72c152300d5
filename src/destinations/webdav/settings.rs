//! What a WebDAV destination runs on, already parsed.

use std::{fmt, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use url::Url;

use crate::destinations::key::KeyTemplate;

/// Time one call may take when the configuration names none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// All but the unreserved characters of RFC 3986: some servers read `;` and others as theirs.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The settings of one WebDAV destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder, which is there already.
    pub folder: Folder,
    /// Who calls; `None` where the server asks nobody.
    pub login: Option<Login>,
    /// How files are named inside it; folders are made on the way.
    pub key_template: KeyTemplate,
    /// Longest time of one call; a whole photo has to be sent in it.
    pub timeout: Duration,
    /// Uploads under way at once, at least 1.
    pub concurrency: usize,
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Login {
    /// By Basic authentication.
    Password {
        /// The user's name.
        username: String,
        /// The user's password, in Nextcloud and ownCloud an app password.
        password: SecretString,
    },
    /// By a bearer token.
    Token(SecretString),
}

/// The address of a folder.
#[derive(Clone, PartialEq, Eq)]
pub struct Folder(Url);

impl Folder {
    /// An `http` or `https` URL without user name, query and fragment.
    #[must_use]
    pub fn new(mut url: Url) -> Self {
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Self(url)
    }

    /// Its address, with a slash at its end.
    pub(in crate::destinations) fn url(&self) -> &Url {
        &self.0
    }

    /// The address of a file below it; every part of the key is percent-encoded.
    pub(super) fn file(&self, key: &str) -> Url {
        let mut url = self.0.clone();
        let mut path = url.path().to_owned();
        for (n, part) in key.split('/').enumerate() {
            path.push_str(if n > 0 { "/" } else { "" });
            path.extend(utf8_percent_encode(part, RESERVED));
        }
        url.set_path(&path);
        url
    }

    /// The address of a folder below it, with a slash at its end; its own for the empty text.
    pub(super) fn folder(&self, key: &str) -> Url {
        if key.is_empty() {
            return self.0.clone();
        }
        self.file(&format!("{key}/"))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_key_is_encoded() {
        let folder = Folder::new("https://cloud.example.com/remote.php/dav/é".parse().unwrap());
        let at = |key: &str| folder.file(key).to_string();
        let base = "https://cloud.example.com/remote.php/dav/%C3%A9";
        assert_eq!(at("a/b.jpg"), format!("{base}/a/b.jpg"));
        assert_eq!(at("a b/ü%2e?#.jpg"), format!("{base}/a%20b/%C3%BC%252e%3F%23.jpg"));
        assert_eq!(at("a;b&c=d,e+f'(g)!*@:$.jpg"), {
            format!("{base}/a%3Bb%26c%3Dd%2Ce%2Bf%27%28g%29%21%2A%40%3A%24.jpg")
        });
        assert_eq!(at("%2e%2e/a~b-c_d.jpg"), format!("{base}/%252e%252e/a~b-c_d.jpg"));
        assert_eq!(folder.folder("a/b").as_str(), format!("{base}/a/b/"));
        assert_eq!(folder.url().as_str(), format!("{base}/"));
        assert_eq!(folder.to_string(), base);
    }
}
