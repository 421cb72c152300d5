//! `[server]`: where to listen and how to stop.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;
use url::Url;

use super::{
    entry::Entry,
    section::Section,
    values::{Wrong, count, duration, http_url, list, listen, path, size, text},
};

/// A place to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address with a port.
    Tcp(SocketAddr),
    /// A socket file.
    Unix(PathBuf),
    /// The socket the service manager hands over.
    Systemd,
}

impl fmt::Display for Listen {
    /// As it is written in the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd"),
        }
    }
}

/// Certificate and key of the public listener, PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate with its chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What the listeners run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Where the public listener is.
    pub listen: Listen,
    /// TLS of the public listener; plain HTTP without.
    pub tls: Option<Tls>,
    /// Where the console is; nowhere when `None`.
    pub console_listen: Option<Listen>,
    /// What Apertur is told about the address of the public listener.
    pub public_url: Option<Url>,
    /// Proxies in front of it, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Threads of the public listener, at least 1.
    pub workers: usize,
    /// How long work under way may go on once the daemon is told to stop.
    pub drain: Duration,
}

/// What `[server]` says about listening; the console is not in it yet.
pub(super) struct Listener {
    pub(super) listen: Option<Listen>,
    tls: Option<Tls>,
    public_url: Option<Url>,
    pub(super) trusted_proxies: Option<Vec<IpNet>>,
    workers: Option<usize>,
    drain: Option<Duration>,
}

/// What `[server]` says about requests.
pub(super) struct Requests {
    /// The path of the webhook.
    pub(super) webhook_path: Option<String>,
    /// Largest body, in bytes.
    pub(super) max_body: Option<u64>,
    /// Longest silence of a sender.
    pub(super) body_timeout: Option<Duration>,
}

/// Reads `[server]`.
pub(super) fn read(s: &mut Section<'_>) -> (Listener, Requests) {
    let listen = s
        .key("listen", "address and port, \"unix:/path\", or \"systemd\" for socket activation")
        .or("127.0.0.1:8787", listen);
    let webhook_path = s
        .key("webhook_path", "the path Apertur posts to")
        .or("/apertur/webhook", text(webhook_path));
    let max_body = s.key("max_body", "largest request").or("64MiB", size);
    let body_timeout =
        s.key("body_timeout", "longest silence of a sender before 408").or("30s", duration);
    let public_url = s
        .key("public_url", "the address of this listener as Apertur and links are told")
        .optional("https://photos.example.com", http_url("https://photos.example.com"));
    let trusted_proxies = s
        .key(
            "trusted_proxies",
            "proxies in front, addresses or networks: their X-Forwarded-For says who tries the\n\
             collect page; whoever comes by a socket file is one",
        )
        .or("[\"127.0.0.0/8\", \"::1\"]", list(text(network)));
    let is_unix = matches!(listen, Some(Listen::Unix(_)));
    let tls = s
        .key("tls", "certificate and key, PEM; without, put a proxy with TLS in front")
        .optional("{ cert = \"/etc/ssl/photos.pem\", key = \"/etc/ssl/photos.key\" }", |entry| {
            if is_unix {
                return entry.wrong("is not for a socket file", "take it out, or listen at a port");
            }
            tls(entry)
        });
    let workers = s.key("workers", "threads that answer requests").or("2", count(1, 64));
    let drain = s
        .key("drain_timeout", "how long work under way may go on after a stop")
        .or("30s", duration);
    let listener = Listener { listen, tls, public_url, trusted_proxies, workers, drain };
    (listener, Requests { webhook_path, max_body, body_timeout })
}

impl Listener {
    /// Completes it with where the console is.
    pub(super) fn complete(self, console_listen: Option<Listen>) -> Option<ServerSettings> {
        Some(ServerSettings {
            listen: self.listen?,
            tls: self.tls,
            console_listen,
            public_url: self.public_url,
            trusted_proxies: self.trusted_proxies?,
            workers: self.workers?,
            drain: self.drain?,
        })
    }
}

/// A place to listen that is not the public one.
pub(super) fn apart(entry: &Entry<'_>, public: Option<&Listen>) -> Option<Listen> {
    let place = listen(entry)?;
    // With port 0, and from the service manager, two listeners get two sockets.
    let is_one_place = match &place {
        Listen::Tcp(address) => address.port() != 0,
        Listen::Unix(_) => true,
        Listen::Systemd => false,
    };
    if is_one_place && Some(&place) == public {
        return entry
            .wrong_value("is the place of server.listen", "choose another one, or \"off\"");
    }
    Some(place)
}

fn webhook_path(text: &str) -> Result<String, Wrong> {
    let example = "write for example /apertur/webhook";
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if !text.starts_with('/') || text.len() < 2 || !text.chars().all(plain) {
        return Err(Wrong::new("is not a path of / and letters, digits, - . _ and ~", example));
    }
    if text == "/healthz" || text == "/collect" || text.starts_with("/collect/") {
        return Err(Wrong::new("has a meaning of its own here", example));
    }
    Ok(text.to_owned())
}

fn network(text: &str) -> Result<IpNet, Wrong> {
    let text = text.trim();
    let one = || text.parse().map(|one: IpAddr| IpNet::from(one));
    text.parse().or_else(|_| one()).map_err(|_| {
        Wrong::new("is no address and no network", "write for example 10.0.0.7 or 10.0.0.0/8")
    })
}

fn tls(entry: &Entry<'_>) -> Option<Tls> {
    let mut s = Section::new(entry.reader, entry.path.clone(), entry.table()?);
    let cert = s.inner("cert", "/etc/ssl/photos.pem", path);
    let key = s.inner("key", "/etc/ssl/photos.key", path);
    s.close();
    Some(Tls { cert: cert?, key: key? })
}
