//! The token endpoint.

use std::{collections::BTreeMap, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    CLIENT_ID, CLIENT_SECRET, Rotation, State, Wants,
    http::{self, Answer, Request},
};

/// An error as RFC 6749, section 5.2, has it.
pub(super) fn error(status: u16, error: &str) -> Answer {
    let words = format!("{error}, says the authorization server");
    Answer::json(status, &json!({ "error": error, "error_description": words }))
}

/// An error that repeats what was sent, as some do.
fn echo(sent: &str) -> Answer {
    let words = format!("no such grant: {sent}");
    Answer::json(400, &json!({ "error": "invalid_grant", "error_description": words }))
}

/// An error that repeats everything.
pub(super) fn repeated(status: u16, request: &Request) -> Answer {
    let header = request.header("authorization").unwrap_or_default();
    let sent = format!("{header} {}", String::from_utf8_lossy(&request.body));
    Answer::json(status, &json!({ "error": sent, "error_description": sent, "message": sent }))
}

type Fields = BTreeMap<String, Value>;

impl State {
    /// The grant type of a request, and the answer to it.
    pub(super) fn token(&mut self, request: &Request) -> (String, Answer) {
        let mut fields = match self.fields(request) {
            Ok(fields) => fields,
            Err(answer) => return (String::new(), answer),
        };
        let grant = take(&mut fields, "grant_type");
        let answer = match self.client(request, &mut fields) {
            Err(answer) => answer,
            Ok(()) => match grant.as_str() {
                "authorization_code" => self.code(fields),
                "refresh_token" => self.refreshed(fields),
                "client_credentials" if self.wants == Wants::Json => self.own(fields),
                _ => error(400, "unsupported_grant_type"),
            },
        };
        (grant, answer)
    }

    fn fields(&self, request: &Request) -> Result<Fields, Answer> {
        let kind = request.header("content-type").unwrap_or_default();
        match self.wants {
            Wants::BasicForm | Wants::Form => {
                if kind != "application/x-www-form-urlencoded" {
                    return Err(Answer::page(415));
                }
                let text = std::str::from_utf8(&request.body).map_err(|_| Answer::page(400))?;
                let fields = http::form(text).ok_or_else(|| error(400, "invalid_request"))?;
                Ok(fields.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
            Wants::BasicJson | Wants::Json => {
                if kind != "application/json" {
                    return Err(Answer::json(400, &json!({ "message": "Bad Request" })));
                }
                serde_json::from_slice(&request.body).map_err(|_| error(400, "invalid_request"))
            }
        }
    }

    /// The client's id and secret, at their place and at no other.
    fn client(&self, request: &Request, fields: &mut Fields) -> Result<(), Answer> {
        let header = request.header("authorization");
        let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
        let is_known = match self.wants {
            Wants::BasicForm | Wants::BasicJson => {
                header == Some(&basic) && !fields.contains_key("client_secret")
            }
            Wants::Form | Wants::Json => {
                header.is_none()
                    && take(fields, "client_id") == CLIENT_ID
                    && take(fields, "client_secret") == CLIENT_SECRET
            }
        };
        if is_known { Ok(()) } else { Err(error(401, "invalid_client")) }
    }

    fn code(&mut self, mut fields: Fields) -> Answer {
        let (code, verifier) = (take(&mut fields, "code"), take(&mut fields, "code_verifier"));
        let redirect = take(&mut fields, "redirect_uri");
        if !fields.is_empty() {
            return error(400, "invalid_request");
        }
        if self.used_codes.contains(&code) {
            // Somebody else has it too: nothing that came of it may live (RFC 6749, 4.1.2).
            self.access.clear();
            self.refresh.clear();
        }
        let Some(known) = self.codes.remove(&code) else { return echo(&code) };
        self.used_codes.insert(code);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let is_verifier = (43..=128).contains(&verifier.len());
        if !is_verifier || challenge != known.challenge || redirect != self.redirect {
            return error(400, "invalid_grant");
        }
        let refresh = self.fresh("refresh");
        self.refresh.insert(refresh.clone(), known.scope.clone());
        self.give(&known.scope, Some(&refresh), self.lifetime)
    }

    fn refreshed(&mut self, mut fields: Fields) -> Answer {
        let used = take(&mut fields, "refresh_token");
        if !fields.is_empty() {
            return error(400, "invalid_request");
        }
        let Some(scope) = self.refresh.get(&used).cloned() else { return echo(&used) };
        if let Some(old) = self.replaced.remove(&used) {
            self.refresh.remove(&old);
        }
        if self.rotation == Rotation::Stays {
            return self.give(&scope, None, self.lifetime);
        }
        let next = self.fresh("refresh");
        if self.rotation == Rotation::Dies {
            self.refresh.remove(&used);
            self.access.clear();
        } else {
            self.replaced.insert(next.clone(), used);
        }
        self.refresh.insert(next.clone(), scope.clone());
        self.give(&scope, Some(&next), self.lifetime)
    }

    fn own(&mut self, mut fields: Fields) -> Answer {
        let scope = take(&mut fields, "scope");
        let lifetime = fields.remove("expires_in").and_then(|seconds| seconds.as_u64());
        let lifetime = lifetime.and_then(|seconds| u32::try_from(seconds).ok());
        match lifetime {
            Some(lifetime @ 300..=172_800) if fields.is_empty() => {
                let scope = self.scope.clone().unwrap_or(scope);
                self.give(&scope, None, lifetime)
            }
            _ => error(400, "invalid_request"),
        }
    }

    fn give(&mut self, scope: &str, refresh: Option<&str>, lifetime: u32) -> Answer {
        let access = self.fresh("access");
        let ends = self.clock.after(Duration::from_secs(lifetime.into()));
        self.access.insert(access.clone(), ends);
        let mut answer = json!({
            "access_token": access,
            "token_type": "bearer",
            "expires_in": lifetime,
        });
        if self.tells_scope {
            answer["scope"] = scope.into();
        }
        if let Some(refresh) = refresh {
            answer["refresh_token"] = refresh.into();
            answer["refresh_token_expires_in"] = 31_536_000.into();
        }
        Answer::json(200, &answer)
    }
}

/// A text out of the fields; empty where there is none.
fn take(fields: &mut Fields, name: &str) -> String {
    let value = fields.remove(name);
    value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}
