//! Methods and their signatures: binding of positional and named arguments, with Python's
//! complaints.

use super::failure::Fail;
use super::value::Value;

/// A method that may be called from outside.
pub(crate) struct Signature {
    class: &'static str,
    /// Parameter names in order; a trailing `!` marks the required ones.
    params: &'static str,
    /// Works on records, so the first argument is their ids.
    record: bool,
    /// Takes any keyword (`message_post`).
    open: bool,
}

const fn method(class: &'static str, record: bool, params: &'static str) -> Signature {
    Signature { class, params, record, open: false }
}

/// The signature of a public method in this version; `None`: the method does not exist.
pub(crate) fn signature(version: u32, model: &str, name: &str, chatter: bool) -> Option<Signature> {
    let found = match name {
        "search" if version <= 16 => method("BaseModel", false, "domain! offset limit order count"),
        "search" => method("BaseModel", false, "domain! offset limit order"),
        "search_count" => method("BaseModel", false, "domain! limit"),
        "search_read" => method("BaseModel", false, "domain fields offset limit order"),
        "name_search" if version >= 19 => method("BaseModel", false, "name domain operator limit"),
        "name_search" => method("BaseModel", false, "name args operator limit"),
        "fields_get" => method("BaseModel", false, "allfields attributes"),
        "create" => method("BaseModel", false, "vals_list!"),
        "read" => method("BaseModel", true, "fields load"),
        "write" => method("BaseModel", true, "vals!"),
        "unlink" => method("BaseModel", true, ""),
        "exists" => method("BaseModel", true, ""),
        "name_get" if version <= 17 => method("BaseModel", true, ""),
        "check_access_rights" => method("BaseModel", false, "operation! raise_exception"),
        "check_access_rule" => method("BaseModel", true, "operation!"),
        "check_access" | "has_access" if version >= 18 => method("BaseModel", true, "operation!"),
        "message_post" if chatter => {
            Signature { class: "MailThread", params: "", record: true, open: true }
        }
        "message_subscribe" | "message_unsubscribe" if chatter => {
            method("MailThread", true, "partner_ids subtype_ids")
        }
        _ => return special(model, name),
    };
    Some(found)
}

fn special(model: &str, name: &str) -> Option<Signature> {
    let found = match (model, name) {
        ("res.users", "context_get") => method("Users", false, ""),
        ("res.users.apikeys.description", "make_key") => method("APIKeyDescription", true, ""),
        ("ir.attachment", "regenerate_assets_bundles") => method("IrAttachment", false, ""),
        ("ir.config_parameter", "get_param") => method("IrConfigParameter", false, "key! default"),
        ("ir.config_parameter", "set_param") => method("IrConfigParameter", false, "key! value!"),
        ("ir.actions.server", "run") => method("IrActionsServer", true, ""),
        ("ir.actions.actions" | "ir.actions.server", "get_bindings") => {
            method("IrActions", false, "model_name!")
        }
        _ => return None,
    };
    Some(found)
}

/// Methods that exist but may not be called from outside.
pub(crate) fn is_private(version: u32, name: &str) -> bool {
    let decorated = [
        "exists",
        "check_access",
        "browse",
        "sudo",
        "with_context",
        "with_user",
        "mapped",
        "filtered",
    ];
    name.starts_with('_') || (version >= 19 && decorated.contains(&name))
}

/// Arguments, bound to names.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    pub ids: Vec<i64>,
    pub named: Vec<(String, Value)>,
}

impl Bound {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Takes an argument out, `Nil` when it was not given.
    pub(crate) fn take(&mut self, name: &str) -> Value {
        match self.named.iter().position(|(known, _)| known == name) {
            Some(at) => self.named.swap_remove(at).1,
            None => Value::Nil,
        }
    }

    pub(crate) fn str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }
}

impl Signature {
    /// Binds an `execute_kw` call.
    pub(crate) fn bind(
        &self,
        name: &str,
        mut args: Vec<Value>,
        kwargs: Vec<(String, Value)>,
    ) -> Result<Bound, Fail> {
        let mut bound = Bound::default();
        if self.record {
            if args.is_empty() {
                return Err(Fail::python("IndexError", "list index out of range"));
            }
            bound.ids = ids(args.remove(0))?;
        }
        let params: Vec<&str> =
            self.params.split_whitespace().map(|param| param.trim_end_matches('!')).collect();
        if args.len() > params.len() {
            return Err(bind_error(self.too_many(name, params.len(), args.len())));
        }
        bound.named = params.iter().map(|param| (*param).to_owned()).zip(args).collect();
        for (key, value) in kwargs {
            self.add_named(name, &mut bound, key, value)?;
        }
        match self.missing(&bound) {
            Some(param) => {
                let text = format!(
                    "{}.{name}() missing 1 required positional argument: '{param}'",
                    self.class
                );
                Err(Fail::Bind {
                    call: text,
                    json: format!("missing a required argument: '{param}'"),
                })
            }
            None => Ok(bound),
        }
    }

    /// Binds a JSON-2 body: every argument has a name.
    pub(crate) fn bind_json(
        &self,
        model: &str,
        name: &str,
        mut body: Vec<(String, Value)>,
    ) -> Result<Bound, Fail> {
        let mut bound = Bound::default();
        if let Some(at) = body.iter().position(|(key, _)| key == "ids") {
            bound.ids = ids(body.remove(at).1)?;
            if !self.record && !bound.ids.is_empty() {
                return Err(bind_error(format!("cannot call {model}.{name} with ids")));
            }
        }
        let unknown = body.iter().find(|(key, _)| !self.takes(key)).map(|(key, _)| key.clone());
        bound.named = body;
        if let Some(param) = self.missing(&bound) {
            return Err(bind_error(format!("missing a required argument: '{param}'")));
        }
        match unknown {
            Some(key) => Err(bind_error(format!("got an unexpected keyword argument '{key}'"))),
            None => Ok(bound),
        }
    }

    fn takes(&self, key: &str) -> bool {
        self.open || self.params.split_whitespace().any(|param| param.trim_end_matches('!') == key)
    }

    fn missing(&self, bound: &Bound) -> Option<&'static str> {
        let required = self.params.split_whitespace().filter_map(|param| param.strip_suffix('!'));
        required.into_iter().find(|param| bound.get(param).is_none())
    }

    fn add_named(
        &self,
        name: &str,
        bound: &mut Bound,
        key: String,
        value: Value,
    ) -> Result<(), Fail> {
        if bound.get(&key).is_some() {
            return Err(bind_error(format!(
                "{}.{name}() got multiple values for argument '{key}'",
                self.class
            )));
        }
        if !self.takes(&key) {
            return Err(bind_error(format!(
                "{}.{name}() got an unexpected keyword argument '{key}'",
                self.class
            )));
        }
        bound.named.push((key, value));
        Ok(())
    }

    /// Python counts `self` on both sides.
    fn too_many(&self, name: &str, params: usize, given: usize) -> String {
        let required = self.params.split_whitespace().filter(|param| param.ends_with('!')).count();
        let takes = match (required + 1, params + 1) {
            (1, 1) => "1 positional argument".to_owned(),
            (low, high) if low == high => format!("{high} positional arguments"),
            (low, high) => format!("from {low} to {high} positional arguments"),
        };
        format!("{}.{name}() takes {takes} but {} were given", self.class, given + 1)
    }
}

fn bind_error(text: String) -> Fail {
    Fail::Bind { call: text.clone(), json: text }
}

/// Record ids as a client may write them: one id or a list of ids.
fn ids(value: Value) -> Result<Vec<i64>, Fail> {
    match value {
        Value::Int(id) => Ok(vec![id]),
        Value::Nil | Value::Bool(false) => Ok(Vec::new()),
        Value::List(items) => items
            .iter()
            .map(|item| {
                item.as_int().ok_or_else(|| {
                    Fail::python("TypeError", format!("unhashable type: {}", item.repr()))
                })
            })
            .collect(),
        other => Err(Fail::python(
            "psycopg2.errors.InvalidTextRepresentation",
            format!("invalid input syntax for type integer: {}", other.repr()),
        )),
    }
}
