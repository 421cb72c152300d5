//! One token for many askers: what is in memory, the one task that gets another, and what it
//! does with the pairs that are kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _, Shared as Joined};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Addresses, Client, Grant, Token,
    store::{Locked, Pair},
    wire::{Asking, Given},
};
use crate::{
    destinations::Shared,
    model::{Cause, DestinationName, ErrorKind, Failure},
};

/// What the clones of an [`super::Access`] share.
pub(super) struct Inner {
    pub(super) whom: &'static str,
    pub(super) name: DestinationName,
    pub(super) client: Client,
    pub(super) grant: Grant,
    pub(super) shared: Shared,
    state: Mutex<State>,
}

/// What is known without asking anybody.
#[derive(Default)]
pub(super) struct State {
    held: Option<Token>,
    /// The task that gets a token, and everybody who waits for it.
    flight: Option<Flight>,
    /// A pair that the disk did not take, and the refresh token that was exchanged for it.
    unsaved: Option<(SecretString, Pair)>,
    /// What the metadata document said.
    pub(super) addresses: Option<Addresses>,
    /// Until when the token endpoint wants to be left alone, and why.
    pub(super) closed: Option<(Timestamp, Cause)>,
    /// Whether the token endpoint wants JSON although a form was to be expected.
    pub(super) wants_json: bool,
}

type Flight = Joined<BoxFuture<'static, Result<Token, Failure>>>;

impl Inner {
    pub(super) fn new(
        whom: &'static str,
        name: DestinationName,
        client: Client,
        grant: Grant,
        shared: Shared,
    ) -> Self {
        Self { whom, name, client, grant, shared, state: Mutex::default() }
    }

    /// As [`super::Access::token`] and [`super::Access::renew`].
    pub(super) async fn token(self: &Arc<Self>, refused: Option<&Token>) -> Result<Token, Failure> {
        let token = self.join(refused).await?;
        if refused.is_some_and(|refused| refused.is(&token)) {
            // It came from a flight that began before the refusal was known.
            return self.join(refused).await;
        }
        Ok(token)
    }

    /// Forgets the token in memory, and that the token endpoint wants to be left alone: a person
    /// or a probe asks, neither in a hurry.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        (state.held, state.closed) = (None, None);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token in memory, else the flight that is under way, else a new one.
    async fn join(self: &Arc<Self>, refused: Option<&Token>) -> Result<Token, Failure> {
        let flight = {
            let mut state = self.state();
            if let Some(token) = &state.held
                && self.may_use(token, refused)
            {
                return Ok(token.clone());
            }
            let under_way = state.flight.clone().filter(|flight| flight.peek().is_none());
            let flight = under_way.unwrap_or_else(|| self.fly(refused.cloned()));
            state.flight = Some(flight.clone());
            flight
        };
        flight.await
    }

    /// Starts the task that gets a token; called with the state locked.
    fn fly(self: &Arc<Self>, refused: Option<Token>) -> Flight {
        let inner = Arc::clone(self);
        let task = tokio::spawn(async move {
            let got = inner.get(refused.as_ref()).await;
            let mut state = inner.state();
            state.held = got.as_ref().ok().cloned();
            state.flight = None;
            got
        });
        async move { task.await.unwrap_or_else(|_| Err(cut_off())) }.boxed().shared()
    }

    fn may_use(&self, token: &Token, refused: Option<&Token>) -> bool {
        token.is_good(self.shared.clock.now()) && !refused.is_some_and(|r| r.is(token))
    }

    async fn get(&self, refused: Option<&Token>) -> Result<Token, Failure> {
        match self.grant {
            Grant::ClientCredentials { lifetime } => {
                let given = self.ask(&Asking::Client { lifetime }).await?;
                Ok(given.token())
            }
            Grant::LoggedIn => self.get_logged_in(refused).await,
        }
    }

    async fn get_logged_in(&self, refused: Option<&Token>) -> Result<Token, Failure> {
        let store = &self.shared.tokens;
        let usable = |pair: &Pair| Some(pair.token()).filter(|token| self.may_use(token, refused));
        let kept = self.ours(store.read(&self.name).await?)?;
        if let Some(token) = usable(&kept) {
            return Ok(token);
        }
        let locked = store.lock().await?;
        // Another process may have renewed it while this one waited.
        let mut pair = self.ours(locked.read(&self.name).await?)?;
        if let Some(next) = self.unsaved_after(&pair) {
            pair = self.save(&locked, &pair, next).await?;
        }
        if let Some(token) = usable(&pair) {
            return Ok(token);
        }
        let given = self.ask(&Asking::Refresh { token: pair.refresh_token.clone() }).await?;
        let next = self.pair_after(&pair, given);
        Ok(self.save(&locked, &pair, next).await?.token())
    }

    /// A pair that was made for this client.
    fn ours(&self, kept: Option<Pair>) -> Result<Pair, Failure> {
        let Some(pair) = kept else {
            return Err(self.logged_out(&format!("nobody logged in to {}", self.whom), ""));
        };
        if pair.client_id == self.client.id {
            return Ok(pair);
        }
        let what = format!("the login to {} was made for another client_id", self.whom);
        Err(self.logged_out(&what, &format!("made for {}", pair.client_id)))
    }

    /// A failure that only a login ends.
    pub(super) fn logged_out(&self, what: &str, detail: &str) -> Failure {
        let fix = format!("log in: apertur-bridge destinations login {}", self.name);
        Failure::Broken {
            cause: Cause::new(ErrorKind::Unauthorized, what, fix).with_detail(detail),
        }
    }

    /// What a refresh gave; what it left out stays as it was.
    fn pair_after(&self, old: &Pair, given: Given) -> Pair {
        Pair {
            client_id: self.client.id.clone(),
            access_token: given.access_token,
            refresh_token: given.refresh_token.unwrap_or_else(|| old.refresh_token.clone()),
            scope: given.scope.or_else(|| old.scope.clone()),
            issued_at: given.life.issued_at,
            expires_at: given.life.expires_at,
        }
    }

    fn unsaved_after(&self, kept: &Pair) -> Option<Pair> {
        let (exchanged, next) = self.state().unsaved.clone()?;
        let is_next = exchanged.expose_secret() == kept.refresh_token.expose_secret();
        is_next.then_some(next)
    }

    /// Keeps a pair in place of an old one. One that the disk does not take is not lost: it is
    /// tried again, for the old one may be worth nothing any more.
    async fn save(&self, locked: &Locked, old: &Pair, next: Pair) -> Result<Pair, Failure> {
        self.state().unsaved = Some((old.refresh_token.clone(), next.clone()));
        locked.write(&self.name, next.clone()).await?;
        self.state().unsaved = None;
        Ok(next)
    }
}

/// The program ends, or the task had a bug.
fn cut_off() -> Failure {
    let what = "getting an access token was cut off";
    let fix = "it is tried again by itself; if it comes back, report it";
    Failure::Later { after: None, cause: Cause::new(ErrorKind::Local, what, fix) }
}
