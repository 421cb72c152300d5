//! What every model can do: search, read, create, write, unlink.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::ToSpan as _;

use super::super::access::{self, Op};
use super::super::call::Bound;
use super::super::failure::Fail;
use super::super::schema::{self, Kind};
use super::super::state::{EPOCH, Env, SECONDS, State, moment};
use super::super::value::Value;
use super::domain;

/// Fails on the first name that is no field of the model.
pub(crate) fn check_fields<'a>(
    env: &Env,
    model: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), Fail> {
    for name in names {
        if schema::kind(env.version, model, name).is_none() {
            let place = if env.version <= 18 { "on model" } else { "in" };
            return Err(Fail::python(
                "ValueError",
                format!("Invalid field '{name}' {place} '{model}'"),
            ));
        }
    }
    Ok(())
}

/// A field's stored or computed value, relations as ids.
pub(crate) fn raw(state: &State, model: &str, id: i64, field: &str) -> Value {
    let Some(row) = state.row(model, id) else { return Value::Bool(false) };
    let stored = row.get(field).cloned();
    match field {
        "id" => Value::Int(id),
        "display_name" => state.display_name(model, id).map_or(Value::Bool(false), Value::Str),
        "active" => stored.unwrap_or(Value::Bool(true)),
        "message_ids" => Value::ids(messages_of(state, model, id)),
        "message_attachment_count" => Value::Int(count_attachments(state, model, id)),
        "message_partner_ids" => {
            let followers = state.followers.get(&(model.to_owned(), id));
            Value::ids(followers.into_iter().flatten().copied())
        }
        "create_date" | "write_date" | "date" => stored.unwrap_or_else(|| moment(EPOCH - 1.day())),
        _ => stored.unwrap_or(Value::Bool(false)),
    }
}

fn messages_of(state: &State, model: &str, id: i64) -> Vec<i64> {
    let of_record = |row: &BTreeMap<String, Value>| {
        row.get("model").and_then(Value::as_str) == Some(model)
            && row.get("res_id").and_then(Value::as_int) == Some(id)
    };
    let mut ids: Vec<i64> =
        state.rows("mail.message").filter(|(_, row)| of_record(row)).map(|(id, _)| id).collect();
    ids.reverse();
    ids
}

fn count_attachments(state: &State, model: &str, id: i64) -> i64 {
    let of_record = |row: &BTreeMap<String, Value>| {
        row.get("res_model").and_then(Value::as_str) == Some(model)
            && row.get("res_id").and_then(Value::as_int) == Some(id)
    };
    state.rows("ir.attachment").filter(|(_, row)| of_record(row)).count() as i64
}

/// The ids a search finds, in order, before offset and limit.
fn find(
    state: &State,
    env: &Env,
    model: &str,
    domain: &Value,
    order: Option<&str>,
) -> Result<Vec<i64>, Fail> {
    access::check_rights(state, env, model, Op::Read)?;
    domain::check(env, model, domain)?;
    let tests_active = env.flag("active_test", true) && !domain::mentions(domain, "active");
    let has_active = schema::kind(env.version, model, "active").is_some();
    let mut ids: Vec<i64> = state
        .rows(model)
        .map(|(id, _)| id)
        .filter(|id| !(tests_active && has_active) || raw(state, model, *id, "active").truthy())
        .filter(|id| model != "ir.model" || installed_row(state, *id))
        .filter(|id| domain::matches(state, env, model, *id, domain))
        .filter(|id| searchable(state, env, model, *id))
        .collect();
    sort(state, env, model, &mut ids, order)?;
    Ok(ids)
}

fn installed_row(state: &State, id: i64) -> bool {
    raw(state, "ir.model", id, "model").as_str().is_some_and(|name| state.installed(name))
}

/// Search hides what the rules hide, and on every version attachments whose record is gone.
fn searchable(state: &State, env: &Env, model: &str, id: i64) -> bool {
    if model != "ir.attachment" {
        return access::visible(state, env, model, id, Op::Read);
    }
    let target = raw(state, model, id, "res_model");
    let record = raw(state, model, id, "res_id").as_int().unwrap_or(0);
    let linked = target.as_str().is_some_and(|name| !name.is_empty()) && record != 0;
    let gone = linked
        && target
            .as_str()
            .is_some_and(|name| !state.installed(name) || state.row(name, record).is_none());
    !gone && access::visible(state, env, model, id, Op::Read)
}

fn sort(
    state: &State,
    env: &Env,
    model: &str,
    ids: &mut [i64],
    order: Option<&str>,
) -> Result<(), Fail> {
    let order = order.unwrap_or(match model {
        "ir.model" => "is_mail_thread desc, name",
        "mail.message" | "ir.attachment" | "project.task" => "id desc",
        "res.partner" | "res.country" => "display_name, id",
        _ => "id",
    });
    for part in order.split(',').rev() {
        let mut words = part.split_whitespace();
        let field = words.next().unwrap_or("id");
        let down = words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"));
        if schema::kind(env.version, model, field).is_none() {
            return Err(Fail::python(
                "ValueError",
                format!("Invalid field '{field}' on model '{model}'"),
            ));
        }
        ids.sort_by(|left, right| {
            let (left, right) = (raw(state, model, *left, field), raw(state, model, *right, field));
            let order = match (left.as_int(), right.as_int()) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ => left.as_str().unwrap_or_default().cmp(right.as_str().unwrap_or_default()),
            };
            if down { order.reverse() } else { order }
        });
    }
    Ok(())
}

fn page(ids: Vec<i64>, bound: &Bound) -> Vec<i64> {
    let offset = bound.get("offset").and_then(Value::as_int).unwrap_or(0).max(0) as usize;
    let limit = bound.get("limit").and_then(Value::as_int).filter(|limit| *limit > 0);
    ids.into_iter().skip(offset).take(limit.map_or(usize::MAX, |limit| limit as usize)).collect()
}

pub(crate) fn search(state: &State, env: &Env, model: &str, bound: &Bound) -> Result<Value, Fail> {
    let domain = bound.get("domain").unwrap_or(&Value::Nil);
    let ids = page(find(state, env, model, domain, bound.str("order"))?, bound);
    if bound.get("count").is_some_and(Value::truthy) {
        return Ok(Value::Int(ids.len() as i64));
    }
    Ok(Value::ids(ids))
}

pub(crate) fn search_count(
    state: &State,
    env: &Env,
    model: &str,
    bound: &Bound,
) -> Result<Value, Fail> {
    let domain = bound.get("domain").unwrap_or(&Value::Nil);
    Ok(Value::Int(page(find(state, env, model, domain, None)?, bound).len() as i64))
}

pub(crate) fn search_read(
    state: &State,
    env: &Env,
    model: &str,
    bound: &Bound,
) -> Result<Value, Fail> {
    let domain = bound.get("domain").unwrap_or(&Value::Nil);
    let ids = page(find(state, env, model, domain, bound.str("order"))?, bound);
    read_ids(state, env, model, &ids, bound)
}

/// Matches names and, for contacts, e-mail addresses.
pub(crate) fn name_search(
    state: &State,
    env: &Env,
    model: &str,
    bound: &Bound,
) -> Result<Value, Fail> {
    let extra = bound.get("args").or_else(|| bound.get("domain")).unwrap_or(&Value::Nil);
    let wanted = bound.str("name").unwrap_or_default().to_lowercase();
    let hit = |field: &str, id: i64| {
        raw(state, model, id, field)
            .as_str()
            .is_some_and(|text| text.to_lowercase().contains(&wanted))
    };
    let mut ids = find(state, env, model, extra, None)?;
    ids.retain(|id| hit("display_name", *id) || (model == "res.partner" && hit("email", *id)));
    name_get(state, env, model, &page(ids, bound))
}

pub(crate) fn name_get(state: &State, env: &Env, model: &str, ids: &[i64]) -> Result<Value, Fail> {
    access::check(state, env, model, ids, Op::Read)?;
    let pair =
        |id: &i64| Value::List(vec![Value::Int(*id), raw(state, model, *id, "display_name")]);
    Ok(Value::List(ids.iter().map(pair).collect()))
}

pub(crate) fn fields_get(env: &Env, model: &str, bound: &Bound) -> Value {
    let names = bound.get("allfields").and_then(Value::as_list).unwrap_or_default();
    let wanted: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let attributes = bound.get("attributes").and_then(Value::as_list).unwrap_or_default();
    let attributes: Vec<&str> = attributes.iter().filter_map(Value::as_str).collect();
    let describe = |field: &str, kind: Kind| {
        let mut about = vec![
            ("type".to_owned(), Value::str(kind.name())),
            ("string".to_owned(), Value::str(field)),
            ("name".to_owned(), Value::str(field)),
            ("required".to_owned(), Value::Bool(field == "name")),
            ("readonly".to_owned(), Value::Bool(field == "id")),
        ];
        if let Some(relation) = kind.relation() {
            about.push(("relation".to_owned(), Value::str(relation)));
        }
        about.retain(|(name, _)| attributes.is_empty() || attributes.contains(&name.as_str()));
        (field.to_owned(), Value::Struct(about))
    };
    let fields = schema::fields(env.version, model);
    let chosen =
        fields.into_iter().filter(|(field, _)| wanted.is_empty() || wanted.contains(field));
    Value::Struct(chosen.map(|(field, kind)| describe(field, kind)).collect())
}

/// Missing ids are left out; invisible ones are a refusal.
pub(crate) fn read(state: &State, env: &Env, model: &str, bound: &Bound) -> Result<Value, Fail> {
    access::check_rights(state, env, model, Op::Read)?;
    let ids: Vec<i64> =
        bound.ids.iter().copied().filter(|id| state.row(model, *id).is_some()).collect();
    access::check_rule(state, env, model, &ids, Op::Read)?;
    read_ids(state, env, model, &ids, bound)
}

fn read_ids(
    state: &State,
    env: &Env,
    model: &str,
    ids: &[i64],
    bound: &Bound,
) -> Result<Value, Fail> {
    let all = schema::fields(env.version, model);
    let given = bound.get("fields").and_then(Value::as_list).unwrap_or_default();
    let names: Vec<&str> = match given {
        [] => all.iter().map(|(name, _)| *name).collect(),
        given => given.iter().filter_map(Value::as_str).collect(),
    };
    check_fields(env, model, names.iter().copied())?;
    let classic = bound.str("load").is_none_or(|load| load == "_classic_read");
    let row = |id: i64| {
        let fields = names.iter().filter(|name| **name != "id").filter_map(|name| {
            let (_, kind) = all.iter().find(|(known, _)| known == name)?;
            Some(((*name).to_owned(), present(state, env, model, id, name, *kind, classic)))
        });
        Value::Struct(std::iter::once(("id".to_owned(), Value::Int(id))).chain(fields).collect())
    };
    Ok(Value::List(ids.iter().map(|id| row(*id)).collect()))
}

/// A value as `read` shows it.
fn present(
    state: &State,
    env: &Env,
    model: &str,
    id: i64,
    field: &str,
    kind: Kind,
    classic: bool,
) -> Value {
    let value = raw(state, model, id, field);
    match kind {
        Kind::Char => {
            let own = format!("{field}@{}", env.lang().unwrap_or_default());
            Some(raw(state, model, id, &own)).filter(Value::truthy).unwrap_or(value)
        }
        Kind::Many2one(other) => match value.as_int().filter(|target| *target > 0) {
            Some(target) if classic => {
                let name = state.display_name(other, target).unwrap_or_default();
                Value::List(vec![Value::Int(target), Value::Str(name)])
            }
            Some(target) => Value::Int(target),
            None => Value::Bool(false),
        },
        Kind::One2many(_) | Kind::Many2many(_) => {
            let mut ids = value.int_list();
            ids.sort_unstable();
            // Attachments come newest first, as their model orders them.
            if kind == Kind::Many2many("ir.attachment") {
                ids.reverse();
            }
            Value::ids(ids)
        }
        Kind::Int => Value::Int(value.as_int().unwrap_or(0)),
        Kind::Datetime => value
            .as_str()
            .map_or(Value::Bool(false), |at| Value::str(at.get(..SECONDS).unwrap_or(at))),
        Kind::Binary => binary(state, env, id),
        _ => value,
    }
}

fn binary(state: &State, env: &Env, id: i64) -> Value {
    match state.files.get(&id) {
        Some(file) if env.flag("bin_size", false) => {
            Value::Str(format!("{}.00 bytes", file.content.bytes.len()))
        }
        Some(file) => Value::Str(STANDARD.encode(&file.content.bytes)),
        None => Value::Bool(false),
    }
}

pub(crate) fn create(
    state: &mut State,
    env: &Env,
    model: &str,
    vals: Vec<(String, Value)>,
) -> Result<i64, Fail> {
    access::check_rights(state, env, model, Op::Create)?;
    let has_name = schema::kind(env.version, model, "name").is_some();
    let named = vals.iter().any(|(name, value)| name == "name" && value.truthy());
    if has_name && !named {
        return Err(missing_required(env, model));
    }
    if model == "ir.model.data" && is_taken(state, &vals) {
        let text = "The operation cannot be completed: An external id of this name exists already";
        return Err(Fail::User(text.to_owned()));
    }
    Ok(store(state, env, model, vals))
}

/// External ids are unique in their module.
fn is_taken(state: &State, vals: &[(String, Value)]) -> bool {
    let given = |name: &str| vals.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    state
        .rows("ir.model.data")
        .any(|(_, row)| row.get("module") == given("module") && row.get("name") == given("name"))
}

/// Stores a checked record.
pub(crate) fn store(state: &mut State, env: &Env, model: &str, vals: Vec<(String, Value)>) -> i64 {
    let id = state.next_id(model);
    let mut row: BTreeMap<String, Value> =
        vals.into_iter().map(|(name, value)| (name, commands(&[], value))).collect();
    stamp(&mut row, env, "create", state.now());
    stamp(&mut row, env, "write", state.now());
    state.put(model, id, row);
    id
}

/// Notes who did this (`create`, `write`) to a record, and when.
pub(crate) fn stamp(row: &mut BTreeMap<String, Value>, env: &Env, what: &str, now: Value) {
    row.insert(format!("{what}_uid"), Value::Int(env.uid));
    row.insert(format!("{what}_date"), now);
}

pub(crate) fn missing_required(env: &Env, model: &str) -> Fail {
    let label = schema::model(model).map_or(model, |known| known.label);
    Fail::User(match env.version {
        ..=18 => format!(
            "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n- Delete: another model requires the record being deleted. If possible, archive it instead.\n\nModel: {label} ({model})\nField: Name (name)\n"
        ),
        _ => format!(
            "The operation cannot be completed: Missing required value for the field 'Name' (name).\nModel: '{label}' ({model})\n- create/update: a mandatory field is not set\n- delete: another model requires the record being deleted, you can archive it instead\n"
        ),
    })
}

pub(crate) fn write(
    state: &mut State,
    env: &Env,
    model: &str,
    ids: &[i64],
    vals: Vec<(String, Value)>,
) -> Result<Value, Fail> {
    for id in ids {
        for (name, value) in &vals {
            if model == "res.partner" && name == "parent_id" && value.as_int() == Some(*id) {
                return Err(recursive(env));
            }
            let before = raw(state, model, *id, name).int_list();
            let now = state.now();
            if let Some(row) = state.row_mut(model, *id) {
                row.insert(name.clone(), commands(&before, value.clone()));
                stamp(row, env, "write", now);
            }
        }
    }
    Ok(Value::Bool(true))
}

fn recursive(env: &Env) -> Fail {
    Fail::Validation(if env.french() {
        "Vous ne pouvez pas créer de hiérarchie de partenaires récursive.".to_owned()
    } else {
        "You cannot create recursive Partner hierarchies.".to_owned()
    })
}

/// Applies x2many commands (`(6,0,ids)`, `(5,)`, `(4,id)`, `(3,id)`); other values pass.
fn commands(before: &[i64], value: Value) -> Value {
    let Value::List(items) = &value else { return value };
    if items.is_empty() || !items.iter().all(|item| item.as_list().is_some()) {
        return value;
    }
    let mut ids = before.to_vec();
    for command in items.iter().filter_map(Value::as_list) {
        let target = command.get(1).and_then(Value::as_int).unwrap_or(0);
        match command.first().and_then(Value::as_int) {
            Some(6) => ids = command.get(2).map(Value::int_list).unwrap_or_default(),
            Some(5) => ids.clear(),
            Some(4) if !ids.contains(&target) => ids.push(target),
            Some(2 | 3) => ids.retain(|id| *id != target),
            _ => {}
        }
    }
    Value::ids(ids)
}

pub(crate) fn unlink(
    state: &mut State,
    env: &Env,
    model: &str,
    ids: &[i64],
) -> Result<Value, Fail> {
    access::check_rights(state, env, model, Op::Unlink)?;
    let gone = ids.iter().find(|id| state.row(model, **id).is_none());
    if let Some(id) = gone.filter(|_| model == "ir.attachment") {
        return Err(access::missing(env, model, *id));
    }
    let ids: Vec<i64> = ids.iter().copied().filter(|id| state.row(model, *id).is_some()).collect();
    if model == "ir.attachment" {
        super::attachment::check_targets(state, env, &ids)?;
    } else {
        access::check_rule(state, env, model, &ids, Op::Unlink)?;
    }
    for id in ids {
        if let Some(table) = state.tables.get_mut(model) {
            table.remove(&id);
        }
        if model == "ir.attachment" {
            state.files.remove(&id);
        }
        // A record takes its external ids along.
        if let Some(ids) = state.tables.get_mut("ir.model.data") {
            ids.retain(|_, row| {
                row.get("model").and_then(Value::as_str) != Some(model)
                    || row.get("res_id").and_then(Value::as_int) != Some(id)
            });
        }
    }
    Ok(Value::Bool(true))
}
