//! What goes wrong is told alike everywhere, with the next step.

use serde_json::{Value, json};

use super::{OPERATE, READ, Site, json};
use crate::fakes::apertur::{self, Answer};

/// A problem as RFC 9457 writes it.
fn problem(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = json(answer);
    assert_eq!(problem["status"], answer.status, "{problem}");
    let kind = problem["type"].as_str().unwrap();
    assert!(kind.starts_with("urn:apertur-bridge:problem:"), "{kind}");
    for field in ["title", "detail", "fix"] {
        assert!(!problem[field].as_str().unwrap().is_empty(), "{problem}");
    }
    problem
}

#[test]
fn every_refusal_is_a_problem_with_its_remedy() {
    let site = Site::start();
    let with = |head: &str, body: &str| {
        let text = format!(
            "{head}\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {OPERATE}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        apertur::raw(site.daemon.console_url(), text.as_bytes()).unwrap()
    };
    let json_type = "\r\nContent-Type: application/json";
    let post = "POST /api/v1/deliveries/replay HTTP/1.1";
    for (head, body, status) in [
        ("GET /api HTTP/1.1".to_owned(), String::new(), 404),
        ("GET /api/v2/status HTTP/1.1".to_owned(), String::new(), 404),
        ("GET /api/v1/nothing HTTP/1.1".to_owned(), String::new(), 404),
        ("GET /api/v1/deliveries/4711 HTTP/1.1".to_owned(), String::new(), 404),
        ("GET /api/v1/deliveries/%00 HTTP/1.1".to_owned(), String::new(), 400),
        ("GET /api/v1/photos/%20 HTTP/1.1".to_owned(), String::new(), 400),
        ("GET /api/v1/runs/x HTTP/1.1".to_owned(), String::new(), 400),
        ("GET /api/v1/sessions/4711 HTTP/1.1".to_owned(), String::new(), 404),
        ("GET /api/v1/status?colour=red HTTP/1.1".to_owned(), String::new(), 400),
        ("POST /api/v1/destinations/none/test HTTP/1.1".to_owned(), String::new(), 404),
        ("DELETE /api/v1/deliveries HTTP/1.1".to_owned(), String::new(), 405),
        ("GET /api/v1/deliveries/replay HTTP/1.1".to_owned(), String::new(), 405),
        ("POST /api/v1/openapi.json HTTP/1.1".to_owned(), String::new(), 405),
        (format!("{post}{json_type}"), "{".to_owned(), 400),
        (format!("{post}{json_type}"), "{\"all\":true}x".to_owned(), 400),
        (format!("{post}{json_type}"), "[]".to_owned(), 400),
        (format!("{post}{json_type}"), String::new(), 400),
        (format!("{post}{json_type}"), format!("\"{}\"", "x".repeat(70_000)), 413),
        (format!("{post}\r\nContent-Type: text/plain"), "{\"all\":true}".to_owned(), 415),
        (post.to_owned(), "{\"all\":true}".to_owned(), 415),
    ] {
        let answer = with(&head, &body);
        assert_eq!(answer.status, status, "{head} {}", String::from_utf8_lossy(&answer.body));
        problem(&answer);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{head}");
    }
    let other = with("DELETE /api/v1/sessions HTTP/1.1", "");
    assert_eq!(other.header("allow"), Some("GET, POST"));
}

#[test]
fn a_field_that_is_wrong_is_named() {
    let site = Site::start();
    let answer = site.call(READ, "GET", "/api/v1/deliveries?state=lost", None);
    let problem = problem(&answer);
    assert_eq!(problem["field"], "state");
    assert!(problem["fix"].as_str().unwrap().contains("waiting, due"), "{problem}");
    let body = json!({"filter": {"id": ["x"]}});
    let answer = site.call(OPERATE, "POST", "/api/v1/deliveries/replay", Some(&body));
    assert_eq!(json(&answer)["field"], "filter.id[0]");
}
