//! One control connection: TLS, log-in, folder, and calls under a deadline.

use std::{fmt, time::Duration};

use rustls::ClientConfig;
use secrecy::ExposeSecret as _;
use suppaftp::{
    FtpError, FtpResult, Mode, Status,
    tokio::{AsyncRustlsConnector, AsyncRustlsFtpStream, AsyncTlsConnector, TransferStream},
    tokio_rustls::TlsConnector,
    types::{FileType, Response},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::unconstrained,
    time::{error::Elapsed, timeout},
};

use super::{
    fault,
    settings::{Settings, of_one_connection},
};
use crate::{
    destinations::{redact::Secrets, storage::greeting},
    model::Failure,
};

/// Longest wait for the connection itself.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a resting connection to show that it still works.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A file on its way.
pub(super) type Transfer = TransferStream<<AsyncRustlsConnector as AsyncTlsConnector>::Stream>;

/// Why a call did not do what it should.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server said no, or the connection broke.
    Ftp(FtpError),
    /// Nothing was said in time.
    Silent,
}

impl Trouble {
    /// What the server said, without these secrets.
    fn heard(error: FtpError, secrets: &Secrets) -> Self {
        let FtpError::UnexpectedResponse(response) = error else { return Self::Ftp(error) };
        let body = secrets.out_of(&String::from_utf8_lossy(&response.body)).into_bytes();
        Self::Ftp(FtpError::UnexpectedResponse(Response { body, ..response }))
    }

    /// The server's answer and its three digits, where it gave one.
    pub(super) fn answer(&self) -> Option<(u32, String)> {
        let Self::Ftp(FtpError::UnexpectedResponse(response)) = self else { return None };
        let text = String::from_utf8_lossy(&response.body).trim().to_owned();
        let code = text.get(..3).and_then(|code| code.parse().ok());
        Some((code.unwrap_or(response.status.code()), text))
    }

    /// Whether the server said one of these.
    pub(super) fn is(&self, codes: &[u32]) -> bool {
        self.answer().is_some_and(|(code, _)| codes.contains(&code))
    }
}

/// A connection that is logged in and stands in the configured folder. Dropped, it ends.
pub(super) struct Session {
    ftp: AsyncRustlsFtpStream,
    limit: Duration,
    secrets: Secrets,
    /// Nothing more can be asked on it.
    pub(super) is_broken: bool,
    /// Whether the server knows MLST, as far as it was asked.
    pub(super) has_mlst: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("is_broken", &self.is_broken).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects, secures the wire, logs in and goes to the folder. `tls` is `None` where the
    /// wire is to be plain.
    ///
    /// # Errors
    /// `Later` when nobody answers, `Broken` when the certificate, the log-in or the folder is
    /// not right.
    pub(super) async fn open(
        settings: &Settings,
        tls: Option<&ClientConfig>,
    ) -> Result<Self, Failure> {
        let address = (settings.host.as_str(), settings.port);
        let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(fault::unreachable(settings, &error)),
            Err(_) => return Err(fault::silent(settings)),
        };
        let opened = asked(settings.timeout, Self::greeted(settings, stream, tls)).await;
        opened.unwrap_or_else(|_| Err(fault::silent(settings)))
    }

    async fn greeted(
        settings: &Settings,
        stream: TcpStream,
        tls: Option<&ClientConfig>,
    ) -> Result<Self, Failure> {
        let secrets = Secrets::default().and(settings.password.expose_secret());
        let heard = |error| Trouble::heard(error, &secrets);
        let failed = |error| fault::greeting(settings, &heard(error));
        // In version 6 of IP there is no other; in version 4 the address that a server behind
        // a router tells is often wrong, and connecting to it could be made to reach others.
        let is_v6 = stream.peer_addr().is_ok_and(|address| address.is_ipv6());
        let nodelay = stream.set_nodelay(true);
        nodelay.map_err(|error| fault::unreachable(settings, &error))?;
        if greeting(&stream, settings.timeout).await.is_some_and(|says| says.starts_with(b"SSH-")) {
            return Err(fault::is_ssh(settings));
        }
        let mut ftp = AsyncRustlsFtpStream::connect_with_stream(stream).await.map_err(failed)?;
        if let Some(tls) = tls {
            let connector = TlsConnector::from(of_one_connection(tls));
            let connector = AsyncRustlsConnector::from(connector);
            let secured = ftp.into_secure(connector, &settings.host).await;
            ftp = secured.map_err(|error| fault::tls(settings, &heard(error)))?;
        }
        ftp.set_mode(if is_v6 { Mode::ExtendedPassive } else { Mode::Passive });
        ftp.set_passive_nat_workaround(true);
        let entered = ftp.login(settings.username.as_str(), settings.password.expose_secret());
        entered.await.map_err(|error| fault::log_in(settings, &heard(error)))?;
        // Servers that do not know it, or need not be told, say so.
        match ftp.opts("UTF8", Some("ON")).await {
            Ok(()) | Err(FtpError::UnexpectedResponse(_)) => {}
            Err(error) => return Err(failed(error)),
        }
        ftp.transfer_type(FileType::Binary).await.map_err(failed)?;
        if settings.directory != "." {
            let entered = ftp.cwd(&settings.directory).await;
            entered.map_err(|error| fault::folder(settings, &heard(error)))?;
        }
        Ok(Self { ftp, limit: settings.timeout, secrets, is_broken: false, has_mlst: true })
    }

    /// Whether it still works; asks the server.
    pub(super) async fn is_alive(&mut self) -> bool {
        matches!(asked(ALIVE_TIMEOUT, self.ftp.noop()).await, Ok(Ok(())))
    }

    /// The folder it stands in, as the server calls it.
    pub(super) async fn folder(&mut self) -> Result<String, Trouble> {
        let done = asked(self.limit, self.ftp.pwd()).await;
        self.minded(done).map(|folder| self.secrets.out_of(&folder))
    }

    /// The length of a file, by SIZE.
    pub(super) async fn size(&mut self, name: &str) -> Result<u64, Trouble> {
        let done = asked(self.limit, self.ftp.size(name)).await;
        self.minded(done).map(|size| size as u64)
    }

    /// What the server knows of a name, by MLST.
    pub(super) async fn facts(&mut self, name: &str) -> Result<String, Trouble> {
        let done = asked(self.limit, self.ftp.mlst(Some(name))).await;
        self.minded(done)
    }

    pub(super) async fn make_folder(&mut self, name: &str) -> Result<(), Trouble> {
        let done = asked(self.limit, self.ftp.mkdir(name)).await;
        self.minded(done)
    }

    pub(super) async fn remove_folder(&mut self, name: &str) -> Result<(), Trouble> {
        let done = asked(self.limit, self.ftp.rmdir(name)).await;
        self.minded(done)
    }

    /// Whether a folder is there and may be entered.
    pub(super) async fn enters(&mut self, name: &str) -> bool {
        let Ok(home) = self.folder().await else { return false };
        let done = asked(self.limit, self.ftp.cwd(name)).await;
        let has_entered = self.minded(done).is_ok();
        if has_entered {
            let done = asked(self.limit, self.ftp.cwd(&home)).await;
            // Whatever came next would be done in the wrong folder.
            self.is_broken |= self.minded(done).is_err();
        }
        has_entered
    }

    pub(super) async fn remove(&mut self, name: &str) -> Result<(), Trouble> {
        let done = asked(self.limit, self.ftp.rm(name)).await;
        self.minded(done)
    }

    pub(super) async fn rename(&mut self, from: &str, to: &str) -> Result<(), Trouble> {
        let done = asked(self.limit, self.ftp.rename(from, to)).await;
        self.minded(done)
    }

    /// Begins to write a file. By `put_with_stream` the answer to a transfer whose data connection
    /// broke could not be heard: it puts the broken wire in the answer's place.
    pub(super) async fn store(&mut self, name: &str) -> Result<Transfer, Trouble> {
        let goes_on = [Status::AboutToSend, Status::AlreadyOpen];
        let command = format!("STOR {name}");
        let done = asked(self.limit, self.ftp.custom_data_command(command, &goes_on)).await;
        self.minded(done).map(|(_, transfer)| transfer)
    }

    /// Begins to read a file.
    pub(super) async fn retrieve(&mut self, name: &str) -> Result<Transfer, Trouble> {
        let done = asked(self.limit, self.ftp.retr_as_stream(name)).await;
        self.minded(done)
    }

    /// Sends a block.
    pub(super) async fn send(&self, to: &mut Transfer, block: &[u8]) -> Result<(), Trouble> {
        wired(timeout(self.limit, to.write_all(block)).await)
    }

    /// Reads a block, at most what the buffer has room for; 0 at the end.
    pub(super) async fn receive(
        &self,
        from: &mut Transfer,
        block: &mut bytes::BytesMut,
    ) -> Result<usize, Trouble> {
        wired(timeout(self.limit, from.read_buf(block)).await)
    }

    /// Ends the writing of a file and hears how it went, also after the data connection broke.
    pub(super) async fn stored(&mut self, mut transfer: Transfer) -> Result<(), Trouble> {
        // Closing a TLS connection with something unread resets it, and what is still on a slow
        // wire is lost: the server ends its side first. One that does not is closed all the same.
        let ends = async {
            if transfer.shutdown().await.is_ok() {
                drop(tokio::io::copy(&mut transfer, &mut tokio::io::sink()).await);
            }
        };
        drop(timeout(self.limit, ends).await);
        self.finish(transfer).await
    }

    /// Ends a transfer and hears how it went.
    pub(super) async fn finish(&mut self, transfer: Transfer) -> Result<(), Trouble> {
        let done = asked(self.limit, transfer.finish()).await;
        self.minded(done)
    }

    /// Minds whether the connection can be used further.
    fn minded<T, E>(&mut self, done: Result<FtpResult<T>, E>) -> Result<T, Trouble> {
        let trouble = match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Trouble::heard(error, &self.secrets),
            Err(_) => Trouble::Silent,
        };
        // 421 announces that the server ends the connection.
        self.is_broken |= trouble.answer().is_none_or(|(code, _)| code == 421);
        Err(trouble)
    }
}

/// What is said on the control connection, under a deadline. `suppaftp` does not flush what it
/// says, and TLS keeps what the socket does not take at once: where the runtime's budget of a
/// task was used up, the socket would take nothing and the command would never leave.
async fn asked<T>(limit: Duration, says: impl Future<Output = T>) -> Result<T, Elapsed> {
    timeout(limit, unconstrained(says)).await
}

fn wired<T, E>(done: Result<std::io::Result<T>, E>) -> Result<T, Trouble> {
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Trouble::Ftp(FtpError::ConnectionError(error))),
        Err(_) => Err(Trouble::Silent),
    }
}
