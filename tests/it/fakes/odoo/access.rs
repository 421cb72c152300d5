//! Who may do what: access rights per model, record rules, and the texts of a refusal.

use super::failure::Fail;
use super::schema;
use super::state::{Env, Role, State};
use super::value::Value;

/// An operation on a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Read,
    Write,
    Create,
    Unlink,
}

impl Op {
    /// From the `operation` argument of `check_access_rights` and its kin.
    pub(crate) fn parse(name: &str) -> Option<Op> {
        match name {
            "read" => Some(Op::Read),
            "write" => Some(Op::Write),
            "create" => Some(Op::Create),
            "unlink" => Some(Op::Unlink),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Op::Read => "read",
            Op::Write => "write",
            Op::Create => "create",
            Op::Unlink => "unlink",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Op::Read => "access",
            Op::Write => "modify",
            Op::Create => "create",
            Op::Unlink => "delete",
        }
    }

    fn verb_fr(self) -> &'static str {
        match self {
            Op::Read => "accéder aux",
            Op::Write => "modifier les",
            Op::Create => "créer les",
            Op::Unlink => "supprimer les",
        }
    }
}

/// May this user do this on the model at all?
pub(crate) fn allowed(state: &State, env: &Env, model: &str, op: Op) -> bool {
    if env.role == Role::Admin {
        return true;
    }
    if op != Op::Read && state.switches.no_write.contains(model) {
        return false;
    }
    let read = op == Op::Read;
    match model {
        "ir.model"
        | "ir.model.data"
        | "ir.config_parameter"
        | "ir.actions.server"
        | "ir.actions.actions" => false,
        "res.partner" | "helpdesk.ticket" => read || env.role == Role::Bot,
        // From 17 on internal users hold the right and the record rules say no; 16 refuses at once.
        "project.task" => {
            read || env.role == Role::Bot
                || (env.role == Role::Intern && env.version >= 17 && op == Op::Write)
        }
        "ir.attachment" | "mail.message" | "res.users.apikeys.description" => true,
        _ if schema::model(model).is_none() => read || env.role == Role::Bot,
        _ => read,
    }
}

/// Access rights on the model, as a refusal.
pub(crate) fn check_rights(state: &State, env: &Env, model: &str, op: Op) -> Result<(), Fail> {
    if allowed(state, env, model, op) {
        Ok(())
    } else {
        Err(Fail::Access(rights_text(env, model, op)))
    }
}

/// Do the record rules show this record to this user for this operation? Missing records are
/// visible.
pub(crate) fn visible(state: &State, env: &Env, model: &str, id: i64, op: Op) -> bool {
    if env.role == Role::Admin && !matches!(model, "ir.attachment") {
        return true;
    }
    match model {
        "res.partner" => env.role != Role::Portal || id == env.partner,
        "res.users" => env.role != Role::Portal || id == env.uid,
        "project.task" => {
            let hidden = state.private.contains(&(model.to_owned(), id));
            !hidden && env.role != Role::Portal && (op == Op::Read || env.role == Role::Bot)
        }
        "ir.attachment" => attachment_visible(state, env, id),
        "mail.message" => message_visible(state, env, id),
        _ => true,
    }
}

/// Record rules for a set of records, as a refusal.
pub(crate) fn check_rule(
    state: &State,
    env: &Env,
    model: &str,
    ids: &[i64],
    op: Op,
) -> Result<(), Fail> {
    if ids.iter().all(|id| visible(state, env, model, *id, op)) {
        Ok(())
    } else {
        Err(Fail::Access(rule_text(env, model, op)))
    }
}

/// Rights, existence and rules together, in the order the server checks them.
pub(crate) fn check(
    state: &State,
    env: &Env,
    model: &str,
    ids: &[i64],
    op: Op,
) -> Result<(), Fail> {
    check_rights(state, env, model, op)?;
    if let Some(id) = ids.iter().find(|id| state.row(model, **id).is_none()) {
        return Err(missing(env, model, *id));
    }
    check_rule(state, env, model, ids, op)
}

/// True when the user could do this to an existing record.
pub(crate) fn may(state: &State, env: &Env, model: &str, id: i64, op: Op) -> bool {
    allowed(state, env, model, op) && visible(state, env, model, id, op)
}

/// Reading an attachment means reading the record it hangs on.
fn attachment_visible(state: &State, env: &Env, id: i64) -> bool {
    let Some(row) = state.row("ir.attachment", id) else { return true };
    let model = row.get("res_model").and_then(Value::as_str).unwrap_or_default();
    let record = row.get("res_id").and_then(Value::as_int).unwrap_or(0);
    if row.get("public").is_some_and(Value::truthy) {
        return true;
    }
    if model.is_empty() || record == 0 {
        let own = row.get("create_uid").and_then(Value::as_int) == Some(env.uid);
        return own || env.role == Role::Admin;
    }
    if state.installed(model) && state.row(model, record).is_some() {
        return may(state, env, model, record, Op::Read);
    }
    // 16 ignores attachments whose record is gone; later versions hide them from everybody.
    env.version <= 16
}

fn message_visible(state: &State, env: &Env, id: i64) -> bool {
    let Some(row) = state.row("mail.message", id) else { return true };
    let model = row.get("model").and_then(Value::as_str).unwrap_or_default();
    let record = row.get("res_id").and_then(Value::as_int).unwrap_or(0);
    let author = row.get("author_id").and_then(Value::as_int);
    author == Some(env.partner)
        || (state.installed(model) && may(state, env, model, record, Op::Read))
}

/// "Record does not exist or has been deleted."
pub(crate) fn missing(env: &Env, model: &str, id: i64) -> Fail {
    let uid = env.uid;
    Fail::Missing(match (env.french(), env.version) {
        // 16 and 19 leave this text untranslated.
        (true, 18) => {
            format!(
                "Enregistrement inexistant ou supprimé.\n(Enregistrement : {model}({id},), Utilisateur : {uid})"
            )
        }
        _ => format!(
            "Record does not exist or has been deleted.\n(Record: {model}({id},), User: {uid})"
        ),
    })
}

fn rights_text(env: &Env, model: &str, op: Op) -> String {
    let label = schema::model(model).map_or(model, |known| known.label);
    let group = group(env.version, model);
    if env.french() {
        let space = if env.version == 16 { '\u{a0}' } else { ' ' };
        return format!(
            "Vous n'êtes pas autorisé à {} enregistrements '{label}' ({model}).\n\nCette opération est autorisée pour les groupes suivants{space}:\n\t- {group}\n\nContactez votre administrateur pour demander l'accès si nécessaire.",
            op.verb_fr()
        );
    }
    format!(
        "You are not allowed to {} '{label}' ({model}) records.\n\nThis operation is allowed for the following groups:\n\t- {group}\n\nContact your administrator to request access if necessary.",
        op.verb()
    )
}

fn group(version: u32, model: &str) -> &'static str {
    match (model, version) {
        ("res.partner", ..=18) => "Extra Rights/Contact Creation",
        ("res.partner", _) => "Contact/Creation",
        ("project.task" | "project.project", _) => "Project/User",
        ("helpdesk.ticket", _) => "Helpdesk/User",
        ("ir.model" | "ir.model.data" | "res.users", ..=18) => "Administration/Access Rights",
        ("ir.model" | "ir.model.data" | "res.users", _) => "Access Rights",
        (_, ..=18) => "Administration/Settings",
        _ => "Role / Administrator",
    }
}

/// The refusal of a record rule; 17 reworded it.
pub(crate) fn rule_text(env: &Env, model: &str, op: Op) -> String {
    let label = schema::model(model).map_or(model, |known| known.label);
    if env.version <= 16 {
        return format!(
            "Due to security restrictions, you are not allowed to {} '{label}' ({model}) records.\n\nContact your administrator to request access if necessary.",
            op.verb()
        );
    }
    format!(
        "Uh-oh! Looks like you have stumbled upon some top-secret records.\n\nSorry, {} (id={}) doesn't have '{}' access to:\n- {label} ({model})\n\nIf you really, really need access, perhaps you can win over your friendly administrator with a batch of freshly baked cookies.",
        env.user_name,
        env.uid,
        op.name()
    )
}
