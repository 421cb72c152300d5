//! `PUT /tickets/{id}`: the only way to a comment (`zendesk.md` section 3.2).

use serde_json::{Map, Value, json};

use super::{
    named,
    state::{AGENT, Comment, File, State},
    uploads::invalid,
};
use crate::fakes::desk::{Request, Response};

/// Comments on one ticket.
const MOST: usize = 5000;

impl State {
    pub(super) fn update(&mut self, ticket: &str, request: &Request) -> Response {
        match self.updated(ticket, request) {
            Ok(answer) | Err(answer) => answer,
        }
    }

    fn updated(&mut self, ticket: &str, request: &Request) -> Result<Response, Response> {
        let id = self.known(ticket)?;
        let media = request.head.header("Content-Type").unwrap_or_default();
        if !media.starts_with("application/json") {
            return Err(Response::new(415, "text/plain", "Unsupported Media Type"));
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let Some(wanted) = body["ticket"].as_object().filter(|_| one(&body, "ticket")) else {
            let body = named("Unprocessable", "Server could not parse JSON");
            return Err(Response::json(400, &body));
        };
        let beside = |key: &&String| !matches!(key.as_str(), "comment" | "metadata");
        self.overwritten.extend(wanted.keys().filter(beside).cloned());
        if self.tickets[&id].closed {
            return Err(invalid("status", "Status: closed prevents ticket update"));
        }
        let Some(comment) = wanted.get("comment").and_then(Value::as_object) else {
            return Err(invalid("comment", "cannot be blank"));
        };
        if self.comments.iter().filter(|comment| comment.ticket == id).count() >= MOST {
            return Err(invalid("base", "Ticket has too many comments"));
        }
        let mut comment = self.comment(id, comment)?;
        comment.metadata = wanted.get("metadata").cloned().unwrap_or_default();
        let id = self.write(comment);
        let stored = self.comments.last().map(|comment| self.show(comment)).unwrap_or_default();
        let change = json!({"id": id + 1, "type": "Notification", "via": {"channel": "rule"}});
        let audit = json!({"id": id + 100_000, "events": [change, stored]});
        let ticket = self.shown(ticket.parse().unwrap_or(0));
        Ok(Response::json(200, &json!({"ticket": ticket, "audit": audit})))
    }

    fn comment(&mut self, ticket: u64, told: &Map<String, Value>) -> Result<Comment, Response> {
        for key in told.keys() {
            if !["body", "html_body", "public", "author_id", "uploads"].contains(&key.as_str()) {
                return Err(invalid(key, "is not a field of a comment"));
            }
        }
        let html = match (told.get("body"), told.get("html_body")) {
            (None, Some(Value::String(text))) | (Some(Value::String(text)), None)
                if !text.trim().is_empty() =>
            {
                text.clone()
            }
            (Some(_), Some(_)) => return Err(invalid("comment", "body or html_body, not both")),
            _ => return Err(invalid("comment", "cannot be blank")),
        };
        // The real one would take what the ticket's last comment was.
        let Some(public) = told.get("public").and_then(Value::as_bool) else {
            return Err(invalid("public", "cannot be blank"));
        };
        let author = self.author(ticket, told.get("author_id"), public)?;
        let files = self.attach(told.get("uploads"))?;
        Ok(Comment { ticket, author, html, public, files, ..Comment::default() })
    }

    fn author(&self, ticket: u64, told: Option<&Value>, public: bool) -> Result<u64, Response> {
        let Some(told) = told else { return Ok(AGENT) };
        let refuse = |why| Err(invalid("author_id", why));
        let Some(user) = told.as_u64().filter(|user| self.users.contains(user)) else {
            return refuse("Author is not a user");
        };
        if user == AGENT {
            return Ok(user);
        }
        if self.suspended.contains(&user) {
            return refuse("Author is suspended");
        }
        if self.tickets[&ticket].requester != Some(user) {
            return refuse("Author is not on this ticket");
        }
        if !public {
            return refuse("End users cannot write private comments");
        }
        Ok(user)
    }

    /// The files of upload tokens, each of which works once.
    fn attach(&mut self, told: Option<&Value>) -> Result<Vec<File>, Response> {
        let Some(told) = told else { return Ok(Vec::new()) };
        let tokens: Option<Vec<&str>> =
            told.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        let Some(tokens) = tokens else {
            return Err(invalid("uploads", "is not a list of tokens"));
        };
        if !tokens.iter().all(|token| self.is_good(token)) {
            return Err(self.bad_upload());
        }
        let mut files = Vec::new();
        for upload in self.uploads.iter_mut().filter(|u| tokens.contains(&u.token.as_str())) {
            upload.used = true;
            files.extend(upload.files.iter().cloned());
        }
        Ok(files)
    }
}

fn one(body: &Value, key: &str) -> bool {
    body.as_object().is_some_and(|members| members.len() == 1 && members.contains_key(key))
}
