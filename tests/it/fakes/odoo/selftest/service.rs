//! The log, the state and what a hostile client finds.

use super::super::client::{Answer, execute, result, send};
use super::super::value::Value;
use super::super::{FakeOdoo, Seed};
use super::{attach, none, photo, post};

#[test]
fn the_log_shows_arguments_and_context_but_no_file_contents() {
    let odoo = FakeOdoo::start(18);
    let context = Value::object([("image_no_postprocess", Value::Bool(true))]);
    let vals = photo(&[7; 300], "res.partner", 42);
    execute(&odoo, "ir.attachment", "create", vec![vals], Value::object([("context", context)]))
        .expect("an answer");
    let call = odoo.calls().remove(0);
    assert_eq!((call.api, call.uid), ("xmlrpc", Some(7)));
    assert_eq!(call.args[0]["datas"], 400);
    assert_eq!(call.args[0]["description"], "apertur:1");
    assert_eq!(call.context["image_no_postprocess"], true);
    odoo.forget_calls();
    assert!(odoo.calls().is_empty());
}

#[test]
fn a_refused_message_leaves_nothing_behind() {
    let odoo = FakeOdoo::start(18);
    let pair = Value::List(vec![Value::str("t.txt"), Value::str("text")]);
    let kwargs = Value::object([
        ("attachments", Value::List(vec![pair])),
        ("partner_ids", Value::ids([999])),
    ]);
    assert_eq!(post(&odoo, kwargs).expect_err("a fault").0, Value::Int(2));
    assert!(odoo.attachments().is_empty() && odoo.messages().is_empty());
}

#[test]
fn a_stopped_server_refuses_and_its_state_goes_on_at_the_same_port() {
    let odoo = FakeOdoo::start(19);
    attach(&odoo).expect("an answer");
    let port = odoo.port();
    let state = odoo.stop();
    assert!(send(port, "GET / HTTP/1.1\r\n\r\n", b"").is_err());
    let odoo = FakeOdoo::start_on(19, Seed::from_state(state), port);
    assert_eq!(odoo.url(), format!("http://127.0.0.1:{port}"));
    assert_eq!(odoo.attachments().len(), 1);
    assert_eq!(result(&attach(&odoo).expect("an answer")), Ok(Value::Int(2)));
}

#[test]
fn parallel_deliveries_are_all_stored_as_there_is_no_uniqueness() {
    let odoo = FakeOdoo::start(18);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| attach(&odoo).expect("an answer"));
        }
    });
    let mut ids: Vec<i64> = odoo.attachments().iter().map(|one| one.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[test]
fn with_several_databases_json2_needs_the_header() {
    let odoo = FakeOdoo::start_with(19, Seed { several_databases: true, ..Seed::default() });
    let body = r#"{"domain":[]}"#;
    let head = |more: &str| {
        format!(
            "POST /json/2/res.country/search HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer odoo-key\r\n{more}Content-Length: 13\r\n\r\n"
        )
    };
    let status = |more: &str| {
        Answer::parse(&send(odoo.port(), &head(more), body.as_bytes()).expect("an answer"))
            .expect("an answer")
            .status()
    };
    assert_eq!(status(""), 404);
    assert_eq!(status("X-Odoo-Database: prod\r\n"), 200);
    assert_eq!(status("X-Odoo-Database: other\r\n"), 404);
}

#[test]
fn hostile_requests_get_a_fault_and_the_server_lives() {
    let odoo = FakeOdoo::start(18);
    let deep = format!(
        "<?xml version='1.0'?><methodCall><params>{}",
        "<value><array><data>".repeat(100_000)
    );
    for (body, wanted) in [
        (deep.as_str(), "RecursionError: maximum recursion depth exceeded"),
        ("<a><b></a>", "xml.parsers.expat.ExpatError: mismatched tag: line 1, column 6"),
        ("<a>", "xml.parsers.expat.ExpatError: no element found: line 1, column 3"),
        ("hello", "xml.parsers.expat.ExpatError: syntax error: line 1, column 0"),
        (
            "<a>\u{1}</a>",
            "xml.parsers.expat.ExpatError: not well-formed (invalid token): line 1, column 3",
        ),
    ] {
        let head =
            format!("POST /xmlrpc/2/object HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
        let answer = Answer::parse(&send(odoo.port(), &head, body.as_bytes()).expect("an answer"))
            .expect("an answer");
        let (_, text) = result(&answer).expect_err("a fault");
        assert_eq!(text.lines().last(), Some(wanted));
    }
    assert_eq!(result(&attach(&odoo).expect("an answer")), Ok(Value::Int(1)));
}

#[test]
fn records_come_and_go_behind_the_clients_back() {
    let odoo = FakeOdoo::start(18);
    odoo.add_record("res.partner", 50, "New");
    let post = || {
        let answer = execute(&odoo, "res.partner", "message_post", vec![Value::ids([50])], none());
        result(&answer.expect("an answer"))
    };
    assert_eq!(post(), Ok(Value::Int(1)));
    odoo.remove_record("res.partner", 50);
    assert_eq!(post().expect_err("a fault").0, Value::Int(2));
    attach(&odoo).expect("an answer");
    odoo.remove_record("ir.attachment", 1);
    assert!(odoo.attachments().is_empty() && odoo.content(1).is_none());
}
