//! The sessions of people who signed in: kept here, so that each can be ended. The cookie is a
//! random name of one; a restart ends them all.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::token::Caller;
use crate::system::Clock;

/// How long a session lasts that nobody uses.
const IDLE: Duration = Duration::from_hours(2);
/// Most sessions at a time; the one that was used longest ago gives way.
const MOST: usize = 1_000;

/// Somebody who signed in.
#[derive(Clone)]
pub(in crate::console) struct Login {
    /// Who, and how much they may do.
    pub(in crate::console) caller: Caller,
    /// What every form of this session carries, and no other page can know.
    pub(in crate::console) form_key: String,
}

/// Without the key.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Login").field(&self.caller).finish()
    }
}

impl Login {
    /// Whether a form is of this session, in a time that tells nothing.
    pub(super) fn is_own(&self, key: &str) -> bool {
        self.form_key.as_bytes().ct_eq(key.as_bytes()).into()
    }
}

#[derive(Debug)]
struct Session {
    login: Login,
    began: Duration,
    used: Duration,
}

/// Every session.
#[derive(Debug)]
pub(in crate::console) struct Sessions {
    lifetime: Duration,
    clock: Clock,
    /// By the digest of its name: who reads this memory or times a look-up learns no name.
    open: Mutex<HashMap<[u8; 32], Session>>,
}

impl Sessions {
    pub(super) fn new(lifetime: Duration, clock: &Clock) -> Self {
        Self { lifetime, clock: clock.clone(), open: Mutex::default() }
    }

    /// How long one lasts at most.
    pub(super) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Begins a session and gives its name.
    pub(super) fn begin(&self, caller: Caller) -> String {
        let name = random();
        let now = self.clock.passed();
        let mut open = self.open();
        open.retain(|_, session| self.lasts(session, now));
        if open.len() >= MOST
            && let Some(oldest) = open.iter().min_by_key(|(_, s)| s.used).map(|(name, _)| *name)
        {
            open.remove(&oldest);
        }
        let login = Login { caller, form_key: random() };
        open.insert(digest(&name), Session { login, began: now, used: now });
        name
    }

    /// Whose session that is, if it lasts. `by_hand` says that a person asks, not a script that
    /// keeps a page fresh: only that keeps the session alive.
    pub(in crate::console) fn find(&self, name: &str, by_hand: bool) -> Option<Login> {
        let now = self.clock.passed();
        let mut open = self.open();
        let name = digest(name);
        let session = open.get_mut(&name)?;
        if !self.lasts(session, now) {
            open.remove(&name);
            return None;
        }
        if by_hand {
            session.used = now;
        }
        Some(session.login.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, name: &str) {
        self.open().remove(&digest(name));
    }

    fn lasts(&self, session: &Session, now: Duration) -> bool {
        now < session.began + self.lifetime && now < session.used + IDLE
    }

    fn open(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 256 random bits.
fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn digest(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::access::Scope;

    const HOUR: Duration = Duration::from_hours(1);

    fn sessions() -> (Sessions, Clock, Caller) {
        let clock = Clock::stepped(jiff::Timestamp::UNIX_EPOCH);
        let caller = Caller { name: "console".to_owned(), scope: Scope::Admin };
        (Sessions::new(12 * HOUR, &clock), clock, caller)
    }

    #[test]
    fn a_session_ends_unused_after_a_while_and_used_after_its_lifetime() {
        let (sessions, clock, caller) = sessions();
        let (used, unused) = (sessions.begin(caller.clone()), sessions.begin(caller.clone()));
        for _ in 0..11 {
            clock.step(HOUR);
            assert_eq!(sessions.find(&used, true).map(|login| login.caller), Some(caller.clone()));
        }
        assert!(sessions.find(&unused, true).is_none());
        clock.step(HOUR);
        assert!(sessions.find(&used, true).is_none());
        let watched = sessions.begin(caller);
        clock.step(HOUR);
        assert!(sessions.find(&watched, false).is_some());
        clock.step(HOUR);
        assert!(sessions.find(&watched, false).is_none(), "a script keeps no session alive");
    }

    #[test]
    fn a_session_is_known_by_its_name_alone_and_ends_when_it_is_told_to() {
        let (sessions, _, caller) = sessions();
        let (one, other) = (sessions.begin(caller.clone()), sessions.begin(caller));
        assert!(one != other && one.len() == 43);
        for wrong in ["", &one[1..], &format!("{one}A"), &hex::encode(digest(&one))] {
            assert!(sessions.find(wrong, true).is_none());
        }
        let [login, of_other] = [&one, &other].map(|name| sessions.find(name, true).unwrap());
        assert!(login.is_own(&login.form_key) && !login.is_own(&of_other.form_key));
        assert!(!login.is_own("") && !format!("{login:?}").contains(&login.form_key));
        sessions.end(&one);
        assert!(sessions.find(&one, true).is_none() && sessions.find(&other, true).is_some());
    }

    #[test]
    fn of_too_many_the_one_that_nobody_used_gives_way() {
        let (sessions, clock, caller) = sessions();
        let first = sessions.begin(caller.clone());
        let second = sessions.begin(caller.clone());
        clock.step(Duration::from_secs(1));
        assert!(sessions.find(&first, true).is_some());
        (2..=MOST).for_each(|_| drop(sessions.begin(caller.clone())));
        assert!(sessions.find(&second, true).is_none() && sessions.find(&first, true).is_some());
    }
}
