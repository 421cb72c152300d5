//! In which language a page is.

use actix_web::http::header::{AcceptLanguage, Header as _};

use crate::destinations::Language;

/// The language that a browser likes best of those there are, else English.
#[must_use]
pub fn language(message: &impl actix_web::HttpMessage) -> Language {
    let Ok(accepted) = AcceptLanguage::parse(message) else { return Language::En };
    let known = |tag: &str| Language::parse(tag.split('-').next()?.to_ascii_lowercase().as_str());
    accepted.ranked().iter().find_map(|tag| known(&tag.to_string())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::ACCEPT_LANGUAGE, test::TestRequest};

    use super::*;

    #[test]
    fn the_language_is_the_browser_s_first_that_there_is() {
        for (accepted, expected) in [
            ("fr-CA,fr;q=0.9,en;q=0.8", Language::Fr),
            ("de-DE,de;q=0.9,es-MX;q=0.7,en;q=0.6", Language::Es),
            ("en;q=0.5, ES;q=0.9", Language::Es),
            ("de", Language::En),
            ("*", Language::En),
            ("", Language::En),
            (";;;q=x", Language::En),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT_LANGUAGE, accepted));
            assert_eq!(language(&request.to_http_request()), expected, "{accepted}");
        }
        assert_eq!(language(&TestRequest::default().to_http_request()), Language::En);
    }
}
