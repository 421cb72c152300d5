//! The XML-RPC services: `common`, `db` and `object`, under `/xmlrpc/2` and the legacy `/xmlrpc`.

use super::access;
use super::failure::Fail;
use super::faults::{self, Wire};
use super::files::decode_files;
use super::http::{Reply, Request, Response};
use super::models::{self, Args};
use super::server::Shared;
use super::state::{Env, State};
use super::value::{Value, log_list, log_members};
use super::{Call, wire};

/// Answers in XML; the legacy paths have other fault codes.
struct Xml {
    legacy: bool,
    version: u32,
}

impl Wire for Xml {
    fn render(&self, version: u32, result: Result<Value, Fail>) -> Response {
        // None fails after the work is committed: the answer cannot be written.
        let result = result
            .and_then(|value| if value.has_nil() { Err(Fail::marshal_none()) } else { Ok(value) });
        match result {
            Ok(value) => self.body(wire::response(&value)),
            Err(fail) => {
                let (code, text) = if self.legacy {
                    let (code, text) = fail.legacy_fault(version);
                    (Value::Str(code), text)
                } else {
                    let (code, text) = fail.fault(version);
                    (Value::Int(code), text)
                };
                Response::new(200, "text/xml; charset=utf-8", wire::fault(&code, &text))
            }
        }
    }

    fn body(&self, body: String) -> Response {
        let response = Response::new(200, "text/xml; charset=utf-8", body);
        if self.version <= 16 {
            response
        } else {
            response.with("X-Content-Type-Options", "nosniff")
        }
    }

    fn json(&self) -> bool {
        false
    }
}

pub(crate) fn answer(shared: &Shared, service: &str, legacy: bool, request: &Request) -> Reply {
    let version = shared.state().version;
    if request.method != "POST" {
        return wrong_method(version).into();
    }
    let xml = Xml { legacy, version };
    let call = match wire::parse_call(&request.body) {
        Ok(call) => call,
        Err(fail) => return xml.render(version, Err(fail)).into(),
    };
    match service {
        "common" => service_call(shared, &xml, "common", &call.name, call.params, common),
        "db" => service_call(shared, &xml, "db", &call.name, call.params, db),
        "object" => object(shared, &xml, &call.name, call.params),
        _ => xml.render(version, Err(Fail::python("KeyError", format!("'{service}'")))).into(),
    }
}

fn wrong_method(version: u32) -> Response {
    let text = "The method is not allowed for the requested URL.";
    if version <= 16 {
        let body = format!(
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<title>405 Method Not Allowed</title>\n<h1>Method Not Allowed</h1>\n<p>{text}</p>\n"
        );
        return Response::new(405, "text/html; charset=utf-8", body).with("Allow", "POST, OPTIONS");
    }
    Response::werkzeug(405, "Method Not Allowed", text).with("Allow", "OPTIONS, POST")
}

type Service = fn(&mut State, &str, &[Value]) -> Result<Value, Fail>;

fn service_call(
    shared: &Shared,
    xml: &Xml,
    name: &str,
    method: &str,
    params: Vec<Value>,
    service: Service,
) -> Reply {
    let call = Call::bare("xmlrpc", name, method);
    faults::perform(shared, xml, call, |state| service(state, method, &params))
}

/// The version block; it needs no database.
pub(crate) fn version_info(version: u32) -> (String, Value) {
    let full = if version == 18 { "18.0-20250421".to_owned() } else { format!("{version}.0") };
    let info = vec![
        Value::Int(i64::from(version)),
        Value::Int(0),
        Value::Int(0),
        Value::str("final"),
        Value::Int(0),
        Value::str(""),
    ];
    (full, Value::List(info))
}

fn common(state: &mut State, method: &str, params: &[Value]) -> Result<Value, Fail> {
    let text = |at: usize| params.get(at).and_then(Value::as_str).unwrap_or_default();
    match method {
        "version" => {
            let (full, info) = version_info(state.version);
            let serie = format!("{}.0", state.version);
            Ok(Value::object([
                ("server_version", Value::Str(full)),
                ("server_version_info", info),
                ("server_serie", Value::Str(serie)),
                ("protocol_version", Value::Int(1)),
            ]))
        }
        "authenticate" | "login" => {
            let wanted = if method == "login" { 3 } else { 4 };
            if params.len() != wanted {
                let text = format!(
                    "exp_{method}() takes {wanted} positional arguments but {} were given",
                    params.len()
                );
                return Err(Fail::python("TypeError", text));
            }
            check_database(state, text(0))?;
            if state.version == 18 && text(2).is_empty() {
                return Err(Fail::python("AssertionError", "scope and key required"));
            }
            Ok(state.log_in(text(1), text(2)).map_or(Value::Bool(false), Value::Int))
        }
        _ => Err(Fail::python("Exception", format!("Method not found: {method}"))),
    }
}

fn db(state: &mut State, method: &str, params: &[Value]) -> Result<Value, Fail> {
    let mut names = state.other_databases.clone();
    names.push(state.db.clone());
    names.sort();
    match method {
        "server_version" => Ok(Value::Str(version_info(state.version).0)),
        "list" | "db_exist" if state.switches.postgres_down => Err(Fail::connection_refused()),
        "list" => Ok(Value::List(names.into_iter().map(Value::Str).collect())),
        "db_exist" => {
            let wanted = params.first().and_then(Value::as_str).unwrap_or_default();
            Ok(Value::Bool(names.iter().any(|name| name == wanted)))
        }
        _ => Err(Fail::python("KeyError", format!("'Method not found: {method}'"))),
    }
}

/// Every call opens the database first.
fn check_database(state: &State, name: &str) -> Result<(), Fail> {
    if state.switches.postgres_down {
        return Err(Fail::connection_refused());
    }
    if name == state.db { Ok(()) } else { Err(Fail::no_database(name)) }
}

/// `execute_kw` and `execute`, taken apart.
struct Execute {
    db: String,
    uid: Value,
    secret: String,
    model: String,
    method: String,
    args: Vec<Value>,
    kwargs: Vec<(String, Value)>,
}

fn object(shared: &Shared, xml: &Xml, name: &str, params: Vec<Value>) -> Reply {
    let version = shared.state().version;
    // 19 takes the parameters apart before it looks at the method's name.
    if version >= 19 && params.len() < 5 {
        let text =
            format!("not enough values to unpack (expected at least 5, got {})", params.len());
        return xml.render(version, Err(Fail::python("ValueError", text))).into();
    }
    let mut execute = take_apart(name, params);
    let mut context = pop_context(&mut execute.kwargs);
    let known = matches!(name, "execute_kw" | "execute");
    let log = Call {
        api: "xmlrpc",
        model: execute.model.clone(),
        method: execute.method.clone(),
        uid: execute.uid.as_int(),
        args: log_list(&execute.args),
        kwargs: log_members(&execute.kwargs),
        context: context.to_log(),
    };
    decode_call(&execute.model, &execute.method, &mut execute.args, &mut context);
    let unknown = format!("Method not available {name}");
    faults::perform(shared, xml, log, |state| {
        check_database(state, &execute.db)?;
        let uid = log_in(state, &execute)?;
        if !known {
            return Err(Fail::python("NameError", unknown));
        }
        let env = Env::new(state, uid, context, false);
        models::call(
            state,
            &env,
            &execute.model,
            &execute.method,
            Args::Positional(execute.args, execute.kwargs),
        )
    })
}

/// Files are decoded before the state is locked.
pub(crate) fn decode_call(model: &str, method: &str, args: &mut [Value], context: &mut Value) {
    match (model, method) {
        ("ir.attachment", "create" | "write") => args.iter_mut().for_each(decode_files),
        ("ir.actions.server", "run") => decode_files(context),
        _ => {}
    }
}

/// Takes `context` out of the named arguments.
pub(crate) fn pop_context(kwargs: &mut Vec<(String, Value)>) -> Value {
    match kwargs.iter().position(|(name, _)| name == "context") {
        Some(at) => kwargs.remove(at).1,
        None => Value::Struct(Vec::new()),
    }
}

fn take_apart(name: &str, params: Vec<Value>) -> Execute {
    let mut params = params.into_iter();
    let mut next = || params.next().unwrap_or(Value::Nil);
    let text = |value: Value| match value {
        Value::Str(text) => text,
        _ => String::new(),
    };
    let (db, uid, secret) = (text(next()), next(), text(next()));
    let (model, method) = (text(next()), text(next()));
    let (args, kwargs) = if name == "execute" {
        (params.collect(), Vec::new())
    } else {
        let args = match next() {
            Value::List(args) => args,
            _ => Vec::new(),
        };
        let kwargs = match next() {
            Value::Struct(kwargs) => kwargs,
            _ => Vec::new(),
        };
        (args, kwargs)
    };
    Execute { db, uid, secret, model, method, args, kwargs }
}

fn log_in(state: &State, execute: &Execute) -> Result<i64, Fail> {
    let uid = execute.uid.as_int().filter(|uid| *uid != 0).ok_or(Fail::Denied)?;
    if execute.secret.is_empty() {
        return Err(Fail::Denied);
    }
    if !state.accounts.contains_key(&uid) {
        let nobody = Env::new(state, uid, Value::Struct(Vec::new()), false);
        return Err(access::missing(&nobody, "res.users", uid));
    }
    if state.secret_fits(uid, &execute.secret) { Ok(uid) } else { Err(Fail::Denied) }
}
