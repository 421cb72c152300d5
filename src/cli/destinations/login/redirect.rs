//! The loopback address that a browser is sent to after a login: as much of a web server as one
//! redirect needs.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::Sender,
};
use url::Url;

use super::Heard;
use crate::destinations::oauth::{Login, Unreadable};

/// Longest request that is read: a code has a few thousand bytes at most.
const MAX_HEAD: usize = 16 * 1024;
/// Longest wait for a request of a browser that connected.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens at the redirect address until the program ends, and sends on what comes.
///
/// # Errors
/// Why nobody listens there: not a plain loopback address, or its port is taken.
pub(super) async fn listen(login: &Arc<Login>, heard: &Sender<Heard>) -> Result<(), String> {
    let redirect = login.redirect();
    for listener in bind(redirect).await? {
        let (login, heard) = (Arc::clone(login), heard.clone());
        tokio::spawn(async move {
            loop {
                // An accept that fails is a browser that went away.
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (login, heard) = (Arc::clone(&login), heard.clone());
                tokio::spawn(async move {
                    // A browser that hangs up may come again.
                    drop(tokio::time::timeout(PATIENCE, serve(stream, &login, &heard)).await);
                });
            }
        });
    }
    Ok(())
}

/// The listeners for an address. A browser may take `localhost` for either of two.
async fn bind(redirect: &Url) -> Result<Vec<TcpListener>, String> {
    let hosts: &[&str] = match redirect.host_str() {
        Some("localhost") => &["127.0.0.1", "::1"],
        Some("127.0.0.1") => &["127.0.0.1"],
        Some("[::1]") => &["::1"],
        _ => return Err(format!("{redirect} is no address of this machine")),
    };
    if redirect.scheme() != "http" {
        return Err(format!("{redirect} is not plain http"));
    }
    let port = redirect.port_or_known_default().unwrap_or(80);
    let mut listeners = Vec::new();
    for host in hosts {
        match TcpListener::bind((*host, port)).await {
            Ok(listener) => listeners.push(listener),
            // Many machines have but one of the two.
            Err(_) if !listeners.is_empty() => {}
            Err(error) => return Err(format!("port {port} cannot be listened at ({error})")),
        }
    }
    Ok(listeners)
}

async fn serve(mut stream: TcpStream, login: &Login, heard: &Sender<Heard>) -> io::Result<()> {
    let head = read(&mut stream).await?;
    let line = head.lines().next().unwrap_or_default();
    let (status, page) = match line.split(' ').collect::<Vec<_>>()[..] {
        ["GET", target, _] => answer(login.redirected(target), heard),
        _ => ("405 Method Not Allowed", "This address takes the end of a login."),
    };
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {length}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Connection: close\r\n\r\n{page}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// The head of a request, as far as it is text and not too long.
async fn read(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Sends on what came, and says it in the browser.
fn answer(
    came: Result<crate::destinations::oauth::Reply, Unreadable>,
    heard: &Sender<Heard>,
) -> (&'static str, &'static str) {
    let what = match came {
        Err(Unreadable::Other) => return ("404 Not Found", "Nothing is here."),
        Err(Unreadable::State) => {
            let page = "This belongs to another login. Open the address that the command shows.";
            return ("400 Bad Request", page);
        }
        Err(Unreadable::Refused(words)) => Heard::Refused(words),
        Ok(reply) => Heard::Reply(reply),
    };
    let page = match &what {
        Heard::Reply(_) => {
            "apertur-bridge has what it needs; the command says how the login ended. You may \
             close this window."
        }
        Heard::Refused(_) => "The login was refused. You may close this window.",
    };
    match heard.try_send(what) {
        Ok(()) => ("200 OK", page),
        Err(_) => ("200 OK", "The login is over already. You may close this window."),
    }
}
