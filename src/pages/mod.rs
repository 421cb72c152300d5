//! What pages in a browser have in common, whoever they are for: the files beside them, the
//! headers that guard them, the language, forms, and how often a stranger may try.
//!
//! Nothing here knows what a page shows; `collect_page` and `console` do.

mod asset;
mod form;
mod language;
mod throttle;

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderName},
    middleware::DefaultHeaders,
};
use maud::Markup;

pub use self::{
    asset::{Asset, asset},
    form::{BadForm, Fields},
    language::language,
    throttle::{Gate, Guest, Pace, Paced, Tries},
};

/// Nothing but ourselves: no script or style of anybody else's, nobody else's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The headers of every answer: only what is ours is loaded, nobody frames it, nothing is kept.
/// `referrer` is the `Referrer-Policy`; with `no-referrer` browsers name no origin in forms.
#[must_use]
pub fn headers(referrer: &'static str) -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, POLICY))
        .add((header::REFERRER_POLICY, referrer))
        .add((HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::CACHE_CONTROL, "no-store"))
        .add((HeaderName::from_static("x-robots-tag"), "noindex, nofollow"))
}

/// A page as an answer.
#[must_use]
pub fn html(page: Markup) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.into_string())
}

/// Leads on to another address of ours.
#[must_use]
pub fn see(location: String) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// A text as a part of a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
