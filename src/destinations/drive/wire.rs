//! One call: its token, its time limit, its answer. A token that is refused is renewed once.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH},
};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::{
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    time::timeout,
};
use tokio_util::io::ReaderStream;
use url::Url;

use super::{Fault, PASSES, Refusal, nothing_stored};
use crate::{
    destinations::{
        Shared,
        oauth::{Access, Client, Grant, Token},
        redact::Secrets,
        storage::{Body, unreadable},
    },
    http::{self, Http},
    model::{Cause, DestinationName, ErrorKind, Failure},
    spool::SpooledFile,
    system::Clock,
};

/// Largest answer that is read, in bytes: a page of a list.
const MAX_ANSWER: usize = 4 << 20;
/// Bytes read from the spool at once.
const BLOCK: usize = 128 << 10;

/// One call. It has no Debug: its address may open a door.
pub(in crate::destinations) struct Call<'a> {
    pub(in crate::destinations) method: Method,
    /// May be a secret by itself: never shown.
    pub(in crate::destinations) url: Url,
    pub(in crate::destinations) headers: Vec<(&'static str, String)>,
    pub(in crate::destinations) content: Content<'a>,
    /// Whether it carries the token; what is signed by itself must not.
    pub(in crate::destinations) bears: bool,
    /// Whether a lost answer may have changed something that is seen.
    pub(in crate::destinations) writes: bool,
    /// What goes out with it and must not come back in words, beside the token.
    secrets: Secrets,
}

/// The body of a call.
pub(in crate::destinations) enum Content<'a> {
    /// None, and no length is told.
    Nothing,
    /// None, of length 0.
    Empty,
    /// JSON.
    Json(Json),
    /// So many bytes of a file from an offset on.
    Piece { file: &'a SpooledFile, from: u64, length: u64 },
}

impl<'a> Call<'a> {
    /// A call that changes nothing.
    pub(in crate::destinations) fn get(url: Url) -> Self {
        let (headers, content, secrets) = (Vec::new(), Content::Nothing, Secrets::default());
        Self { method: Method::GET, url, headers, content, bears: true, writes: false, secrets }
    }

    /// A call that may change something.
    pub(in crate::destinations) fn write(method: Method, url: Url, content: Content<'a>) -> Self {
        Self { method, content, writes: true, ..Self::get(url) }
    }

    /// The same with a header.
    pub(in crate::destinations) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with bytes as its body.
    pub(in crate::destinations) fn carrying<'b>(self, content: Content<'b>) -> Call<'b> {
        let Call { method, url, headers, bears, writes, secrets, .. } = self;
        let call = Call { method, url, headers, content, bears, writes, secrets };
        call.with("content-type", "application/octet-stream".to_owned())
    }

    /// The same with one more secret in it.
    pub(in crate::destinations) fn keeping(self, secret: &str) -> Self {
        Self { secrets: self.secrets.and(secret), ..self }
    }

    /// The same to an address that is signed by itself: it opens a door, and no token goes there.
    pub(in crate::destinations) fn signed(self) -> Self {
        let secrets = self.secrets.and_address(&self.url);
        Self { bears: false, secrets, ..self }
    }

    /// The same, where a lost answer changed nothing that anybody sees.
    pub(in crate::destinations) fn unseen(self) -> Self {
        Self { writes: false, ..self }
    }
}

/// A drive's API and the login to it.
#[derive(Debug)]
pub(in crate::destinations) struct Wire {
    /// For people: "Dropbox".
    pub(in crate::destinations) whom: &'static str,
    pub(in crate::destinations) name: DestinationName,
    pub(in crate::destinations) access: Access,
    http: Http,
    clock: Clock,
    timeout: Duration,
}

impl Wire {
    pub(in crate::destinations) fn new(
        (whom, name): (&'static str, &DestinationName),
        login: Client,
        timeout: Duration,
        shared: &Shared,
    ) -> Self {
        let access = Access::new(whom, name.clone(), login, Grant::LoggedIn, shared);
        let (http, clock) = (shared.http.clone(), shared.clock.clone());
        Self { whom, name: name.clone(), access, http, clock, timeout }
    }

    /// Calls, and reads a good answer.
    ///
    /// # Errors
    /// What came instead.
    pub(in crate::destinations) async fn ask<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
    ) -> Result<T, Fault> {
        let response = self.good(self.send(call).await?).await?;
        self.json(response, call.writes).await
    }

    /// Calls, and gives the answer whatever its status; renews a refused token once.
    ///
    /// # Errors
    /// When no answer came, or no token is to be had.
    pub(in crate::destinations) async fn send(&self, call: &Call<'_>) -> Result<Response, Fault> {
        if !call.bears {
            return self.once(call, None).await;
        }
        let token = self.access.token().await.map_err(Fault::Failed)?;
        let response = self.once(call, Some(&token)).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let token = self.access.renew(&token).await.map_err(Fault::Failed)?;
        self.once(call, Some(&token)).await
    }

    /// The answer itself, if it is a good one.
    ///
    /// # Errors
    /// The refusal.
    pub(in crate::destinations) async fn good(&self, answer: Response) -> Result<Response, Fault> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let after = http::retry_after(answer.headers(), self.clock.now());
        // The status stands, whatever became of the words.
        let secrets = answer.extensions().get().cloned().unwrap_or_else(Secrets::default);
        let body = secrets.out_of_body(&self.read(answer).await.unwrap_or_default());
        let said = serde_json::from_slice(&body).unwrap_or_default();
        Err(Fault::Refused(Refusal { status, after, said }))
    }

    /// A good answer as JSON.
    ///
    /// # Errors
    /// When it breaks off or makes no sense; [`Failure::Unknown`] where it tells of a write.
    pub(in crate::destinations) async fn json<T: DeserializeOwned>(
        &self,
        answer: Response,
        writes: bool,
    ) -> Result<T, Fault> {
        let read = self.read(answer).await.and_then(|body| {
            // What a parser says may repeat what it could not parse.
            serde_json::from_slice(&body).map_err(|_| "it is not what was asked for".to_owned())
        });
        read.map_err(|why| {
            let what = format!("the answer of {} makes no sense", self.whom);
            let cause = Cause::new(ErrorKind::Protocol, what, PASSES).with_detail(&why);
            let failure = Failure::Unknown { cause };
            Fault::Failed(if writes { failure } else { nothing_stored(failure) })
        })
    }

    /// The bytes that a call gives, as they arrive; the time limit is that of each block.
    ///
    /// # Errors
    /// What came instead.
    pub(in crate::destinations) async fn download(&self, call: &Call<'_>) -> Result<Body, Fault> {
        let answer = self.good(self.send(call).await?).await?;
        let (whom, limit) = (self.whom, self.timeout);
        let blocks = stream::try_unfold(answer, move |mut answer| async move {
            let block = timeout(limit, answer.chunk()).await;
            let block = block.map_err(|_| broken(whom, "it stopped arriving"))?;
            let block = block.map_err(|error| nothing_stored(http::failure(whom, &error)))?;
            Ok(block.map(|block| (block, answer)))
        });
        Ok(Box::pin(blocks))
    }

    async fn read(&self, answer: Response) -> Result<Bytes, String> {
        match timeout(self.timeout, http::read(answer, MAX_ANSWER)).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(_) => Err("it stopped arriving".to_owned()),
        }
    }

    async fn once(&self, call: &Call<'_>, token: Option<&Token>) -> Result<Response, Fault> {
        let mut request = self.http.client().request(call.method.clone(), call.url.clone());
        if let Some(token) = token {
            request = request.bearer_auth(token.secret.expose_secret());
        }
        request = request.header(ACCEPT, "application/json");
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        request = match &call.content {
            Content::Nothing => request,
            Content::Empty => request.header(CONTENT_LENGTH, 0),
            Content::Json(body) => request.json(body),
            Content::Piece { file, from, length } => {
                let body = piece(file, *from, *length).await;
                let body = body.map_err(|error| Fault::Failed(unreadable(&error)))?;
                request.header(CONTENT_LENGTH, *length).body(body)
            }
        };
        // The answer's own time limit is set where it is read: it may be a photo.
        let answer = match timeout(self.timeout, request.send()).await {
            Ok(answer) => answer.map_err(|error| http::failure(self.whom, &error)),
            Err(_) => Err(late(self.whom)),
        };
        let seen = |failure| if call.writes { failure } else { nothing_stored(failure) };
        let mut answer = answer.map_err(|failure| Fault::Failed(seen(failure)))?;
        // For whoever reads it.
        let secrets = token
            .into_iter()
            .fold(call.secrets.clone(), |secrets, token| secrets.and(token.secret.expose_secret()));
        answer.extensions_mut().insert(secrets);
        Ok(answer)
    }
}

async fn piece(file: &SpooledFile, from: u64, length: u64) -> io::Result<reqwest::Body> {
    let mut opened = file.open().await?;
    opened.seek(io::SeekFrom::Start(from)).await?;
    let blocks = ReaderStream::with_capacity(opened.take(length), BLOCK);
    Ok(reqwest::Body::wrap_stream(blocks))
}

fn late(whom: &str) -> Failure {
    let what = format!("{whom} did not answer in time");
    Failure::Unknown { cause: Cause::new(ErrorKind::Timeout, what, PASSES) }
}

fn broken(whom: &str, why: &str) -> Failure {
    let what = format!("the connection to {whom} broke");
    let cause = Cause::new(ErrorKind::Unavailable, what, PASSES).with_detail(why);
    Failure::Later { after: None, cause }
}

/// Reads a file block by block, for digests.
///
/// # Errors
/// When it cannot be read.
pub(in crate::destinations) async fn blocks(
    file: &SpooledFile,
    mut each: impl FnMut(&[u8]) + Send,
) -> Result<(), Failure> {
    let read = async {
        let mut opened = file.open().await?;
        let mut block = vec![0; BLOCK];
        loop {
            match opened.read(&mut block).await? {
                0 => return Ok(()),
                read => each(&block[..read]),
            }
        }
    };
    read.await.map_err(|error: io::Error| unreadable(&error))
}
