//! One call of a model's method, sent over whichever interface the session speaks.
//! Knows HTTP; what a call means is for the rooms above, what its fault means for `fault`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value as Json};

use super::{
    Settings,
    fault::{Doing, Fault},
    json2, xmlrpc,
};
use crate::{
    destinations::{
        body::{Envelope, Marker},
        redact::Secrets,
    },
    http::{self, Http, ReadError},
    model::{Cause, ErrorKind, Failure},
    spool::SpooledFile,
};

/// Longest answer read, in bytes. The longest wanted one is a small picture read back.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// One call of a method of a model.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) model: String,
    pub(super) method: &'static str,
    /// The record it is called on; `None` for a method of the model itself.
    pub(super) id: Option<u64>,
    /// Arguments that XML-RPC wants by position, with the names that JSON-2 wants.
    pub(super) args: Vec<(&'static str, Json)>,
    /// Arguments by name.
    pub(super) named: Map<String, Json>,
    /// Odoo's context.
    pub(super) context: Map<String, Json>,
    /// What a lost answer means.
    pub(super) doing: Doing,
    /// What was to be done, for people: "create the attachment".
    pub(super) about: &'static str,
}

impl Call {
    pub(super) fn reading(model: &str, method: &'static str, about: &'static str) -> Self {
        Self {
            model: model.to_owned(),
            method,
            id: None,
            args: Vec::new(),
            named: Map::new(),
            context: Map::new(),
            doing: Doing::Reading,
            about,
        }
    }

    pub(super) fn writing(model: &str, method: &'static str, about: &'static str) -> Self {
        Self { doing: Doing::Writing, ..Self::reading(model, method, about) }
    }

    pub(super) fn on(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    pub(super) fn arg(mut self, name: &'static str, value: impl Into<Json>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    pub(super) fn named(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.named.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn context(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.context.insert(name.to_owned(), value.into());
        self
    }
}

/// The interface a session speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// XML-RPC at `/xmlrpc/2`, as the user with this id.
    Xmlrpc {
        /// The user's id.
        uid: u64,
    },
    /// JSON-2 at `/json/2`; the key names the user.
    Json2,
}

/// The server and how to talk to it. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) settings: Arc<Settings>,
    pub(super) http: Http,
}

/// An HTTP answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) after: Option<Duration>,
    pub(super) body: Bytes,
}

impl Answer {
    /// The answer as a fault that no Odoo method gave.
    pub(super) fn into_status(self) -> Fault {
        Fault::Status { status: self.status, after: self.after }
    }
}

impl Wire {
    /// Calls a method and gives its result.
    ///
    /// # Errors
    /// What came instead, as the failure that it means.
    pub(super) async fn call(&self, api: Api, call: &Call) -> Result<Json, Failure> {
        let request = self.written(api, call);
        let request = self.request(api, call).body(request);
        self.answer(api, request).await.map_err(|fault| fault.failure(call.doing, call.about))
    }

    /// Calls a method with a photo as base64 in the place of the marker, streamed.
    ///
    /// # Errors
    /// As [`Wire::call`]; [`Failure::Later`] when the photo cannot be read from the spool.
    pub(super) async fn call_with(
        &self,
        api: Api,
        call: &Call,
        marker: &Marker,
        photo: &SpooledFile,
    ) -> Result<Json, Failure> {
        let envelope = Envelope::open(&self.written(api, call), marker).map_err(spool_failure)?;
        let length = envelope.length(photo.size);
        let body = envelope.around(photo).await.map_err(spool_failure)?;
        let request = self
            .request(api, call)
            .header(header::CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap_stream(body));
        self.answer(api, request).await.map_err(|fault| fault.failure(call.doing, call.about))
    }

    fn written(&self, api: Api, call: &Call) -> String {
        match api {
            Api::Xmlrpc { uid } => xmlrpc::execute(&self.settings, uid, call),
            Api::Json2 => json2::arguments(call),
        }
    }

    fn request(&self, api: Api, call: &Call) -> RequestBuilder {
        match api {
            Api::Xmlrpc { .. } => self.xmlrpc("object"),
            Api::Json2 => json2::request(self, &call.model, call.method),
        }
    }

    async fn answer(&self, api: Api, request: RequestBuilder) -> Result<Json, Fault> {
        self.ask(request, if api == Api::Json2 { json2::result } else { xmlrpc::result }).await
    }

    /// Sends a request and reads its answer; what it says of a fault is without our secret.
    ///
    /// # Errors
    /// What came instead of a result.
    pub(super) async fn ask(
        &self,
        request: RequestBuilder,
        read: fn(Answer) -> Result<Json, Fault>,
    ) -> Result<Json, Fault> {
        let secrets = || Secrets::default().and(self.settings.secret.expose_secret());
        let result = self.send(request).await.and_then(read);
        result.map_err(|fault| fault.without(&secrets()))
    }

    /// A request to one of the services of `/xmlrpc/2`.
    pub(super) fn xmlrpc(&self, service: &str) -> RequestBuilder {
        self.http
            .client()
            .post(self.settings.endpoint(&format!("xmlrpc/2/{service}")))
            .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
    }

    /// Sends a request under the time limit and reads its answer whole.
    ///
    /// # Errors
    /// [`Fault::Wire`] when there is none, [`Fault::Unreadable`] when it is too long.
    async fn send(&self, request: RequestBuilder) -> Result<Answer, Fault> {
        let response = request
            .timeout(self.settings.timeout)
            .send()
            .await
            .map_err(|error| Fault::Wire(http::failure("Odoo", &error)))?;
        let status = response.status();
        let after = http::retry_after(response.headers(), Timestamp::now());
        match http::read(response, MAX_ANSWER).await {
            Ok(body) => Ok(Answer { status, after, body }),
            Err(ReadError::TooLarge) => {
                Err(Fault::Unreadable("the answer has more than 4 MiB".to_owned()))
            }
            Err(ReadError::Broken(text)) => Err(Fault::Wire(Failure::Unknown {
                cause: Cause::new(
                    ErrorKind::Unavailable,
                    "the connection to Odoo broke in the middle of its answer",
                    "nothing; the next attempt looks before it sends",
                )
                .with_detail(&text),
            })),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn spool_failure(error: std::io::Error) -> Failure {
    let cause = Cause::new(
        ErrorKind::Local,
        "the photo cannot be read from the spool",
        "look at the disk of data_dir; it is tried again",
    );
    Failure::Later { after: None, cause: cause.with_detail(&error.to_string()) }
}

/// Without the characters that XML cannot carry and PostgreSQL may refuse.
pub(super) fn clean(text: &str) -> String {
    let carried = |c: &char| {
        !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}')
            && !matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    text.chars().filter(carried).collect()
}
