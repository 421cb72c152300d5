//! `console.tokens`: who may use the API, and how much.

use ::config::ValueKind;

use super::{
    entry::Entry,
    secret::secret,
    section::Section,
    values::{Wrong, name, text, word},
};
use crate::console::{InvalidToken, Scope, Token, Tokens};

/// The keys of a token that is not a secret alone.
const KEYS: [&str; 3] = ["name", "scope", "token"];

const SCOPES: &[(&str, Scope)] =
    &[("read", Scope::Read), ("operate", Scope::Operate), ("admin", Scope::Admin)];

/// A list of tokens: each a table with name, scope and token, or the secret alone, which is the
/// token of an administrator named after its place, `token-1`.
pub(super) fn tokens(entry: &Entry<'_>) -> Option<Tokens> {
    let items = entry.items()?;
    let read: Vec<_> = items
        .iter()
        .zip(1..)
        .map(|(item, number)| token(item, number).map(|token| (item, token)))
        .collect();
    let read: Option<Vec<_>> = read.into_iter().collect();
    let mut tokens = Vec::<Token>::new();
    let mut are_apart = true;
    for (item, token) in read? {
        let name = |known: &&Token| known.caller().name == token.caller().name;
        let what = match tokens.iter().find(|known| name(known) || known.is_same_secret(&token)) {
            None => {
                tokens.push(token);
                continue;
            }
            Some(known) if name(&known) => "has the name of another token",
            Some(_) => "is the same secret as another token",
        };
        are_apart = false;
        item.wrong::<()>(what, "give each token a name and a secret of its own");
    }
    are_apart.then(|| Tokens::new(tokens))
}

fn token(entry: &Entry<'_>, number: u32) -> Option<Token> {
    let opened = entry.inlined('{', '}')?;
    let is_named = match &opened.value.kind {
        ValueKind::Table(keys) => KEYS.iter().any(|key| keys.contains_key(*key)),
        _ => false,
    };
    if !is_named {
        let made = Token::new(&format!("token-{number}"), Scope::Admin, &secret(&opened)?);
        return made.map_or_else(|error| wrong(&opened, error), Some);
    }
    let mut s = Section::new(opened.reader, opened.path.clone(), opened.table()?);
    let name = s.inner("name", "ci", |entry| Some((entry.clone(), text(name)(entry)?)));
    let scope = s.inner("scope", "read", word(SCOPES));
    let token = s.inner("token", "{ file = \"/etc/apertur-bridge/console-token\" }", |entry| {
        Some((entry.clone(), secret(entry)?))
    });
    s.close();
    let ((named, name), scope, (place, secret)) = (name?, scope?, token?);
    match Token::new(&name, scope, &secret) {
        Err(error @ InvalidToken::Name) => wrong(&named, error),
        Err(error) => wrong(&place, error),
        Ok(token) => Some(token),
    }
}

fn wrong<T>(entry: &Entry<'_>, error: InvalidToken) -> Option<T> {
    let Wrong { what, remedy } = Wrong::of(&error);
    entry.wrong(what, remedy)
}
