//! A configuration that is being written: the reference, with what was chosen in force. What is
//! chosen is parsed by the same calls that read it later.

use std::{collections::BTreeMap, path::Path};

use secrecy::{ExposeSecret as _, SecretString};
use toml::{Table, Value};

use super::{
    Findings, Loaded,
    entry::nearest,
    load_from,
    reader::{Described, ShownAs},
    reference::{self, Chosen},
    section::literal,
};
use crate::model::{DestinationName, Kind};

/// How the written file refers to a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refer {
    /// `{ file = "name" }`, beside the configuration.
    File,
    /// `{ credential = "name" }`, handed over by systemd.
    Credential,
}

/// A key of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDoc {
    /// What it means.
    pub doc: &'static str,
    /// Its default or an example, as the text of a variable.
    pub text: &'static str,
    /// Whether the text is its default.
    pub has_default: bool,
    /// Whether it is a secret.
    pub is_secret: bool,
}

/// A secret, and the file that it is kept in.
#[derive(Debug, Clone)]
struct Secret {
    text: SecretString,
    name: String,
}

/// What was chosen so far. Its Debug shows no secret.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    destinations: Vec<(DestinationName, Kind)>,
    values: BTreeMap<String, Value>,
    secrets: BTreeMap<String, Secret>,
}

impl Draft {
    /// Adds a destination; its keys are `destination.NAME....`.
    pub fn add(&mut self, name: &DestinationName, kind: Kind) {
        self.destinations.push((name.clone(), kind));
        self.values.insert(format!("destination.{name}.type"), kind.as_str().into());
    }

    /// The destinations.
    #[must_use]
    pub fn destinations(&self) -> &[(DestinationName, Kind)] {
        &self.destinations
    }

    /// What a destination of this type is called in the reference: `erp`.
    #[must_use]
    pub fn usual_name(kind: Kind) -> &'static str {
        super::destination::usual_name(kind)
    }

    /// Sets a key to a text as a person types it: `"4"` is a number where the key wants one.
    ///
    /// # Errors
    /// What the key may have been, where there is no such key.
    pub fn set(&mut self, path: &str, text: &str) -> Result<(), String> {
        let key = self.key(path).ok_or_else(|| self.no_key(path))?;
        let is_text = matches!(parsed(key.text), None | Some(Value::String(_)));
        let typed = parsed(text).filter(|_| !is_text);
        self.values.insert(path.to_owned(), typed.unwrap_or_else(|| text.into()));
        Ok(())
    }

    /// Sets a key to a secret that is to be kept in the file of this name.
    ///
    /// # Errors
    /// As [`Draft::set`], and where the key is none for a secret.
    pub fn set_secret(&mut self, path: &str, text: SecretString, name: &str) -> Result<(), String> {
        match self.key(path) {
            None => Err(self.no_key(path)),
            Some(key) if !key.is_secret => Err(format!("{path} is no secret; set it openly")),
            Some(_) => {
                self.secrets.insert(path.to_owned(), Secret { text, name: name.to_owned() });
                Ok(())
            }
        }
    }

    /// Takes a key back to its default.
    pub fn unset(&mut self, path: &str) {
        self.values.remove(path);
        self.secrets.remove(path);
    }

    /// Whether a key was set.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.values.contains_key(path) || self.secrets.contains_key(path)
    }

    /// What a key was set to, where it is a text and no secret.
    #[must_use]
    pub fn text_of(&self, path: &str) -> Option<&str> {
        self.values.get(path).and_then(Value::as_str)
    }

    /// The secret that a key was set to.
    #[must_use]
    pub fn secret_of(&self, path: &str) -> Option<&SecretString> {
        self.secrets.get(path).map(|secret| &secret.text)
    }

    /// The files of all secrets, each with its content.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.secrets.values().map(|secret| (secret.name.as_str(), &secret.text))
    }

    /// A key as the reference explains it.
    #[must_use]
    pub fn key(&self, path: &str) -> Option<KeyDoc> {
        reference::described(Some(&self.destinations)).0.into_iter().find_map(|line| match line {
            Described::Key { path: known, doc, text, shown_as, .. } if known == path => {
                let is_secret = text.contains("{ file = ");
                let has_default = shown_as == ShownAs::Default;
                Some(KeyDoc { doc, text, has_default, is_secret })
            }
            _ => None,
        })
    }

    /// Reads what was chosen as the daemon would read it from this file, without the environment.
    /// Blocks where it names files.
    ///
    /// # Errors
    /// Everything that is wrong, or missing still.
    pub fn load(&self, file: &Path) -> Result<Loaded, Findings> {
        let mut root = Table::new();
        for (path, value) in &self.values {
            put(&mut root, path, value.clone());
        }
        for (path, secret) in &self.secrets {
            put(&mut root, path, inline(path, secret.text.expose_secret().into()));
        }
        load_from(Some((file, &root.to_string())), &BTreeMap::new())
    }

    /// The file: the reference with what was chosen in force.
    #[must_use]
    pub fn text(&self, refer: Refer) -> String {
        let secrets = self.secrets.iter().map(|(path, secret)| {
            let word = match refer {
                Refer::File => "file",
                Refer::Credential => "credential",
            };
            let reference = Table::from_iter([(word.to_owned(), secret.name.as_str().into())]);
            (path.clone(), inline(path, Value::Table(reference)).to_string())
        });
        let values = self.values.iter().map(|(path, value)| (path.clone(), value.to_string()));
        let values = values.chain(secrets).collect();
        reference::filled(&Chosen { destinations: &self.destinations, values: &values })
    }

    fn no_key(&self, path: &str) -> String {
        let (lines, _) = reference::described(Some(&self.destinations));
        let known = lines.iter().filter_map(|line| match line {
            Described::Key { path, .. } => Some(path.as_str()),
            Described::Table { .. } => None,
        });
        match nearest(path, known) {
            Some(near) => format!("there is no key {path}; did you mean {near}?"),
            None => format!("there is no key {path}; see apertur-bridge config example"),
        }
    }
}

/// The value that a text of the reference stands for.
fn parsed(text: &str) -> Option<Value> {
    literal(text).parse().ok()
}

/// A value where its key wants it: one that may be several stands in a list.
fn inline(path: &str, value: Value) -> Value {
    if matches!(path, "webhook.secrets" | "apertur.e2e_private_keys") {
        return Value::Array(vec![value]);
    }
    value
}

/// Puts a value at its path.
fn put(root: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => _ = root.insert(path.to_owned(), value),
        Some((first, rest)) => {
            let below = root.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(below) = below {
                put(below, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let mut draft = Draft::default();
        draft.add(&DestinationName::parse("books").unwrap(), Kind::Odoo);
        draft.add(&DestinationName::parse("copy").unwrap(), Kind::Folder);
        for (path, text) in [
            ("destination.books.url", "https://erp.example.com"),
            ("destination.books.database", "17"),
            ("destination.books.username", "true"),
            ("destination.books.concurrency", "2"),
            ("destination.copy.path", "/srv/\"photos\""),
            ("server.public_url", "https://photos.example.com"),
        ] {
            draft.set(path, text).unwrap();
        }
        for (path, name) in
            [("webhook.secrets", "webhook-secret"), ("destination.books.api_key", "odoo-api-key")]
        {
            draft.set_secret(path, format!("hush {name}").into(), name).unwrap();
        }
        draft
    }

    #[test]
    fn what_is_written_is_what_was_chosen_and_nothing_else_is_in_force() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.toml");
        let draft = draft();
        let text = draft.text(Refer::File);
        let in_force: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.starts_with('[') && !line.is_empty())
            .collect();
        assert_eq!(
            in_force,
            [
                "public_url = \"https://photos.example.com\"",
                "secrets = [{ file = \"webhook-secret\" }]",
                "type = \"odoo\"",
                "url = \"https://erp.example.com\"",
                "database = \"17\"",
                "username = \"true\"",
                "api_key = { file = \"odoo-api-key\" }",
                "concurrency = 2",
                "type = \"folder\"",
                "path = '/srv/\"photos\"'",
            ]
        );
        assert!(text.contains("# address and port, \"unix:/path\", or \"systemd\""), "{text}");
        assert!(!text.contains("hush") && !format!("{draft:?}").contains("hush"));
        for (name, secret) in draft.secrets() {
            std::fs::write(home.path().join(name), secret.expose_secret()).unwrap();
        }
        let mut read = load_from(Some((&file, &text)), &BTreeMap::new()).unwrap().config;
        let mut chosen = draft.load(&file).unwrap().config;
        // Lines differ.
        (read.shown, chosen.shown) = Default::default();
        assert_eq!(format!("{read:?}"), format!("{chosen:?}"));
        assert_eq!(read.destinations.len(), 2);
        let credentials = draft.text(Refer::Credential);
        assert!(credentials.contains("secrets = [{ credential = \"webhook-secret\" }]"));
    }

    #[test]
    fn a_key_that_is_not_there_is_refused_with_the_one_that_was_meant() {
        let mut draft = draft();
        let wrong = draft.set("destination.books.databse", "x").unwrap_err();
        assert!(wrong.ends_with("did you mean destination.books.database?"), "{wrong}");
        assert!(draft.set_secret("server.listen", "x".into(), "x").is_err());
        draft.unset("destination.books.url");
        let findings = draft.load(Path::new("c.toml")).unwrap_err();
        let missing: Vec<_> = findings.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(missing, ["destination.books.url"]);
    }

    #[test]
    fn every_type_can_be_drafted_under_its_usual_name() {
        for kind in Kind::ALL {
            let mut draft = Draft::default();
            let name = Draft::usual_name(kind);
            draft.add(&DestinationName::parse(name).unwrap(), kind);
            assert!(draft.text(Refer::File).contains(&format!("[destination.{name}]\n")));
            let key = draft.key(&format!("destination.{name}.type"));
            assert!(key.is_some(), "{kind}");
        }
    }
}
