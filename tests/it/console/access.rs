//! Who gets in, who stays in, and whose forms are taken.

use std::time::Duration;

use super::site::{ADMIN, OPERATE, PASSWORD, READ, Site, encoded, text};
use crate::look;

#[test]
fn the_password_and_every_token_sign_in_and_nothing_else_does() {
    let site = Site::start();
    let answer = site.ask("GET", "/destinations?a=b", &[], "");
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/sign-in?to=%2Fdestinations%3Fa%3Db"));
    for secret in [PASSWORD, READ, OPERATE, ADMIN] {
        let answer = site.sign_in(secret);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
        let cookie = answer.header("set-cookie").unwrap();
        for part in ["apertur_console=", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Secure"), "{cookie}");
        assert!(site.user(secret).is_in());
    }
    let wrong = site.sign_in("correct horse");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, None));
    assert!(text(&wrong).contains("role=\"alert\""));
    let by_get = site.ask("GET", &format!("/sign-in?password={READ}"), &[], "");
    assert_eq!((by_get.status, by_get.header("set-cookie")), (200, None));
    site.daemon.wait_for_log("wrong_password");
    let log = site.daemon.log();
    for secret in [PASSWORD, READ, OPERATE, ADMIN, "correct horse"] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(log.contains("the-operate"), "{log}");
}

#[test]
fn a_session_ends_by_signing_out_by_time_and_by_a_restart() {
    let mut site = Site::start();
    let [one, other] = [(); 2].map(|()| site.user(PASSWORD));
    let left = one.post("/sign-out", &[]);
    assert_eq!((left.status, left.header("location")), (303, Some("/sign-in")));
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert!(!one.is_in() && other.is_in(), "the cookie is worth nothing by now");
    let cookie = other.cookie.clone();
    assert!(!site.daemon.log().contains(cookie.split_once('=').unwrap().1));
    site.daemon.stop();
    site.daemon.restart();
    assert_eq!(site.ask("GET", "/", &[("Cookie", &cookie)], "").status, 303);

    let short = Site::with("session_lifetime = \"1s\"");
    let user = short.user(PASSWORD);
    assert!(user.is_in());
    look::eventually(Duration::from_secs(20), "the end of the session", || {
        (!user.is_in()).then_some(())
    });
}

#[test]
fn a_forged_cookie_is_nobody() {
    let site = Site::start();
    let user = site.user(PASSWORD);
    let (name, value) = user.cookie.split_once('=').unwrap();
    for forged in
        ["", "x", &"A".repeat(43), &value[1..], &format!("{value}A"), &value.to_lowercase()]
    {
        let cookie = format!("{name}={forged}");
        assert_eq!(site.ask("GET", "/", &[("Cookie", &cookie)], "").status, 303, "{forged}");
    }
    assert!(user.is_in());
}

#[test]
fn a_form_is_taken_from_a_page_of_the_same_session_alone() {
    let site = Site::start();
    let (user, other) = (site.user(PASSWORD), site.user(PASSWORD));
    let own = encoded(&[("form", &user.key())]);
    let foreign = encoded(&[("form", &other.key())]);
    let cookie = ("Cookie", user.cookie.as_str());
    let origin = ("Origin", site.origin());
    let refused = [
        (vec![cookie], own.as_str()),
        (vec![cookie, ("Origin", "https://evil.example.com")], &own),
        (vec![cookie, ("Origin", "null")], &own),
        (vec![cookie, origin, ("Sec-Fetch-Site", "cross-site")], &own),
        (vec![cookie, origin, ("Sec-Fetch-Site", "same-site")], &own),
        (vec![cookie, origin], &foreign),
        (vec![cookie, origin], "form="),
        (vec![cookie, origin], ""),
    ];
    for (headers, body) in refused {
        assert_eq!(site.ask("POST", "/sign-out", &headers, body).status, 403, "{headers:?}");
    }
    let large = format!("{own}&more={}", "x".repeat(70_000));
    assert_eq!(site.ask("POST", "/sign-out", &[cookie, origin], &large).status, 400);
    let nobody = site.ask("POST", "/sign-out", &[origin], &own);
    assert_eq!((nobody.status, nobody.header("location")), (303, Some("/sign-in")));
    assert!(user.is_in() && other.is_in());
    assert_eq!(site.ask("POST", "/sign-out", &[cookie, origin], &own).status, 303);
    let elsewhere = [("Origin", "https://evil.example.com")];
    let body = encoded(&[("password", PASSWORD)]);
    assert_eq!(site.ask("POST", "/sign-in", &elsewhere, &body).status, 403);
    assert_eq!(site.ask("POST", "/sign-in", &[], &body).status, 403);
}

#[test]
fn who_guesses_has_to_wait_and_keeps_nobody_else_out() {
    let site = Site::start();
    let tried = |from: &str, secret: &str| {
        let headers = [("Origin", site.origin()), ("X-Forwarded-For", from)];
        site.ask("POST", "/sign-in", &headers, &encoded(&[("password", secret)]))
    };
    for _ in 0..10 {
        assert_eq!(tried("203.0.113.7", "guess-guess").status, 403);
    }
    let waits = tried("203.0.113.7", PASSWORD);
    assert_eq!(waits.status, 429, "{}", text(&waits));
    let wait: u64 = waits.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=15).contains(&wait), "{wait}");
    assert_eq!(tried("203.0.113.8", PASSWORD).status, 303);
    assert_eq!(site.sign_in(PASSWORD).status, 303);
    for _ in 0..20 {
        assert_eq!(tried("203.0.113.9", PASSWORD).status, 303, "what is right does not count");
    }
}

#[test]
fn nothing_leads_elsewhere_after_signing_in() {
    let site = Site::start();
    for (to, leads) in [
        ("/destinations?a=1", "/destinations?a=1"),
        ("//evil.example.com", "/"),
        ("https://evil.example.com", "/"),
        ("/\\evil.example.com", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
    ] {
        let body = encoded(&[("password", PASSWORD), ("to", to)]);
        let answer = site.ask("POST", "/sign-in", &[("Origin", site.origin())], &body);
        assert_eq!(answer.header("location"), Some(leads), "{to}");
        let path = format!("/language/fr?{}", encoded(&[("to", to)]));
        assert_eq!(site.ask("GET", &path, &[], "").header("location"), Some(leads), "{to}");
    }
}

#[test]
fn a_name_that_is_not_ours_gets_no_page_and_the_public_one_a_secure_cookie() {
    let site = Site::with("public_url = \"https://bridge.example.com\"");
    let get = |host: &str| site.ask("GET", "/sign-in", &[("Host", host)], "");
    for host in ["localhost:8788", "127.0.0.1", "bridge.example.com", "192.0.2.1:8788"] {
        assert_eq!(get(host).status, 200, "{host}");
    }
    for host in ["evil.example.com", "127.0.0.1.evil.example.com", ""] {
        assert!([421, 400].contains(&get(host).status), "{host}");
    }
    let body = encoded(&[("password", PASSWORD)]);
    let headers = [("Host", "bridge.example.com"), ("Origin", "https://bridge.example.com")];
    let answer = site.ask("POST", "/sign-in", &headers, &body);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-apertur_console="), "{cookie}");
    assert!(cookie.contains("; Secure") && !cookie.contains("Domain"), "{cookie}");
    for path in ["/readyz", "/metrics"] {
        let answer = site.ask("GET", path, &[("Host", "prometheus.internal")], "");
        assert_eq!(answer.status, 200, "programs may call us as they like");
    }
}

#[test]
fn without_anything_to_sign_in_with_the_pages_say_what_to_configure() {
    let site = Site::of("");
    for (method, path) in [("GET", "/"), ("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/x")] {
        let answer = site.ask(method, path, &[("Origin", site.origin())], "");
        assert_eq!(answer.status, 403, "{path}");
        assert!(text(&answer).contains("console.password"), "{}", text(&answer));
    }
    assert_eq!(site.ask("GET", "/readyz", &[], "").status, 200);
    assert_eq!(site.ask("GET", "/metrics", &[], "").status, 200);
}

#[test]
fn the_hash_of_a_password_serves_as_well_as_itself() {
    // From the tests of the reference implementation, phc-winner-argon2.
    let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let site = Site::of(&format!("[console]\nlisten = \"127.0.0.1:0\"\npassword = \"{hash}\"\n"));
    assert_eq!(site.sign_in("password").status, 303);
    assert_eq!(site.sign_in(hash).status, 403, "the hash itself opens nothing");
}

#[test]
fn a_link_of_another_site_finds_whoever_signed_in_still_signed_in() {
    let site = Site::start();
    let answer = site.ask("GET", "/destinations", &[("Sec-Fetch-Site", "cross-site")], "");
    // The browser held the cookie back; it comes again by itself, with it.
    assert_eq!(answer.status, 200);
    assert!(text(&answer).contains("http-equiv=\"refresh\" content=\"0;url=/destinations\""));
    assert!(!text(&answer).contains("<main"));
}
