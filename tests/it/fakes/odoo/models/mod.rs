//! The object service behind both APIs: one call on one model, in one transaction.

mod action;
mod attachment;
mod base;
mod code;
mod domain;
mod html;
mod image;
mod message;
mod users;

use super::access::{self, Op};
use super::call::{self, Bound};
use super::failure::Fail;
use super::state::{Env, State};
use super::value::Value;

/// Arguments as the API delivered them.
pub(crate) enum Args {
    /// `execute_kw`: a list and named ones.
    Positional(Vec<Value>, Vec<(String, Value)>),
    /// JSON-2: a body of named ones, `ids` among them.
    Named(Vec<(String, Value)>),
}

/// Methods that never change anything: no snapshot is taken for them.
const READING: &[&str] =
    &["search", "search_count", "search_read", "read", "fields_get", "name_search", "exists"];

/// Calls a method. A failure rolls everything back but the id sequences.
pub(crate) fn call(
    state: &mut State,
    env: &Env,
    model: &str,
    method: &str,
    args: Args,
) -> Result<Value, Fail> {
    if !state.installed(model) {
        return Err(Fail::NoModel(model.to_owned()));
    }
    if call::is_private(env.version, method) {
        let name =
            if env.version <= 17 { method.to_owned() } else { format!("'{model}.{method}'") };
        return Err(Fail::Access(format!(
            "Private methods (such as {name}) cannot be called remotely."
        )));
    }
    let signature = call::signature(env.version, model, method, state.has_chatter(model))
        .ok_or_else(|| Fail::NoMethod { model: model.to_owned(), method: method.to_owned() })?;
    check_language(state, env)?;
    let bound = match args {
        Args::Positional(args, kwargs) => signature.bind(method, args, kwargs)?,
        Args::Named(body) => signature.bind_json(model, method, body)?,
    };
    if READING.contains(&method) {
        return dispatch(state, env, model, method, bound);
    }
    let tables = state.tables.clone();
    let files = state.files.clone();
    let result = dispatch(state, env, model, method, bound);
    if result.is_err() {
        state.tables = tables;
        state.files = files;
    }
    result
}

/// From 17 on a context with a language that is not active fails every call that looks at it.
fn check_language(state: &State, env: &Env) -> Result<(), Fail> {
    match env.lang() {
        Some(lang) if env.version >= 17 && !state.languages.contains(lang) => {
            Err(Fail::User(format!("Invalid language code: {lang}")))
        }
        _ => Ok(()),
    }
}

fn dispatch(
    state: &mut State,
    env: &Env,
    model: &str,
    method: &str,
    mut bound: Bound,
) -> Result<Value, Fail> {
    match method {
        "search" => base::search(state, env, model, &bound),
        "search_count" => base::search_count(state, env, model, &bound),
        "search_read" => base::search_read(state, env, model, &bound),
        "name_search" => base::name_search(state, env, model, &bound),
        "name_get" => base::name_get(state, env, model, &bound.ids),
        "fields_get" => Ok(base::fields_get(env, model, &bound)),
        "read" => base::read(state, env, model, &bound),
        "exists" => {
            Ok(Value::ids(bound.ids.iter().copied().filter(|id| state.row(model, *id).is_some())))
        }
        "create" => create(state, env, model, bound.take("vals_list")),
        "write" => {
            let vals = bound.take("vals");
            write(state, env, model, &bound.ids, vals)
        }
        "unlink" => base::unlink(state, env, model, &bound.ids),
        "check_access_rights" | "check_access_rule" | "check_access" | "has_access" => {
            check_access(state, env, model, method, &bound)
        }
        "message_post" => message::post(state, env, model, bound),
        "message_subscribe" => message::subscribe(state, env, model, &bound),
        "message_unsubscribe" => message::unsubscribe(state, env, model, &bound),
        "context_get" => Ok(users::context_get(env)),
        "make_key" => Err(Fail::User("This method can only be accessed over HTTP".to_owned())),
        "regenerate_assets_bundles" => Ok(Value::Nil),
        "get_param" => users::get_param(state, env, &bound),
        "set_param" => users::set_param(state, env, &bound),
        "run" => action::run(state, env, &bound.ids),
        "get_bindings" => {
            Ok(action::bindings(state, env, bound.str("model_name").unwrap_or_default()))
        }
        _ => Err(Fail::NoMethod { model: model.to_owned(), method: method.to_owned() }),
    }
}

/// `create` takes one dict or a list of them; only XML-RPC answers a bare id for the former.
fn create(state: &mut State, env: &Env, model: &str, vals: Value) -> Result<Value, Fail> {
    match vals {
        Value::List(all) => {
            let ids = all
                .into_iter()
                .map(|one| create_one(state, env, model, one))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Value::ids(ids))
        }
        one => {
            let id = create_one(state, env, model, one)?;
            Ok(if env.json2 { Value::ids([id]) } else { Value::Int(id) })
        }
    }
}

fn create_one(state: &mut State, env: &Env, model: &str, vals: Value) -> Result<i64, Fail> {
    let Value::Struct(vals) = vals else {
        return Err(Fail::python("AttributeError", "'str' object has no attribute 'items'"));
    };
    base::check_fields(env, model, vals.iter().map(|(name, _)| name.as_str()))?;
    match model {
        "ir.attachment" => attachment::create(state, env, vals),
        "ir.actions.server" => action::create(state, env, vals),
        "res.users" => users::create(state, env, vals),
        _ => base::create(state, env, model, vals),
    }
}

fn write(
    state: &mut State,
    env: &Env,
    model: &str,
    ids: &[i64],
    vals: Value,
) -> Result<Value, Fail> {
    let Value::Struct(vals) = vals else {
        return Err(Fail::python("AttributeError", "'str' object has no attribute 'items'"));
    };
    base::check_fields(env, model, vals.iter().map(|(name, _)| name.as_str()))?;
    if model == "ir.attachment" && env.version < 19 {
        // Before 19 nobody minds that an attachment is gone.
        access::check_rights(state, env, model, Op::Write)?;
        let ids: Vec<i64> =
            ids.iter().copied().filter(|id| state.row(model, *id).is_some()).collect();
        access::check_rule(state, env, model, &ids, Op::Write)?;
        return attachment::write(state, env, &ids, vals);
    }
    access::check(state, env, model, ids, Op::Write)?;
    match model {
        "ir.actions.server" => action::write(state, env, ids, vals),
        "ir.attachment" => attachment::write(state, env, ids, vals),
        "res.users" => users::write(state, ids, vals, env),
        _ => base::write(state, env, model, ids, vals),
    }
}

fn check_access(
    state: &State,
    env: &Env,
    model: &str,
    method: &str,
    bound: &Bound,
) -> Result<Value, Fail> {
    let name = bound.str("operation").unwrap_or_default();
    let op = Op::parse(name)
        .ok_or_else(|| Fail::python("ValueError", format!("Invalid access operation: '{name}'")))?;
    match method {
        "check_access_rights" => {
            let raise = bound.get("raise_exception").is_none_or(Value::truthy);
            if raise {
                access::check_rights(state, env, model, op)?;
            }
            Ok(Value::Bool(access::allowed(state, env, model, op)))
        }
        "has_access" => {
            let allowed = access::allowed(state, env, model, op);
            Ok(Value::Bool(
                allowed && bound.ids.iter().all(|id| access::visible(state, env, model, *id, op)),
            ))
        }
        // These two return None, which XML-RPC cannot carry: a client sees fault 1 when the answer
        // is "yes".
        "check_access" => access::check(state, env, model, &bound.ids, op).map(|()| Value::Nil),
        _ => access::check_rule(state, env, model, &bound.ids, op).map(|()| Value::Nil),
    }
}
