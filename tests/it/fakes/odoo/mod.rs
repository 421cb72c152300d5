//! A fake Odoo server: a simulation of versions 16 to 19 that holds state and is as strict as the
//! real ones.
//!
//! It speaks XML-RPC (`/xmlrpc/2/{common,object,db}` and the legacy `/xmlrpc/...`) and, as 19,
//! JSON-2. What it answers was recorded from real servers; `recordings` replays every recorded
//! exchange against it. Version 17 was measured but not recorded: it behaves as 18 except where the
//! measured tables say otherwise.
//!
//! Measured on all four, but not recorded: what `models/code` says of server actions, who may read
//! what of them, marks on records, and writing to or removing what is gone.
//!
//! By reading only, neither measured nor recorded: on 17 the wording of refused posts (as 16) and
//! inactive languages (as 18); that search hides attachments whose record is gone; that
//! `check_access_rule` answers None, a fault over XML-RPC.
//!
//! A request goes `server` (socket, route) -> `rpc` or `json2` (who calls what) -> `faults` (what a
//! test planted) -> `models` (the work, on `state`) -> `wire` or JSON (the answer).

mod access;
mod call;
mod failure;
mod faults;
mod files;
mod http;
mod json2;
mod models;
mod rpc;
mod schema;
mod seed;
mod server;
mod state;
mod value;
mod wire;

#[cfg(test)]
mod client;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod selftest;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use faults::{Fault, What};
pub(crate) use seed::Seed;
pub(crate) use state::State;

use server::Server;
use value::Value;

/// A running fake Odoo on 127.0.0.1; it stops when dropped.
pub(crate) struct FakeOdoo {
    server: Server,
}

/// A stored attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub id: i64,
    pub name: String,
    /// Empty when it hangs on nothing.
    pub res_model: String,
    pub res_id: i64,
    pub description: String,
    pub mimetype: String,
    pub size: usize,
    /// Of the stored bytes, in hex.
    pub sha256: String,
    pub create_uid: i64,
    /// The server re-encoded the picture: the stored bytes are not what was sent.
    pub postprocessed: bool,
}

/// A stored chatter message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub id: i64,
    pub model: String,
    pub res_id: i64,
    /// HTML as stored.
    pub body: String,
    /// `mail.mt_comment`, `mail.mt_note`, or `other`.
    pub subtype: &'static str,
    pub message_type: String,
    pub attachment_ids: Vec<i64>,
    /// The partners named in the call.
    pub partner_ids: Vec<i64>,
    /// Everybody who was notified, followers included.
    pub notified: Vec<i64>,
    /// The author's partner.
    pub author: Option<i64>,
}

/// A call as it arrived, whatever became of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// `xmlrpc` or `json2`.
    pub api: &'static str,
    /// The model, or the service: `common`, `db`.
    pub model: String,
    pub method: String,
    /// Who called, as claimed.
    pub uid: Option<i64>,
    /// Positional arguments; `datas` replaced by the length of its text.
    pub args: serde_json::Value,
    /// Named arguments without the context; `datas` replaced by the length of its text.
    pub kwargs: serde_json::Value,
    pub context: serde_json::Value,
}

impl Call {
    /// A call without arguments, or one that was refused before they were read.
    fn bare(api: &'static str, model: &str, method: &str) -> Call {
        Call {
            api,
            model: model.to_owned(),
            method: method.to_owned(),
            uid: None,
            args: value::log_list(&[]),
            kwargs: value::log_members(&[]),
            context: value::log_members(&[]),
        }
    }
}

/// Standing conditions.
#[derive(Debug, Clone)]
pub(crate) enum Switch {
    /// The database server is stopped (true) or back.
    PostgresDown(bool),
    /// `helpdesk.ticket` exists.
    HelpdeskInstalled(bool),
    /// The service user has no e-mail address.
    UserWithoutEmail(bool),
    /// The service user's keys are refused.
    KeyRevoked(bool),
    /// False: a proxy answers 403 for everything under `/json`.
    Json2Enabled(bool),
    /// Nobody but the administrator may write to this model.
    NoWriteOn(String),
    /// Takes `NoWriteOn` back.
    WriteOn(String),
    /// The server's clock goes on by this much.
    Later(Duration),
    /// Every answer takes this much longer.
    Slow(Duration),
    /// Activates a language such as `fr_FR`; texts come in French when the context asks for it.
    Language(String),
    /// The next record of this model gets this id.
    NextId(String, i64),
}

impl FakeOdoo {
    /// Starts a server with the default seed on a free port.
    pub(crate) fn start(version: u32) -> FakeOdoo {
        FakeOdoo::start_with(version, Seed::default())
    }

    /// Starts a server on a free port.
    pub(crate) fn start_with(version: u32, seed: Seed) -> FakeOdoo {
        FakeOdoo::start_on(version, seed, 0)
    }

    /// Starts a server on this port, for tests in which a server goes away and comes back.
    ///
    /// # Panics
    /// When the version is not one of 16 to 19, or the port is taken.
    pub(crate) fn start_on(version: u32, seed: Seed, port: u16) -> FakeOdoo {
        assert!((16..=19).contains(&version), "there is no fake Odoo {version}");
        FakeOdoo { server: Server::start(seed.build(version), port) }
    }

    /// Stops the server and hands its state over: `Seed::from_state` starts the next one on it.
    pub(crate) fn stop(mut self) -> State {
        self.server.stop();
        let mut state = self.server.shared.state();
        let empty = State::empty(state.version, "");
        std::mem::replace(&mut *state, empty)
    }

    /// The base address, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// All attachments, oldest first.
    pub(crate) fn attachments(&self) -> Vec<Attachment> {
        let state = self.server.shared.state();
        let attachment = |(id, row): (i64, &state::Row)| {
            let file = state.files.get(&id);
            Attachment {
                id,
                name: text(row, "name"),
                res_model: text(row, "res_model"),
                res_id: number(row, "res_id"),
                description: text(row, "description"),
                mimetype: text(row, "mimetype"),
                size: file.map_or(0, |file| file.content.bytes.len()),
                sha256: file.map(|file| file.content.sha256()).unwrap_or_default(),
                create_uid: number(row, "create_uid"),
                postprocessed: file.is_some_and(|file| file.postprocessed),
            }
        };
        state.rows("ir.attachment").map(attachment).collect()
    }

    /// The stored bytes of an attachment.
    pub(crate) fn content(&self, attachment: i64) -> Option<Bytes> {
        self.server.shared.state().files.get(&attachment).map(|file| file.content.bytes.clone())
    }

    /// All messages, oldest first.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let state = self.server.shared.state();
        let message = |(id, row): (i64, &state::Row)| Message {
            id,
            model: text(row, "model"),
            res_id: number(row, "res_id"),
            body: text(row, "body"),
            subtype: match number(row, "subtype_id") {
                1 => "mail.mt_comment",
                2 => "mail.mt_note",
                _ => "other",
            },
            message_type: text(row, "message_type"),
            attachment_ids: row.get("attachment_ids").map(Value::int_list).unwrap_or_default(),
            partner_ids: row.get("partner_ids").map(Value::int_list).unwrap_or_default(),
            notified: row.get("notified_partner_ids").map(Value::int_list).unwrap_or_default(),
            author: row.get("author_id").filter(|author| author.truthy()).and_then(Value::as_int),
        };
        state.rows("mail.message").map(message).collect()
    }

    /// Records that somebody follows, and who: partners.
    pub(crate) fn followers(&self) -> Vec<((String, i64), Vec<i64>)> {
        let state = self.server.shared.state();
        let followed = state.followers.iter().filter(|(_, partners)| !partners.is_empty());
        followed.map(|(of, partners)| (of.clone(), partners.iter().copied().collect())).collect()
    }

    /// All calls so far, in order of arrival.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.server.shared.state().calls.clone()
    }

    /// Forgets the calls so far.
    pub(crate) fn forget_calls(&self) {
        self.server.shared.state().calls.clear();
    }

    /// Adds a record that has only a name.
    pub(crate) fn add_record(&self, model: &str, id: i64, name: &str) {
        self.server.shared.state().insert(model, id, [("name", Value::str(name))]);
    }

    /// Deletes a record behind everybody's back.
    pub(crate) fn remove_record(&self, model: &str, id: i64) {
        let mut state = self.server.shared.state();
        if let Some(table) = state.tables.get_mut(model) {
            table.remove(&id);
        }
        if model == "ir.attachment" {
            state.files.remove(&id);
        }
    }

    /// Calls a method as this user, as another program of theirs would: not among [`Self::calls`].
    ///
    /// # Errors
    /// What the server says against it.
    pub(crate) fn call_as(
        &self,
        uid: i64,
        model: &str,
        method: &str,
        args: serde_json::Value,
        named: serde_json::Value,
    ) -> Result<serde_json::Value, String> {
        let mut state = self.server.shared.state();
        let members = |json| match Value::from_json(json) {
            Value::Struct(members) => members,
            _ => Vec::new(),
        };
        let (mut named, mut args) = (
            members(named),
            match Value::from_json(args) {
                Value::List(args) => args,
                one => vec![one],
            },
        );
        let mut context = rpc::pop_context(&mut named);
        rpc::decode_call(model, method, &mut args, &mut context);
        let env = state::Env::new(&state, uid, context, false);
        let version = state.version;
        models::call(&mut state, &env, model, method, models::Args::Positional(args, named))
            .map(|value| value.to_json())
            .map_err(|fail| fail.fault(version).1)
    }

    /// Clicks on the entry of the Action menu that collects photos, as this user on this record;
    /// gives the address that their browser opens.
    ///
    /// # Errors
    /// What the server says against it, or that there is no such entry.
    pub(crate) fn collect(&self, uid: i64, model: &str, record: i64) -> Result<String, String> {
        let entry = self.server.shared.state().rows("ir.actions.server").find_map(|(id, row)| {
            let is_it = text(row, "model_name") == model
                && text(row, "binding_view_types").split(',').any(|view| view == "form")
                && text(row, "code").contains("apertur-collect:");
            is_it.then_some(id)
        });
        let entry = entry.ok_or_else(|| format!("{model} has no entry that collects photos"))?;
        let context = serde_json::json!({
            "active_model": model, "active_id": record, "active_ids": [record],
        });
        let named = serde_json::json!({ "context": context });
        let args = serde_json::json!([[entry]]);
        let action = self.call_as(uid, "ir.actions.server", "run", args, named)?;
        Ok(action["url"].as_str().unwrap_or_default().to_owned())
    }

    /// Plants a fault.
    pub(crate) fn fault(&self, fault: Fault) {
        self.server.shared.state().faults.push(fault);
    }

    /// Takes back what was planted.
    pub(crate) fn clear_faults(&self) {
        self.server.shared.state().faults.clear();
    }

    /// Turns a switch.
    pub(crate) fn set(&self, switch: Switch) {
        self.server.shared.state().turn(switch);
    }
}

impl Drop for FakeOdoo {
    fn drop(&mut self) {
        self.server.stop();
    }
}

fn text(row: &state::Row, field: &str) -> String {
    row.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(row: &state::Row, field: &str) -> i64 {
    row.get(field).and_then(Value::as_int).unwrap_or(0)
}
