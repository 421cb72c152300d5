//! Real servers of the storage protocols, as `tests/servers` installs them: each test starts its
//! own on a free port with a folder of its own, and kills it by its process id.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking")]

pub(crate) mod files;

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Longest wait until a server takes connections; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ports tried.
const ATTEMPTS: usize = 3;

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

    /// Kills it as a power cut would (SIGKILL).
    pub(crate) fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Server::kill9`], at the same place.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.prepare, &self.place);
        assert!(self.has_come_up(), "the server does not start again:\n{}", self.output());
    }

    /// What it said on its standard output and error.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(output(&self.place)).unwrap_or_default()
    }

    /// Waits until it takes connections; false when it ended instead.
    fn has_come_up(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(self.address()).is_ok() {
                return true;
            }
            assert!(Instant::now() < end, "the server does not answer:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
        false
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

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
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
