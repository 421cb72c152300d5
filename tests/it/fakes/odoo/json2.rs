//! JSON-2 of version 19: `POST /json/2/<model>/<method>` with a bearer key, exact statuses and
//! error names.

use super::Call;
use super::failure::{Fail, http_error};
use super::faults::{self, Wire};
use super::http::{Reply, Request, Response};
use super::models::{self, Args};
use super::rpc::{decode_call, pop_context, version_info};
use super::server::Shared;
use super::state::{Env, State};
use super::value::{Value, log_list, log_members};

const JSON: &str = "application/json; charset=utf-8";

struct Json;

impl Wire for Json {
    fn render(&self, version: u32, result: Result<Value, Fail>) -> Response {
        match result {
            Ok(value) => self.body(value.to_json().to_string()),
            Err(fail) => error(fail.json2(version)),
        }
    }

    fn body(&self, body: String) -> Response {
        Response::new(200, JSON, body).with("X-Content-Type-Options", "nosniff")
    }

    fn json(&self) -> bool {
        true
    }
}

fn error((status, body): (u16, serde_json::Value)) -> Response {
    let response = Response::new(status, JSON, body.to_string());
    if status == 401 { response.with("WWW-Authenticate", "Bearer ") } else { response }
}

/// `GET /web/version`: needs neither a database nor a key. Faults and the call log name it
/// `web.version`.
pub(crate) fn web_version(shared: &Shared) -> Reply {
    faults::perform(shared, &Json, Call::bare("json2", "web", "version"), |state| {
        let (full, info) = version_info(state.version);
        Ok(Value::object([("version_info", info), ("version", Value::Str(full))]))
    })
}

/// A wrong database and a stopped PostgreSQL look alike: a page, no JSON.
fn no_database() -> Response {
    let body = "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No database is selected and the requested URL was not found in the server-wide controllers.</p>\n<p>Please verify the hostname, <a href=/web/login>login</a> and try again.</p>\n\n<!-- Alternatively, use the X-Odoo-Database header. -->\n";
    Response::new(404, "text/html; charset=utf-8", body)
}

fn wrong_type() -> Response {
    let text = "Request inferred type is compatible with [&#39;http&#39;] but &#39;/json/2/&lt;__model__&gt;/&lt;__method__&gt;&#39; is type=&#39;json2&#39;.<br><br>Please verify the Content-Type request header and try again.";
    Response::werkzeug(415, "Unsupported Media Type", text).with("Accept", "application/json")
}

pub(crate) fn answer(shared: &Shared, path: &[&str], request: &Request) -> Reply {
    let (model, method) = match path {
        [model, method] => (*model, *method),
        _ => ("", ""),
    };
    let admitted = admit(&shared.state(), method, request);
    let (uid, mut body) = match admitted.and_then(|uid| Ok((uid, parse(&request.body)?))) {
        Ok(admitted) => admitted,
        Err(response) => {
            shared.state().calls.push(Call::bare("json2", model, method));
            return response.into();
        }
    };
    let mut context = pop_context(&mut body);
    let log = Call {
        api: "json2",
        model: model.to_owned(),
        method: method.to_owned(),
        uid: Some(uid),
        args: log_list(&[]),
        kwargs: log_members(&body),
        context: context.to_log(),
    };
    let mut values: Vec<Value> =
        body.iter_mut().map(|(_, value)| std::mem::replace(value, Value::Nil)).collect();
    decode_call(model, method, &mut values, &mut context);
    let body = body.into_iter().map(|(name, _)| name).zip(values).collect();
    faults::perform(shared, &Json, log, |state| {
        let env = Env::new(state, uid, context, true);
        models::call(state, &env, model, method, Args::Named(body))
    })
}

/// The checks before the body is read; the user behind the key.
fn admit(state: &State, method: &str, request: &Request) -> Result<i64, Response> {
    if !reaches_database(state, request) {
        return Err(no_database());
    }
    if request.method != "POST" || method.is_empty() {
        return Err(did_you_mean());
    }
    let kind = request.header("Content-Type").unwrap_or_default();
    if !kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    {
        return Err(wrong_type());
    }
    key_owner(state, request)
}

fn did_you_mean() -> Response {
    error(http_error(404, "Did you mean POST /json/2/<model>/<method>?"))
}

/// The header names the database; with only one behind this host it may be left out.
fn reaches_database(state: &State, request: &Request) -> bool {
    let named = match request.header("X-Odoo-Database") {
        Some(name) => name == state.db,
        None => !state.header_needed,
    };
    named && !state.switches.postgres_down
}

/// Only API keys log in here, never passwords.
fn key_owner(state: &State, request: &Request) -> Result<i64, Response> {
    let header = request.header("Authorization").unwrap_or_default();
    let key = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, key)) = key else {
        let text = "User not authenticated, use an API Key with a Bearer Authorization header.";
        return Err(error(http_error(401, text)));
    };
    state.key_owner(key.trim()).ok_or_else(|| error(http_error(401, "Invalid apikey")))
}

fn parse(body: &[u8]) -> Result<Vec<(String, Value)>, Response> {
    let bad =
        |text: &str| error(http_error(400, &format!("could not parse the body as json: {text}")));
    if body.is_empty() {
        return Ok(Vec::new());
    }
    match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(members)) => {
            Ok(members.into_iter().map(|(name, value)| (name, Value::from_json(value))).collect())
        }
        Ok(_) => Err(bad("the body must be an object")),
        Err(problem) => Err(bad(&python_json_error(body, &problem))),
    }
}

/// Python's words for the two common mistakes.
fn python_json_error(body: &[u8], problem: &serde_json::Error) -> String {
    let at = problem.column().saturating_sub(1);
    let what = match body {
        [b'{', next, ..] if *next != b'"' => "Expecting property name enclosed in double quotes",
        _ => "Expecting value",
    };
    format!("{what}: line {} column {} (char {at})", problem.line(), problem.column())
}
