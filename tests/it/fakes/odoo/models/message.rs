//! The chatter: `message_post` and its version-dependent strictness, followers, notifications.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::access::{self, Op};
use super::super::call::Bound;
use super::super::failure::Fail;
use super::super::files::decode_files;
use super::super::state::{Env, Role, Row, State};
use super::super::value::Value;
use super::{attachment, base, html};

const MODEL: &str = "mail.message";
/// `mail.mt_comment`: seen by followers.
const COMMENT: i64 = 1;
/// `mail.mt_note`: internal.
const NOTE: i64 = 2;

/// Arguments of `message_post` and fields of the message it may set, from 17 on.
const KNOWN: &str = "body subject message_type email_from author_id author_guest_id parent_id \
    subtype_xmlid subtype_id partner_ids attachments attachment_ids body_is_html date is_internal \
    reply_to reply_to_force_new message_id mail_server_id mail_activity_type_id \
    tracking_value_ids email_layout_xmlid email_add_signature mail_auto_delete model_description \
    notify_author force_send send_after_commit skip_existing scheduled_date force_email_lang";
/// Arguments that came with 19.
const KNOWN_19: &str =
    "outgoing_email_to incoming_email_to incoming_email_cc notify_skip_followers";

/// Posts a message; the answer is an id up to 18, a list from 19 on.
pub(crate) fn post(state: &mut State, env: &Env, model: &str, bound: Bound) -> Result<Value, Fail> {
    let record = singleton(model, &bound.ids)?;
    check_arguments(state, env, model, record, &bound)?;
    let linked = attachment_ids(env, &bound)?;
    if let Some(id) = linked.iter().find(|id| state.row("ir.attachment", **id).is_none()) {
        return Err(access::missing(env, "ir.attachment", *id));
    }
    let author = author(state, env, &bound)?;
    let mut attachments = inline_attachments(state, env, model, record, &bound)?;
    let id = state.next_id(MODEL);
    check_post(state, env, model, record, id)?;
    check_attachments(state, env, &linked)?;
    let partners = partners(state, env, &bound)?;
    let body = body(state, env, model, record, &bound, &mut attachments)?;
    for linked in linked {
        relink(state, env, linked, model, record);
        if !attachments.contains(&linked) {
            attachments.push(linked);
        }
    }
    let subtype = subtype(&bound);
    let notified = notify(state, model, record, id, subtype, author.0.as_int(), &partners);
    let message_type = bound.str("message_type").unwrap_or("notification");
    if message_type != "notification" {
        follow(state, env, (model, record), author.0.as_int(), &partners);
    }
    let now = state.now();
    let row: [(&str, Value); 17] = [
        ("body", Value::Str(body)),
        ("model", Value::str(model)),
        ("res_id", Value::Int(record)),
        ("record_name", base::raw(state, model, record, "display_name")),
        ("subject", bound.get("subject").cloned().unwrap_or(Value::Bool(false))),
        ("message_type", Value::str(message_type)),
        ("subtype_id", Value::Int(subtype)),
        ("is_internal", Value::Bool(bound.get("is_internal").is_some_and(Value::truthy))),
        ("author_id", author.0),
        ("email_from", author.1),
        ("attachment_ids", Value::ids(attachments)),
        ("partner_ids", Value::ids(partners)),
        ("notified_partner_ids", Value::ids(notified)),
        ("create_uid", Value::Int(env.uid)),
        ("create_date", now.clone()),
        ("write_uid", Value::Int(env.uid)),
        ("write_date", now),
    ];
    state.put(
        MODEL,
        id,
        row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Row>(),
    );
    Ok(if env.version >= 19 { Value::ids([id]) } else { Value::Int(id) })
}

/// `ensure_one`, with the texts of its two ways to fail.
fn singleton(model: &str, ids: &[i64]) -> Result<i64, Fail> {
    match ids {
        [id] => Ok(*id),
        [] => Err(Fail::during(
            "ValueError: not enough values to unpack (expected 1, got 0)",
            "ValueError",
            format!("Expected singleton: {model}()"),
        )),
        many => {
            let list = many.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            let text = format!("Expected singleton: {model}({list})");
            Err(Fail::during(
                "ValueError: too many values to unpack (expected 1)",
                "ValueError",
                text,
            ))
        }
    }
}

fn check_arguments(
    state: &mut State,
    env: &Env,
    model: &str,
    record: i64,
    bound: &Bound,
) -> Result<(), Fail> {
    if state.row(model, record).is_none() {
        // Seen on 18 and 19 only: the service user's attempt used up a message id.
        if env.version >= 18 && env.role != Role::Admin {
            state.next_id(MODEL);
        }
        return Err(access::missing(env, model, record));
    }
    let newer = if env.version >= 19 { KNOWN_19 } else { "" };
    let known: Vec<&str> = KNOWN.split_whitespace().chain(newer.split_whitespace()).collect();
    let names = bound.named.iter().map(|(name, _)| name.as_str());
    let unknown: Vec<&str> = names.filter(|name| !known.contains(name)).collect();
    if env.version >= 17 && !unknown.is_empty() {
        let text = "Those values are not supported when posting or notifying";
        return Err(Fail::python("ValueError", format!("{text}: {}", unknown.join(", "))));
    }
    let kinds =
        ["email", "comment", "email_outgoing", "notification", "auto_comment", "out_of_office"];
    match bound.str("message_type") {
        Some(kind) if !kinds.contains(&kind) => Err(Fail::python(
            "ValueError",
            format!("Wrong value for mail.message.message_type: '{kind}'"),
        )),
        _ => Ok(()),
    }
}

fn attachment_ids(env: &Env, bound: &Bound) -> Result<Vec<i64>, Fail> {
    id_list(bound.get("attachment_ids"), |given| match env.version {
        ..=16 => Fail::python("TypeError", "unhashable type: 'list'"),
        _ => Fail::python(
            "ValueError",
            format!(
                "Posting a message should receive attachments records as a list of IDs (received {})",
                given.repr()
            ),
        ),
    })
}

fn id_list(given: Option<&Value>, refuse: impl Fn(&Value) -> Fail) -> Result<Vec<i64>, Fail> {
    let Some(given) = given.filter(|given| given.truthy()) else { return Ok(Vec::new()) };
    let items = given.as_list().ok_or_else(|| refuse(given))?;
    items.iter().map(|item| item.as_int().ok_or_else(|| refuse(given))).collect()
}

/// Author and sender. Up to 18 a message needs an e-mail address behind it.
fn author(state: &State, env: &Env, bound: &Bound) -> Result<(Value, Value), Fail> {
    let given_from = bound.get("email_from").filter(|from| from.truthy()).cloned();
    let author = match (bound.get("author_id"), &given_from) {
        (Some(Value::Int(id)), _) => Value::Int(*id),
        (_, Some(_)) => Value::Bool(false),
        _ => Value::Int(env.partner),
    };
    let email = author
        .as_int()
        .map_or(Value::Bool(false), |id| base::raw(state, "res.partner", id, "email"));
    let from = match (given_from, email.as_str(), author.as_int()) {
        (Some(from), ..) => from,
        (None, Some(email), Some(id)) if !email.is_empty() => Value::Str(format!(
            "\"{}\" <{email}>",
            state.display_name("res.partner", id).unwrap_or_default()
        )),
        _ if env.version >= 19 => Value::Bool(false),
        _ => {
            let text = "Unable to send message, please configure the sender's email address.";
            return Err(Fail::User(text.to_owned()));
        }
    };
    Ok((author, from))
}

/// Posting needs write access, on tasks only read access. The message id is used up either way.
fn check_post(state: &State, env: &Env, model: &str, record: i64, id: i64) -> Result<(), Fail> {
    let op = if model == "project.task" { Op::Read } else { Op::Write };
    if env.version <= 17 {
        access::check_rights(state, env, model, op)?;
    }
    if access::may(state, env, model, record, op) {
        return Ok(());
    }
    let about = match env.version {
        ..=17 => format!(" - (Records: [{id}], User: {})", env.uid),
        18 => format!("\n\nRecords: [{id}], User: {}", env.uid),
        _ => format!("\n\nRecords: {id}, User: {}", env.uid),
    };
    Err(Fail::Access(format!(
        "The requested operation cannot be completed due to security restrictions. Please contact your system administrator.\n\n(Document type: Message, Operation: create){about}"
    )))
}

/// Only attachments the poster may read can be posted.
fn check_attachments(state: &State, env: &Env, ids: &[i64]) -> Result<(), Fail> {
    let Some(id) =
        ids.iter().find(|id| !access::visible(state, env, "ir.attachment", **id, Op::Read))
    else {
        return Ok(());
    };
    Err(match env.version {
        ..=18 => attachment::refused(),
        _ => Fail::Access(format!(
            "Failed to write field mail.message.attachment_ids\nSorry, you are not allowed to access this document. Please contact your system administrator.\n\n(Operation: read)\n\nRecords: ir.attachment({id},), User: {}",
            env.uid
        )),
    })
}

fn partners(state: &State, env: &Env, bound: &Bound) -> Result<Vec<i64>, Fail> {
    let ids = id_list(bound.get("partner_ids"), |given| {
        Fail::python(
            "ValueError",
            format!(
                "Posting a message should receive partners as a list of IDs (received {})",
                given.repr()
            ),
        )
    })?;
    match ids.iter().find(|id| state.row("res.partner", **id).is_none()) {
        None => Ok(ids),
        Some(id) if env.version >= 19 => Err(access::missing(env, "res.partner", *id)),
        Some(_) => Err(Fail::Validation("The operation cannot be completed: another model requires the record being deleted. If possible, archive it instead.\n\nModel: Unknown (unknown)\nConstraint: mail_message_res_partner_rel_res_partner_id_fkey\n".to_owned())),
    }
}

/// `attachments=[[name, text]]` stores the text as it is: no one-call delivery that way.
fn inline_attachments(
    state: &mut State,
    env: &Env,
    model: &str,
    record: i64,
    bound: &Bound,
) -> Result<Vec<i64>, Fail> {
    let mut made = Vec::new();
    for pair in bound.get("attachments").and_then(Value::as_list).unwrap_or_default() {
        let (name, content) = match pair.as_list() {
            Some([name, content, ..]) => (name.clone(), content),
            _ => {
                return Err(Fail::python("ValueError", "not enough values to unpack (expected 2)"));
            }
        };
        let Value::Str(text) = content else {
            return Err(Fail::python("TypeError", "a bytes-like object is required, not 'Binary'"));
        };
        made.push(attach(state, env, model, record, name, text.as_bytes())?);
    }
    Ok(made)
}

fn attach(
    state: &mut State,
    env: &Env,
    model: &str,
    record: i64,
    name: Value,
    bytes: &[u8],
) -> Result<i64, Fail> {
    let mut vals = Value::object([
        ("name", name),
        ("datas", Value::Str(STANDARD.encode(bytes))),
        ("res_model", Value::str(model)),
        ("res_id", Value::Int(record)),
    ]);
    decode_files(&mut vals);
    match vals {
        Value::Struct(vals) => attachment::create(state, env, vals),
        _ => Err(attachment::refused()),
    }
}

/// 16 takes the body for HTML; later versions escape it unless `body_is_html` says otherwise.
fn body(
    state: &mut State,
    env: &Env,
    model: &str,
    record: i64,
    bound: &Bound,
    attachments: &mut Vec<i64>,
) -> Result<String, Fail> {
    let text = bound.str("body").unwrap_or_default();
    let is_html = env.version <= 16 || bound.get("body_is_html").is_some_and(Value::truthy);
    if !is_html {
        return Ok(html::from_text(text));
    }
    let mut failed = None;
    let mut picture =
        |bytes: Vec<u8>| match attach(state, env, model, record, Value::str("image0"), &bytes) {
            Ok(id) => {
                attachments.push(id);
                format!("/web/image/{id}?access_token=00000000-0000-4000-8000-{id:012x}")
            }
            Err(error) => {
                failed = Some(error);
                String::new()
            }
        };
    let clean = html::sanitize(text, &mut picture);
    failed.map_or(Ok(clean), Err)
}

/// Only the composer's own attachments move to the record; all others stay where they were made.
fn relink(state: &mut State, env: &Env, id: i64, model: &str, record: i64) {
    let now = state.now();
    let Some(row) = state.row_mut("ir.attachment", id) else { return };
    let field = |name: &str| row.get(name).cloned().unwrap_or(Value::Bool(false));
    let composer = field("res_model").as_str() == Some("mail.compose.message");
    if composer
        && field("res_id").as_int() == Some(0)
        && field("create_uid").as_int() == Some(env.uid)
    {
        row.insert("res_model".to_owned(), Value::str(model));
        row.insert("res_id".to_owned(), Value::Int(record));
        base::stamp(row, env, "write", now);
    }
}

/// An unknown `subtype_xmlid` silently makes a note.
fn subtype(bound: &Bound) -> i64 {
    match (bound.str("subtype_xmlid"), bound.get("subtype_id").and_then(Value::as_int)) {
        (Some("mail.mt_comment"), _) => COMMENT,
        (Some(_), _) => NOTE,
        (None, Some(id)) => id,
        (None, None) => NOTE,
    }
}

/// Who follows a record once they posted there: the author; on 19 a task's notified customer too.
/// What the context says against it has other names on 19.
fn follow(
    state: &mut State,
    env: &Env,
    (model, record): (&str, i64),
    author: Option<i64>,
    partners: &[i64],
) {
    let skip = match env.version {
        ..=18 => "mail_create_nosubscribe",
        _ => "mail_post_autofollow_author_skip",
    };
    let mut new = Vec::new();
    new.extend(author.filter(|_| !env.flag(skip, false)));
    let customers = env.version >= 19 && model == "project.task";
    if customers && env.flag("mail_post_autofollow", true) {
        new.extend(partners);
    }
    if !new.is_empty() {
        state.followers.entry((model.to_owned(), record)).or_default().extend(new);
    }
}

/// Followers hear of comments only, named partners of everything; sending fails, as there is no
/// mail server.
fn notify(
    state: &mut State,
    model: &str,
    record: i64,
    message: i64,
    subtype: i64,
    author: Option<i64>,
    partners: &[i64],
) -> Vec<i64> {
    let mut heard: Vec<i64> = partners.to_vec();
    if subtype == COMMENT {
        heard.extend(state.followers.get(&(model.to_owned(), record)).into_iter().flatten());
    }
    heard.sort_unstable();
    heard.dedup();
    heard.retain(|partner| Some(*partner) != author);
    for partner in &heard {
        let id = state.next_id("mail.notification");
        let row = [
            ("mail_message_id", Value::Int(message)),
            ("res_partner_id", Value::Int(*partner)),
            ("notification_type", Value::str("email")),
            ("notification_status", Value::str("exception")),
            ("failure_type", Value::str("mail_smtp")),
        ];
        state.insert("mail.notification", id, row);
    }
    heard
}

pub(crate) fn subscribe(
    state: &mut State,
    env: &Env,
    model: &str,
    bound: &Bound,
) -> Result<Value, Fail> {
    access::check(state, env, model, &bound.ids, Op::Write)?;
    let partners = bound.get("partner_ids").map(Value::int_list).unwrap_or_default();
    for id in &bound.ids {
        state.followers.entry((model.to_owned(), *id)).or_default().extend(&partners);
    }
    Ok(Value::Bool(true))
}

/// Returns None: over XML-RPC the caller sees a fault although the work is committed.
pub(crate) fn unsubscribe(
    state: &mut State,
    env: &Env,
    model: &str,
    bound: &Bound,
) -> Result<Value, Fail> {
    access::check(state, env, model, &bound.ids, Op::Write)?;
    let partners = bound.get("partner_ids").map(Value::int_list).unwrap_or_default();
    for id in &bound.ids {
        if let Some(followers) = state.followers.get_mut(&(model.to_owned(), *id)) {
            followers.retain(|partner| !partners.contains(partner));
        }
    }
    Ok(Value::Nil)
}
