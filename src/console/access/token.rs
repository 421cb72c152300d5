//! Bearer tokens: who a program is, and how much it may do.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// Fewest characters of a token: what `openssl rand -hex 16` gives.
const SHORTEST: usize = 32;
/// Longest name of a token, in characters.
const MAX_NAME: usize = 64;

/// How much somebody may do; each may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Look at everything but photos, links, and the configuration.
    Read,
    /// Also replay, hold, release, drop, test, make and close sessions, and see photos and links.
    Operate,
    /// Also the configuration and the doctor.
    Admin,
}

impl Scope {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// The word in the configuration and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody who showed who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the token, which is written beside what it did.
    pub name: String,
    /// How much they may do.
    pub scope: Scope,
}

/// Why a text cannot be a token, or the name of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It could be guessed.
    #[error("has fewer than 32 characters; make one with: openssl rand -hex 32")]
    Short,
    /// It does not fit into a header.
    #[error("holds characters that no header carries; make one with: openssl rand -hex 32")]
    Unprintable,
    /// The name is no name.
    #[error("is no name; write 1 to 64 letters, digits, - _ and .")]
    Name,
}

/// A token, known by its digest alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    caller: Caller,
    digest: [u8; 32],
}

/// Without the digest, with which guesses could be checked.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&self.caller).finish()
    }
}

impl Token {
    /// A token of at least 32 printable characters under a name of 1 to 64 letters, digits and
    /// `-_.`. White space around the secret is none of it.
    ///
    /// # Errors
    /// When it is shorter, holds other characters, or the name is none.
    pub fn new(name: &str, scope: Scope, secret: &SecretString) -> Result<Self, InvalidToken> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
            return Err(InvalidToken::Name);
        }
        let secret = secret.expose_secret().trim();
        if !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidToken::Unprintable);
        }
        if secret.len() < SHORTEST {
            return Err(InvalidToken::Short);
        }
        Ok(Self { caller: Caller { name: name.to_owned(), scope }, digest: digest(secret) })
    }

    /// Whose it is.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether two tokens are the same secret, whatever they are called.
    #[must_use]
    pub fn is_same_secret(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

/// The tokens of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// These tokens.
    #[must_use]
    pub fn new(tokens: Vec<Token>) -> Self {
        Self(tokens)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose token a text is, in a time that tells nothing of any: every one is compared.
    #[must_use]
    pub fn caller(&self, shown: &str) -> Option<&Caller> {
        let shown = digest(shown);
        let mut found = u32::MAX;
        for (at, token) in (0_u32..).zip(&self.0) {
            let is_it: Choice = token.digest.ct_eq(&shown);
            found.conditional_assign(&at, is_it);
        }
        let token = usize::try_from(found).ok().and_then(|at| self.0.get(at));
        token.map(Token::caller)
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, scope: Scope, secret: &str) -> Result<Token, InvalidToken> {
        Token::new(name, scope, &SecretString::from(secret))
    }

    #[test]
    fn a_token_is_known_by_all_of_it_and_by_nothing_else() {
        let (one, other) = ("1".repeat(32), "2".repeat(64));
        let read = token("ci", Scope::Read, &one).unwrap();
        let admin = token("root", Scope::Admin, &format!(" {other}\n")).unwrap();
        let tokens = Tokens::new(vec![read.clone(), admin]);
        assert_eq!(tokens.caller(&one), Some(read.caller()));
        assert_eq!(tokens.caller(&other).map(|caller| caller.scope), Some(Scope::Admin));
        for wrong in ["", &one[1..], &format!("{one}1"), &"3".repeat(32)] {
            assert_eq!(tokens.caller(wrong), None, "{wrong}");
        }
        assert_eq!(Tokens::default().caller(&one), None);
        let shown = format!("{tokens:?}");
        assert!(!shown.contains(&one) && !shown.contains(&hex::encode(digest(&one))), "{shown}");
    }

    #[test]
    fn what_could_be_guessed_or_not_be_sent_is_no_token() {
        let new = |name: &str, secret: &str| token(name, Scope::Read, secret).map(drop);
        assert_eq!(new("a", &"x".repeat(31)), Err(InvalidToken::Short));
        assert_eq!(new("a", &"x y".repeat(20)), Err(InvalidToken::Unprintable));
        assert_eq!(new("a", &"ü".repeat(40)), Err(InvalidToken::Unprintable));
        for name in ["", "a b", "a\u{7}", &"x".repeat(65)] {
            assert_eq!(new(name, &"x".repeat(32)), Err(InvalidToken::Name), "{name}");
        }
        assert_eq!(new("grafana.prod_1-a", &"x".repeat(32)), Ok(()));
    }

    #[test]
    fn scopes_contain_the_ones_before_them() {
        assert!(Scope::ALL.is_sorted());
        assert!(Scope::Admin > Scope::Operate && Scope::Operate > Scope::Read);
    }
}
