//! The ways a call can fail, and how each looks on the three wires:
//! `/xmlrpc/2` (integer codes), `/xmlrpc` (string codes) and JSON-2 (statuses and exact names).

use serde_json::json;

/// A failure inside the server, in Odoo's own classes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fail {
    /// Wrong password, wrong key, uid False. Never translated.
    Denied,
    /// `odoo.exceptions.AccessError`.
    Access(String),
    /// `odoo.exceptions.MissingError`.
    Missing(String),
    /// `odoo.exceptions.UserError`.
    User(String),
    /// `odoo.exceptions.ValidationError`.
    Validation(String),
    /// The model is not installed.
    NoModel(String),
    /// The model has no such method: how a model without chatter answers `message_post`.
    NoMethod { model: String, method: String },
    /// The arguments do not fit the method; the text differs between Python's call and JSON-2's
    /// check.
    Bind { call: String, json: String },
    /// Anything else: a traceback over XML-RPC, status 500 over JSON-2.
    Python { class: String, text: String, first: Option<String> },
}

/// What a traceback opens with; the frames themselves tell a client nothing.
const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/odoo/http.py\", line 1, in _serve\n    return func(*args)\n";

impl Fail {
    pub(crate) fn python(class: &str, text: impl Into<String>) -> Fail {
        Fail::Python { class: class.to_owned(), text: text.into(), first: None }
    }

    /// An exception raised while another one (`class: text`) was handled.
    pub(crate) fn during(first: &str, class: &str, text: impl Into<String>) -> Fail {
        Fail::Python { class: class.to_owned(), text: text.into(), first: Some(first.to_owned()) }
    }

    /// `cannot marshal None`: raised after the commit, so the work is done.
    pub(crate) fn marshal_none() -> Fail {
        Fail::python("TypeError", "cannot marshal None unless allow_none is enabled")
    }

    /// PostgreSQL is stopped. The exception text has a second, indented line: the last line does
    /// not name the class.
    pub(crate) fn connection_refused() -> Fail {
        let text = "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n";
        Fail::python("psycopg2.OperationalError", text)
    }

    pub(crate) fn no_database(name: &str) -> Fail {
        let text = format!(
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database \"{name}\" does not exist\n"
        );
        Fail::during(&format!("KeyError: '{name}'"), "psycopg2.OperationalError", text)
    }

    /// Two transactions changed the same row and the server's own retries ran out.
    pub(crate) fn serialization() -> Fail {
        Fail::python(
            "psycopg2.errors.SerializationFailure",
            "could not serialize access due to concurrent update\n",
        )
    }

    /// Faults of `/xmlrpc/2`: `(code, text)`.
    pub(crate) fn fault(&self, version: u32) -> (i64, String) {
        match self {
            Fail::Denied => (3, "Access Denied".to_owned()),
            Fail::Access(text) => (4, text.clone()),
            Fail::Missing(text) | Fail::User(text) | Fail::Validation(text) => (2, text.clone()),
            Fail::NoModel(model) => (2, format!("Object {model} doesn't exist")),
            Fail::NoMethod { .. } => (1, traceback("AttributeError", &self.message(version), None)),
            Fail::Bind { call, .. } => (1, traceback("TypeError", call, None)),
            Fail::Python { class, text, first } => (1, traceback(class, text, first.as_deref())),
        }
    }

    /// Faults of the legacy `/xmlrpc` paths, whose codes are strings: `(code, text)`.
    pub(crate) fn legacy_fault(&self, version: u32) -> (String, String) {
        let warning =
            |kind: &str, text: &str| (format!("warning -- {kind}\n\n{text}"), String::new());
        match self {
            Fail::Denied => ("AccessDenied".to_owned(), "Access Denied".to_owned()),
            Fail::Access(text) => warning("AccessError", text),
            Fail::Missing(text) => warning("MissingError", text),
            Fail::User(text) | Fail::Validation(text) => warning("UserError", text),
            Fail::NoModel(_) => warning("UserError", &self.fault(version).1),
            other => (other.message(version), other.fault(version).1),
        }
    }

    /// The text without class or traceback.
    pub(crate) fn message(&self, version: u32) -> String {
        match self {
            Fail::Denied => "Access Denied".to_owned(),
            Fail::Access(text)
            | Fail::Missing(text)
            | Fail::User(text)
            | Fail::Validation(text) => text.clone(),
            Fail::NoModel(model) => format!("the model '{model}' does not exist"),
            Fail::NoMethod { model, method } if version >= 18 => {
                format!("The method '{model}.{method}' does not exist")
            }
            Fail::NoMethod { model, method } => {
                format!("The method '{method}' does not exist on the model '{model}'")
            }
            Fail::Bind { json, .. } => json.clone(),
            Fail::Python { text, .. } => text.trim_end().to_owned(),
        }
    }

    /// JSON-2: status and error body.
    pub(crate) fn json2(&self, version: u32) -> (u16, serde_json::Value) {
        let (status, name) = match self {
            Fail::Denied => (403, "odoo.exceptions.AccessDenied".to_owned()),
            Fail::Access(_) => (403, "odoo.exceptions.AccessError".to_owned()),
            Fail::Missing(_) => (404, "odoo.exceptions.MissingError".to_owned()),
            Fail::User(_) => (422, "odoo.exceptions.UserError".to_owned()),
            Fail::Validation(_) => (422, "odoo.exceptions.ValidationError".to_owned()),
            Fail::NoModel(_) | Fail::NoMethod { .. } => {
                return http_error(404, &self.message(version));
            }
            Fail::Bind { .. } => return http_error(422, &self.message(version)),
            Fail::Python { class, .. } if class.contains('.') => (500, class.clone()),
            Fail::Python { class, .. } => (500, format!("builtins.{class}")),
        };
        let message = self.message(version);
        let debug = format!("{TRACEBACK}{}: {message}", name.trim_start_matches("builtins."));
        (
            status,
            json!({"name": name, "message": message, "arguments": [message], "context": {}, "debug": debug}),
        )
    }
}

/// A JSON-2 error that werkzeug raised: its class follows from the status.
pub(crate) fn http_error(status: u16, message: &str) -> (u16, serde_json::Value) {
    let (class, reason) = match status {
        400 => ("BadRequest", "Bad Request"),
        401 => ("Unauthorized", "Unauthorized"),
        404 => ("NotFound", "Not Found"),
        422 => ("UnprocessableEntity", "Unprocessable Entity"),
        _ => ("HTTPException", "Error"),
    };
    let name = format!("werkzeug.exceptions.{class}");
    let debug = format!("{TRACEBACK}{name}: {status} {reason}: {message}");
    (
        status,
        json!({"name": name, "message": message, "arguments": [message, status], "context": {}, "debug": debug}),
    )
}

fn traceback(class: &str, text: &str, first: Option<&str>) -> String {
    let before = first.map(|line| {
        format!("{TRACEBACK}{line}\n\nDuring handling of the above exception, another exception occurred:\n\n")
    });
    format!("{}{TRACEBACK}{class}: {text}\n", before.unwrap_or_default())
}
