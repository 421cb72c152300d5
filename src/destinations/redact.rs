//! Keeps our secrets out of what the other side says. Knows texts only; which secrets went out
//! with a call is the affair of who made it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

/// What stands in a secret's place.
const HIDDEN: &str = "…";

/// Shorter ones are not looked for, in bytes: they would be found in every other word, and no
/// system gives such.
const SHORTEST: usize = 6;

/// Secrets that went out with a call. Shows none of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// With one more.
    pub(super) fn and(mut self, secret: &str) -> Self {
        if secret.len() < SHORTEST {
            return self;
        }
        self.0.push(secret.into());
        // As some write a slash in JSON.
        if secret.contains('/') {
            self.0.push(secret.replace('/', "\\/").into());
        }
        self
    }

    /// With a user's password, also as the two go out in a header.
    pub(super) fn and_basic(self, user: &str, password: &str) -> Self {
        self.and(&STANDARD.encode(format!("{user}:{password}")))
    }

    /// The text without them. Cut it afterwards: half a secret would not be known again.
    pub(super) fn out_of(&self, text: &str) -> String {
        let mut secrets: Vec<_> = self.0.iter().map(|secret| secret.expose_secret()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_a_text_also_as_basic_credentials_and_the_longest_first() {
        let secrets = Secrets::default().and("code").and("secret").and("secret-2");
        let secrets = secrets.and_basic("key", "X");
        let text = "code: bad secret-2, secret or Basic a2V5Olg= of acme";
        assert_eq!(secrets.out_of(text), "code: bad …, … or Basic … of acme");
        assert!(!format!("{secrets:?}").contains("secret-2"));
    }
}
