//! Users and system parameters.

use super::super::access::{self, Op};
use super::super::call::Bound;
use super::super::failure::Fail;
use super::super::state::{Account, Env, Role, State};
use super::super::value::Value;
use super::base;

pub(crate) fn context_get(env: &Env) -> Value {
    Value::object([
        ("lang", Value::str("en_US")),
        ("tz", Value::Bool(false)),
        ("uid", Value::Int(env.uid)),
    ])
}

/// A new internal user gets the rights of the service user: the groups themselves are not
/// simulated.
pub(crate) fn create(
    state: &mut State,
    env: &Env,
    vals: Vec<(String, Value)>,
) -> Result<i64, Fail> {
    access::check_rights(state, env, "res.users", Op::Create)?;
    let field =
        |name: &str| vals.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let text =
        |name: &str| field(name).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let login = text("login");
    if login.is_empty() {
        return Err(base::missing_required(env, "res.users"));
    }
    check_login(state, env, &login)?;
    let uid = state.next_id("res.users");
    let partner = state.next_id("res.partner");
    let email = field("email").unwrap_or(Value::Bool(false));
    let account = Account { login, password: text("password"), keys: Vec::new(), role: Role::Bot };
    state.add_user(uid, partner, &text("name"), email, account);
    Ok(uid)
}

pub(crate) fn write(
    state: &mut State,
    ids: &[i64],
    vals: Vec<(String, Value)>,
    env: &Env,
) -> Result<Value, Fail> {
    let login = vals
        .iter()
        .find(|(name, _)| name == "login")
        .and_then(|(_, value)| value.as_str())
        .map(str::to_owned);
    if let Some(login) = login {
        check_login(state, env, &login)?;
        for id in ids {
            if let Some(account) = state.accounts.get_mut(id) {
                account.login.clone_from(&login);
            }
        }
    }
    for id in ids {
        let partner = state.partner_of(*id);
        for (name, value) in
            vals.iter().filter(|(name, _)| matches!(name.as_str(), "name" | "email"))
        {
            if let Some(row) = state.row_mut("res.partner", partner) {
                row.insert(name.clone(), value.clone());
            }
        }
    }
    base::write(state, env, "res.users", ids, vals)
}

fn check_login(state: &State, env: &Env, login: &str) -> Result<(), Fail> {
    if state.accounts.values().any(|account| account.login == login) {
        let space = if env.version <= 16 { " " } else { "" };
        let text = format!(
            "The operation cannot be completed: You can not have two users with the same login{space}!"
        );
        return Err(Fail::Validation(text));
    }
    Ok(())
}

pub(crate) fn get_param(state: &State, env: &Env, bound: &Bound) -> Result<Value, Fail> {
    access::check_rights(state, env, "ir.config_parameter", Op::Read)?;
    let default = bound.get("default").cloned().unwrap_or(Value::Bool(false));
    let key = bound.str("key").unwrap_or_default();
    Ok(find(state, key).map_or(default, |id| base::raw(state, "ir.config_parameter", id, "value")))
}

/// Answers the value that was there before, False for a new key.
pub(crate) fn set_param(state: &mut State, env: &Env, bound: &Bound) -> Result<Value, Fail> {
    access::check_rights(state, env, "ir.config_parameter", Op::Write)?;
    let key = bound.str("key").unwrap_or_default().to_owned();
    let value = bound.get("value").cloned().unwrap_or(Value::Bool(false));
    match find(state, &key) {
        Some(id) => {
            let before = base::raw(state, "ir.config_parameter", id, "value");
            base::write(
                state,
                env,
                "ir.config_parameter",
                &[id],
                vec![("value".to_owned(), value)],
            )?;
            Ok(before)
        }
        None => {
            let vals = vec![("key".to_owned(), Value::Str(key)), ("value".to_owned(), value)];
            base::store(state, env, "ir.config_parameter", vals);
            Ok(Value::Bool(false))
        }
    }
}

fn find(state: &State, key: &str) -> Option<i64> {
    state
        .rows("ir.config_parameter")
        .find(|(_, row)| row.get("key").and_then(Value::as_str) == Some(key))
        .map(|(id, _)| id)
}
