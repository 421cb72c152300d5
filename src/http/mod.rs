//! The one outgoing HTTP client: limits, vetted addresses, transport errors to failures.
//!
//! It follows no redirect, takes no proxy from the environment and knows nothing of the
//! systems it is used for.

mod address;
mod identity;
mod look;

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{
    Client, Response,
    header::{HeaderMap, RETRY_AFTER},
};
use rustls::sign::SingleCertAndKey;
use rustls_platform_verifier::BuilderVerifierExt as _;

use self::address::{Unvetted, Vetting};
pub use self::{
    address::{Reach, is_public, reach},
    identity::{Identity, InvalidIdentity},
    look::{Posted, Seen},
};
use crate::model::{Cause, ErrorKind, Failure};

/// Longest wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait that anybody is granted: a slip of the other side must not park anything until a
/// restart.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// What is wrong, most likely, when a client cannot be made.
const ROOTS: &str = "the TLS client cannot be made; install the system's root certificates \
                     (Debian: apt install ca-certificates)";

/// The outgoing clients. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Http {
    open: Client,
    vetted: Client,
    internal: Client,
    near: Client,
}

impl Http {
    /// Makes the clients: 10 s to connect, no redirects, no proxy from the environment.
    ///
    /// # Errors
    /// When the system's root certificates cannot be loaded.
    pub fn new() -> anyhow::Result<Self> {
        let tls = tls().context(ROOTS)?;
        let vetting = |accepted| build(&tls, Some(Vetting(accepted)));
        Ok(Self {
            open: build(&tls, None)?,
            vetted: vetting(&[Reach::Public])?,
            internal: vetting(&[Reach::Internal])?,
            near: vetting(&[Reach::Public, Reach::Internal])?,
        })
    }

    /// Client for hosts that the configuration names: plain http and private addresses are the
    /// administrator's choice.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.open
    }

    /// Client for an address that somebody else gave: names resolve to public addresses only.
    /// An address written in the URL itself reaches no resolver: ask [`is_public`] first.
    #[must_use]
    pub fn vetted(&self) -> &Client {
        &self.vetted
    }

    /// A client of its own, as [`Http::client`], that shows this certificate to servers that ask
    /// for one. It is for one host's sake: no other is asked with it.
    ///
    /// # Errors
    /// When the system's root certificates cannot be loaded.
    pub fn identified(identity: &Identity) -> anyhow::Result<Client> {
        let mut tls = tls().context(ROOTS)?;
        let pair = SingleCertAndKey::from(Arc::clone(&identity.0));
        tls.client_auth_cert_resolver = Arc::new(pair);
        build(&tls, None)
    }

    /// As [`Http::vetted`], where names resolve only to addresses of this machine's network.
    #[must_use]
    pub fn internal(&self) -> &Client {
        &self.internal
    }

    /// As [`Http::vetted`], where names resolve to public addresses and to those of this
    /// machine's network.
    #[must_use]
    pub fn near(&self) -> &Client {
        &self.near
    }
}

/// TLS by the system's root certificates. Reading them is most of a start, so all clients
/// share one reading.
fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn build(tls: &rustls::ClientConfig, vetting: Option<Vetting>) -> anyhow::Result<Client> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("apertur-bridge/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .tls_info(vetting.is_none())
        .no_proxy();
    if let Some(vetting) = vetting {
        builder = builder.dns_resolver(Arc::new(vetting));
    }
    builder.build().context(ROOTS)
}

/// Whether a request failed because its host's name leads to no accepted address.
#[must_use]
pub fn is_unvetted(error: &reqwest::Error) -> bool {
    sources(error).any(|e| e.is::<Unvetted>())
}

/// A transport error as a failure: [`Failure::Later`] when nothing can have been sent (refused,
/// unresolved, TLS), [`Failure::Unknown`] for anything later. `whom` is a short name such as
/// "Odoo". The texts never hold the URL.
#[must_use]
pub fn failure(whom: &str, error: &reqwest::Error) -> Failure {
    let tls = sources(error).any(|e| e.is::<rustls::Error>());
    if error.is_builder() {
        let what = format!("the request to {whom} cannot be made");
        let cause = Cause::new(ErrorKind::Protocol, what, "check the configured address");
        return Failure::Later { after: None, cause: cause.with_detail(&words(error)) };
    }
    if error.is_connect() {
        let (what, fix) = if tls {
            ("no TLS connection to", "check its certificate, the host name and this machine's time")
        } else if error.is_timeout() {
            ("no connection in time to", "check that it runs and that no firewall drops packets")
        } else {
            ("no connection to", "check that it runs, its address, DNS and firewalls")
        };
        let cause = Cause::new(ErrorKind::Unreachable, format!("{what} {whom}"), fix);
        return Failure::Later { after: None, cause: cause.with_detail(&words(error)) };
    }
    let (kind, what) = if error.is_timeout() {
        (ErrorKind::Timeout, format!("{whom} did not answer in time"))
    } else {
        (ErrorKind::Unavailable, format!("the connection to {whom} broke"))
    };
    let fix = "nothing to do if it passes; else look at the other side's log and load";
    Failure::Unknown { cause: Cause::new(kind, what, fix).with_detail(&words(error)) }
}

/// The causes of an error, in their own words, outermost first. An error that can carry a URL
/// is left out.
fn words(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    for source in sources(error).filter(|e| !e.is::<reqwest::Error>()) {
        let text = source.to_string();
        if words.last().is_none_or(|last| *last != text) {
            words.push(text);
        }
    }
    words.join(": ")
}

fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |e| inner(*e))
}

/// What an error wraps; `io::Error` gives it by a method of its own.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// Why an answer could not be read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// It has more bytes than the caller takes.
    TooLarge,
    /// The wire broke or timed out; the text holds no URL.
    Broken(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Broken(why) => write!(f, "the answer broke off: {why}"),
        }
    }
}

impl StdError for ReadError {}

/// Reads a whole answer of at most `limit` bytes.
///
/// # Errors
/// [`ReadError::TooLarge`] as soon as more is announced or arrives, [`ReadError::Broken`] when
/// it does not arrive whole.
pub async fn read(mut response: Response, limit: usize) -> Result<Bytes, ReadError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(ReadError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| ReadError::Broken(words(&e)))? {
        if body.len() + chunk.len() > limit {
            return Err(ReadError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The wait that a `Retry-After` header asks for, in seconds (also with decimals, as Freshworks
/// sends them) or as an HTTP date; a time that is past is no wait, and none is longer than
/// [`LONGEST_WAIT`]. `None` without a readable header.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return wait(seconds.clamp(0.0, f64::MAX));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let wait = Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST_WAIT))
}

/// A wait of so many seconds, as bodies and headers other than `Retry-After` name one, at most
/// [`LONGEST_WAIT`]; `None` for what is no wait: less than 0, or no number.
#[must_use]
pub fn wait(seconds: f64) -> Option<Duration> {
    let longest = LONGEST_WAIT.as_secs_f64();
    Duration::try_from_secs_f64(if seconds > longest { longest } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Answers one request with these bytes and closes; gives the URL to ask.
    async fn answering(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret?token=hush", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer).await.unwrap();
        });
        url
    }

    async fn get(url: &str) -> Result<Response, reqwest::Error> {
        Http::new().unwrap().client().get(url).send().await
    }

    fn silent(text: &str) {
        assert!(!text.contains("hush") && !text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn a_refused_connection_is_surely_not_sent_and_a_broken_answer_is_not_known() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret?token=hush", listener.local_addr().unwrap());
        drop(listener);
        let refused = failure("Odoo", &get(&url).await.unwrap_err());
        silent(&format!("{refused:?}"));
        assert!(
            matches!(&refused, Failure::Later { cause, .. }
            if cause.kind == ErrorKind::Unreachable && cause.what == "no connection to Odoo"
                && cause.detail.contains("refused")),
            "{refused:?}"
        );

        let url = answering(b"HTTP/1.1 2").await;
        let broken = failure("Odoo", &get(&url).await.unwrap_err());
        silent(&format!("{broken:?}"));
        assert!(
            matches!(&broken, Failure::Unknown { cause }
            if cause.kind == ErrorKind::Unavailable),
            "{broken:?}"
        );
    }

    #[tokio::test]
    async fn tls_that_is_none_names_the_certificate_and_was_not_sent() {
        let url = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let error = get(&url.replace("http:", "https:")).await.unwrap_err();
        let failed = failure("Odoo", &error);
        silent(&format!("{failed:?}"));
        assert!(
            matches!(&failed, Failure::Later { cause, .. }
            if cause.what == "no TLS connection to Odoo"),
            "{failed:?}"
        );
    }

    #[tokio::test]
    async fn a_vetted_client_does_not_connect_inside_and_says_so() {
        let url = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let url = url.replace("127.0.0.1", "localhost");
        let http = Http::new().unwrap();
        let error = http.vetted().get(&url).send().await.unwrap_err();
        assert!(is_unvetted(&error), "{error:?}");
        assert!(matches!(failure("a link", &error), Failure::Later { .. }));
        assert_eq!(http.internal().get(&url).send().await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn redirects_are_given_and_not_followed() {
        let url = answering(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        );
        assert_eq!(get(&url.await).await.unwrap().status(), 302);
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_its_limit_and_no_further() {
        let whole: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        let open: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello";
        let short: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello";
        for answer in [whole, open] {
            let response = get(&answering(answer).await).await.unwrap();
            assert_eq!(read(response, 5).await, Ok(Bytes::from_static(b"hello")));
            let response = get(&answering(answer).await).await.unwrap();
            assert_eq!(read(response, 4).await, Err(ReadError::TooLarge));
        }
        let response = get(&answering(short).await).await.unwrap();
        let broken = read(response, 99).await.unwrap_err();
        silent(&broken.to_string());
        assert!(matches!(broken, ReadError::Broken(_)), "{broken:?}");
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        let read = |text: &str| {
            let value = HeaderValue::from_str(text).unwrap();
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(read("-3"), Some(Duration::ZERO));
        assert_eq!(read("Fri, 20 Nov 2026 08:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(read("Fri, 20 Nov 2026 07:00:00 GMT"), Some(Duration::ZERO));
        let absurd = ["99999999999", "1e300", "inf", "Sat, 20 Nov 9999 08:01:00 GMT"];
        for text in absurd {
            assert_eq!(read(text), Some(LONGEST_WAIT), "{text}");
        }
        for text in ["", "soon", "NaN"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!([1e12, 30.0, -1.0, f64::NAN].map(wait), {
            [Some(LONGEST_WAIT), Some(Duration::from_secs(30)), None, None]
        });
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
