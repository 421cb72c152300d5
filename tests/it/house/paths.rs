//! The paths that code names, as seen from the root of the crate or of another crate.

use std::collections::HashMap;

use super::text::{Word, group};

/// A path such as `crate::model::Photo` or `std::env::var`, and where it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

impl Named {
    /// Whether the path is this one, or below it.
    pub(super) fn is(&self, path: &str) -> bool {
        let mut ours = self.path.iter();
        path.split("::").all(|part| ours.next().is_some_and(|our| our == part))
    }
}

/// Every path of some words of a module: imported, or written where it is used.
pub(super) fn named(words: &[Word], module: &[String]) -> Vec<Named> {
    let mut reader = Reader { module, known: modules(words, module), found: Vec::new() };
    let mut at = 0;
    while at < words.len() {
        let follows = at.checked_sub(1).map_or("", |before| words[before].text.as_str());
        if words[at].text == "use" && words.get(at + 1).is_some_and(|next| next.text != "<") {
            at += 1 + reader.imports(&words[at + 1..], &[]);
        } else if words.get(at + 1).is_some_and(|next| next.text == "::") && follows != "::" {
            at += reader.path(&words[at..]);
        } else if words[at].text == "::" && !is_name(follows) && follows != ">" {
            at += 1 + reader.global(&words[at + 1..]);
        } else {
            at += 1;
        }
    }
    reader.found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The modules that these words declare, which paths may begin with.
fn modules(words: &[Word], module: &[String]) -> HashMap<String, Vec<String>> {
    let declared = words.windows(3).filter(|w| w[0].text == "mod" && w[2].text == ";");
    let full = |name: &String| [&["crate".to_owned()], module, std::slice::from_ref(name)].concat();
    declared.map(|w| (w[1].text.clone(), full(&w[1].text))).collect()
}

struct Reader<'a> {
    /// The module the words are in, without `crate`.
    module: &'a [String],
    /// What a name at the beginning of a path stands for.
    known: HashMap<String, Vec<String>>,
    found: Vec<Named>,
}

impl Reader<'_> {
    /// Reads one tree of imports that begins below `parents`; gives its length.
    fn imports(&mut self, words: &[Word], parents: &[String]) -> usize {
        let mut path = parents.to_vec();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            match word.text.as_str() {
                "::" if at == 0 => path.push("::".to_owned()),
                "::" => {}
                "{" => {
                    let end = group(&words[at..]);
                    let mut inner = at + 1;
                    while inner < at + end - 1 {
                        inner += 1 + self.imports(&words[inner..at + end - 1], &path);
                    }
                    return at + end;
                }
                "as" => {
                    let alias = words.get(at + 1).map_or("_", |alias| &alias.text);
                    self.import(&path, alias, word.line);
                    return at + 2;
                }
                name if is_name(name) => path.push(name.to_owned()),
                "*" => {}
                _ => break,
            }
            at += 1;
        }
        if let (Some(last), true) = (path.last(), at > 0) {
            let alias = if last == "self" { path.iter().rev().nth(1) } else { Some(last) };
            let alias = alias.cloned().unwrap_or_default();
            self.import(&path, &alias, words[at - 1].line);
        }
        at
    }

    fn import(&mut self, path: &[String], alias: &str, line: usize) {
        let path = path.iter().enumerate();
        let path = path.filter(|(at, part)| *at == 0 || *part != "self");
        let path = self.resolved(&path.map(|(_, part)| part.clone()).collect::<Vec<_>>());
        self.known.insert(alias.to_owned(), path.clone());
        self.found.push(Named { path, line });
    }

    /// Reads a path where it is used; gives its length.
    fn path(&mut self, words: &[Word]) -> usize {
        let mut parts = Vec::new();
        let mut at = 0;
        while words.get(at).is_some_and(|word| is_name(&word.text)) {
            parts.push(words[at].text.clone());
            if words.get(at + 1).is_none_or(|next| next.text != "::") {
                at += 1;
                break;
            }
            at += 2;
        }
        let path = self.resolved(&parts);
        if !path.is_empty() {
            self.found.push(Named { path, line: words[0].line });
        }
        at.max(1)
    }

    /// Reads a path after a leading `::`, which begins with the name of a crate.
    fn global(&mut self, words: &[Word]) -> usize {
        let mut parts = vec!["::".to_owned()];
        let mut at = 0;
        while words.get(at).is_some_and(|word| is_name(&word.text)) {
            parts.push(words[at].text.clone());
            at += if words.get(at + 1).is_some_and(|next| next.text == "::") { 2 } else { 1 };
        }
        if let (Some(word), true) = (words.first(), at > 0) {
            self.found.push(Named { path: self.resolved(&parts), line: word.line });
        }
        at
    }

    /// From the root of the crate, which is the first part.
    fn resolved(&self, parts: &[String]) -> Vec<String> {
        let root = || vec!["crate".to_owned()];
        let Some((first, rest)) = parts.split_first() else { return Vec::new() };
        match first.as_str() {
            "crate" | "apertur_bridge" => [root(), rest.to_vec()].concat(),
            "::" => rest.to_vec(),
            "self" | "super" => {
                let ups = parts.iter().take_while(|part| *part == "super").count();
                let here = &self.module[..self.module.len().saturating_sub(ups)];
                let rest = &parts[ups.max(1)..];
                [root(), here.to_vec(), rest.to_vec()].concat()
            }
            name => match self.known.get(name) {
                Some(known) => [known.as_slice(), rest].concat(),
                None => parts.to_vec(),
            },
        }
    }
}

#[test]
fn paths_are_seen_from_the_root() {
    let text = "mod child; use std::{env, fmt::{self, Debug as _}}; use crate::{a, b::{self, C}};
                use super::{d as e, super::f::*}; use ::config::Map; use self::child::G;
                fn x(y: &impl Sized) -> Vec<u8> { env::var(); b::z::<u8>(); e::q(); child::r();
                <Y as T>::u(); super::v(); ::config::w; Self::x(); crate::s::t }";
    let module = ["m".to_owned(), "n".to_owned()];
    let found = named(&super::text::words(text), &module);
    let found: Vec<_> = found.iter().map(|named| named.path.join("::")).collect();
    let expected = "std::env std::fmt std::fmt::Debug crate::a crate::b crate::b::C crate::m::d \
                    crate::f config::Map crate::m::n::child::G std::env::var crate::b::z \
                    crate::m::d::q crate::m::n::child::r crate::m::v config::w Self::x crate::s::t";
    assert_eq!(found.join(" "), expected);
}
