//! What the fake help desks share: a server that speaks HTTP/1.1, a record of what it was
//! asked, faults that a test plants, and windows that count calls.
//!
//! It knows nothing of the products and uses nothing of the bridge but its clock: what both
//! sides got wrong alike would not be seen.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod faults;
mod http;
mod multipart;
mod rate;
mod server;

pub(crate) use client::{Answer, Client};
pub(crate) use faults::{Fault, Shape, What};
pub(crate) use http::{Head, Request, Response, relay};
pub(crate) use multipart::{Malformed, Part, parts};
pub(crate) use rate::{Refused, Used, Window};
pub(crate) use server::{Core, Desk, Seen, Server};

use std::time::Duration;

use apertur_bridge::system::Clock;
use jiff::Timestamp;

use super::oauth::FakeOauth;

/// An authorization server whose tokens are taken, all with these scopes.
#[derive(Clone)]
pub(crate) struct Trusted {
    pub server: FakeOauth,
    pub scopes: Vec<String>,
}

/// An access token of an OAuth client.
#[derive(Debug, Clone)]
pub(crate) struct Bearer {
    pub token: String,
    pub expires_at: Timestamp,
    pub scopes: Vec<String>,
}

impl Bearer {
    /// A token for so long, with scopes parted by spaces.
    pub(crate) fn new(token: &str, clock: &Clock, life: Duration, scopes: &str) -> Bearer {
        Bearer {
            token: token.to_owned(),
            expires_at: clock.after(life),
            scopes: scopes.split(' ').map(str::to_owned).collect(),
        }
    }

    /// Whether it still works.
    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// The text of some HTML: tags are gone, entities are read.
pub(crate) fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .into_iter()
        .fold(text, |text, (entity, char)| text.replace(entity, char))
}
