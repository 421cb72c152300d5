//! `/sessions`: the upload sessions that were made here. A session's link lets whoever has it
//! upload: it is shown where it is asked for, to whom may make sessions.

mod make;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{ToSchema, openapi::Required};

pub(in crate::console) use self::make::kept;
use super::{
    Api, Scope, caller,
    facts::Cause,
    operation::Operation,
    page,
    problem::Problem,
    query::{PAGED, Page, Query},
};
use crate::{
    model::{Environment, Mode, OwnSession, SessionLink},
    sessions::{self, Qr},
};

/// Longest wait for Apertur.
const PATIENCE: Duration = Duration::from_mins(1);

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
struct Sessions {
    /// The latest made first.
    items: Vec<Session>,
    /// Leads to the next page; null on the last one.
    next_cursor: Option<String>,
}

/// An upload session that was made here.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// What stands for it in addresses. The id itself works like a password and is not shown.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    mark: String,
    /// Its short name for people.
    #[schema(example = "session~1a2b3c4d")]
    name: String,
    /// What a person called it.
    label: Option<String>,
    /// The record that its photos belong to.
    #[schema(example = "odoo:res.partner:42")]
    target: String,
    /// The destination whose record is meant, where one was named.
    destination: Option<String>,
    /// How visible its photos are there; null leaves it to the destination.
    mode: Option<String>,
    /// Which Apertur it lives in.
    environment: Place,
    state: Life,
    /// Whether its photos wait at Apertur until they are polled for.
    polled: bool,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// When a person closed it.
    closed_at: Option<Timestamp>,
}

/// A session with its link, for who may operate.
#[derive(Debug, Serialize, ToSchema)]
struct Shown {
    #[serde(flatten)]
    session: Session,
    /// Where guests upload; null without the scope `operate`, or where it was not kept.
    link: Option<String>,
}

/// A session that was closed.
#[derive(Debug, Serialize, ToSchema)]
struct Closed {
    #[serde(flatten)]
    session: Session,
    /// Why its link still works until `expires_at`, if it does: Apertur did not end it.
    left_open: Option<Cause>,
}

/// Which Apertur a session lives in.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Place {
    Live,
    Sandbox,
}

/// Whether a session takes photos.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Life {
    Open,
    Closed,
    Ended,
}

impl Session {
    fn new(own: &OwnSession, now: Timestamp) -> Self {
        let word = |mode: Mode| mode.word_at(Some(&own.target)).to_owned();
        Self {
            mark: own.session.mark(),
            name: own.session.to_string(),
            label: own.label.clone(),
            target: own.target.to_string(),
            destination: own.destination.as_ref().map(ToString::to_string),
            mode: own.mode.map(word),
            environment: match own.environment {
                Environment::Live => Place::Live,
                Environment::Sandbox => Place::Sandbox,
            },
            state: match (own.is_open(now), own.closed_at) {
                (true, _) => Life::Open,
                (false, Some(_)) => Life::Closed,
                (false, None) => Life::Ended,
            },
            polled: own.long_polling,
            created_at: own.created_at,
            expires_at: as_kept(own.expires_at),
            closed_at: own.closed_at,
        }
    }
}

/// A time as the journal keeps it, in whole milliseconds.
fn as_kept(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// The operations below `/sessions`.
pub(super) fn operations() -> Vec<Operation> {
    let list = ("listSessions", "List the sessions that were made here");
    let make = ("makeSession", "Make a session for a record");
    let show = ("showSession", "Show a session");
    let close = ("closeSession", "End a session: its link stops working within an hour");
    let qr = ("drawSession", "Draw the QR code of a session's link");
    let refused = |operation: Operation| {
        operation
            .fails(
                409,
                "Apertur cannot be asked as it stands, for example without apertur.api_key.",
            )
            .fails(504, "Apertur takes too long; what was begun goes on.")
    };
    vec![
        Operation::get("/sessions", Scope::Read, list, self::list)
            .asked::<Page>()
            .gives_with::<Sessions>(200, "A page of sessions.", page::LINK),
        refused(Operation::post("/sessions", Scope::Operate, make, make::make))
            .takes::<make::Wished>(Required::True)
            .gives_with::<Shown>(201, "The session, with its link.", make::LOCATION)
            .fails(502, "Apertur refuses."),
        Operation::get("/sessions/{session}", Scope::Read, show, self::show)
            .gives::<Shown>(200, "The session."),
        refused(Operation::post("/sessions/{session}/close", Scope::Operate, close, self::close))
            .gives::<Closed>(200, "The session as it is now."),
        Operation::get("/sessions/{session}/qr", Scope::Operate, qr, draw)
            .gives_file("The QR code; with `Accept: image/png` a picture.", &QR_TYPES)
            .fails(406, "It is drawn as SVG or PNG.")
            .fails(410, "The link was not kept."),
    ]
}

const QR_TYPES: [&str; 2] = ["image/svg+xml", "image/png"];

async fn list(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    let page = Query::read(request.query_string(), &PAGED)?.page()?;
    let list = page::of("sessions", &());
    let all = api.ops.journal.sessions().await?;
    let after = page.after(&list)?;
    // A session that is gone since still says where its page ended.
    let is_later = |own: &&OwnSession| after.as_ref().is_none_or(|after| place(own) < *after);
    let mut found: Vec<_> = all.iter().collect();
    found.sort_by_cached_key(|own| std::cmp::Reverse(place(own)));
    let found: Vec<_> = found.into_iter().filter(is_later).take(page.size() + 1).collect();
    let is_last = found.len() <= page.size();
    let found = found.get(..page.size()).unwrap_or(&found);
    let last = found.last().filter(|_| !is_last).map(|own| place(own));
    let now = api.ops.clock.now();
    let items = found.iter().map(|own| Session::new(own, now)).collect();
    let next = page::Next::new(&request, &list, last, None);
    Ok(next.linked(&Sessions { items, next_cursor: next.cursor() }))
}

/// Where a session stands in the list: by its making.
fn place(own: &OwnSession) -> String {
    let at = own.created_at.as_millisecond().max(0);
    format!("{at:015} {}", own.session.mark())
}

async fn show(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let own = api.session(&part).await?;
    let may_see = caller(&request).is_some_and(|caller| caller.scope >= Scope::Operate);
    let link = own.link.as_ref().filter(|_| may_see).map(SessionLink::reveal);
    let session = Session::new(&own, api.ops.clock.now());
    Ok(HttpResponse::Ok().json(Shown { session, link: link.map(ToOwned::to_owned) }))
}

async fn close(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let own = api.session(&part).await?;
    api.may_ask_apertur()?;
    let (apertur, ops) = (api.apertur.clone(), api.ops.clone());
    let work = async move {
        let now = ops.clock.now();
        let closed = sessions::close(&apertur, &own, now).await.map_err(|error| {
            Problem::conflict(error.to_string(), "close it with the key that it was made with")
        })?;
        ops.keep_session(closed.own.clone()).await?;
        let left_open = closed.left_open.map(|error| Cause::from(&error.cause));
        Ok::<_, Problem>(Closed { session: Session::new(&closed.own, now), left_open })
    };
    Ok(HttpResponse::Ok().json(api.finished(work, PATIENCE).await??))
}

async fn draw(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let own = api.session(&part).await?;
    let accept = request.headers().get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let takes = |wanted: &str| {
        let mut types = accept.split(',').filter_map(|one| one.split(';').next()).map(str::trim);
        types.any(|one| one.eq_ignore_ascii_case(wanted))
    };
    let [svg, png] = QR_TYPES;
    let is_svg = takes(svg) || (!takes(png) && (takes("*/*") || takes("image/*")));
    if !is_svg && !takes(png) {
        return Err(Problem::not_acceptable("image/svg+xml or image/png"));
    }
    let Some(link) = &own.link else {
        return Err(Problem::gone("the link of this session was not kept", "make a new session"));
    };
    let drawn = |error: sessions::QrError| Problem::internal(&error.to_string());
    let code = Qr::of(link).map_err(drawn)?;
    let mut response = HttpResponse::Ok();
    Ok(match is_svg {
        true => response.content_type(svg).body(code.svg()),
        false => response.content_type(png).body(code.png().map_err(drawn)?),
    })
}

impl Api {
    /// The session of a mark, or of a short name.
    async fn session(&self, name: &str) -> Result<OwnSession, Problem> {
        let all = self.ops.journal.sessions().await?;
        // An id has no place in an address.
        let found = sessions::named(&all, name).ok().filter(|own| own.session.reveal() != name);
        found.cloned().ok_or_else(|| {
            Problem::not_found("there is no session of that mark", "see /api/v1/sessions")
        })
    }

    /// Whether there is a key to ask Apertur with.
    fn may_ask_apertur(&self) -> Result<(), Problem> {
        if self.apertur.settings().api_key.is_some() {
            return Ok(());
        }
        let what = "there is no API key to ask Apertur with";
        Err(Problem::conflict(what, "set apertur.api_key"))
    }
}
