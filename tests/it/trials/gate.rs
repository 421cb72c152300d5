//! An HTTP server before another one: it answers the requests of one method itself, as a server
//! would that forbids them, and passes every other one on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// Answers `method` with `answer` (a status line's end, the body) from now on; gives where.
pub(super) fn gate(
    server: SocketAddr,
    method: &'static str,
    answer: (&'static str, &'static str),
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // A client that went away has nothing to be told.
            thread::spawn(move || drop(pass(client, server, method, answer)));
        }
    });
    address
}

/// One request; every connection ends with its answer.
fn pass(
    mut client: TcpStream,
    server: SocketAddr,
    method: &str,
    (status, body): (&str, &str),
) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content)?;
    if head.starts_with(&format!("{method} ")) {
        let length = body.len();
        return write!(
            client,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }
    let mut upstream = TcpStream::connect(server)?;
    write!(upstream, "{head}Connection: close\r\n\r\n")?;
    upstream.write_all(&content)?;
    io::copy(&mut upstream, &mut client).map(drop)
}
