//! A plain HTTP client for the fake's own tests: it sends bytes and shows bytes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::FakeOdoo;
use super::value::Value;
use super::wire::{self, escape};

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Interim `100 Continue` responses before the final one.
    pub interim: usize,
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.line.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Takes a raw response apart; `None` when the connection closed without a byte.
    pub(crate) fn parse(raw: &str) -> Option<Answer> {
        let mut rest = raw;
        for interim in 0.. {
            let (head, body) = rest.split_once("\r\n\r\n").or_else(|| rest.split_once("\n\n"))?;
            if head.starts_with("HTTP/1.1 100") {
                rest = body;
                continue;
            }
            let mut lines = head.lines().map(str::trim_end);
            let line = lines.next()?.to_owned();
            let headers = lines.filter_map(|line| line.split_once(':'));
            let headers =
                headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
            return Some(Answer { interim, line, headers, body: body.to_owned() });
        }
        None
    }
}

/// Sends a request and reads until the server closes.
pub(crate) fn send(port: u16, head: &str, body: &[u8]) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(head.as_bytes())?;
    // The server may refuse before it has read everything.
    let sent = stream.write_all(body);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        sent?;
        read?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A value as request XML.
fn xml(value: &Value) -> String {
    let answer = wire::response(value);
    let start = answer.find("<value>").unwrap_or(0);
    let end = answer.rfind("</value>").map_or(answer.len(), |at| at + "</value>".len());
    answer[start..end].to_owned()
}

/// Calls a method of a service; `None`: no answer came.
pub(crate) fn rpc(
    odoo: &FakeOdoo,
    service: &str,
    method: &str,
    params: &[Value],
) -> Option<Answer> {
    let params: String =
        params.iter().map(|param| format!("<param>{}</param>", xml(param))).collect();
    let body = format!(
        "<?xml version='1.0'?><methodCall><methodName>{}</methodName><params>{params}</params></methodCall>",
        escape(method)
    );
    let head = format!(
        "POST /xmlrpc/2/{service} HTTP/1.1\r\nHost: odoo\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Answer::parse(&send(odoo.port(), &head, body.as_bytes()).unwrap_or_default())
}

/// `execute_kw` as the service user of the default seed.
pub(crate) fn execute(
    odoo: &FakeOdoo,
    model: &str,
    method: &str,
    args: Vec<Value>,
    kwargs: Value,
) -> Option<Answer> {
    let params = [
        Value::str("prod"),
        Value::Int(7),
        Value::str("odoo-key"),
        Value::str(model),
        Value::str(method),
        Value::List(args),
        kwargs,
    ];
    rpc(odoo, "object", "execute_kw", &params)
}

/// The value of an answer, or its fault.
pub(crate) fn result(answer: &Answer) -> Result<Value, (Value, String)> {
    wire::parse_response(answer.body.as_bytes()).expect("an XML-RPC answer")
}

/// A JSON-2 call with the service user's key.
pub(crate) fn json2(odoo: &FakeOdoo, path: &str, body: &str) -> Option<Answer> {
    let head = format!(
        "POST /json/2/{path} HTTP/1.1\r\nHost: odoo\r\nContent-Type: application/json\r\nAuthorization: bearer odoo-key\r\nX-Odoo-Database: prod\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Answer::parse(&send(odoo.port(), &head, body.as_bytes()).unwrap_or_default())
}
