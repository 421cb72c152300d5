//! `ir.attachment`: where photos arrive. Strict about `datas` and `raw`, lax (before 19) about
//! targets.

use std::collections::BTreeMap;

use super::super::access::{self, Op};
use super::super::failure::Fail;
use super::super::files::Content;
use super::super::state::{Env, Role, State, Stored};
use super::super::value::Value;
use super::{base, image};

const REFUSED: &str = "Sorry, you are not allowed to access this document.";

/// A refusal without a reason, as `ir.attachment` gives it.
pub(crate) fn refused() -> Fail {
    Fail::Access(REFUSED.to_owned())
}

/// What `create` or `write` was given, sorted.
struct Incoming {
    vals: BTreeMap<String, Value>,
    content: Option<Content>,
}

pub(crate) fn create(
    state: &mut State,
    env: &Env,
    vals: Vec<(String, Value)>,
) -> Result<i64, Fail> {
    let mut incoming = incoming(env, vals)?;
    check_target(state, env, &incoming.vals)?;
    if !incoming.vals.get("name").is_some_and(Value::truthy) {
        return Err(base::missing_required(env, "ir.attachment"));
    }
    let stored = settle(state, env, &mut incoming);
    let id = state.next_id("ir.attachment");
    let mut row = incoming.vals;
    row.entry("type".to_owned()).or_insert_with(|| Value::str("binary"));
    row.entry("public".to_owned()).or_insert(Value::Bool(false));
    base::stamp(&mut row, env, "create", state.now());
    base::stamp(&mut row, env, "write", state.now());
    state.put("ir.attachment", id, row);
    if let Some(stored) = stored {
        state.files.insert(id, stored);
    }
    Ok(id)
}

pub(crate) fn write(
    state: &mut State,
    env: &Env,
    ids: &[i64],
    vals: Vec<(String, Value)>,
) -> Result<Value, Fail> {
    check_targets(state, env, ids)?;
    let mut incoming = incoming(env, vals)?;
    let stored = if incoming.content.is_some() { settle(state, env, &mut incoming) } else { None };
    let now = state.now();
    for id in ids {
        if let Some(row) = state.row_mut("ir.attachment", *id) {
            row.extend(incoming.vals.clone());
            base::stamp(row, env, "write", now.clone());
        }
        if let Some(stored) = &stored {
            state.files.insert(*id, stored.clone());
        }
    }
    Ok(Value::Bool(true))
}

/// `datas` must be base64 in a string. `raw` fails before 19; 19 stores the text itself, unread.
fn incoming(env: &Env, vals: Vec<(String, Value)>) -> Result<Incoming, Fail> {
    let mut vals: BTreeMap<String, Value> = vals.into_iter().collect();
    let datas = match vals.remove("datas") {
        Some(Value::File(file)) => Some(file.content.clone()?),
        Some(Value::Base64(_)) => {
            let text = "argument should be a bytes-like object or ASCII string, not 'Binary'";
            return Err(Fail::python("TypeError", text));
        }
        Some(other) if other.truthy() => {
            let text = format!(
                "argument should be a bytes-like object or ASCII string, not {}",
                other.repr()
            );
            return Err(Fail::python("TypeError", text));
        }
        _ => None,
    };
    let raw = match vals.remove("raw") {
        Some(Value::Str(text)) if env.version >= 19 && !text.is_empty() => {
            Some(Content::new(text.into_bytes()))
        }
        Some(Value::Str(text)) if !text.is_empty() => {
            return Err(Fail::python("TypeError", "a bytes-like object is required, not 'str'"));
        }
        Some(Value::Base64(_)) => {
            return Err(Fail::python("TypeError", "'Binary' object is not subscriptable"));
        }
        _ => None,
    };
    let content = raw.or(datas);
    let empty = content.as_ref().is_some_and(|content| content.bytes.is_empty());
    Ok(Incoming { vals, content: if empty { None } else { content } })
}

/// Type, size, checksum and the shrinking of big pictures.
fn settle(state: &State, env: &Env, incoming: &mut Incoming) -> Option<Stored> {
    let mut mimetype = guess_type(&incoming.vals, incoming.content.as_ref());
    // Non-administrators may not store what a browser would run.
    let runs = mimetype.contains("ht")
        || (mimetype.contains("xml") && !mimetype.contains("openxmlformats"));
    if runs && env.role != Role::Admin {
        mimetype = "text/plain".to_owned();
    }
    let shrunk = match &incoming.content {
        Some(content) if !env.flag("image_no_postprocess", false) => image::shrink(
            content,
            &mimetype,
            parameter(state, "base.image_autoresize_max_px").as_deref(),
        ),
        _ => None,
    };
    let postprocessed = shrunk.is_some();
    let content = shrunk.or_else(|| incoming.content.take());
    let vals = &mut incoming.vals;
    vals.insert("mimetype".to_owned(), Value::Str(mimetype));
    if let Some(content) = &content {
        vals.insert("file_size".to_owned(), Value::Int(content.bytes.len() as i64));
        vals.insert("checksum".to_owned(), Value::str(&content.sha1));
        vals.insert(
            "store_fname".to_owned(),
            Value::Str(format!("{}/{}", &content.sha1[..2], content.sha1)),
        );
    }
    content.map(|content| Stored { content, postprocessed })
}

fn parameter(state: &State, key: &str) -> Option<String> {
    let mut rows = state.rows("ir.config_parameter");
    let (_, row) = rows.find(|(_, row)| row.get("key").and_then(Value::as_str) == Some(key))?;
    row.get("value").and_then(Value::as_str).map(str::to_owned)
}

/// The given type, else the name's, else the content's.
fn guess_type(vals: &BTreeMap<String, Value>, content: Option<&Content>) -> String {
    let given = vals.get("mimetype").and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = vals.get("name").and_then(Value::as_str).unwrap_or_default();
    let by_name = match name.rsplit_once('.').map(|(_, ext)| ext.to_ascii_lowercase()).as_deref() {
        Some("jpg" | "jpeg") => Some("image/jpeg"),
        Some("png") => Some("image/png"),
        Some("gif") => Some("image/gif"),
        Some("webp") => Some("image/webp"),
        Some("pdf") => Some("application/pdf"),
        Some("txt") => Some("text/plain"),
        _ => None,
    };
    let by_content = || content.and_then(|content| image::mimetype(&content.bytes));
    given.or(by_name).or_else(by_content).unwrap_or("application/octet-stream").to_lowercase()
}

/// Creating an attachment is writing to the record it hangs on.
fn check_target(state: &State, env: &Env, vals: &BTreeMap<String, Value>) -> Result<(), Fail> {
    if env.role == Role::Portal {
        return Err(refused());
    }
    let model = vals.get("res_model").and_then(Value::as_str).unwrap_or_default();
    let record = vals.get("res_id").and_then(Value::as_int).unwrap_or(0);
    if model.is_empty() || record == 0 {
        return Ok(());
    }
    check_record(state, env, model, record)
}

fn check_record(state: &State, env: &Env, model: &str, record: i64) -> Result<(), Fail> {
    let exists = state.installed(model) && state.row(model, record).is_some();
    if env.version >= 19 {
        let may = exists && access::may(state, env, model, record, Op::Write);
        return if may { Ok(()) } else { Err(refused()) };
    }
    // Before 19 an attachment on an unknown model or a missing record goes through.
    if !state.installed(model) {
        return Ok(());
    }
    access::check_rights(state, env, model, Op::Write)?;
    if exists { access::check_rule(state, env, model, &[record], Op::Write) } else { Ok(()) }
}

/// The same check for attachments that exist already.
pub(crate) fn check_targets(state: &State, env: &Env, ids: &[i64]) -> Result<(), Fail> {
    for id in ids {
        let Some(row) = state.row("ir.attachment", *id) else { continue };
        check_target(state, env, row)?;
    }
    Ok(())
}
