//! Every status, and every form of an error.

use std::sync::LazyLock;

use jiff::Timestamp;

use super::*;
use crate::{
    destinations::{
        Shared,
        freshworks::{Product, settings::tests::settings},
    },
    http::Http,
    model::DestinationName,
    system::Clock,
};

/// Reading the system's root certificates takes its time: once is enough.
static WIRE: LazyLock<Wire> = LazyLock::new(|| {
    let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
    let shared = Shared::new(Http::new().unwrap(), clock, std::path::Path::new("/nowhere"));
    let settings = settings(Product::Freshdesk, "https://acme.freshdesk.com");
    Wire::new(DestinationName::parse("desk").unwrap(), settings, &shared)
});

fn fault(status: u16, body: &str) -> Fault {
    Fault::Refused(Box::new(Refusal {
        status: StatusCode::from_u16(status).unwrap(),
        after: None,
        request_id: Some("r-1".to_owned()),
        leads_to: None,
        said: Said::read(body.as_bytes()),
    }))
}

fn failure(fault: Fault, writes: bool) -> Failure {
    let call = Call { writes, ..Call::reading("tickets/17", "do it").of(17) };
    fault.failure(&WIRE, &call)
}

fn means(status: u16, body: &str, writes: bool) -> String {
    let failure = failure(fault(status, body), writes);
    let cause = failure.cause();
    assert!(cause.what.starts_with("Freshdesk did not do it: "), "{cause}");
    assert!(!cause.fix.is_empty() && !cause.fix.ends_with('.'), "{cause}");
    assert!(cause.detail.ends_with("request r-1"), "{cause}");
    let kind = match &failure {
        Failure::Later { .. } => "later",
        Failure::Unknown { .. } => "unknown",
        Failure::Refused { .. } => "refused",
        Failure::Broken { .. } => "broken",
    };
    format!("{kind} {}", cause.kind)
}

#[test]
fn every_status_has_its_meaning() {
    for (status, reading, writing) in [
        (302, "broken protocol", "broken protocol"),
        (400, "refused rejected", "refused rejected"),
        (401, "broken unauthorized", "broken unauthorized"),
        (402, "refused rejected", "refused rejected"),
        (403, "refused forbidden", "refused forbidden"),
        (404, "refused not_found", "refused not_found"),
        (405, "refused not_found", "refused not_found"),
        (406, "refused rejected", "refused rejected"),
        (408, "later timeout", "unknown timeout"),
        (409, "refused rejected", "refused rejected"),
        (410, "refused gone", "refused gone"),
        (413, "refused rejected", "refused too_large"),
        (415, "refused rejected", "refused rejected"),
        (422, "refused rejected", "refused rejected"),
        (429, "later rate_limited", "later rate_limited"),
        (500, "later unavailable", "unknown unavailable"),
        (502, "later unavailable", "unknown unavailable"),
        (503, "later unavailable", "unknown unavailable"),
        (504, "later timeout", "unknown timeout"),
    ] {
        for body in ["", "<html>no</html>", r#"{"code":"x","message":"m"}"#, "[1]", "nonsense"] {
            assert_eq!(means(status, body, false), reading, "{status} {body}");
            assert_eq!(means(status, body, true), writing, "{status} {body}");
        }
    }
}

#[test]
fn codes_of_the_account_stop_the_destination() {
    for (status, code, meaning) in [
        (403, "access_denied", "refused forbidden"),
        (403, "account_suspended", "broken forbidden"),
        (403, "require_feature", "broken forbidden"),
        (403, "password_lockout", "broken unauthorized"),
        (403, "invalid_credentials", "broken unauthorized"),
        (401, "unsupported_authentication_type", "broken unauthorized"),
        (400, "ssl_required", "broken protocol"),
    ] {
        let body = format!(r#"{{"code":"{code}","message":"x"}}"#);
        assert_eq!(means(status, &body, true), meaning, "{status} {code}");
    }
}

#[test]
fn what_else_is_odd_in_an_answer_hides_neither_its_code_nor_its_fields() {
    for rest in [
        r#""message":"m","description":"d""#,
        r#""errors":null"#,
        r#""errors":{"a":1},"message":7,"description":null"#,
        r#""errors":[null,{"field":["x"]}]"#,
    ] {
        let body = format!(r#"{{"code":"account_suspended",{rest}}}"#);
        assert_eq!(means(403, &body, true), "broken forbidden", "{body}");
    }
    let author = r#"{"message":"m","description":"d","errors":[{"field":"user_id"}]}"#;
    assert!(fault(400, author).refuses_author());
}

#[test]
fn a_400_about_the_size_names_the_limit_and_the_setting() {
    for message in [
        r#"{"description":"Validation failed","errors":[{"field":"attachments",
            "message":"Total attachment(s) size cannot exceed 20MB","code":"invalid_size"}]}"#,
        r#"{"description":"x","errors":[{"field":"attachments","message":"is too large"}]}"#,
        r#"{"message":"The attachment exceeds the limit"}"#,
    ] {
        assert_eq!(means(400, message, true), "refused too_large", "{message}");
    }
    let refused = failure(fault(413, ""), true);
    let fix = "set `destination.desk.max_attachment` (now 19922944 bytes)";
    assert!(refused.cause().fix.starts_with(fix), "{}", refused.cause());
    let array = r#"{"errors":[{"field":"attachments","message":"It should be a/an Array"}]}"#;
    assert_eq!(means(400, array, true), "refused rejected");
    let chat = r#"{"errors":[{"field":"structured_body","message":"missing"}]}"#;
    assert!(failure(fault(400, chat), true).cause().fix.contains("\"internal\""));
}

#[test]
fn the_words_of_both_shapes_are_kept_and_no_page() {
    let detail = |body: &str| failure(fault(400, body), true).cause().detail.clone();
    assert_eq!(detail(r#"{"code":"c","message":"m"}"#), "c; m; request r-1");
    let fields = r#"{"description":"d","errors":[{"field":"f","message":"m","code":"c"},{}]}"#;
    assert_eq!(detail(fields), "d; f m c; ; request r-1");
    let both = r#"{"message":"m","description":"d","errors":["e",7,{"field":1}]}"#;
    assert_eq!(detail(both), "m; d; e; ; ; request r-1");
    assert_eq!(detail("<!DOCTYPE html><p>secret</p>"), "an HTML page; request r-1");
    assert!(detail(&"x".repeat(5000)).len() <= 600);
}
