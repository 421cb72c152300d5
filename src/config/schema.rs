//! The configuration file as a JSON Schema, for editors and other programs; written by the same
//! calls that read a configuration. It knows what may stand where, not what fits together.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    reader::{Described, ShownAs, Type},
    reference::described,
    section::literal,
};

/// What `$schema` names.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The properties of an object.
type Properties = Map<String, Value>;

/// The JSON Schema (draft 2020-12) of a configuration file. Every key is optional in it, since
/// the environment may set any; `check` says what is missing.
#[must_use]
pub fn schema() -> Value {
    let (lines, types) = described(None);
    let mut tables: BTreeMap<String, (Properties, String)> = BTreeMap::new();
    let mut docs = BTreeMap::new();
    for line in &lines {
        match line {
            Described::Table { header, doc, .. } => {
                let path = header.trim_matches(['[', ']']);
                docs.insert(path.to_owned(), doc.replace('\n', " "));
            }
            Described::Key { path, name, doc, text, shown_as } => {
                let (table, _) = path.rsplit_once('.').unwrap_or(("", path));
                let mut value = of(path, text, &types);
                annotate(&mut value, doc, text, *shown_as);
                let (keys, kind) = tables.entry(table.to_owned()).or_default();
                if table.starts_with("destination.") && *name == "type" {
                    *kind = (*text).to_owned();
                    value = json!({ "const": text, "description": "what it is" });
                }
                keys.insert((*name).to_owned(), value);
            }
        }
    }
    whole(tables, &docs)
}

/// The tables in their places.
fn whole(tables: BTreeMap<String, (Properties, String)>, docs: &BTreeMap<String, String>) -> Value {
    let (mut root, mut destinations) = (Properties::new(), Vec::new());
    for (path, (keys, kind)) in tables {
        let mut object = closed(keys);
        if let Some(doc) = docs.get(&path) {
            object["description"] = json!(doc);
        }
        if path.is_empty() {
            if let Some(Value::Object(keys)) = object.get_mut("properties").map(Value::take) {
                root.extend(keys);
            }
        } else if path == "route" {
            root.insert(path, json!({ "type": "array", "items": object }));
        } else if path.starts_with("destination.") {
            object["title"] = json!(kind);
            object["required"] = json!(["type"]);
            destinations.push(object);
        } else {
            root.insert(path, object);
        }
    }
    root.insert(
        "destination".to_owned(),
        json!({
            "type": "object",
            "description": "Where photos go to, by names of your own.",
            "additionalProperties": { "oneOf": destinations },
        }),
    );
    let mut schema = closed(root);
    schema["$schema"] = json!(DIALECT);
    schema["title"] = json!("Configuration of apertur-bridge");
    schema["$defs"] = definitions();
    schema
}

fn closed(keys: Properties) -> Value {
    json!({ "type": "object", "properties": keys, "additionalProperties": false })
}

fn definitions() -> Value {
    let place = |name: &str| {
        let keys = json!({ name: { "type": "string" } });
        json!({
            "type": "object", "properties": keys, "required": [name],
            "additionalProperties": false,
        })
    };
    json!({
        "duration": {
            "type": "string",
            "pattern": "^(\\s*[0-9]+\\s*[A-Za-z]+)+\\s*$",
            "examples": ["30s", "5m", "1h 30m", "7d"],
        },
        "size": { "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^\\s*[0-9]+\\s*([kKmMgG][iI]?)?[bB]?\\s*$" },
        ] },
        "secret": { "anyOf": [
            { "type": "string", "minLength": 1 },
            place("file"), place("env"), place("credential"),
        ] },
    })
}

/// What may stand at a path: as its parser says, or else as its example looks.
fn of(path: &str, text: &str, types: &BTreeMap<String, Type>) -> Value {
    let item = format!("{path}[0]");
    if types.keys().any(|known| known.starts_with(&item)) {
        let item = of(&item, "", types);
        return json!({ "anyOf": [item, { "type": "array", "items": item }] });
    }
    let begin = format!("{path}.");
    let inner = types.keys().filter_map(|known| known.strip_prefix(&begin));
    let inner: Properties = inner
        .filter_map(|rest| rest.split(['.', '[']).next())
        .map(|name| (name.to_owned(), of(&format!("{begin}{name}"), "", types)))
        .collect();
    match types.get(path) {
        Some(known) => of_type(known),
        None if !inner.is_empty() => {
            let any = inner.values().next().cloned();
            json!({ "type": "object", "properties": inner, "additionalProperties": any })
        }
        None if text.starts_with("{ file =") => of_type(&Type::Secret),
        None if text.starts_with('{') => json!({ "type": "object" }),
        None if text.starts_with('[') => json!({ "type": ["array", "string"] }),
        None => json!({}),
    }
}

fn of_type(known: &Type) -> Value {
    match known {
        Type::Text => json!({ "type": "string" }),
        Type::Words(words) => json!({ "enum": words }),
        Type::Whole(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Type::Flag => json!({ "type": "boolean" }),
        Type::Duration => json!({ "$ref": "#/$defs/duration" }),
        Type::Size => json!({ "$ref": "#/$defs/size" }),
        Type::Secret => json!({ "$ref": "#/$defs/secret" }),
    }
}

fn annotate(value: &mut Value, doc: &str, text: &str, shown_as: ShownAs) {
    value["description"] = json!(doc.replace('\n', " "));
    let Ok(example) = literal(text).parse::<toml::Value>() else { return };
    if shown_as == ShownAs::Default {
        value["default"] = json!(example);
    } else {
        value["examples"] = json!([example]);
    }
}
