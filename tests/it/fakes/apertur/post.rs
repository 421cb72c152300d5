//! Requests on a plain socket, so that a test can send what no client library would.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

use super::Signer;

/// The path that Apertur posts to.
const PATH: &str = "/apertur/webhook";

/// A request to the webhook.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub framing: Framing,
}

/// How the end of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    /// `Transfer-Encoding: chunked`, in chunks of this many bytes.
    Chunked(usize),
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The `status` of the JSON body.
    pub(crate) fn word(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["status"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Status and word, to be compared at once.
    pub(crate) fn told(&self) -> (u16, String) {
        (self.status, self.word())
    }
}

impl Request {
    pub(crate) fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        let (headers, framing) = (Vec::new(), Framing::Length);
        Request { headers, body: body.into(), framing }.header("Content-Type", content_type)
    }

    pub(crate) fn json(body: &Value) -> Request {
        Request::new("application/json", body.to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    /// Without any header of this name.
    pub(crate) fn without(mut self, name: &str) -> Request {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn framing(self, framing: Framing) -> Request {
        Request { framing, ..self }
    }

    /// Signed over the body alone with the tests' secret.
    pub(crate) fn signed(self) -> Request {
        Signer::default().sign(self)
    }

    fn head(&self, path: &str) -> Vec<u8> {
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: bridge\r\n").into_bytes();
        head.extend_from_slice(b"Connection: close\r\n");
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        match self.framing {
            Framing::Length => {
                head.extend_from_slice(format!("Content-Length: {}", self.body.len()).as_bytes());
            }
            Framing::Chunked(_) => head.extend_from_slice(b"Transfer-Encoding: chunked"),
        }
        head.extend_from_slice(b"\r\n\r\n");
        head
    }

    fn write(&self, mut stream: &TcpStream, path: &str) -> io::Result<()> {
        stream.write_all(&self.head(path))?;
        match self.framing {
            Framing::Length => stream.write_all(&self.body),
            Framing::Chunked(size) => {
                for chunk in self.body.chunks(size) {
                    stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                    stream.write_all(chunk)?;
                    stream.write_all(b"\r\n")?;
                }
                stream.write_all(b"0\r\n\r\n")
            }
        }
    }
}

/// Posts once to the daemon at `url` (`http://127.0.0.1:1234`).
pub(crate) fn post(url: &str, request: &Request) -> io::Result<Answer> {
    exchange(&connect(url)?, PATH, request)
}

/// Posts once to this address (`http://127.0.0.1:1234/path`); each wait is as long as patience.
pub(super) fn post_to(url: &str, request: &Request, patience: Duration) -> io::Result<Answer> {
    let path = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    let stream = connect(&url[..path])?;
    stream.set_read_timeout(Some(patience))?;
    exchange(&stream, &url[path..], request)
}

fn exchange(stream: &TcpStream, path: &str, request: &Request) -> io::Result<Answer> {
    // Whoever answers early may close early; the answer is read all the same.
    let written = request.write(stream, path);
    match (read(stream), written) {
        (Err(_), Err(error)) => Err(error),
        (answer, _) => answer,
    }
}

/// Posts as Apertur does: again after anything but a 2xx, at most 5 times, with growing waits
/// that begin at `wait`. `None` when it gave up.
pub(crate) fn deliver(url: &str, request: &Request, wait: Duration) -> Option<Answer> {
    let mut wait = wait;
    for _ in 0..5 {
        if let Ok(answer) = post(url, request)
            && (200..300).contains(&answer.status)
        {
            return Some(answer);
        }
        std::thread::sleep(wait);
        wait *= 2;
    }
    None
}

/// Gets a page.
pub(crate) fn get(url: &str, path: &str) -> io::Result<Answer> {
    raw(url, format!("GET {path} HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n\r\n").as_bytes())
}

/// Sends these bytes as they are and reads an answer.
pub(crate) fn raw(url: &str, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(url)?;
    stream.write_all(bytes)?;
    read(&stream)
}

/// Connects to the daemon.
pub(crate) fn connect(url: &str) -> io::Result<TcpStream> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

/// Reads one answer to its end.
pub(crate) fn read(stream: &TcpStream) -> io::Result<Answer> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no answer but {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    match answer.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => {
            answer.body = vec![0; length];
            reader.read_exact(&mut answer.body)?;
        }
        None => {
            reader.read_to_end(&mut answer.body)?;
        }
    }
    Ok(answer)
}
