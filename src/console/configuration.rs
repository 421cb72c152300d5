//! The configuration as it runs, without its secrets.

use std::fmt;

use actix_web::{HttpResponse, web};
use maud::html;
use serde::Serialize;

use super::{
    Console,
    layout::{self, Page, Tab},
    visit::Here,
};
use crate::pages::html as answer;

/// A value of the configuration, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its key: `destination.erp.url`.
    pub path: String,
    /// What it is, as it would be written in the file; nothing of a secret.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The configuration file, in this line, counted from 1, where that is known.
    File(Option<usize>),
    /// This variable of the environment.
    Variable(String),
    /// Nobody wrote it.
    Default,
}

impl Setting {
    /// The table that it stands in and its name there: `destination.erp` and `url`.
    fn parts(&self) -> (&str, &str) {
        self.path.rsplit_once('.').unwrap_or(("", &self.path))
    }
}

/// `GET /configuration`.
pub(super) async fn show(visit: Here, console: web::Data<Console>) -> HttpResponse {
    let words = &visit.words.configuration;
    let setup = console.behind.setup.load();
    let settings = &setup.configuration;
    let tables = settings.chunk_by(|one, next| one.parts().0 == next.parts().0);
    let main = html! {
        p.hint { (words.about) }
        @for table in tables {
            @let name = table.first().map_or("", |setting| setting.parts().0);
            section.card {
                h2 { @if name.is_empty() { (words.top) } @else { code { "[" (name) "]" } } }
                dl.settings {
                    @for setting in table {
                        div data-default[setting.origin == Origin::Default] {
                            dt { code { (setting.parts().1) } }
                            dd {
                                code { (setting.value) }
                                span.hint { (Said(&setting.origin, words)) }
                            }
                        }
                    }
                }
            }
        }
    };
    answer(layout::whole(&visit, &Page::at(&visit, Tab::Configuration, main)))
}

/// An origin in words.
struct Said<'w>(&'w Origin, &'w super::words::Configuration);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(origin, words) = self;
        match origin {
            Origin::File(None) => f.write_str(words.file),
            Origin::File(Some(line)) => write!(f, "{} {line}", words.line),
            Origin::Variable(name) => f.write_str(name),
            Origin::Default => f.write_str(words.default),
        }
    }
}

impl maud::Render for Said<'_> {
    fn render(&self) -> maud::Markup {
        html! { (self.to_string()) }
    }
}
