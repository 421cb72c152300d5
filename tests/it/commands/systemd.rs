//! What the service manager sees: the units, notifications, the watchdog, sockets it hands over.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use super::{PATIENCE, said};
use crate::{
    daemon::{BINARY, Daemon, Options, binary, terminate},
    fakes::apertur::get,
};

fn unit(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_printed_units_are_those_of_the_repository() {
    for (args, name) in [
        (&["unit"][..], "apertur-bridge.service"),
        (&["unit", "--socket"], "apertur-bridge.socket"),
    ] {
        let printed = said(binary("/nowhere.toml".as_ref()).args(args).output().unwrap());
        assert_eq!((printed.code, printed.out), (0, unit(name)), "{}", printed.err);
    }
}

/// The units as files, with the binary under test in place of the installed one.
fn installed() -> (tempfile::TempDir, [PathBuf; 2]) {
    let home = tempfile::tempdir().unwrap();
    let paths = ["apertur-bridge.service", "apertur-bridge.socket"].map(|name| {
        let path = home.path().join(name);
        let text = unit(name);
        let ours = text.replace("/usr/bin/apertur-bridge", BINARY);
        assert_eq!(name.ends_with("service"), ours != text, "ExecStart= is the installed binary");
        std::fs::write(&path, ours).unwrap();
        path
    });
    (home, paths)
}

fn analyze(args: &[&str], unit: &Path) -> Output {
    match Command::new("systemd-analyze").args(args).arg(unit).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("systemd-analyze is not installed; apt-get install systemd")
        }
        Err(error) => panic!("systemd-analyze: {error}"),
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let (_home, units) = installed();
    for unit in units {
        let said = said(analyze(&["verify", "--man=no"], &unit));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", unit.display());
    }
}

#[test]
fn the_service_is_exposed_by_at_most_1_5() {
    let (_home, [service, _]) = installed();
    // The threshold is in tenths.
    let said = said(analyze(&["security", "--offline=true", "--threshold=15"], &service));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
}

/// A service manager that listens.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _home: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, path, _home: home }
    }

    fn env(&self) -> (String, String) {
        ("NOTIFY_SOCKET".to_owned(), self.path.to_str().unwrap().to_owned())
    }

    /// The next message.
    fn hears(&self) -> String {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).trim().to_owned()
    }
}

#[test]
fn the_service_manager_is_told_of_the_start_and_the_stop() {
    let manager = Manager::new();
    let mut options = Options::default();
    options.env.push(manager.env());
    let mut daemon = Daemon::start(options);
    assert_eq!(manager.hears(), "READY=1");
    assert_eq!(get(daemon.url(), "/healthz").unwrap().status, 200);
    terminate(daemon.pid());
    assert_eq!(manager.hears(), "STOPPING=1");
    assert!(daemon.stop().success());
}

#[test]
fn the_service_manager_is_told_of_a_reload_and_its_end() {
    let manager = Manager::new();
    let mut options = Options::default();
    options.env.push(manager.env());
    let daemon = Daemon::start(options);
    assert_eq!(manager.hears(), "READY=1");
    for text in [Options::default().whole(), "is = \"broken\"".to_owned()] {
        std::fs::write(daemon.config_path(), text).unwrap();
        let pid = daemon.pid().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        let told = manager.hears();
        let (reloading, since) = told.split_once('\n').unwrap();
        assert_eq!(reloading, "RELOADING=1");
        let since = since.strip_prefix("MONOTONIC_USEC=").unwrap();
        assert!(since.parse::<u64>().unwrap() > 0);
        assert_eq!(manager.hears(), "READY=1");
    }
}

#[test]
fn the_watchdog_hears_from_a_daemon_that_works() {
    let manager = Manager::new();
    let mut options = Options::default();
    options.env.extend([manager.env(), ("WATCHDOG_USEC".to_owned(), "200000".to_owned())]);
    let daemon = Daemon::start(options);
    assert_eq!(manager.hears(), "READY=1");
    // Were it late once, a service manager would kill it.
    manager.socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for _ in 0..3 {
        assert_eq!(manager.hears(), "WATCHDOG=1");
    }
    drop(daemon);
}

#[test]
fn a_watchdog_for_another_process_is_not_ours() {
    let manager = Manager::new();
    let mut options = Options::default();
    let watchdog = [("WATCHDOG_USEC", "100000"), ("WATCHDOG_PID", "1")];
    options.env.push(manager.env());
    options.env.extend(watchdog.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut daemon = Daemon::start(options);
    assert_eq!(manager.hears(), "READY=1");
    assert!(daemon.stop().success());
    assert_eq!(manager.hears(), "STOPPING=1");
}

#[test]
fn sockets_of_the_service_manager_are_taken_over() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    let toml = "[server]\nlisten = \"systemd\"\n[console]\nlisten = \"systemd\"\n";
    std::fs::write(&file, Options::toml(toml).whole()).unwrap();
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [public, console] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    let [first, second] = sockets.map(OwnedFd::from);
    // The shell puts them where systemd does, at 3 and 4, and becomes the daemon.
    let script = "LISTEN_FDS=2 LISTEN_PID=$$ exec \"$@\" 3<&0 4<&1 </dev/null >&2";
    let mut child = Command::new("sh")
        .args(["-c", script, "sh", BINARY, "--config"])
        .arg(&file)
        .arg("serve")
        .stdin(Stdio::from(first))
        .stdout(Stdio::from(second))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Connections wait in the sockets until the daemon is there.
    let said = [(public, "/healthz"), (console, "/readyz")]
        .map(|(address, path)| get(&format!("http://{address}"), path).map(|answer| answer.status));
    terminate(child.id());
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(child.wait().unwrap().success(), "{log}");
    assert!(said.iter().all(|status| matches!(status, Ok(200))), "{said:?}\n{log}");
}

#[test]
fn without_a_socket_of_the_service_manager_the_error_says_so() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, Options::toml("[server]\nlisten = \"systemd\"\n").whole()).unwrap();
    let said = said(binary(&file).arg("serve").output().unwrap());
    assert_eq!(said.code, 1);
    assert!(said.err.contains("enable the .socket unit or give an address"), "{}", said.err);
}

/// The unit gives an empty credential where the file of a secret is not there.
#[test]
fn a_secret_comes_as_a_credential_and_an_empty_one_is_named() {
    let credentials = tempfile::tempdir().unwrap();
    let file = credentials.path().join("webhook-secret");
    let folder = credentials.path().to_str().unwrap().to_owned();
    let toml = "[webhook]\nsecrets = [{ credential = \"webhook-secret\" }]\n";
    std::fs::write(&file, "a-secret\n").unwrap();
    let options =
        Options { toml: toml.to_owned(), env: vec![("CREDENTIALS_DIRECTORY".to_owned(), folder)] };
    let daemon = Daemon::start(options);
    assert_eq!(said(daemon.command(&["webhook", "send"])).code, 0);

    std::fs::write(&file, "\n").unwrap();
    let refused = said(daemon.command(&["serve"]));
    assert_eq!(refused.code, 78);
    assert!(refused.err.contains("webhook.secrets[0]: is an empty secret"), "{}", refused.err);
    let service = unit("apertur-bridge.service");
    for name in ["webhook-secret", "apertur-api-key", "odoo-api-key"] {
        let lines =
            format!("LoadCredential={name}:/etc/apertur-bridge/{name}\nSetCredential={name}:\\n\n");
        assert!(service.contains(&lines), "{lines}");
    }
}
