//! OAuth 2 for destinations: access tokens that are good, renewed by one of many askers, and the
//! login of a person. Knows nothing of the systems it is used for.
//!
//! An access token is renewed in a task of its own: an asker that is cut off must not lose the
//! answer, for a refresh token that was exchanged is worth nothing afterwards.

mod addresses;
mod login;
mod renewal;
mod store;
mod wire;

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use self::renewal::Inner;
pub use self::{
    login::{Granted, Login, Reply, Unreadable},
    store::TokenStore,
};
use super::Shared;
use crate::model::{DestinationName, Failure};

/// Where a browser is sent after a login when the configuration names nothing else.
pub const DEFAULT_REDIRECT: &str = "http://localhost:8789/callback";

/// The scope that asks for a refresh token (OpenID Connect Core, section 11).
const OFFLINE_ACCESS: &str = "offline_access";

/// What a destination is at an authorization server.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: SecretString,
    /// What is asked for, one name each.
    pub scopes: Vec<String>,
    /// Where it is asked for.
    pub endpoints: Endpoints,
    /// How the token endpoint is spoken to.
    pub style: Style,
    /// Where the browser is sent after a login, as registered at the other side; a loopback
    /// address such as [`DEFAULT_REDIRECT`] is listened at.
    pub redirect: Url,
}

/// The addresses of an authorization server.
#[derive(Debug, Clone)]
pub enum Endpoints {
    /// These.
    Fixed(Addresses),
    /// Those that a metadata document names (RFC 8414), or where it is not to be had, others.
    Discovered {
        /// The document's address, `https://acme.freshservice.com/.well-known/...`.
        at: Url,
        /// The others.
        otherwise: Addresses,
    },
}

/// Two addresses of an authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Where a person agrees; `None` where nobody needs to.
    pub authorize: Option<Url>,
    /// Where tokens are given.
    pub token: Url,
}

/// How a token endpoint is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Client by HTTP Basic, a form as body; after a 400 or 415 that does not come from OAuth
    /// once as JSON, and what worked is remembered (`fixtures/contracts/freshservice.md`
    /// section 7).
    BasicForm,
    /// Everything in a form (RFC 6749, section 2.3.1), as Google, Dropbox and Microsoft show it.
    Form,
    /// Everything in a JSON body (`fixtures/contracts/zendesk.md` section 1.2).
    Json,
}

/// What access tokens are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The login of a person; its tokens are kept in [`TokenStore`].
    LoggedIn,
    /// The client itself. Tokens are kept in memory and asked for again.
    ClientCredentials {
        /// How long a token shall live (`expires_in`), in whole seconds.
        lifetime: Duration,
    },
}

/// Why a destination has nothing to log in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLogin {
    /// Its type knows none.
    ByType,
    /// It is configured with an API key or token.
    ApiKey,
    /// It gets its tokens for its client's id and secret.
    ClientCredentials,
}

/// The way to access tokens of one destination. Clones share it.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

/// An access token. Clones are the same.
#[derive(Debug, Clone)]
pub struct Token {
    /// What goes behind `Authorization: Bearer`.
    pub secret: SecretString,
    /// What was granted, names with spaces between; `None` where the other side does not say,
    /// which means all that was asked for.
    pub scope: Option<String>,
    /// When it ends, where the other side says so.
    pub expires_at: Option<Timestamp>,
    /// When it should be replaced by a new one.
    renew_at: Option<Timestamp>,
}

impl Access {
    /// A way that was not gone yet. `whom` is a short name such as "Freshservice" for texts.
    #[must_use]
    pub fn new(
        whom: &'static str,
        name: DestinationName,
        client: Client,
        grant: Grant,
        shared: &Shared,
    ) -> Self {
        Self { inner: Arc::new(Inner::new(whom, name, client, grant, shared.clone())) }
    }

    /// A token that is good for a minute at least (half its life where it lives less than two).
    /// However many ask, one is got. Takes up to a minute and a half where the other side or
    /// another process is slow; who stops waiting loses nothing.
    ///
    /// # Errors
    /// [`Failure::Broken`] of kind `unauthorized` when nobody logged in, when the login ended
    /// (the remedy names `apertur-bridge destinations login`) or when the client is refused;
    /// `local` when `tokens.json` cannot be read. [`Failure::Later`] when the other side cannot
    /// serve now, with its `Retry-After`, or when the disk cannot take a new pair. Never
    /// another: nothing was sent to the destination itself.
    pub async fn token(&self) -> Result<Token, Failure> {
        self.inner.token(None).await
    }

    /// Another token than the one that the destination refused with a 401: one that somebody got
    /// meanwhile, else a new one. When it is refused too, do not ask again but fail.
    ///
    /// # Errors
    /// As [`Access::token`].
    pub async fn renew(&self, refused: &Token) -> Result<Token, Failure> {
        self.inner.token(Some(refused)).await
    }

    /// As [`Access::token`] with all that is in memory forgotten, so that a login by another
    /// process is seen at once. For probes.
    ///
    /// # Errors
    /// As [`Access::token`].
    pub async fn reload(&self) -> Result<Token, Failure> {
        self.inner.forget();
        self.inner.token(None).await
    }

    /// The scopes that were asked for and are not in a token, in the order they were asked for.
    #[must_use]
    pub fn missing_scopes(&self, token: &Token) -> Vec<String> {
        missing(&self.inner.client.scopes, token.scope.as_deref())
    }

    /// A login that can begin.
    ///
    /// # Errors
    /// [`NoLogin::ClientCredentials`] where nobody needs to log in.
    pub fn login(&self) -> Result<Login, NoLogin> {
        match self.inner.grant {
            Grant::LoggedIn => Ok(Login::new(Arc::clone(&self.inner))),
            Grant::ClientCredentials { .. } => Err(NoLogin::ClientCredentials),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { whom, name, grant, .. } = &*self.inner;
        f.debug_struct("Access")
            .field("whom", whom)
            .field("name", name)
            .field("grant", grant)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// What is left of its life that is not used: answers take time, and so do uploads.
    const MARGIN: Duration = Duration::from_mins(1);

    fn new(secret: SecretString, scope: Option<String>, life: Life) -> Self {
        let margin = |ends: Timestamp| {
            let life = ends.duration_since(life.issued_at);
            let half = Duration::try_from(life).unwrap_or_default() / 2;
            ends.checked_sub(half.min(Self::MARGIN)).unwrap_or(ends)
        };
        Self { secret, scope, expires_at: life.expires_at, renew_at: life.expires_at.map(margin) }
    }

    fn is_good(&self, now: Timestamp) -> bool {
        self.renew_at.is_none_or(|at| now < at)
    }

    fn is(&self, other: &Self) -> bool {
        self.secret.expose_secret() == other.secret.expose_secret()
    }
}

/// From when to when a token is good.
#[derive(Debug, Clone, Copy)]
struct Life {
    issued_at: Timestamp,
    expires_at: Option<Timestamp>,
}

/// What of `asked` is not in `granted`. Microsoft puts the address of its API before a scope's
/// name and never lists the scope that a refresh token is asked for with.
fn missing(asked: &[String], granted: Option<&str>) -> Vec<String> {
    let Some(granted) = granted else { return Vec::new() };
    let is = |given: &str, scope: &str| {
        given == scope || given.rsplit('/').next().is_some_and(|n| n.eq_ignore_ascii_case(scope))
    };
    let has = |scope: &String| {
        scope == OFFLINE_ACCESS || granted.split_whitespace().any(|given| is(given, scope))
    };
    asked.iter().filter(|scope| !has(scope)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_a_minute_before_its_end_or_for_half_a_short_life() {
        let issued_at: Timestamp = "2027-01-15T08:00:00Z".parse().unwrap();
        let after = |seconds| issued_at + Duration::from_secs(seconds);
        let token = |seconds: Option<u64>| {
            let life = Life { issued_at, expires_at: seconds.map(after) };
            Token::new("a".into(), None, life)
        };
        assert!(token(Some(1800)).is_good(after(1739)));
        assert!(!token(Some(1800)).is_good(after(1740)));
        assert!(token(Some(20)).is_good(after(9)));
        assert!(!token(Some(20)).is_good(after(10)));
        assert!(!token(Some(0)).is_good(issued_at));
        assert!(token(None).is_good(after(1_000_000)));
    }

    #[test]
    fn scopes_that_were_not_granted_are_named_in_the_order_they_were_asked_for() {
        let asked = ["tickets:read", "tickets:write", "users:read"].map(str::to_owned);
        assert_eq!(missing(&asked, Some("users:read  tickets:read")), ["tickets:write"]);
        assert_eq!(missing(&asked, Some("")), asked);
        assert_eq!(missing(&asked, None), [""; 0]);
        let asked = ["Files.ReadWrite", "offline_access"].map(str::to_owned);
        assert_eq!(missing(&asked, Some("https://graph.microsoft.com/files.readwrite")), [""; 0]);
        assert_eq!(missing(&asked, Some("Files.Read")), ["Files.ReadWrite"]);
    }
}
