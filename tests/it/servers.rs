//! Real servers of the storage protocols, as `tests/servers` installs them: each test starts its
//! own on a free port with a folder of its own, and kills it by its process id.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking")]

pub(crate) mod files;

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    ops::Range,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Longest wait until a server takes connections; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ports tried.
const ATTEMPTS: usize = 3;
/// Where servers listen: below what Linux gives to clients.
const PORTS: Range<u16> = 10_000..32_000;

/// Where a server lives and listens.
#[derive(Debug)]
pub(crate) struct Place {
    /// A folder of its own.
    pub home: PathBuf,
    /// On the loopback address.
    pub port: u16,
}

impl Place {
    /// A path below the folder as text.
    pub(crate) fn path(&self, name: &str) -> String {
        self.home.join(name).display().to_string()
    }
}

/// How a server is started: the folder is there and empty at the first start.
pub(crate) type Prepare = fn(&Place) -> Command;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    place: Place,
    prepare: Prepare,
    /// Removed last.
    _home: TempDir,
}

impl Server {
    /// Starts a server on a free port and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not, with its output.
    pub(crate) fn start(prepare: Prepare) -> Self {
        let home = tempfile::tempdir().unwrap();
        let place = Place { home: home.path().join("data"), port: free_port() };
        fs::create_dir(&place.home).unwrap();
        let child = spawn(prepare, &place);
        let mut server = Self { child, place, prepare, _home: home };
        for _ in 0..ATTEMPTS {
            if server.has_come_up() {
                return server;
            }
            // Somebody else may have got the port.
            server.place.port = free_port();
            server.child = spawn(prepare, &server.place);
        }
        panic!("the server does not start:\n{}", server.output());
    }

    /// Where it lives.
    pub(crate) fn home(&self) -> &Path {
        &self.place.home
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.place.port).into()
    }

    /// Kills it as a power cut would (SIGKILL), and the processes that it started for its
    /// sessions.
    pub(crate) fn kill9(&mut self) {
        for pid in self.family() {
            // One that ended meanwhile is as dead.
            drop(Command::new("/bin/kill").args(["-9", &pid.to_string()]).output());
        }
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Server::kill9`], at the same place.
    pub(crate) fn restart(&mut self) {
        for _ in 0..ATTEMPTS {
            self.child = spawn(self.prepare, &self.place);
            if self.has_come_up() {
                return;
            }
        }
        panic!("the server does not start again:\n{}", self.output());
    }

    /// What it said on its standard output and error.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(output(&self.place)).unwrap_or_default()
    }

    /// Waits until it takes connections; false when it ended instead.
    fn has_come_up(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            // Somebody else may answer at its port until it finds that out and ends.
            if self.family().into_iter().any(|pid| listens(pid, self.place.port)) {
                return true;
            }
            assert!(Instant::now() < end, "the server does not answer:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Server {
    /// Its process and all that come from it, that one first.
    pub(crate) fn family(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let mut seen = 0;
        while let Some(pid) = family.get(seen) {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            let texts = tasks.map(|task| fs::read_to_string(task.path().join("children")));
            let text: String = texts.filter_map(Result::ok).collect();
            family.extend(text.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
            seen += 1;
        }
        family
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("the server's output:\n{}", self.output());
        }
    }
}

/// A program that `tests/servers` put below `target/servers` (a relative path), or one of a
/// Debian package that it installs (an absolute path).
///
/// # Panics
/// When it is not there.
pub(crate) fn program(path: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/servers").join(path);
    assert!(program.exists(), "{} is not there; run tests/servers", program.display());
    Command::new(program)
}

/// S3, which checks no signature: moto.
pub(crate) fn moto(place: &Place) -> Command {
    let mut command = program("python/bin/moto_server");
    command.args(["-H", "127.0.0.1", "-p", &place.port.to_string()]);
    command
}

fn spawn(prepare: Prepare, place: &Place) -> Child {
    let log = File::options().create(true).append(true).open(output(place)).unwrap();
    let mut command = prepare(place);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap()
}

fn output(place: &Place) -> PathBuf {
    place.home.with_file_name("output")
}

/// A port that nobody has, and that no client is given by the system.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Tests are processes of their own, with numbers that follow each other.
        let number = process::id().wrapping_mul(7).wrapping_add(TAKEN.fetch_add(1, Relaxed));
        let port =
            PORTS.start + u16::try_from(number % u32::from(PORTS.end - PORTS.start)).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Whether a process takes connections at a port of the loopback address.
fn listens(pid: u32, port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let listeners = table.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.split_once(':')?;
        let is_it = u16::from_str_radix(local, 16) == Ok(port) && *fields.get(3)? == "0A";
        is_it.then(|| format!("socket:[{}]", fields[9]))
    });
    let sockets: Vec<String> = listeners.collect();
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let opened = files.filter_map(|file| fs::read_link(file.path()).ok());
    opened.into_iter().any(|file| sockets.iter().any(|socket| Path::new(socket) == file))
}

#[test]
fn a_killed_server_is_gone_and_comes_back_at_its_place() {
    let mut server = Server::start(moto);
    server.kill9();
    assert!(TcpStream::connect(server.address()).is_err());
    server.restart();
    assert!(TcpStream::connect(server.address()).is_ok());
    assert!(server.home().is_dir() && !server.output().is_empty());
}
