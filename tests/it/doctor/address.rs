//! The public address: ours, another's, nobody's.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread,
};

use super::{Told, Words, free_port, sh};
use crate::daemon::{Daemon, Options};

const AREA: [&str; 1] = ["public address"];

/// A daemon that tells Apertur of an address.
fn daemon(port: u16, public_url: &str) -> Daemon {
    Daemon::start(Options::toml(format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"{public_url}\"\n"
    )))
}

/// Answers everything like that; gives the port.
fn answering(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            // Who went away needs no answer.
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    port
}

#[test]
fn the_public_address_leads_here_or_it_is_told_where() {
    let mut words = Words::default();
    let mut tell = |what: &str, daemon: &Daemon, port: u16| {
        let told = Told::of(daemon.command(&["doctor"]));
        let port = format!(":{port}");
        words.tell(what, &told.about(&AREA, &[(&port, ":PORT")]));
    };
    let port = free_port();
    let ours = daemon(port, &format!("http://127.0.0.1:{port}"));
    tell("ours", &ours, port);
    // The signed request left nothing.
    let listed = ours.command(&["deliveries", "list", "--json"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), "[]");

    let other = daemon(0, &format!("http://127.0.0.1:{port}"));
    tell("that of another bridge", &other, port);
    drop(ours);
    tell("nobody's", &other, port);
    for (what, answer) in [
        ("a proxy without us", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ("a proxy whose way ends", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
        ("elsewhere", "HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n"),
        ("another service", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        (
            "one that takes nothing",
            "HTTP/1.1 401 No\r\nContent-Length: 25\r\n\r\n{\"status\":\"unauthorized\"}",
        ),
    ] {
        let port = answering(answer);
        let daemon = daemon(0, &format!("http://127.0.0.1:{port}/hooks/"));
        tell(what, &daemon, port);
    }
    tell("none", &Daemon::start(Options::default()), 1);
    words.are_those_of("address");
}

#[test]
fn over_tls_the_certificate_is_looked_at_and_all_is_well() {
    let home = tempfile::tempdir().unwrap();
    sh(
        home.path(),
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem \
         -out cert.pem -subj /CN=localhost -days 60 -addext subjectAltName=DNS:localhost \
         -addext basicConstraints=critical,CA:TRUE",
    );
    let (port, at) = (free_port(), home.path().display());
    let options = Options::toml(format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"https://localhost:{port}\"\n\
         tls = {{ cert = \"{at}/cert.pem\", key = \"{at}/key.pem\" }}\n"
    ));
    let env = vec![("SSL_CERT_FILE".to_owned(), format!("{at}/cert.pem"))];
    let daemon = Daemon::start(Options { env, ..options });
    let told = Told::of(daemon.command(&["doctor"]));
    let address = told.about(&AREA, &[]);
    for part in [
        "ok      daemon: the one of this machine answers",
        "ok      certificate: it is good until ",
        "takes what is signed and refuses what is not",
    ] {
        assert!(address.contains(part), "{part}: {}", told.out);
    }
    assert!(!address.contains("ERROR") && !address.contains("WARNING"), "{address}");
}
