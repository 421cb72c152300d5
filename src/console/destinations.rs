//! The destinations: how each stands, and whether it could take a photo now.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::{
    Console, Place,
    access::Scope,
    layout::{self, Page, Tab, key},
    overview::{badge, facts, why},
    standing::{Standing, standings},
    trouble::Trouble,
    visit::{Form, Here, Visit},
};
use crate::{
    model::{Filter, Finding, Severity},
    pages::html as answer,
};

/// Longest time that the other side may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// `GET /destinations`.
pub(super) async fn show(
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let counts = console.ops().count(&Filter::default()).await?;
    let setup = console.behind.setup.load();
    let all = standings(console.ops(), &setup.destinations, &counts).await?;
    let main = html! {
        div #destinations.stack data-live { @for standing in &all { (card(&visit, standing)) } }
    };
    Ok(answer(layout::whole(&visit, &Page::at(&visit, Tab::Destinations, main).live())))
}

fn card(visit: &Visit, standing: &Standing) -> Markup {
    let words = &visit.words.destinations;
    html! {
        section.card id=(standing.name) {
            div.title {
                h2 { (standing.name) }
                span.hint { (standing.kind) }
                (badge(visit, standing))
            }
            p.hint { (standing.place) }
            (facts(visit, standing))
            (why(visit, standing))
            @if visit.may(Scope::Operate) {
                form.actions method="post" action={ "/destinations/" (standing.name) "/test" }
                    data-once {
                    (key(visit))
                    button type="submit" aria-label={ (words.test) " " (standing.name) } {
                        (words.test)
                    }
                }
            }
        }
    }
}

/// `POST /destinations/{name}/test`: whether it could take a photo now. Nothing is written there.
pub(super) async fn test(
    name: web::Path<String>,
    visit: Here,
    console: web::Data<Console>,
    _form: Form,
) -> Result<HttpResponse, Trouble> {
    let named = |place: &&Place| place.name.as_str() == *name;
    let setup = console.behind.setup.load();
    let place = setup.destinations.iter().find(named).ok_or(Trouble::NotFound)?;
    let words = &visit.words.destinations;
    let probed = tokio::time::timeout(PATIENCE, place.destination.probe()).await;
    let found = probed.unwrap_or_else(|_| {
        let what = format!("no answer within {} s", PATIENCE.as_secs());
        vec![Finding::error("answer", what, "see that it can be reached from this machine")]
    });
    let works = found.iter().all(|finding| finding.severity < Severity::Error);
    let main = html! {
        p #outcome.note.good[works].bad[!works] role="status" {
            @if works { (words.works) } @else { (words.fails) }
        }
        section.card { (findings(&visit, &found)) }
        p.actions {
            a.button href={ "/destinations#" (place.name) } { (words.back) }
            @if !works { a href={ "/deliveries?destination=" (place.name) } { (words.its_photos) } }
        }
    };
    let page = Page::at(&visit, Tab::Destinations, main);
    Ok(answer(layout::whole(&visit, &page.titled((words.test_of)(place.name.as_str())))))
}

/// What a check found, each with what to do.
pub(super) fn findings(visit: &Visit, all: &[Finding]) -> Markup {
    let words = &visit.words.destinations;
    html! {
        ul.rows.findings {
            @for finding in all {
                @let (class, word) = match finding.severity {
                    Severity::Ok => ("badge good", words.ok),
                    Severity::Warning => ("badge wait", words.warning),
                    Severity::Error => ("badge bad", words.error),
                };
                li {
                    div.title {
                        span class=(class) { (word) }
                        strong lang="en" { (finding.subject) }
                    }
                    p lang="en" { (finding.what) }
                    @if !finding.fix.is_empty() { p.fix lang="en" { (finding.fix) } }
                }
            }
        }
    }
}
