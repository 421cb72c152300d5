//! Search domains: polish notation over leaves `[field, operator, value]`.

use super::super::failure::Fail;
use super::super::schema::{self, Kind};
use super::super::state::{Env, State};
use super::super::value::Value;
use super::base::raw;

/// Is `domain` well formed, and does it name only fields of the model?
pub(crate) fn check(env: &Env, model: &str, domain: &Value) -> Result<(), Fail> {
    let items = match domain {
        Value::List(items) => items,
        Value::Nil => return Ok(()),
        other => return Err(not_a_domain(env.version, other)),
    };
    for item in items {
        match item {
            Value::Str(operator) if matches!(operator.as_str(), "&" | "|" | "!") => {}
            Value::List(leaf) if leaf.len() == 3 => check_leaf(env, model, leaf)?,
            other => {
                return Err(Fail::python("ValueError", format!("Invalid leaf {}", other.repr())));
            }
        }
    }
    Ok(())
}

fn check_leaf(env: &Env, model: &str, leaf: &[Value]) -> Result<(), Fail> {
    // The always-true and always-false leaves `[1, '=', 1]` and `[0, '=', 1]`.
    let Some(field) = leaf[0].as_str() else {
        return if leaf[0].as_int().is_some() {
            Ok(())
        } else {
            Err(Fail::python("ValueError", "Invalid leaf"))
        };
    };
    if schema::kind(env.version, model, field).is_none() {
        let leaf = format!("({})", leaf.iter().map(Value::repr).collect::<Vec<_>>().join(", "));
        let text = format!("Invalid field {model}.{field} in ");
        return Err(match env.version {
            ..=18 => Fail::python("ValueError", format!("{text}leaf {leaf}")),
            _ => Fail::during(
                &format!("KeyError: '{field}'"),
                "ValueError",
                format!("{text}condition {leaf}"),
            ),
        });
    }
    let known =
        ["=", "!=", "<>", "in", "not in", "like", "ilike", "=like", "=ilike", "<", ">", "<=", ">="];
    match leaf[1].as_str() {
        Some(operator) if known.contains(&operator) => Ok(()),
        _ => Err(Fail::python("ValueError", format!("Invalid operator {}", leaf[1].repr()))),
    }
}

fn not_a_domain(version: u32, value: &Value) -> Fail {
    match version {
        ..=16 => Fail::python(
            "TypeError",
            format!("object of type '{}' has no len()", python_type(value)),
        ),
        17 | 18 => Fail::python(
            "AssertionError",
            "Domains to normalize must have a 'domain' form: a list or tuple of domain components",
        ),
        _ => Fail::python(
            "TypeError",
            format!("Domain() invalid argument type for domain: {}", value.repr()),
        ),
    }
}

fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Double(_) => "float",
        _ => "int",
    }
}

/// Does the domain speak of this field? Then `active_test` stays out of it.
pub(crate) fn mentions(domain: &Value, field: &str) -> bool {
    domain.as_list().unwrap_or_default().iter().any(|item| {
        item.as_list().and_then(<[Value]>::first).and_then(Value::as_str) == Some(field)
    })
}

/// Does the record match?
pub(crate) fn matches(state: &State, env: &Env, model: &str, id: i64, domain: &Value) -> bool {
    let mut stack: Vec<bool> = Vec::new();
    for item in domain.as_list().unwrap_or_default().iter().rev() {
        let result = match item {
            Value::Str(operator) => {
                let first = stack.pop().unwrap_or(true);
                match operator.as_str() {
                    "!" => !first,
                    "|" => stack.pop().unwrap_or(false) || first,
                    _ => stack.pop().unwrap_or(true) && first,
                }
            }
            Value::List(leaf) => leaf_matches(state, env, model, id, leaf),
            _ => true,
        };
        stack.push(result);
    }
    stack.into_iter().all(|result| result)
}

fn leaf_matches(state: &State, env: &Env, model: &str, id: i64, leaf: &[Value]) -> bool {
    let [field, operator, wanted] = leaf else { return true };
    let operator = operator.as_str().unwrap_or("=");
    let Some(name) = field.as_str() else { return same(field, wanted) };
    let value = raw(state, model, id, name);
    match schema::kind(env.version, model, name) {
        Some(Kind::One2many(_) | Kind::Many2many(_)) => {
            many_matches(&value.int_list(), operator, wanted)
        }
        Some(Kind::Datetime) => {
            let [value, wanted] = [&value, wanted].map(|at| comparable(env.version, at));
            compare(&value, operator, &wanted)
        }
        _ => one_matches(&value, operator, wanted),
    }
}

/// A time as the database compares it: 19 looks at seconds alone.
fn comparable(version: u32, at: &Value) -> Value {
    let text = at.as_str().unwrap_or_default();
    let (seconds, parts) = text.split_once('.').unwrap_or((text, ""));
    Value::Str(if version >= 19 { seconds.to_owned() } else { format!("{seconds}.{parts:0<6}") })
}

fn many_matches(have: &[i64], operator: &str, wanted: &Value) -> bool {
    let wanted_ids = match wanted {
        Value::List(_) => wanted.int_list(),
        other => other.as_int().into_iter().collect(),
    };
    let nothing_wanted = !wanted.truthy();
    let hit = if nothing_wanted {
        have.is_empty()
    } else {
        have.iter().any(|id| wanted_ids.contains(id))
    };
    if matches!(operator, "!=" | "<>" | "not in") { !hit } else { hit }
}

fn one_matches(value: &Value, operator: &str, wanted: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match operator {
        "=" => same(value, wanted),
        "!=" | "<>" => !same(value, wanted),
        "in" => wanted.as_list().unwrap_or_default().iter().any(|one| same(value, one)),
        "not in" => !wanted.as_list().unwrap_or_default().iter().any(|one| same(value, one)),
        "like" => text(value).contains(&text(wanted)),
        "ilike" => text(value).to_lowercase().contains(&text(wanted).to_lowercase()),
        "=like" => like(&text(value), &text(wanted)),
        "=ilike" => like(&text(value).to_lowercase(), &text(wanted).to_lowercase()),
        _ => compare(value, operator, wanted),
    }
}

/// SQL's LIKE, with `_` for any character and `%` at the end of a pattern at most.
fn like(text: &str, pattern: &str) -> bool {
    let start = pattern.strip_suffix('%');
    let fits = |(have, wanted): (char, char)| wanted == '_' || have == wanted;
    let wanted = start.unwrap_or(pattern);
    let (have, long) = (text.chars().count(), wanted.chars().count());
    text.chars().zip(wanted.chars()).all(fits)
        && if start.is_some() { have >= long } else { have == long }
}

fn compare(value: &Value, operator: &str, wanted: &Value) -> bool {
    let order = match (value.as_int(), wanted.as_int()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => value.as_str().unwrap_or_default().cmp(wanted.as_str().unwrap_or_default()),
    };
    match operator {
        "<" => order.is_lt(),
        ">" => order.is_gt(),
        "<=" => order.is_le(),
        _ => order.is_ge(),
    }
}

/// Odoo's equality: unset equals False.
pub(crate) fn same(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Nil | Value::Bool(false), Value::Nil | Value::Bool(false)) => true,
        (Value::Int(left), Value::Int(right)) => left == right,
        (Value::Int(number), Value::Bool(flag)) | (Value::Bool(flag), Value::Int(number)) => {
            i64::from(*flag) == *number
        }
        (left, right) => left == right,
    }
}
