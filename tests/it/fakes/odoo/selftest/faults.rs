//! Planted faults and standing switches.

use std::time::{Duration, Instant};

use super::super::client::{Answer, execute, json2, result, rpc, send};
use super::super::value::Value;
use super::super::{FakeOdoo, Switch, What};
use super::{attach, attach_with, none, plant, post};

#[test]
fn a_lost_answer_leaves_the_attachment_stored() {
    let (odoo, answer) = attach_with(What::LoseAnswer);
    assert!(answer.is_none());
    assert_eq!(odoo.attachments().len(), 1);
    let again = attach(&odoo).expect("the fault was for one call");
    assert_eq!(result(&again), Ok(Value::Int(2)));
}

#[test]
fn a_lost_answer_over_json2_leaves_the_attachment_stored() {
    let odoo = FakeOdoo::start(19);
    plant(&odoo, "ir.attachment.create", 1, What::LoseAnswer);
    let body =
        r#"{"vals_list":[{"name":"p.jpg","datas":"/9j/","res_model":"res.partner","res_id":42}]}"#;
    assert!(json2(&odoo, "ir.attachment/create", body).is_none());
    assert_eq!(odoo.attachments().len(), 1);
    assert_eq!(json2(&odoo, "ir.attachment/create", body).expect("an answer").body, "[2]");
}

#[test]
fn faults_without_work_store_nothing() {
    for what in [
        What::CloseBefore,
        What::HtmlStatus(502),
        What::RetryAfter(503, 7),
        What::SerializationFailure,
        What::OperationalError,
    ] {
        let (odoo, answer) = attach_with(what.clone());
        assert!(odoo.attachments().is_empty(), "{what:?}");
        match what {
            What::CloseBefore => assert!(answer.is_none()),
            What::HtmlStatus(status) | What::RetryAfter(status, _) => {
                let answer = answer.expect("a page");
                assert_eq!(answer.status(), status);
                let after = answer.header("Retry-After");
                assert_eq!(after, (status == 503).then_some("7"));
                assert!(answer.body.starts_with("<html>"));
            }
            _ => {
                let (code, text) = result(&answer.expect("a fault")).expect_err("a fault");
                assert_eq!(code, Value::Int(1));
                assert!(text.contains("\npsycopg2."), "{text}");
            }
        }
    }
}

#[test]
fn faults_after_the_work_leave_it_done() {
    let faults = [
        What::MarshalNone,
        What::HalfAnswer,
        What::Garbage,
        What::DeepXml(2000),
        What::Huge(1 << 20),
        What::Stall(Duration::from_millis(300)),
    ];
    for what in faults {
        let start = Instant::now();
        let (odoo, answer) = attach_with(what.clone());
        assert_eq!(odoo.attachments().len(), 1, "{what:?}");
        let answer = answer.expect("an answer");
        let promised: usize =
            answer.header("Content-Length").and_then(|text| text.parse().ok()).expect("a length");
        match what {
            What::MarshalNone => {
                let (_, text) = result(&answer).expect_err("a fault");
                assert!(
                    text.trim_end()
                        .ends_with("TypeError: cannot marshal None unless allow_none is enabled")
                );
            }
            What::HalfAnswer => assert_eq!(answer.body.len(), promised / 2),
            What::Garbage => {
                assert!(super::super::wire::parse_response(answer.body.as_bytes()).is_err())
            }
            What::DeepXml(depth) => assert_eq!(answer.body.matches("<array>").count(), depth),
            What::Huge(size) => assert!(answer.body.len() > size),
            _ => assert!(start.elapsed() >= Duration::from_millis(300)),
        }
    }
}

#[test]
fn a_fault_hits_as_often_as_it_was_planted_and_only_what_it_names() {
    let odoo = FakeOdoo::start(18);
    plant(&odoo, "*.message_post", 2, What::CloseBefore);
    plant(&odoo, "authenticate", 1, What::CloseBefore);
    let login = [Value::str("prod"), Value::str("bot@example.com"), Value::str("odoo-key"), none()];
    assert!(rpc(&odoo, "common", "version", &[]).is_some());
    assert!(rpc(&odoo, "common", "authenticate", &login).is_none());
    assert_eq!(
        result(&rpc(&odoo, "common", "authenticate", &login).expect("an answer")),
        Ok(Value::Int(7))
    );
    assert!(attach(&odoo).is_some());
    let send = |model: &str, id: i64| {
        execute(&odoo, model, "message_post", vec![Value::ids([id])], none())
    };
    assert!(send("res.partner", 42).is_none());
    assert!(send("project.task", 5).is_none());
    assert!(send("res.partner", 42).is_some());
    let calls = odoo.calls();
    let methods: Vec<&str> = calls.iter().map(|call| call.method.as_str()).collect();
    assert_eq!(methods[..4], ["version", "authenticate", "authenticate", "create"]);
    assert_eq!(methods[4..], ["message_post"; 3], "calls that came to nothing are logged as well");
}

#[test]
fn postgres_goes_down_and_comes_back() {
    let odoo = FakeOdoo::start(19);
    odoo.set(Switch::PostgresDown(true));
    let (code, text) = result(&attach(&odoo).expect("an answer")).expect_err("a fault");
    assert_eq!(code, Value::Int(1));
    assert!(text.contains("\npsycopg2.OperationalError: "), "{text}");
    let answer = json2(&odoo, "res.partner/search_count", r#"{"domain":[]}"#).expect("an answer");
    assert_eq!(
        (answer.status(), answer.header("Content-Type")),
        (404, Some("text/html; charset=utf-8"))
    );
    odoo.set(Switch::PostgresDown(false));
    assert_eq!(result(&attach(&odoo).expect("an answer")), Ok(Value::Int(1)));
}

#[test]
fn a_revoked_key_is_refused_everywhere() {
    let odoo = FakeOdoo::start(19);
    odoo.set(Switch::KeyRevoked(true));
    let login = [Value::str("prod"), Value::str("bot@example.com"), Value::str("odoo-key"), none()];
    assert_eq!(
        result(&rpc(&odoo, "common", "authenticate", &login).expect("an answer")),
        Ok(Value::Bool(false))
    );
    assert_eq!(
        result(&attach(&odoo).expect("an answer")),
        Err((Value::Int(3), "Access Denied".to_owned()))
    );
    assert_eq!(
        json2(&odoo, "res.partner/search", r#"{"domain":[]}"#).expect("an answer").status(),
        401
    );
}

#[test]
fn a_proxy_may_block_json2_while_the_version_is_still_told() {
    let odoo = FakeOdoo::start(19);
    odoo.set(Switch::Json2Enabled(false));
    assert_eq!(json2(&odoo, "res.partner/search", "{}").expect("an answer").status(), 403);
    let raw = send(odoo.port(), "GET /web/version HTTP/1.1\r\nHost: odoo\r\n\r\n", b"")
        .expect("an answer");
    let told = Answer::parse(&raw).expect("an answer").body;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["version"], &told["version_info"][0]), (&"19.0".into(), &19.into()));
    for version in [16, 17, 18] {
        let odoo = FakeOdoo::start(version);
        assert_eq!(json2(&odoo, "res.partner/search", "{}").expect("an answer").status(), 404);
    }
}

#[test]
fn helpdesk_exists_once_it_is_switched_on() {
    let odoo = FakeOdoo::start(18);
    let probe = || {
        let fields = Value::List(vec![Value::str("message_ids")]);
        result(
            &execute(&odoo, "helpdesk.ticket", "fields_get", vec![fields], none())
                .expect("an answer"),
        )
    };
    assert_eq!(probe(), Err((Value::Int(2), "Object helpdesk.ticket doesn't exist".to_owned())));
    odoo.set(Switch::HelpdeskInstalled(true));
    assert!(probe().expect("fields").get("message_ids").is_some());
    let posted = execute(&odoo, "helpdesk.ticket", "message_post", vec![Value::ids([77])], none());
    assert_eq!(result(&posted.expect("an answer")), Ok(Value::Int(1)));
}

#[test]
fn without_write_access_nothing_is_attached_or_posted() {
    let odoo = FakeOdoo::start(18);
    odoo.set(Switch::NoWriteOn("res.partner".to_owned()));
    assert_eq!(result(&attach(&odoo).expect("an answer")).expect_err("a fault").0, Value::Int(4));
    assert_eq!(post(&odoo, none()).expect_err("a fault").0, Value::Int(4));
    assert!(odoo.attachments().is_empty() && odoo.messages().is_empty());
    odoo.set(Switch::WriteOn("res.partner".to_owned()));
    assert_eq!(result(&attach(&odoo).expect("an answer")), Ok(Value::Int(1)));
}

#[test]
fn stopping_cuts_calls_that_are_held_back() {
    let odoo = FakeOdoo::start(18);
    odoo.set(Switch::Slow(Duration::from_secs(30)));
    let port = odoo.port();
    let held = std::thread::spawn(move || send(port, "GET / HTTP/1.1\r\n\r\n", b""));
    plant(&odoo, "version", 1, What::Stall(Duration::from_secs(30)));
    let body = "<?xml version='1.0'?><methodCall><methodName>version</methodName></methodCall>";
    let head = format!("POST /xmlrpc/2/common HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    let stalled = std::thread::spawn(move || send(port, &head, body.as_bytes()));
    while odoo.calls().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let start = Instant::now();
    drop(odoo);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(stalled.join().expect("a thread").is_ok_and(|answer| answer.is_empty()));
    drop(held.join());
}
