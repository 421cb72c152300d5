//! One request: in which language its answer is, where links lead, and what its form says.

use std::{collections::HashMap, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use maud::Markup;

use super::{
    CollectPage,
    gate::Guest,
    page,
    trouble::Trouble,
    words::{self, Words},
};
use crate::{destinations::Language, telemetry::Fact};

/// Longest form, in bytes.
const MAX_FORM: usize = 4096;
/// Longest time for a form to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);

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

/// The fields of a form or query; of two of one name the first counts.
#[derive(Debug, Default)]
pub(super) struct Fields(HashMap<String, String>);

impl Fields {
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut fields = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(fields)
    }

    /// What a field says; empty where it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }
}

impl Visit {
    pub(super) fn new(request: &HttpRequest, page: &CollectPage) -> Self {
        let language = words::language(request);
        let peer = request.peer_addr().map(|peer| peer.ip());
        let forwarded = request.headers().get_all(header::X_FORWARDED_FOR);
        let forwarded: Vec<_> = forwarded.map(|line| line.to_str().unwrap_or_default()).collect();
        let base = page.settings.base();
        let link = request.match_info().get("link").filter(|link| page.entered(link).is_ok());
        Self {
            back: link.map(|link| format!("{base}/{link}")),
            language,
            words: Words::of(language),
            base,
            guest: Guest::new(peer, &forwarded, &page.settings.trusted_proxies),
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

/// A page as an answer.
pub(super) fn html(page: Markup) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.into_string())
}

/// Leads on to another address of ours.
pub(super) fn see(location: String) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// Reads a form.
pub(super) async fn form(payload: web::Payload) -> Result<Fields, Trouble> {
    let read = tokio::time::timeout(FORM_TIME, payload.to_bytes_limited(MAX_FORM)).await;
    let bytes = read.ok().and_then(Result::ok).and_then(Result::ok).ok_or(Trouble::BadForm)?;
    Ok(Fields::parse(&bytes))
}
