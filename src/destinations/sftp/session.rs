//! One SSH connection with its SFTP channel: whom it trusts, how it logs in.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use russh::{
    AgentAuthError, AlgorithmKind, MethodKind,
    client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse as Asked},
    keys::{
        Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate, known_hosts,
        parse_public_key_base64,
    },
};
use russh_sftp::client::SftpSession;
use secrecy::ExposeSecret as _;
use tokio::{net::TcpStream, time::timeout};

use super::{
    fault,
    rsa::{Pen, Rsa},
    settings::{Fingerprint, Key, Login, Pair, Settings, Trust},
};
use crate::{
    destinations::{redact::Secrets, storage::greeting},
    model::Failure,
    spool::blocking,
};

/// Longest wait for the connection itself.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the first words of a server.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a resting connection to show that it still works.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Rounds of questions and answers in one log-in.
const MOST_QUESTIONS: usize = 4;

/// A connection that is logged in. Dropped, it ends.
pub(super) struct Session {
    ssh: Handle<Guard>,
    pub(super) sftp: SftpSession,
    /// What the server was told and must not come back in words.
    pub(super) secrets: Secrets,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("is_closed", &self.ssh.is_closed()).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects, checks the host key, logs in and opens the channel.
    ///
    /// # Errors
    /// `Later` when nobody answers, `Broken` when the host key is not trusted, the log-in is
    /// refused or the server has no SFTP.
    pub(super) async fn open(settings: &Settings) -> Result<Self, Failure> {
        timeout(settings.timeout, Self::opened(settings))
            .await
            .unwrap_or_else(|_| Err(fault::silent(settings)))
    }

    async fn opened(settings: &Settings) -> Result<Self, Failure> {
        let mut ssh = trusted(settings).await?;
        log_in(&mut ssh, settings).await?;
        let secrets = settings.login.secrets();
        let sftp = channel(&ssh, settings).await;
        let sftp = sftp.map_err(|detail| fault::no_sftp(&secrets.out_of(&detail)))?;
        Ok(Self { ssh, sftp, secrets })
    }

    /// Whether it still works; asks the server.
    pub(super) async fn is_alive(&self) -> bool {
        let asked = timeout(ALIVE_TIMEOUT, self.sftp.canonicalize("."));
        !self.ssh.is_closed() && matches!(asked.await, Ok(Ok(_)))
    }
}

async fn channel(ssh: &Handle<Guard>, settings: &Settings) -> Result<SftpSession, String> {
    let channel = ssh.channel_open_session().await.map_err(|error| error.to_string())?;
    channel.request_subsystem(true, "sftp").await.map_err(|error| error.to_string())?;
    let config = russh_sftp::client::Config {
        request_timeout_secs: settings.timeout.as_secs().max(1),
        ..Default::default()
    };
    let opened = SftpSession::new_with_config(channel.into_stream(), config).await;
    opened.map_err(|error| error.to_string())
}

/// Checks the host key of one handshake.
#[derive(Debug)]
struct Guard {
    trusted: Arc<Vec<Fingerprint>>,
}

/// Why a handshake ended.
#[derive(Debug)]
enum Stop {
    Ssh(russh::Error),
    /// The server showed this key, which is not trusted.
    HostKey(PublicKey),
}

impl From<russh::Error> for Stop {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl client::Handler for Guard {
    type Error = Stop;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Stop> {
        match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                let is_trusted = self.trusted.contains(&Fingerprint::of(key));
                if is_trusted { Ok(true) } else { Err(Stop::HostKey(key.clone())) }
            }
            // None was asked for.
            PublicKeyOrCertificate::Certificate(_) => Ok(false),
        }
    }
}

/// Connects to a server with a trusted host key. A server may have several, of which it shows
/// the one of the first algorithm that both sides know: where that one is not trusted, the
/// others are asked for.
async fn trusted(settings: &Settings) -> Result<Handle<Guard>, Failure> {
    let Keys { trusted, revoked } = keys(settings).await?;
    let trusted = Arc::new(trusted);
    let mut algorithms = host_key_algorithms();
    let mut shown: Option<PublicKey> = None;
    while !algorithms.is_empty() {
        match handshake(settings, &trusted, &algorithms).await? {
            Ok(ssh) => return Ok(ssh),
            Err(Stop::HostKey(key)) => {
                // An RSA key is one key, whatever hash it signs with.
                let kind = kind_of(&key.algorithm());
                algorithms.retain(|other| kind_of(other) != kind);
                shown.get_or_insert(key);
                if trusted.is_empty() {
                    break;
                }
            }
            Err(Stop::Ssh(russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, .. }))
                if shown.is_some() =>
            {
                break;
            }
            Err(Stop::Ssh(error)) => return Err(fault::handshake(settings, &error)),
        }
    }
    Err(match shown {
        Some(key) if revoked.contains(&Fingerprint::of(&key)) => fault::revoked(settings, &key),
        shown => fault::host_key(settings, shown.as_ref(), !trusted.is_empty()),
    })
}

/// All but RSA with SHA-1.
fn host_key_algorithms() -> Vec<Algorithm> {
    let all = russh::Preferred::DEFAULT.key.iter();
    all.filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None })).cloned().collect()
}

/// Without the hash of RSA.
fn kind_of(algorithm: &Algorithm) -> Algorithm {
    match algorithm {
        Algorithm::Rsa { .. } => Algorithm::Rsa { hash: None },
        other => other.clone(),
    }
}

/// What is known of a host's keys. None is in both.
struct Keys {
    trusted: Vec<Fingerprint>,
    revoked: Vec<Fingerprint>,
}

async fn keys(settings: &Settings) -> Result<Keys, Failure> {
    let path = match &settings.trust {
        Trust::Fingerprints(fingerprints) => {
            return Ok(Keys { trusted: fingerprints.clone(), revoked: Vec::new() });
        }
        Trust::KnownHosts(path) => path.clone(),
    };
    let (host, port) = (settings.host.clone(), settings.port);
    let read = blocking(move || {
        // Without this a file that cannot be read would be one without keys.
        let revoked = revoked(&std::fs::read(&path)?);
        let keys = known_hosts::known_host_keys_path(&host, port, &path);
        let keys = keys.map_err(std::io::Error::other)?;
        let all = keys.iter().map(|(_, key)| Fingerprint::of(key));
        let trusted = all.filter(|key| !revoked.contains(key)).collect();
        Ok(Keys { trusted, revoked })
    });
    read.await.map_err(|error: std::io::Error| fault::known_hosts(settings, &error))
}

/// The keys of the lines of a `known_hosts` that are marked as revoked, whatever host they name:
/// a key that got into other hands is nobody's any more.
fn revoked(known_hosts: &[u8]) -> Vec<Fingerprint> {
    let text = String::from_utf8_lossy(known_hosts);
    let key = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|mark| *mark == "@revoked")?;
        parse_public_key_base64(words.nth(2)?).ok().map(|key| Fingerprint::of(&key))
    };
    text.lines().filter_map(key).collect()
}

async fn handshake(
    settings: &Settings,
    trusted: &Arc<Vec<Fingerprint>>,
    algorithms: &[Algorithm],
) -> Result<Result<Handle<Guard>, Stop>, Failure> {
    let address = (settings.host.as_str(), settings.port);
    let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(fault::unreachable(settings, &error)),
        Err(_) => return Err(fault::silent(settings)),
    };
    match greeting(&stream, GREETING_TIMEOUT).await {
        Some(says) if says.starts_with(b"220") => return Err(fault::no_ssh(settings, "220")),
        Some(_) => {}
        None => return Err(fault::no_greeting(settings)),
    }
    let mut preferred = russh::Preferred::DEFAULT;
    preferred.key = Cow::Owned(algorithms.to_vec());
    let config = client::Config {
        preferred,
        nodelay: true,
        // Ends the connection's own task where the server fell silent.
        inactivity_timeout: Some(settings.timeout.max(Duration::from_mins(1))),
        ..Default::default()
    };
    let guard = Guard { trusted: Arc::clone(trusted) };
    Ok(client::connect_stream(Arc::new(config), stream, guard).await)
}

async fn log_in(ssh: &mut Handle<Guard>, settings: &Settings) -> Result<(), Failure> {
    let user = settings.username.as_str();
    let answer = match &settings.login {
        Login::Key(Key(Pair::Curve(key))) => {
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
            ssh.authenticate_publickey(user, key).await
        }
        Login::Key(Key(Pair::Rsa(key))) => sign_by_rsa(ssh, settings, key).await?,
        Login::Password(password) => {
            ssh.authenticate_password(user, password.expose_secret()).await
        }
    };
    let (methods, partial) = match answer.map_err(|error| fault::handshake(settings, &error))? {
        AuthResult::Success => return Ok(()),
        AuthResult::Failure { remaining_methods, partial_success } => {
            (remaining_methods, partial_success)
        }
    };
    if let Login::Password(password) = &settings.login
        && methods.contains(&MethodKind::KeyboardInteractive)
        && answer_questions(ssh, user, password.expose_secret())
            .await
            .map_err(|error| fault::handshake(settings, &error))?
    {
        return Ok(());
    }
    let methods = methods.iter().map(String::from).collect::<Vec<_>>().join(", ");
    Err(fault::refused(settings, &methods, partial))
}

/// With the hash that the server says it knows, or with both where it names none of them.
async fn sign_by_rsa(
    ssh: &mut Handle<Guard>,
    settings: &Settings,
    key: &Rsa,
) -> Result<Result<AuthResult, russh::Error>, Failure> {
    let told = ssh.best_supported_rsa_hash().await;
    let hashes = match told.map_err(|error| fault::handshake(settings, &error))? {
        Some(Some(hash)) => vec![hash],
        _ => vec![HashAlg::Sha512, HashAlg::Sha256],
    };
    let mut answer = Err(russh::Error::NoAuthMethod);
    for hash in hashes {
        let (public, mut pen) = (key.public.clone(), Pen(key));
        let user = settings.username.as_str();
        let signed = ssh.authenticate_publickey_with(user, public, Some(hash), &mut pen).await;
        answer = signed.map_err(|error| match error {
            AgentAuthError::Send(_) => russh::Error::SendError,
            AgentAuthError::Key(error) => error.into(),
        });
        if !matches!(answer, Ok(AuthResult::Failure { .. })) {
            break;
        }
    }
    Ok(answer)
}

/// Many servers take a password only as the answer to a question.
async fn answer_questions(
    ssh: &mut Handle<Guard>,
    user: &str,
    password: &str,
) -> Result<bool, russh::Error> {
    let mut asked = ssh.authenticate_keyboard_interactive_start(user, None).await?;
    for _ in 0..MOST_QUESTIONS {
        let prompts = match asked {
            Asked::Success => return Ok(true),
            Asked::Failure { .. } => return Ok(false),
            Asked::InfoRequest { prompts, .. } => prompts,
        };
        // The password answers a single hidden question; what else is asked nobody knows.
        let answers = match prompts.as_slice() {
            [] => Vec::new(),
            [prompt] if !prompt.echo => vec![password.to_owned()],
            _ => return Ok(false),
        };
        asked = ssh.authenticate_keyboard_interactive_respond(answers).await?;
    }
    Ok(matches!(asked, Asked::Success))
}
