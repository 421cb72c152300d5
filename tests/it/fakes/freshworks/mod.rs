//! Fake Freshdesk and Freshservice (`fixtures/contracts/freshdesk.md`, `freshservice.md`): they
//! hold tickets, contacts and conversations, and are as strict as the contracts.
//!
//! A request goes `access` (pace, credentials, scope) -> the call's own file (`notes` writes,
//! `reading` reads and removes) on `state`. Where a contract leaves something open, the fake
//! takes the reading that is hardest on the bridge, or has a switch.

mod access;
mod notes;
mod reading;
mod state;

#[cfg(test)]
mod selftest;

use std::time::Duration;

use apertur_bridge::system::Clock;
use serde_json::{Value, json};

use super::{
    desk::{Bearer, Fault, Seen, Server, Shape, Trusted},
    oauth::FakeOauth,
};

pub(crate) use state::{Conversation, Product, Ticket};

use state::State;

/// The API key that works.
pub(crate) const KEY: &str = "fw-api-key-KEYCANARY";
/// Stands in every link to a file; nobody is to keep or show it.
pub(crate) const SIGNED: &str = "X-Amz-Signature=LINKCANARY";
/// The scopes that the bridge asks for.
pub(crate) const SCOPES: &str = "freshservice.tickets.view \
    freshservice.tickets.conversations.create freshservice.tickets.conversations.view";

/// A running Freshdesk or Freshservice on 127.0.0.1; it stops when dropped.
pub(crate) struct FakeFreshworks {
    server: Server<State>,
}

/// Standing conditions.
#[derive(Debug, Clone)]
pub(crate) enum Switch {
    /// Objects come in `{"ticket": ...}` and the like, or bare; whatever the product usually does.
    Wrapped(bool),
    /// A page of conversations has this many at most, whatever was asked for.
    PageOf(usize),
    /// Links to the next page begin with this instead of the server's own address.
    LinksTo(String),
    /// A conversation is listed only once it is this old.
    ListsLag(Duration),
    /// Calls a minute, for the account.
    Calls(Option<usize>),
    /// Notes a minute, for the account.
    Notes(Option<usize>),
    /// Somebody else makes so many calls now.
    OthersCall(usize),
    /// The key that works from now on.
    Key(&'static str),
    /// Notes on spam and deleted tickets answer 404 instead of 405.
    HidesSpam(bool),
}

impl FakeFreshworks {
    /// Freshdesk 17 and 18, Freshservice 241 and 242: open tickets of the contacts 5501 and 5502.
    /// 90 is spam, 91 is deleted, 92 is not for this agent, 93 has no requester, 94 is closed,
    /// 95 came by chat.
    pub(crate) fn start(product: Product) -> FakeFreshworks {
        FakeFreshworks::on(product, Clock::system())
    }

    /// The same with a clock that the test steps.
    pub(crate) fn on(product: Product, clock: Clock) -> FakeFreshworks {
        let state = |address| State::new(product, clock, format!("http://{address}"));
        FakeFreshworks { server: Server::start(state) }
    }

    /// The base address, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn product(&self) -> Product {
        self.server.desk().product
    }

    pub(crate) fn add_ticket(&self, ticket: Ticket) {
        self.server.desk().tickets.insert(ticket.id, ticket);
    }

    /// The contact is gone, merged or blocked.
    pub(crate) fn remove_contact(&self, id: u64) {
        self.server.desk().contacts.remove(&id);
    }

    /// A note that somebody else writes, with a file of that name if it is not empty.
    pub(crate) fn add_note(&self, ticket: u64, body: &str, file: &str) -> u64 {
        let mut state = self.server.desk();
        let files = if file.is_empty() { Vec::new() } else { vec![(file, "image/jpeg")] };
        let files = files.into_iter().map(|(name, media)| {
            (name.to_owned(), media.to_owned(), bytes::Bytes::from_static(b"abc"))
        });
        let files = files.collect();
        state
            .write(Conversation { ticket, body: body.to_owned(), ..Conversation::default() }, files)
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

    /// All conversations of a ticket, oldest first.
    pub(crate) fn conversations(&self, ticket: u64) -> Vec<Conversation> {
        let state = self.server.desk();
        state.conversations.iter().filter(|note| note.ticket == ticket).cloned().collect()
    }

    /// All conversations there are.
    pub(crate) fn everything(&self) -> Vec<Conversation> {
        self.server.desk().conversations.clone()
    }

    /// What was asked so far. The kinds are `ticket`, `tickets`, `me`, `note`, `conversations`,
    /// `remove`, `other`.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        use super::desk::Desk as _;
        self.server.desk().core().seen.clone()
    }

    /// Forgets what was asked so far.
    pub(crate) fn forget_seen(&self) {
        use super::desk::Desk as _;
        self.server.desk().core().seen.clear();
    }

    /// Plants a fault.
    pub(crate) fn fault(&self, fault: Fault) {
        use super::desk::Desk as _;
        self.server.desk().core().faults.push(fault);
    }

    /// Turns a switch.
    pub(crate) fn set(&self, switch: Switch) {
        self.server.desk().turn(switch);
    }

    /// The most calls within a minute, wherever the minute begins, and the calls refused.
    pub(crate) fn pace(&self) -> (usize, usize) {
        let state = self.server.desk();
        (state.calls.most(), state.calls.refused + state.notes.refused)
    }
}

/// `{description, errors}` about one field.
pub(crate) fn invalid(field: &str, message: &str, code: &str) -> Value {
    json!({
        "description": "Validation failed",
        "errors": [{"field": field, "message": message, "code": code}],
    })
}

/// `{code, message}`.
pub(crate) fn refusal(code: &str, message: &str) -> Value {
    json!({"code": code, "message": message})
}

/// The errors that can repeat what was sent.
pub(crate) fn echoes() -> Vec<Shape> {
    vec![
        Shape::Echo(|sent| refusal(sent, sent)),
        Shape::Echo(|sent| invalid(sent, sent, sent)),
        Shape::Echo(|sent| json!({"description": sent})),
    ]
}

/// Every body that an answer of that status may have.
pub(crate) fn shapes() -> Vec<Shape> {
    vec![
        Shape::Empty,
        Shape::Html,
        Shape::Json(invalid("body", "It went wrong", "inconsistent_state")),
        Shape::Json(refusal("inconsistent_state", "It went wrong")),
        Shape::Json(json!([])),
    ]
}
