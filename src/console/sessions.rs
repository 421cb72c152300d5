//! The upload sessions that were made here: their photos, their links and QR codes, and making
//! and closing one. A session's link lets whoever has it upload: it is shown to who may make one.

mod make;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

pub(super) use self::make::{make, new};
use super::{
    Console,
    access::Scope,
    layout::{self, Page, Tab, ago, key, moment, what},
    trouble::Trouble,
    visit::{Form, Here, Visit},
};
use crate::{
    model::{Delivery, Environment, Filter, Mode, OwnSession, SessionLink},
    pages::{Fields, encoded, html as answer, see},
    sessions::{self, Qr, lives_on},
};

/// Sessions on a page.
const PAGE: usize = 50;
/// Most deliveries of a session that are shown.
const MOST: usize = 200;
/// Longest wait for Apertur.
const PATIENCE: Duration = Duration::from_mins(1);

/// `GET /sessions`.
pub(super) async fn list(
    request: HttpRequest,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let asked = Fields::parse(request.query_string().as_bytes());
    let from: usize = asked.text("from").parse().unwrap_or(0);
    let words = &visit.words.sessions;
    let all = console.ops().journal.sessions().await?;
    let mut rows = Vec::new();
    for own in all.iter().skip(from).take(PAGE) {
        rows.push((own, console.ops().journal.photos_of(&own.session).await?));
    }
    let next = from.saturating_add(PAGE);
    let main = html! {
        @if visit.may(Scope::Operate) && console.makes_sessions() {
            p.actions { a.button.primary href="/sessions/new" { (words.new) } }
        }
        section.card #sessions data-live {
            @if all.is_empty() { p { (words.none) } }
            ul.rows { @for (own, photos) in rows { (row(&visit, own, photos)) } }
        }
        @if all.len() > next {
            p { a.button href={ "/sessions?from=" (next) } { (words.older) } }
        }
    };
    Ok(answer(layout::whole(&visit, &Page::at(&visit, Tab::Sessions, main).live())))
}

fn row(visit: &Visit, own: &OwnSession, photos: u64) -> Markup {
    let words = &visit.words.sessions;
    html! {
        li {
            div.title {
                a href={ "/sessions/" (own.session.mark()) } { strong { (name(own)) } }
                @if own.label.is_some() { span.hint { (own.target) } }
                (state(visit, own))
            }
            p.facts {
                span { ((words.photos)(photos)) }
                span { (words.made) " " (ago(visit, own.created_at)) }
                span { (ends(visit, own)) " " (ago(visit, own.ended_at())) }
            }
        }
    }
}

/// What people call a session: its label, else its record.
fn name(own: &OwnSession) -> String {
    own.label.clone().unwrap_or_else(|| own.target.to_string())
}

fn ends(visit: &Visit, own: &OwnSession) -> &'static str {
    let words = &visit.words.sessions;
    if own.is_open(visit.now) { words.ends } else { words.ended }
}

fn state(visit: &Visit, own: &OwnSession) -> Markup {
    let words = &visit.words.sessions;
    let (class, word) = if lives_on(own, visit.now) {
        ("badge wait", words.closed)
    } else if own.is_open(visit.now) {
        ("badge good", words.open)
    } else if own.closed_at.is_some() {
        ("badge", words.closed)
    } else {
        ("badge", words.over)
    };
    html! {
        span class=(class) { (word) }
        @if own.environment == Environment::Sandbox { " " span.badge.wait { "sandbox" } }
    }
}

/// `GET /sessions/{mark}`.
pub(super) async fn show(
    mark: web::Path<String>,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let own = console.session(&mark).await?;
    let filter = Filter { session: Some(own.session.clone()), ..Filter::default() };
    let deliveries = console.ops().list(&filter, None, MOST).await?;
    let photos = console.ops().journal.photos_of(&own.session).await?;
    let may = visit.may(Scope::Operate);
    let link = own.link.as_ref().filter(|_| may && own.is_open(visit.now));
    let words = &visit.words.sessions;
    let main = html! {
        div.columns {
            section.card {
                (facts(&visit, &own))
                @if lives_on(&own, visit.now) { p.note.warn { (words.lives_on) } }
                @if let Some(link) = link { (code(&visit, &own, link)) }
                @if may && (own.is_open(visit.now) || lives_on(&own, visit.now)) {
                    form.actions method="post" data-once
                        action={ "/sessions/" (own.session.mark()) "/close" } {
                        (key(&visit))
                        button.danger #close type="submit" { (words.close) }
                        span.hint { (words.close_hint) }
                    }
                }
            }
            section.card #photos data-live {
                h2 { ((words.photos)(photos)) }
                @if deliveries.is_empty() { p { (words.no_photos) } }
                ul.rows { @for one in &deliveries { (delivery(&visit, one)) } }
            }
        }
        p.actions { a.button href="/sessions" { (words.all) } }
    };
    let page = Page::at(&visit, Tab::Sessions, main).titled(name(&own)).live();
    Ok(answer(layout::whole(&visit, &page)))
}

fn facts(visit: &Visit, own: &OwnSession) -> Markup {
    let words = &visit.words.sessions;
    html! {
        p { (state(visit, own)) }
        dl.settings.about {
            div { dt { (words.record) } dd { (own.target) } }
            @if let Some(to) = &own.destination { div { dt { (words.destination) } dd { (to) } } }
            @if let Some(mode) = own.mode {
                div { dt { (words.mode) } dd { (mode_of(visit, mode)) } }
            }
            div { dt { (words.made) } dd { (moment(own.created_at)) } }
            div { dt { (ends(visit, own)) } dd { (moment(own.ended_at())) } }
        }
    }
}

fn mode_of(visit: &Visit, mode: Mode) -> &'static str {
    let [contact, internal, public] = visit.words.sessions.modes;
    match mode {
        Mode::Contact => contact,
        Mode::Internal => internal,
        Mode::Public => public,
    }
}

fn code(visit: &Visit, own: &OwnSession, link: &SessionLink) -> Markup {
    let words = &visit.words.sessions;
    html! {
        img #qr src={ "/sessions/" (own.session.mark()) "/qr.svg" } alt=(words.qr) width="280"
            height="280";
        label for="link" { (words.link) }
        div.actions {
            input #link type="text" readonly value=(link.reveal()) spellcheck="false";
            button #copy type="button" hidden data-copied=(words.copied) { (words.copy) }
        }
        p #copied.unseen role="status" {}
    }
}

fn delivery(visit: &Visit, delivery: &Delivery) -> Markup {
    let photo = &delivery.photo;
    html! {
        li {
            div.title {
                a href={ "/photos/" (encoded(photo.id.as_str())) } {
                    (photo.filename.as_deref().unwrap_or(photo.id.as_str()))
                }
                span.badge data-state=(delivery.state.as_str()) {
                    (visit.words.layout.state(delivery.state))
                }
            }
            p.facts {
                @if let Some(to) = &delivery.destination { span { (to) } }
                span { (ago(visit, photo.received_at)) }
            }
            @if let Some(cause) = &delivery.cause { p.hint { (what(visit, cause)) } }
        }
    }
}

/// `GET /sessions/{mark}/qr.svg`.
pub(super) async fn qr(
    mark: web::Path<String>,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let own = console.session(&mark).await?;
    let code = own.link.as_ref().and_then(|link| Qr::of(link).ok()).ok_or(Trouble::NotFound)?;
    Ok(HttpResponse::Ok().content_type("image/svg+xml").body(code.svg()))
}

/// `POST /sessions/{mark}/close`: here at once, at Apertur as soon as it lets us.
pub(super) async fn close(
    mark: web::Path<String>,
    console: web::Data<Console>,
    _form: Form,
) -> Result<HttpResponse, Trouble> {
    let own = console.session(&mark).await?;
    let address = format!("/sessions/{}", own.session.mark());
    let (apertur, ops) = (console.behind.apertur.clone(), console.ops().clone());
    let closing = async move {
        let closed = sessions::close(&apertur, &own, ops.clock.now()).await;
        let closed = closed.map_err(|error| Trouble::failed(&error))?;
        ops.keep_session(closed.own).await?;
        Ok::<_, Trouble>(closed.left_open)
    };
    match console.finished(closing, PATIENCE).await?? {
        None => Ok(see(address)),
        Some(error) => Err(Trouble::of_cause(&error.cause)),
    }
}

impl Console {
    /// The session of this mark.
    async fn session(&self, mark: &str) -> Result<OwnSession, Trouble> {
        let all = self.ops().journal.sessions().await?;
        all.into_iter().find(|own| own.session.mark() == mark).ok_or(Trouble::NotFound)
    }

    /// Whether there is a key with which sessions are made.
    fn makes_sessions(&self) -> bool {
        self.behind.apertur.settings().api_key.is_some()
    }
}
