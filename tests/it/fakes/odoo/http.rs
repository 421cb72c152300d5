//! HTTP as Odoo's threaded server speaks it: one request a connection, never keep-alive, 1.0 on
//! version 16.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// 17 and later refuse bigger bodies before they read them.
const MAX_BODY: u64 = 128 << 20;
/// The longest head that is read.
const MAX_HEAD: u64 = 64 << 10;

/// A request; `body` is empty when it was too large to be read.
pub(crate) struct Request {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub too_large: bool,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// A response before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Response {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// A werkzeug error page, as 17 and later write it.
    pub(crate) fn werkzeug(status: u16, title: &str, text: &str) -> Response {
        let body = format!(
            "<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n"
        );
        Response::new(status, "text/html; charset=utf-8", body)
    }

    /// The page of a proxy that stands in front of Odoo.
    pub(crate) fn proxy_page(status: u16) -> Response {
        let reason = reason(status);
        let body = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Response::new(status, "text/html", body)
    }
}

/// How much of a response goes out.
pub(crate) enum Send {
    Whole(Response),
    /// Headers that promise the whole body, and half of it.
    Half(Response),
    /// The connection closes without a byte.
    Nothing,
}

/// A response and how long it is held back.
pub(crate) struct Reply {
    pub send: Send,
    pub stall: Duration,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Reply {
        Reply { send: Send::Whole(response), stall: Duration::ZERO }
    }
}

/// Reads one request.
pub(crate) fn read(stream: &TcpStream, version: u32) -> io::Result<Request> {
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    let (line, headers) = read_head(&mut reader)?;
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let http_1_1 = words.next() == Some("HTTP/1.1");
    if http_1_1
        && header(&headers, "Expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    {
        // Werkzeug's handler and Python's own both answer from 17 on: a client must take two of
        // them.
        for _ in 0..if version >= 17 { 2 } else { 1 } {
            (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
    }
    let limit = if version >= 17 { MAX_BODY } else { u64::MAX };
    let chunked = header(&headers, "Transfer-Encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let body = if chunked {
        read_chunks(&mut reader, limit)?
    } else {
        let length = header(&headers, "Content-Length")
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or(0);
        if length > limit { None } else { Some(read_exactly(&mut reader, length)?) }
    };
    Ok(Request { method, path, headers, too_large: body.is_none(), body: body.unwrap_or_default() })
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(String, Vec<(String, String)>)> {
    let mut limited = reader.take(MAX_HEAD);
    let mut line = String::new();
    limited.read_line(&mut line)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        limited.read_line(&mut header)?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.trim().to_owned(), value.trim().to_owned())),
            None if header.ends_with('\n') => return Ok((line, headers)),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn read_exactly(reader: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(usize::try_from(length.min(MAX_BODY)).unwrap_or(0));
    reader.take(length).read_to_end(&mut body)?;
    if body.len() as u64 == length { Ok(body) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn read_chunks(reader: &mut impl BufRead, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        if size.saturating_add(body.len() as u64) > limit {
            return Ok(None);
        }
        body.extend(read_exactly(reader, size)?);
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(Some(body));
        }
    }
}

/// Writes a response and closes the writing side.
pub(crate) fn write(
    mut stream: &TcpStream,
    version: u32,
    response: &Response,
    half: bool,
) -> io::Result<()> {
    let protocol = if version <= 16 { "HTTP/1.0" } else { "HTTP/1.1" };
    let mut head =
        format!("{protocol} {} {}\r\n", response.status, reason(response.status).to_uppercase());
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n", response.body.len()));
    let (server, close) = match version {
        ..=16 => ("Werkzeug/2.0.2 Python/3.11.7", ""),
        _ => ("Werkzeug/2.2.2 Python/3.11.7", "Connection: close\r\n"),
    };
    head.push_str(&format!("Server: {server}\r\n{close}\r\n"));
    stream.write_all(head.as_bytes())?;
    let end = if half { response.body.len() / 2 } else { response.body.len() };
    stream.write_all(&response.body[..end])?;
    stream.flush()?;
    stream.shutdown(Shutdown::Write)
}

/// Reads what the client still sends, so that closing does not reset the connection under its feet.
pub(crate) fn drain(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut buffer = vec![0; 1 << 16];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
