//! Reading of what the API answers: both casings, and fields that may be missing or of another
//! type than documented (`fixtures/contracts/open-questions.md`, B3 and B11). Pure.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::model::printable;

/// An object, whatever the casing of its keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The object that a value is; `None` for anything else.
    pub(super) fn of(value: Value) -> Option<Self> {
        let Value::Object(object) = value else { return None };
        let mut fields = Map::new();
        for (key, value) in object {
            let key = snake(&key);
            // Of two spellings of one key the one that says something counts.
            if fields.get(&key).is_none_or(Value::is_null) {
                fields.insert(key, value);
            }
        }
        Some(Self(fields))
    }

    /// The object of a body, taken out of `data` where it is wrapped in one.
    pub(super) fn of_body(body: &[u8]) -> Option<Self> {
        let fields = Self::of(serde_json::from_slice(body).ok()?)?;
        let wrapped = fields.0.get("data").cloned().and_then(Self::of);
        Some(wrapped.filter(|_| fields.id().is_none()).unwrap_or(fields))
    }

    /// The text of the first of these keys that has one; a number is a text, too.
    pub(super) fn text(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| match self.0.get(*key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// A text for people to read: without control characters, at most 255 characters.
    pub(super) fn shown(&self, key: &str) -> Option<String> {
        self.text(&[key]).map(|text| printable(&text)).filter(|text| !text.is_empty())
    }

    /// The id: `id`, else its older name `uuid`.
    pub(super) fn id(&self) -> Option<String> {
        self.text(&["id", "uuid"])
    }

    /// A whole number, also one that is written as a text.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        match self.0.get(key)? {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        }
    }

    /// `true`; anything else is not.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.0.get(key) == Some(&Value::Bool(true))
    }

    /// Whether it is said to be `false`; what is not said is not.
    pub(super) fn is_false(&self, key: &str) -> bool {
        self.0.get(key) == Some(&Value::Bool(false))
    }

    /// The object under this key.
    pub(super) fn object(&self, key: &str) -> Option<Self> {
        self.0.get(key).cloned().and_then(Self::of)
    }

    /// A time in RFC 3339.
    pub(super) fn time(&self, key: &str) -> Option<Timestamp> {
        self.text(&[key])?.parse().ok()
    }

    /// The objects of a list; none where there is no list.
    pub(super) fn list(&self, key: &str) -> Vec<Self> {
        self.0.get(key).cloned().map(objects).unwrap_or_default()
    }

    /// Whether there is a list under this key.
    pub(super) fn has_list(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(Value::is_array)
    }

    /// The texts of a list.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let list = self.0.get(key).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(ToOwned::to_owned).collect()
    }
}

/// The objects of a list; none where the value is no list.
pub(super) fn objects(value: Value) -> Vec<Fields> {
    let Value::Array(items) = value else { return Vec::new() };
    items.into_iter().filter_map(Fields::of).collect()
}

/// The objects of a body that is a list, or an object with a list under one of these keys;
/// `None` where it is neither.
pub(super) fn rows(body: &[u8], keys: &[&str]) -> Option<Vec<Fields>> {
    match serde_json::from_slice(body).ok()? {
        list @ Value::Array(_) => Some(objects(list)),
        object => {
            let fields = Fields::of(object)?;
            let key = keys.iter().find(|key| fields.has_list(key))?;
            Some(fields.list(key))
        }
    }
}

/// `expiresAt` as `expires_at`.
fn snake(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Fields {
        Fields::of_body(text.as_bytes()).unwrap()
    }

    #[test]
    fn both_casings_and_both_names_of_the_id_are_read() {
        for text in [
            r#"{"id": "s", "uuid": "old", "expiresAt": "2027-01-15T08:00:00.5Z",
                "maxImages": "7"}"#,
            r#"{"uuid": "s", "expires_at": "2027-01-15T08:00:00.5Z", "max_images": 7}"#,
            r#"{"data": {"id": "s", "expires_at": null, "expiresAt": "2027-01-15T08:00:00.5Z",
                "max_images": 7}}"#,
        ] {
            let fields = body(text);
            assert_eq!(fields.id().as_deref(), Some("s"), "{text}");
            let at = fields.time("expires_at").map(|at| at.as_millisecond());
            assert_eq!(at, Some(1_800_000_000_500), "{text}");
            assert_eq!(fields.number("max_images"), Some(7), "{text}");
        }
    }

    #[test]
    fn what_is_of_another_type_is_not_there() {
        let text = r#"{"id": {}, "n": -1, "at": "soon", "list": {"a": 1}, "tags": [1, "a"]}"#;
        let fields = body(text);
        assert_eq!((fields.id(), fields.number("n"), fields.time("at")), (None, None, None));
        assert!(fields.list("list").is_empty() && !fields.flag("n"));
        assert_eq!(fields.texts("tags"), ["a"]);
        assert!(Fields::of_body(b"<html>").is_none() && Fields::of_body(b"[]").is_none());
    }

    #[test]
    fn rows_are_read_from_a_list_and_from_an_object_with_one() {
        for text in [r#"[{"id": 1}]"#, r#"{"images": [{"id": 1}]}"#, r#"{"data": [{"id": "1"}]}"#] {
            let rows = rows(text.as_bytes(), &["images", "data"]).unwrap();
            assert_eq!(rows[0].id().as_deref(), Some("1"), "{text}");
        }
        assert!(rows(b"{}", &["images"]).is_none() && rows(b"7", &["images"]).is_none());
    }
}
