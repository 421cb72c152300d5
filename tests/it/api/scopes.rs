//! Who may: every operation with every token.

use serde_json::{Value, json};

use super::{ADMIN, OPERATE, READ, Site, json};
use crate::{
    daemon::{Daemon, Options},
    fakes::apertur,
};

/// Every operation of the document: method, address with something in its braces, scope.
fn operations(document: &Value) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "4711" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["token"][0].as_str().unwrap();
            all.push((method.to_uppercase(), path.clone(), scope.to_owned()));
        }
    }
    all
}

#[test]
fn every_operation_needs_its_scope_and_no_more() {
    let site = Site::start();
    // It holds nothing secret, and needs no token.
    let document = json(&site.call("", "GET", "/api/v1/openapi.json", None));
    let all = operations(&document);
    assert!(all.len() >= 22, "{}", all.len());
    let tokens = [("read", READ), ("operate", OPERATE), ("admin", ADMIN)];
    for (method, path, needed) in &all {
        let place = |word: &str| tokens.iter().position(|(scope, _)| *scope == word).unwrap();
        let path = format!("/api/v1{path}");
        let body = (method == "POST").then(|| json!({}));
        let nobody = site.call("", method, &path, body.as_ref());
        assert_eq!(nobody.status, 401, "{method} {path}");
        assert!(nobody.header("www-authenticate").unwrap().starts_with("Bearer"), "{path}");
        for (scope, token) in tokens {
            let answer = site.call(token, method, &path, body.as_ref());
            if place(scope) < place(needed) {
                assert_eq!(answer.status, 403, "{method} {path} with {scope}");
                let detail = json(&answer)["detail"].to_string();
                assert!(detail.contains(&format!("needs the scope {needed}")), "{detail}");
            } else {
                assert!(![401, 403, 405].contains(&answer.status), "{method} {path} {scope}");
            }
        }
    }
    let changing = |method: &str, path: &str| method == "POST" || path.ends_with("/bytes");
    let free = all.iter().find(|(method, path, scope)| changing(method, path) && scope == "read");
    assert_eq!(free, None, "who reads changes nothing and sees no photo");
}

#[test]
fn a_token_is_shown_in_a_header_of_its_own_and_nowhere_else() {
    let site = Site::start();
    let path = "/api/v1/status";
    let with = |header: &str| {
        let text =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n");
        apertur::raw(site.daemon.console_url(), text.as_bytes()).unwrap().status
    };
    assert_eq!(with(&format!("Authorization: bearer  {READ}")), 200);
    let short = &READ[1..];
    for wrong in [
        "Authorization: Bearer".to_owned(),
        "Authorization: Bearer ".to_owned(),
        format!("Authorization: Bearer {short}"),
        format!("Authorization: Bearer {READ}x"),
        format!("Authorization: Basic {READ}"),
        format!("Authorization: {READ}"),
        format!("Cookie: token={READ}"),
        format!("X-Api-Key: {READ}"),
    ] {
        assert_eq!(with(&wrong), 401, "{wrong}");
    }
    assert_eq!(site.call("", "GET", &format!("{path}?token={READ}"), None).status, 401);
    for token in [READ, OPERATE, ADMIN] {
        assert!(!site.daemon.log().contains(token), "{}", site.daemon.log());
    }
}

#[test]
fn wrong_tokens_are_slowed_down_and_keep_no_right_one_out() {
    let site = Site::start();
    let wrong = "0".repeat(40);
    let statuses: Vec<_> =
        (0..100).map(|_| site.call(&wrong, "GET", "/api/v1/status", None)).collect();
    assert_eq!(statuses[0].status, 401);
    let last = statuses.last().unwrap();
    assert_eq!(last.status, 429);
    assert!(last.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(site.call(READ, "GET", "/api/v1/status", None).status, 200);
    site.daemon.wait_for_log("reason=\"wrong_token\"");
    assert!(!site.daemon.log().contains(&wrong), "{}", site.daemon.log());
    let metrics = apertur::get(site.daemon.console_url(), "/metrics").unwrap();
    let metrics = String::from_utf8(metrics.body).unwrap();
    for (outcome, at_least) in [("wrong_token", 60), ("throttled", 1)] {
        let line = format!("apertur_bridge_console_total{{outcome=\"{outcome}\"}} ");
        let (_, count) = metrics.split_once(&line).unwrap();
        assert!(count.lines().next().unwrap().parse::<u32>().unwrap() >= at_least, "{metrics}");
    }
}

#[test]
fn without_tokens_there_is_no_api_and_it_says_how_to_have_one() {
    let daemon = Daemon::start(Options::toml(""));
    let answer = apertur::get(daemon.console_url(), "/api/v1/status").unwrap();
    let problem = json(&answer);
    assert_eq!(answer.status, 403);
    assert!(problem["fix"].as_str().unwrap().contains("console.tokens"), "{problem}");
}
