//! The login of a person with a browser: the address to open, and what comes back from it.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

use super::Inner;
use crate::model::Failure;

/// One login, with a state and a PKCE verifier of its own (RFC 7636, S256).
pub struct Login {
    inner: Arc<Inner>,
}

/// What the browser brought back and may be exchanged. Its Debug shows nothing.
#[derive(Debug)]
pub struct Reply(SecretString);

/// Why what came back is no [`Reply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It has neither a code nor an error: another request of the browser.
    Other,
    /// It belongs to another login.
    State,
    /// The other side says no; its words.
    Refused(String),
}

/// What a login gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The scopes, where the other side names them; else those that were asked for.
    pub scopes: Vec<String>,
    /// Scopes that were asked for and not granted.
    pub missing: Vec<String>,
    /// When the first access token ends; it is renewed by itself.
    pub expires_at: Option<Timestamp>,
    /// When the login itself ends unless it is used, where the other side says so.
    pub login_ends_at: Option<Timestamp>,
}

impl Login {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Where the browser is sent afterwards.
    #[must_use]
    pub fn redirect(&self) -> &Url {
        &self.inner.client.redirect
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

impl Login {
    /// Does nothing yet.
    ///
    /// # Errors
    /// As [`super::Access::token`].
    pub async fn exchange(&self, _reply: Reply) -> Result<Granted, Failure> {
        super::Access { inner: Arc::clone(&self.inner) }.token().await.map(|token| Granted {
            scopes: Vec::new(),
            missing: Vec::new(),
            expires_at: token.expires_at,
            login_ends_at: None,
        })
    }
}
