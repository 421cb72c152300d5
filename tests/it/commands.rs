//! The built binary, command by command.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alert;
mod changes;
mod demo;
mod described;
mod explain;
mod init;
mod odoo;
mod operator;
mod photos;
mod systemd;
mod upkeep;
mod verify;
mod webhook;

use std::{
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use crate::{
    daemon::{Daemon, Options},
    look,
};

/// Longest wait for something another process does.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a command said, and its exit code.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a command that is to end well.
fn done(daemon: &Daemon, args: &[&str]) -> Said {
    let said = said(daemon.command(args));
    assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
    said
}

/// Waits for something that another process does.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    look::eventually(PATIENCE, what, || is_so().then_some(()));
}

/// A photo of the repository.
fn photo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/photos").join(name)
}

/// A photo that is at the folder, by its id.
fn delivered(daemon: &Daemon, image: &str) {
    let photo = photo("try-me.jpg");
    done(daemon, &["webhook", "send", photo.to_str().unwrap(), "--image-id", image]);
    daemon.wait_for_log(&format!("photo delivered photo={image} "));
}

#[test]
fn a_daemon_starts_stops_and_comes_back_at_the_same_place() {
    let mut daemon = Daemon::start(Options::default());
    let url = daemon.url().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"));
    assert!(daemon.console_url().starts_with("http://127.0.0.1:"));
    daemon.kill9();
    daemon.restart();
    assert_eq!(daemon.url(), url);
    assert!(daemon.stop().success());
    assert!(daemon.log().contains("stopped"), "{}", daemon.log());
}
