//! Typed reading of a table: every key is asked for once, with its explanation, its default and
//! its parser. What nobody asked for is an unknown key; what was asked for is the reference.

use ::config::{Map, Value};

use super::{
    entry::{DEFAULT, Entry, first_origin, nearest},
    reader::{Described, Reader, ShownAs},
    source::{self, below},
};
use crate::model::Severity;

/// One table being read. [`Section::close`] finds the keys nobody asked for.
pub(super) struct Section<'r> {
    pub(super) reader: &'r Reader<'r>,
    pub(super) path: String,
    /// What was not asked for yet.
    left: Map<String, Value>,
    /// What was asked for.
    known: Vec<String>,
}

impl<'r> Section<'r> {
    /// A table with these keys.
    pub(super) fn new(reader: &'r Reader<'r>, path: String, keys: Map<String, Value>) -> Self {
        Self { reader, path, left: keys, known: Vec::new() }
    }

    /// Reads a table of this table, `[server]`; one that is not there is empty.
    pub(super) fn section<T>(
        &mut self,
        name: &str,
        doc: &'static str,
        read: impl FnOnce(&mut Section<'r>) -> T,
    ) -> T {
        let header = format!("[{}]", below(&self.path, name));
        self.reader.describe(Described::Table { header, doc, live: true });
        let mut section = self.open(name);
        let result = read(&mut section);
        section.close();
        result
    }

    /// Begins a table of this table without a line in the reference.
    pub(super) fn open(&mut self, name: &str) -> Section<'r> {
        let path = below(&self.path, name);
        let keys = match self.take(name) {
            None => Some(Map::new()),
            Some(value) => Entry { reader: self.reader, path: path.clone(), value }.table(),
        };
        Section::new(self.reader, path, keys.unwrap_or_default())
    }

    /// Takes the value of a key, whatever it is.
    pub(super) fn entry(&mut self, name: &str) -> Option<Entry<'r>> {
        let value = self.take(name)?;
        Some(Entry { reader: self.reader, path: below(&self.path, name), value })
    }

    /// Whether a key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// The line of a key in the file; keys of the environment come last.
    pub(super) fn line_of(&self, name: &str) -> usize {
        self.reader.line(&below(&self.path, name)).unwrap_or(usize::MAX)
    }

    /// The keys not asked for yet, in order.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.left.keys().cloned().collect();
        names.sort();
        names
    }

    /// Asks for a key.
    pub(super) fn key(&mut self, name: &'static str, doc: &'static str) -> Key<'_, 'r> {
        Key { section: self, name, doc }
    }

    /// A key that belongs to a later release: an error when it is set.
    pub(super) fn not_yet(&mut self, name: &str, remedy: &str) {
        if let Some(entry) = self.entry(name) {
            entry.wrong::<()>("is not in this release", remedy);
        }
    }

    /// Finds the keys nobody asked for.
    pub(super) fn close(self) {
        for (name, value) in &self.left {
            let path = below(&self.path, name);
            let variable = first_origin(value);
            self.reader.find(
                Severity::Error,
                (&path, variable),
                "is not a key of the configuration",
                self.meant(name),
            );
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.known.push(name.to_owned());
        self.left.remove(name)
    }

    /// What a person may have meant by an unknown key.
    fn meant(&self, name: &str) -> String {
        if let Some(near) = nearest(name, self.known.iter().map(String::as_str)) {
            return format!("did you mean {near}?");
        }
        let described = self.reader.described.borrow();
        let elsewhere = described.iter().find_map(|line| match line {
            Described::Key { path, name: key, .. } if *key == name => Some(path),
            _ => None,
        });
        match elsewhere {
            Some(path) => format!("did you mean {path}?"),
            None if self.known.is_empty() => "take it out".to_owned(),
            None => format!("the keys here are {}", self.known.join(", ")),
        }
    }
}

/// A key about to be read.
pub(super) struct Key<'s, 'r> {
    section: &'s mut Section<'r>,
    name: &'static str,
    doc: &'static str,
}

impl<'r> Key<'_, 'r> {
    /// Its value, or what its default (written as in a variable) parses to. `None` when it is
    /// wrong, which was noted then.
    pub(super) fn or<T>(
        self,
        default: &'static str,
        parse: impl FnOnce(&Entry<'r>) -> Option<T>,
    ) -> Option<T> {
        self.describe(default, ShownAs::Default);
        let entry = self.section.entry(self.name);
        parse(&entry.unwrap_or_else(|| self.section.written(self.name, default)))
    }

    /// Its value; `None` when it is not there or wrong, which was noted then.
    pub(super) fn optional<T>(
        self,
        example: &'static str,
        parse: impl FnOnce(&Entry<'r>) -> Option<T>,
    ) -> Option<T> {
        self.describe(example, ShownAs::Example);
        self.given(example, parse)
    }

    /// As [`Key::optional`], for a key that another one excludes.
    pub(super) fn alternative<T>(
        self,
        example: &'static str,
        parse: impl FnOnce(&Entry<'r>) -> Option<T>,
    ) -> Option<T> {
        self.describe(example, ShownAs::Alternative);
        self.given(example, parse)
    }

    /// Its value; `None` when it is wrong or not there, which was noted then.
    pub(super) fn required<T>(
        self,
        example: &'static str,
        parse: impl FnOnce(&Entry<'r>) -> Option<T>,
    ) -> Option<T> {
        self.describe(example, ShownAs::Required);
        if self.section.reader.describing {
            return self.given(example, parse);
        }
        self.section.inner(self.name, example, parse)
    }

    /// As [`Key::optional`], shown as one that must be there: who asks notes that it is missing.
    pub(super) fn required_elsewhere<T>(
        self,
        example: &'static str,
        parse: impl FnOnce(&Entry<'r>) -> Option<T>,
    ) -> Option<T> {
        self.describe(example, ShownAs::Required);
        self.given(example, parse)
    }

    /// What is there, parsed. Where only the reference is wanted, the parser is shown the example
    /// to tell what it takes, and nothing comes of it.
    fn given<T>(
        self,
        example: &'static str,
        parse: impl FnOnce(&Entry<'r>) -> Option<T>,
    ) -> Option<T> {
        if self.section.reader.describing {
            drop(parse(&self.section.written(self.name, example)));
            return None;
        }
        self.section.entry(self.name).and_then(|entry| parse(&entry))
    }

    fn describe(&self, text: &'static str, shown_as: ShownAs) {
        let path = below(&self.section.path, self.name);
        let (name, doc) = (self.name, self.doc);
        self.section.reader.describe(Described::Key { path, name, doc, text, shown_as });
    }
}

impl<'r> Section<'r> {
    /// What a default or an example stands for.
    fn written(&self, name: &str, text: &'static str) -> Entry<'r> {
        let value = Value::new(Some(&DEFAULT.to_owned()), text);
        Entry { reader: self.reader, path: below(&self.path, name), value }
    }

    /// Reads a key that must be there and has no line in the reference.
    pub(super) fn inner<T>(
        &mut self,
        name: &'static str,
        example: &'static str,
        parse: impl FnOnce(&Entry<'r>) -> Option<T>,
    ) -> Option<T> {
        let Some(entry) = self.entry(name) else {
            self.missing(name, example);
            return None;
        };
        parse(&entry)
    }

    /// Notes that something is wrong with the table as a whole.
    pub(super) fn wrong<T>(&self, what: &str, remedy: &str) -> Option<T> {
        self.reader.find(Severity::Error, (&self.path, None), what, remedy);
        None
    }

    /// Notes that the table as a whole should be looked at.
    pub(super) fn warn(&self, what: &str, remedy: &str) {
        self.reader.find(Severity::Warning, (&self.path, None), what, remedy);
    }

    /// Notes something that is as it should be.
    pub(super) fn note(&self, what: String, remedy: &str) {
        self.reader.find(Severity::Ok, (&self.path, None), what, remedy);
    }

    /// Notes that a key is missing.
    pub(super) fn missing(&self, name: &str, example: &str) {
        let path = below(&self.path, name);
        let mut remedy = format!("write for example {name} = {}", literal(example));
        // No variable reaches into a list.
        if !path.contains('[') {
            remedy.push_str(&format!(", or set {}", source::variable(&path)));
        }
        self.reader.find(Severity::Error, (&path, None), "is missing", remedy);
    }
}

/// The text of a variable as it would be written in the file.
pub(super) fn literal(text: &str) -> String {
    let raw = text.parse::<toml::Value>().is_ok_and(|value| {
        matches!(value, toml::Value::Boolean(_) | toml::Value::Integer(_))
            || value.is_array()
            || value.is_table()
    });
    if raw { text.to_owned() } else { toml::Value::from(text).to_string() }
}
