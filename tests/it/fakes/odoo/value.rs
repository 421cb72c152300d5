//! One value type for both wires: what XML-RPC and JSON-2 carry, and what rows hold.

use std::sync::Arc;

use serde_json::{Map, Number, json};

use super::files::File;

/// A Python value as it travels. `File` never travels: it is a `datas` string that was decoded
/// before the state was locked, so that big photos do not hold up other connections.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(String),
    Base64(Vec<u8>),
    Date(String),
    List(Vec<Value>),
    Struct(Vec<(String, Value)>),
    File(Arc<File>),
}

impl Value {
    /// An owned string value.
    pub(crate) fn str(text: impl Into<String>) -> Value {
        Value::Str(text.into())
    }

    /// A list of record ids.
    pub(crate) fn ids(ids: impl IntoIterator<Item = i64>) -> Value {
        Value::List(ids.into_iter().map(Value::Int).collect())
    }

    /// A struct from literal pairs.
    pub(crate) fn object<const N: usize>(pairs: [(&str, Value); N]) -> Value {
        Value::Struct(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    /// A member of a struct.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.members()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The members of a struct.
    pub(crate) fn members(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Struct(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// An integer; Python takes booleans for one as well.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            Value::Bool(flag) => Some(i64::from(*flag)),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Python's truth value.
    pub(crate) fn truthy(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(flag) => *flag,
            Value::Int(number) => *number != 0,
            Value::Double(number) => *number != 0.0,
            Value::Str(text) | Value::Date(text) => !text.is_empty(),
            Value::Base64(bytes) => !bytes.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Struct(members) => !members.is_empty(),
            Value::File(file) => file.text_len > 0,
        }
    }

    /// The integers of a list; what is no integer is left out.
    pub(crate) fn int_list(&self) -> Vec<i64> {
        self.as_list().unwrap_or_default().iter().filter_map(Value::as_int).collect()
    }

    /// True when a `None` is anywhere inside: XML-RPC cannot carry it.
    pub(crate) fn has_nil(&self) -> bool {
        match self {
            Value::Nil => true,
            Value::List(items) => items.iter().any(Value::has_nil),
            Value::Struct(members) => members.iter().any(|(_, value)| value.has_nil()),
            _ => false,
        }
    }

    /// Python's `repr`, because some recorded faults quote their argument.
    pub(crate) fn repr(&self) -> String {
        match self {
            Value::Nil => "None".to_owned(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Double(number) => number.to_string(),
            Value::Str(text) if text.contains('\'') && !text.contains('"') => format!("\"{text}\""),
            Value::Str(text) | Value::Date(text) => {
                format!(
                    "'{}'",
                    text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n")
                )
            }
            Value::Base64(_) => "<xmlrpc.client.Binary object at 0x7f0000000000>".to_owned(),
            Value::List(items) => format!("[{}]", join(items.iter().map(Value::repr))),
            Value::Struct(members) => {
                let pairs =
                    members.iter().map(|(name, value)| format!("'{name}': {}", value.repr()));
                format!("{{{}}}", join(pairs))
            }
            Value::File(_) => "'...'".to_owned(),
        }
    }

    /// As JSON, for JSON-2 answers.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Nil => serde_json::Value::Null,
            Value::Bool(flag) => json!(flag),
            Value::Int(number) => json!(number),
            Value::Double(number) => {
                Number::from_f64(*number).map_or(json!(null), serde_json::Value::Number)
            }
            Value::Str(text) | Value::Date(text) => json!(text),
            Value::Base64(bytes) => json!(bytes.len()),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Struct(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), value.to_json()))
                .collect::<Map<_, _>>()
                .into(),
            Value::File(file) => json!(file.text_len),
        }
    }

    /// As JSON for the call log: file contents are replaced by their length.
    pub(crate) fn to_log(&self) -> serde_json::Value {
        match self {
            Value::List(items) => log_list(items),
            Value::Struct(members) => log_members(members),
            other => other.to_json(),
        }
    }

    /// From a JSON-2 request body.
    pub(crate) fn from_json(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Nil,
            serde_json::Value::Bool(flag) => Value::Bool(flag),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Value::Int(whole),
                None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Value::Str(text),
            serde_json::Value::Array(items) => {
                Value::List(items.into_iter().map(Value::from_json).collect())
            }
            serde_json::Value::Object(members) => Value::Struct(
                members.into_iter().map(|(name, value)| (name, Value::from_json(value))).collect(),
            ),
        }
    }
}

/// Positional arguments for the call log.
pub(crate) fn log_list(items: &[Value]) -> serde_json::Value {
    items.iter().map(Value::to_log).collect()
}

/// Named arguments for the call log.
pub(crate) fn log_members(members: &[(String, Value)]) -> serde_json::Value {
    let pairs = members.iter().map(|(name, value)| (name.clone(), log_member(name, value)));
    pairs.collect::<Map<_, _>>().into()
}

fn log_member(name: &str, value: &Value) -> serde_json::Value {
    match value {
        Value::Str(text) if matches!(name, "datas" | "raw") => json!(text.len()),
        other => other.to_log(),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
