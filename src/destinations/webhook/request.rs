//! One request: written, signed in a first pass over the body, sent in a second.

use futures_util::StreamExt as _;
use jiff::Timestamp;
use reqwest::{Body, Client, RequestBuilder, header};

use super::{Settings, answer::Answer, unwritable};
use crate::{
    destinations::{
        body::{Encoding, Envelope},
        redact::Secrets,
        storage::unreadable,
    },
    http::{self, Http},
    model::{Cause, ErrorKind, Failure, SessionId},
    spool::SpooledFile,
    system::Clock,
    webhook::About,
};

/// What the texts call the receiver.
const RECEIVER: &str = "the webhook";

/// What is posted.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// A photo and what is told about it.
    Photo(&'a About, &'a SpooledFile),
    /// A small JSON body.
    Ping(Vec<u8>),
}

/// The receiver and how to talk to it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) settings: Settings,
    pub(super) http: Http,
    pub(super) clock: Clock,
}

impl Wire {
    /// Signs and posts; gives the answer, whatever it is. `key` is ASCII and names what is sent,
    /// the same in every try.
    ///
    /// # Errors
    /// When there is no answer: `Later` when surely nothing was sent, else `Unknown`; `Broken`
    /// when the name leads where it must not.
    pub(super) async fn post(&self, key: &str, payload: &Payload<'_>) -> Result<Answer, Failure> {
        let now = self.clock.now();
        let request = match payload {
            Payload::Photo(about, file) => self.photo(key, about, file, now).await?,
            Payload::Ping(body) => {
                let signature = self.settings.signer.sign(key, now, body);
                let request = self.request(key, signature);
                request.header(header::CONTENT_TYPE, "application/json").body(body.clone())
            }
        };
        let sent = request.timeout(self.settings.timeout).send().await;
        let response = sent.map_err(|error| self.failure(&error))?;
        Ok(Answer::read(response, now, &self.secrets(payload)).await)
    }

    /// What goes out with a request and must not come back in words.
    fn secrets(&self, payload: &Payload<'_>) -> Secrets {
        let headers = self.settings.headers.iter().filter_map(|header| header.value.to_str().ok());
        // Behind a scheme such as Bearer, too.
        let headers =
            headers.flat_map(|value| [Some(value), value.split_once(' ').map(|(_, rest)| rest)]);
        let session = match payload {
            Payload::Photo(about, _) => about.session.as_ref().map(SessionId::reveal),
            Payload::Ping(_) => None,
        };
        let secrets = headers.flatten().chain(session).fold(Secrets::default(), Secrets::and);
        self.settings.address.query().into_iter().fold(secrets, Secrets::and_query)
    }

    async fn photo(
        &self,
        key: &str,
        about: &About,
        file: &SpooledFile,
        now: Timestamp,
    ) -> Result<RequestBuilder, Failure> {
        let wrapping =
            about.wrapping(self.settings.format).map_err(|error| unwritable(&error.to_string()))?;
        let encoding = if wrapping.is_base64 { Encoding::Base64 } else { Encoding::Plain };
        let envelope = Envelope::new(wrapping.before, wrapping.after, encoding);
        let mut signing = self.settings.signer.begin(key, now);
        let around = || envelope.clone().around(file);
        let mut body = Box::pin(around().await.map_err(|error| unreadable(&error))?);
        while let Some(block) = body.next().await {
            signing.update(&block.map_err(|error| unreadable(&error))?);
        }
        let mut request = self.request(key, signing.finish());
        for (name, value) in about.headers() {
            // The signature does not cover these, so nothing is lost with one that cannot be
            // written as a header.
            if value.bytes().all(|b| b.is_ascii_graphic()) {
                request = request.header(format!("X-Apertur-{name}"), value);
            }
        }
        let body = around().await.map_err(|error| unreadable(&error))?;
        Ok(request
            .header(header::CONTENT_TYPE, wrapping.content_type)
            .header(header::CONTENT_LENGTH, envelope.length(file.size))
            .body(Body::wrap_stream(body)))
    }

    fn request(&self, key: &str, signature: Vec<(&'static str, String)>) -> RequestBuilder {
        let mut request = self.client().post(self.settings.address.reveal().clone());
        for header in &self.settings.headers {
            request = request.header(header.name.clone(), header.value.clone());
        }
        for (name, value) in signature {
            request = request.header(name, value);
        }
        request.header("X-Apertur-Delivery-Id", key).header("Idempotency-Key", key)
    }

    /// An address that the configuration spells out is the administrator's choice. Where a name
    /// leads is the choice of whoever owns the name.
    fn client(&self) -> &Client {
        match (self.settings.address.is_resolved(), self.settings.allow_private) {
            (false, _) => self.http.client(),
            (true, true) => self.http.near(),
            (true, false) => self.http.vetted(),
        }
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        if !http::is_unvetted(error) {
            return http::failure(RECEIVER, error);
        }
        let (what, fix) = if self.settings.allow_private {
            (
                "the webhook's host leads to an address that serves nobody",
                "look what its name resolves to: link-local and metadata addresses are refused",
            )
        } else {
            (
                "the webhook's host leads into the own network",
                "set allow_private = true if it is meant to; else look what its name resolves to",
            )
        };
        Failure::Broken { cause: Cause::new(ErrorKind::NotAllowed, what, fix) }
    }
}
