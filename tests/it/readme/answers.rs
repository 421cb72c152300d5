//! The tables of exit codes and of the webhook's answers, row by row against the real thing.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use apertur_bridge::{model::Scheme, receive::Status, webhook::Signer};
use jiff::Timestamp;

use super::table;
use crate::daemon::{Daemon, Options, SECRET, binary};

const PHOTO: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01";
/// What the configuration of these tests takes.
const MAX_BODY: usize = 64 * 1024;

const ALL: [Status; 10] = [
    Status::Accepted,
    Status::Duplicate,
    Status::Ignored,
    Status::Malformed,
    Status::Unauthorized,
    Status::MethodNotAllowed,
    Status::Timeout,
    Status::TooLarge,
    Status::Unsupported,
    Status::Unavailable,
];

struct Request {
    method: &'static str,
    media_type: &'static str,
    body: Vec<u8>,
    signed: bool,
    /// Bytes announced and never sent.
    missing: usize,
}

impl Request {
    fn new(media_type: &'static str, body: &[u8]) -> Self {
        Self { method: "POST", media_type, body: body.to_vec(), signed: true, missing: 0 }
    }

    /// Sends it and gives the answer's code and status word.
    fn send(&self, daemon: &Daemon) -> (String, String) {
        let now = Timestamp::now();
        let signature =
            Signer::new(Scheme::Body, &SECRET.into()).unwrap().sign("", now, &self.body);
        let [(name, value)] = &signature[..] else { panic!("{signature:?}") };
        let name = if self.signed { name } else { "X-Other" };
        let head = format!(
            "{} /apertur/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: {value}\r\n\
             Content-Type: {}\r\nContent-Length: {}\r\n\r\n",
            self.method,
            self.media_type,
            self.body.len() + self.missing
        );
        let mut wire = TcpStream::connect(daemon.url().trim_start_matches("http://")).unwrap();
        wire.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        wire.write_all(head.as_bytes()).unwrap();
        wire.write_all(&self.body).unwrap();
        let mut answer = String::new();
        wire.read_to_string(&mut answer).unwrap();
        let code = answer.split(' ').nth(1).unwrap().to_owned();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        (code, body["status"].as_str().unwrap().to_owned())
    }
}

/// A request that gets this answer, after the ones before it in [`ALL`].
fn provoke(status: Status, daemon: &Daemon) -> Request {
    let photo = Request::new("image/jpeg", PHOTO);
    match status {
        Status::Accepted | Status::Duplicate => photo,
        Status::Ignored => Request::new("application/json", br#"{"topic":"x","data":{}}"#),
        Status::Malformed => Request::new("application/json", b"{"),
        Status::Unauthorized => Request { signed: false, ..photo },
        Status::MethodNotAllowed => Request { method: "PUT", ..photo },
        Status::Timeout => Request { missing: 10, ..photo },
        Status::TooLarge => Request::new("image/jpeg", &vec![0; MAX_BODY + 1]),
        Status::Unsupported => Request::new("image/jpeg", b"no picture"),
        Status::Unavailable => {
            fs::remove_dir_all(daemon.dir().join("data/spool")).unwrap();
            Request::new("image/jpeg", &[PHOTO, b"another"].concat())
        }
    }
}

#[test]
fn the_webhook_answers_as_the_table_says() {
    let daemon = Daemon::start(Options::toml(format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nbody_timeout = \"200ms\"\nmax_body = {MAX_BODY}\n"
    )));
    let given: BTreeSet<_> = ALL.iter().map(|s| provoke(*s, &daemon).send(&daemon)).collect();
    let word = |status: &Status| status.as_str().to_owned();
    let words: BTreeSet<_> = given.iter().map(|(_, word)| word.clone()).collect();
    assert_eq!(words, ALL.iter().map(word).collect(), "each answer was to come once");
    let rows = table("| Code | Status | Meaning |").into_iter();
    let rows = rows.map(|row| (row[0].clone(), row[1].trim_matches('`').to_owned()));
    assert_eq!(rows.collect::<BTreeSet<_>>(), given);
}

#[test]
fn commands_end_with_the_codes_of_the_table() {
    let home = tempfile::tempdir().unwrap();
    let good = home.path().join("good.toml");
    let bad = home.path().join("bad.toml");
    fs::write(&good, configuration()).unwrap();
    fs::write(&bad, "[webhook]\n").unwrap();
    let code = |file: &Path, args: &[&str]| {
        binary(file).args(args).output().unwrap().status.code().unwrap()
    };
    let given = [
        code(&good, &["check"]),
        code(&good, &["destinations", "test", "nobody"]),
        code(&good, &["no-such-command"]),
        warned(),
        code(&good, &["check", "--connect"]),
        code(&bad, &["serve"]),
    ];
    let rows = table("| Exit code | Meaning |");
    let rows: Vec<i32> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(rows, given);
}

/// Good, but for an Odoo that is not there.
fn configuration() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!(
        "data_dir = \"data\"\n[webhook]\nsecrets = [\"{SECRET}\"]\n[destination.erp]\n\
         type = \"odoo\"\nurl = \"http://{free}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"key\"\n"
    )
}

/// The code of a doctor that finds warnings alone.
fn warned() -> i32 {
    let daemon = Daemon::start(Options::default());
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(daemon.dir().join("data/spool"), open).unwrap();
    daemon.command(&["doctor", "--offline"]).status.code().unwrap()
}
