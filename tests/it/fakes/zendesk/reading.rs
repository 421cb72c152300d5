//! What is read of tickets and comments (`zendesk.md` sections 2 and 6).

use serde_json::{Value, json};

use super::{named, state::State};
use crate::fakes::desk::{Head, Response};

impl State {
    /// 404 where there is no such ticket.
    pub(super) fn known(&self, ticket: &str) -> Result<u64, Response> {
        let digits = ticket.bytes().all(|byte| byte.is_ascii_digit());
        let id = ticket.parse().ok().filter(|id| digits && self.tickets.contains_key(id));
        id.ok_or_else(|| Response::json(404, &named("RecordNotFound", "Not found")))
    }

    /// `GET /tickets/{id}`.
    pub(super) fn ticket(&self, ticket: &str) -> Response {
        match self.known(ticket) {
            Ok(id) => Response::json(200, &json!({"ticket": self.shown(id)})),
            Err(answer) => answer,
        }
    }

    pub(super) fn shown(&self, id: u64) -> Value {
        let Some(ticket) = self.tickets.get(&id) else { return Value::Null };
        json!({
            "id": ticket.id,
            "requester_id": ticket.requester,
            "status": if ticket.closed { "closed" } else { "open" },
            "is_public": true,
            "subject": "Broken \"door\" <b>",
            "brand_id": 1,
            "tags": ["keep"],
        })
    }

    /// `GET /tickets/{id}/comments`, by cursor or by page, never both.
    pub(super) fn listed(&self, ticket: &str, head: &Head) -> Response {
        let id = match self.known(ticket) {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        let by_cursor = head.query().iter().any(|(name, _)| name.starts_with("page["));
        let by_page = head.query().iter().any(|(name, _)| name == "page" || name == "per_page");
        // Nobody knows whether comments can be sorted.
        if (by_cursor && by_page) || head.variable("sort").is_some() {
            return odd("page and sort");
        }
        let name = if by_cursor { "page[size]" } else { "per_page" };
        let size = head.variable(name).map_or(Ok(100), |size| size.parse::<usize>());
        let Some(size) = size.ok().filter(|size| (1..=100).contains(size)) else {
            return odd(name);
        };
        let now = self.core.clock.now();
        let old = |at: jiff::Timestamp| now.duration_since(at).unsigned_abs() >= self.lag;
        let mut all = self.comments.iter().filter(|c| c.ticket == id && old(c.at));
        let taken = size.min(self.page_of);
        let skipped = if by_cursor {
            let after = head.variable("page[after]").map_or(Some(0), |text| cursor(&text));
            let Some(after) = after else { return odd("page[after]") };
            after
        } else {
            let page = head.variable("page").and_then(|page| page.parse().ok()).unwrap_or(1_usize);
            page.saturating_sub(1) * taken
        };
        let shown: Vec<Value> =
            all.by_ref().skip(skipped).take(taken).map(|comment| self.show(comment)).collect();
        let more = all.next().is_some();
        let base = format!("{}/api/v2/tickets/{id}/comments.json?", self.links_to);
        let next = skipped + shown.len();
        if by_cursor {
            // The link is there on the last page too: only `has_more` says that it is the last.
            let link = format!("{base}page%5Bsize%5D={size}&page%5Bafter%5D=c{next}");
            let meta = json!({"has_more": more, "after_cursor": format!("c{next}")});
            let links = json!({"next": link, "prev": null});
            let body = json!({"comments": shown, "meta": meta, "links": links});
            return Response::json(200, &body);
        }
        let link = more.then(|| format!("{base}per_page={size}&page={}", next / taken + 1));
        Response::json(200, &json!({"comments": shown, "next_page": link}))
    }
}

fn cursor(text: &str) -> Option<usize> {
    text.strip_prefix('c')?.parse().ok()
}

fn odd(what: &str) -> Response {
    let error = json!({
        "code": "InvalidPaginationParameter",
        "title": "Invalid pagination",
        "detail": format!("{what} cannot be like that"),
    });
    Response::json(400, &json!({"errors": [error]}))
}
