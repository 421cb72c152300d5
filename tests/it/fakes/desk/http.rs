//! HTTP/1.1 as far as the fakes need it: connections stay open, bodies with a length or in
//! chunks, and no mercy for a wrong one.

use std::{
    io::{self, BufRead, Read, Write},
    net::TcpStream,
};

use url::form_urlencoded;

/// The longest head that is read.
const MAX_HEAD: u64 = 64 << 10;
/// The longest body that is read.
const MAX_BODY: u64 = 256 << 20;

/// A request before its body.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    pub headers: Vec<(String, String)>,
}

/// A whole request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub head: Head,
    /// It came in chunks, without a length told before.
    pub chunked: bool,
    pub body: Vec<u8>,
}

impl Head {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The variables of the query, in order, decoded.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// A variable of the query.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// Why a body could not be read.
pub(crate) enum Unread {
    /// The wire broke, or was cut as planned.
    Gone,
    /// Its length or its chunks are wrong.
    Wrong,
}

impl From<io::Error> for Unread {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads a head; `None` when the client hung up.
pub(crate) fn head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut limited = reader.take(MAX_HEAD);
    let mut line = String::new();
    if limited.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        limited.read_line(&mut header)?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.trim().to_owned(), value.trim().to_owned())),
            None if header.ends_with('\n') => return Ok(Some(Head { method, target, headers })),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Reads the body that belongs to a head, or only its first bytes where the wire is to be cut.
pub(crate) fn body(
    reader: &mut impl BufRead,
    head: Head,
    cut: Option<usize>,
) -> Result<Request, Unread> {
    let length = head.header("Content-Length").map(str::parse::<u64>);
    let chunked = head.header("Transfer-Encoding").is_some();
    if let Some(bytes) = cut {
        // Never more than comes: there is nothing to wait for then.
        let comes = length.and_then(Result::ok).unwrap_or(if chunked { u64::MAX } else { 0 });
        reader.take(comes.min(bytes as u64)).read_to_end(&mut Vec::new())?;
        return Err(Unread::Gone);
    }
    let body = match (length, chunked) {
        (None, true) => chunks(reader)?,
        (Some(Ok(length)), false) if length <= MAX_BODY => exactly(reader, length)?,
        (None, false) => Vec::new(),
        _ => return Err(Unread::Wrong),
    };
    Ok(Request { head, chunked, body })
}

fn exactly(reader: &mut impl Read, length: u64) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    if body.len() as u64 == length { Ok(body) } else { Err(Unread::Gone) }
}

fn chunks(reader: &mut impl BufRead) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(|_| Unread::Wrong)?;
        if size + body.len() as u64 > MAX_BODY {
            return Err(Unread::Wrong);
        }
        body.extend(exactly(reader, size)?);
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if end != "\r\n" {
            return Err(Unread::Wrong);
        }
        if size == 0 {
            return Ok(body);
        }
    }
}

/// An answer before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Response {
        Response { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        let response = Response { body: body.into(), ..Response::empty(status) };
        response.with("Content-Type", content_type)
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Response {
        Response::new(status, "application/json; charset=utf-8", body.to_string())
    }

    /// The page of a proxy or a login form.
    pub(crate) fn html(status: u16) -> Response {
        let page = format!("<!DOCTYPE html><html><head><title>{status}</title></head></html>");
        Response::new(status, "text/html; charset=utf-8", page)
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Response {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// What a server at this address answers to the request; 502 where it does not.
pub(crate) fn relay(url: &str, request: &Request) -> Response {
    let told = || -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(url.trim_start_matches("http://"))?;
        let Head { method, target, .. } = &request.head;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: oauth\r\n");
        for name in ["Content-Type", "Authorization"] {
            if let Some(value) = request.head.header(name) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", request.body.len()));
        stream.write_all(&[head.as_bytes(), &request.body].concat())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let told = told().unwrap_or_default();
    let text = String::from_utf8_lossy(&told);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    match (status, text.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Response::new(status, "application/json", body),
        _ => Response::empty(502),
    }
}

/// Writes an answer, or its first half.
pub(crate) fn write(mut stream: &TcpStream, response: &Response, half: bool) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Answer\r\n", response.status);
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if response.status != 204 {
        head.push_str(&format!("Content-Length: {}\r\n", response.body.len()));
    }
    head.push_str("\r\n");
    let end = if half { response.body.len() / 2 } else { response.body.len() };
    stream.write_all(&[head.as_bytes(), &response.body[..end]].concat())?;
    stream.flush()
}
