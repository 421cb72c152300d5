//! The page of a record: which mode, how many photos, and a session is made, once a form.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;

use super::{
    Behind, CollectPage, Desk,
    enter::Entered,
    page,
    trouble::Trouble,
    visit::{Visit, form},
};
use crate::{
    apertur::{End, NewSession},
    destinations::Record,
    model::{Failure, Mode, OwnSession},
    pages::{Fields, html, see},
    sessions::{self, Wish},
    telemetry::Fact,
};

/// Longest time that another system may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long somebody waits for a session before they are told that it takes longer.
const AT_ONCE: Duration = Duration::from_secs(45);
/// Most photos of a session (`fixtures/contracts/apertur.md`, section 4.1).
const MOST_PHOTOS: u32 = 50;
/// The lives that can be chosen, in hours.
pub(super) const LIVES: [u8; 6] = [1, 4, 12, 24, 72, 168];
/// Sessions that can be gone on with.
const MOST_OPEN: usize = 10;

/// `GET /collect/{link}`.
pub(super) async fn show(
    request: HttpRequest,
    link: web::Path<String>,
    page: web::Data<CollectPage>,
) -> HttpResponse {
    let visit = Visit::new(&request, &page);
    let asked = Fields::parse(request.query_string().as_bytes());
    let shown = page.record_page(&visit, &link, &asked).await;
    visit.answer(&page, shown)
}

/// `POST /collect/{link}`.
pub(super) async fn make(
    request: HttpRequest,
    link: web::Path<String>,
    payload: web::Payload,
    page: web::Data<CollectPage>,
) -> HttpResponse {
    let visit = Visit::new(&request, &page);
    let shown = match form(payload).await {
        Ok(asked) => Arc::clone(&page).make(&visit, &link, &asked).await,
        Err(trouble) => Err(trouble),
    };
    visit.answer(&page, shown)
}

/// What the page of a record shows.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) entered: &'a Entered<'a>,
    pub(super) record: &'a Record,
    pub(super) mode: Option<Mode>,
    /// Sessions that are open already.
    pub(super) open: Vec<OwnSession>,
    /// Lets the form be sent once.
    pub(super) form: String,
    /// What came of the form that was sent before.
    pub(super) said: Option<&'static str>,
}

impl CollectPage {
    async fn record_page(
        &self,
        visit: &Visit,
        segment: &str,
        asked: &Fields,
    ) -> Result<HttpResponse, Trouble> {
        let entered = self.entered(segment)?;
        let record = self.record(&entered, PATIENCE).await?;
        let now = self.now();
        let link = &entered.link;
        let journal = &self.behind.journal;
        let mut open = journal.sessions_of(&link.target, &link.destination, now, MOST_OPEN).await?;
        open.retain(|own| own.link.is_some());
        let notes = &visit.words.notes;
        let shown = Shown {
            mode: self.settings.default_mode.or(entered.desk.default_mode),
            form: self.made.form(&self.key, &about(&entered)),
            entered: &entered,
            record: &record,
            open,
            said: match asked.text("said") {
                "stale" => Some(notes.stale),
                "invalid" => Some(notes.invalid),
                _ => None,
            },
        };
        Ok(html(page::record(visit, &shown)))
    }

    /// The record of a link, as its system knows it.
    pub(super) async fn record(
        &self,
        entered: &Entered<'_>,
        patience: Duration,
    ) -> Result<Record, Trouble> {
        let Entered { link, desk, .. } = entered;
        if let Some(known) = self.names.record(&desk.name, &link.target, self.now()) {
            return Ok(known);
        }
        self.gates.lookups.pass(&link.target.record()).map_err(Trouble::Throttled)?;
        let record = self.asked(desk, desk.destination.record(&link.target), patience).await?;
        self.names.keep_record(&desk.name, record.clone(), self.now());
        Ok(record)
    }

    /// What another system says, within a time.
    pub(super) async fn asked<T>(
        &self,
        desk: &Desk,
        answer: impl Future<Output = Result<T, Failure>>,
        patience: Duration,
    ) -> Result<T, Trouble> {
        let answer = tokio::time::timeout(patience, answer).await;
        answer.map_err(|_| Trouble::Unreachable)?.map_err(|failure| {
            let (destination, cause) = (Some(&desk.name), failure.cause());
            self.behind.telemetry.emit(&Fact::CollectFailed { destination, cause });
            Trouble::of_failure(&failure)
        })
    }

    async fn make(
        self: Arc<Self>,
        visit: &Visit,
        segment: &str,
        asked: &Fields,
    ) -> Result<HttpResponse, Trouble> {
        let entered = self.entered(segment)?;
        let address = format!("{}/{}", visit.base, entered.signed.reveal());
        let sent = self.made.read(&self.key, asked.text("form"), &about(&entered));
        let Some(sent) = sent else { return Ok(see(format!("{address}?said=stale"))) };
        let Some((mode, session)) = wished(asked) else {
            return Ok(see(format!("{address}?said=invalid")));
        };
        let target = entered.link.target.clone();
        let destination = Some(entered.link.destination.clone());
        let wish = Wish { target, destination, mode: Some(mode), label: None, session };
        let gate = || self.gates.makes.pass(&wish.target.record());
        let work = Arc::clone(&self).made(wish.clone());
        let clock = &self.behind.clock;
        let made = tokio::select! {
            made = self.made.outcome(sent, gate, work) => {
                made.map_err(Trouble::Throttled)?.ok_or(Trouble::Unsure)??
            }
            () = clock.sleep_until(clock.after(AT_ONCE)) => return Err(Trouble::Slow),
        };
        Ok(see(format!("{address}/{made}")))
    }

    /// Makes a session and writes it down; gives its mark. What cannot be written down
    /// is closed again: nobody ever sees its link.
    async fn made(self: Arc<Self>, wish: Wish) -> Result<String, Trouble> {
        let Behind { journal, apertur, telemetry, .. } = &self.behind;
        // What cannot be written down is better not made.
        journal.ping().await?;
        let now = self.now();
        let Wish { mut session, .. } = wish;
        session.destinations.clone_from(&apertur.settings().session_destinations);
        let made = sessions::make(apertur, Wish { session, ..wish }, now).await;
        let made = made.map_err(|error| {
            telemetry.emit(&Fact::CollectFailed { destination: None, cause: &error.cause });
            Trouble::of_apertur(&error)
        })?;
        if journal.keep_session(made.own.clone()).await.is_err() {
            drop(sessions::close(apertur, &made.own, now).await);
            return Err(Trouble::NotKept);
        }
        telemetry.emit(&Fact::SessionMade {
            session: &made.own.session,
            target: &made.own.target,
            posts_nowhere: made.posts_nowhere(),
        });
        if made.posts_nowhere() {
            self.names.keep_unposted(&made.own.session);
        }
        Ok(made.own.session.mark())
    }
}

/// Whether surely no session is there: then the form may be sent again.
pub(super) fn is_nothing(made: &Result<String, Trouble>) -> bool {
    made.as_ref().is_err_and(|trouble| *trouble != Trouble::Unsure)
}

/// What a form of a record's page is for.
fn about(entered: &Entered<'_>) -> String {
    format!("make {} {}", entered.link.target.record(), entered.link.destination)
}

/// What a form wishes; `None` where nobody can have chosen that.
fn wished(asked: &Fields) -> Option<(Mode, NewSession)> {
    let mode = Mode::parse(asked.text("mode"))?;
    let max_images = match asked.text("max_images") {
        "" => None,
        text => Some(text.parse().ok().filter(|n| (1..=MOST_PHOTOS).contains(n))?),
    };
    let end = match asked.text("hours") {
        "" => None,
        text => Some(End::Hours(text.parse().ok().filter(|hours| LIVES.contains(hours))?)),
    };
    Some((mode, NewSession { max_images, end, ..NewSession::default() }))
}

/// When a session ends, for people and for the script, which knows their time zone.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
