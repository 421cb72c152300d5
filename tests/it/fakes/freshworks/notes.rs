//! `POST /tickets/{id}/notes`: every trap of `freshdesk.md` section 4.

use bytes::Bytes;
use serde_json::Value;

use super::{
    access::bad,
    refusal,
    state::{AGENT, Conversation, Product, State},
};
use crate::fakes::desk::{Malformed, Part, Request, Response, parts};

const MIB: usize = 1 << 20;

/// A note as it was asked for.
#[derive(Default)]
struct Wanted {
    body: Option<String>,
    private: Option<bool>,
    incoming: bool,
    user: Option<u64>,
    files: Vec<(String, String, Bytes)>,
}

impl State {
    pub(super) fn note(&mut self, ticket: &str, request: &Request) -> Response {
        match self.noted(ticket, request) {
            Ok(answer) | Err(answer) => answer,
        }
    }

    /// `POST /tickets/{id}/reply`: a text to the requester, by the agent.
    pub(super) fn reply(&mut self, ticket: &str, request: &Request) -> Response {
        let read = self.visible(ticket).and_then(|id| Ok((id, self.read(request)?)));
        let (id, wanted) = match read {
            Ok(read) => read,
            Err(answer) => return answer,
        };
        if wanted.private.is_some() {
            return unexpected("private");
        }
        let known = &self.tickets[&id];
        if known.spam || known.deleted {
            return Response::empty(405);
        }
        let Some(body) = wanted.body.filter(|_| !known.chat) else { return missing("body") };
        let user = Some(AGENT);
        let reply = Conversation { ticket: id, user, body, mailed: true, ..Default::default() };
        let id = self.write(reply, wanted.files);
        let stored = self.conversations.iter().find(|reply| reply.id == id);
        let shown = stored.map(|reply| self.show(reply)).unwrap_or_default();
        Response::json(201, &self.wrap("conversation", shown))
    }

    fn noted(&mut self, ticket: &str, request: &Request) -> Result<Response, Response> {
        let id = self.visible(ticket)?;
        let known = &self.tickets[&id];
        if known.spam || known.deleted {
            return Err(Response::empty(if self.hides_spam { 404 } else { 405 }));
        }
        let chat = known.chat;
        let wanted = self.read(request)?;
        self.weigh(id, &wanted)?;
        let body = wanted.body.ok_or_else(|| missing("body"))?;
        // The default is a private one.
        let private = wanted.private.unwrap_or(true);
        if chat && !private {
            return Err(missing("structured_body"));
        }
        if let Some(user) = wanted.user
            && user != AGENT
            && !self.contacts.contains(&user)
        {
            let message = "There is no contact matching the given user_id";
            return Err(bad("user_id", message, "invalid_value"));
        }
        let note = Conversation {
            ticket: id,
            user: wanted.user.or(Some(AGENT)),
            body,
            private,
            incoming: wanted.incoming,
            ..Conversation::default()
        };
        let id = self.write(note, wanted.files);
        let stored = self.conversations.iter().find(|note| note.id == id);
        let shown = stored.map(|note| self.show(note)).unwrap_or_default();
        let place = format!("{}/api/v2/conversations/{id}", self.address);
        Ok(Response::json(201, &self.wrap("conversation", shown)).with("Location", place))
    }

    /// The sizes of `freshdesk.md` section 4 and `freshservice.md` section 4.
    fn weigh(&self, ticket: u64, wanted: &Wanted) -> Result<(), Response> {
        let new: usize = wanted.files.iter().map(|(_, _, bytes)| bytes.len()).sum();
        let here = self.conversations.iter().filter(|note| note.ticket == ticket);
        let old: usize = here.flat_map(|note| &note.attachments).map(|file| file.bytes.len()).sum();
        let (sum, most, files) = match self.product {
            Product::Freshdesk => (old + new, 20 * MIB, usize::MAX),
            Product::Freshservice => (new, 40 * MIB, 15),
        };
        if sum > most {
            let message = format!("Total attachment(s) size should not exceed {} MB", most / MIB);
            return Err(bad("attachments", &message, "invalid_size"));
        }
        if wanted.files.len() > files {
            let message = format!("Maximum of {files} attachments");
            return Err(bad("attachments", &message, "invalid_value"));
        }
        Ok(())
    }

    fn read(&self, request: &Request) -> Result<Wanted, Response> {
        let media = request.head.header("Content-Type").unwrap_or_default();
        if media.starts_with("application/json") {
            if request.body.starts_with(b"--") {
                return Err(Response::empty(415));
            }
            return from_json(&request.body);
        }
        match parts(media, &request.body) {
            Ok(parts) => parts.into_iter().try_fold(Wanted::default(), Wanted::with),
            Err(Malformed::NoForm) => Err(Response::empty(415)),
            Err(Malformed::Broken) => Err(missing("body")),
        }
    }
}

impl Wanted {
    fn with(mut self, part: Part) -> Result<Wanted, Response> {
        if part.name == "attachments[]" {
            self.files.push(file(part)?);
            return Ok(self);
        }
        let array = |field| bad(field, "It should be a/an Array", "datatype_mismatch");
        if part.filename.is_some() && part.name != "attachments" {
            return Err(missing(&part.name));
        }
        let text = part.text();
        match part.name.as_str() {
            "attachments" => {
                let message = "Value set is of type String. It should be a/an Array";
                return Err(bad("attachments", message, "datatype_mismatch"));
            }
            "notify_emails" => return Err(array("notify_emails")),
            "notify_emails[]" => {}
            "body" if text.trim().is_empty() => return Err(missing("body")),
            "body" => self.body = Some(text),
            "private" => self.private = Some(truth("private", &text)?),
            "incoming" => self.incoming = truth("incoming", &text)?,
            "user_id" => self.user = Some(number(&text)?),
            other => return Err(unexpected(other)),
        }
        Ok(self)
    }
}

/// A file needs a name and a type; the name is plain ASCII, because nobody knows what becomes
/// of another.
fn file(part: Part) -> Result<(String, String, Bytes), Response> {
    if part.bytes.is_empty() {
        return Err(bad("attachments", "It should not be blank", "invalid_value"));
    }
    let mismatch = "It should contain elements of type valid file format only";
    match (part.filename, part.content_type) {
        (Some(name), Some(media)) if !name.is_empty() && name.is_ascii() => {
            Ok((name, media, part.bytes))
        }
        _ => Err(bad("attachments", mismatch, "datatype_mismatch")),
    }
}

fn from_json(body: &[u8]) -> Result<Wanted, Response> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Err(Response::json(400, &refusal("invalid_json", "Request body has invalid json")));
    };
    let mut wanted = Wanted::default();
    for (name, value) in members {
        let mismatch = |of| bad(&name, &format!("It should be a/an {of}"), "datatype_mismatch");
        match name.as_str() {
            "body" => {
                wanted.body = Some(value.as_str().ok_or_else(|| mismatch("String"))?.to_owned());
            }
            "private" => {
                wanted.private = Some(value.as_bool().ok_or_else(|| mismatch("Boolean"))?);
            }
            "incoming" => wanted.incoming = value.as_bool().ok_or_else(|| mismatch("Boolean"))?,
            "user_id" => {
                wanted.user = Some(value.as_u64().ok_or_else(|| mismatch("Positive Integer"))?);
            }
            "notify_emails" if value.is_array() => {}
            // A link or base64 is not a file.
            "attachments" | "notify_emails" => return Err(mismatch("Array")),
            other => return Err(unexpected(other)),
        }
    }
    Ok(wanted)
}

fn truth(field: &str, text: &str) -> Result<bool, Response> {
    text.parse().map_err(|_| bad(field, "It should be a/an Boolean", "datatype_mismatch"))
}

fn number(text: &str) -> Result<u64, Response> {
    let message = "It should be a/an Positive Integer";
    text.parse().map_err(|_| bad("user_id", message, "datatype_mismatch"))
}

fn missing(field: &str) -> Response {
    bad(field, "It should be a/an String", "missing_field")
}

fn unexpected(field: &str) -> Response {
    bad(field, "Unexpected/invalid field in request", "invalid_field")
}
