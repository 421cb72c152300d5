//! One request: in which language its answer is, where links lead, and what its form says.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{CollectPage, page, trouble::Trouble, words::Words};
use crate::{
    destinations::Language,
    pages::{Fields, Guest, language},
    telemetry::Fact,
};

/// Longest form, in bytes.
const MAX_FORM: usize = 4096;

/// What an answer needs to know of its request.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) language: Language,
    pub(super) words: &'static Words,
    /// The path below which the page is.
    pub(super) base: String,
    pub(super) guest: Guest,
    /// The page of the record, for who may open it.
    pub(super) back: Option<String>,
}

impl Visit {
    pub(super) fn new(request: &HttpRequest, page: &CollectPage) -> Self {
        let language = language(request);
        let base = page.settings.base();
        let link = request.match_info().get("link").filter(|link| page.entered(link).is_ok());
        Self {
            back: link.map(|link| format!("{base}/{link}")),
            language,
            words: Words::of(language),
            base,
            guest: Guest::of(request, &page.settings.trusted_proxies),
        }
    }

    /// The answer: what was to be shown, or why not.
    pub(super) fn answer(
        &self,
        page: &CollectPage,
        shown: Result<HttpResponse, Trouble>,
    ) -> HttpResponse {
        shown.unwrap_or_else(|trouble| {
            page.behind.telemetry.emit(&Fact::CollectRefused { reason: trouble.as_str() });
            let html = page::trouble(self, &trouble);
            let mut response = HttpResponse::build(trouble.status());
            if let Some(after) = trouble.retry_after() {
                response.insert_header((header::RETRY_AFTER, after.as_secs().max(1).to_string()));
            }
            response.content_type("text/html; charset=utf-8").body(html.into_string())
        })
    }
}

/// Reads a form.
pub(super) async fn form(payload: web::Payload) -> Result<Fields, Trouble> {
    Fields::read(payload, MAX_FORM).await.map_err(|_| Trouble::BadForm)
}
