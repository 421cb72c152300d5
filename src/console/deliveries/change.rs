//! A change of deliveries: what it would do, then that it is begun.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use super::{asked::Asked, badge};
use crate::{
    console::{
        Console,
        layout::{self, Page, Tab, key, number},
        trouble::Trouble,
        visit::{Form, Here, Visit},
        words::kind,
    },
    journal::JournalError,
    model::{By, Filter, Foreseen, Left, Preview, Reason, Run, RunId, RunState, Verb},
    ops::Ops,
    pages::{Fields, encoded, html as answer, see},
};

/// Longest wait for the journal.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether a short run is done, and how long between.
const LOOKS: u32 = 50;
const MOMENT: Duration = Duration::from_millis(20);

/// What somebody wants to be done.
#[derive(Debug)]
struct Wish {
    /// The verb's word.
    word: &'static str,
    /// Whether a replay takes what is delivered, too.
    force: bool,
    /// All that match instead of those chosen.
    is_all: bool,
    asked: Asked,
    filter: Filter,
}

/// `GET /deliveries/change`: what it would do. Nothing is changed.
pub(in crate::console) async fn preview(
    request: HttpRequest,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let fields = Fields::parse(request.query_string().as_bytes());
    let wish = Wish::read(&console, &fields).await?;
    page(&visit, &console, &wish, false).await
}

/// `POST /deliveries/change`: begins it.
pub(in crate::console) async fn begin(
    visit: Here,
    console: web::Data<Console>,
    form: Form,
) -> Result<HttpResponse, Trouble> {
    let wish = Wish::read(&console, &form).await?;
    if wish.is_nothing() {
        return page(&visit, &console, &wish, false).await;
    }
    let Some(verb) = wish.verb(form.text("reason")) else {
        return page(&visit, &console, &wish, true).await;
    };
    let (ops, by, filter) = (console.ops().clone(), By::new(visit.by()), wish.filter);
    let photo = form.text("back").to_owned();
    let is_short = !photo.is_empty();
    let beginning = async move {
        let run = ops.begin(verb, filter, by).await?;
        // Of one photo the story is next, and should tell of it.
        if is_short {
            is_done(&ops, run.id).await?;
        }
        Ok::<_, Trouble>(run.id)
    };
    let run = console.finished(beginning, PATIENCE).await??;
    Ok(see(match is_short {
        true => format!("/photos/{}", encoded(&photo)),
        false => format!("/runs/{run}"),
    }))
}

/// Waits a moment for a run that is short.
async fn is_done(ops: &Ops, id: RunId) -> Result<(), JournalError> {
    for _ in 0..LOOKS {
        let is_running = |run: &Run| run.state == RunState::Running;
        if !ops.run(id).await?.as_ref().is_some_and(is_running) {
            break;
        }
        ops.clock.sleep_until(ops.clock.after(MOMENT)).await;
    }
    Ok(())
}

impl Wish {
    async fn read(console: &Console, fields: &Fields) -> Result<Self, Trouble> {
        let words = ["replay", "hold", "release", "drop"];
        let word = words.into_iter().find(|word| *word == fields.text("verb"));
        let sessions = console.sessions_for(fields).await?;
        let is_all = fields.text("of") == "all";
        let asked = match is_all {
            true => Asked::filter_of(fields, &sessions),
            false => Asked::boxes_of(fields),
        };
        let filter = asked.filter(&sessions).map_err(|_| Trouble::BadForm)?;
        let word = word.ok_or(Trouble::BadForm)?;
        let force = word == "replay" && fields.text("force") == "on";
        Ok(Self { word, force, is_all, asked, filter })
    }

    fn is_nothing(&self) -> bool {
        !self.is_all && !self.asked.has_boxes()
    }

    /// The verb with its reason; `None` where one is missing or cannot be one.
    fn verb(&self, reason: &str) -> Option<Verb> {
        Some(match (self.word, reason) {
            ("replay", _) => Verb::Replay { force: self.force },
            ("release", _) => Verb::Release,
            ("hold", "") => Verb::Hold { reason: Reason::default() },
            ("hold", reason) => Verb::Hold { reason: Reason::parse(reason).ok()? },
            (_, reason) => Verb::Drop { reason: Reason::parse(reason).ok()? },
        })
    }

    /// It as a query, with or without force.
    fn query(&self, force: bool) -> String {
        let (of, force) =
            (if self.is_all { "all" } else { "chosen" }, if force { "on" } else { "" });
        format!("verb={}&of={of}&force={force}&{}", self.word, self.asked.query())
    }
}

async fn page(
    visit: &Visit,
    console: &Console,
    wish: &Wish,
    is_refused: bool,
) -> Result<HttpResponse, Trouble> {
    let (title, meant) = visit.words.changes.verb(wish.word);
    let words = &visit.words.changes;
    let back = match wish.is_all {
        true => format!("/deliveries?{}", wish.asked.query()),
        false => "/deliveries".to_owned(),
    };
    let foreseen = match (wish.is_nothing(), wish.verb("?")) {
        (false, Some(verb)) => Some(console.ops().preview(&verb, &wish.filter).await?),
        _ => None,
    };
    let main = html! {
        @if is_refused { p.note.bad #invalid role="alert" { (words.bad_reason) } }
        @match foreseen {
            None => p.note.warn #nothing role="status" { (words.nothing_chosen) }
            Some(foreseen) => {
                p { (meant) }
                section.card #preview { (counts(visit, &foreseen)) }
                (force(visit, wish, &foreseen))
                @if foreseen.changes > 0 { (confirm(visit, wish)) }
            }
        }
        p.actions { a.button href=(back) { (words.cancel) } }
    };
    let page = Page::at(visit, Tab::Deliveries, main).titled(title);
    Ok(answer(layout::whole(visit, &page)))
}

/// What would be changed, what left alone, by sort.
fn counts(visit: &Visit, preview: &Preview) -> Markup {
    let (words, titles) = (&visit.words.changes, &visit.words.deliveries);
    let mut sorts: Vec<_> = preview.counts.iter().filter(|sort| sort.count > 0).collect();
    sorts.sort_by_key(|sort| (sort.left.is_some(), std::cmp::Reverse(sort.count)));
    html! {
        p #changes { strong { ((words.would)(preview.changes)) } }
        @if preview.left > 0 { p #left { ((words.would_leave)(preview.left)) } }
        @if !sorts.is_empty() {
            table.list {
                thead {
                    tr {
                        th scope="col" { (titles.destination) }
                        th scope="col" { (titles.state) }
                        th scope="col" { (titles.error) }
                        th scope="col" { (words.becomes) }
                        th.n scope="col" { (words.count) }
                    }
                }
                tbody { @for sort in sorts { (row(visit, sort)) } }
            }
        }
    }
}

fn row(visit: &Visit, sort: &Foreseen) -> Markup {
    let words = &visit.words.changes;
    html! {
        tr {
            th scope="row" {
                @match &sort.destination {
                    Some(to) => (to),
                    None => (visit.words.deliveries.nobody),
                }
            }
            td { (badge(visit, sort.state)) }
            td { @if let Some(error) = sort.error { (kind(error, visit.language)) } }
            td {
                @match sort.left {
                    None => strong { (words.is_changed) },
                    Some(left) => (words.why(left)),
                }
            }
            td.n { (number(sort.count)) }
        }
    }
}

/// Whether what is delivered is replayed, too, where there is some.
fn force(visit: &Visit, wish: &Wish, preview: &Preview) -> Markup {
    let words = &visit.words.changes;
    let delivered = preview.counts.iter().any(|sort| sort.left == Some(Left::Delivered));
    html! {
        @if wish.force {
            p.note.warn { (words.forced) }
            p { a.button #no-force href={ "/deliveries/change?" (wish.query(false)) } {
                (words.no_force)
            } }
        } @else if wish.word == "replay" && delivered {
            p { a.button #force href={ "/deliveries/change?" (wish.query(true)) } {
                (words.force)
            } }
        }
    }
}

fn confirm(visit: &Visit, wish: &Wish) -> Markup {
    let words = &visit.words.changes;
    let has_reason = matches!(wish.word, "hold" | "drop");
    let is_drop = wish.word == "drop";
    html! {
        form.card.narrow #confirm method="post" action="/deliveries/change" data-once {
            (key(visit))
            input type="hidden" name="verb" value=(wish.word);
            input type="hidden" name="of" value=(if wish.is_all { "all" } else { "chosen" });
            @if wish.force { input type="hidden" name="force" value="on"; }
            (wish.asked.hidden())
            @if has_reason {
                label for="reason" {
                    (words.reason) @if !is_drop { " (" (words.optional) ")" }
                }
                input #reason type="text" name="reason" maxlength="300" required[is_drop]
                    autocomplete="off";
            }
            button.primary #do type="submit" { (words.verb(wish.word).0) }
        }
    }
}
