//! The key that links, logins and forms of the page are signed with, and how. Whoever has the
//! key may open the page of every record.

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// The file of the key, in the data directory.
const FILE: &str = "collect.key";
/// Bytes of a key that is made here.
const LENGTH: usize = 32;
/// Longest signed text that is looked at, in bytes.
const MAX_SIGNED: usize = 1000;

/// What a signed text is for; one for another purpose does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The page of one record.
    Link,
    /// Somebody who knew the password.
    Login,
    /// A form that may be sent once.
    Form,
    /// The entry of a destination's menus.
    Entry,
}

impl Purpose {
    fn word(self) -> &'static [u8] {
        match self {
            Self::Link => b"apertur-bridge collect link 1\0",
            Self::Login => b"apertur-bridge collect login 1\0",
            Self::Form => b"apertur-bridge collect form 1\0",
            Self::Entry => b"apertur-bridge collect entry 1\0",
        }
    }
}

/// The key. Cheap to clone; never prints itself.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key of the configuration, else that of the data directory, which is made there where
    /// it is missing: `collect.key`, for its owner's eyes. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read or made, or holds no key, with the remedy.
    pub fn load_or_make(
        configured: Option<&SecretString>,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        if configured.is_none() {
            let path = data_dir.join(FILE);
            make(&path, data_dir).with_context(|| {
                format!("cannot make {}; give data_dir to this user", path.display())
            })?;
        }
        Self::load(configured, data_dir)
    }

    /// As [`Key::load_or_make`], and makes none. Blocks.
    ///
    /// # Errors
    /// When there is none, too.
    pub fn load(configured: Option<&SecretString>, data_dir: &Path) -> anyhow::Result<Self> {
        if let Some(secret) = configured {
            return Self::of(secret.expose_secret().as_bytes());
        }
        let path = data_dir.join(FILE);
        let text = read(&path).with_context(|| {
            let path = path.display();
            format!(
                "cannot read {path}; start the daemon once and run this as its user, or set \
                 `collect.key` to one secret here and there"
            )
        })?;
        let bytes = hex::decode(text.trim()).ok().filter(|bytes| bytes.len() == LENGTH);
        let bytes = bytes.with_context(|| {
            let path = path.display();
            format!(
                "{path} holds no key; remove it and start the daemon: it makes a new one, and \
                     links to the collect page that are out stop working"
            )
        })?;
        Self::of(&bytes)
    }

    fn of(bytes: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(Hmac::new_from_slice(bytes)?))
    }

    /// A text with its signature, for a URL. The text can be read by whoever sees it.
    pub(super) fn sign(&self, purpose: Purpose, text: &str) -> String {
        let mac = self.mac(purpose, text).finalize().into_bytes();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(mac))
    }

    /// The text of [`Key::sign`]; `None` where this key did not sign it for this purpose.
    pub(super) fn verified(&self, purpose: Purpose, signed: &str) -> Option<String> {
        let (text, mac) = signed.split_once('.').filter(|_| signed.len() <= MAX_SIGNED)?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        self.mac(purpose, &text).verify_slice(&mac).is_ok().then_some(text)
    }

    /// What the entry in a destination's menus shows, so that nobody else is listened to.
    pub(super) fn pass(&self, destination: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(Purpose::Entry, destination).finalize().into_bytes())
    }

    /// Whether that is a destination's [`Key::pass`], in a time that tells nothing about it.
    pub(super) fn is_pass(&self, destination: &str, pass: &str) -> bool {
        let pass = URL_SAFE_NO_PAD.decode(pass).unwrap_or_default();
        self.mac(Purpose::Entry, destination).verify_slice(&pass).is_ok()
    }

    /// Whether two secrets are the same, in a time that tells nothing about either.
    pub(super) fn are_same(&self, one: &str, other: &str) -> bool {
        let other = self.mac(Purpose::Login, other).finalize().into_bytes();
        self.mac(Purpose::Login, one).verify(&other).is_ok()
    }

    fn mac(&self, purpose: Purpose, text: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(purpose.word()).chain_update(text)
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // Twice the digits of a key and a line end.
    fs::File::open(path)?.take(4 * LENGTH as u64).read_to_string(&mut text)?;
    Ok(text)
}

/// The key file of a data directory with its mode, where others than its owner may read it.
/// Blocks.
#[must_use]
pub fn open_to_others(data_dir: &Path) -> Option<(PathBuf, u32)> {
    let path = data_dir.join(FILE);
    let mode = fs::metadata(&path).ok()?.mode() & 0o777;
    (mode & 0o077 != 0).then_some((path, mode))
}

/// Makes the file where it is missing, whole or not at all: of two that start at once, the first
/// one's key counts.
fn make(path: &Path, folder: &Path) -> io::Result<()> {
    if fs::exists(path)? {
        return Ok(());
    }
    let bytes: [u8; LENGTH] = rand::random();
    // 0600, as every temporary file of that crate.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{}", hex::encode(bytes))?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => fs::File::open(folder)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_signature_counts_for_its_text_its_purpose_and_its_key_alone() {
        let key = Key::of(b"one").unwrap();
        let signed = key.sign(Purpose::Link, "freshdesk:17");
        assert_eq!(key.verified(Purpose::Link, &signed).as_deref(), Some("freshdesk:17"));
        assert_eq!(key.verified(Purpose::Form, &signed), None);
        assert_eq!(Key::of(b"two").unwrap().verified(Purpose::Link, &signed), None);
        let (_, mac) = signed.split_once('.').unwrap();
        let forged = format!("{}.{mac}", URL_SAFE_NO_PAD.encode("freshdesk:18"));
        let long = format!("{signed}{}", "A".repeat(MAX_SIGNED));
        for bad in [&forged, "", ".", "a.b", mac, &signed[..signed.len() - 4], &long] {
            assert_eq!(key.verified(Purpose::Link, bad), None, "{bad}");
        }
        assert!(key.are_same("hush", "hush") && !key.are_same("hush", "hush!"));
        let pass = key.pass("erp");
        assert!(key.is_pass("erp", &pass) && !key.is_pass("erp2", &pass));
        assert!(!Key::of(b"two").unwrap().is_pass("erp", &pass) && !key.is_pass("erp", ""));
    }

    #[test]
    fn the_file_is_made_once_and_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        assert!(Key::load(None, home.path()).is_err());
        let signed = Key::load_or_make(None, home.path()).unwrap().sign(Purpose::Link, "a");
        let again = Key::load_or_make(None, home.path()).unwrap();
        assert!(again.verified(Purpose::Link, &signed).is_some());
        let file = home.path().join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(open_to_others(home.path()), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(open_to_others(home.path()), Some((file.clone(), 0o640)));
        fs::write(&file, "rubbish").unwrap();
        let error = Key::load_or_make(None, home.path()).unwrap_err().to_string();
        assert!(error.contains("remove it"), "{error}");
        assert!(Key::load(Some(&"configured".into()), home.path()).is_ok());
    }
}
