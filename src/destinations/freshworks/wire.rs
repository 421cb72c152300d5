//! One call of the API: credentials, pace, time limit; its answer read whole. What a call is
//! for is the affair of the rooms above, what its refusal means that of `fault`.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, HeaderMap, LOCATION},
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    fault::{Fault, Refusal, Said},
    note::Note,
    settings::{DEFAULT_SCOPES, Login, Settings},
};
use crate::{
    destinations::{
        Shared,
        oauth::{Access, Grant, Token},
        pace::{Ceiling, Pace, Permit, Plan, Told},
        redact::Secrets,
    },
    http::{self, Http, ReadError},
    model::{Cause, DestinationName, ErrorKind, Failure},
    system::Clock,
};

/// Longest answer read, in bytes: a hundred conversations with the texts of long mails.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Longest refusal read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;
/// What the password of a log-in by API key may be: anything.
const ANY_PASSWORD: &str = "X";
/// Longest request id that is kept, in characters.
const MAX_REQUEST_ID: usize = 80;

/// One call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Below `/api/v2/`.
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    /// What is posted.
    pub(super) note: Option<&'a Note<'a>>,
    /// The ticket it is about, for people.
    pub(super) ticket: Option<u64>,
    /// Whether a lost answer may have changed something.
    pub(super) writes: bool,
    /// What was to be done, for people: "post the note".
    pub(super) about: &'static str,
}

impl Call<'static> {
    pub(super) fn reading(path: impl Into<String>, about: &'static str) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            note: None,
            ticket: None,
            writes: false,
            about,
        }
    }

    pub(super) fn removing(path: String, about: &'static str) -> Self {
        Self { method: Method::DELETE, writes: true, ..Self::reading(path, about) }
    }
}

impl<'a> Call<'a> {
    pub(super) fn posting(path: String, note: &'a Note<'a>, about: &'static str) -> Self {
        Self {
            method: Method::POST,
            path,
            query: Vec::new(),
            note: Some(note),
            ticket: None,
            writes: true,
            about,
        }
    }

    pub(super) fn of(mut self, ticket: u64) -> Self {
        self.ticket = Some(ticket);
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether it says that something was made.
    pub(super) is_created: bool,
}

/// The help desk and how to talk to it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) name: DestinationName,
    pub(super) settings: Arc<Settings>,
    pub(super) pace: Pace,
    pub(super) credentials: Credentials,
    http: Http,
    clock: Clock,
}

/// What opens the door.
#[derive(Debug)]
pub(super) enum Credentials {
    Key(SecretString),
    OAuth(Access),
}

impl Wire {
    pub(super) fn new(name: DestinationName, settings: Settings, shared: &Shared) -> Self {
        let ceiling = Ceiling {
            writes_per_minute: settings.writes_per_minute.max(1),
            writes_per_ticket: usize::MAX,
        };
        let credentials = match &settings.login {
            Login::ApiKey(key) => Credentials::Key(key.clone()),
            Login::OAuth(client) => {
                let whom = settings.product.name();
                let grant = Grant::LoggedIn;
                Credentials::OAuth(Access::new(
                    whom,
                    name.clone(),
                    (**client).clone(),
                    grant,
                    shared,
                ))
            }
        };
        Self {
            name,
            credentials,
            pace: shared.accounts.pace(&settings.place(), ceiling),
            http: shared.http.clone(),
            clock: shared.clock.clone(),
            settings: Arc::new(settings),
        }
    }

    /// The host that is called, for people.
    pub(super) fn host(&self) -> &str {
        self.settings.base_url.host_str().unwrap_or_default()
    }

    /// Permission for so many calls to a ticket, writing ones among them.
    ///
    /// # Errors
    /// As [`Pace::take`].
    pub(super) fn permit(&self, calls: usize, writes: usize) -> Result<Permit, Failure> {
        self.pace.take(Plan { calls, writes, ticket: None })
    }

    /// Calls, and gives a good answer.
    ///
    /// # Errors
    /// What came instead.
    pub(super) async fn call(&self, permit: &mut Permit, call: &Call<'_>) -> Result<Answer, Fault> {
        let access = match &self.credentials {
            Credentials::Key(key) => {
                let request = self.request(call);
                let request = request.basic_auth(key.expose_secret(), Some(ANY_PASSWORD));
                let key = key.expose_secret();
                let secrets = Secrets::default().and(key).and_basic(key, ANY_PASSWORD);
                return self.send(permit, call, request, &secrets).await;
            }
            Credentials::OAuth(access) => access,
        };
        let bearing = |token: &Token| self.request(call).bearer_auth(token.secret.expose_secret());
        let secrets = |token: &Token| {
            let secrets = Secrets::default().and(token.secret.expose_secret());
            match &self.settings.login {
                Login::OAuth(client) => secrets.and(client.secret.expose_secret()),
                Login::ApiKey(_) => secrets,
            }
        };
        let token = access.token().await.map_err(Fault::Wire)?;
        match self.send(permit, call, bearing(&token), &secrets(&token)).await {
            Err(fault) if fault.is_unauthorized() => {
                let token = access.renew(&token).await.map_err(Fault::Wire)?;
                self.send(permit, call, bearing(&token), &secrets(&token)).await
            }
            other => other,
        }
    }

    /// The scopes without which no photo can be delivered and that the login does not have;
    /// asked of the authorization server only where no token is at hand.
    ///
    /// # Errors
    /// As [`Access::token`].
    pub(super) async fn lacking(&self) -> Result<Vec<String>, Failure> {
        let Credentials::OAuth(access) = &self.credentials else { return Ok(Vec::new()) };
        let mut missing = access.missing_scopes(&access.token().await?);
        missing.retain(|scope| DEFAULT_SCOPES.contains(&scope.as_str()));
        Ok(missing)
    }

    fn request(&self, call: &Call<'_>) -> RequestBuilder {
        let mut url = self.settings.endpoint(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let request = self.http.client().request(call.method.clone(), url);
        request.header(ACCEPT, "application/json")
    }

    async fn send(
        &self,
        permit: &mut Permit,
        call: &Call<'_>,
        request: RequestBuilder,
        secrets: &Secrets,
    ) -> Result<Answer, Fault> {
        let request = match call.note {
            Some(note) => request.multipart(note.form().await.map_err(|e| unreadable(&e))?),
            None => request,
        };
        let out = if call.writes { permit.writes() } else { permit.reads() };
        let response = request
            .timeout(self.settings.timeout)
            .send()
            .await
            .map_err(|e| Fault::Wire(http::failure(self.settings.product.name(), &e)))?;
        let told = told(&response, &self.clock);
        out.answered(told);
        self.read(response, told.closed, secrets).await
    }

    async fn read(
        &self,
        response: Response,
        after: Option<Duration>,
        secrets: &Secrets,
    ) -> Result<Answer, Fault> {
        let (status, headers) = (response.status(), response.headers().clone());
        let most = if status.is_success() { MAX_ANSWER } else { MAX_REFUSAL };
        let body = http::read(response, most).await;
        if status.is_success() {
            let body = match body {
                Ok(body) => body,
                // What was made is made, whether its description arrives or not.
                Err(_) if status == StatusCode::CREATED => Bytes::new(),
                Err(ReadError::TooLarge) => return Err(Fault::TooLarge),
                Err(ReadError::Broken(why)) => return Err(self.broken(&why)),
            };
            let is_created = status == StatusCode::CREATED;
            return Ok(Answer { headers, body, is_created });
        }
        let text = |name: &str| Some(secrets.out_of(headers.get(name)?.to_str().ok()?));
        let host = |location: String| Some(Url::parse(&location).ok()?.host_str()?.to_owned());
        Err(Fault::Refused(Box::new(Refusal {
            status,
            after: after.or_else(|| http::retry_after(&headers, self.clock.now())),
            request_id: text("x-request-id").map(|id| id.chars().take(MAX_REQUEST_ID).collect()),
            leads_to: text(LOCATION.as_str()).and_then(host),
            // The status stands, whatever became of the words.
            said: Said::read(&secrets.out_of_body(&body.unwrap_or_default())),
        })))
    }

    fn broken(&self, why: &str) -> Fault {
        let what = format!(
            "the connection to {} broke in the middle of its answer",
            self.settings.product.name()
        );
        let fix = "nothing; the next attempt looks before it sends";
        let cause = Cause::new(ErrorKind::Unavailable, what, fix).with_detail(why);
        Fault::Wire(Failure::Unknown { cause })
    }
}

/// What the account says of its limits (`freshservice.md` section 6): names in any case, numbers
/// with or without decimals.
fn told(response: &Response, clock: &Clock) -> Told {
    let headers = response.headers();
    let told = Told {
        total: number(headers, "x-ratelimit-total"),
        remaining: number(headers, "x-ratelimit-remaining"),
        ..Told::default()
    };
    let after = http::retry_after(headers, clock.now());
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => told.refused(after),
        // Maintenance and overload are the whole account's.
        StatusCode::SERVICE_UNAVAILABLE => Told { closed: after, ..told },
        _ => told,
    }
}

/// A number of a header, without its decimals.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<usize> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().ok()
}

fn unreadable(error: &io::Error) -> Fault {
    let cause = Cause::new(
        ErrorKind::Local,
        "the photo cannot be read from the spool",
        "look at the disk of data_dir; it is tried again",
    );
    Fault::Wire(Failure::Later { after: None, cause: cause.with_detail(&error.to_string()) })
}
