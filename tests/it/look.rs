//! What a test sees of a running daemon from outside: its commands, its files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::daemon::Daemon;

/// Waits until `done` gives something.
///
/// # Panics
/// When it gives nothing for so long.
pub(crate) fn eventually<T>(
    patience: Duration,
    what: &str,
    mut done: impl FnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// `deliveries list --json`, newest first.
pub(crate) fn deliveries(daemon: &Daemon) -> Vec<Value> {
    let listed = daemon.command(&["deliveries", "list", "--json", "--limit", "100000"]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    serde_json::from_slice(&listed.stdout).unwrap()
}

/// `deliveries show ID --json`.
pub(crate) fn story(daemon: &Daemon, id: &str) -> Value {
    let shown = daemon.command(&["deliveries", "show", id, "--json"]);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    serde_json::from_slice(&shown.stdout).unwrap()
}

/// The states of all deliveries, oldest first.
pub(crate) fn states(daemon: &Daemon) -> Vec<String> {
    let state = |delivery: &Value| delivery["state"].as_str().unwrap().to_owned();
    deliveries(daemon).iter().rev().map(state).collect()
}

/// Waits until every delivery has one of these states, and gives them all, oldest first.
pub(crate) fn settled(daemon: &Daemon, wanted: &[&str]) -> Vec<Value> {
    eventually(Duration::from_secs(30), &format!("everything {wanted:?}"), || {
        let mut all = deliveries(daemon);
        let done = |delivery: &Value| wanted.contains(&delivery["state"].as_str().unwrap());
        if all.is_empty() || !all.iter().all(done) {
            return None;
        }
        all.reverse();
        Some(all)
    })
}

/// Every file below a folder, sorted; none when there is no folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The SHA-256 of every file below a folder, sorted.
pub(crate) fn digests(folder: &Path) -> Vec<String> {
    let digest = |path: &PathBuf| hex::encode(Sha256::digest(fs::read(path).unwrap()));
    let mut digests: Vec<_> = files(folder).iter().map(digest).collect();
    digests.sort();
    digests
}

/// Files in the spool, finished and not.
pub(crate) fn spooled(daemon: &Daemon) -> Vec<PathBuf> {
    files(&daemon.dir().join("data").join("spool"))
}

/// Asserts that nothing was kept of whatever was sent.
pub(crate) fn assert_untouched(daemon: &Daemon) {
    assert_eq!(deliveries(daemon), Vec::<Value>::new());
    assert_eq!(spooled(daemon), Vec::<PathBuf>::new());
}

/// Asserts that the daemon lives and never panicked.
pub(crate) fn assert_well(daemon: &Daemon) {
    let healthy = crate::fakes::apertur::get(daemon.url(), "/healthz").unwrap();
    assert_eq!(healthy.told(), (200, "ok".to_owned()));
    let log = daemon.log();
    assert!(!log.contains("panic") && !log.contains("ended in a bug"), "{log}");
}
