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

/// What was found last.
#[derive(Debug, Default)]
pub(super) struct Last(Mutex<Option<Report>>);

impl Last {
    fn get(&self) -> Option<Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, report: Report) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }
}

/// `GET /doctor`.
pub(super) async fn show(visit: Here, console: web::Data<Console>) -> HttpResponse {
    let words = &visit.words.doctor;
    let main = html! {
        form.card.actions method="post" action="/doctor" data-once {
            (key(&visit))
            button.primary #examine type="submit" { (words.examine) }
            span.hint { (words.about) }
        }
        @if let Some(report) = console.examined.get() { (told(&visit, &report)) }
    };
    answer(layout::whole(&visit, &Page::at(&visit, Tab::Doctor, main)))
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

/// `POST /doctor`: looks at everything, and changes nothing.
pub(super) async fn examine(
    console: web::Data<Console>,
    _form: Form,
) -> Result<HttpResponse, Trouble> {
    let examiner = Arc::clone(&console.behind.doctor);
    let report = console.finished(async move { examiner.examine().await }, PATIENCE).await?;
    let report = report.map_err(|error| Trouble::Failed {
        what: format!("{error:#}"),
        fix: "run apertur-bridge doctor on the machine".to_owned(),
    })?;
    console.examined.set(report);
    Ok(see("/doctor".to_owned()))
}
