//! Every status and every form of an error.

use bytes::Bytes;

use super::*;
use crate::destinations::{Message, pace::Told, zendesk::Login};

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        told: Told::default(),
        after: Some(Duration::from_secs(7)),
        request: Some("abc-1".to_owned()),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn settings() -> Settings {
    Settings {
        base_url: "https://acme.zendesk.com".parse().unwrap(),
        agent_url: "https://acme.zendesk.com".parse().unwrap(),
        login: Login::ApiToken { email: "a@b".to_owned(), token: "t".into() },
        default_mode: crate::model::Mode::Internal,
        message: Message::default(),
        max_attachment: 1 << 20,
        writes_per_minute: 50,
        timeout: Duration::from_secs(1),
        concurrency: 1,
    }
}

/// `later`, `unknown`, `refused` or `broken`, and the word for it.
fn means(status: u16, body: &str, doing: Doing) -> String {
    let failure = Fault::of(&answer(status, body)).failure(doing, "do it", &settings());
    let cause = failure.cause();
    assert!(cause.what.starts_with("Zendesk did not do it: HTTP "), "{cause}");
    assert!(!cause.fix.is_empty() && !cause.fix.ends_with('.'), "{cause}");
    let kind = match &failure {
        Failure::Later { after, .. } => {
            assert_eq!(*after, Some(Duration::from_secs(7)), "{cause}");
            "later"
        }
        Failure::Unknown { .. } => "unknown",
        Failure::Refused { .. } => "refused",
        Failure::Broken { .. } => "broken",
    };
    format!("{kind} {}", cause.kind)
}

const NOT_FOUND: &str = r#"{"error": "RecordNotFound", "description": "Not found"}"#;
const NO_ENDPOINT: &str = r#"{"error": "InvalidEndpoint", "description": "Not found"}"#;

#[test]
fn every_status_has_its_meaning() {
    for (status, body, reading, uploading, commenting) in [
        (302, "", "broken protocol", "broken protocol", "broken protocol"),
        (400, "{}", "refused rejected", "refused rejected", "refused rejected"),
        (401, "", "broken unauthorized", "broken unauthorized", "broken unauthorized"),
        (402, "", "broken forbidden", "broken forbidden", "broken forbidden"),
        (403, "{}", "refused forbidden", "broken forbidden", "refused forbidden"),
        (404, NOT_FOUND, "refused not_found", "broken not_found", "refused not_found"),
        (404, NO_ENDPOINT, "broken not_found", "broken not_found", "broken not_found"),
        (404, "<html>", "broken not_found", "broken not_found", "broken not_found"),
        (408, "", "later timeout", "later timeout", "unknown timeout"),
        (409, "{}", "later unavailable", "later unavailable", "later unavailable"),
        (413, "", "refused too_large", "refused too_large", "refused too_large"),
        (422, "{}", "refused rejected", "refused rejected", "refused rejected"),
        (429, "", "later rate_limited", "later rate_limited", "later rate_limited"),
        (500, "", "later unavailable", "later unavailable", "unknown unavailable"),
        (503, "", "later unavailable", "later unavailable", "unknown unavailable"),
        (504, "", "later timeout", "later timeout", "unknown timeout"),
    ] {
        assert_eq!(means(status, body, Doing::Reading), reading, "{status} {body}");
        assert_eq!(means(status, body, Doing::Uploading), uploading, "{status} {body}");
        assert_eq!(means(status, body, Doing::Commenting), commenting, "{status} {body}");
    }
    let scope = r#"{"error": "Forbidden", "description": "You are missing a scope"}"#;
    assert_eq!(means(403, scope, Doing::Reading), "broken forbidden");
    let size = r#"{"error": "AttachmentUnprocessable", "description": "File is too large"}"#;
    assert_eq!(means(422, size, Doing::Uploading), "refused too_large");
}

#[test]
fn every_form_of_an_error_is_put_in_words() {
    let closed = r#"{"error": "RecordInvalid", "description": "Record validation errors",
        "details": {"status": [{"description": "closed prevents ticket update"}]}}"#;
    for (body, name, words) in [
        (NOT_FOUND, "RecordNotFound", "RecordNotFound: Not found"),
        (
            r#"{"error": {"title": "Forbidden", "message": "No access"}}"#,
            "",
            "Forbidden: No access",
        ),
        (
            r#"{"errors": [{"code": "Invalid", "title": "A", "detail": "B"}]}"#,
            "Invalid",
            "Invalid: A: B",
        ),
        (r#"{"error": "Couldn't authenticate you"}"#, "", "Couldn't authenticate you"),
        (
            closed,
            "RecordInvalid",
            "RecordInvalid: Record validation errors: closed prevents ticket update",
        ),
        ("Too many requests\nsecond line", "", "Too many requests"),
        ("<html><body>token</body></html>", "", ""),
        ("[1]", "", ""),
        ("", "", ""),
        (r#"{"error": 7, "errors": 7, "details": [7]}"#, "", ""),
    ] {
        let fault = Fault::of(&answer(422, body));
        assert_eq!((fault.name.as_str(), fault.words.as_str()), (name, words), "{body}");
    }
}

#[test]
fn a_422_on_a_comment_is_told_apart_by_what_it_names() {
    let about = |field: &str, why: &str| {
        let body = serde_json::json!({
            "error": "RecordInvalid", "description": "Record validation errors",
            "details": {field: [{"description": why}]},
        });
        Fault::of(&answer(422, &body.to_string()))
    };
    let author = about("author_id", "is not valid");
    assert!(author.is_about_author() && !author.is_about_uploads());
    let other = about("base", "You are not authorized, nor authorised as coauthors");
    assert!(!other.is_about_author());
    let author = about("base", "The requester is suspended");
    assert!(author.is_about_author() && !author.is_about_uploads());
    let files = about("base", "Upload token is invalid");
    assert!(files.is_about_uploads() && !files.is_about_author());
    assert!(Fault::of(&answer(404, NOT_FOUND)).is_about_uploads());
    let closed = about("status", "Status: closed prevents ticket update");
    assert!(!closed.is_about_uploads() && !closed.is_about_author());
    let failure = closed.failure(Doing::Commenting, "add the comment", &settings());
    assert_eq!(failure.cause().fix, FIX_CLOSED);
}
