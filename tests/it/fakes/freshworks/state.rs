//! What a help desk holds, and how it shows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use apertur_bridge::system::Clock;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{KEY, SIGNED, Switch};
use crate::fakes::desk::{Bearer, Core, Desk, Head, Request, Response, Trusted, Window, plain};

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    Freshdesk,
    Freshservice,
}

/// A ticket.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub id: u64,
    pub requester: Option<u64>,
    /// 2 open, 3 pending, 4 resolved, 5 closed, others by account.
    pub status: u8,
    pub spam: bool,
    pub deleted: bool,
    /// This agent may not see it.
    pub barred: bool,
    /// Came by chat: public notes want `structured_body`.
    pub chat: bool,
}

impl Ticket {
    /// An open one.
    pub(crate) fn open(id: u64, requester: u64) -> Ticket {
        Ticket {
            id,
            requester: Some(requester),
            status: 2,
            spam: false,
            deleted: false,
            barred: false,
            chat: false,
        }
    }
}

/// A file of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub id: u64,
    pub name: String,
    pub content_type: String,
    pub bytes: Bytes,
}

/// A note or reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Conversation {
    pub id: u64,
    pub ticket: u64,
    pub user: Option<u64>,
    /// HTML as sent.
    pub body: String,
    pub private: bool,
    pub incoming: bool,
    /// A reply, which is mailed to the requester.
    pub mailed: bool,
    pub attachments: Vec<Attachment>,
    pub at: Timestamp,
}

/// The agent of the key and of every token.
pub(super) const AGENT: u64 = 900;

/// A help desk.
pub(crate) struct State {
    pub(super) core: Core,
    pub(super) product: Product,
    pub(super) address: String,
    pub(super) tickets: BTreeMap<u64, Ticket>,
    pub(super) contacts: BTreeSet<u64>,
    pub(super) conversations: Vec<Conversation>,
    pub(super) key: String,
    pub(super) bearers: Vec<Bearer>,
    pub(super) trusted: Option<Trusted>,
    pub(super) calls: Window,
    pub(super) notes: Window,
    pub(super) wrapped: bool,
    pub(super) page_of: usize,
    pub(super) links_to: String,
    pub(super) lag: Duration,
    pub(super) hides_spam: bool,
    next_id: u64,
}

impl State {
    pub(super) fn new(product: Product, clock: Clock, address: String) -> State {
        let first = if product == Product::Freshdesk { 17 } else { 241 };
        let mut tickets = vec![Ticket::open(first, 5501), Ticket::open(first + 1, 5502)];
        tickets.push(Ticket { spam: true, ..Ticket::open(90, 5501) });
        tickets.push(Ticket { deleted: true, ..Ticket::open(91, 5501) });
        tickets.push(Ticket { barred: true, ..Ticket::open(92, 5501) });
        tickets.push(Ticket { requester: None, ..Ticket::open(93, 5501) });
        tickets.push(Ticket { status: 5, ..Ticket::open(94, 5501) });
        tickets.push(Ticket { chat: true, ..Ticket::open(95, 5501) });
        let minute = Duration::from_mins(1);
        State {
            core: Core::new(clock),
            product,
            links_to: address.clone(),
            address,
            tickets: tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect(),
            contacts: BTreeSet::from([5501, 5502]),
            conversations: Vec::new(),
            key: KEY.to_owned(),
            bearers: Vec::new(),
            trusted: None,
            calls: Window::of(None, minute),
            notes: Window::of(None, minute),
            wrapped: product == Product::Freshservice,
            page_of: 100,
            lag: Duration::ZERO,
            hides_spam: false,
            next_id: 9000,
        }
    }

    pub(super) fn turn(&mut self, switch: Switch) {
        let now = self.core.clock.now();
        match switch {
            Switch::Wrapped(wrapped) => self.wrapped = wrapped,
            Switch::PageOf(size) => self.page_of = size,
            Switch::LinksTo(address) => self.links_to = address,
            Switch::ListsLag(lag) => self.lag = lag,
            Switch::Calls(limit) => self.calls.limit = limit,
            Switch::Notes(limit) => self.notes.limit = limit,
            Switch::OthersCall(calls) => self.calls.others(calls, now),
            Switch::Key(key) => key.clone_into(&mut self.key),
            Switch::HidesSpam(hides) => self.hides_spam = hides,
        }
    }

    /// Keeps a conversation with its files (name, media type, bytes); gives its id.
    pub(super) fn write(&mut self, note: Conversation, files: Vec<(String, String, Bytes)>) -> u64 {
        let at = self.core.clock.now();
        let attachments = files.into_iter().map(|(name, content_type, bytes)| {
            self.next_id += 1;
            Attachment { id: self.next_id, name, content_type, bytes }
        });
        let attachments = attachments.collect();
        self.next_id += 1;
        let id = self.next_id;
        self.conversations.push(Conversation { id, attachments, at, ..note });
        id
    }

    /// An object, in the wrapping of the day.
    pub(super) fn wrap(&self, name: &str, object: Value) -> Value {
        if self.wrapped {
            Value::Object(Map::from_iter([(name.to_owned(), object)]))
        } else {
            object
        }
    }

    pub(super) fn show(&self, note: &Conversation) -> Value {
        // Documents of Freshdesk say `size` here and `file_size` there.
        let size = if note.id.is_multiple_of(2) { "size" } else { "file_size" };
        let file = |file: &Attachment| {
            let mut shown = json!({
                "id": file.id,
                "name": file.name,
                "content_type": file.content_type,
                "attachment_url":
                    format!("https://files.example.com/{}?{SIGNED}", file.id),
            });
            shown[size] = file.bytes.len().into();
            shown
        };
        json!({
            "id": note.id,
            "ticket_id": note.ticket,
            "user_id": note.user,
            "body": note.body,
            "body_text": plain(&note.body),
            "incoming": note.incoming,
            "private": note.private,
            "source": 2,
            "to_emails": [],
            "created_at": note.at.to_string(),
            "attachments": note.attachments.iter().map(file).collect::<Vec<_>>(),
        })
    }
}

impl Desk for State {
    fn endpoint(head: &Head) -> &'static str {
        let path = head.path().strip_prefix("/api/v2/").unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        match (head.method.as_str(), parts.as_slice()) {
            ("GET", ["agents", "me"]) => "me",
            ("GET", ["tickets"]) => "tickets",
            ("GET", ["tickets", _]) => "ticket",
            ("GET", ["tickets", _, "conversations"]) => "conversations",
            ("POST", ["tickets", _, "notes"]) => "note",
            ("POST", ["tickets", _, "reply"]) => "reply",
            ("DELETE", ["conversations", _]) => "remove",
            _ => "other",
        }
    }

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn answer(&mut self, request: &Request) -> Response {
        let number = self.core.seen.len();
        self.paced(request).with("X-Request-Id", format!("req-{number}"))
    }
}
