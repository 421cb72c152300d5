//! The door of the real binary, on a real socket.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod limits;
mod records;
mod rubbish;
mod sealed;
mod shapes;
mod signatures;

use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Answer, Request},
};

/// A daemon with a folder `archive` that fetches nothing from outside.
fn door(more: &str) -> Daemon {
    let fetching = if more.contains("[apertur]") {
        ""
    } else {
        "[apertur]\nbase_url = \"http://127.0.0.1:1\"\ndownload_hosts = [\"127.0.0.1\"]\n"
    };
    Daemon::start(Options::toml(format!("{more}\n{fetching}")))
}

fn post(daemon: &Daemon, request: &Request) -> Answer {
    apertur::post(daemon.url(), request).unwrap()
}

/// Status and word of the answer to a request.
fn told(daemon: &Daemon, request: &Request) -> (u16, String) {
    post(daemon, request).told()
}

fn answer(status: u16, word: &str) -> (u16, String) {
    (status, word.to_owned())
}
