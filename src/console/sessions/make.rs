//! Making a session: kept before anybody is shown its link.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;

use super::{PATIENCE, mode_of};
use crate::{
    apertur::{Apertur, End, NewSession},
    console::{
        Console,
        api::kept,
        layout::{self, Page, Tab, key},
        trouble::Trouble,
        visit::{Form, Here},
    },
    model::{Mode, Target},
    ops::Ops,
    pages::{Fields, html as answer, see},
    sessions::{self, Wish},
};

/// The lives that can be chosen, in hours.
const LIVES: [u8; 6] = [1, 4, 12, 24, 72, 168];

/// `GET /sessions/new`.
pub(in crate::console) async fn new(
    request: HttpRequest,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    if !console.makes_sessions() {
        return Err(Trouble::NotFound);
    }
    let words = &visit.words.sessions;
    let asked = Fields::parse(request.query_string().as_bytes());
    let is_invalid = asked.text("said") == "invalid";
    let main = html! {
        form.card.narrow method="post" action="/sessions" data-once {
            (key(&visit))
            @if is_invalid { p.note.bad #invalid role="alert" { (words.invalid) } }
            label for="target" { (words.record) }
            input #target type="text" name="target" required autocomplete="off" spellcheck="false"
                value=(asked.text("target")) aria-describedby="target-hint";
            p.hint #target-hint { (words.record_hint) }
            label for="destination" { (words.destination) }
            select #destination name="destination" {
                option value="" { (words.any) }
                @for place in &console.behind.setup.load().destinations {
                    option value=(place.name) { (place.name) }
                }
            }
            label for="mode" { (words.mode) }
            select #mode name="mode" {
                option value="" { (words.usual) }
                @for mode in [Mode::Contact, Mode::Internal, Mode::Public] {
                    option value=(mode.as_str()) { (mode_of(&visit, mode)) }
                }
            }
            label for="hours" { (words.lifetime) }
            select #hours name="hours" {
                option value="" { (words.usual) }
                @for hours in LIVES { option value=(hours) { ((words.hours)(hours.into())) } }
            }
            label for="label" { (words.label) " (" (words.optional) ")" }
            input #label type="text" name="label" maxlength="100" autocomplete="off";
            button.primary type="submit" { (words.make) }
        }
    };
    let page = Page::at(&visit, Tab::Sessions, main).titled(words.new);
    Ok(answer(layout::whole(&visit, &page)))
}

/// `POST /sessions`.
pub(in crate::console) async fn make(
    console: web::Data<Console>,
    form: Form,
) -> Result<HttpResponse, Trouble> {
    let (apertur, ops) = (console.behind.apertur.clone(), console.ops().clone());
    let Some(wish) = wished(&form, &ops, &apertur) else {
        let target = crate::pages::encoded(form.text("target"));
        return Ok(see(format!("/sessions/new?said=invalid&target={target}")));
    };
    // What cannot be written down is better not made.
    ops.journal.ping().await?;
    let making = async move { kept(&apertur, &ops, wish).await };
    let made = console.finished(making, PATIENCE).await??;
    Ok(see(format!("/sessions/{}", made.own.session.mark())))
}

/// What a form wishes; `None` where it cannot be.
fn wished(form: &Fields, ops: &Ops, apertur: &Apertur) -> Option<Wish> {
    let written = |name: &str| Some(form.text(name)).filter(|text| !text.is_empty());
    let routes = ops.routes.load();
    let target = routes.named(form.text("target").parse().ok()?);
    if matches!(target, Target::Ticket { .. }) {
        return None;
    }
    let choose = |name| sessions::choose(&routes.destinations, &target, name);
    let destination = written("destination").map(choose).transpose().ok()?;
    let mode = match written("mode") {
        Some(text) => Some(Mode::parse(text)?),
        None => None,
    };
    let end = match written("hours") {
        Some(text) => Some(End::Hours(text.parse().ok().filter(|hours| LIVES.contains(hours))?)),
        None => None,
    };
    let label = written("label").map(sessions::label).transpose().ok()?;
    let destinations = apertur.settings().session_destinations.clone();
    let session = NewSession { end, destinations, ..NewSession::default() };
    Some(Wish { target, destination, mode, label, session })
}
