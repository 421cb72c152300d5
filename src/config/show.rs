//! The configuration as it runs: every key with its value and where that comes from, secrets
//! hidden. Defaults are told, optional keys that are not set are left out.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use ::config::{Map, Value, ValueKind};
use serde::{Serialize, Serializer};
use url::Url;

use super::{
    entry::{DEFAULT, first_origin},
    finding::Place,
    reader::{Described, Reader, ShownAs},
    section::literal,
    source::{below, inline},
};

/// What is shown in the place of a secret.
const HIDDEN: &str = "\"(hidden)\"";

/// A configuration as it runs, for people to read. Displays as TOML with the origins as
/// comments; secrets are hidden, so that it does not load as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shown(Vec<ShownKey>);

/// One key of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownKey {
    /// The table it stands in, `destination.erp`; empty at the top.
    pub table: String,
    /// Its name there.
    pub name: String,
    /// Its value as TOML, secrets hidden.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
}

/// Where a value comes from. Displays as `default`, `config.toml:4`, or the name of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody wrote it.
    Default,
    /// This variable of the environment.
    Variable(String),
    /// The configuration file, with the line where that is known.
    File(Place),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(DEFAULT),
            Self::Variable(name) => f.write_str(name),
            Self::File(Place::Nowhere) => Ok(()),
            Self::File(place) => place.fmt(f),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Shown {
    /// Every key, tables together, in the order of the reference.
    pub fn iter(&self) -> impl Iterator<Item = &ShownKey> {
        self.0.iter()
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("# As it runs. Behind each value: where it comes from. Secrets are hidden.\n")?;
        let mut table = "";
        for key in &self.0 {
            if key.table != table {
                table = &key.table;
                write!(f, "\n[{table}]\n")?;
            }
            writeln!(f, "{} = {}  # {}", key.name, key.value, key.origin)?;
        }
        Ok(())
    }
}

/// What was read from this tree, once all of it was read.
pub(super) fn shown(reader: &Reader<'_>, root: &Map<String, Value>) -> Shown {
    let mut written = BTreeMap::new();
    flatten(root, "", &mut written);
    let view = View { reader, hidden: &reader.hidden.borrow() };
    let (mut keys, mut seen) = (Vec::new(), BTreeSet::new());
    for line in reader.described.borrow().iter() {
        let Described::Key { path, text, shown_as, .. } = line else { continue };
        if !seen.insert(path.clone()) {
            continue;
        }
        match written.get(path) {
            Some(value) => keys.push(view.key(path, value)),
            None if *shown_as == ShownAs::Default => {
                keys.push(view.key(path, &Value::new(Some(&DEFAULT.to_owned()), *text)));
            }
            None => {}
        }
    }
    let is_left = |path: &str| !seen.iter().any(|known| is_within(path, known));
    let left = written.iter().filter(|(path, value)| !is_table(value) && is_left(path));
    keys.extend(left.map(|(path, value)| view.key(path, value)));
    Shown(together(keys))
}

/// Keys of one table beside each other, those of the top first.
fn together(mut keys: Vec<ShownKey>) -> Vec<ShownKey> {
    let mut order = vec![String::new()];
    for key in &keys {
        if !order.contains(&key.table) {
            order.push(key.table.clone());
        }
    }
    keys.sort_by_key(|key| order.iter().position(|table| *table == key.table));
    keys
}

/// Every value by its path, tables and what is in them.
fn flatten<'v>(from: &'v Map<String, Value>, path: &str, to: &mut BTreeMap<String, &'v Value>) {
    for (name, value) in from {
        let path = below(path, name);
        if let ValueKind::Table(keys) = &value.kind {
            flatten(keys, &path, to);
        }
        to.insert(path, value);
    }
}

fn is_table(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Table(_))
}

/// Whether a path is another one or leads into it.
fn is_within(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A text without what people write into addresses: name, password and query.
fn plain(text: &str) -> Cow<'_, str> {
    let Some(mut url) = Url::parse(text).ok().filter(Url::has_host) else { return text.into() };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if is_plain {
        return text.into();
    }
    // Fails only for addresses without a host.
    _ = url.set_username("");
    _ = url.set_password(None);
    url.set_query(url.query().map(|_| "(hidden)"));
    String::from(url).into()
}

struct View<'r> {
    reader: &'r Reader<'r>,
    /// The paths of secrets.
    hidden: &'r BTreeSet<String>,
}

impl View<'_> {
    fn key(&self, path: &str, value: &Value) -> ShownKey {
        let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
        ShownKey {
            table: table.to_owned(),
            name: name.to_owned(),
            value: self.written(path, value),
            origin: self.origin(path, value),
        }
    }

    fn origin(&self, path: &str, value: &Value) -> Origin {
        match first_origin(value) {
            Some(DEFAULT) => Origin::Default,
            Some(variable) => Origin::Variable(variable.to_owned()),
            None => Origin::File(self.reader.place(path)),
        }
    }

    /// The value as TOML.
    fn written(&self, path: &str, value: &Value) -> String {
        match &value.kind {
            ValueKind::Table(keys) => self.table(path, keys),
            ValueKind::Array(items) => {
                let item = |(index, item)| self.written(&format!("{path}[{index}]"), item);
                format!("[{}]", items.iter().enumerate().map(item).collect::<Vec<_>>().join(", "))
            }
            ValueKind::String(text) => match value.origin() {
                Some(origin) => self.typed(path, text, origin),
                None if self.hidden.contains(path) => HIDDEN.to_owned(),
                None => toml::Value::from(plain(text).as_ref()).to_string(),
            },
            // A single secret where a list is taken.
            _ if self.hidden.contains(path) => HIDDEN.to_owned(),
            _ => value.to_string(),
        }
    }

    /// The text of a variable or default: lists and tables stand in it.
    fn typed(&self, path: &str, text: &str, origin: &str) -> String {
        let opened = text.trim();
        // A list in the place of one secret was taken as its text.
        let is_secret = self.hidden.contains(path) && !opened.starts_with('{');
        let is_open = opened.starts_with(['[', '{']) && !is_secret;
        match inline(opened, origin).filter(|_| is_open) {
            Some(value) if !matches!(value.kind, ValueKind::String(_)) => {
                self.written(path, &value)
            }
            _ if self.hides(path) => HIDDEN.to_owned(),
            _ => literal(&plain(text)),
        }
    }

    /// Whether a text is a secret, or may be the only one of a list of secrets.
    fn hides(&self, path: &str) -> bool {
        self.hidden.iter().any(|hidden| is_within(hidden, path))
    }

    fn table(&self, path: &str, keys: &Map<String, Value>) -> String {
        let mut names: Vec<_> = keys.keys().collect();
        names.sort();
        let pair = |name: &&String| {
            let path = below(path, name);
            let value = keys.get(*name).map(|value| self.written(&path, value));
            let name = path.rsplit_once('.').map_or(name.as_str(), |(_, name)| name);
            format!("{name} = {}", value.unwrap_or_default())
        };
        format!("{{ {} }}", names.iter().map(pair).collect::<Vec<_>>().join(", "))
    }
}
