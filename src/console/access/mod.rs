//! Who may use the console, and how much: a person by a password or a token, who gets a session
//! for that, and a program by a token in each request.
//!
//! Secrets are known here by their digests alone.

mod guard;
mod origin;
mod password;
mod session;
mod sign_in;
pub(super) mod token;

use std::time::Duration;

use self::password::Password;
pub(super) use self::{
    guard::{front, page},
    origin::{is_for_us, is_secure},
    session::{Login, Sessions},
    sign_in::{leave, open, sign_in},
};
pub use self::{
    password::{InvalidPassword, check_password, hash_password, is_hash},
    token::{Caller, InvalidToken, Scope, Token, Tokens},
};
use crate::{pages::Tries, system::Clock};

/// Who signs in with the password, beside what they do.
const OPERATOR: &str = "console";

/// Everybody who may, and everybody who is in.
#[derive(Debug)]
pub(super) struct Access {
    password: Option<Password>,
    pub(super) tokens: Tokens,
    pub(super) sessions: Sessions,
    tries: Tries,
}

impl Access {
    /// Hashes a password that is not hashed yet: blocks for that long.
    pub(super) fn new(settings: &super::Settings, clock: &Clock) -> anyhow::Result<Self> {
        let seconds = Duration::from_secs;
        Ok(Self {
            password: settings.password.as_ref().map(Password::new).transpose()?,
            tokens: settings.tokens.clone(),
            sessions: Sessions::new(settings.session_lifetime, clock),
            tries: Tries::new((10, seconds(15)), (100, seconds(2)), clock),
        })
    }

    /// Whether there is anything to sign in with.
    pub(super) fn is_configured(&self) -> bool {
        self.password.is_some() || !self.tokens.is_empty()
    }
}
