//! How a call is made: authorization, pace, one answer read whole.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;
use url::Url;

use super::{
    fault::{self, Doing},
    settings::{Login, Settings},
    told,
};
use crate::{
    destinations::{
        Shared,
        oauth::{Access, Addresses, Client, Endpoints, Grant, Style, Token},
        pace::{Ceiling, Pace, Permit, Told},
        redact::Secrets,
    },
    http::{self, Http, ReadError},
    model::{Cause, DestinationName, ErrorKind, Failure},
    spool::SpooledFile,
    system::Clock,
};

/// Longest answer read, in bytes: a page of a hundred comments.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Longest refusal read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;
/// Bytes of a photo read at once.
const BLOCK: usize = 64 * 1024;
/// Updates of one ticket by one user in ten minutes (`fixtures/contracts/zendesk.md` section 4).
const WRITES_PER_TICKET: usize = 30;
/// How long an access token shall live; it can be had again at any time.
const LIFETIME: Duration = Duration::from_hours(1);

/// The account and how to talk to it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) settings: Arc<Settings>,
    pub(super) clock: Clock,
    pub(super) pace: Pace,
    /// The way to tokens; `None` with an API token.
    pub(super) access: Option<Access>,
    http: Http,
}

/// One call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Body<'a>,
    pub(super) doing: Doing,
    /// What was to be done, for people: "add the comment".
    pub(super) about: &'static str,
    /// What goes out with it and must not come back in words, beside the credentials.
    pub(super) secrets: Secrets,
}

/// What goes out with a call.
#[derive(Debug)]
pub(super) enum Body<'a> {
    None,
    Json(&'a Json),
    /// A file as it is, with its media type; streamed.
    File(&'a SpooledFile, &'a str),
    /// A small file as it is, with its media type.
    Bytes(&'static [u8], &'static str),
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) told: Told,
    /// How long it asks to wait.
    pub(super) after: Option<Duration>,
    /// Its number in Zendesk's own log.
    pub(super) request: Option<String>,
    pub(super) body: Bytes,
}

impl Wire {
    pub(super) fn new(name: DestinationName, settings: Settings, shared: &Shared) -> Self {
        let access = match &settings.login {
            Login::Client { id, secret, scopes } => {
                let client = Client {
                    id: id.clone(),
                    secret: secret.clone(),
                    scopes: scopes.clone(),
                    endpoints: Endpoints::Fixed(Addresses {
                        authorize: None,
                        token: settings.endpoint("oauth/tokens"),
                    }),
                    style: Style::Json,
                    redirect: settings.base_url.clone(),
                };
                let grant = Grant::ClientCredentials { lifetime: LIFETIME };
                Some(Access::new("Zendesk", name, client, grant, shared))
            }
            Login::ApiToken { .. } => None,
        };
        let ceiling = Ceiling {
            writes_per_minute: settings.writes_per_minute,
            writes_per_ticket: WRITES_PER_TICKET,
        };
        Self {
            pace: shared.accounts.pace(&settings.place(), ceiling),
            clock: shared.clock.clone(),
            http: shared.http.clone(),
            settings: Arc::new(settings),
            access,
        }
    }

    /// Makes a call, and once more with a new token where the first one was refused.
    ///
    /// # Errors
    /// When no answer came, or no token is to be had. An answer of any status is no error.
    pub(super) async fn call(
        &self,
        permit: &mut Permit,
        call: &Call<'_>,
    ) -> Result<Answer, Failure> {
        let Some(access) = &self.access else { return self.once(permit, call, None).await };
        let token = access.token().await?;
        let answer = self.once(permit, call, Some(&token)).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let token = access.renew(&token).await?;
        self.once(permit, call, Some(&token)).await
    }

    /// Whether the login surely covers uploads: of the scopes only `write` is known to
    /// (`fixtures/contracts/open-questions.md`, F2), and an API token knows none.
    ///
    /// # Errors
    /// As [`Access::token`].
    pub(super) async fn may_upload(&self) -> Result<bool, Failure> {
        let (Some(access), Login::Client { scopes, .. }) = (&self.access, &self.settings.login)
        else {
            return Ok(true);
        };
        Ok(match access.token().await?.scope.as_deref() {
            Some(granted) => granted.split_whitespace().any(|scope| scope == "write"),
            None => scopes.iter().any(|scope| scope == "write"),
        })
    }

    async fn once(
        &self,
        permit: &mut Permit,
        call: &Call<'_>,
        token: Option<&Token>,
    ) -> Result<Answer, Failure> {
        let secrets = self.secrets(call, token);
        let request = self.request(call, token).await.map_err(|error| spool_failure(&error))?;
        let out = if call.doing == Doing::Commenting { permit.writes() } else { permit.reads() };
        let response = request
            .timeout(self.settings.timeout)
            .send()
            .await
            .map_err(|error| fault::lost(http::failure("Zendesk", &error), call.doing))?;
        let (status, now) = (response.status(), self.clock.now());
        let writes = call.doing == Doing::Commenting;
        let told = told::told((status, writes), response.headers(), now);
        out.answered(told);
        let after = told::after(response.headers(), now);
        let request = response.headers().get("x-zendesk-request-id");
        let request = request.or(response.headers().get("x-request-id"));
        let request = request.and_then(|id| id.to_str().ok()).map(|id| secrets.out_of(id));
        let most = if status.is_success() { MAX_ANSWER } else { MAX_REFUSAL };
        let body = match http::read(response, most).await {
            Ok(body) if status.is_success() => body,
            Ok(body) => secrets.out_of_body(&body),
            // The status stands, whatever became of the words.
            Err(_) if !status.is_success() => Bytes::new(),
            Err(error) => return Err(fault::lost(broken(&error), call.doing)),
        };
        Ok(Answer { status, told, after, request, body })
    }

    /// What goes out with a call and must not come back in words.
    fn secrets(&self, call: &Call<'_>, token: Option<&Token>) -> Secrets {
        let secrets = token
            .iter()
            .fold(call.secrets.clone(), |secrets, token| secrets.and(token.secret.expose_secret()));
        match &self.settings.login {
            Login::Client { secret, .. } => secrets.and(secret.expose_secret()),
            Login::ApiToken { email, token } => {
                secrets.and_basic(&format!("{email}/token"), token.expose_secret())
            }
        }
    }

    async fn request(
        &self,
        call: &Call<'_>,
        token: Option<&Token>,
    ) -> std::io::Result<RequestBuilder> {
        let request = self.http.client().request(call.method.clone(), call.url.clone());
        let request = request.header(header::ACCEPT, "application/json");
        let request = match (token, &self.settings.login) {
            (Some(token), _) => request.bearer_auth(token.secret.expose_secret()),
            (None, Login::ApiToken { email, token }) => {
                request.basic_auth(format!("{email}/token"), Some(token.expose_secret()))
            }
            (None, Login::Client { .. }) => request,
        };
        Ok(match call.body {
            Body::None => request,
            Body::Json(json) => request.json(json),
            Body::File(file, media_type) => request
                .header(header::CONTENT_TYPE, media_type)
                .header(header::CONTENT_LENGTH, file.size)
                .body(reqwest::Body::wrap_stream(file.stream(BLOCK).await?)),
            Body::Bytes(bytes, media_type) => {
                request.header(header::CONTENT_TYPE, media_type).body(bytes)
            }
        })
    }

    /// Now, by the clock of the daemon.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn broken(error: &ReadError) -> Failure {
    let cause = match error {
        ReadError::TooLarge => Cause::new(
            ErrorKind::Protocol,
            "Zendesk's answer has more than 16 MiB",
            "look on the ticket yourself: drop the delivery if the photo is there, else replay it",
        ),
        ReadError::Broken(_) => Cause::new(
            ErrorKind::Unavailable,
            "the connection to Zendesk broke in the middle of its answer",
            "nothing to do if it passes; the next attempt looks before it sends",
        ),
    };
    Failure::Unknown { cause: cause.with_detail(&error.to_string()) }
}

fn spool_failure(error: &std::io::Error) -> Failure {
    let cause = Cause::new(
        ErrorKind::Local,
        "the photo cannot be read from the spool",
        "look at the disk of data_dir; it is tried again",
    );
    Failure::Later { after: None, cause: cause.with_detail(&error.to_string()) }
}
