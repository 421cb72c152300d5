//! The token endpoint: requests in both styles, answers, and refusals as failures. Neither a
//! token nor the client's secret leaves it in a text.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json};
use url::{Url, form_urlencoded};

use super::{Life, Style, Token, renewal::Inner};
use crate::{
    destinations::redact::Secrets,
    http,
    model::{Cause, ErrorKind, Failure},
};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Largest answer that is read.
const MAX_ANSWER: usize = 256 * 1024;

/// What a person can do about an other side that cannot serve.
const PASSES: &str = "nothing to do if it passes; it is tried again by itself";

/// What is asked of a token endpoint.
pub(super) enum Asking {
    /// A token for the client itself.
    Client { lifetime: Duration },
    /// A new access token for a login.
    Refresh { token: SecretString },
    /// The first pair of a login.
    Code { code: SecretString, verifier: SecretString },
}

/// What a token endpoint gave.
pub(super) struct Given {
    pub(super) access_token: SecretString,
    pub(super) refresh_token: Option<SecretString>,
    pub(super) scope: Option<String>,
    pub(super) life: Life,
    /// When the refresh token ends, where the other side says so.
    pub(super) login_ends_at: Option<Timestamp>,
}

impl Given {
    pub(super) fn token(self) -> Token {
        Token::new(self.access_token, self.scope, self.life)
    }

    /// Reads an answer to a question that was asked at `asked_at`; `None` when it has no token
    /// that could be sent in a header.
    fn read(body: &[u8], asked_at: Timestamp) -> Option<Self> {
        let answer: Json = serde_json::from_slice(body).ok()?;
        let text = |name: &str| answer.get(name).and_then(Json::as_str);
        let token = |name: &str| {
            let fits = |t: &&str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_graphic());
            text(name).filter(fits).map(SecretString::from)
        };
        let after = |name: &str| {
            let seconds = match answer.get(name)? {
                Json::Number(seconds) => seconds.as_f64()?,
                Json::String(seconds) => seconds.parse().ok()?,
                _ => return None,
            };
            let life = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
            asked_at.checked_add(life).ok()
        };
        Some(Self {
            access_token: token("access_token")?,
            refresh_token: token("refresh_token"),
            scope: text("scope").map(str::to_owned),
            life: Life { issued_at: asked_at, expires_at: after("expires_in") },
            login_ends_at: after("refresh_token_expires_in"),
        })
    }
}

/// A refusal, read.
struct Refusal {
    status: StatusCode,
    /// How long the other side wants to be left alone.
    after: Option<Duration>,
    /// OAuth's word for what is wrong (RFC 6749, section 5.2), where there is one.
    word: String,
    /// The other side's words, without secrets.
    detail: String,
}

impl Refusal {
    /// Whether it may come from a server that could not read the request's form.
    fn may_be_style(&self) -> bool {
        let not_read = matches!(self.word.as_str(), "" | "invalid_request");
        let status = self.status;
        status == StatusCode::UNSUPPORTED_MEDIA_TYPE
            || (status == StatusCode::BAD_REQUEST && not_read)
    }
}

/// What came of one request.
enum Answer {
    Given(Given),
    Refused(Refusal),
}

impl Inner {
    /// Asks the token endpoint.
    ///
    /// # Errors
    /// As [`super::Access::token`].
    pub(super) async fn ask(&self, asking: &Asking) -> Result<Given, Failure> {
        self.may_ask()?;
        let given = self.ask_in_its_style(asking).await;
        if let Err(Failure::Later { after: Some(after), cause }) = &given {
            self.state().closed = Some((self.shared.clock.after(*after), cause.clone()));
        }
        given
    }

    /// Whether the other side wants to be left alone still.
    fn may_ask(&self) -> Result<(), Failure> {
        let Some((until, cause)) = self.state().closed.clone() else { return Ok(()) };
        match Duration::try_from(until.duration_since(self.shared.clock.now())) {
            Ok(left) if !left.is_zero() => Err(Failure::Later { after: Some(left), cause }),
            _ => Ok(()),
        }
    }

    async fn ask_in_its_style(&self, asking: &Asking) -> Result<Given, Failure> {
        let at = self.addresses().await.token;
        let json = self.client.style == Style::Json || self.state().wants_json;
        let answer = self.ask_once(&at, asking, json).await?;
        let refusal = match answer {
            Answer::Given(given) => return Ok(given),
            Answer::Refused(refusal) => refusal,
        };
        let is_settled = json || self.client.style == Style::Form;
        if is_settled || !refusal.may_be_style() {
            return Err(self.failure(asking, refusal));
        }
        match self.ask_once(&at, asking, true).await? {
            Answer::Given(given) => {
                self.state().wants_json = true;
                Ok(given)
            }
            // Who takes no JSON either has said what is wrong the first time.
            Answer::Refused(again) if again.may_be_style() => Err(self.failure(asking, refusal)),
            Answer::Refused(again) => Err(self.failure(asking, again)),
        }
    }

    async fn ask_once(&self, at: &Url, asking: &Asking, json: bool) -> Result<Answer, Failure> {
        let asked_at = self.shared.clock.now();
        let (kind, body) = self.body(asking, json);
        let mut request = self.shared.http.client().post(at.clone()).timeout(PATIENCE);
        request = request.header(CONTENT_TYPE, kind).header(ACCEPT, "application/json");
        if self.client.style == Style::BasicForm {
            let secret = self.client.secret.expose_secret();
            request = request.basic_auth(&self.client.id, Some(secret));
        }
        let answer = request.body(body).send().await;
        let answer = answer.map_err(|error| nothing_lost(http::failure(self.whom, &error)))?;
        let (status, now) = (answer.status(), self.shared.clock.now());
        let after = http::retry_after(answer.headers(), now);
        let body = self.read(answer).await?;
        if status.is_success() {
            return Given::read(&body, asked_at).map(Answer::Given).ok_or_else(|| self.strange());
        }
        let (word, detail) = words(&self.secrets(asking).out_of_body(&body));
        let detail = format!("HTTP {}: {detail}", status.as_u16());
        Ok(Answer::Refused(Refusal { status, after, word, detail }))
    }

    /// The body of a request and its media type.
    fn body(&self, asking: &Asking, json: bool) -> (&'static str, String) {
        let mut fields = self.fields(asking);
        if self.client.style == Style::Form {
            fields.push(("client_id", self.client.id.as_str().into()));
            fields.push(("client_secret", self.client.secret.expose_secret().into()));
        }
        if !json {
            let mut body = form_urlencoded::Serializer::new(String::new());
            return ("application/x-www-form-urlencoded", body.extend_pairs(fields).finish());
        }
        let mut body: Map<String, Json> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        if let Asking::Client { lifetime } = asking {
            body.insert("expires_in".to_owned(), lifetime.as_secs().into());
        }
        if self.client.style == Style::Json {
            body.insert("client_id".to_owned(), self.client.id.as_str().into());
            let secret = self.client.secret.expose_secret();
            body.insert("client_secret".to_owned(), secret.into());
        }
        ("application/json", Json::Object(body).to_string())
    }

    fn fields<'a>(&'a self, asking: &'a Asking) -> Vec<(&'static str, Cow<'a, str>)> {
        match asking {
            Asking::Client { lifetime } => vec![
                ("grant_type", "client_credentials".into()),
                ("scope", self.client.scopes.join(" ").into()),
                ("expires_in", lifetime.as_secs().to_string().into()),
            ],
            Asking::Refresh { token } => vec![
                ("grant_type", "refresh_token".into()),
                ("refresh_token", token.expose_secret().into()),
            ],
            Asking::Code { code, verifier } => vec![
                ("grant_type", "authorization_code".into()),
                ("code", code.expose_secret().into()),
                ("code_verifier", verifier.expose_secret().into()),
                ("redirect_uri", self.client.redirect.as_str().into()),
            ],
        }
    }

    async fn read(&self, answer: Response) -> Result<Bytes, Failure> {
        http::read(answer, MAX_ANSWER).await.map_err(|error| {
            let what = format!("the answer of {} could not be read", self.whom);
            let fix = "it is tried again by itself; else look at what is in between";
            let cause = Cause::new(ErrorKind::Protocol, what, fix).with_detail(&error.to_string());
            Failure::Later { after: None, cause }
        })
    }

    /// What goes out with a request and must not come back in words.
    fn secrets(&self, asking: &Asking) -> Secrets {
        let client =
            Secrets::default().and_basic(&self.client.id, self.client.secret.expose_secret());
        match asking {
            Asking::Client { .. } => client,
            Asking::Refresh { token } => client.and(token.expose_secret()),
            Asking::Code { code, verifier } => {
                client.and(code.expose_secret()).and(verifier.expose_secret())
            }
        }
    }

    fn failure(&self, asking: &Asking, refusal: Refusal) -> Failure {
        let Refusal { status, after, word, detail } = refusal;
        let whom = self.whom;
        match (word.as_str(), asking) {
            ("invalid_grant", Asking::Refresh { .. }) => {
                let what = format!("the login to {whom} ended: it was revoked or ran out");
                self.logged_out(&what, &detail)
            }
            ("invalid_grant", Asking::Code { .. }) => {
                let what = format!("{whom} refuses the code: it ran out or was used before");
                self.logged_out(&what, &detail)
            }
            ("invalid_grant" | "invalid_client" | "unauthorized_client", _) => {
                self.wrong_client(asking, &detail)
            }
            _ if status == StatusCode::TOO_MANY_REQUESTS => {
                let what = format!("{whom} wants no more requests for tokens now");
                let cause = Cause::new(ErrorKind::RateLimited, what, PASSES).with_detail(&detail);
                Failure::Later { after, cause }
            }
            ("temporarily_unavailable" | "server_error", _) => self.unavailable(after, &detail),
            _ if status.is_server_error() => self.unavailable(after, &detail),
            _ if status == StatusCode::UNAUTHORIZED => self.wrong_client(asking, &detail),
            _ => {
                let what = format!("{whom} gives no access token");
                let fix = format!("compare the client at {whom} with [destination.{}]", self.name);
                let fix = self.or_log_in(asking, fix);
                let cause = Cause::new(ErrorKind::Rejected, what, fix).with_detail(&detail);
                Failure::Broken { cause }
            }
        }
    }

    fn wrong_client(&self, asking: &Asking, detail: &str) -> Failure {
        let what = format!("{} does not accept client_id and client_secret", self.whom);
        let fix = format!("check both in [destination.{}] and at {}", self.name, self.whom);
        let fix = self.or_log_in(asking, fix);
        Failure::Broken {
            cause: Cause::new(ErrorKind::Unauthorized, what, fix).with_detail(detail),
        }
    }

    /// Not everybody says in OAuth's words that a login ended.
    fn or_log_in(&self, asking: &Asking, fix: String) -> String {
        match asking {
            Asking::Refresh { .. } => {
                let name = &self.name;
                format!("{fix}; if they are right: apertur-bridge destinations login {name}")
            }
            Asking::Client { .. } | Asking::Code { .. } => fix,
        }
    }

    fn unavailable(&self, after: Option<Duration>, detail: &str) -> Failure {
        let what = format!("{} cannot give access tokens now", self.whom);
        let cause = Cause::new(ErrorKind::Unavailable, what, PASSES).with_detail(detail);
        Failure::Later { after, cause }
    }

    fn strange(&self) -> Failure {
        let what = format!("{} gave an answer without an access token", self.whom);
        let fix = format!("check the addresses of [destination.{}]", self.name);
        Failure::Broken { cause: Cause::new(ErrorKind::Protocol, what, fix) }
    }
}

/// OAuth's word for a refusal, and everything that was said.
fn words(body: &[u8]) -> (String, String) {
    let Ok(body) = serde_json::from_slice::<Json>(body) else {
        return (String::new(), "no JSON".to_owned());
    };
    let said = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or_default();
    let names = ["error", "error_description", "code", "message", "description"];
    let said_at_all = names.map(said).into_iter().filter(|words| !words.is_empty());
    (said("error").to_owned(), said_at_all.collect::<Vec<_>>().join(", "))
}

/// No photo is sent to a token endpoint: whatever became of the request, none is stored.
fn nothing_lost(failure: Failure) -> Failure {
    match failure {
        Failure::Unknown { cause } => Failure::Later { after: None, cause },
        other => other,
    }
}
