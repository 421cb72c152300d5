//! A wire that can be cut or held: a TCP proxy before a server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// A TCP proxy on a port of its own.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// Bytes that went to the server.
    passed: AtomicU64,
    /// After so many the wire is cut, or nothing more goes through.
    most: AtomicU64,
    holds: AtomicBool,
}

impl Proxy {
    /// Before the server at this address.
    pub(crate) fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            passed: AtomicU64::new(0),
            most: AtomicU64::new(u64::MAX),
            holds: AtomicBool::new(false),
        });
        let ours = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&ours);
                thread::spawn(move || state.join(&client, server));
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection once so many bytes went to the server, until [`Proxy::heal`].
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.state.holds.store(false, SeqCst);
        self.state.most.store(bytes, SeqCst);
    }

    /// Lets no more than so many bytes through, until [`Proxy::heal`].
    pub(crate) fn hold_after(&self, bytes: u64) {
        self.state.holds.store(true, SeqCst);
        self.state.most.store(bytes, SeqCst);
    }

    /// Lets no more than so many bytes more through, until [`Proxy::heal`].
    pub(crate) fn hold_next(&self, bytes: u64) {
        self.hold_after(self.state.passed.load(SeqCst) + bytes);
    }

    /// Waits until as many bytes went through as may.
    pub(crate) async fn wait_until_held(&self) {
        while self.state.passed.load(SeqCst) < self.state.most.load(SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lets everything through.
    pub(crate) fn heal(&self) {
        self.state.most.store(u64::MAX, SeqCst);
    }
}

impl State {
    fn join(self: Arc<Self>, client: &TcpStream, server: SocketAddr) {
        let Ok(server) = TcpStream::connect(server) else { return };
        let (back, forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || {
            drop(std::io::copy(&mut &back, &mut &forth));
            drop(forth.shutdown(Shutdown::Both));
        });
        self.pass(client, &server);
        drop(client.shutdown(Shutdown::Both));
        drop(server.shutdown(Shutdown::Both));
    }

    /// Client to server, until one of them ends or the wire is cut.
    fn pass(&self, mut client: &TcpStream, mut server: &TcpStream) {
        let mut block = [0; 16 * 1024];
        while let Ok(read @ 1..) = client.read(&mut block) {
            let passed = self.passed.fetch_add(read as u64, SeqCst) + read as u64;
            while passed > self.most.load(SeqCst) {
                if !self.holds.load(SeqCst) {
                    return;
                }
                thread::sleep(Duration::from_millis(2));
            }
            if server.write_all(&block[..read]).is_err() {
                return;
            }
        }
    }
}
