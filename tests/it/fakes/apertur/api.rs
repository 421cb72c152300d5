//! The sessions of the API, as strict as its contract (sections 3 and 4): what it does not allow
//! is refused, in Apertur's words.

use std::collections::VecDeque;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::{
    hooks::Hook,
    limits::Limits,
    server::KEY,
    sessions::{Refused, Sessions},
};

/// A request of the API, whole.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Guests have no key: whoever knows the session may upload.
    fn is_of_a_guest(&self) -> bool {
        self.method == "POST" && self.target.starts_with("/api/v1/upload/")
    }

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let mut all = form_urlencoded::parse(query.as_bytes()).into_owned();
        all.find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Reply {
        let headers = "Content-Type: application/json\r\n".to_owned();
        Reply { status, headers, body: body.to_string().into_bytes() }
    }

    /// An error as the API writes it.
    pub(crate) fn refused(status: u16, message: &str) -> Reply {
        let body = json!({"statusCode": status, "error": "x", "message": message});
        Reply::json(status, &body)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }
}

/// What a key demands beside itself, and what happens out of turn.
#[derive(Default)]
pub(crate) struct Api {
    /// Requests must be signed with this.
    pub signing_secret: Option<String>,
    /// Requests must carry a one-time code of this.
    pub totp_secret: Option<Vec<u8>>,
    /// Answers to the next requests, whatever they ask.
    pub next: VecDeque<Reply>,
    /// Keys are camelCase, and the id is `uuid`.
    pub is_old: bool,
    pub sessions: Sessions,
    pub limits: Limits,
    pub asked: Vec<Asked>,
}

impl Api {
    /// Answers a request.
    pub(crate) fn answer(&mut self, asked: &Asked) -> Reply {
        self.asked.push(asked.clone());
        if let Some(reply) = self.next.pop_front() {
            return reply;
        }
        let counted = match self.let_in(asked) {
            Err(_) if asked.is_of_a_guest() => Ok(String::new()),
            Err((status, message)) => return Reply::refused(status, &message),
            Ok(()) => self.limits.count(asked, self.sessions.clock.now()),
        };
        let mut headers = match counted {
            Ok(headers) => headers,
            Err(refused) => return refused,
        };
        let answered = self.route(asked);
        let reply = answered.unwrap_or_else(|(status, message)| Reply::refused(status, &message));
        headers.push_str(&reply.headers);
        Reply { headers, ..reply }
    }

    /// Whether who asks may ask at all.
    pub(crate) fn let_in(&self, asked: &Asked) -> Result<(), Refused> {
        if asked.header("authorization") != Some(&format!("Bearer {KEY}")) {
            return Err((401, "Invalid API key".to_owned()));
        }
        if let Some(secret) = &self.totp_secret {
            let now = Timestamp::now().as_second();
            let good = [now, now - 30].map(|at| Some(totp(secret, at)));
            if !good.contains(&asked.header("x-aptr-totp").map(ToOwned::to_owned)) {
                return Err((401, "TOTP code required".to_owned()));
            }
        }
        if let Some(secret) = &self.signing_secret {
            let at = asked.header("x-aptr-timestamp").unwrap_or_default();
            let expected = signature(secret, at, asked);
            let fresh =
                at.parse::<i64>().is_ok_and(|at| (Timestamp::now().as_second() - at).abs() < 300);
            if !fresh || asked.header("x-aptr-signature") != Some(&expected) {
                return Err((401, "Invalid request signature".to_owned()));
            }
        }
        Ok(())
    }

    fn route(&mut self, asked: &Asked) -> Result<Reply, Refused> {
        let path = asked.target.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("/api/v1/").unwrap_or_default();
        let path: Vec<_> = path.split('/').collect();
        let old = self.is_old;
        let spelled = |value: Value| if old { old_form(value) } else { value };
        let ok = |value: Value| Ok(Reply::json(200, &spelled(value)));
        let sessions = &mut self.sessions;
        match (asked.method.as_str(), path.as_slice()) {
            ("POST", ["upload-sessions"]) => {
                let made = sessions.create(&body(asked)?)?;
                Ok(Reply::json(201, &spelled(made)))
            }
            ("PATCH", ["upload-sessions", id]) => ok(sessions.change(id, &body(asked)?)?),
            ("GET", ["upload", id, "session"]) => ok(sessions.state(id)?),
            ("GET", ["sessions"]) => {
                let number = |name| asked.variable(name).and_then(|n| n.parse::<usize>().ok());
                let (Some(page), Some(size)) = (number("page"), number("pageSize")) else {
                    return Err((400, "page and pageSize must be numbers".to_owned()));
                };
                ok(sessions.page(page, size))
            }
            ("GET", ["sessions", "recent"]) => {
                let limit = asked.variable("limit").and_then(|n| n.parse().ok());
                let limit = limit.ok_or((400, "limit must be a number".to_owned()))?;
                ok(sessions.recent(limit))
            }
            ("GET", ["upload-sessions", id, "delivery-status"]) => {
                let since = asked.variable("pollFrom");
                if since.is_some_and(|since| since.parse::<Timestamp>().is_err()) {
                    return Err((400, "pollFrom must be an ISO 8601 date".to_owned()));
                }
                ok(sessions.delivery_status(id)?)
            }
            ("GET", ["upload-sessions", id, "qr"]) => {
                sessions.known(id)?;
                match asked.variable("format").as_deref() {
                    Some("png") => Ok(picture("image/png", b"\x89PNG\r\n\x1a\n")),
                    Some("svg") => Ok(picture("image/svg+xml", b"<svg/>")),
                    _ => Err((400, "format must be one of png, svg, jpeg".to_owned())),
                }
            }
            ("GET", ["upload-sessions", id, "poll"]) => ok(sessions.poll(id)?),
            ("GET", ["upload-sessions", id, "images", image]) => {
                Ok(picture("image/jpeg", sessions.waiting(id, image)?))
            }
            ("POST", ["upload-sessions", id, "images", image, "ack"]) => {
                ok(sessions.acknowledge(id, image)?)
            }
            ("POST", ["upload", id, "images"]) => {
                Ok(Reply::json(201, &sessions.receive(id, asked)?))
            }
            ("POST", ["upload", id, "verify-password"]) => {
                sessions.let_in(id, body(asked)?["password"].as_str())?;
                ok(json!({"valid": true}))
            }
            ("GET", ["projects", project, "destinations"]) => ok(sessions.places_of(project)?),
            (_, ["projects", project, "webhooks", rest @ ..]) => {
                sessions.places_of(project)?;
                hooks(sessions, asked, rest)
            }
            _ => Err((404, format!("Cannot {} {}", asked.method, path.join("/")))),
        }
    }
}

/// Event webhooks; their keys are camelCase whatever the age of the API.
fn hooks(sessions: &mut Sessions, asked: &Asked, path: &[&str]) -> Result<Reply, Refused> {
    let unknown = || (404, "Webhook not found".to_owned());
    let hook = path.first().map(|id| sessions.hooks.iter().position(|hook| hook.id == *id));
    match (asked.method.as_str(), path) {
        ("GET", []) => {
            let all = sessions.hooks.iter().map(Hook::shown).collect();
            Ok(Reply::json(200, &Value::Array(all)))
        }
        ("POST", []) => {
            let hook = Hook::create(sessions.hooks.len() + 1, &body(asked)?)?;
            let shown = hook.shown();
            sessions.hooks.push(hook);
            Ok(Reply::json(201, &shown))
        }
        ("PATCH", [_]) => {
            let hook = &mut sessions.hooks[hook.flatten().ok_or_else(unknown)?];
            if body(asked)?["isActive"] == true {
                (hook.disabled_at, hook.failures) = (None, 0);
            }
            Ok(Reply::json(200, &hook.shown()))
        }
        ("GET", [id, "deliveries"]) => {
            hook.flatten().ok_or_else(unknown)?;
            let ours = sessions.outbox.all.iter().filter(|posting| posting.to == *id);
            let all: Vec<_> = ours
                .map(|posting| {
                    json!({"status": posting.status,
                "attempts": posting.attempts, "lastError": posting.last_error})
                })
                .collect();
            let total = all.len();
            let answer = json!({"deliveries": all, "total": total, "page": 1, "limit": total});
            Ok(Reply::json(200, &answer))
        }
        _ => Err(unknown()),
    }
}

fn picture(content_type: &str, bytes: &[u8]) -> Reply {
    let headers = format!("Content-Type: {content_type}\r\n");
    Reply { status: 200, headers, body: bytes.to_vec() }
}

fn body(asked: &Asked) -> Result<Value, Refused> {
    if asked.header("content-type") != Some("application/json") {
        return Err((415, "Unsupported Media Type".to_owned()));
    }
    let body: Option<Value> = serde_json::from_slice(&asked.body).ok();
    let body = body.filter(Value::is_object);
    body.ok_or((400, "Unexpected token in JSON".to_owned()))
}

/// Section 3.2.
pub(super) fn signature(secret: &str, at: &str, asked: &Asked) -> String {
    let digest = hex::encode(Sha256::digest(&asked.body));
    let message = format!("{at}.{}.{}.{digest}", asked.method, asked.target);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// RFC 6238: SHA-1, 6 digits, 30 s.
fn totp(secret: &[u8], at: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).unwrap();
    mac.update(&(at / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 15);
    let word: [u8; 4] = digest[offset..offset + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

/// As an older API wrote it: camelCase, `uuid` in place of `id`.
fn old_form(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(old_form).collect(),
        Value::Object(object) => {
            let both = object.contains_key("uuid");
            let pairs = object.into_iter().filter(|(key, _)| !(both && key == "id"));
            pairs.map(|(key, value)| (camel(&key), old_form(value))).collect()
        }
        other => other,
    }
}

fn camel(key: &str) -> String {
    let mut words = key.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|c| c.to_ascii_uppercase());
        all + &head.into_iter().chain(letters).collect::<String>()
    })
}
