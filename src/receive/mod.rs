//! 1 The door: `POST /apertur/webhook`. Reads a body as a stream, checks the signature, makes
//! one photo of whatever shape came, and answers 2xx only after the journal has it on disk.
//!
//! Nothing in here looks into a body whose signature was not checked, waits for a destination
//! or fetches anything.

mod answer;
mod base64;
mod body;
pub mod example;
mod multipart;
mod payload;
mod reading;
mod record;
pub mod signature;

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web,
};
use secrecy::SecretString;

use self::{
    answer::Answer,
    body::{Unverified, Verified, discard},
    payload::{Bad, Described, Payload, Source},
    reading::{Hints, Known, Told},
    signature::{Claim, Secrets},
};
pub use self::{answer::Status, reading::NamedBy};
use crate::{
    intake::Intake,
    journal::{Accepted, Bytes, Journal},
    model::{Cause, Photo, Scheme, printable},
    route::Routes,
    spool::{Spool, Writer, blocking},
    system::{Clock, Floor, Live},
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
    /// The shared secrets; any of them may have signed. Without one the door stays shut: photos
    /// come another way.
    pub secrets: Vec<SecretString>,
    /// How far a signed time may be from now.
    pub max_age: Duration,
    /// Longest silence while a body arrives.
    pub body_timeout: Duration,
}

/// The door, with everything behind it that it needs.
#[derive(Debug)]
pub struct Door {
    webhook_path: String,
    rules: Live<Rules>,
    behind: Behind,
}

/// What a request is held against from its first header to its answer.
#[derive(Debug)]
struct Rules {
    settings: Settings,
    secrets: Secrets,
    limits: body::Limits,
}

impl Rules {
    fn new(settings: Settings) -> Self {
        let limits = body::Limits::new(settings.max_body, settings.body_timeout);
        Self { secrets: Secrets::new(&settings.secrets), limits, settings }
    }
}

/// What the door hands photos to.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// The bytes.
    pub spool: Spool,
    /// Who wants what.
    pub routes: Live<Routes>,
    /// Whether there is room for new photos; none is taken without.
    pub floor: Floor,
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
        let webhook_path = settings.webhook_path.clone();
        Self { webhook_path, rules: Live::new(Rules::new(settings)), behind }
    }

    /// Opens to these secrets, under these limits, from the next request on. The path stays what
    /// it was.
    pub fn change(&self, settings: Settings) {
        self.rules.store(Rules::new(settings));
    }

    /// Adds the webhook to an actix-web application.
    pub fn configure(self: &Arc<Self>, app: &mut web::ServiceConfig) {
        let resource = web::resource(&self.webhook_path)
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
        if let Some(low) = self.behind.floor.low() {
            let reason = Some(low.to_string());
            return Err(Answer { reason, ..Answer::new(Status::Unavailable) });
        }
        let Rules { settings, secrets, limits } = &*self.rules.load();
        if settings.secrets.is_empty() {
            let reason =
                "webhook.secrets is not set, so nothing can be taken by webhook".to_owned();
            return Err(Answer { reason: Some(reason), ..Answer::new(Status::Unavailable) });
        }
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > settings.max_body) {
            return Err(Answer::new(Status::TooLarge));
        }
        let claim = Claim::read(headers, self.behind.clock.now(), settings.max_age)?;
        let check = claim.check(secrets);
        let unverified = Unverified::read(payload, check, &self.behind.spool, limits).await?;
        Ok(unverified.verify()?)
    }

    async fn accept(&self, headers: &HeaderMap, verified: Verified) -> Result<Answer, Answer> {
        let scheme = verified.scheme;
        let hints = Hints::read(headers)?;
        let _room = verified.room;
        match reading::payload(headers, verified.body, &self.behind.spool).await? {
            Payload::Ignored { topic } => Ok(Answer {
                topic: Some(printable(&topic)),
                scheme: Some(scheme),
                ..Answer::new(Status::Ignored)
            }),
            Payload::Photo(described) => self.store(*described, hints, scheme).await,
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
        let routes = behind.routes.load();
        let known = Known {
            journal: Some(behind.journal.as_ref()),
            routes: &routes,
            scheme,
            now: behind.clock.now(),
        };
        let Told { photo, source, doubt, remark, .. } =
            reading::told(described, hints, known).await?;
        let mut answer = match source {
            Source::Link(url) => self.commit(photo, Bytes::Announced { url }, doubt).await,
            Source::Inline(writer) => self.store_inline(photo, writer, doubt).await,
            Source::Sealed(writer) => self.store_sealed(photo, writer, doubt).await,
        }?;
        let said: Vec<_> = answer.reason.take().into_iter().chain(remark).collect();
        answer.reason = (!said.is_empty()).then(|| said.join("; "));
        Ok(answer)
    }

    async fn store_inline(
        &self,
        mut photo: Photo,
        writer: Writer,
        doubt: Option<Cause>,
    ) -> Result<Answer, Answer> {
        if self.has_bytes(&photo).await? {
            return self.commit(photo, Bytes::Announced { url: None }, doubt).await;
        }
        let stored = blocking(move || writer.keep()).await.map_err(Bad::Disk)?;
        photo.sha256 = Some(stored.sha256);
        photo.size = Some(stored.size);
        photo.media_type = stored.media_type.map(ToOwned::to_owned);
        self.commit(photo, Bytes::Stored, doubt).await
    }

    /// Keeps an envelope as it came: the collector opens it, so that nobody waits here for that.
    async fn store_sealed(
        &self,
        photo: Photo,
        writer: Writer,
        doubt: Option<Cause>,
    ) -> Result<Answer, Answer> {
        if self.has_bytes(&photo).await? {
            return self.commit(photo, Bytes::Announced { url: None }, doubt).await;
        }
        let envelope = blocking(move || writer.keep()).await.map_err(Bad::Disk)?.sha256;
        self.commit(photo, Bytes::Sealed { envelope }, doubt).await
    }

    /// Whether the bytes are here already; what else the request says may be news.
    async fn has_bytes(&self, photo: &Photo) -> Result<bool, Answer> {
        Ok(self.behind.journal.knows_photo(&photo.id).await? == Some(true))
    }

    async fn commit(
        &self,
        photo: Photo,
        bytes: Bytes,
        doubt: Option<Cause>,
    ) -> Result<Answer, Answer> {
        let behind = &self.behind;
        let routes = behind.routes.load();
        let intake = Intake {
            journal: behind.journal.as_ref(),
            routes: &routes,
            collector: &behind.collector,
            sender: &behind.sender,
        };
        let taken = intake.take(photo.clone(), bytes, doubt).await?;
        Ok(match taken.accepted {
            Accepted::New => {
                let reason = taken.remark.map(|cause| cause.to_string());
                Answer { reason, ..Answer::about(Status::Accepted, photo) }
            }
            Accepted::Duplicate { .. } => Answer::about(Status::Duplicate, photo),
        })
    }
}

async fn webhook(
    request: HttpRequest,
    payload: web::Payload,
    door: web::Data<Door>,
) -> HttpResponse {
    door.take(&request, payload).await
}
