//! Runs: changes of many deliveries, how far each is, and stopping one.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::{
    Console,
    access::Scope,
    deliveries::asked::Asked,
    layout::{self, Page, Tab, ago, key, moment, number},
    trouble::Trouble,
    visit::{Form, Here, Visit},
};
use crate::{
    model::{Run, RunId, RunState},
    pages::{html as answer, see},
};

/// Runs that are shown.
const MOST: usize = 100;
/// Most bytes of a filter in an address that leads to its deliveries.
const LONGEST: usize = 2_000;

/// `GET /runs`.
pub(super) async fn list(
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let words = &visit.words.changes;
    let runs = console.ops().runs(MOST).await?;
    let main = html! {
        section.card #runs data-live {
            @if runs.is_empty() { p { (words.none) } }
            ul.rows { @for run in &runs { (row(&visit, run)) } }
        }
    };
    Ok(answer(layout::whole(&visit, &Page::at(&visit, Tab::Runs, main).live())))
}

fn row(visit: &Visit, run: &Run) -> Markup {
    let words = &visit.words.changes;
    html! {
        li {
            div.title {
                a href={ "/runs/" (run.id) } {
                    strong {
                        ((words.run)(&run.id.to_string())) (visit.words.layout.colon)
                        (title(visit, run))
                    }
                }
                (state(visit, run))
            }
            p.facts {
                span { (seen(visit, run)) }
                span { (words.by) " " (run.by) }
                span { (ago(visit, run.started_at)) }
            }
        }
    }
}

/// `GET /runs/{run}`.
pub(super) async fn show(
    id: web::Path<String>,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let run = console.ops().run(number_of(&id)?).await?.ok_or(Trouble::NotFound)?;
    let words = &visit.words.changes;
    let main = html! {
        section.card #run data-live { (standing(&visit, &run)) }
        section.card #tally data-live { (tally(&visit, &run)) }
        div #steps data-live { @if visit.may(Scope::Operate) { (steps(&visit, &run)) } }
        p.actions {
            (these(&visit, &run))
            a.button href="/runs" { (visit.words.layout.place(Tab::Runs)) }
        }
    };
    let heading = format!("{}: {}", (words.run)(&run.id.to_string()), title(&visit, &run));
    let page = Page::at(&visit, Tab::Runs, main).titled(heading);
    let page = if run.state == RunState::Done { page } else { page.live() };
    Ok(answer(layout::whole(&visit, &page)))
}

fn title(visit: &Visit, run: &Run) -> &'static str {
    visit.words.changes.verb(run.verb.as_str()).0
}

fn state(visit: &Visit, run: &Run) -> Markup {
    let class = match run.state {
        RunState::Running => "badge",
        RunState::Stopped => "badge wait",
        RunState::Done => "badge good",
    };
    html! {
        span class=(class) data-run=(run.state.as_str()) { (visit.words.changes.state(run.state)) }
    }
}

fn seen(visit: &Visit, run: &Run) -> String {
    let all = run.matching.max(run.tally.seen());
    (visit.words.changes.seen)(run.tally.seen(), all)
}

/// How far it is, how fast, and who asked for it.
fn standing(visit: &Visit, run: &Run) -> Markup {
    let words = &visit.words.changes;
    let (seen_now, all) = (run.tally.seen(), run.matching.max(run.tally.seen()));
    let elapsed = visit.now.duration_since(run.started_at).as_secs();
    let rate = seen_now / u64::try_from(elapsed).unwrap_or(0).max(1);
    let is_running = run.state == RunState::Running;
    html! {
        p.title { span #how { (seen(visit, run)) } (state(visit, run)) }
        progress value=(if all == 0 { 1 } else { seen_now }) max=(all.max(1))
            aria-label=(words.progress) {}
        @if is_running && rate > 0 {
            p.facts {
                span { ((words.rate)(rate)) }
                span { ((words.remaining)(all.saturating_sub(seen_now) / rate)) }
            }
        }
        dl.settings.about {
            div { dt { (words.by) } dd { (run.by) } }
            div { dt { (words.began) } dd { (moment(run.started_at)) } }
            @if let Some(reason) = run.verb.reason() {
                div { dt { (words.reason) } dd { (layout::own(visit, reason.as_str())) } }
            }
        }
    }
}

/// What became of those looked at.
fn tally(visit: &Visit, run: &Run) -> Markup {
    let (words, tally) = (&visit.words.changes, &run.tally);
    let line = |name: &str, count: u64| {
        html! { div { dt { (name) } dd { (number(count)) } } }
    };
    html! {
        dl.settings.about {
            (line(words.changed, tally.done))
            @if tally.fetching > 0 { (line(words.fetching, tally.fetching)) }
            @if tally.routed > 0 { (line(words.routed, tally.routed)) }
            @if tally.left() > 0 { (line(words.left, tally.left())) }
            @for (left, count) in &tally.left { (line(words.why(*left), *count)) }
            @if tally.failed > 0 { (line(words.failed, tally.failed)) }
        }
    }
}

/// Stops it, or lets it go on.
fn steps(visit: &Visit, run: &Run) -> Markup {
    let words = &visit.words.changes;
    let (step, word) = match run.state {
        RunState::Running => ("stop", words.stop),
        RunState::Stopped => ("resume", words.resume),
        RunState::Done => return Markup::default(),
    };
    html! {
        form.actions method="post" action={ "/runs/" (run.id) "/" (step) } {
            (key(visit))
            button id=(step) type="submit" { (word) }
        }
    }
}

/// The way to its deliveries as they stand now; a state that it asked for they may have left.
fn these(visit: &Visit, run: &Run) -> Markup {
    if let Some(photo) = &run.filter.photo {
        let to = crate::pages::encoded(photo.as_str());
        return html! { a.button #these href={ "/photos/" (to) } {
            (visit.words.deliveries.photo)
        } };
    }
    let query = Asked::of(&run.filter).with("state", "").with("error", "").query();
    html! {
        @if query.len() <= LONGEST {
            a.button #these href={ "/deliveries?" (query) } { (visit.words.changes.these) }
        }
    }
}

/// `POST /runs/{run}/stop`.
pub(super) async fn stop(
    id: web::Path<String>,
    console: web::Data<Console>,
    _form: Form,
) -> Result<HttpResponse, Trouble> {
    let run = console.ops().stop(number_of(&id)?).await?.ok_or(Trouble::NotFound)?;
    Ok(see(format!("/runs/{}", run.id)))
}

/// `POST /runs/{run}/resume`.
pub(super) async fn resume(
    id: web::Path<String>,
    console: web::Data<Console>,
    _form: Form,
) -> Result<HttpResponse, Trouble> {
    let run = console.ops().resume(number_of(&id)?).await?.ok_or(Trouble::NotFound)?;
    Ok(see(format!("/runs/{}", run.id)))
}

fn number_of(text: &str) -> Result<RunId, Trouble> {
    text.parse().map(RunId).map_err(|_| Trouble::NotFound)
}
