//! `control.sock`: how commands change something while the daemon runs, so that one process
//! owns the writes. One JSON line asks, one JSON line answers; the socket is 0600.

use std::{fmt, io, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use super::{
    Ops,
    prune::{self, Pruned},
    upkeep::{Keeper, Order},
};
use crate::{
    intake::Listed,
    model::{By, Filter, OwnSession, Preview, Run, RunId, SessionId, Verb},
    system::instance,
};

/// Time until accepting is tried again after it failed.
const REST: Duration = Duration::from_secs(1);
/// Longest request or answer, in bytes.
const MAX_LINE: u64 = 4 * 1024 * 1024;

/// A verb that changes something.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// [`Ops::begin`].
    Begin {
        /// What is done.
        change: Verb,
        /// With which deliveries.
        filter: Filter,
        /// Who asks for it.
        by: By,
    },
    /// [`Ops::preview`].
    Preview {
        /// What would be done.
        change: Verb,
        /// With which deliveries.
        filter: Filter,
    },
    /// [`Ops::run`].
    Run {
        /// Which.
        run: RunId,
    },
    /// [`Ops::stop`].
    Stop {
        /// Which.
        run: RunId,
    },
    /// [`Ops::resume`].
    Resume {
        /// Which.
        run: RunId,
    },
    /// Whether something can be written down at all.
    Ping,
    /// Which daemon this is.
    About,
    /// [`Ops::keep_session`].
    KeepSession(OwnSession),
    /// [`Ops::announce`].
    Announce {
        /// A session of ours.
        session: SessionId,
        /// Photos of it that Apertur has and that are not here.
        photos: Vec<Listed>,
    },
    /// [`Keeper`]'s.
    Upkeep(Order),
    /// [`Reload::reload`].
    Reload,
}

impl Request {
    /// The text that it looks for.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Begin { filter, .. } | Self::Preview { filter, .. } => filter.text.as_deref(),
            _ => None,
        }
    }
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    /// How a run stands; `None` where there is no such run.
    Run {
        /// As it stands.
        run: Option<Box<Run>>,
    },
    /// What would be done.
    Preview(Preview),
    /// It is on disk.
    Kept,
    /// Photos were announced.
    Announced {
        /// How many that were not known.
        taken: usize,
    },
    /// A run of retention was made.
    Pruned(Pruned),
    /// The configuration was read again.
    Reloaded(Reloaded),
    /// The daemon.
    Daemon {
        /// Its version.
        version: String,
        /// Its [`instance`].
        instance: String,
    },
    /// It was not done.
    Failed {
        /// Why.
        error: String,
    },
}

/// What a reload of the configuration came to, by keys of it (`destination.erp.url`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is in force from now on.
    pub applied: Vec<String>,
    /// What was changed and is not in force before a restart.
    pub needs_restart: Vec<String>,
    /// What should be looked at, in the words of `check`.
    pub warnings: Vec<String>,
}

/// Who reads the configuration again.
#[async_trait]
pub trait Reload: fmt::Debug + Send + Sync {
    /// Reads it and puts into force what can be changed under way.
    ///
    /// # Errors
    /// Everything that is wrong with it, in words; nothing was changed then.
    async fn reload(&self) -> Result<Reloaded, String>;
}

/// Who answers the requests of commands.
#[derive(Debug, Clone)]
pub struct Desk {
    /// For what is asked about photos and sessions.
    pub ops: Ops,
    /// For what is asked about journal and spool.
    pub keeper: Arc<Keeper>,
    /// For a reload; there is none where no daemon runs.
    pub reload: Option<Arc<dyn Reload>>,
}

impl Desk {
    /// Carries out a request.
    pub async fn perform(&self, request: Request) -> Reply {
        match request {
            Request::Upkeep(order) => perform(&self.keeper, order).await,
            Request::Reload => match &self.reload {
                Some(reload) => match reload.reload().await {
                    Ok(reloaded) => Reply::Reloaded(reloaded),
                    Err(error) => Reply::Failed { error },
                },
                None => Reply::Failed { error: NO_DAEMON.to_owned() },
            },
            other => self.ops.perform(other).await,
        }
    }
}

/// Why nothing can be reloaded.
const NO_DAEMON: &str = "no daemon runs on this data_dir: it reads its configuration at its start";

/// Carries out what is asked about journal and spool.
pub async fn perform(keeper: &Keeper, order: Order) -> Reply {
    let done = match order {
        Order::Prune { bytes, rows } => {
            keeper.prune(prune::Settings { bytes, rows }).await.map(Reply::Pruned)
        }
        Order::BackedUp { to, bytes } => keeper.backed_up(to, bytes).await.map(|()| Reply::Kept),
    };
    done.unwrap_or_else(|error| Reply::Failed { error: format!("{error:#}") })
}

impl Ops {
    /// Carries out a request, from wherever it came.
    pub async fn perform(&self, request: Request) -> Reply {
        if let Err(error) = request.text().map_or(Ok(String::new()), Filter::parse_text) {
            return Reply::Failed { error: error.to_string() };
        }
        let done = match request {
            Request::Begin { change, filter, by } => {
                self.begin(change, filter, by).await.map(|run| found(Some(run)))
            }
            Request::Preview { change, filter } => {
                self.preview(&change, &filter).await.map(Reply::Preview)
            }
            Request::Run { run } => self.run(run).await.map(found),
            Request::Stop { run } => self.stop(run).await.map(found),
            Request::Resume { run } => self.resume(run).await.map(found),
            Request::Ping => self.journal.ping().await.map(|()| Reply::Kept),
            Request::About => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                Ok(Reply::Daemon { version, instance: instance().to_owned() })
            }
            Request::KeepSession(session) => self.keep_session(session).await.map(|()| Reply::Kept),
            Request::Announce { session, photos } => {
                self.announce(&session, photos).await.map(|taken| Reply::Announced { taken })
            }
            Request::Upkeep(_) | Request::Reload => {
                return Reply::Failed { error: NO_DAEMON.to_owned() };
            }
        };
        done.unwrap_or_else(|error| Reply::Failed { error: error.to_string() })
    }
}

fn found(run: Option<Run>) -> Reply {
    Reply::Run { run: run.map(Box::new) }
}

/// Binds the socket, replacing what a killed daemon left. The caller owns the data directory.
///
/// # Errors
/// When the socket cannot be made.
pub fn bind(path: &Path) -> anyhow::Result<UnixListener> {
    bind_private(path).with_context(|| {
        format!("cannot make the control socket {}; a path has at most 107 bytes", path.display())
    })
}

fn bind_private(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

/// Answers requests until `stop`.
pub async fn serve(socket: UnixListener, desk: Desk, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        let desk = desk.clone();
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &desk).await {
                        tracing::debug!(%error, "a command went away before its answer");
                    }
                });
            }
            // It may fail at once and for long, for want of file descriptors.
            Err(error) => {
                tracing::warn!(%error, "the control socket failed; trying again");
                let clock = &desk.ops.clock;
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = clock.sleep_until(clock.after(REST)) => {}
                }
            }
        }
    }
}

async fn answer(stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(MAX_LINE)).read_line(&mut line).await?;
    let reply = match serde_json::from_str(&line) {
        Ok(request) => desk.perform(request).await,
        Err(_) => Reply::Failed { error: UNKNOWN.to_owned() },
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    write.write_all(&line).await
}

/// What a command of another version hears.
const UNKNOWN: &str = concat!(
    "the daemon, version ",
    env!("CARGO_PKG_VERSION"),
    ", does not know this request: the command is of another version; restart the daemon, so \
     that it runs the version that is installed"
);

/// Whether surely no daemon is behind the socket.
pub async fn is_deserted(path: &Path) -> bool {
    UnixStream::connect(path).await.is_err_and(|error| is_nobody(&error))
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// The daemon went away before it answered: whether the request was carried out is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the daemon went away before it answered; try again")]
pub struct NoAnswer;

/// The daemon answered what this program does not know.
const FOREIGN: &str = concat!(
    "the daemon's answer is not known to this command, version ",
    env!("CARGO_PKG_VERSION"),
    ": the daemon is of another version; restart it, so that it runs the version that is installed"
);

/// Asks the daemon behind the socket; `None` when there is none.
///
/// # Errors
/// [`NoAnswer`] when the daemon goes away before it answers; else when it cannot be reached, or
/// answers in the words of another version.
pub async fn ask(path: &Path, request: &Request) -> anyhow::Result<Option<Reply>> {
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => {
            let socket = path.display();
            let what =
                format!("cannot reach the daemon at {socket}; run this as the daemon's user");
            return Err(anyhow::Error::new(error).context(what));
        }
    };
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    write.write_all(&line).await.context(NoAnswer)?;
    let mut answer = String::new();
    BufReader::new(read.take(MAX_LINE)).read_line(&mut answer).await.context(NoAnswer)?;
    if !answer.ends_with('\n') {
        return Err(NoAnswer.into());
    }
    Ok(Some(serde_json::from_str(&answer).context(FOREIGN)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::memory::Memory,
        spool::Spool,
        system::{Clock, Floor, Live},
    };

    /// What a line comes to, asked of a daemon.
    async fn said(line: &[u8]) -> anyhow::Result<Reply> {
        let home = tempfile::tempdir()?;
        let journal = Arc::new(Memory::new());
        let ops = Ops::to_read(journal, Clock::system());
        let settings = prune::Settings { bytes: Duration::ZERO, rows: Duration::ZERO };
        let stores = (Arc::clone(&ops.journal), Spool::open(&home.path().join("spool"))?);
        let around = (ops.clock.clone(), ops.telemetry.clone());
        let keeper = Keeper::new(stores, Live::new(settings), Floor::default(), around);
        let desk = Desk { ops, keeper: Arc::new(keeper), reload: None };
        let (ours, theirs) = UnixStream::pair()?;
        let (read, mut write) = ours.into_split();
        let asked = async {
            write.write_all(line).await?;
            let mut answer = String::new();
            BufReader::new(read).read_line(&mut answer).await?;
            Ok(serde_json::from_str(&answer)?)
        };
        tokio::try_join!(asked, async { Ok(answer(theirs, &desk).await?) }).map(|(reply, ())| reply)
    }

    #[tokio::test]
    async fn a_daemon_tells_a_newer_command_what_to_do() -> anyhow::Result<()> {
        let reply = said(b"{\"verb\":\"paint\"}\n").await?;
        let Reply::Failed { error } = reply else { anyhow::bail!("{reply:?}") };
        assert!(error.contains(env!("CARGO_PKG_VERSION")), "{error}");
        assert!(error.contains("restart the daemon"), "{error}");
        Ok(())
    }

    #[tokio::test]
    async fn a_command_cannot_look_for_what_is_no_text_to_look_for() -> anyhow::Result<()> {
        let change = r#""change":{"verb":"release"},"filter":{"text":"ab"}"#;
        for asked in [r#""verb":"preview""#, r#""verb":"begin","by":"ana""#] {
            let reply = said(format!("{{{asked},{change}}}\n").as_bytes()).await?;
            let Reply::Failed { error } = reply else { anyhow::bail!("{reply:?}") };
            assert!(error.contains("3 to 200 characters"), "{error}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn an_answer_of_another_version_is_none_that_is_missing() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("control.sock");
        let socket = bind(&path)?;
        for (answer, is_missing) in [("{\"answer\":\"painted\"}\n", false), ("", true)] {
            let answered = async {
                let (stream, _) = socket.accept().await?;
                let (read, mut write) = stream.into_split();
                BufReader::new(read).read_line(&mut String::new()).await?;
                anyhow::Ok(write.write_all(answer.as_bytes()).await?)
            };
            let (asked, answered) = tokio::join!(ask(&path, &Request::Ping), answered);
            answered?;
            let Err(error) = asked else { anyhow::bail!("{asked:?}") };
            assert_eq!(error.is::<NoAnswer>(), is_missing, "{error:#}");
            assert_eq!(error.to_string().contains("restart it"), !is_missing, "{error:#}");
        }
        Ok(())
    }
}
