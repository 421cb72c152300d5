//! The listener: a thread for the door, a thread for each connection, and a clean stop.

use std::{
    collections::BTreeMap,
    io::{self, BufReader},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    Fault, Head, Request, Response, What,
    http::{self, Unread},
};
use apertur_bridge::system::Clock;

/// A help desk behind a server.
pub(crate) trait Desk: Send + 'static {
    /// The kind of a call, for faults and for the record.
    fn endpoint(head: &Head) -> &'static str;

    fn core(&mut self) -> &mut Core;

    /// Does the work and answers.
    fn answer(&mut self, request: &Request) -> Response;

    /// What the answer to a body that is no body looks like.
    fn malformed(&self) -> Response {
        Response::html(400)
    }
}

/// A request as it arrived, and the answer that it was given.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub endpoint: &'static str,
    pub request: Request,
    /// `None`: there is no answer, or not yet.
    pub status: Option<u16>,
    number: usize,
}

/// What every desk keeps beside its own state.
#[derive(Debug)]
pub(crate) struct Core {
    pub clock: Clock,
    pub faults: Vec<Fault>,
    pub seen: Vec<Seen>,
    arrived: usize,
}

impl Core {
    pub(crate) fn new(clock: Clock) -> Core {
        Core { clock, faults: Vec::new(), seen: Vec::new(), arrived: 0 }
    }

    fn arrived(&mut self, endpoint: &'static str, request: &Request) -> usize {
        self.arrived += 1;
        let (request, number) = (request.clone(), self.arrived);
        self.seen.push(Seen { endpoint, request, status: None, number });
        number
    }

    fn answered(&mut self, number: usize, status: Option<u16>) {
        if let Some(seen) = self.seen.iter_mut().find(|seen| seen.number == number) {
            seen.status = status;
        }
    }

    fn take(&mut self, endpoint: &str) -> Option<What> {
        let hits = |fault: &Fault| fault.on == "*" || fault.on == endpoint;
        let at = self.faults.iter().position(hits)?;
        let fault = &mut self.faults[at];
        fault.times -= 1;
        let what = fault.what.clone();
        if fault.times == 0 {
            self.faults.remove(at);
        }
        Some(what)
    }
}

/// What the connections share.
pub(crate) struct Shared<D> {
    desk: Mutex<D>,
    stopped: Mutex<bool>,
    wake: Condvar,
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

impl<D> Shared<D> {
    /// Waits unless the server stops meanwhile; false: it stopped.
    fn wait(&self, delay: Duration) -> bool {
        let stopped = locked(&self.stopped);
        let waited = self.wake.wait_timeout_while(stopped, delay, |stopped| !*stopped);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A panic in another connection does not poison anything for the test.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running desk on 127.0.0.1; it stops when dropped.
pub(crate) struct Server<D: Desk> {
    shared: Arc<Shared<D>>,
    address: SocketAddr,
    door: Option<JoinHandle<()>>,
}

impl<D: Desk> Server<D> {
    /// Listens on a free port.
    ///
    /// # Panics
    /// When there is none: the test cannot go on.
    pub(crate) fn start(desk: impl FnOnce(SocketAddr) -> D) -> Self {
        let bound = TcpListener::bind("127.0.0.1:0").and_then(|l| Ok((l.local_addr()?, l)));
        let Ok((address, listener)) = bound else { panic!("no free port on 127.0.0.1") };
        let shared = Arc::new(Shared {
            desk: Mutex::new(desk(address)),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
            open: Mutex::default(),
        });
        let for_door = Arc::clone(&shared);
        let door = thread::spawn(move || accept(&listener, &for_door));
        Server { shared, address, door: Some(door) }
    }

    /// The desk, locked.
    pub(crate) fn desk(&self) -> MutexGuard<'_, D> {
        locked(&self.shared.desk)
    }

    /// The base address, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the door and every open connection.
    pub(crate) fn stop(&mut self) {
        let Some(door) = self.door.take() else { return };
        *locked(&self.shared.stopped) = true;
        self.shared.wake.notify_all();
        // The door sits in accept(): a last connection lets it see the flag.
        drop(TcpStream::connect(self.address));
        drop(door.join());
        for stream in locked(&self.shared.open).values() {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

impl<D: Desk> Drop for Server<D> {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept<D: Desk>(listener: &TcpListener, shared: &Arc<Shared<D>>) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        if *locked(&shared.stopped) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            if let Ok(copy) = stream.try_clone() {
                locked(&shared.open).insert(number, copy);
            }
            // A client that hangs up is its own business.
            drop(serve(&stream, &shared));
            locked(&shared.open).remove(&number);
            drop(stream.shutdown(Shutdown::Both));
        });
    }
}

fn serve<D: Desk>(stream: &TcpStream, shared: &Shared<D>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    while let Some(head) = http::head(&mut reader)? {
        let endpoint = D::endpoint(&head);
        let fault = locked(&shared.desk).core().take(endpoint);
        let cut = fault.as_ref().and_then(What::cut);
        let (request, why) = match http::body(&mut reader, head.clone(), cut) {
            Ok(request) => (request, None),
            Err(why) => (Request { head, chunked: false, body: Vec::new() }, Some(why)),
        };
        let number = locked(&shared.desk).core().arrived(endpoint, &request);
        if let Some(why) = why {
            let answer = locked(&shared.desk).malformed();
            return match why {
                Unread::Wrong => http::write(stream, &answer, false),
                Unread::Gone => Ok(()),
            };
        }
        if !go_on(stream, shared, (number, request), fault)? {
            break;
        }
    }
    Ok(())
}

/// Works and answers; gives whether the connection stays open.
fn go_on<D: Desk>(
    stream: &TcpStream,
    shared: &Shared<D>,
    (number, request): (usize, Request),
    fault: Option<What>,
) -> io::Result<bool> {
    let late = fault.as_ref().map(What::late).unwrap_or_default();
    if !late.is_zero() && !shared.wait(late) {
        return Ok(false);
    }
    let answer = {
        let mut desk = locked(&shared.desk);
        let answer = match fault.as_ref().and_then(|fault| fault.instead(&request)) {
            Some(instead) => instead,
            None => {
                let answer = desk.answer(&request);
                fault.as_ref().map_or(Some(answer.clone()), |fault| fault.spoil(&request, answer))
            }
        };
        desk.core().answered(number, answer.as_ref().map(|answer| answer.status));
        answer
    };
    let stall = fault.as_ref().map(What::stall).unwrap_or_default();
    if !stall.is_zero() && !shared.wait(stall) {
        return Ok(false);
    }
    let half = matches!(fault, Some(What::HalfAnswer));
    let Some(answer) = answer else { return Ok(false) };
    http::write(stream, &answer, half)?;
    Ok(!half)
}
