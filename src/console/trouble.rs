//! Why somebody does not get the page that they came for.

use std::{fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use maud::html;

use super::{
    Console,
    access::Scope,
    layout::{self, Page},
    visit::Visit,
    words::Words,
};
use crate::{
    journal::JournalError,
    model::Cause,
    pages::{encoded, see},
    telemetry::Fact,
};

/// Why there is no such page now, or why a form was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Neither a password nor a token is configured.
    NotConfigured,
    /// Asked for by a name that is not ours.
    ForeignHost,
    /// Nobody signed in, or too long ago.
    SignIn {
        /// Whether to come back here then: a form that was sent is not sent again.
        comes_back: bool,
        /// Whether a link of another site led here: the browser holds the cookie back then.
        is_foreign_link: bool,
    },
    /// Whoever asks may not do so much.
    MayNot(Scope),
    /// A form of another site, or of none.
    ForeignForm,
    /// A form of another session.
    OldForm,
    /// A form that no page of ours has.
    BadForm,
    /// Tried too often.
    Throttled(Duration),
    /// Too many sign in at once.
    Busy,
    /// There is no such page, photo or destination.
    NotFound,
    /// The journal cannot be used now, in its words.
    Journal(String),
    /// What was asked for was not done: what happened, and the next step.
    Failed {
        /// What happened.
        what: String,
        /// The next step.
        fix: String,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ResponseError for Trouble {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotConfigured | Self::MayNot(_) | Self::ForeignForm | Self::OldForm => {
                StatusCode::FORBIDDEN
            }
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::SignIn { .. } => StatusCode::UNAUTHORIZED,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Busy | Self::Journal(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    /// Without words: `front` puts them in.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Self::Journal(error.to_string())
    }
}

impl Trouble {
    /// Something was not done, as an error that ends in its remedy says.
    pub(super) fn failed(error: &impl std::error::Error) -> Self {
        let text = error.to_string();
        let (what, fix) = text.split_once("; ").unwrap_or((&text, ""));
        Self::Failed { what: what.to_owned(), fix: fix.to_owned() }
    }

    /// Another system did not do what it was asked.
    pub(super) fn of_cause(cause: &Cause) -> Self {
        let Cause { what, detail, fix, .. } = cause;
        let what = if detail.is_empty() { what.clone() } else { format!("{what} ({detail})") };
        Self::Failed { what, fix: fix.clone() }
    }

    /// A word for the log and for counts.
    fn as_str(&self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::ForeignHost => "foreign_host",
            Self::SignIn { .. } => "sign_in",
            Self::MayNot(_) => "may_not",
            Self::ForeignForm => "foreign_form",
            Self::OldForm => "old_form",
            Self::BadForm => "bad_form",
            Self::Throttled(_) => "throttled",
            Self::Busy => "busy",
            Self::NotFound => "not_found",
            Self::Journal(_) => "journal",
            Self::Failed { .. } => "failed",
        }
    }

    /// The answer, in the language of whoever asked.
    pub(super) fn answer(&self, visit: &Visit, console: &Console) -> HttpResponse {
        if let Self::SignIn { comes_back, is_foreign_link } = self {
            return sign_in(visit, *comes_back, *is_foreign_link);
        }
        if !matches!(self, Self::NotFound) {
            console.telemetry().emit(&Fact::ConsoleRefused { reason: self.as_str() });
        }
        let (title, text) = self.said(visit.words);
        let main = html! {
            section.card {
                p { (text) }
                @match self {
                    Self::Failed { what, fix } => {
                        p lang="en" { (what) }
                        p.fix lang="en" { (fix) }
                    }
                    Self::Journal(words) => { p.fix lang="en" { (words) } }
                    Self::NotConfigured => { pre { (EXAMPLE) } }
                    _ => {}
                }
            }
        };
        let page = layout::whole(visit, &Page { title: title.to_owned(), ..Page::new(main) });
        let mut answer = HttpResponse::build(self.status_code());
        let wait = match self {
            Self::Throttled(wait) => Some(wait.as_secs().max(1)),
            Self::Busy | Self::Journal(_) => Some(5),
            _ => None,
        };
        if let Some(wait) = wait {
            answer.insert_header((header::RETRY_AFTER, wait.to_string()));
        }
        answer.content_type("text/html; charset=utf-8").body(page.into_string())
    }

    fn said(&self, words: &Words) -> (&'static str, &'static str) {
        let words = &words.access;
        match self {
            Self::NotConfigured => words.not_configured,
            Self::ForeignHost => words.foreign_host,
            Self::MayNot(Scope::Admin) => words.may_not_admin,
            Self::MayNot(_) => words.may_not,
            Self::ForeignForm => words.foreign_form,
            Self::OldForm | Self::SignIn { .. } => words.old_form,
            Self::BadForm => words.bad_form,
            Self::Throttled(_) | Self::Busy => words.throttled,
            Self::NotFound => words.not_found,
            Self::Journal(_) => words.journal,
            Self::Failed { .. } => words.failed,
        }
    }
}

/// What makes the console open.
const EXAMPLE: &str = "[console]\npassword = { file = \"/etc/apertur-bridge/console-password\" }";

/// To the sign-in. A browser that a link of another site led here does not say who it is, and
/// does so as soon as it comes by itself.
fn sign_in(visit: &Visit, comes_back: bool, is_foreign_link: bool) -> HttpResponse {
    if !is_foreign_link {
        let to = match visit.address.as_str() {
            address if comes_back && address != "/" => format!("?to={}", encoded(address)),
            _ => String::new(),
        };
        return see(format!("/sign-in{to}"));
    }
    let page = html! {
        (maud::DOCTYPE)
        html lang=(visit.words.tag) {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content={ "0;url=" (visit.address) };
                title { (visit.words.layout.console) }
            }
            body { a href=(visit.address) { (visit.words.layout.console) } }
        }
    };
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.into_string())
}
