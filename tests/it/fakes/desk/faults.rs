//! Faults a test plants: what happens to the next calls of a kind.

use std::time::Duration;

use serde_json::Value;

use super::{Request, Response};

/// A fault on the next calls of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The kind of call, in the fake's words, or `*`.
    pub on: &'static str,
    /// How many calls it hits.
    pub times: u32,
    pub what: What,
}

impl Fault {
    /// On one call.
    pub(crate) fn once(on: &'static str, what: What) -> Fault {
        Fault { on, times: 1, what }
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// The work is done; the connection closes without a byte.
    LoseAnswer,
    /// The connection closes without a byte and without the work.
    CloseBefore,
    /// The wire is cut after these many bytes of the body; no work.
    Cut(usize),
    /// No work.
    Status(u16, Shape),
    /// No work, and a `Retry-After`.
    RetryAfter(u16, &'static str),
    /// The work is done, and then this.
    After(u16, Shape),
    /// The work is done; the answer comes so much later.
    Stall(Duration),
    /// The work is done so much later, and answered then.
    Late(Duration),
    /// The work is done; the answer breaks off in the middle.
    HalfAnswer,
    /// The work is done; the answer has the right status and makes no sense.
    Garbage,
    /// The work is done; the answer has the right status and this many bytes.
    Huge(usize),
}

/// The body of an answer that tells of a failure.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Empty,
    Html,
    Text(&'static str),
    Json(Value),
    /// The request's address, headers and body, again and again, in words of the desk's own.
    Echo(fn(&str) -> Value),
}

impl Shape {
    fn response(&self, status: u16, request: &Request) -> Response {
        match self {
            Shape::Empty => Response::empty(status),
            Shape::Html => Response::html(status),
            Shape::Text(text) => Response::new(status, "text/plain", *text),
            Shape::Json(body) => Response::json(status, body),
            Shape::Echo(error) => Response::json(status, &error(&echo(request))),
        }
    }
}

/// Longer than whatever of it is kept.
fn echo(request: &Request) -> String {
    let headers = request.head.headers.iter().map(|(_, value)| value.as_str());
    let headers = headers.collect::<Vec<_>>().join(" ").replace("Bearer ", "");
    let (target, body) = (&request.head.target, String::from_utf8_lossy(&request.body));
    let once = format!("{target} {headers} {body} ");
    once.chars().cycle().take(4000).collect()
}

impl What {
    /// How late the work is.
    pub(super) fn late(&self) -> Duration {
        if let What::Late(delay) = self { *delay } else { Duration::ZERO }
    }

    /// How late the answer is.
    pub(super) fn stall(&self) -> Duration {
        if let What::Stall(delay) = self { *delay } else { Duration::ZERO }
    }

    /// The bytes after which the wire is cut.
    pub(super) fn cut(&self) -> Option<usize> {
        if let What::Cut(bytes) = self { Some(*bytes) } else { None }
    }

    /// What is answered instead of working; `Some(None)` is not even an answer.
    pub(super) fn instead(&self, request: &Request) -> Option<Option<Response>> {
        match self {
            What::CloseBefore => Some(None),
            What::Status(status, shape) => Some(Some(shape.response(*status, request))),
            What::RetryAfter(status, wait) => {
                Some(Some(Response::empty(*status).with("Retry-After", wait)))
            }
            _ => None,
        }
    }

    /// What becomes of the answer after the work; `None` is not sent.
    pub(super) fn spoil(&self, request: &Request, answer: Response) -> Option<Response> {
        match self {
            What::LoseAnswer => None,
            What::After(status, shape) => Some(shape.response(*status, request)),
            What::Garbage => Some(Response { body: b"<<< {neither".to_vec(), ..answer }),
            What::Huge(size) => Some(Response { body: vec![b' '; *size], ..answer }),
            _ => Some(answer),
        }
    }
}
