//! What an SFTP destination is told: where, as whom, and which host keys are trusted.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use russh::keys::{
    Algorithm, PrivateKey, decode_secret_key, ssh_key::Fingerprint as KeyFingerprint,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::rsa::Rsa;
use crate::destinations::{key::KeyTemplate, redact::Secrets};

/// The settings of one SFTP destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name or address of the server.
    pub host: String,
    /// Its port, usually 22.
    pub port: u16,
    /// Whom to log in as.
    pub username: String,
    /// How to log in.
    pub login: Login,
    /// Which server to trust.
    pub trust: Trust,
    /// The folder, absolute or below the one the server logs in to. Has to exist.
    pub directory: String,
    /// How files are named inside it.
    pub key_template: KeyTemplate,
    /// Longest time of one call.
    pub timeout: Duration,
    /// Uploads at once, at least 1.
    pub concurrency: usize,
}

/// How to log in.
#[derive(Debug, Clone)]
pub enum Login {
    /// By password, also where the server asks for it as a question.
    Password(SecretString),
    /// By private key.
    Key(Key),
}

impl Login {
    /// What the server is told and must not come back in words.
    pub(super) fn secrets(&self) -> Secrets {
        match self {
            Self::Password(password) => Secrets::default().and(password.expose_secret()),
            Self::Key(_) => Secrets::default(),
        }
    }
}

/// A private key. Prints as its public half's fingerprint.
#[derive(Clone)]
pub struct Key(pub(super) Pair);

/// By what a key signs.
#[derive(Clone)]
pub(super) enum Pair {
    Rsa(Arc<Rsa>),
    /// Ed25519 or ECDSA.
    Curve(Arc<PrivateKey>),
}

/// Why a text is no usable private key. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// There is a passphrase on it.
    #[error("is encrypted; give its passphrase in the key passphrase")]
    Encrypted,
    /// The passphrase does not open it.
    #[error("does not open with this passphrase; correct passphrase")]
    Passphrase,
    /// Of RSA, and too short or damaged.
    #[error(
        "is an RSA key that is damaged or not of 2048 to 8192 bits; make one with: \
         ssh-keygen -t ed25519"
    )]
    Rsa,
    /// Of another kind.
    #[error("is of a kind that is not supported; make one with: ssh-keygen -t ed25519")]
    Kind,
    /// Something else.
    #[error("is not a private key; point to the file that ssh-keygen made, not to its .pub")]
    Unreadable,
}

impl Key {
    /// Reads a private key in the formats of OpenSSH, PKCS#1, PKCS#8 and PuTTY: Ed25519, ECDSA
    /// or RSA of 2048 to 8192 bits.
    ///
    /// # Errors
    /// When the text is none, or needs another passphrase.
    pub fn parse(text: &str, passphrase: Option<&SecretString>) -> Result<Self, InvalidKey> {
        use russh::keys::Error;
        let words = passphrase.map(|passphrase| passphrase.expose_secret());
        let key = decode_secret_key(text, words).map_err(|error| match error {
            Error::KeyIsEncrypted => InvalidKey::Encrypted,
            Error::UnsupportedKeyType { .. } | Error::UnknownAlgorithm(_) => InvalidKey::Kind,
            _ if words.is_some() => InvalidKey::Passphrase,
            _ if text.contains("-----BEGIN RSA PRIVATE KEY-----") => InvalidKey::Rsa,
            _ => InvalidKey::Unreadable,
        })?;
        if key.is_encrypted() {
            return Err(InvalidKey::Encrypted);
        }
        Ok(Self(match key.algorithm() {
            Algorithm::Rsa { .. } => Pair::Rsa(Arc::new(Rsa::new(&key).ok_or(InvalidKey::Rsa)?)),
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Pair::Curve(Arc::new(key)),
            _ => return Err(InvalidKey::Kind),
        }))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = match &self.0 {
            Pair::Rsa(rsa) => &rsa.public,
            Pair::Curve(key) => key.public_key(),
        };
        write!(f, "Key({})", Fingerprint::of(public))
    }
}

/// Which host keys are trusted. Nothing is trusted on first use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those with one of these fingerprints. An empty list trusts none: the first connection
    /// then says which fingerprint the server has.
    Fingerprints(Vec<Fingerprint>),
    /// Those that a file in the format of OpenSSH's `known_hosts` has for the host.
    KnownHosts(PathBuf),
}

/// The SHA-256 fingerprint of a host key, as `ssh-keygen -l` and `ssh` show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(KeyFingerprint);

/// Why a text is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a SHA-256 fingerprint")]
pub struct InvalidFingerprint;

impl Fingerprint {
    /// Reads `SHA256:` and 43 characters.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidFingerprint> {
        match text.trim().trim_end_matches('=').parse() {
            Ok(fingerprint @ KeyFingerprint::Sha256(_)) => Ok(Self(fingerprint)),
            _ => Err(InvalidFingerprint),
        }
    }

    pub(super) fn of(key: &russh::keys::PublicKey) -> Self {
        Self(key.fingerprint(russh::keys::HashAlg::Sha256))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_ssh_shows_it() {
        let text = "SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM";
        assert_eq!(Fingerprint::parse(&format!(" {text}= ")).unwrap().to_string(), text);
        for wrong in ["", "SHA256:", "MD5:aa:bb", &text[7..], "SHA256:Nh0Me49Zh9fDw"] {
            assert_eq!(Fingerprint::parse(wrong), Err(InvalidFingerprint), "{wrong}");
        }
    }
}
