//! The deliveries: found by the filter, newest first, and chosen for a change.

pub(super) mod asked;
mod change;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use self::asked::{Asked, FIELDS, Unclear, box_of};
pub(super) use self::change::{begin, preview};
use super::{
    Console,
    access::Scope,
    layout::{self, Page, STATES, Tab, ago, number, what},
    trouble::Trouble,
    visit::{Here, Visit},
    words::kind,
};
use crate::{
    journal::{Count, JournalError},
    model::{Delivery, DeliveryId, DeliveryState, ErrorKind, Filter, OwnSession},
    pages::{Fields, encoded, html as answer},
};

/// Deliveries on a page.
const PAGE: usize = 50;
/// What is neither at its end nor held.
const UNDERWAY: &str = "waiting,due,sending";

/// What the list shows.
#[derive(Debug, Default)]
struct List {
    rows: Vec<Delivery>,
    /// Whether there are older ones.
    has_more: bool,
    /// Counts of what the filter finds in any state.
    counts: Vec<Count>,
    unclear: Option<Unclear>,
}

/// `GET /deliveries`.
pub(super) async fn list(
    request: HttpRequest,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let fields = Fields::parse(request.query_string().as_bytes());
    let sessions = console.sessions_for(&fields).await?;
    let asked = Asked::filter_of(&fields, &sessions);
    let before = fields.text("before").parse().ok().map(DeliveryId);
    let list = look(&console, &asked, &sessions, before).await?;
    let main = html! {
        (filter(&visit, &console, &asked, &list))
        section #counts data-live { (counts(&visit, &asked, &list)) }
        @if before.is_none() {
            p #news.note role="status" data-new=(visit.words.deliveries.newer) {}
        }
        @if list.rows.is_empty() {
            section.card #none { p { (visit.words.deliveries.none) } }
        } @else {
            (table(&visit, &asked, &list))
        }
        @if let Some(last) = list.rows.last().filter(|_| list.has_more) {
            @let to = asked.query();
            p { a #older.button href={ "/deliveries?" (to) "&before=" (last.id) } {
                (visit.words.deliveries.older)
            } }
        }
    };
    let page = Page::at(&visit, Tab::Deliveries, main).live().choosing();
    Ok(answer(layout::whole(&visit, &page)))
}

async fn look(
    console: &Console,
    asked: &Asked,
    sessions: &[OwnSession],
    before: Option<DeliveryId>,
) -> Result<List, JournalError> {
    let in_any_state = asked.with("state", "").filter(sessions);
    let (filter, in_any_state) = match (asked.filter(sessions), in_any_state) {
        (Ok(filter), Ok(in_any_state)) => (filter, in_any_state),
        (Err(unclear), _) | (_, Err(unclear)) => {
            return Ok(List { unclear: Some(unclear), ..List::default() });
        }
    };
    // One more than is shown says whether there are older ones.
    let mut rows = console.ops().list(&filter, before, PAGE + 1).await?;
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let counts = console.ops().count(&in_any_state).await?;
    Ok(List { rows, has_more, counts, unclear: None })
}

impl Console {
    /// The sessions that were made here, where a form means one.
    async fn sessions_for(&self, fields: &Fields) -> Result<Vec<OwnSession>, JournalError> {
        match fields.text("session") {
            "" => Ok(Vec::new()),
            _ => self.ops().journal.sessions().await,
        }
    }
}

fn filter(visit: &Visit, console: &Console, asked: &Asked, list: &List) -> Markup {
    let words = &visit.words.deliveries;
    html! {
        form.card #filter method="get" action="/deliveries" {
            div.fields {
                (field(visit, asked, "text", "search"))
                div.actions {
                    button.primary #show type="submit" { (words.show) }
                    a.button href="/deliveries" { (words.clear) }
                }
            }
            details #more open[list.unclear.is_some()] {
                summary {
                    (words.filter)
                    @for name in FIELDS.into_iter().filter(|name| *name != "text") {
                        @let text = asked.text(name);
                        @if !text.is_empty() { " · " (said(visit, name, text)) }
                    }
                }
                (others(visit, console, asked, list))
            }
            @if let Some(Unclear(name)) = list.unclear {
                p.note.bad #invalid role="alert" { ((words.invalid)(words.field(name))) }
            }
        }
    }
}

/// The fields of the filter that are needed less often.
fn others(visit: &Visit, console: &Console, asked: &Asked, list: &List) -> Markup {
    let setup = console.behind.setup.load();
    let places = setup.destinations.iter().map(|place| place.name.as_str());
    let kinds = list.counts.iter().filter_map(|count| Some(count.error?.as_str()));
    let states = [UNDERWAY].into_iter().chain(STATES.map(DeliveryState::as_str));
    html! {
        div.fields {
            (choice(visit, asked, "state", states.collect()))
            (choice(visit, asked, "destination", places.collect()))
            (field(visit, asked, "target", "text"))
            (field(visit, asked, "session", "text"))
            (choice(visit, asked, "error", kinds.collect()))
            (field(visit, asked, "since", "datetime-local"))
            (field(visit, asked, "until", "datetime-local"))
            @if !asked.text("photo").is_empty() { (field(visit, asked, "photo", "text")) }
        }
    }
}

fn field(visit: &Visit, asked: &Asked, name: &str, kind: &str) -> Markup {
    html! {
        div {
            label for=(name) { (visit.words.deliveries.field(name)) }
            input id=(name) type=(kind) name=(name) value=(asked.text(name)) autocomplete="off"
                spellcheck="false" minlength=[(name == "text").then_some(Filter::MIN_TEXT)];
        }
    }
}

fn choice<'a>(visit: &Visit, asked: &'a Asked, name: &str, mut all: Vec<&'a str>) -> Markup {
    let words = &visit.words.deliveries;
    let chosen = asked.text(name);
    all.push(chosen);
    all.sort_by_key(|one| *one != UNDERWAY);
    let mut known = Vec::new();
    all.retain(|one| {
        !one.is_empty() && !known.contains(one) && {
            known.push(*one);
            true
        }
    });
    html! {
        div {
            label for=(name) { (words.field(name)) }
            select id=(name) name=(name) {
                option value="" { (words.any) }
                @for one in all {
                    option value=(one) selected[one == chosen] { (said(visit, name, one)) }
                }
            }
        }
    }
}

/// What people call a choice.
fn said<'a>(visit: &Visit, name: &str, one: &'a str) -> &'a str {
    let words = match name {
        "state" if one == UNDERWAY => Some(visit.words.deliveries.underway),
        "state" => DeliveryState::parse(one).map(|state| visit.words.layout.state(state)),
        "error" => ErrorKind::parse(one).map(|error| kind(error, visit.language)),
        _ => None,
    };
    words.unwrap_or(one)
}

/// How many there are of each state, each leading to them.
fn counts(visit: &Visit, asked: &Asked, list: &List) -> Markup {
    let words = &visit.words.deliveries;
    let chosen = asked.text("state");
    let sum = |state: Option<DeliveryState>| {
        let these = list.counts.iter().filter(|count| state.is_none_or(|it| it == count.state));
        these.map(|count| count.count).sum::<u64>()
    };
    let link = |word: &'static str, name: &str, count: u64| {
        let here = (chosen == word).then_some("true");
        let to = encoded_query(asked, word);
        html! {
            li { a href=(to) aria-current=[here] { (name) " " span.hint { (number(count)) } } }
        }
    };
    html! {
        nav.spans aria-label=(words.counts) {
            ul {
                (link("", words.all, sum(None)))
                @for state in STATES {
                    @let count = sum(Some(state));
                    @if count > 0 || chosen == state.as_str() {
                        (link(state.as_str(), visit.words.layout.state(state), count))
                    }
                }
            }
        }
    }
}

fn encoded_query(asked: &Asked, state: &'static str) -> String {
    match asked.with("state", state).query() {
        query if query.is_empty() => "/deliveries".to_owned(),
        query => format!("/deliveries?{query}"),
    }
}

fn table(visit: &Visit, asked: &Asked, list: &List) -> Markup {
    let words = &visit.words.deliveries;
    let may = visit.may(Scope::Operate);
    let chosen = asked.text("state");
    let is_in = |count: &&Count| {
        chosen.is_empty() || chosen.split(',').any(|state| state == count.state.as_str())
    };
    let matching = list.counts.iter().filter(is_in).map(|count| count.count).sum();
    html! {
        form.stack #change method="get" action="/deliveries/change" {
            (asked.hidden())
            table.card.list #rows {
                thead {
                    tr {
                        @if may { td {} }
                        th scope="col" { (words.photo) }
                        th scope="col" { (words.state) }
                        th scope="col" { (words.destination) }
                        th scope="col" { (words.received) }
                    }
                }
                tbody { @for delivery in &list.rows { (row(visit, delivery, may)) } }
            }
            @if may { (verbs(visit, matching)) }
        }
    }
}

fn row(visit: &Visit, delivery: &Delivery, may: bool) -> Markup {
    let words = &visit.words.deliveries;
    let name = name(delivery);
    html! {
        tr id={ "d" (delivery.id) } data-row=(delivery.id) data-live {
            @if may {
                td.pick {
                    input type="checkbox" name=(box_of(delivery.id)) value="on"
                        aria-label=((words.choose)(name));
                }
            }
            th scope="row" {
                a href=(story(delivery)) { (name) }
                @if delivery.photo.filename.is_some() { div.hint { (delivery.photo.id) } }
            }
            td {
                (badge(visit, delivery.state))
                @if let Some(cause) = &delivery.cause { div.hint { (what(visit, cause)) } }
            }
            td {
                @match &delivery.destination { Some(to) => (to), None => (words.nobody) }
                @if let Some(target) = &delivery.target { div.hint { (target) } }
            }
            td { (ago(visit, delivery.photo.received_at)) }
        }
    }
}

/// Which deliveries are to be changed, and how.
fn verbs(visit: &Visit, matching: u64) -> Markup {
    let words = &visit.words.deliveries;
    html! {
        fieldset.card.actions {
            legend { (words.change) }
            label {
                input #chosen type="radio" name="of" value="chosen" checked;
                " " (words.chosen)
            }
            label {
                input #all type="radio" name="of" value="all";
                " " ((words.matching)(matching))
            }
            @for word in ["replay", "hold", "release", "drop"] {
                button.danger[word == "drop"] id=(word) type="submit" name="verb" value=(word) {
                    (visit.words.changes.verb(word).0)
                }
            }
        }
    }
}

/// A state as a badge.
pub(super) fn badge(visit: &Visit, state: DeliveryState) -> Markup {
    let class = match state {
        DeliveryState::Delivered => "badge good",
        DeliveryState::Held => "badge bad",
        DeliveryState::Waiting | DeliveryState::Due => "badge wait",
        DeliveryState::Sending | DeliveryState::Dropped => "badge",
    };
    html! {
        span class=(class) data-state=(state.as_str()) { (visit.words.layout.state(state)) }
    }
}

/// Where the story of a delivery's photo is told.
fn story(delivery: &Delivery) -> String {
    format!("/photos/{}", encoded(delivery.photo.id.as_str()))
}

fn name(delivery: &Delivery) -> &str {
    delivery.photo.filename.as_deref().unwrap_or(delivery.photo.id.as_str())
}
