//! A running daemon: the built binary with a configuration, data directory and ports of its own.
//! Killed and removed when dropped.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking")]

use std::{
    fs::Permissions,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use tempfile::TempDir;

/// The webhook secret unless the configuration has a `[webhook]` section; hex, so that it serves
/// all three schemes.
pub(crate) const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_apertur-bridge");

/// Longest wait for a log line.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a daemon is started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Its configuration. What is left out is added: `data_dir`, and the sections `[server]` and
    /// `[console]` (ports chosen by the system), `[webhook]` ([`SECRET`]), and a folder `archive`
    /// at `photos` of [`Daemon::dir`] where there is no `[destination.…]`.
    pub toml: String,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
}

impl Options {
    pub(crate) fn toml(text: impl Into<String>) -> Self {
        Self { toml: text.into(), env: Vec::new() }
    }

    /// The configuration with what was left out.
    pub(crate) fn whole(&self) -> String {
        let data_dir = if self.toml.contains("data_dir") { "" } else { "data_dir = \"data\"\n" };
        let mut text = format!("{data_dir}{}\n", self.toml);
        let secrets = format!("secrets = [\"{SECRET}\"]");
        for (section, keys) in [
            ("[server]", "listen = \"127.0.0.1:0\""),
            ("[console]", "listen = \"127.0.0.1:0\""),
            ("[webhook]", secrets.as_str()),
            ("[destination.", "archive]\ntype = \"folder\"\npath = \"photos\""),
        ] {
            if !self.toml.contains(section) {
                text.push_str(section);
                text.push_str(if section.ends_with(']') { "\n" } else { "" });
                text.push_str(keys);
                text.push('\n');
            }
        }
        text
    }
}

/// Standard error of a process, as far as it has come.
#[derive(Debug, Default)]
struct Log {
    text: Mutex<(String, bool)>,
    grown: Condvar,
}

impl Log {
    fn follow(stream: impl std::io::Read + Send + 'static) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let ours = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut text = ours.text.lock().unwrap_or_else(PoisonError::into_inner);
                text.0.push_str(&line);
                text.0.push('\n');
                ours.grown.notify_all();
            }
            ours.text.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
            ours.grown.notify_all();
        });
        log
    }

    /// Waits for a text; `None` when the process ended or was silent for too long.
    fn wait(&self, part: &str) -> Option<String> {
        let guard = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |(text, ended): &mut (String, bool)| !*ended && !text.contains(part);
        let waited = self.grown.wait_timeout_while(guard, PATIENCE, wanted);
        let (text, _) = waited.unwrap_or_else(PoisonError::into_inner);
        text.0.lines().find(|line| line.contains(part)).map(str::to_owned)
    }

    /// Waits until the process has closed it.
    fn wait_for_end(&self) {
        let guard = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.grown.wait_timeout_while(guard, PATIENCE, |(_, ended)| !*ended));
    }

    fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

/// A running daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    home: TempDir,
    env: Vec<(String, String)>,
    child: Child,
    log: Arc<Log>,
    /// Logs of earlier runs.
    earlier: String,
    url: String,
    console_url: String,
}

impl Daemon {
    /// Starts a daemon and waits until it takes requests.
    ///
    /// # Panics
    /// When it does not, with its log.
    pub(crate) fn start(options: Options) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.toml");
        std::fs::write(&file, options.whole()).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Self::start_in(home, options.env)
    }

    /// Starts a daemon in a directory that has a `config.toml`.
    pub(crate) fn start_in(home: TempDir, env: Vec<(String, String)>) -> Self {
        let (child, log) = spawn(&home, &env);
        let earlier = String::new();
        let url = String::new();
        let mut daemon = Self { home, env, child, log, earlier, console_url: url.clone(), url };
        daemon.learn();
        daemon
    }

    /// Learns the addresses from the log.
    fn learn(&mut self) {
        let Some(ready) = self.log.wait(" ready ") else {
            panic!("the daemon did not start:\n{}", self.log());
        };
        let field = |name: &str| {
            let (_, rest) = ready.split_once(&format!(" {name}=\""))?;
            rest.split('"').next().map(str::to_owned)
        };
        self.url = field("listen").unwrap();
        self.console_url = field("console").unwrap_or_default();
        // A restart listens where the first start did, and commands find the daemon there.
        for (key, url) in [("SERVER", &self.url), ("CONSOLE", &self.console_url)] {
            let name = format!("APERTUR_BRIDGE__{key}__LISTEN");
            if let Some(address) = url.strip_prefix("http://") {
                self.env.retain(|(known, _)| *known != name);
                self.env.push((name, address.to_owned()));
            }
        }
    }

    /// `http://127.0.0.1:PORT` of the public listener.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where Apertur posts to.
    pub(crate) fn webhook_url(&self) -> String {
        format!("{}/apertur/webhook", self.url)
    }

    /// `http://127.0.0.1:PORT` of the console; empty without one.
    pub(crate) fn console_url(&self) -> &str {
        &self.console_url
    }

    /// The directory with the configuration, `data` and `photos`.
    pub(crate) fn dir(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.home.path().join("config.toml")
    }

    /// The most memory that it had in use, in KiB, without what is mapped of its program.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        of("VmHWM:").saturating_sub(of("RssFile:"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The log of this and every earlier run.
    pub(crate) fn log(&self) -> String {
        format!("{}{}", self.earlier, self.log.text())
    }

    /// Waits for a line of this run that holds the text.
    ///
    /// # Panics
    /// When it does not come, with the log.
    pub(crate) fn wait_for_log(&self, part: &str) -> String {
        match self.log.wait(part) {
            Some(line) => line,
            None => panic!("the log does not say {part:?}:\n{}", self.log()),
        }
    }

    /// Runs a command of the same binary with the same configuration.
    pub(crate) fn command(&self, args: &[&str]) -> Output {
        self.prepare(args).output().unwrap()
    }

    /// The same, to be changed before it is run.
    pub(crate) fn prepare(&self, args: &[&str]) -> Command {
        let mut command = binary(&self.config_path());
        command.args(args).envs(self.env.iter().cloned()).current_dir(self.dir());
        command
    }

    /// Kills it as a power cut would (SIGKILL).
    pub(crate) fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.wait_for_end();
    }

    /// Starts it again after [`Daemon::kill9`] or [`Daemon::stop`], at the same addresses.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.try_wait().unwrap().is_some(), "stop or kill it first");
        self.earlier = self.log();
        (self.child, self.log) = spawn(&self.home, &self.env);
        self.learn();
    }

    /// Tells it to stop (SIGTERM) and waits until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        if self.child.try_wait().unwrap().is_none() {
            terminate(self.pid());
        }
        let status = self.child.wait().unwrap();
        self.log.wait_for_end();
        status
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
    }
}

/// The binary with a configuration and nothing else of our environment that it would read.
pub(crate) fn binary(config: &Path) -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("APERTUR_BRIDGE") {
            command.env_remove(name);
        }
    }
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.arg("--config").arg(config);
    command
}

fn spawn(home: &TempDir, env: &[(String, String)]) -> (Child, Arc<Log>) {
    let mut child = binary(&home.path().join("config.toml"))
        .arg("serve")
        .envs(env.iter().cloned())
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Log::follow(child.stderr.take().unwrap());
    (child, log)
}

/// SIGTERM.
pub(crate) fn terminate(pid: u32) {
    let sent = Command::new("kill").arg(pid.to_string()).status().unwrap();
    assert!(sent.success(), "process {pid} cannot be told to stop");
}
