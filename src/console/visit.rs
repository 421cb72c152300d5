//! One request: who asks, in which language the answer is, and what its form says.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, cookie::Cookie, http::header, web};
use jiff::Timestamp;

use super::{
    Console,
    access::{Login, Scope},
    attention::Attention,
    words::Words,
};
use crate::{
    destinations::Language,
    pages::{Fields, Guest, language, see},
};

/// The cookie of a session; with the prefix where the way here is encrypted.
const COOKIE: &str = "apertur_console";
const SECURE_COOKIE: &str = "__Host-apertur_console";
/// The cookie of a language that was chosen.
const LANGUAGE: &str = "apertur_language";
/// What the script says when it keeps a page fresh.
const FRESH: &str = "x-fresh";

/// The request that a page answers.
pub(super) type Here = web::ReqData<Arc<Visit>>;
/// The form that a page was sent, of the session of whoever sent it.
pub(super) type Form = web::ReqData<Arc<Fields>>;

/// What an answer needs to know of its request.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) language: Language,
    pub(super) words: &'static Words,
    /// Who signed in; on a page that needs it there is somebody.
    pub(super) login: Option<Login>,
    pub(super) guest: Guest,
    /// The path and query that was asked for.
    pub(super) address: String,
    pub(super) now: Timestamp,
    /// Whether the way here is encrypted.
    pub(super) is_secure: bool,
    /// What needs a person, for the bar of every page.
    pub(super) attention: Attention,
}

impl Visit {
    pub(super) fn new(request: &HttpRequest, console: &Console) -> Self {
        let chosen = request.cookie(LANGUAGE).and_then(|tag| Language::parse(tag.value()));
        let language = chosen.unwrap_or_else(|| language(request));
        let is_secure = console.is_secure(request);
        let by_hand = !request.headers().contains_key(FRESH);
        let session = request.cookie(name(is_secure));
        // A proxy speaks for others; who comes by themselves is not kept with all the others.
        let proxies = match request.headers().contains_key(header::X_FORWARDED_FOR) {
            true => console.settings.trusted_proxies.as_slice(),
            false => &[],
        };
        let address = request.uri().path_and_query().map_or("/", |address| address.as_str());
        Self {
            language,
            words: Words::of(language),
            login: session.and_then(|name| console.access.sessions.find(name.value(), by_hand)),
            guest: Guest::of(request, proxies),
            address: local(address),
            now: console.ops().clock.now(),
            is_secure,
            attention: Attention::default(),
        }
    }

    /// Whether whoever asks may do so much: what they may not is not offered.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.login.as_ref().is_some_and(|login| login.caller.scope >= scope)
    }

    /// Who asks, for what is written beside what they do.
    pub(super) fn by(&self) -> &str {
        self.login.as_ref().map_or("", |login| &login.caller.name)
    }

    /// What every form carries as its field `form`.
    pub(super) fn form_key(&self) -> &str {
        self.login.as_ref().map_or("", |login| &login.form_key)
    }

    /// The name of the cookie of a session here.
    pub(super) fn cookie(&self) -> &'static str {
        name(self.is_secure)
    }

    /// The cookie of the session, as it came.
    pub(super) fn session(&self, request: &HttpRequest) -> Option<Cookie<'static>> {
        request.cookie(self.cookie())
    }
}

fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_COOKIE } else { COOKIE }
}

/// An address of ours, as it is; what could lead elsewhere leads to the first page.
pub(super) fn local(address: &str) -> String {
    let is_plain = address.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let is_ours = address.starts_with('/') && !address.starts_with("//");
    if is_plain && is_ours { address.to_owned() } else { "/".to_owned() }
}

/// `GET /language/{tag}`: keeps a language that was chosen and leads back.
pub(super) async fn choose_language(
    request: HttpRequest,
    tag: web::Path<String>,
    visit: Here,
) -> HttpResponse {
    let asked = Fields::parse(request.query_string().as_bytes());
    let mut answer = see(local(asked.text("to")));
    if Language::parse(&tag).is_some() {
        let cookie = Cookie::build(LANGUAGE, tag.into_inner())
            .path("/")
            .http_only(true)
            .same_site(actix_web::cookie::SameSite::Strict)
            .secure(visit.is_secure)
            .permanent()
            .finish();
        // One that cannot be written is one more click some day.
        drop(answer.add_cookie(&cookie));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for ours in ["/", "/sessions/a?b=c&d=%2F", "/a//b"] {
            assert_eq!(local(ours), ours);
        }
        let elsewhere = [
            "",
            "//evil.example.com",
            "/\\evil.example.com",
            "https://evil",
            "evil",
            "/a b",
            "/a\n",
        ];
        for address in elsewhere {
            assert_eq!(local(address), "/", "{address:?}");
        }
    }
}
