//! Faults a test plants: what happens to the next matching calls.

use std::time::Duration;

use super::Call;
use super::failure::Fail;
use super::http::{Reply, Response, Send};
use super::server::Shared;
use super::state::State;
use super::value::Value;

/// A fault on the next calls that match.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// `model.method`, `*.method`, `model.*`, `*`; for the other services the bare name
    /// (`authenticate`, `version`).
    pub on: String,
    /// How many calls it hits.
    pub times: u32,
    pub what: What,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// The work is done and committed; the connection closes without a byte.
    LoseAnswer,
    /// The connection closes without a byte and without the work.
    CloseBefore,
    /// An HTML page with this status, as a proxy in front would send it; no work.
    HtmlStatus(u16),
    /// The same with a `Retry-After` of these many seconds; no work.
    RetryAfter(u16, u32),
    /// The work is done; the answer is fault 1 "cannot marshal None" (JSON-2 answers `null`).
    MarshalNone,
    /// Concurrent updates: fault 1, no work.
    SerializationFailure,
    /// The database connection broke: fault 1 `psycopg2.OperationalError`, no work.
    OperationalError,
    /// A refusal (422) or an exception (500) whose words are the request, credentials too, again
    /// and again; no work.
    Echo(u16),
    /// The work is done only after this long, even if whoever asked is gone by then.
    Late(Duration),
    /// The work is done; the answer comes after this long.
    Stall(Duration),
    /// The work is done; headers and half of the body come, then the connection closes.
    HalfAnswer,
    /// The work is done; status 200 with text that is neither XML nor JSON.
    Garbage,
    /// The work is done; status 200 with arrays nested this deep.
    DeepXml(usize),
    /// The work is done; status 200 with a string of this many bytes.
    Huge(usize),
}

/// How the interface that was called writes its answers.
pub(crate) trait Wire {
    /// The answer for a result.
    fn render(&self, version: u32, result: Result<Value, Fail>) -> Response;
    /// Status 200 with a ready-made body of this interface's type.
    fn body(&self, body: String) -> Response;
    /// True for JSON-2.
    fn json(&self) -> bool;
}

/// Does one call: logs it, takes the planted fault, does the work under the lock, writes the
/// answer.
pub(crate) fn perform(
    shared: &Shared,
    wire: &dyn Wire,
    call: Call,
    work: impl FnOnce(&mut State) -> Result<Value, Fail>,
) -> Reply {
    let mut state = shared.state();
    let (version, slow) = (state.version, state.switches.slow);
    let fault = take(&mut state, &call.model, &call.method);
    state.calls.push(call);
    let refused = match &fault {
        Some(What::CloseBefore) => return Reply { send: Send::Nothing, stall: slow },
        Some(What::HtmlStatus(status)) => Some(Response::proxy_page(*status)),
        Some(What::RetryAfter(status, seconds)) => {
            Some(Response::proxy_page(*status).with("Retry-After", &seconds.to_string()))
        }
        Some(What::SerializationFailure) => Some(wire.render(version, Err(Fail::serialization()))),
        Some(What::Echo(422)) => Some(wire.render(version, Err(Fail::User(state.heard.clone())))),
        Some(What::Echo(_)) => {
            Some(wire.render(version, Err(Fail::python("ValueError", state.heard.clone()))))
        }
        Some(What::OperationalError) => Some(wire.render(version, Err(broken_connection()))),
        _ => None,
    };
    if let Some(response) = refused {
        return Reply { send: Send::Whole(response), stall: slow };
    }
    if let Some(What::Late(delay)) = fault {
        drop(state);
        shared.wait(delay);
        state = shared.state();
    }
    let result = work(&mut state);
    drop(state);
    let response = wire.render(version, result);
    let mut stall = slow;
    let send = match fault {
        Some(What::LoseAnswer) => Send::Nothing,
        Some(What::HalfAnswer) => Send::Half(response),
        Some(What::Stall(delay)) => {
            stall += delay;
            Send::Whole(response)
        }
        Some(What::MarshalNone) if wire.json() => Send::Whole(wire.body("null".to_owned())),
        Some(What::MarshalNone) => Send::Whole(wire.render(version, Err(Fail::marshal_none()))),
        Some(What::Garbage) => Send::Whole(wire.body("<<< {neither this nor that".to_owned())),
        Some(What::DeepXml(depth)) => Send::Whole(wire.body(deep(wire.json(), depth))),
        Some(What::Huge(size)) => Send::Whole(wire.body(huge(wire.json(), size))),
        _ => Send::Whole(response),
    };
    Reply { send, stall }
}

fn broken_connection() -> Fail {
    Fail::python(
        "psycopg2.OperationalError",
        "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n",
    )
}

fn take(state: &mut State, model: &str, method: &str) -> Option<What> {
    let at =
        state.faults.iter().position(|fault| fault.times > 0 && hits(&fault.on, model, method))?;
    let fault = &mut state.faults[at];
    fault.times -= 1;
    let what = fault.what.clone();
    if fault.times == 0 {
        state.faults.remove(at);
    }
    Some(what)
}

fn hits(on: &str, model: &str, method: &str) -> bool {
    if on == "*" || (on == method && matches!(model, "common" | "db")) {
        return true;
    }
    match on.rsplit_once('.') {
        Some(("*", wanted)) => wanted == method,
        Some((wanted, "*")) => wanted == model,
        Some((of, wanted)) => of == model && wanted == method,
        None => false,
    }
}

fn deep(json: bool, depth: usize) -> String {
    if json {
        return format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    }
    let open = "<value><array><data>".repeat(depth);
    let close = "</data></array></value>".repeat(depth);
    format!(
        "<?xml version='1.0'?><methodResponse><params><param>{open}{close}</param></params></methodResponse>"
    )
}

fn huge(json: bool, size: usize) -> String {
    let text = "x".repeat(size);
    if json {
        return format!("\"{text}\"");
    }
    format!(
        "<?xml version='1.0'?><methodResponse><params><param><value><string>{text}</string></value></param></params></methodResponse>"
    )
}
