//! Everything that may be wrong, looked at when somebody asks for it: others are asked, too, which
//! takes a while.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{HttpResponse, web};
use async_trait::async_trait;
use maud::{Markup, html};
use tokio::sync::Semaphore;

use super::{
    Console,
    destinations::findings,
    layout::{self, Page, Tab, ago, key},
    trouble::Trouble,
    visit::{Form, Here, Visit},
};
use crate::{
    doctor::Report,
    model::Severity,
    pages::{html as answer, see},
};

/// Longest wait for what it finds.
const PATIENCE: Duration = Duration::from_mins(3);

/// Who knows all that is to be looked at.
#[async_trait]
pub trait Examiner: fmt::Debug + Send + Sync {
    /// Looks at everything and changes nothing.
    ///
    /// # Errors
    /// When nothing can be looked at.
    async fn examine(&self) -> anyhow::Result<Report>;
}

/// What was found last, or why nothing could be looked at, and whether somebody looks right now.
#[derive(Debug)]
pub(super) struct Examined {
    turn: Arc<Semaphore>,
    found: Mutex<Option<Result<Report, String>>>,
}

impl Default for Examined {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), found: Mutex::default() }
    }
}

impl Examined {
    fn is_underway(&self) -> bool {
        self.turn.available_permits() == 0
    }

    fn get(&self) -> Option<Result<Report, String>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, found: Result<Report, String>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }
}

/// `GET /doctor`.
pub(super) async fn show(visit: Here, console: web::Data<Console>) -> HttpResponse {
    let words = &visit.words.doctor;
    let is_underway = console.examined.is_underway();
    let main = html! {
        form.card.actions method="post" action="/doctor" data-once {
            (key(&visit))
            button.primary #examine type="submit" { (words.examine) }
            span.hint { (words.about) }
        }
        div #examined.stack data-live {
            @if is_underway { p #underway.note role="status" { (words.underway) } }
            @match console.examined.get() {
                Some(Ok(report)) => (told(&visit, &report)),
                Some(Err(why)) => p #outcome.note.bad role="alert" lang="en" {
                    (why) "; run apertur-bridge doctor on the machine"
                },
                None => {}
            }
        }
    };
    let page = Page::at(&visit, Tab::Doctor, main);
    answer(layout::whole(&visit, &if is_underway { page.live() } else { page }))
}

fn told(visit: &Visit, report: &Report) -> Markup {
    let words = &visit.words.doctor;
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let class = match report.severity {
        Severity::Ok => "note good",
        Severity::Warning => "note warn",
        Severity::Error => "note bad",
    };
    html! {
        p #outcome class=(class) role="status" {
            ((words.found)(errors, warnings)) " · " (ago(visit, report.at))
        }
        @for area in &report.areas {
            section.card { h2 lang="en" { (area.name) } (findings(visit, &area.findings)) }
        }
    }
}

/// `POST /doctor`: looks at everything, and changes nothing. Somebody else's look serves as well.
pub(super) async fn examine(
    console: web::Data<Console>,
    _form: Form,
) -> Result<HttpResponse, Trouble> {
    let examined = Arc::clone(&console.examined);
    if let Ok(turn) = Arc::clone(&examined.turn).try_acquire_owned() {
        let examiner = Arc::clone(&console.behind.doctor);
        // What is found is kept here, as whoever asked may be gone by then.
        let work = async move {
            let found = examiner.examine().await.map_err(|error| format!("{error:#}"));
            examined.set(found);
            drop(turn);
        };
        let done = console.finished(work, PATIENCE).await;
        done.or_else(|trouble| match console.examined.is_underway() {
            true => Ok(()),
            false => Err(trouble),
        })?;
    }
    Ok(see("/doctor".to_owned()))
}
