//! Who we are at the server and what it is: version, interface, user, models. Asked once and
//! kept for some minutes, so that a delivery costs four calls; forgotten after any failure.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use super::{
    fault::{Doing, Fault},
    json2,
    settings::Api,
    wire::{self, Call, Wire},
    xmlrpc,
};
use crate::model::{Cause, ErrorKind, Failure};

/// How long what was learnt is believed.
const BELIEVED: Duration = Duration::from_mins(10);

/// A log-in that worked, and what was learnt since.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) api: wire::Api,
    pub(super) version: Version,
    /// The user's id.
    pub(super) uid: u64,
    /// Why XML-RPC is spoken although JSON-2 could be expected.
    pub(super) fallback: Option<Cause>,
    wire: Wire,
    opened: Instant,
    models: Mutex<HashMap<String, Model>>,
    /// What was found out by [`Session::shortcut`].
    pub(super) shortcuts: Mutex<Shortcuts>,
}

/// The actions that deliver in one call, by model.
pub(super) type Shortcuts = HashMap<String, Option<u64>>;

/// A server's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// The number that decides how the server behaves, 16 to 19 so far.
    pub(super) major: u32,
    /// As the server writes it, `18.0-20250421`.
    pub(super) text: String,
}

/// What matters about a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    /// Whether its records have a chatter.
    pub(super) has_chatter: bool,
    /// Whether its records name a customer in `partner_id`.
    pub(super) has_partner: bool,
}

impl Session {
    /// Asks for the version and logs in.
    ///
    /// # Errors
    /// [`Failure::Later`] when the server cannot be reached, [`Failure::Broken`] when it does
    /// not let us in; never another.
    pub(super) async fn open(wire: Wire) -> Result<Self, Failure> {
        let version = version(&wire).await?;
        let (json2, fallback) = match wire.settings.api {
            Api::Xmlrpc => (None, None),
            Api::Json2 => (Some(json2_user(&wire).await.map_err(log_in_failure)?), None),
            Api::Auto if version.major < 19 || !wire.settings.is_api_key => (None, None),
            Api::Auto => match json2_user(&wire).await {
                Ok(uid) => (Some(uid), None),
                Err(fault) if is_closed(&fault) => {
                    (None, Some(log_in_failure(fault).cause().clone()))
                }
                Err(fault) => return Err(log_in_failure(fault)),
            },
        };
        let (api, uid) = match json2 {
            Some(uid) => (wire::Api::Json2, uid),
            None => {
                let uid = xmlrpc_user(&wire).await?;
                (wire::Api::Xmlrpc { uid }, uid)
            }
        };
        let (models, shortcuts, opened) = (Mutex::default(), Mutex::default(), Instant::now());
        Ok(Self { api, version, uid, fallback, wire, opened, models, shortcuts })
    }

    /// Whether what was learnt is too old to be believed.
    pub(super) fn is_stale(&self) -> bool {
        self.opened.elapsed() > BELIEVED
    }

    /// Calls a method over the session's interface.
    ///
    /// # Errors
    /// As [`Wire::call`].
    pub(super) async fn call(&self, call: &Call) -> Result<Json, Failure> {
        self.wire.call(self.api, call).await
    }

    /// The wire, for calls that carry a photo.
    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// What matters about a model; remembered while it has a chatter, asked again while not.
    ///
    /// # Errors
    /// [`Failure::Refused`] when the model is not installed, or as [`Wire::call`].
    pub(super) async fn model(&self, name: &str) -> Result<Model, Failure> {
        let known = self.models().get(name).copied();
        if let Some(model) = known {
            return Ok(model);
        }
        let call = Call::reading(name, "fields_get", "describe the record's model")
            .arg("allfields", json!(["message_ids", "partner_id"]))
            .named("attributes", json!(["type"]));
        let fields = self.call(&call).await?;
        let model = Model {
            has_chatter: fields.get("message_ids").is_some(),
            has_partner: fields.get("partner_id").is_some(),
        };
        if model.has_chatter {
            self.models().insert(name.to_owned(), model);
        }
        Ok(model)
    }

    fn models(&self) -> std::sync::MutexGuard<'_, HashMap<String, Model>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_in_failure(fault: Fault) -> Failure {
    fault.failure(Doing::LogIn, "let the bridge in")
}

/// Whether a fault of the first JSON-2 call says that only this interface is closed to us.
fn is_closed(fault: &Fault) -> bool {
    let (Fault::Status { status, .. } | Fault::Error { status, .. }) = fault else {
        return false;
    };
    matches!(status.as_u16(), 401 | 403 | 404 | 405 | 415)
}

/// The server's version, from whichever interface tells it. `/web/version` is new with 19 and
/// the only one left once XML-RPC is gone; `common.version` is on all the others, and is not
/// asked where it need not be because 19 logs a warning for each call.
async fn version(wire: &Wire) -> Result<Version, Failure> {
    let page = wire.settings.endpoint("web/version");
    let request = wire.http.client().get(page).header("X-Odoo-Database", &wire.settings.database);
    let may_be_json2 = match wire.settings.api {
        Api::Xmlrpc => false,
        Api::Auto => wire.settings.is_api_key,
        Api::Json2 => true,
    };
    let answer = if may_be_json2 {
        match wire.ask(request, json2::result).await {
            Ok(told) => Version::read(&told, "version", "version_info"),
            Err(Fault::Wire(nobody)) if nobody.cause().kind == ErrorKind::Unreachable => {
                return Err(version_failure(Fault::Wire(nobody)));
            }
            Err(_) => None,
        }
    } else {
        None
    };
    if let Some(version) = answer {
        return Ok(version);
    }
    let request = wire.xmlrpc("common").body(xmlrpc::version());
    let told = wire.ask(request, xmlrpc::result).await.map_err(version_failure)?;
    Version::read(&told, "server_version", "server_version_info")
        .ok_or_else(|| version_failure(Fault::Unreadable("the answer names no version".to_owned())))
}

fn version_failure(fault: Fault) -> Failure {
    fault.failure(Doing::LogIn, "tell its version")
}

impl Version {
    fn read(told: &Json, text: &str, parts: &str) -> Option<Self> {
        let text = told.get(text)?.as_str()?.to_owned();
        // Odoo's own hosting counts like `saas~18`.
        let major = match told.get(parts).and_then(|parts| parts.get(0)) {
            Some(Json::Number(number)) => u32::try_from(number.as_u64()?).ok()?,
            Some(Json::String(name)) => name.trim_start_matches("saas~").parse().ok()?,
            _ => text.split('.').next()?.parse().ok()?,
        };
        Some(Self { major, text })
    }
}

async fn json2_user(wire: &Wire) -> Result<u64, Fault> {
    let request = json2::request(wire, "res.users", "context_get");
    let told = wire.ask(request.body("{}"), json2::result).await?;
    let uid = told.get("uid").and_then(Json::as_u64);
    uid.ok_or_else(|| Fault::Unreadable("the answer names no user".to_owned()))
}

async fn xmlrpc_user(wire: &Wire) -> Result<u64, Failure> {
    let request = wire.xmlrpc("common").body(xmlrpc::authenticate(&wire.settings));
    let told = wire.ask(request, xmlrpc::result).await.map_err(log_in_failure)?;
    match told.as_u64() {
        Some(uid) if uid > 0 => Ok(uid),
        _ if told == json!(false) => {
            Err(log_in_failure(Fault::Code { code: 3, text: "authenticate gave False".to_owned() }))
        }
        _ => Err(log_in_failure(Fault::Unreadable("the answer names no user".to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_kind_of_server_are_read() {
        let read = |told: Json| Version::read(&told, "v", "i").map(|version| version.major);
        assert_eq!(read(json!({"v": "18.0-20250421", "i": [18, 0, 0, "final", 0, ""]})), Some(18));
        assert_eq!(read(json!({"v": "saas~18.2", "i": ["saas~18", 2, 0, "final", 0]})), Some(18));
        assert_eq!(read(json!({"v": "17.0"})), Some(17));
        assert_eq!(read(json!({"v": "x"})), None);
        assert_eq!(read(json!([])), None);
    }
}
