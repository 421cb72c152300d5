//! A program that is run for an alert, with the message on its standard input.

use std::{
    io,
    path::PathBuf,
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{self, Child},
};

use crate::model::{Cause, ErrorKind, Failure};

/// Longest run; who takes longer is killed.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for its last words: whom it started may hold its pipes for as long as it likes.
const GRACE: Duration = Duration::from_secs(1);
/// Where programs are looked for that it starts itself.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Bytes of its words that are read; more are thrown away.
const MAX_WORDS: u64 = 4096;

/// A program with its arguments, run without a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program, an absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Whom the message names as its recipients, in `To`.
    pub mail_to: Option<String>,
    /// Longest run.
    pub timeout: Duration,
}

impl Command {
    /// A program that may run for 30 seconds.
    #[must_use]
    pub fn new(program: PathBuf, args: Vec<String>, mail_to: Option<String>) -> Self {
        Self { program, args, mail_to, timeout: TIMEOUT }
    }

    /// Runs it with this message. It gets nothing of our environment.
    ///
    /// # Errors
    /// [`Failure::Later`] when it cannot be started, ends with another code than 0 or does not
    /// end in time; then it is killed, with all that it started.
    pub(super) async fn run(&self, message: &str) -> Result<(), Failure> {
        let run = Box::pin(self.to_its_end(message));
        match tokio::time::timeout(self.timeout, run).await {
            Ok(done) => done,
            Err(_) => {
                let limit = self.timeout.as_secs();
                let what = format!("{} did not end within {limit} s", self.program.display());
                Err(later(ErrorKind::Timeout, what, ""))
            }
        }
    }

    async fn to_its_end(&self, message: &str) -> Result<(), Failure> {
        let program = self.program.display();
        let mut child = process::Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| {
                let what = format!("{program} cannot be started");
                later(ErrorKind::Local, what, &error.to_string())
            })?;
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        let (status, words) = end_of(&mut child, message).await;
        group.0 = None;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                Err(later(ErrorKind::Rejected, format!("{program} ended with {status}"), &words))
            }
            Err(error) => {
                let what = format!("{program} cannot be waited for");
                Err(later(ErrorKind::Local, what, &error.to_string()))
            }
        }
    }
}

/// The processes of a run, killed where nobody waits for its end any more.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Who is gone already needs no killing.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// Gives it the message and waits for its end, with what it complained of until then.
async fn end_of(child: &mut Child, message: &str) -> (io::Result<ExitStatus>, String) {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // Who does not read the message may still have done its work.
            drop(stdin.write_all(message.as_bytes()).await);
        }
    };
    let (mut said, mut words) = (Vec::new(), Vec::new());
    let status = {
        let both = async { tokio::join!(write, read(stdout, &mut said), read(stderr, &mut words)) };
        let mut pipes = pin!(both);
        tokio::select! {
            status = child.wait() => {
                drop(tokio::time::timeout(GRACE, pipes).await);
                status
            }
            _ = &mut pipes => child.wait().await,
        }
    };
    (status, String::from_utf8_lossy(&words).into_owned())
}

/// What it says, as far as it is worth keeping; read to the end, so that it is not held up.
async fn read(from: Option<impl AsyncRead + Unpin>, words: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    // A pipe that breaks says no more.
    drop((&mut from).take(MAX_WORDS).read_to_end(words).await);
    drop(tokio::io::copy(&mut from, &mut tokio::io::sink()).await);
}

fn later(kind: ErrorKind, what: String, detail: &str) -> Failure {
    let fix = "run it by hand as the user of the daemon; see `alert.command`";
    Failure::Later { after: None, cause: Cause::new(kind, what, fix).with_detail(detail) }
}
