//! The password: known by its argon2id hash, and checked beside the threads that answer.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _,
    password_hash::phc::PasswordHash,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

/// Fewest characters of a password.
const SHORTEST: usize = 8;
/// How a hash begins.
const HASHED: &str = "$argon2";
/// Most memory that a hash may ask for, in KiB: 1 GiB.
const MOST_MEMORY: u32 = 1024 * 1024;
/// Passwords that are checked at a time: each takes a core and, by default, 19 MiB.
const PLACES: usize = 2;
/// Longest wait for a place.
const QUEUE: Duration = Duration::from_secs(10);

/// Why a text cannot be the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// It could be guessed.
    #[error(
        "has fewer than 8 characters; make a longer one, for example with: openssl rand -hex 16"
    )]
    Short,
    /// It begins as a hash and is none of argon2id.
    #[error(
        "begins as a hash and is none of argon2id; make one with: printf %s PASSWORD | argon2 \
         \"$(openssl rand -hex 8)\" -id -e"
    )]
    NoHash,
    /// It would take the machine down.
    #[error("is a hash that takes more than 1 GiB of memory to check; make one with less")]
    Costly,
}

/// Whether a text can be the password: one of at least 8 characters, or its argon2id hash as a
/// PHC string (`$argon2id$v=19$m=19456,t=2,p=1$...`).
///
/// # Errors
/// Why it cannot, with the remedy after a semicolon.
pub fn check_password(text: &str) -> Result<(), InvalidPassword> {
    let text = text.trim();
    if is_hash(text) {
        return hash_of(text).map(drop);
    }
    if text.chars().count() < SHORTEST { Err(InvalidPassword::Short) } else { Ok(()) }
}

/// Whether a text stands for a password as its hash; any other is the password itself.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    text.trim().starts_with(HASHED)
}

fn hash_of(text: &str) -> Result<PasswordHash, InvalidPassword> {
    let hash = PasswordHash::new(text).map_err(|_| InvalidPassword::NoHash)?;
    let params = Params::try_from(&hash).map_err(|_| InvalidPassword::NoHash)?;
    if hash.algorithm != Algorithm::Argon2id.ident() || hash.salt.is_none() || hash.hash.is_none() {
        return Err(InvalidPassword::NoHash);
    }
    if params.m_cost() > MOST_MEMORY { Err(InvalidPassword::Costly) } else { Ok(hash) }
}

/// The argon2id hash of a password as a PHC string, to be kept in its place. Blocks for some tenths
/// of a second.
///
/// # Errors
/// When the system gives no random salt.
pub fn hash_password(password: &SecretString) -> anyhow::Result<SecretString> {
    Ok(hashed(password.expose_secret().trim())?.to_string().into())
}

fn hashed(text: &str) -> anyhow::Result<PasswordHash> {
    let hashed = Argon2::default().hash_password(text.as_bytes());
    hashed.map_err(|error| anyhow::anyhow!("{error}")).context("cannot hash the password")
}

/// The password.
#[derive(Clone)]
pub(super) struct Password {
    hash: Arc<PasswordHash>,
    places: Arc<Semaphore>,
}

/// Without the hash, with which guesses could be checked.
impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// The password that is configured: its hash, or itself. Blocks where it has to be hashed.
    pub(super) fn new(configured: &SecretString) -> anyhow::Result<Self> {
        let text = configured.expose_secret().trim();
        let hash = if is_hash(text) {
            hash_of(text).map_err(|error| anyhow::anyhow!("console.password {error}"))?
        } else {
            hashed(text)?
        };
        Ok(Self { hash: Arc::new(hash), places: Arc::new(Semaphore::new(PLACES)) })
    }

    /// Whether this is the password; `None` where too many ask at once.
    pub(super) async fn is(&self, shown: SecretString) -> Option<bool> {
        let place = Arc::clone(&self.places).acquire_owned();
        let place = tokio::time::timeout(QUEUE, place).await.ok()?.ok()?;
        let hash = Arc::clone(&self.hash);
        let check = move || {
            let shown = shown.expose_secret().as_bytes();
            let is_it = Argon2::default().verify_password(shown, &*hash).is_ok();
            drop(place);
            is_it
        };
        tokio::task::spawn_blocking(check).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_itself_and_by_its_hash_however_it_was_made() {
        let plain = Password::new(&" open sesame\n".into()).unwrap();
        let hashed = plain.hash.to_string();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        let hashed = Password::new(&hashed.into()).unwrap();
        for known in [plain, hashed] {
            assert_eq!(known.is("open sesame".into()).await, Some(true));
            for wrong in ["", "open sesam", "open sesame ", "Open sesame"] {
                assert_eq!(known.is(wrong.into()).await, Some(false), "{wrong:?}");
            }
            assert_eq!(format!("{known:?}"), "Password(…)");
        }
    }

    #[tokio::test]
    async fn a_hash_of_the_reference_implementation_is_understood() {
        // From the tests of phc-winner-argon2.
        let foreign = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                       CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(check_password(foreign), Ok(()));
        let known = Password::new(&foreign.into()).unwrap();
        assert_eq!(known.is("password".into()).await, Some(true));
        assert_eq!(known.is("passwords".into()).await, Some(false));
    }

    #[test]
    fn what_is_short_or_no_argon2id_hash_is_no_password() {
        let salted = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for (text, wrong) in [
            ("seven77".to_owned(), InvalidPassword::Short),
            ("$argon2id$rubbish".to_owned(), InvalidPassword::NoHash),
            ("$argon2id$v=19$m=4096,t=3,p=1".to_owned(), InvalidPassword::NoHash),
            (format!("$argon2i$v=19$m=4096,t=3,p=1${salted}"), InvalidPassword::NoHash),
            (format!("$argon2id$v=19$m=9999999,t=3,p=1${salted}"), InvalidPassword::Costly),
        ] {
            assert_eq!(check_password(&text), Err(wrong), "{text}");
        }
        assert_eq!(check_password("eight888"), Ok(()));
    }
}
