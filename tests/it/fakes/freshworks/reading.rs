//! What is read of tickets and conversations, and what is removed.

use serde_json::{Value, json};

use super::{
    access::bad,
    state::{AGENT, Product, State, Ticket},
};
use crate::fakes::desk::{Head, Response};

impl State {
    /// `GET /agents/me`, Freshdesk alone.
    pub(super) fn me(&self) -> Response {
        let contact = json!({"name": "Bridge", "email": "bot@example.com", "active": true});
        Response::json(200, &json!({"id": AGENT, "ticket_scope": 1, "contact": contact}))
    }

    /// `GET /tickets`.
    pub(super) fn list(&self, head: &Head) -> Response {
        let size = match page_size(head) {
            Ok(size) => size,
            Err(answer) => return answer,
        };
        let shown = |ticket: &Ticket| self.shown(ticket);
        let listed = self.tickets.values().filter(|t| !t.barred && !t.spam && !t.deleted);
        let tickets: Vec<Value> = listed.take(size).map(shown).collect();
        Response::json(200, &self.wrap("tickets", tickets.into()))
    }

    /// `GET /tickets/{id}`.
    pub(super) fn ticket(&self, ticket: &str) -> Response {
        match self.visible(ticket) {
            Ok(id) => Response::json(200, &self.wrap("ticket", self.shown(&self.tickets[&id]))),
            Err(answer) => answer,
        }
    }

    fn shown(&self, ticket: &Ticket) -> Value {
        let mut shown = json!({
            "id": ticket.id,
            "requester_id": ticket.requester,
            "status": ticket.status,
            "spam": ticket.spam,
            "subject": "Broken \"door\" <b>",
            "priority": 1,
        });
        // Freshdesk leaves it out of most tickets.
        if ticket.deleted || self.product == Product::Freshservice {
            shown["deleted"] = ticket.deleted.into();
        }
        if self.product == Product::Freshservice {
            shown["workspace_id"] = 2.into();
            shown["type"] = "Incident".into();
        }
        shown
    }

    /// `GET /tickets/{id}/conversations`.
    pub(super) fn listed(&self, ticket: &str, head: &Head) -> Response {
        let id = match self.visible(ticket) {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        let size = match page_size(head) {
            Ok(size) => size,
            Err(answer) => return answer,
        };
        let page = head.variable("page").map_or(Ok(1), |page| page.parse::<usize>());
        let Some(page) = page.ok().filter(|page| *page >= 1) else {
            return bad("page", "It should be a Positive Integer", "invalid_value");
        };
        let now = self.core.clock.now();
        let old_enough = |at: jiff::Timestamp| now.duration_since(at).unsigned_abs() >= self.lag;
        let all = self.conversations.iter().filter(|note| note.ticket == id && old_enough(note.at));
        let taken = size.min(self.page_of);
        let mut rest = all.skip((page - 1) * taken);
        let notes: Vec<Value> = rest.by_ref().take(taken).map(|note| self.show(note)).collect();
        let more = rest.next().is_some();
        let answer = Response::json(200, &self.wrap("conversations", notes.into()));
        if !more {
            return answer;
        }
        let next = format!(
            "<{}/api/v2/tickets/{id}/conversations?page={}&per_page={size}>; rel=\"next\"",
            self.links_to,
            page + 1
        );
        answer.with("Link", next)
    }

    /// `DELETE /conversations/{id}`.
    pub(super) fn removed(&mut self, note: &str) -> Response {
        let id = note.parse().unwrap_or(0);
        let before = self.conversations.len();
        self.conversations.retain(|note| note.id != id);
        Response::empty(if self.conversations.len() < before { 204 } else { 404 })
    }
}

fn page_size(head: &Head) -> Result<usize, Response> {
    let size = head.variable("per_page").map_or(Ok(30), |size| size.parse::<usize>());
    match size {
        Ok(size) if (1..=100).contains(&size) => Ok(size),
        _ => Err(bad("per_page", "It should be between 1 and 100", "invalid_value")),
    }
}
