//! Who may call, and how often.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{invalid, refusal, state::Product, state::State};
use crate::fakes::desk::{Desk as _, Head, Refused, Request, Response, Used};

/// Who calls.
enum Caller {
    Key,
    /// A token with these scopes.
    Token(Vec<String>),
}

impl State {
    /// The pace of the account, then the rest; every answer says what is left.
    pub(super) fn paced(&mut self, request: &Request) -> Response {
        let now = self.core.clock.now();
        let endpoint = State::endpoint(&request.head);
        let mut told = self.calls.call(now);
        // `include` costs a credit more on one ticket, two on a list.
        let extra = match (endpoint, request.head.variable("include")) {
            (_, None) => 0,
            ("tickets", _) => 2,
            _ => 1,
        };
        self.calls.others(extra, now);
        if endpoint == "note" && told.is_ok() {
            told = match self.notes.call(now) {
                Ok(_) => told,
                Err(refused) => Err(refused),
            };
        }
        match told {
            Ok(used) => {
                let answer = self.admitted(endpoint, request);
                match used {
                    Some(used) => self.telling(answer, used, 1 + extra),
                    None => answer,
                }
            }
            Err(Refused(wait)) => {
                let body = refusal("rate_limit", "You have exceeded the limit of requests");
                let limit = self.calls.limit.or(self.notes.limit).unwrap_or_default();
                let used = Used { limit, remaining: 0, resets: wait };
                let answer = Response::json(429, &body).with("Retry-After", self.number(wait));
                self.telling(answer, used, 1)
            }
        }
    }

    fn telling(&self, answer: Response, used: Used, cost: usize) -> Response {
        let name = match self.product {
            Product::Freshdesk => "X-RateLimit",
            Product::Freshservice => "X-Ratelimit",
        };
        answer
            .with(&format!("{name}-Total"), self.number(used.limit as u64))
            .with(&format!("{name}-Remaining"), self.number(used.remaining as u64))
            .with(&format!("{name}-Used-CurrentRequest"), self.number(cost as u64))
    }

    /// Freshservice writes numbers as decimals.
    fn number(&self, number: u64) -> String {
        match self.product {
            Product::Freshdesk => number.to_string(),
            Product::Freshservice => format!("{number}.0"),
        }
    }

    fn admitted(&mut self, endpoint: &str, request: &Request) -> Response {
        let head = &request.head;
        let caller = match self.caller(head) {
            Ok(caller) => caller,
            Err(answer) => return answer,
        };
        let accepts = head.header("Accept").unwrap_or("*/*");
        if !["application/json", "application/*", "*/*"].iter().any(|a| accepts.contains(a)) {
            return Response::empty(406);
        }
        if let (Some(scope), Caller::Token(scopes)) = (scope(endpoint), &caller)
            && !scopes.iter().any(|known| known == scope)
        {
            let body = refusal("access_denied", "You are not authorized to perform this action.");
            return Response::json(403, &body);
        }
        let words: Vec<&str> = head.path().split('/').skip(3).collect();
        match (endpoint, words.as_slice()) {
            ("me", _) if self.product == Product::Freshdesk => self.me(),
            ("tickets", _) => self.list(head),
            ("ticket", [_, ticket]) => self.ticket(ticket),
            ("conversations", [_, ticket, _]) => self.listed(ticket, head),
            ("note", [_, ticket, _]) => self.note(ticket, request),
            ("reply", [_, ticket, _]) => self.reply(ticket, request),
            ("remove", [_, note]) => self.removed(note),
            // The path is there, the method is not.
            (_, ["tickets", _, "notes" | "conversations"] | ["tickets", _]) => {
                Response::empty(405).with("Allow", "GET, POST")
            }
            _ => Response::empty(404),
        }
    }

    fn caller(&self, head: &Head) -> Result<Caller, Response> {
        let refuse = |status, code, message| Response::json(status, &refusal(code, message));
        let logged_in = "You have to be logged in to perform this action.";
        let Some(authorization) = head.header("Authorization") else {
            // Seen on Freshservice, where documents say 401.
            let status = if self.product == Product::Freshdesk { 401 } else { 403 };
            return Err(refuse(status, "invalid_credentials", logged_in));
        };
        if let Some(basic) = authorization.strip_prefix("Basic") {
            let plain = STANDARD.decode(basic.trim()).unwrap_or_default();
            let plain = String::from_utf8_lossy(&plain).into_owned();
            // The password may be anything, but it is there.
            let known = plain
                .split_once(':')
                .is_some_and(|(key, word)| key == self.key && !word.is_empty());
            return if known {
                Ok(Caller::Key)
            } else {
                Err(refuse(401, "invalid_credentials", logged_in))
            };
        }
        let bearer = authorization.strip_prefix("Bearer ");
        let token = bearer.filter(|_| self.product == Product::Freshservice);
        let Some(token) = token else {
            return Err(refuse(401, "unauthorized_authentication_type", logged_in));
        };
        if let Some(trusted) = self.trusted.as_ref().filter(|t| t.server.is_good(token)) {
            return Ok(Caller::Token(trusted.scopes.clone()));
        }
        match self.bearers.iter().find(|bearer| bearer.token == token) {
            Some(bearer) if bearer.lives(self.core.clock.now()) => {
                Ok(Caller::Token(bearer.scopes.clone()))
            }
            Some(_) => Err(refuse(401, "access_token_expired", "The access token has expired.")),
            None => Err(refuse(401, "access_token_invalid", "The access token is invalid.")),
        }
    }

    /// 404 where there is no such ticket, 403 where it is not for this agent.
    pub(super) fn visible(&self, ticket: &str) -> Result<u64, Response> {
        let id = ticket.parse::<u64>().ok().filter(|_| !ticket.starts_with('+'));
        match id.and_then(|id| self.tickets.get(&id)) {
            None => Err(Response::empty(404)),
            Some(ticket) if ticket.barred => {
                let body = refusal("access_denied", "You are not authorized to do this.");
                Err(Response::json(403, &body))
            }
            Some(ticket) => Ok(ticket.id),
        }
    }
}

fn scope(endpoint: &str) -> Option<&'static str> {
    Some(match endpoint {
        "ticket" | "tickets" => "freshservice.tickets.view",
        "note" | "reply" => "freshservice.tickets.conversations.create",
        "conversations" => "freshservice.tickets.conversations.view",
        "remove" => "freshservice.tickets.conversations.delete",
        _ => return None,
    })
}

/// 400 about one field.
pub(super) fn bad(field: &str, message: &str, code: &str) -> Response {
    Response::json(400, &invalid(field, message, code))
}
