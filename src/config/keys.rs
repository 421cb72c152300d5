//! What a configuration says, key by key, so that another can be held against it. Holds digests
//! alone: secrets count by what their file or variable holds, and are not to be had from here.

use std::{collections::BTreeMap, fmt};

use ::config::{Map, Value, ValueKind};
use sha2::{Digest as _, Sha256};

use super::source::{below, shown};
use crate::model::DestinationName;

type Digest = [u8; 32];

/// The keys of a configuration that are set, by their paths.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<String, Digest>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Keys {
    /// Those of a tree, and of the secrets that it points to: by the paths of their keys.
    pub(super) fn new(root: &Map<String, Value>, secrets: &[(String, Digest)]) -> Self {
        let mut keys = Self::default();
        keys.add("", root);
        for (path, secret) in secrets {
            // The secrets of a list are its key's.
            let path = path.split('[').next().unwrap_or_default();
            let digest = keys.0.entry(path.to_owned()).or_default();
            *digest = Sha256::new().chain_update(*digest).chain_update(secret).finalize().into();
        }
        keys
    }

    fn add(&mut self, path: &str, table: &Map<String, Value>) {
        for (name, value) in table {
            let path = below(path, name);
            match &value.kind {
                ValueKind::Table(inner) if !is_secret(inner) => self.add(&path, inner),
                _ => _ = self.0.insert(path, digest(value)),
            }
        }
    }

    /// The paths that are set in one of them only, or otherwise, in order.
    #[must_use]
    pub fn changed(&self, now: &Self) -> Vec<String> {
        let mut paths: Vec<_> = self.0.keys().chain(now.0.keys()).collect();
        paths.sort();
        paths.dedup();
        paths.retain(|path| self.0.get(*path) != now.0.get(*path));
        paths.into_iter().cloned().collect()
    }

    /// As they are, with these paths as they are in the other.
    #[must_use]
    pub fn with(&self, now: &Self, paths: &[String]) -> Self {
        let mut keys = self.0.clone();
        for path in paths {
            match now.0.get(path) {
                Some(digest) => _ = keys.insert(path.clone(), *digest),
                None => _ = keys.remove(path),
            }
        }
        Self(keys)
    }

    /// Whether a path is of this destination.
    #[must_use]
    pub fn is_of(path: &str, destination: &DestinationName) -> bool {
        let table = format!("destination.{}", shown(destination.as_str()));
        path.strip_prefix(&table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// `{ file = ".." }` is one value, not a table with a key.
fn is_secret(table: &Map<String, Value>) -> bool {
    table.len() == 1 && table.keys().all(|key| ["file", "env", "credential"].contains(&&**key))
}

fn digest(value: &Value) -> Digest {
    let mut hash = Sha256::new();
    feed(&mut hash, value);
    hash.finalize().into()
}

fn feed(hash: &mut Sha256, value: &Value) {
    match &value.kind {
        ValueKind::Table(table) => {
            let mut keys: Vec<_> = table.iter().collect();
            keys.sort_by_key(|(name, _)| *name);
            hash.update(b"{");
            for (name, value) in keys {
                hash.update(format!("{name:?}="));
                feed(hash, value);
            }
            hash.update(b"}");
        }
        ValueKind::Array(values) => {
            hash.update(b"[");
            values.iter().for_each(|value| feed(hash, value));
            hash.update(b"]");
        }
        other => hash.update(format!("{other:?},")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load_from;

    const TOML: &str = "webhook.secrets = [{ file = \"secret\" }]\nserver.workers = 3\n\
        [destination.archive]\ntype = \"folder\"\npath = \"photos\"\n\
        [[route]]\nto = [\"archive\"]\nwhen = { tag = \"a:*\" }\n";

    #[test]
    fn what_was_changed_is_named_by_its_keys_and_secrets_count_by_what_they_are()
    -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("secret"), "one\n")?;
        let file = home.path().join("c.toml");
        let load = |text: &str| -> anyhow::Result<Keys> {
            Ok(load_from(Some((Path::new(&file), text)), &BTreeMap::new())?.keys)
        };
        let first = load(TOML)?;
        assert_eq!(first.changed(&load(TOML)?), [""; 0]);
        let other = TOML.replace("a:*", "b:*").replace("\"photos\"", "\"pictures\"");
        let other = other.replace("server.workers = 3\n", "log.level = \"debug\"\n");
        let paths = ["destination.archive.path", "log.level", "route", "server.workers"];
        let second = load(&other)?;
        assert_eq!(first.changed(&second), paths);
        let half = first.with(&second, &["log.level".to_owned(), "server.workers".to_owned()]);
        assert_eq!(half.changed(&second), ["destination.archive.path", "route"]);

        std::fs::write(home.path().join("secret"), "two\n")?;
        assert_eq!(first.changed(&load(TOML)?), ["webhook.secrets"]);
        assert!(!format!("{first:?}").contains("one"));
        Ok(())
    }

    #[test]
    fn the_keys_of_a_destination_are_its_own() -> anyhow::Result<()> {
        let erp = DestinationName::parse("erp")?;
        assert!(Keys::is_of("destination.erp.url", &erp));
        assert!(!Keys::is_of("destination.erp2.url", &erp) && !Keys::is_of("route", &erp));
        Ok(())
    }
}
