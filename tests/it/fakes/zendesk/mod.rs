//! A fake Zendesk Support (`fixtures/contracts/zendesk.md`): it holds tickets, users, uploads
//! and comments, and is as strict as the contract.
//!
//! A request goes `access` (pace, credentials, scope) -> the call's own file (`uploads`,
//! `updates`, `reading`) on `state`. Where the contract leaves something open, the fake takes
//! the reading that is hardest on the bridge, or has a switch.

mod access;
mod reading;
mod state;
mod updates;
mod uploads;

#[cfg(test)]
mod selftest;

use std::time::Duration;

use apertur_bridge::system::Clock;
use serde_json::{Value, json};

use super::{
    desk::{Bearer, Desk as _, Fault, Seen, Server, Shape, Trusted},
    oauth::FakeOauth,
};

pub(crate) use state::{Comment, Ticket};

use state::State;

/// The agent's e-mail address and API token that work.
pub(crate) const EMAIL: &str = "bot@example.com";
pub(crate) const TOKEN: &str = "zd-api-token-KEYCANARY";
/// Stands in every upload token; nobody is to keep or show one.
pub(crate) const UPLOAD: &str = "UPLOADCANARY";
/// Stands in every link to a file; nobody is to keep or show it.
pub(crate) const SIGNED: &str = "token=LINKCANARY";
/// The scopes that the bridge asks for.
pub(crate) const SCOPES: &str = "tickets:read tickets:write";

/// A running Zendesk on 127.0.0.1; it stops when dropped.
pub(crate) struct FakeZendesk {
    server: Server<State>,
}

/// Standing conditions.
#[derive(Debug, Clone)]
pub(crate) enum Switch {
    /// A page of comments has this many at most, whatever was asked for.
    PageOf(usize),
    /// Links to the next page begin with this instead of the server's own address.
    LinksTo(String),
    /// A comment is listed only once it is this old.
    ListsLag(Duration),
    /// Calls a minute, for the account.
    Calls(Option<usize>),
    /// Ticket updates a minute, for the account.
    Updates(Option<usize>),
    /// Somebody else makes so many calls now.
    OthersCall(usize),
    /// How long an upload token lives.
    UploadsLive(Duration),
    /// A bad upload token answers 422 instead of 404.
    BadUploadIsInvalid(bool),
    /// The scope that uploads need.
    UploadScope(&'static str),
    /// The largest file, in bytes.
    LargestFile(usize),
    /// API tokens are switched off.
    NoApiTokens(bool),
}

impl FakeZendesk {
    /// Tickets 9 and 10, open, of the end users 5501 and 5502. 93 is of a suspended user, 94 is
    /// closed, 95 has 5,000 comments.
    pub(crate) fn start() -> FakeZendesk {
        FakeZendesk::on(Clock::system())
    }

    /// The same with a clock that the test steps.
    pub(crate) fn on(clock: Clock) -> FakeZendesk {
        let state = |address| State::new(clock, format!("http://{address}"));
        FakeZendesk { server: Server::start(state) }
    }

    /// The base address, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn add_ticket(&self, ticket: Ticket) {
        self.server.desk().tickets.insert(ticket.id, ticket);
    }

    /// A comment that somebody else writes, with a file of that name if it is not empty.
    pub(crate) fn add_comment(&self, ticket: u64, html: &str, file: &str) -> u64 {
        let mut state = self.server.desk();
        let files = if file.is_empty() { Vec::new() } else { vec![state.keep(file, b"abc")] };
        state.write(Comment { ticket, html: html.to_owned(), files, ..Comment::default() })
    }

    /// An access token that works.
    pub(crate) fn allow(&self, bearer: Bearer) {
        self.server.desk().bearers.push(bearer);
    }

    /// The access tokens of this server work, all with these scopes.
    pub(crate) fn trust(&self, server: &FakeOauth, scopes: &str) {
        let scopes = scopes.split(' ').map(str::to_owned).collect();
        self.server.desk().trusted = Some(Trusted { server: server.clone(), scopes });
    }

    /// No access token works any more.
    pub(crate) fn forget_tokens(&self) {
        let mut state = self.server.desk();
        state.bearers.clear();
        state.trusted = None;
    }

    /// The comments of a ticket, oldest first.
    pub(crate) fn comments(&self, ticket: u64) -> Vec<Comment> {
        let state = self.server.desk();
        state.comments.iter().filter(|comment| comment.ticket == ticket).cloned().collect()
    }

    /// All comments there are, without those of the full ticket.
    pub(crate) fn everything(&self) -> Vec<Comment> {
        let state = self.server.desk();
        state.comments.iter().filter(|comment| comment.ticket != 95).cloned().collect()
    }

    /// Uploads that no comment has taken and nobody removed.
    pub(crate) fn loose_uploads(&self) -> usize {
        self.server.desk().uploads.iter().filter(|upload| !upload.used).count()
    }

    /// The fields of tickets that updates have overwritten, beside the comment.
    pub(crate) fn overwritten(&self) -> Vec<String> {
        self.server.desk().overwritten.clone()
    }

    /// What was asked so far. The kinds are `upload`, `unupload`, `update`, `ticket`, `comments`,
    /// `count`, `me`, `token`, `other`.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.server.desk().core().seen.clone()
    }

    /// Forgets what was asked so far.
    pub(crate) fn forget_seen(&self) {
        self.server.desk().core().seen.clear();
    }

    /// Plants a fault.
    pub(crate) fn fault(&self, fault: Fault) {
        self.server.desk().core().faults.push(fault);
    }

    /// Turns a switch.
    pub(crate) fn set(&self, switch: Switch) {
        self.server.desk().turn(switch);
    }

    /// The most calls within a minute and the most updates of one ticket within ten, wherever
    /// they begin, and the calls refused.
    pub(crate) fn pace(&self) -> (usize, usize, usize) {
        let state = self.server.desk();
        let by_ticket = state.by_ticket.values();
        let refused: usize = by_ticket.clone().map(|window| window.refused).sum();
        let most = by_ticket.map(super::desk::Window::most).max().unwrap_or(0);
        (state.calls.most(), most, refused + state.calls.refused + state.updates.refused)
    }
}

/// `{error, description}`.
pub(crate) fn named(error: &str, description: &str) -> Value {
    json!({"error": error, "description": description})
}

/// `{error: {title, message}}`.
pub(crate) fn titled(title: &str, message: &str) -> Value {
    json!({"error": {"title": title, "message": message}})
}

/// The errors that can repeat what was sent.
pub(crate) fn echoes() -> Vec<Shape> {
    vec![
        Shape::Echo(|sent| named("Odd", sent)),
        Shape::Echo(|sent| named(&sent.replace(' ', "-"), "It went wrong")),
        Shape::Echo(|sent| titled(sent, sent)),
        // What is kept of the words ends within an upload's token.
        Shape::Echo(|sent| {
            let token = sent.find(UPLOAD).unwrap_or_default();
            named(&"x".repeat(288), &sent[token..])
        }),
        Shape::Echo(|sent| json!({"errors": [{"code": sent, "title": sent, "detail": sent}]})),
        Shape::Echo(|sent| json!({"error": "Odd", "details": {sent: [{"description": sent}]}})),
    ]
}

/// Every body that an answer may have when something went wrong.
pub(crate) fn shapes() -> Vec<Shape> {
    let listed = json!({"errors": [{"code": "Odd", "title": "Odd", "detail": "It went wrong"}]});
    vec![
        Shape::Empty,
        Shape::Html,
        Shape::Text("It went wrong"),
        Shape::Json(named("Odd", "It went wrong")),
        Shape::Json(titled("Odd", "It went wrong")),
        Shape::Json(listed),
        Shape::Json(json!({"error": "It went wrong"})),
    ]
}
