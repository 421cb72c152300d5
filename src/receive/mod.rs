//! 1 The door: `POST /apertur/webhook`. Reads a body as a stream, checks the signature, makes
//! one photo of whatever shape came, and answers 2xx only after the journal has it on disk.
//!
//! Nothing in here looks into a body whose signature was not checked, waits for a destination
//! or fetches anything.

mod answer;
mod base64;
mod body;
mod multipart;
mod payload;
mod record;
pub mod signature;

use std::{io, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web,
};
use secrecy::SecretString;

pub use self::answer::Status;
use self::{
    answer::Answer,
    body::{Body, Unverified, Verified, discard},
    payload::{Bad, Described, Payload, Source, printable},
    signature::{Claim, Refusal, Secrets},
};
use crate::{
    journal::{Accepted, Arrival, Bytes, Journal, unrouted},
    model::{ImageId, Photo, PhotoId, Scheme, SessionId},
    route::Routes,
    spool::{Spool, Writer, blocking},
    system::Clock,
    telemetry::{Fact, Telemetry},
    work::Wake,
};

/// How the door works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The path Apertur posts to.
    pub webhook_path: String,
    /// Largest body, in bytes.
    pub max_body: u64,
    /// The shared secrets, at least one; any of them may have signed.
    pub secrets: Vec<SecretString>,
    /// How far a signed time may be from now.
    pub max_age: Duration,
    /// Longest silence while a body arrives.
    pub body_timeout: Duration,
}

/// The door, with everything behind it that it needs.
#[derive(Debug)]
pub struct Door {
    settings: Settings,
    secrets: Secrets,
    limits: body::Limits,
    behind: Behind,
}

/// What the door hands photos to.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// The bytes.
    pub spool: Spool,
    /// Who wants what.
    pub routes: Arc<Routes>,
    /// The time.
    pub clock: Clock,
    /// Where facts go.
    pub telemetry: Telemetry,
    /// Woken when a photo has to be fetched.
    pub collector: Wake,
    /// Woken when a delivery is due.
    pub sender: Wake,
}

impl Door {
    /// A door that opens to these secrets.
    #[must_use]
    pub fn new(settings: Settings, behind: Behind) -> Self {
        let limits = body::Limits::new(settings.max_body, settings.body_timeout);
        Self { secrets: Secrets::new(&settings.secrets), limits, settings, behind }
    }

    /// Adds the webhook to an actix-web application.
    pub fn configure(self: &Arc<Self>, app: &mut web::ServiceConfig) {
        let resource = web::resource(&self.settings.webhook_path)
            .app_data(web::Data::from(Arc::clone(self)))
            .route(web::post().to(webhook))
            .default_service(web::to(|| async { Answer::new(Status::MethodNotAllowed).respond() }));
        app.service(resource);
    }

    /// Takes one request from its first header to its answer.
    async fn take(&self, request: &HttpRequest, mut payload: web::Payload) -> HttpResponse {
        let started = std::time::Instant::now();
        let answer = match self.verify(request.headers(), &mut payload).await {
            Ok(verified) => self.accept(request.headers(), verified).await,
            Err(refused) => {
                // Whoever fell silent has nothing more to send.
                if refused.status != Status::Timeout {
                    discard(&mut payload).await;
                }
                Err(refused)
            }
        };
        let answer = answer.unwrap_or_else(|refused| refused);
        self.behind.telemetry.emit(&Fact::Request {
            status: answer.status.as_str(),
            reason: answer.reason.as_deref(),
            photo: answer.photo.as_ref(),
            scheme: answer.scheme,
            topic: answer.topic.as_deref(),
            took: started.elapsed(),
        });
        answer.respond()
    }

    async fn verify(
        &self,
        headers: &HeaderMap,
        payload: &mut web::Payload,
    ) -> Result<Verified, Answer> {
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > self.settings.max_body) {
            return Err(Answer::new(Status::TooLarge));
        }
        let claim = Claim::read(headers, self.behind.clock.now(), self.settings.max_age)?;
        let check = claim.check(&self.secrets);
        let unverified = Unverified::read(payload, check, &self.behind.spool, &self.limits).await?;
        Ok(unverified.verify()?)
    }

    async fn accept(&self, headers: &HeaderMap, verified: Verified) -> Result<Answer, Answer> {
        let scheme = verified.scheme;
        let hints = Hints::read(headers)?;
        let _room = verified.room;
        match self.read(headers, verified.body).await? {
            Payload::Ignored { topic } => Ok(Answer {
                topic: Some(printable(&topic)),
                scheme: Some(scheme),
                ..Answer::new(Status::Ignored)
            }),
            Payload::Photo(described) => self.store(*described, hints, scheme).await,
        }
    }

    /// Dispatches on the content type alone, never on configuration.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Payload, Bad> {
        let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or("?").trim().to_owned());
        if text(header::CONTENT_ENCODING).is_some_and(|e| !e.eq_ignore_ascii_case("identity")) {
            return Err(Bad::Unsupported("send the body without Content-Encoding"));
        }
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
        let spool = self.behind.spool.clone();
        match essence.as_str() {
            "application/json" | "" => {
                // Most events are small and need no disk before the journal's.
                if let Body::Memory(text) = &body
                    && let Some(event) = payload::event(text)?
                {
                    return Ok(event);
                }
                read_blocking(move || payload::json(body, &spool)).await
            }
            "multipart/form-data" => {
                let form = multipart::read(body, &content_type, &spool).await?;
                payload::form(form)
            }
            picture if picture == "application/octet-stream" || picture.starts_with("image/") => {
                read_blocking(move || payload::binary(body, &spool)).await
            }
            _ => Err(Bad::Unsupported(
                "send application/json, multipart/form-data, application/octet-stream or image/*",
            )),
        }
    }

    /// Makes the photo durable: bytes first, then the rows; only then there is an answer.
    async fn store(
        &self,
        described: Described,
        hints: Hints,
        scheme: Scheme,
    ) -> Result<Answer, Answer> {
        let behind = &self.behind;
        let session = described.session.or(hints.session);
        let own = match &session {
            Some(session) => behind.journal.session(session).await?,
            None => None,
        };
        let own_target = own.as_ref().map(|own| own.target.clone());
        let record = record::read(own_target, &described.metadata, &described.tags);
        let own_mode = own.as_ref().and_then(|own| own.mode);
        // An id that the signature does not cover counts only in a session that we made.
        let trusted = match (&described.image_id, &own) {
            (Some(signed), _) => Some(signed),
            (None, Some(_)) => hints.image.as_ref(),
            (None, None) => None,
        };
        let id = match (trusted, &described.source) {
            (Some(image), _) => PhotoId::of_image(image),
            // By the record as it was written: what a bare ticket means may change with the
            // configuration, the photo's id may not.
            (None, Source::Inline(writer)) => {
                PhotoId::of_bytes(&writer.digest(), record.target.as_ref())
            }
            (None, Source::Link(_)) => {
                return Err(Bad::Malformed("the event names no image id").into());
            }
        };
        let target = record.target.map(|target| behind.routes.named(target));
        let photo = Photo {
            id,
            image_id: described.image_id.or(hints.image),
            session,
            index: described.index.or(hints.index),
            filename: described.filename,
            media_type: described.media_type,
            size: described.size,
            sha256: None,
            tags: described.tags,
            target,
            mode: own_mode.or(record.mode),
            topic: described.topic,
            shape: described.shape,
            scheme,
            received_at: behind.clock.now(),
        };
        let mut answer = match described.source {
            Source::Link(url) => self.commit(photo, Bytes::Announced { url }).await,
            Source::Inline(writer) => self.store_inline(photo, writer).await,
        }?;
        let remark = record.remark.filter(|_| own_mode.is_none());
        let said: Vec<_> = answer.reason.take().into_iter().chain(remark).collect();
        answer.reason = (!said.is_empty()).then(|| said.join("; "));
        Ok(answer)
    }

    async fn store_inline(&self, mut photo: Photo, writer: Writer) -> Result<Answer, Answer> {
        if self.behind.journal.knows_photo(&photo.id).await? == Some(true) {
            // The bytes are here; what else it says may be news.
            return self.commit(photo, Bytes::Announced { url: None }).await;
        }
        let stored = blocking(move || writer.keep()).await.map_err(Bad::Disk)?;
        photo.sha256 = Some(stored.sha256);
        photo.size = Some(stored.size);
        photo.media_type = stored.media_type.map(ToOwned::to_owned);
        self.commit(photo, Bytes::Stored).await
    }

    async fn commit(&self, photo: Photo, bytes: Bytes) -> Result<Answer, Answer> {
        let behind = &self.behind;
        let announced = matches!(bytes, Bytes::Announced { .. });
        let plan = behind.routes.plan(&photo);
        let held = plan.iter().any(|planned| planned.destination.is_none());
        let arrival = Arrival { photo: photo.clone(), bytes, plan };
        match behind.journal.accept(arrival).await? {
            Accepted::New => {
                if announced { &behind.collector } else { &behind.sender }.wake();
                let reason = held.then(|| unrouted(photo.target.as_ref(), &photo.tags).to_string());
                Ok(Answer { reason, ..Answer::about(Status::Accepted, photo) })
            }
            Accepted::Duplicate { completed } => {
                if completed {
                    behind.collector.wake();
                    behind.sender.wake();
                }
                Ok(Answer::about(Status::Duplicate, photo))
            }
        }
    }
}

/// What unsigned headers say about a photo: never more than hints.
struct Hints {
    image: Option<ImageId>,
    session: Option<SessionId>,
    index: Option<u32>,
}

impl Hints {
    fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name| signature::header(headers, name);
        Ok(Self {
            image: text("image-id")?.and_then(|id| ImageId::parse(id).ok()),
            session: text("session-id")?.and_then(|id| SessionId::parse(id).ok()),
            index: text("image-index")?.and_then(|index| index.parse().ok()),
        })
    }
}

async fn read_blocking(
    read: impl FnOnce() -> Result<Payload, Bad> + Send + 'static,
) -> Result<Payload, Bad> {
    let joined = tokio::task::spawn_blocking(read).await;
    joined.unwrap_or_else(|error| Err(Bad::Disk(io::Error::other(error))))
}

async fn webhook(
    request: HttpRequest,
    payload: web::Payload,
    door: web::Data<Door>,
) -> HttpResponse {
    door.take(&request, payload).await
}
