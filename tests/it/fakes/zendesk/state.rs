//! What a Zendesk holds, and how it shows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use apertur_bridge::system::Clock;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{EMAIL, SIGNED, Switch, TOKEN, UPLOAD};
use crate::fakes::desk::{Bearer, Core, Desk, Head, Request, Response, Trusted, Window, plain};

/// A ticket.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub id: u64,
    pub requester: Option<u64>,
    pub closed: bool,
}

impl Ticket {
    /// An open one.
    pub(crate) fn open(id: u64, requester: u64) -> Ticket {
        Ticket { id, requester: Some(requester), closed: false }
    }
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub id: u64,
    pub name: String,
    pub content_type: String,
    pub bytes: Bytes,
}

/// Files under one token.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub token: String,
    pub expires_at: Timestamp,
    pub used: bool,
    pub files: Vec<File>,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Comment {
    pub id: u64,
    pub ticket: u64,
    pub author: u64,
    /// HTML as sent.
    pub html: String,
    pub public: bool,
    pub files: Vec<File>,
    /// `metadata` of the update.
    pub metadata: Value,
    pub at: Timestamp,
}

/// The agent of the credentials.
pub(super) const AGENT: u64 = 900;

/// A Zendesk.
pub(crate) struct State {
    pub(super) core: Core,
    pub(super) tickets: BTreeMap<u64, Ticket>,
    pub(super) users: BTreeSet<u64>,
    pub(super) suspended: BTreeSet<u64>,
    pub(super) comments: Vec<Comment>,
    pub(super) uploads: Vec<Upload>,
    pub(super) overwritten: Vec<String>,
    pub(super) bearers: Vec<Bearer>,
    pub(super) trusted: Option<Trusted>,
    /// What stands before the colon, and what stands after it.
    pub(super) api_token: Option<(String, String)>,
    pub(super) calls: Window,
    pub(super) updates: Window,
    pub(super) by_ticket: BTreeMap<u64, Window>,
    pub(super) page_of: usize,
    pub(super) links_to: String,
    pub(super) lag: Duration,
    pub(super) uploads_live: Duration,
    pub(super) bad_upload: u16,
    pub(super) upload_scope: &'static str,
    pub(super) largest: usize,
    next_id: u64,
}

impl State {
    pub(super) fn new(clock: Clock, address: String) -> State {
        let tickets = [
            Ticket::open(9, 5501),
            Ticket::open(10, 5502),
            Ticket::open(93, 5503),
            Ticket { closed: true, ..Ticket::open(94, 5501) },
            Ticket::open(95, 5501),
        ];
        let full = Comment { ticket: 95, author: 5501, ..Comment::default() };
        let minute = Duration::from_mins(1);
        State {
            core: Core::new(clock),
            links_to: address,
            tickets: tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect(),
            users: BTreeSet::from([AGENT, 5501, 5502, 5503, 5504]),
            suspended: BTreeSet::from([5503]),
            comments: (1..=5000).map(|id| Comment { id, ..full.clone() }).collect(),
            uploads: Vec::new(),
            overwritten: Vec::new(),
            bearers: Vec::new(),
            trusted: None,
            api_token: Some((format!("{EMAIL}/token"), TOKEN.to_owned())),
            calls: Window::of(None, minute),
            updates: Window::of(Some(100), minute),
            by_ticket: BTreeMap::new(),
            page_of: 100,
            lag: Duration::ZERO,
            uploads_live: Duration::from_hours(1),
            bad_upload: 404,
            upload_scope: "tickets:write",
            largest: 50 << 20,
            next_id: 9000,
        }
    }

    pub(super) fn turn(&mut self, switch: Switch) {
        let now = self.core.clock.now();
        match switch {
            Switch::PageOf(size) => self.page_of = size,
            Switch::LinksTo(address) => self.links_to = address,
            Switch::ListsLag(lag) => self.lag = lag,
            Switch::Calls(limit) => self.calls.limit = limit,
            Switch::Updates(limit) => self.updates.limit = limit,
            Switch::OthersCall(calls) => self.calls.others(calls, now),
            Switch::UploadsLive(life) => self.uploads_live = life,
            Switch::BadUploadIsInvalid(invalid) => {
                self.bad_upload = if invalid { 422 } else { 404 }
            }
            Switch::UploadScope(scope) => self.upload_scope = scope,
            Switch::LargestFile(bytes) => self.largest = bytes,
            Switch::NoApiTokens(off) => {
                let works = (format!("{EMAIL}/token"), TOKEN.to_owned());
                self.api_token = (!off).then_some(works);
            }
        }
    }

    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A JPEG of somebody else's.
    pub(super) fn keep(&mut self, name: &str, bytes: &'static [u8]) -> File {
        let (name, content_type) = (name.to_owned(), "image/jpeg".to_owned());
        File { id: self.id(), name, content_type, bytes: Bytes::from_static(bytes) }
    }

    /// Keeps a comment; gives its id.
    pub(super) fn write(&mut self, comment: Comment) -> u64 {
        let (id, at) = (self.id(), self.core.clock.now());
        self.comments.push(Comment { id, at, ..comment });
        id
    }

    /// A token that nobody has seen before.
    pub(super) fn token(&mut self) -> String {
        format!("{UPLOAD}{}", self.id())
    }

    pub(super) fn show(&self, comment: &Comment) -> Value {
        let files: Vec<Value> = comment.files.iter().map(shown).collect();
        json!({
            "id": comment.id,
            "type": "Comment",
            "author_id": comment.author,
            "body": plain(&comment.html),
            "html_body": format!("<div class=\"zd-comment\">{}</div>", comment.html),
            "plain_body": plain(&comment.html),
            "public": comment.public,
            "attachments": files,
            "audit_id": comment.id + 100_000,
            "created_at": comment.at.to_string(),
        })
    }
}

pub(super) fn shown(file: &File) -> Value {
    json!({
        "id": file.id,
        "file_name": file.name,
        "content_type": file.content_type,
        "size": file.bytes.len(),
        "content_url": format!("https://files.example.com/{}?{SIGNED}", file.id),
        "malware_scan_result": "not_scanned",
    })
}

/// The words of a path below `/api/v2`, the last without `.json`.
pub(super) fn words(head: &Head) -> Vec<String> {
    let path = head.path().strip_prefix("/api/v2/").unwrap_or_default();
    path.split('/').map(|word| word.strip_suffix(".json").unwrap_or(word).to_owned()).collect()
}

impl Desk for State {
    fn endpoint(head: &Head) -> &'static str {
        if head.path() == "/oauth/tokens" {
            return "token";
        }
        let words = words(head);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match (head.method.as_str(), words.as_slice()) {
            ("GET", ["users", "me"]) => "me",
            ("GET", ["tickets", "count"]) => "count",
            ("GET", ["tickets", _]) => "ticket",
            ("PUT", ["tickets", _]) => "update",
            ("GET", ["tickets", _, "comments"]) => "comments",
            ("POST", ["uploads"]) => "upload",
            ("DELETE", ["uploads", _]) => "unupload",
            _ => "other",
        }
    }

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn answer(&mut self, request: &Request) -> Response {
        let number = self.core.seen.len();
        self.paced(request).with("X-Zendesk-Request-Id", format!("req-{number}"))
    }
}
