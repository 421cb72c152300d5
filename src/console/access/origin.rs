//! Which addresses the pages answer at, and whose forms they take: a page of somebody else that a
//! browser was led to, by whatever name, gets nothing done here.

use std::net::IpAddr;

use actix_web::{HttpRequest, http::header::HOST};
use url::Url;

/// What a browser says about where a request comes from.
const SITE: &str = "sec-fetch-site";

/// Whether a request is for us: for an address of this machine as such, for `localhost`, or for
/// the name of the public address. Any other name may be somebody else's that leads here.
pub(in crate::console) fn is_for_us(request: &HttpRequest, public: Option<&Url>) -> bool {
    let Some(host) = host(request) else { return false };
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host }
    });
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || public.is_some_and(|public| is_at(host, public))
}

/// Whether the browser is at the public address, and that is encrypted.
pub(in crate::console) fn is_secure(request: &HttpRequest, public: Option<&Url>) -> bool {
    let public = public.filter(|public| public.scheme() == "https");
    public.is_some_and(|public| host(request).is_some_and(|host| is_at(host, public)))
}

/// Whether a form was sent by a page of ours.
pub(super) fn is_ours(request: &HttpRequest, public: Option<&Url>) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if text(SITE).is_some_and(|site| site != "same-origin") {
        return false;
    }
    match text("origin") {
        // A proxy may have put another name in the place of ours.
        Some(origin) => {
            let plain = origin.split_once("://").map(|(_, host)| host);
            let is_public = public.is_some_and(|url| url.origin().ascii_serialization() == origin);
            is_public || plain.is_some() && plain == host(request)
        }
        None => text(SITE).is_some(),
    }
}

/// Whether a link of another site led here.
pub(super) fn is_foreign_link(request: &HttpRequest) -> bool {
    request.headers().get(SITE).is_some_and(|site| site == "cross-site")
}

fn host(request: &HttpRequest) -> Option<&str> {
    request.headers().get(HOST).and_then(|host| host.to_str().ok())
}

fn is_at(host: &str, public: &Url) -> bool {
    let name = public.host_str().unwrap_or_default();
    let with_port = public.port_or_known_default().map(|port| format!("{name}:{port}"));
    let plain = public.port().is_none() && host.eq_ignore_ascii_case(name);
    plain || with_port.is_some_and(|with_port| host.eq_ignore_ascii_case(&with_port))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with(headers: &[(&'static str, &str)]) -> HttpRequest {
        let add = |request: TestRequest, header: &(&'static str, &str)| {
            request.insert_header((header.0, header.1))
        };
        headers.iter().fold(TestRequest::default(), add).to_http_request()
    }

    #[test]
    fn a_name_that_is_not_ours_is_not_answered() {
        let public: Url = "https://bridge.example.com".parse().unwrap();
        for host in [
            "127.0.0.1:8788",
            "localhost:8788",
            "LOCALHOST",
            "[::1]:8788",
            "[::1]",
            "10.0.0.7",
            "bridge.example.com",
            "Bridge.Example.com:443",
        ] {
            assert!(is_for_us(&with(&[("host", host)]), Some(&public)), "{host}");
        }
        for host in [
            "",
            "evil.example.com",
            "127.0.0.1.evil.example.com:8788",
            "bridge.example.com:8443",
            "xbridge.example.com",
            "localhost.evil.example.com",
            "bridge.example.com:443:443",
        ] {
            assert!(!is_for_us(&with(&[("host", host)]), Some(&public)), "{host}");
        }
        assert!(!is_for_us(&with(&[]), Some(&public)));
        assert!(!is_for_us(&with(&[("host", "bridge.example.com")]), None));
        assert!(is_secure(&with(&[("host", "bridge.example.com")]), Some(&public)));
        assert!(!is_secure(&with(&[("host", "127.0.0.1:8788")]), Some(&public)));
    }

    #[test]
    fn a_form_of_another_site_is_none_of_ours() {
        let public: Url = "https://bridge.example.com".parse().unwrap();
        let at = ("host", "127.0.0.1:8788");
        for headers in [
            vec![at, ("origin", "http://127.0.0.1:8788")],
            vec![at, ("origin", "https://bridge.example.com"), ("sec-fetch-site", "same-origin")],
            vec![at, ("sec-fetch-site", "same-origin")],
        ] {
            assert!(is_ours(&with(&headers), Some(&public)), "{headers:?}");
        }
        for headers in [
            vec![at],
            vec![at, ("origin", "null")],
            vec![at, ("origin", "http://127.0.0.1:9999")],
            vec![at, ("origin", "http://evil.example.com")],
            vec![at, ("origin", "https://bridge.example.com.evil.example.com")],
            vec![at, ("origin", "http://127.0.0.1:8788"), ("sec-fetch-site", "same-site")],
            vec![at, ("sec-fetch-site", "cross-site")],
            vec![at, ("sec-fetch-site", "none")],
        ] {
            assert!(!is_ours(&with(&headers), Some(&public)), "{headers:?}");
        }
    }
}
