//! The part of Drive's search language that the client uses; anything else is no query.

use super::File;

/// A query: all of its terms have to fit.
pub(super) struct Query(Vec<Term>);

enum Term {
    Name(String),
    Parent(String),
    Mime(bool, String),
    Trashed(bool),
    Property(String, String),
}

impl Query {
    /// The folder that is asked about.
    pub(super) fn parent(&self) -> Option<&str> {
        self.0.iter().find_map(|term| match term {
            Term::Parent(id) => Some(id.as_str()),
            _ => None,
        })
    }

    pub(super) fn fits(&self, file: &File, is_trashed: bool) -> bool {
        self.0.iter().all(|term| match term {
            // Names are compared without regard to case.
            Term::Name(name) => file.name.to_lowercase() == name.to_lowercase(),
            Term::Parent(id) => file.parent == *id,
            Term::Mime(is, mime) => (file.mime == *mime) == *is,
            Term::Trashed(is) => is_trashed == *is,
            Term::Property(name, value) => file.properties.get(name) == Some(value),
        })
    }
}

pub(super) fn parse(text: &str) -> Option<Query> {
    let mut rest = text;
    let mut terms = Vec::new();
    loop {
        let (term, after) = term(rest)?;
        terms.push(term);
        if after.is_empty() {
            return Some(Query(terms));
        }
        rest = after.strip_prefix(" and ")?;
    }
}

fn term(text: &str) -> Option<(Term, &str)> {
    if let Some(rest) = text.strip_prefix("name = ") {
        let (name, rest) = quoted(rest)?;
        return Some((Term::Name(name), rest));
    }
    if let Some(rest) = text.strip_prefix("mimeType = ") {
        let (mime, rest) = quoted(rest)?;
        return Some((Term::Mime(true, mime), rest));
    }
    if let Some(rest) = text.strip_prefix("mimeType != ") {
        let (mime, rest) = quoted(rest)?;
        return Some((Term::Mime(false, mime), rest));
    }
    if let Some(rest) = text.strip_prefix("trashed = false") {
        return Some((Term::Trashed(false), rest));
    }
    if let Some(rest) = text.strip_prefix("appProperties has { key=") {
        let (key, rest) = quoted(rest)?;
        let (value, rest) = quoted(rest.strip_prefix(" and value=")?)?;
        return Some((Term::Property(key, value), rest.strip_prefix(" }")?));
    }
    let (parent, rest) = quoted(text)?;
    Some((Term::Parent(parent), rest.strip_prefix(" in parents")?))
}

/// A quoted text, read, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let rest = text.strip_prefix('\'')?;
    let mut read = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Some((read, &rest[at + 1..])),
            '\\' => read.push(chars.next().map(|(_, c)| c).filter(|c| matches!(c, '\\' | '\''))?),
            c => read.push(c),
        }
    }
    None
}
