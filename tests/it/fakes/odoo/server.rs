//! The listener: a thread for the door, a thread for each connection, and a clean stop.

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::http::{self, Reply, Request, Response, Send};
use super::state::State;
use super::{json2, rpc};

/// What the connections share.
pub(crate) struct Shared {
    version: u32,
    state: Mutex<State>,
    stopped: Mutex<bool>,
    wake: Condvar,
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

impl Shared {
    /// The state, locked. A panic in another connection does not poison it for the test.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits unless the server stops meanwhile; false: it stopped.
    pub(crate) fn wait(&self, delay: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) = self
            .wake
            .wait_timeout_while(stopped, delay, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        !*stopped
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server.
pub(crate) struct Server {
    pub shared: Arc<Shared>,
    pub address: SocketAddr,
    door: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a port of 127.0.0.1; 0 chooses a free one.
    ///
    /// # Panics
    /// When the port cannot be bound: the test cannot go on.
    pub(crate) fn start(state: State, port: u16) -> Server {
        let (listener, address) = bind(port);
        let shared = Arc::new(Shared {
            version: state.version,
            state: Mutex::new(state),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
            open: Mutex::new(BTreeMap::new()),
        });
        let for_door = Arc::clone(&shared);
        let door = thread::spawn(move || accept(&listener, &for_door));
        Server { shared, address, door: Some(door) }
    }

    /// Closes the door and every open connection.
    pub(crate) fn stop(&mut self) {
        let Some(door) = self.door.take() else { return };
        *self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.wake.notify_all();
        // The door sits in accept(): a last connection lets it see the flag.
        drop(TcpStream::connect(self.address));
        drop(door.join());
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).values() {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn bind(port: u16) -> (TcpListener, SocketAddr) {
    // A port that was just given up may be taken for a moment longer.
    for _ in 0..50 {
        let bound = TcpListener::bind(("127.0.0.1", port));
        match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
            Ok((address, listener)) => return (listener, address),
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
    panic!("cannot listen on 127.0.0.1:{port}")
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        if shared.is_stopped() {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            if let Ok(copy) = stream.try_clone() {
                shared.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, copy);
            }
            // A client that hangs up is its own business.
            drop(serve(&stream, &shared));
            shared.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            drop(stream.shutdown(Shutdown::Both));
        });
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = http::read(stream, shared.version)?;
    let unread = request.too_large;
    let reply = route(shared, request);
    if !shared.wait(reply.stall) && !reply.stall.is_zero() {
        return Ok(());
    }
    match reply.send {
        Send::Nothing => return Ok(()),
        Send::Whole(response) => http::write(stream, shared.version, &response, false)?,
        Send::Half(response) => http::write(stream, shared.version, &response, true)?,
    }
    if unread { http::drain(stream) } else { Ok(()) }
}

fn route(shared: &Shared, request: Request) -> Reply {
    let version = shared.version;
    shared.state().heard = heard(&request);
    let path = request.path.clone();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["json", ..] if !shared.state().switches.json2 => Response::proxy_page(403).into(),
        _ if request.too_large => Response::werkzeug(
            413,
            "Request Entity Too Large",
            "The data value transmitted exceeds the capacity limit.",
        )
        .into(),
        ["xmlrpc", service] => rpc::answer(shared, service, true, &request),
        ["xmlrpc", "2", service] => rpc::answer(shared, service, false, &request),
        ["json", "2", rest @ ..] if version >= 19 => json2::answer(shared, rest, &request),
        ["web", "version"] if version >= 19 => json2::web_version(shared),
        _ => not_found(version).into(),
    }
}

/// What repeats a request, in one line and longer than whatever of it is kept.
fn heard(request: &Request) -> String {
    let key = request.header("Authorization").and_then(|value| value.split(' ').next_back());
    let body = request.body.get(..2000).unwrap_or(&request.body);
    let once = format!("{} {} ", key.unwrap_or_default(), String::from_utf8_lossy(body));
    once.replace(char::is_control, " ").chars().cycle().take(4000).collect()
}

/// The website's own page for an unknown address.
fn not_found(version: u32) -> Response {
    let body = "<!DOCTYPE html>\n<html>\n    <head>\n        <title>Odoo</title>\n    </head>\n    <body>\n        <h1>Page not found</h1>\n    </body>\n</html>";
    let response = Response::new(404, "text/html;charset=utf-8", body);
    if version <= 16 { response } else { response.with("X-Content-Type-Options", "nosniff") }
}
