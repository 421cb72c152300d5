//! Server actions: making, writing, running and removing them, and the Action menu they stand in.
//! What their Python does is for `code`.

use super::super::access::{self, Op};
use super::super::failure::Fail;
use super::super::state::{Env, State};
use super::super::value::Value;
use super::{base, code};

const MODEL: &str = "ir.actions.server";

pub(crate) fn create(
    state: &mut State,
    env: &Env,
    mut vals: Vec<(String, Value)>,
) -> Result<i64, Fail> {
    access::check_rights(state, env, MODEL, Op::Create)?;
    if let Err(fail) = check_code(&vals) {
        // The constraint runs after the insert, so the id is used up.
        state.next_id(MODEL);
        return Err(fail);
    }
    add_model_name(state, &mut vals);
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

pub(crate) fn write(
    state: &mut State,
    env: &Env,
    ids: &[i64],
    mut vals: Vec<(String, Value)>,
) -> Result<Value, Fail> {
    check_code(&vals)?;
    add_model_name(state, &mut vals);
    if let Some(lang) = env.lang().filter(|lang| *lang != "en_US") {
        for (name, _) in vals.iter_mut().filter(|(name, _)| name == "name") {
            *name = format!("name@{lang}");
        }
    }
    base::write(state, env, MODEL, ids, vals)
}

fn check_code(vals: &[(String, Value)]) -> Result<(), Fail> {
    let code = vals.iter().find(|(name, _)| name == "code").and_then(|(_, value)| value.as_str());
    code.map_or(Ok(()), code::check)
}

fn add_model_name(state: &State, vals: &mut Vec<(String, Value)>) {
    let target = vals.iter().find(|(name, _)| name == "model_id");
    if let Some(target) = target.and_then(|(_, value)| value.as_int()) {
        let name = base::raw(state, "ir.model", target, "model");
        vals.push(("model_name".to_owned(), name));
    }
}

/// Any user who may write to the records may run the action.
pub(crate) fn run(state: &mut State, env: &Env, ids: &[i64]) -> Result<Value, Fail> {
    let mut result = Value::Bool(false);
    for id in ids {
        if state.row(MODEL, *id).is_none() {
            return Err(access::missing(env, MODEL, *id));
        }
        let text =
            |name: &str| base::raw(state, MODEL, *id, name).as_str().unwrap_or_default().to_owned();
        let (model, code) = (text("model_name"), text("code"));
        let records = records(env, &model);
        code::check_run(state, env, &model, &records)?;
        result = code::execute(state, env, &model, &records, &code)?;
    }
    Ok(result)
}

/// The records of the context, if they are of the action's model.
fn records(env: &Env, model: &str) -> Vec<i64> {
    if env.context.get("active_model").and_then(Value::as_str) != Some(model) {
        return Vec::new();
    }
    let mut records = env.context.get("active_ids").map(Value::int_list).unwrap_or_default();
    let active = env.context.get("active_id").and_then(Value::as_int);
    records.extend(active.filter(|id| !records.contains(id)));
    records
}

/// The Action menu of a model, in the caller's language; every user may ask for it.
pub(crate) fn bindings(state: &State, env: &Env, model: &str) -> Value {
    let mut entries: Vec<Value> = state
        .bindings
        .iter()
        .filter(|(of, _)| of == model)
        .map(|(_, entry)| entry.clone())
        .collect();
    for (id, row) in state.rows(MODEL) {
        let bound = row.get("binding_model_id").and_then(Value::as_int).unwrap_or(0);
        if base::raw(state, "ir.model", bound, "model").as_str() == Some(model) {
            let translated = row.get(&format!("name@{}", env.lang().unwrap_or_default()));
            let entry = [
                ("id", Value::Int(id)),
                (
                    "name",
                    translated.cloned().unwrap_or_else(|| base::raw(state, MODEL, id, "name")),
                ),
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
