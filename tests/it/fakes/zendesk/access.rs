//! Who may call, and how often (`zendesk.md` sections 1, 4 and 5).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    named,
    state::{AGENT, State, words},
    titled,
};
use crate::fakes::desk::{Desk as _, Head, Refused, Request, Response, Used, Window, relay};

/// Updates of one ticket by one user within ten minutes.
const PER_TICKET: usize = 30;

/// Who calls.
enum Caller {
    ApiToken,
    /// A token with these scopes.
    Bearer(Vec<String>),
}

impl State {
    /// The pace of the account, then the rest; every answer says what is left.
    pub(super) fn paced(&mut self, request: &Request) -> Response {
        let now = self.core.clock.now();
        let endpoint = State::endpoint(&request.head);
        if let (Some(trusted), "token") = (&self.trusted, endpoint) {
            return relay(trusted.server.url(), request);
        }
        let used = match self.calls.call(now) {
            Ok(used) => used,
            Err(refused) => return too_many(refused).with("X-Rate-Limit-Remaining", 0),
        };
        let mut of_updates = None;
        if endpoint == "update" {
            of_updates = match self.updates.call(now) {
                Ok(used) => used,
                Err(refused) => return too_many(refused),
            };
            let ticket = words(&request.head).get(1).and_then(|id| id.parse().ok());
            let window = self.by_ticket.entry(ticket.unwrap_or(0));
            let window =
                window.or_insert_with(|| Window::of(Some(PER_TICKET), Duration::from_mins(10)));
            if let Err(refused) = window.call(now) {
                return too_many(refused);
            }
        }
        let mut answer = self.admitted(endpoint, request);
        if let Some(Used { limit, remaining, resets }) = used {
            answer = answer
                .with("X-Rate-Limit", limit)
                .with("X-Rate-Limit-Remaining", remaining)
                .with("ratelimit-limit", limit)
                .with("ratelimit-remaining", remaining)
                .with("ratelimit-reset", resets);
        }
        if let Some(Used { limit, remaining, resets }) = of_updates {
            let told = format!("total={limit}; remaining={remaining}; resets={resets}");
            answer = answer.with("Zendesk-RateLimit-tickets-update", told);
        }
        answer
    }

    fn admitted(&mut self, endpoint: &str, request: &Request) -> Response {
        let head = &request.head;
        let words = words(head);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let caller = match self.caller(head) {
            Ok(caller) => caller,
            // The trap of section 1.3.
            Err(_) if endpoint == "me" => return me(None),
            Err(answer) => return answer,
        };
        if !self.allows(endpoint, &caller) {
            let message = "You do not have access to this page.";
            return Response::json(403, &titled("Forbidden", message));
        }
        match (endpoint, words.as_slice()) {
            ("me", _) => me(Some(AGENT)),
            ("count", _) => {
                let count = json!({"value": self.tickets.len(), "refreshed_at": null});
                Response::json(200, &json!({"count": count}))
            }
            ("ticket", [_, ticket]) => self.ticket(ticket),
            ("comments", [_, ticket, _]) => self.listed(ticket, head),
            ("update", [_, ticket]) => self.update(ticket, request),
            ("upload", _) => self.upload(request),
            ("unupload", [_, token]) => self.removed(token),
            _ => Response::json(404, &named("InvalidEndpoint", "Not found")),
        }
    }

    fn caller(&self, head: &Head) -> Result<Caller, Response> {
        let stranger = || Response::json(401, &json!({"error": "Couldn't authenticate you"}));
        let authorization = head.header("Authorization").unwrap_or_default();
        if let Some(basic) = authorization.strip_prefix("Basic") {
            let plain = STANDARD.decode(basic.trim()).unwrap_or_default();
            let plain = String::from_utf8_lossy(&plain).into_owned();
            let known = self.api_token.as_ref().is_some_and(|(user, token)| {
                plain.split_once(':') == Some((user.as_str(), token.as_str()))
            });
            return if known { Ok(Caller::ApiToken) } else { Err(stranger()) };
        }
        let Some(token) = authorization.strip_prefix("Bearer ") else { return Err(stranger()) };
        if let Some(trusted) = self.trusted.as_ref().filter(|t| t.server.is_good(token)) {
            return Ok(Caller::Bearer(trusted.scopes.clone()));
        }
        let known = self.bearers.iter().find(|bearer| bearer.token == token);
        match known.filter(|bearer| bearer.lives(self.core.clock.now())) {
            Some(bearer) => Ok(Caller::Bearer(bearer.scopes.clone())),
            None => {
                let why = "The access token provided is expired, revoked, malformed or invalid \
                           for other reasons.";
                let body = json!({"error": "invalid_token", "error_description": why});
                Err(Response::json(401, &body))
            }
        }
    }

    fn allows(&self, endpoint: &str, caller: &Caller) -> bool {
        let Caller::Bearer(scopes) = caller else { return true };
        let wanted = match endpoint {
            "ticket" | "comments" | "count" => "tickets:read",
            "update" => "tickets:write",
            "upload" | "unupload" => self.upload_scope,
            _ => return true,
        };
        let wide = wanted.rsplit(':').next().unwrap_or_default();
        scopes.iter().any(|scope| scope == wanted || scope == wide)
    }
}

fn me(user: Option<u64>) -> Response {
    let name = if user.is_some() { "Bridge" } else { "Anonymous user" };
    let role = if user.is_some() { "agent" } else { "end-user" };
    Response::json(200, &json!({"user": {"id": user, "name": name, "role": role}}))
}

fn too_many(Refused(wait): Refused) -> Response {
    let why = "Number of allowed API requests per minute exceeded";
    Response::json(429, &named("APIRateLimitExceeded", why)).with("Retry-After", wait)
}
