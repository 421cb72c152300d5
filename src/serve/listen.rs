//! Sockets and the HTTP servers on them.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use anyhow::{Context as _, bail};
use listenfd::ListenFd;
use tokio::task::JoinSet;

use super::certificate::Certificate;
use crate::{
    collect_page::CollectPage,
    config::{Listen, ServerSettings},
    console::Console,
    receive::Door,
    system::instance,
};

/// Longest time for the headers of a request.
const HEADERS: Duration = Duration::from_secs(10);

/// Where a listener is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address with its port.
    Tcp(SocketAddr),
    /// A socket file.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A running HTTP server.
#[derive(Debug)]
pub(super) struct Server(ServerHandle);

impl Server {
    /// Takes no more connections and finishes the requests under way.
    pub(super) async fn stop(&self) {
        self.0.stop(true).await;
    }
}

enum Socket {
    Tcp(std::net::TcpListener),
    Unix(UnixListener),
}

impl Socket {
    fn address(&self) -> anyhow::Result<Address> {
        Ok(match self {
            Self::Tcp(socket) => Address::Tcp(socket.local_addr()?),
            Self::Unix(socket) => {
                let address = socket.local_addr()?;
                Address::Unix(address.as_pathname().unwrap_or("?".as_ref()).to_owned())
            }
        })
    }
}

/// Binds, or takes over what the service manager bound: the public listener is the first
/// socket, the console the second.
fn bind(
    listen: &Listen,
    key: &str,
    (handed_over, handed): (&mut ListenFd, usize),
) -> anyhow::Result<Socket> {
    match listen {
        Listen::Tcp(address) => std::net::TcpListener::bind(address)
            .map(Socket::Tcp)
            .with_context(|| format!("cannot listen at {address}; choose another {key}")),
        Listen::Unix(path) => clear(path)
            .and_then(|()| UnixListener::bind(path))
            .map(Socket::Unix)
            .with_context(|| format!("cannot listen at {}; choose another {key}", path.display())),
        Listen::Systemd => {
            if let Ok(Some(socket)) = handed_over.take_tcp_listener(handed) {
                return Ok(Socket::Tcp(socket));
            }
            match handed_over.take_unix_listener(handed) {
                Ok(Some(socket)) => Ok(Socket::Unix(socket)),
                _ => bail!(
                    "the service manager handed over no socket {} for {key} = \"systemd\"; \
                     enable the .socket unit or give an address",
                    handed + 1
                ),
            }
        }
    }
}

/// Removes the socket that a killed daemon left; anything else stays.
fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(there) if there.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::other("something that is no socket is there")),
        Err(error) => Err(error),
    }
}

/// Lets everybody who reaches the folder connect: a proxy runs as a user of its own, and the
/// door opens to signatures alone.
fn open_to_all(socket: &Socket) -> io::Result<()> {
    match socket.address() {
        Ok(Address::Unix(path)) => fs::set_permissions(path, fs::Permissions::from_mode(0o666)),
        _ => Ok(()),
    }
}

/// What is behind the public listener, and the certificate before it.
pub(super) type Doors = (Arc<Door>, Option<Arc<CollectPage>>, Option<Arc<Certificate>>);

/// Listens for Apertur and for people: the webhook, `/healthz`, the collect page where there is
/// one, and nothing else.
pub(super) fn public(
    settings: &ServerSettings,
    handed_over: &mut ListenFd,
    (door, page, certificate): Doors,
    rooms: &mut JoinSet<()>,
) -> anyhow::Result<(Address, Server)> {
    let socket = bind(&settings.listen, "server.listen", (handed_over, 0))?;
    if matches!(settings.listen, Listen::Unix(_)) {
        open_to_all(&socket).context("cannot open the socket of server.listen to the proxy")?;
    }
    let address = socket.address()?;
    let server = HttpServer::new(move || {
        let (door, page) = (Arc::clone(&door), page.clone());
        App::new()
            .configure(move |app| door.configure(app))
            .configure(move |app| page.iter().for_each(|page| page.configure(app)))
            .route("/healthz", web::get().to(healthy))
            .default_service(web::to(HttpResponse::NotFound))
    })
    .workers(settings.workers.max(1))
    .client_request_timeout(HEADERS)
    .shutdown_timeout(settings.drain.as_secs())
    .disable_signals();
    let server = match (socket, certificate) {
        (Socket::Tcp(socket), None) => server.listen(socket)?,
        (Socket::Tcp(socket), Some(certificate)) => {
            server.listen_rustls_0_23(socket, certificate.server_config())?
        }
        (Socket::Unix(socket), None) => server.listen_uds(socket)?,
        (Socket::Unix(_), Some(_)) => {
            bail!("server.tls is for addresses with a port; remove it or change server.listen")
        }
    };
    Ok((address, spawn(server.run(), rooms)))
}

/// Listens for operators: the console.
pub(super) fn console(
    listen: &Listen,
    handed_over: (&mut ListenFd, usize),
    console: Arc<Console>,
    rooms: &mut JoinSet<()>,
) -> anyhow::Result<(Address, Server)> {
    let socket = bind(listen, "console.listen", handed_over)?;
    let address = socket.address()?;
    let server = HttpServer::new(move || {
        let console = Arc::clone(&console);
        App::new().configure(move |app| console.configure(app))
    })
    .workers(1)
    .client_request_timeout(HEADERS)
    .shutdown_timeout(1)
    .disable_signals();
    let server = match socket {
        Socket::Tcp(socket) => server.listen(socket)?,
        Socket::Unix(socket) => server.listen_uds(socket)?,
    };
    Ok((address, spawn(server.run(), rooms)))
}

fn spawn(server: actix_web::dev::Server, rooms: &mut JoinSet<()>) -> Server {
    let handle = server.handle();
    rooms.spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "a listener ended; restart the daemon");
        }
    });
    Server(handle)
}

async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok", "instance": instance() }))
}
