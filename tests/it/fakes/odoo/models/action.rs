//! Server actions. Their Python is not run: two kinds of code are recognised by what they mention.
//!
//! * `ir.actions.act_url`: answers the address with the record filled in.
//! * `message_post(` together with `ir.attachment`: the one-call delivery. It reads `photo`
//!   from the context (`id name datas mimetype body subtype`), looks for `apertur:<id>` on the
//!   record, attaches and posts.

use super::super::access::{self, Op};
use super::super::call::Bound;
use super::super::failure::Fail;
use super::super::state::{Env, State};
use super::super::value::Value;
use super::{attachment, base, message};

const MODEL: &str = "ir.actions.server";

pub(crate) fn create(
    state: &mut State,
    env: &Env,
    mut vals: Vec<(String, Value)>,
) -> Result<i64, Fail> {
    access::check_rights(state, env, MODEL, Op::Create)?;
    let code = vals
        .iter()
        .find(|(name, _)| name == "code")
        .and_then(|(_, value)| value.as_str())
        .unwrap_or_default();
    let imports = code.lines().any(|line| {
        line.trim_start().starts_with("import ") || line.trim_start().starts_with("from ")
    });
    if imports {
        // The constraint runs after the insert, so the id is used up.
        let text = format!("forbidden opcode(s) in {}: IMPORT_NAME", Value::str(code).repr());
        state.next_id(MODEL);
        return Err(Fail::Validation(text));
    }
    let target = vals
        .iter()
        .find(|(name, _)| name == "model_id")
        .and_then(|(_, value)| value.as_int())
        .unwrap_or(0);
    vals.push(("model_name".to_owned(), base::raw(state, "ir.model", target, "model")));
    let defaults = [
        ("binding_type", "action"),
        ("usage", "ir_actions_server"),
        ("binding_view_types", "list,form"),
    ];
    for (name, value) in defaults {
        if !vals.iter().any(|(known, _)| known == name) {
            vals.push((name.to_owned(), Value::str(value)));
        }
    }
    base::create(state, env, MODEL, vals)
}

/// Any user who may write to the model may run the action.
pub(crate) fn run(state: &mut State, env: &Env, ids: &[i64]) -> Result<Value, Fail> {
    let mut result = Value::Bool(false);
    for id in ids {
        if state.row(MODEL, *id).is_none() {
            return Err(access::missing(env, MODEL, *id));
        }
        let model =
            base::raw(state, MODEL, *id, "model_name").as_str().unwrap_or_default().to_owned();
        access::check_rights(state, env, &model, Op::Write)?;
        let active = env.context.get("active_id").and_then(Value::as_int);
        if let Some(record) = active {
            access::check(state, env, &model, &[record], Op::Write)?;
        }
        let code = base::raw(state, MODEL, *id, "code").as_str().unwrap_or_default().to_owned();
        result = execute(state, env, &model, active.unwrap_or(0), &code)?;
    }
    Ok(result)
}

fn execute(
    state: &mut State,
    env: &Env,
    model: &str,
    record: i64,
    code: &str,
) -> Result<Value, Fail> {
    if code.contains("message_post(") && code.contains("ir.attachment") {
        return deliver(state, env, model, record);
    }
    let Some(url) =
        code.split_once("'url': '").and_then(|(_, tail)| tail.split_once('\'')).map(|(url, _)| url)
    else {
        return Ok(Value::Bool(false));
    };
    let url = url.replacen("%s", model, 1).replacen("%s", &record.to_string(), 1);
    let address = [
        ("type", Value::str("ir.actions.act_url")),
        ("url", Value::Str(url)),
        ("target", Value::str("new")),
    ];
    Ok(Value::object(address))
}

fn deliver(state: &mut State, env: &Env, model: &str, record: i64) -> Result<Value, Fail> {
    let photo = env.context.get("photo").cloned().unwrap_or(Value::Struct(Vec::new()));
    let part = |name: &str| {
        photo.get(name).cloned().ok_or_else(|| {
            Fail::python("ValueError", format!("KeyError('{name}') while evaluating"))
        })
    };
    let key = format!("apertur:{}", part("id")?.as_str().unwrap_or_default());
    let duplicate = find(state, model, record, &key);
    let id = match duplicate {
        Some(id) => id,
        None => attach_and_post(state, env, model, record, key, &part)?,
    };
    let infos =
        [("attachment_id", Value::Int(id)), ("duplicate", Value::Bool(duplicate.is_some()))];
    Ok(Value::object([
        ("type", Value::str("ir.actions.act_window_close")),
        ("infos", Value::object(infos)),
    ]))
}

fn attach_and_post(
    state: &mut State,
    env: &Env,
    model: &str,
    record: i64,
    key: String,
    part: &dyn Fn(&str) -> Result<Value, Fail>,
) -> Result<i64, Fail> {
    let vals = vec![
        ("name".to_owned(), part("name")?),
        ("datas".to_owned(), part("datas")?),
        ("mimetype".to_owned(), part("mimetype")?),
        ("res_model".to_owned(), Value::str(model)),
        ("res_id".to_owned(), Value::Int(record)),
        ("description".to_owned(), Value::Str(key)),
    ];
    let mut inside = env.clone();
    inside.context = Value::object([("image_no_postprocess", Value::Bool(true))]);
    let id = attachment::create(state, &inside, vals)?;
    let named = vec![
        ("body".to_owned(), part("body")?),
        ("message_type".to_owned(), Value::str("comment")),
        ("subtype_xmlid".to_owned(), part("subtype")?),
        ("attachment_ids".to_owned(), Value::ids([id])),
    ];
    message::post(state, &inside, model, Bound { ids: vec![record], named })?;
    Ok(id)
}

fn find(state: &State, model: &str, record: i64, key: &str) -> Option<i64> {
    let hit = |id: &i64| {
        let field = |name: &str| base::raw(state, "ir.attachment", *id, name);
        field("description").as_str() == Some(key)
            && field("res_model").as_str() == Some(model)
            && field("res_id").as_int() == Some(record)
    };
    state.rows("ir.attachment").map(|(id, _)| id).filter(hit).last()
}

/// The Action menu of a model; every user may ask for it.
pub(crate) fn bindings(state: &State, model: &str) -> Value {
    let mut entries: Vec<Value> = state
        .bindings
        .iter()
        .filter(|(of, _)| of == model)
        .map(|(_, entry)| entry.clone())
        .collect();
    for (id, row) in state.rows(MODEL) {
        let bound = row.get("binding_model_id").and_then(Value::as_int).unwrap_or(0);
        if base::raw(state, "ir.model", bound, "model").as_str() == Some(model) {
            let entry = [
                ("id", Value::Int(id)),
                ("name", base::raw(state, MODEL, id, "name")),
                ("binding_view_types", base::raw(state, MODEL, id, "binding_view_types")),
                ("sequence", Value::Int(5)),
            ];
            entries.push(Value::object(entry));
        }
    }
    if entries.is_empty() {
        Value::Struct(Vec::new())
    } else {
        Value::object([("action", Value::List(entries))])
    }
}
