//! `destinations login` of the built binary, beside a running daemon.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::Duration,
};

use super::sent_back;
use crate::{
    daemon::{Daemon, Options},
    fakes::oauth::{CLIENT_ID, CLIENT_SECRET, FakeOauth, Trouble, Wants, visit},
};

/// A daemon with a destination that somebody has to log in to, and the authorization server.
struct Lab {
    server: FakeOauth,
    daemon: Daemon,
    port: u16,
}

impl Lab {
    fn new() -> Self {
        let server = FakeOauth::start(Wants::BasicForm);
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let redirect = format!("http://localhost:{port}/callback");
        server.redirect_to(&redirect);
        let toml = format!(
            "[destination.desk]\ntype = \"freshservice\"\ndomain = \"acme\"\nbase_url = \"{}\"\n\
             org_domain = \"acme\"\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret = \"{CLIENT_SECRET}\"\nredirect_url = \"{redirect}\"\n\
             [destination.archive]\ntype = \"folder\"\npath = \"photos\"\n",
            server.url()
        );
        Self { server, daemon: Daemon::start(Options::toml(toml)), port }
    }

    /// What `destinations list` and `check` say.
    fn standing(&self) -> (String, String) {
        let list = self.daemon.command(&["destinations", "list"]);
        let check = self.daemon.command(&["check"]);
        assert!(list.status.success() && check.status.success());
        (String::from_utf8(list.stdout).unwrap(), String::from_utf8(check.stderr).unwrap())
    }

    /// Where the browser finds the command.
    fn at(&self, target: &str) -> Option<(u16, Option<String>, String)> {
        visit(&format!("http://127.0.0.1:{}{target}", self.port))
    }

    fn begin(&self) -> Running {
        let mut command = self.daemon.prepare(&["destinations", "login", "desk"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, mut stdout) =
            (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        Running { child, stdin, stdout, url: url.trim().to_owned() }
    }

    /// Asserts that the tokens are kept, privately, and nowhere else.
    fn assert_kept(&self, said: &Said) {
        let file = self.daemon.dir().join("data/tokens.json");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let kept = std::fs::read_to_string(&file).unwrap();
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        assert!(self.server.is_good(kept["desk"]["access_token"].as_str().unwrap()), "{kept}");
        let told = format!("{}{}{}", said.out, said.err, self.daemon.log());
        for secret in self.server.secrets() {
            assert!(!told.contains(&secret), "{secret} is in {told}");
        }
    }
}

/// The command while it waits.
struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    url: String,
}

/// What it said in the end.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Running {
    fn sent_back(&self) -> String {
        sent_back(&self.url.parse().unwrap())
    }

    fn paste(&mut self, text: &str) {
        writeln!(self.stdin, "{text}").unwrap();
    }

    fn end(mut self) -> Said {
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Said { code: self.child.wait().unwrap().code(), out, err }
    }
}

#[test]
fn a_login_by_redirect_is_kept_while_the_daemon_runs() {
    let lab = Lab::new();
    let how = "log in: apertur-bridge destinations login desk";
    let (listed, checked) = lab.standing();
    assert!(listed.contains(how) && checked.contains(how), "{listed} {checked}");
    let command = lab.begin();
    assert!(command.url.starts_with(lab.server.authorize_url().as_str()), "{}", command.url);
    let back = command.sent_back();
    assert_eq!(lab.at("/favicon.ico").unwrap().0, 404);
    assert_eq!(lab.at("/callback").unwrap().0, 404);
    let (status, _, page) = lab.at("/callback?code=abc&state=of-another").unwrap();
    assert_eq!(status, 400, "{page}");
    lab.server.delay(Duration::from_millis(500));
    let (status, _, page) = visit(&back).unwrap();
    assert_eq!(status, 200);
    assert!(page.contains("You may close this window"), "{page}");
    let (_, _, page) = visit(&back).unwrap();
    assert!(page.contains("over already"), "{page}");
    let said = command.end();
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("logged in to desk\ngranted: freshservice.tickets.view "));
    assert!(said.out.contains("good until "), "{}", said.out);
    assert!(!said.err.contains("warning"), "{}", said.err);
    lab.assert_kept(&said);
    assert_eq!(lab.server.seen().len(), 1);
    let (listed, checked) = lab.standing();
    assert!(!listed.contains("log in") && !checked.contains("log in"), "{listed} {checked}");
}

#[test]
fn a_login_by_paste_needs_no_port_and_says_what_was_not_granted() {
    let lab = Lab::new();
    let _taken = TcpListener::bind(("127.0.0.1", lab.port)).unwrap();
    lab.server.grant("freshservice.tickets.view");
    let mut command = lab.begin();
    let back = command.sent_back();
    command.paste("");
    command.paste("what now?");
    command.paste(&back.replace("state=", "state=x"));
    command.paste(&back);
    let said = command.end();
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    for part in [
        "cannot be listened at",
        "There is no code in that",
        "That belongs to another login",
        "warning: not granted: freshservice.tickets.conversations.create ",
    ] {
        assert!(said.err.contains(part), "{part}\n{}", said.err);
    }
    lab.assert_kept(&said);
}

#[test]
fn a_login_that_fails_says_why_by_its_exit_code() {
    let lab = Lab::new();
    let missing = lab.daemon.command(&["check", "--connect"]);
    let text = String::from_utf8_lossy(&missing.stdout).into_owned();
    assert_eq!(missing.status.code(), Some(69), "{text}");
    assert!(text.contains("apertur-bridge destinations login desk"), "{text}");

    lab.server.trouble(Trouble::Status(503, 0));
    let mut command = lab.begin();
    let back = command.sent_back();
    command.paste(&back);
    let said = command.end();
    assert_eq!(said.code, Some(69), "{}{}", said.out, said.err);
    assert!(said.err.contains("cannot give access tokens now"), "{}", said.err);

    lab.server.deny();
    let command = lab.begin();
    let (_, _, page) = visit(&command.sent_back()).unwrap();
    assert!(page.contains("was refused"), "{page}");
    let said = command.end();
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("refused the login: access_denied"), "{}", said.err);
    assert!(!lab.daemon.dir().join("data/tokens.json").exists());

    let _taken = TcpListener::bind(("127.0.0.1", lab.port)).unwrap();
    let mut command = lab.daemon.prepare(&["destinations", "login", "desk"]);
    let ended = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(text.contains("standard input ended"), "{text}");
}

#[test]
fn a_destination_without_a_login_says_so() {
    let lab = Lab::new();
    let said = lab.daemon.command(&["destinations", "login", "archive"]);
    assert_eq!(said.status.code(), Some(1));
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(text.contains("archive needs no login: the configuration has all"), "{text}");
    let said = lab.daemon.command(&["destinations", "login", "erp"]);
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(text.contains("there is no destination `erp`"), "{text}");
}
