//! What every answer promises to browsers, and in which language.

use super::site::{PASSWORD, Site, text};

/// Every page there is.
const PAGES: [&str; 8] = [
    "/",
    "/deliveries",
    "/deliveries/change?verb=drop&of=all",
    "/runs",
    "/destinations",
    "/sessions",
    "/configuration",
    "/doctor",
];

#[test]
fn every_answer_guards_itself() {
    let site = Site::start();
    let user = site.user(PASSWORD);
    let signed_in = PAGES.iter().map(|path| user.get(path));
    let others =
        ["/sign-in", "/rubbish", "/destinations"].map(|path| site.ask("GET", path, &[], ""));
    for answer in signed_in.chain(others).chain([user.get("/rubbish")]) {
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        for (name, value) in [
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{}", text(&answer));
        }
        let html = text(&answer);
        assert!(
            !html.contains(" style=") && !html.contains("<script>") && !html.contains("onclick")
        );
    }
    assert_eq!(user.get("/rubbish").status, 404);
    assert_eq!(site.ask("GET", "/favicon.ico", &[], "").status, 204);
}

#[test]
fn style_and_script_are_kept_by_browsers_until_they_change() {
    let site = Site::start();
    let html = text(&site.ask("GET", "/sign-in", &[], ""));
    for (ending, media_type) in [(".css", "text/css"), (".js", "text/javascript")] {
        let (head, _) = html.split_once(&format!("{ending}\"")).unwrap();
        let path = format!("{}{ending}", head.rsplit('"').next().unwrap());
        let answer = site.ask("GET", &path, &[], "");
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("cache-control").unwrap().contains("immutable"));
        assert!(answer.header("content-type").unwrap().starts_with(media_type));
    }
    assert_eq!(site.ask("GET", "/assets/0.css", &[], "").status, 404);
}

#[test]
fn the_language_is_the_browser_s_until_one_is_chosen() {
    let site = Site::start();
    let get = |headers: &[(&str, &str)]| text(&site.ask("GET", "/sign-in", headers, ""));
    assert!(get(&[]).contains("<html lang=\"en\""));
    assert!(get(&[("Accept-Language", "fr-CA,fr;q=0.9")]).contains("<html lang=\"fr\""));
    let chosen = site.ask("GET", "/language/es?to=/sign-in", &[], "");
    assert_eq!(chosen.header("location"), Some("/sign-in"));
    let cookie = chosen.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let headers = [("Accept-Language", "fr"), ("Cookie", cookie.as_str())];
    assert!(get(&headers).contains("<html lang=\"es\""));
    let none = site.ask("GET", "/language/tlh?to=/", &[], "");
    assert_eq!((none.status, none.header("set-cookie")), (303, None));
}
