//! The Python of server actions. It is not run: what it says is recognised by what it mentions.
//!
//! * `generate_access_token`: leaves a mark on the record with its caller's rights and answers
//!   the address that `page = "..."` says, with the mark's id and token.
//! * `apertur_photo`: attaches and posts what that member of the context holds (`attachment
//!   context message posting customer`), unless the attachment is there.
//! * `message_post(` together with `ir.attachment`: the one-call delivery that was recorded. It
//!   reads `photo` from the context (`id name datas mimetype body subtype`), looks for
//!   `apertur:<id>` on the record, attaches and posts.
//! * `ir.actions.act_url`: answers the address with the record filled in.
//!
//! That real servers take the code of the bridge and do the same was measured on 16 to 19;
//! `odoo/actions.rs` holds it to what `safe_eval` allows.

use sha2::{Digest, Sha256};

use super::super::access::{self, Op};
use super::super::call::Bound;
use super::super::failure::Fail;
use super::super::schema;
use super::super::state::{Env, State};
use super::super::value::Value;
use super::{attachment, base, message};

/// What `safe_eval` says against a code before it is kept.
pub(crate) fn check(code: &str) -> Result<(), Fail> {
    let imports =
        |line: &&str| line.trim_start().starts_with("import ") || line.starts_with("from ");
    if code.lines().any(|line| imports(&line)) {
        let text = format!("forbidden opcode(s) in {}: IMPORT_NAME", Value::str(code).repr());
        return Err(Fail::Validation(text));
    }
    let statements = code.lines().filter(|line| !line.trim_start().starts_with('#'));
    // What is between quotes is a constant, not a name.
    let names = statements.flat_map(|line| line.split(['\'', '"']).step_by(2));
    let dunder = names.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_'));
    match dunder.into_iter().find(|name| name.contains("__")) {
        Some(name) => Err(Fail::Validation(format!(
            "Access to forbidden name '{name}' ({})",
            Value::str(code).repr()
        ))),
        None => Ok(()),
    }
}

/// Runs the code for these records of the action's model, which its caller may write to.
pub(crate) fn execute(
    state: &mut State,
    env: &Env,
    model: &str,
    records: &[i64],
    code: &str,
) -> Result<Value, Fail> {
    if code.contains("generate_access_token") {
        return collect(state, env, model, records, code);
    }
    if code.contains("apertur_photo") {
        return deliver(state, env, model, records);
    }
    let record = records.first().copied().unwrap_or(0);
    if code.contains("message_post(") && code.contains("ir.attachment") {
        return deliver_as_recorded(state, env, model, record);
    }
    let Some(url) = between(code, "'url': '", '\'') else { return Ok(Value::Bool(false)) };
    let url = url.replacen("%s", model, 1).replacen("%s", &record.to_string(), 1);
    Ok(open(url))
}

fn open(url: String) -> Value {
    Value::object([
        ("type", Value::str("ir.actions.act_url")),
        ("url", Value::Str(url)),
        ("target", Value::str("new")),
    ])
}

fn between<'a>(code: &'a str, before: &str, end: char) -> Option<&'a str> {
    code.split_once(before)?.1.split_once(end).map(|(found, _)| found)
}

const MARK: &str = "apertur-collect:";

fn collect(
    state: &mut State,
    env: &Env,
    model: &str,
    records: &[i64],
    code: &str,
) -> Result<Value, Fail> {
    let [record] = records else {
        let text = between(code, "raise UserError('", '\'').unwrap_or_default();
        return Err(Fail::User(text.to_owned()));
    };
    let is_mine = |id: &i64| {
        let field = |name: &str| base::raw(state, "ir.attachment", *id, name);
        field("res_model").as_str() == Some(model)
            && field("res_id").as_int() == Some(*record)
            && field("create_uid").as_int() == Some(env.uid)
            && field("description").as_str().is_some_and(|text| text.starts_with(MARK))
    };
    let mine: Vec<i64> = state.rows("ir.attachment").map(|(id, _)| id).filter(is_mine).collect();
    base::unlink(state, env, "ir.attachment", &mine)?;
    let token = uuid::Uuid::now_v7().to_string();
    let vals = vec![
        ("name".to_owned(), Value::str("apertur-collect")),
        ("type".to_owned(), Value::str("binary")),
        ("res_model".to_owned(), Value::str(model)),
        ("res_id".to_owned(), Value::Int(*record)),
        ("access_token".to_owned(), Value::Bool(false)),
        (
            "description".to_owned(),
            Value::Str(format!("{MARK}{}", hex::encode(Sha256::digest(&token)))),
        ),
    ];
    let mark = attachment::create(state, &inside(env, Value::Struct(Vec::new())), vals)?;
    let page = between(code, "page = \"", '"').unwrap_or_default();
    Ok(open(format!("{page}&mark={mark}&token={token}")))
}

fn inside(env: &Env, context: Value) -> Env {
    Env { context, ..env.clone() }
}

fn deliver(state: &mut State, env: &Env, model: &str, records: &[i64]) -> Result<Value, Fail> {
    let photo = env.context.get("apertur_photo").cloned().ok_or_else(|| key("apertur_photo"))?;
    let part = |name: &str| photo.get(name).cloned().ok_or_else(|| key(name));
    let [record] = records else {
        let text = format!("ValueError('Expected singleton: {model}()') while evaluating");
        return Err(Fail::python("ValueError", text));
    };
    let values = part("attachment")?;
    let description = values.get("description").ok_or_else(|| key("description"))?;
    let description = description.as_str().unwrap_or_default();
    if let Some(id) = find(state, model, *record, description) {
        let found = [("attachment", Value::Int(id)), ("message", Value::Bool(false))];
        return Ok(close(Value::object(found)));
    }
    let mut vals = values.members().unwrap_or_default().to_vec();
    vals.push(("res_model".to_owned(), Value::str(model)));
    vals.push(("res_id".to_owned(), Value::Int(*record)));
    let made = attachment::create(state, &inside(env, part("context")?), vals)?;
    let mut named = part("message")?.members().unwrap_or_default().to_vec();
    named.push(("attachment_ids".to_owned(), Value::ids([made])));
    if let Some(field) = part("customer")?.as_str() {
        schema::kind(env.version, model, field).ok_or_else(|| key(field))?;
        if let Some(partner) = base::raw(state, model, *record, field).as_int().filter(|id| *id > 0)
        {
            named.push(("partner_ids".to_owned(), Value::ids([partner])));
        }
    }
    let told = named.iter().any(|(name, value)| name == "partner_ids" && value.truthy());
    let quietly = inside(env, part("posting")?);
    let posted = message::post(state, &quietly, model, Bound { ids: vec![*record], named })?;
    let posted = posted.int_list().first().copied().or(posted.as_int());
    Ok(close(Value::object([
        ("attachment", Value::Int(made)),
        ("message", Value::Int(posted.unwrap_or(0))),
        ("told", Value::Bool(told)),
    ])))
}

fn key(name: &str) -> Fail {
    Fail::python("ValueError", format!("KeyError('{name}') while evaluating"))
}

fn close(infos: Value) -> Value {
    Value::object([("type", Value::str("ir.actions.act_window_close")), ("infos", infos)])
}

fn deliver_as_recorded(
    state: &mut State,
    env: &Env,
    model: &str,
    record: i64,
) -> Result<Value, Fail> {
    let photo = env.context.get("photo").cloned().unwrap_or(Value::Struct(Vec::new()));
    let part = |name: &str| photo.get(name).cloned().ok_or_else(|| key(name));
    let key = format!("apertur:{}", part("id")?.as_str().unwrap_or_default());
    let duplicate = find(state, model, record, &key);
    let id = match duplicate {
        Some(id) => id,
        None => attach_and_post(state, env, model, record, key, &part)?,
    };
    let infos =
        [("attachment_id", Value::Int(id)), ("duplicate", Value::Bool(duplicate.is_some()))];
    Ok(close(Value::object(infos)))
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
    let inside = inside(env, Value::object([("image_no_postprocess", Value::Bool(true))]));
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

/// The attachment with this description on a record. Who may write there sees it.
fn find(state: &State, model: &str, record: i64, key: &str) -> Option<i64> {
    let hit = |id: &i64| {
        let field = |name: &str| base::raw(state, "ir.attachment", *id, name);
        field("description").as_str() == Some(key)
            && field("res_model").as_str() == Some(model)
            && field("res_id").as_int() == Some(record)
    };
    state.rows("ir.attachment").map(|(id, _)| id).filter(hit).last()
}

/// Rights on the model, then existence and rules of every record, as `run` checks them.
pub(crate) fn check_run(
    state: &State,
    env: &Env,
    model: &str,
    records: &[i64],
) -> Result<(), Fail> {
    access::check_rights(state, env, model, Op::Write)?;
    access::check(state, env, model, records, Op::Write)
}
