//! The configuration as it runs, for people to look at: every value that counts, where it comes
//! from, and nothing of a secret but where it is kept.

use ::config::{Value, ValueKind};
use toml::{Table, Value as Toml};
use url::Url;

use super::{
    entry::DEFAULT,
    reader::Reader,
    source::{below, inline},
};
use crate::console::{Origin, Setting};

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";
/// The keys with which a secret is pointed to.
const POINTERS: [&str; 3] = ["file", "env", "credential"];

/// Every value that was read, in the order of the reference.
pub(super) fn shown(reader: &Reader<'_>) -> Vec<Setting> {
    let setting = |(path, value): &(String, Value)| {
        let origin = match value.origin() {
            Some(DEFAULT) => Origin::Default,
            Some(name) => Origin::Variable(name.to_owned()),
            None => Origin::File(reader.line(path)),
        };
        let value = written(reader, path, value).to_string();
        Setting { path: path.clone(), value, origin }
    };
    reader.effective.borrow().iter().map(setting).collect()
}

/// A value as it would be written in the file, without secrets.
fn written(reader: &Reader<'_>, path: &str, value: &Value) -> Toml {
    let inner = |path: String, value: &Value| written(reader, &path, value);
    match &value.kind {
        ValueKind::String(text) => match typed(value, text) {
            Some(opened) => written(reader, path, &opened),
            None => Toml::from(plain(reader, path, text)),
        },
        ValueKind::Table(keys) => {
            let of_secret = reader.is_secret(path);
            let shown = |key: &str, value: &Value| match of_secret && POINTERS.contains(&key) {
                true => of_pointer(value),
                false => inner(below(path, key), value),
            };
            let pairs = keys.iter().map(|(key, value)| (key.clone(), shown(key, value)));
            Toml::Table(pairs.collect::<Table>())
        }
        ValueKind::Array(values) => {
            let item = |(at, value)| inner(format!("{path}[{at}]"), value);
            Toml::Array(values.iter().enumerate().map(item).collect())
        }
        ValueKind::Boolean(flag) => Toml::from(*flag),
        ValueKind::I128(number) => {
            i64::try_from(*number).map_or_else(|_| Toml::from(number.to_string()), Toml::from)
        }
        other => Toml::from(other.to_string()),
    }
}

/// Where a secret is kept is none.
fn of_pointer(value: &Value) -> Toml {
    match &value.kind {
        ValueKind::String(text) => Toml::from(text.as_str()),
        _ => Toml::from(HIDDEN),
    }
}

/// What stands in the text of a variable or a default.
fn typed(value: &Value, text: &str) -> Option<Value> {
    let origin = value.origin()?;
    let text = text.trim();
    let is_nested = [('[', ']'), ('{', '}')]
        .iter()
        .any(|(open, close)| text.starts_with(*open) && text.ends_with(*close));
    if is_nested {
        return inline(text, origin);
    }
    match text.parse::<Toml>() {
        Ok(Toml::Boolean(flag)) => Some(Value::new(None, flag)),
        Ok(Toml::Integer(number)) => Some(Value::new(None, i128::from(number))),
        _ => None,
    }
}

/// A text: nothing of one that is a secret, or holds one that was read from it, or of what people
/// write into addresses.
fn plain(reader: &Reader<'_>, path: &str, text: &str) -> String {
    if reader.is_secret(path) || reader.holds_secrets(path) {
        return HIDDEN.to_owned();
    }
    match Url::parse(text) {
        Ok(mut url) if url.has_host() => {
            let is_plain = url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none();
            if is_plain {
                return text.to_owned();
            }
            // Fails only for addresses without a host.
            _ = url.set_username("");
            _ = url.set_password(None);
            url.set_query(url.query().map(|_| HIDDEN));
            url.set_fragment(None);
            url.into()
        }
        _ => text.to_owned(),
    }
}
