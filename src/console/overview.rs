//! The first page: what comes in and what becomes of it, what waits longest, how each destination
//! stands.

mod chart;
mod look;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use self::look::Look;
use super::{
    Console,
    layout::{self, Page, STATES, Tab, ago, lasting, number, what, written},
    standing::Standing,
    trouble::Trouble,
    visit::{Here, Visit},
};
use crate::{
    journal::Pause,
    model::Delivery,
    pages::{Fields, encoded, html as answer},
};

/// `GET /`.
pub(super) async fn show(
    request: HttpRequest,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let asked = Fields::parse(request.query_string().as_bytes());
    let look = look::look(&console, asked.text("span")).await?;
    let main = html! {
        div #states data-live { (states(&visit, &look)) }
        div #oldest data-live { @if let Some(oldest) = &look.oldest { (waits(&visit, oldest)) } }
        section.card #time data-live { (chart::over_time(&visit, &look)) }
        section.card #places data-live {
            h2 { (visit.words.layout.place(Tab::Destinations)) }
            ul.rows { @for standing in &look.standings { (row(&visit, standing)) } }
        }
    };
    Ok(answer(layout::whole(&visit, &Page::at(&visit, Tab::Overview, main).live())))
}

/// How many deliveries are in each state, each leading to them.
fn states(visit: &Visit, look: &Look) -> Markup {
    html! {
        ul.tiles {
            @for state in STATES {
                @let count = look.count(state);
                li data-state=(state.as_str()) data-some[count > 0] {
                    a href={ "/deliveries?state=" (state.as_str()) } {
                        span.number { (number(count)) }
                        span.label { (visit.words.layout.state(state)) }
                    }
                }
            }
        }
    }
}

fn waits(visit: &Visit, oldest: &Delivery) -> Markup {
    let words = &visit.words.overview;
    html! {
        section.card {
            h2 { (words.oldest) }
            p {
                a href=(photo(oldest)) { (name(oldest)) }
                " · " (visit.words.layout.state(oldest.state))
                @if let Some(to) = &oldest.destination { " · " (to) }
                " · " (ago(visit, oldest.photo.received_at))
            }
            @if let Some(cause) = &oldest.cause { p.hint { (what(visit, cause)) } }
        }
    }
}

/// Where the story of a delivery's photo is told.
fn photo(delivery: &Delivery) -> String {
    format!("/photos/{}", encoded(delivery.photo.id.as_str()))
}

fn name(delivery: &Delivery) -> &str {
    delivery.photo.filename.as_deref().unwrap_or(delivery.photo.id.as_str())
}

fn row(visit: &Visit, standing: &Standing) -> Markup {
    let name = &standing.name;
    html! {
        li.place {
            div.title {
                a href={ "/destinations#" (name) } { strong { (name) } }
                span.hint { (standing.kind) }
                (badge(visit, standing))
            }
            (facts(visit, standing))
            (why(visit, standing))
        }
    }
}

/// How much waits for a destination, and when it got something last.
pub(super) fn facts(visit: &Visit, standing: &Standing) -> Markup {
    let words = &visit.words.overview;
    let name = &standing.name;
    html! {
        p.facts {
            a href={ "/deliveries?destination=" (name) "&state=waiting,due,sending" } {
                ((words.underway)(standing.underway))
            }
            @if standing.held > 0 {
                a.bad-text href={ "/deliveries?destination=" (name) "&state=held" } {
                    ((words.held)(standing.held))
                }
            }
            span {
                @match standing.last {
                    Some(at) => { (words.last) " " (ago(visit, at)) }
                    None => (words.never),
                }
            }
        }
    }
}

/// Whether a destination gets photos.
pub(super) fn badge(visit: &Visit, standing: &Standing) -> Markup {
    let words = &visit.words.overview;
    html! {
        @if standing.pause.is_some() { span.badge.wait { (words.paused) } }
        @else if standing.login_needed { span.badge.wait { (words.no_login) } }
        @else { span.badge.good { (words.ok) } }
    }
}

/// Why and since when it gets none, and what to do; nothing where it gets some.
pub(super) fn why(visit: &Visit, standing: &Standing) -> Markup {
    let words = &visit.words.overview;
    html! {
        @if let Some(Pause { since, cause, .. }) = &standing.pause {
            div.why {
                p {
                    (words.since) " " (lasting(visit, *since)) (visit.words.layout.colon)
                    (what(visit, cause))
                }
                @if !cause.detail.is_empty() { p.hint lang="en" { "“" (cause.detail) "”" } }
                @if !cause.fix.is_empty() { p.fix { (written(visit, &cause.fix)) } }
                p.hint { (words.goes_on) }
            }
        } @else if standing.login_needed {
            div.why { p.fix { code { "apertur-bridge destinations login " (standing.name) } } }
        }
    }
}
