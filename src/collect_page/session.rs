//! The page of one session: its QR code and link, and where its photos stand.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::{
    CollectPage, Desk,
    enter::{Entered, not_found},
    link::Link,
    page,
    progress::{self, Photo},
    record::PATIENCE,
    trouble::Trouble,
    visit::{Visit, form},
    words::Words,
};
use crate::{
    destinations::{Language, Record},
    model::{Cause, ErrorKind, Filter, Mode, OwnSession},
    pages::{Fields, html, see},
    sessions::{self, Messenger, Qr, Sent},
    telemetry::Fact,
};

/// Most deliveries that are looked at of one session.
const MOST: usize = 2_000;
/// Longest name of a photo that is shown, in characters.
const MAX_NAME: usize = 60;
/// Longest wait for the record's name: everything else on the page is known without.
const NAMED_AT_ONCE: Duration = Duration::from_secs(5);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It is there.
    Sent,
    /// It is there, and the customer is not told.
    Followers,
    /// It may be there.
    Unknown,
    /// It is not there.
    Failed(ErrorKind),
}

impl Told {
    /// Whether surely nothing was sent: then the form may be sent again.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// The word for an address.
    fn word(self) -> String {
        match self {
            Self::Sent => "sent".to_owned(),
            Self::Followers => "followers".to_owned(),
            Self::Unknown => "unknown".to_owned(),
            Self::Failed(kind) => format!("failed-{kind}"),
        }
    }
}

type Parts = (String, String);

/// `GET /collect/{link}/{session}`.
pub(super) async fn show(
    request: HttpRequest,
    parts: web::Path<Parts>,
    page: web::Data<CollectPage>,
) -> HttpResponse {
    let visit = Visit::new(&request, &page);
    let asked = Fields::parse(request.query_string().as_bytes());
    let shown = page.session_page(&visit, &parts, &asked).await;
    visit.answer(&page, shown)
}

/// `GET /collect/{link}/{session}/qr.svg`.
pub(super) async fn qr(parts: web::Path<Parts>, page: web::Data<CollectPage>) -> HttpResponse {
    let found = page.session(&parts).await;
    let link = found.ok().and_then(|(_, own)| own.link);
    match link.and_then(|link| Qr::of(&link).ok()) {
        Some(qr) => HttpResponse::Ok().content_type("image/svg+xml").body(qr.svg()),
        None => not_found(),
    }
}

/// `GET /collect/{link}/{session}/progress`: where the photos stand, for the script.
pub(super) async fn progress(
    request: HttpRequest,
    parts: web::Path<Parts>,
    page: web::Data<CollectPage>,
) -> HttpResponse {
    let visit = Visit::new(&request, &page);
    let said = async {
        let (entered, own) = page.session(&parts).await?;
        page.progress(&entered, &own, visit.words).await
    };
    match said.await {
        Ok(progress) => HttpResponse::Ok().json(progress),
        Err(trouble) => {
            let (title, text) = trouble.said(visit.words);
            let message = format!("{title}. {text}");
            HttpResponse::build(trouble.status()).json(serde_json::json!({ "message": message }))
        }
    }
}

/// `POST /collect/{link}/{session}/send`: tells the record's people of the link.
pub(super) async fn send(
    request: HttpRequest,
    parts: web::Path<Parts>,
    payload: web::Payload,
    page: web::Data<CollectPage>,
) -> HttpResponse {
    let visit = Visit::new(&request, &page);
    let shown = match form(payload).await {
        Ok(asked) => Arc::clone(&page).send(&visit, &parts, &asked).await,
        Err(trouble) => Err(trouble),
    };
    visit.answer(&page, shown)
}

/// `POST /collect/{link}/{session}/close`.
pub(super) async fn close(
    request: HttpRequest,
    parts: web::Path<Parts>,
    page: web::Data<CollectPage>,
) -> HttpResponse {
    let visit = Visit::new(&request, &page);
    let shown = page.close(&visit, &parts).await;
    visit.answer(&page, shown)
}

/// What the page of a session shows.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) entered: &'a Entered<'a>,
    pub(super) record: &'a Record,
    pub(super) own: &'a OwnSession,
    pub(super) progress: &'a Progress,
    /// How visible its photos are.
    pub(super) mode: Option<Mode>,
    /// Whether it was closed here and Apertur goes on with it.
    pub(super) lives_on: bool,
    /// Whether nobody brings its photos at once.
    pub(super) is_slow: bool,
    /// Lets the link be sent once.
    pub(super) form: String,
    /// What came of the form that was sent before, and whether it went well.
    pub(super) said: Option<(String, bool)>,
}

/// Where a session's photos stand, in words.
#[derive(Debug, Serialize)]
pub(super) struct Progress {
    pub(super) open: bool,
    /// Whether nothing more happens.
    pub(super) done: bool,
    pub(super) summary: String,
    pub(super) photos: Vec<Line>,
}

/// Where one photo stands, in words.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) state: &'static str,
    /// `Photo 1`.
    pub(super) title: String,
    /// What the guest's device called it.
    pub(super) name: String,
    pub(super) standing: &'static str,
    /// Why it is not on the record.
    pub(super) cause: &'static str,
}

impl CollectPage {
    /// The session of an address, of the record of its link.
    async fn session(&self, (link, session): &Parts) -> Result<(Entered<'_>, OwnSession), Trouble> {
        let entered = self.entered(link)?;
        let Link { target, destination, .. } = &entered.link;
        let own = self.behind.journal.session_of(target, destination, session).await?;
        let own = own.ok_or(Trouble::NoSession)?;
        Ok((entered, own))
    }

    async fn session_page(
        &self,
        visit: &Visit,
        parts: &Parts,
        asked: &Fields,
    ) -> Result<HttpResponse, Trouble> {
        let (entered, own) = self.session(parts).await?;
        let record = self.named(&entered, visit.words).await;
        let progress = self.progress(&entered, &own, visit.words).await?;
        let shown = Shown {
            form: self.told.form(&self.key, &about(&own)),
            said: said(asked.text("said"), visit.words),
            mode: entered.desk.mode(&own),
            lives_on: sessions::lives_on(&own, self.now()),
            is_slow: self.is_slow(&own),
            entered: &entered,
            record: &record,
            own: &own,
            progress: &progress,
        };
        Ok(html(page::session(visit, &shown)))
    }

    /// The record, by its number alone where its system does not say its name: code, link and
    /// photos are known without.
    async fn named(&self, entered: &Entered<'_>, words: &Words) -> Record {
        let Entered { link, desk, .. } = entered;
        let target = &link.target;
        if let Ok(record) = self.record(entered, NAMED_AT_ONCE).await {
            return record;
        }
        let stale = self.names.stale_record(&desk.name, target);
        stale.unwrap_or_else(|| Record { target: target.clone(), name: words.record(target) })
    }

    /// Whether the photos of a session come only by the check for those that never came: they
    /// wait to be polled for, and nobody polls, or none of its destinations posts to us.
    fn is_slow(&self, own: &OwnSession) -> bool {
        let polls = self.behind.apertur.settings().poll;
        if own.long_polling { !polls } else { self.names.is_unposted(&own.session) }
    }

    async fn progress(
        &self,
        entered: &Entered<'_>,
        own: &OwnSession,
        words: &Words,
    ) -> Result<Progress, Trouble> {
        let now = self.now();
        let filter = Filter { session: Some(own.session.clone()), ..Filter::default() };
        let deliveries = self.behind.journal.list(&filter, None, MOST).await?;
        let photos = progress::photos(&deliveries, &entered.link.destination);
        let landed = photos.iter().filter(|photo| photo.is_landed()).count();
        let open = own.is_open(now);
        let summary = match photos.len() {
            0 if open => words.none_yet.to_owned(),
            0 => words.none_came.to_owned(),
            all => (words.landed_of)(landed, all),
        };
        Ok(Progress {
            open,
            done: progress::is_done(own, &photos, now),
            summary,
            photos: photos.iter().enumerate().map(|(at, photo)| line(at, photo, words)).collect(),
        })
    }

    async fn send(
        self: Arc<Self>,
        visit: &Visit,
        parts: &Parts,
        asked: &Fields,
    ) -> Result<HttpResponse, Trouble> {
        let (entered, own) = self.session(parts).await?;
        let address = address(visit, &entered, &own);
        let sent = self.told.read(&self.key, asked.text("form"), &about(&own));
        let Some(sent) = sent else { return Ok(see(format!("{address}?said=stale"))) };
        let language = Language::parse(asked.text("language")).unwrap_or(visit.language);
        let gate = || self.gates.tells.pass(&own.target.record());
        let work = Arc::clone(&self).tell(entered.desk.clone(), own.clone(), language);
        let told = match self.told.outcome(sent, gate, work).await {
            Ok(told) => told.unwrap_or(Told::Unknown),
            Err(_) => Told::Failed(ErrorKind::RateLimited),
        };
        Ok(see(format!("{address}?said={}", told.word())))
    }

    async fn tell(self: Arc<Self>, desk: Desk, own: OwnSession, language: Language) -> Told {
        let is_to_customer = desk.mode(&own) == Some(Mode::Contact);
        let by = Messenger::new(desk.name, desk.destination);
        let (told, cause) = match by.send(&own, language).await {
            Sent::Done(receipt) if is_to_customer && receipt.note.is_some() => {
                return Told::Followers;
            }
            Sent::Done(_) => return Told::Sent,
            Sent::Unknown(cause) => (Told::Unknown, cause),
            Sent::Refused(cause) | Sent::Failed(cause) => (Told::Failed(cause.kind), cause),
        };
        let destination = Some(by.name());
        self.behind.telemetry.emit(&Fact::CollectFailed { destination, cause: &cause });
        told
    }

    async fn close(&self, visit: &Visit, parts: &Parts) -> Result<HttpResponse, Trouble> {
        let (entered, own) = self.session(parts).await?;
        let address = address(visit, &entered, &own);
        let now = self.now();
        let failed = |cause: &Cause| {
            self.behind.telemetry.emit(&Fact::CollectFailed { destination: None, cause });
        };
        let closing = sessions::close(&self.behind.apertur, &own, now);
        let (own, left_open) = match tokio::time::timeout(PATIENCE, closing).await {
            Ok(Ok(closed)) => (closed.own, closed.left_open.map(|error| error.cause)),
            Ok(Err(other)) => {
                failed(&Cause::new(ErrorKind::NotAllowed, other.to_string(), ""));
                return Err(Trouble::NotEnded);
            }
            Err(_) => {
                let what = "Apertur did not close a session in time";
                let cause = Cause::new(ErrorKind::Timeout, what, "close it again");
                (OwnSession { closed_at: own.closed_at.or(Some(now)), ..own }, Some(cause))
            }
        };
        self.behind.journal.keep_session(own).await?;
        if let Some(cause) = left_open {
            failed(&cause);
        }
        Ok(see(address))
    }
}

impl Photo {
    fn is_landed(&self) -> bool {
        self.standing == progress::Standing::Landed
    }
}

fn address(visit: &Visit, entered: &Entered<'_>, own: &OwnSession) -> String {
    let session = own.session.mark();
    format!("{}/{}/{session}", visit.base, entered.signed.reveal())
}

/// What a form is for that sends a link.
fn about(own: &OwnSession) -> String {
    format!("send {}", own.session.mark())
}

fn line(at: usize, photo: &Photo, words: &Words) -> Line {
    use progress::Standing::{Delayed, Landed, Problem, Received, Sending, Stored};
    let (standing, cause) = match photo.standing {
        Received => (words.standing.received, ""),
        Sending => (words.standing.sending, ""),
        Delayed(kind) => (words.standing.delayed, words.cause(kind)),
        Landed => (words.standing.landed, ""),
        Stored => (words.standing.stored, ""),
        Problem(kind) => (words.standing.problem, words.cause(kind)),
    };
    let name = shortened(photo.filename.as_deref().unwrap_or_default());
    Line { state: photo.standing.as_str(), title: (words.photo)(at + 1), name, standing, cause }
}

/// A name from outside, on one line and not too long.
fn shortened(name: &str) -> String {
    let mut chars = name.chars().filter(|c| !c.is_control());
    let mut short: String = chars.by_ref().take(MAX_NAME).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// What a word in an address says, and whether it is good news.
fn said(word: &str, words: &Words) -> Option<(String, bool)> {
    let notes = &words.notes;
    let plain = |text: &str, good| Some((text.to_owned(), good));
    match word {
        "sent" => plain(notes.sent, true),
        "followers" => plain(notes.sent_followers, true),
        "unknown" => plain(notes.send_unknown, false),
        "stale" => plain(notes.stale, false),
        other => {
            let kind = ErrorKind::parse(other.strip_prefix("failed-")?)?;
            Some((format!("{} {}", notes.send_failed, words.cause(kind)), false))
        }
    }
}
