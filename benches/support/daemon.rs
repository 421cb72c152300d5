//! The release binary as a child process, in a folder of its own.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::process::Process;

/// What the events are signed with.
pub(crate) const SECRET: &str = "whsec-bench-0123456789";

/// A daemon that takes requests.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// From the spawn to `READY=1`.
    pub(crate) took: Duration,
}

impl Daemon {
    /// Starts `apertur-bridge serve` on an empty journal in `home` and waits until it says so.
    /// `more` is added to the configuration. The log goes to a file, as with a service manager.
    pub(crate) fn start(home: &Path, more: &str) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = home.join("config.toml");
        fs::write(
            &config,
            format!(
                "data_dir = \"data\"\n\
                 [server]\nlisten = \"{address}\"\n\
                 [console]\nlisten = \"off\"\n\
                 [webhook]\nsecrets = [\"{SECRET}\"]\n{more}"
            ),
        )?;
        let socket = home.join("notify.sock");
        let notify = UnixDatagram::bind(&socket)?;
        notify.set_read_timeout(Some(Duration::from_secs(10)))?;
        let log = fs::File::create(home.join("log"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_apertur-bridge"));
        command
            .args(["serve", "--config"])
            .arg(&config)
            .env("NOTIFY_SOCKET", &socket)
            .stdin(Stdio::null())
            .stderr(log);
        let started = Instant::now();
        let process = Process::spawn(&mut command)?;
        let mut word = [0; 64];
        let length = notify.recv(&mut word).with_context(|| {
            format!(
                "the daemon did not start: {}",
                fs::read_to_string(home.join("log")).unwrap_or_default()
            )
        })?;
        let took = started.elapsed();
        ensure!(word[..length].starts_with(b"READY=1"), "the daemon said something else first");
        Ok(Self { process, address, took })
    }
}
