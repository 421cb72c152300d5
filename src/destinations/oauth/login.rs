//! The login of a person with a browser: the address to open, what comes back from it, and its
//! exchange for a pair of tokens.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::{Url, form_urlencoded};

use super::{missing, renewal::Inner, store::Pair, wire::Asking};
use crate::{
    destinations::redact::Secrets,
    model::{Cause, ErrorKind, Failure},
};

/// Longest code that is taken, in bytes.
const MAX_CODE: usize = 4096;

/// One login, with a state and a PKCE verifier of its own (RFC 7636, S256).
pub struct Login {
    inner: Arc<Inner>,
    state: SecretString,
    verifier: SecretString,
}

/// What the browser brought back and may be exchanged, once. Its Debug shows nothing.
#[derive(Debug)]
pub struct Reply(SecretString);

/// Why what came back is no [`Reply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It has neither a code nor an error: another request of the browser, or a slip.
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
    /// When the first access token ends, where the other side says so; it is renewed by itself.
    pub expires_at: Option<Timestamp>,
    /// When the login itself ends unless it is used, where the other side says so.
    pub login_ends_at: Option<Timestamp>,
}

impl Login {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let random = || SecretString::from(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        Self { inner, state: random(), verifier: random() }
    }

    /// What is logged in to, for texts: `Freshservice`.
    #[must_use]
    pub fn whom(&self) -> &'static str {
        self.inner.whom
    }

    /// Whether nobody logged in yet, or only for another client. Reads `tokens.json`.
    ///
    /// # Errors
    /// [`Failure::Broken`] when that cannot be read.
    pub async fn is_needed(&self) -> Result<bool, Failure> {
        let Inner { client, shared, name, .. } = &*self.inner;
        let kept = shared.tokens.read(name).await?;
        Ok(kept.is_none_or(|pair| pair.client_id != client.id))
    }

    /// Where the browser is sent afterwards.
    #[must_use]
    pub fn redirect(&self) -> &Url {
        &self.inner.client.redirect
    }

    /// The address to open. It holds no secret but the state, which is good for this login only.
    ///
    /// # Errors
    /// [`Failure::Broken`] when the other side has no such address, or when `tokens.json`
    /// cannot be read, so that nobody logs in for nothing.
    pub async fn url(&self) -> Result<Url, Failure> {
        let Inner { client, shared, name, whom, .. } = &*self.inner;
        shared.tokens.read(name).await?;
        let Some(mut url) = self.inner.addresses().await.authorize else {
            let what = format!("{whom} names no address to log in at");
            let fix = format!("name it in [destination.{name}]");
            return Err(Failure::Broken { cause: Cause::new(ErrorKind::Protocol, what, fix) });
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose_secret()));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", client.redirect.as_str())
            .append_pair("scope", &client.scopes.join(" "))
            .append_pair("state", self.state.expose_secret())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        // A plus is a space in forms only, and not everybody reads an address as one.
        let query = url.query().unwrap_or_default().replace('+', "%20");
        url.set_query(Some(&query));
        Ok(url)
    }

    /// Reads a request that came to the redirect address: its path and query.
    ///
    /// # Errors
    /// Why it brings no code.
    pub fn redirected(&self, target: &str) -> Result<Reply, Unreadable> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != self.redirect().path() {
            return Err(Unreadable::Other);
        }
        self.read(query)
    }

    /// Reads what a person pasted: the address that the browser was sent to, or the code alone.
    ///
    /// # Errors
    /// Why it brings no code.
    pub fn pasted(&self, text: &str) -> Result<Reply, Unreadable> {
        let text = text.trim();
        let (is_address, query) = match text.split_once('?') {
            Some((_, query)) => (true, query),
            None => (text.contains("://"), text),
        };
        let query = query.split('#').next().unwrap_or_default();
        if is_address || query.contains("code=") || query.contains("error=") {
            return self.read(query);
        }
        reply(text)
    }

    /// Exchanges what the browser brought back for a pair of tokens and keeps it. An earlier
    /// login stays in force until then.
    ///
    /// # Errors
    /// [`Failure::Broken`] or [`Failure::Later`] as [`super::Access::token`]; the code is used
    /// up, so the login begins anew.
    pub async fn exchange(&self, reply: Reply) -> Result<Granted, Failure> {
        let Inner { client, shared, name, whom, .. } = &*self.inner;
        let locked = shared.tokens.lock().await?;
        let asking = Asking::Code { code: reply.0, verifier: self.verifier.clone() };
        self.inner.forget();
        let given = self.inner.ask(&asking).await?;
        let Some(refresh_token) = given.refresh_token else {
            let what = format!("{whom} gave no refresh token: the login would end with its token");
            let fix = format!("let the client at {whom} have refresh tokens");
            return Err(Failure::Broken { cause: Cause::new(ErrorKind::Protocol, what, fix) });
        };
        let granted = Granted {
            scopes: match &given.scope {
                Some(scope) => scope.split_whitespace().map(str::to_owned).collect(),
                None => client.scopes.clone(),
            },
            missing: missing(&client.scopes, given.scope.as_deref()),
            expires_at: given.life.expires_at,
            login_ends_at: given.login_ends_at,
        };
        let pair = Pair {
            client_id: client.id.clone(),
            access_token: given.access_token,
            refresh_token,
            scope: given.scope,
            issued_at: given.life.issued_at,
            expires_at: given.life.expires_at,
        };
        locked.write(name, pair).await?;
        self.inner.forget();
        Ok(granted)
    }

    fn read(&self, query: &str) -> Result<Reply, Unreadable> {
        let find = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
        };
        let state = find("state");
        let fits = |state: &String| {
            let known = self.state.expose_secret().as_bytes();
            bool::from(state.as_bytes().ct_eq(known))
        };
        let (code, error) = (find("code"), find("error"));
        match (code, error) {
            (None, None) => Err(Unreadable::Other),
            _ if state.as_ref().is_some_and(|state| !fits(state)) => Err(Unreadable::State),
            // Some servers leave the state out when they say no, which nobody gains by.
            (_, Some(error)) => {
                let words = [Some(error), find("error_description")];
                let words = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
                let ours = Secrets::default().and(self.state.expose_secret());
                Err(Unreadable::Refused(ours.out_of(&words)))
            }
            _ if state.is_none() => Err(Unreadable::State),
            (Some(code), None) => reply(&code),
        }
    }
}

fn reply(code: &str) -> Result<Reply, Unreadable> {
    let fits = (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(Reply(code.into())) } else { Err(Unreadable::Other) }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.inner.name).finish_non_exhaustive()
    }
}
