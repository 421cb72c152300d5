//! A value with its place: what it is, what is wrong with it, what to show of it.

use ::config::{Map, Value, ValueKind};

use super::{reader::Reader, source::inline};
use crate::model::Severity;

/// The origin of defaults, which no variable can have.
pub(super) const DEFAULT: &str = "default";
/// Longest part of a wrong value that is shown, in characters.
const MAX_ECHO: usize = 60;

/// A value with its place.
#[derive(Clone)]
pub(super) struct Entry<'r> {
    pub(super) reader: &'r Reader<'r>,
    pub(super) path: String,
    pub(super) value: Value,
}

impl<'r> Entry<'r> {
    /// Notes that the value is wrong, without showing it.
    pub(super) fn wrong<T>(&self, what: impl Into<String>, remedy: impl Into<String>) -> Option<T> {
        self.reader.find(Severity::Error, self.place(), what, remedy);
        None
    }

    /// Notes that the value is wrong and shows it. Never for secrets.
    pub(super) fn wrong_value<T>(&self, what: &str, remedy: impl Into<String>) -> Option<T> {
        self.wrong(format!("{} {what}", echo(&self.value)), remedy)
    }

    /// Notes that the value should be looked at.
    pub(super) fn warn(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.reader.find(Severity::Warning, self.place(), what, remedy);
    }

    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a variable or default: there everything is a text, and numbers, lists and
    /// tables stand in it.
    pub(super) fn as_typed_text(&self) -> Option<&str> {
        self.value.origin().and_then(|_| self.as_text())
    }

    /// The values of a list; a single value is a list of one.
    pub(super) fn items(&self) -> Option<Vec<Entry<'r>>> {
        let opened = self.inlined('[', ']')?;
        let path = |index| format!("{}[{index}]", opened.path);
        Some(match opened.value.kind {
            ValueKind::Array(values) => values
                .into_iter()
                .enumerate()
                .map(|(index, value)| Entry { reader: opened.reader, path: path(index), value })
                .collect(),
            _ => vec![opened],
        })
    }

    /// The keys of a table.
    pub(super) fn table(&self) -> Option<Map<String, Value>> {
        let opened = self.inlined('{', '}')?;
        match opened.value.kind {
            ValueKind::Table(keys) => Some(keys),
            _ => opened.wrong_kind("a table"),
        }
    }

    /// Notes that the value is of another kind than wanted.
    pub(super) fn wrong_kind<T>(&self, wanted: &str) -> Option<T> {
        let what = format!("is {} where {wanted} is wanted", kind(&self.value));
        self.wrong(what, "write it as in the output of: apertur-bridge config example")
    }

    /// The value, parsed where it is the text of a variable between these two signs.
    pub(super) fn inlined(&self, open: char, close: char) -> Option<Self> {
        let Some(text) = self.as_typed_text().map(str::trim) else {
            return Some(self.clone());
        };
        if !(text.starts_with(open) && text.ends_with(close)) {
            return Some(self.clone());
        }
        match inline(text, self.value.origin().unwrap_or(DEFAULT)) {
            Some(value) => Some(Self { value, ..self.clone() }),
            None => self.wrong(
                format!("begins with {open} and ends with {close} but is not TOML"),
                "write it as in the configuration file, texts in quotes",
            ),
        }
    }

    fn place(&self) -> (&str, Option<&str>) {
        (&self.path, first_origin(&self.value))
    }
}

/// The variable that set a value or something in it.
pub(super) fn first_origin(value: &Value) -> Option<&str> {
    if let Some(origin) = value.origin() {
        return Some(origin);
    }
    match &value.kind {
        ValueKind::Table(keys) => keys.values().filter_map(first_origin).min(),
        _ => None,
    }
}

/// The known word nearest to a mistyped one, if one is near.
pub(super) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let near = (word.chars().count() / 3).clamp(1, 3);
    let begun =
        |known: &str| word.len() >= 3 && (known.starts_with(&word) || word.starts_with(known));
    known
        .map(|known| (strsim::osa_distance(&word, known), known))
        .filter(|(distance, known)| *distance <= near || begun(known))
        .min()
        .map(|(_, known)| known)
}

/// A wrong value for a message, without what may be a password in it.
fn echo(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) if text.contains(['@', '?']) => "the value".to_owned(),
        ValueKind::String(text) if text.chars().count() > MAX_ECHO => {
            format!("{:?}", text.chars().take(MAX_ECHO).chain(['…']).collect::<String>())
        }
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::I128(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        _ => kind(value).to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match &value.kind {
        ValueKind::Nil => "a date",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::String(_) => "a text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
        _ => "a number",
    }
}
