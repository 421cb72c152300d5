//! What differs between the versions.

use super::super::client::{Answer, execute, result, rpc, send};
use super::super::value::Value;
use super::super::{FakeOdoo, Seed, Switch};
use super::{VERSIONS, none, photo, post};

/// The head of a JPEG with this many pixels each way.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.resize(3000, 1);
    bytes
}

#[test]
fn other_chatter_models_come_with_the_seed() {
    let seed = Seed { models: vec![("crm.lead".to_owned(), vec![9])], ..Seed::default() };
    let odoo = FakeOdoo::start_with(17, seed);
    let posted = execute(&odoo, "crm.lead", "message_post", vec![Value::ids([9])], none());
    assert_eq!(result(&posted.expect("an answer")), Ok(Value::Int(1)));
    assert_eq!(odoo.messages()[0].model, "crm.lead");
}

#[test]
fn a_user_without_an_address_posts_on_19_only() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start_with(version, Seed { bot_has_email: false, ..Seed::default() });
        assert_eq!(post(&odoo, none()).is_ok(), version == 19, "{version}");
        odoo.set(Switch::UserWithoutEmail(false));
        assert!(post(&odoo, none()).is_ok(), "{version}");
        odoo.set(Switch::UserWithoutEmail(true));
        assert_eq!(post(&odoo, none()).is_ok(), version == 19, "{version}");
    }
}

#[test]
fn each_version_keeps_to_the_measured_table() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let body = Value::object([("body", Value::str("<b>x</b>"))]);
        let id = if version >= 19 { Value::ids([1]) } else { Value::Int(1) };
        assert_eq!(post(&odoo, body), Ok(id), "{version}: the answer of message_post");
        let html = if version == 16 { "<p><b>x</b></p>" } else { "<p>&lt;b&gt;x&lt;/b&gt;</p>" };
        assert_eq!(odoo.messages()[0].body, html, "{version}: HTML in a plain body");
        let html =
            Value::object([("body", Value::str("<b>x</b>")), ("body_is_html", Value::Bool(true))]);
        assert!(post(&odoo, html).is_ok());
        assert_eq!(odoo.messages()[1].body, "<p><b>x</b></p>", "{version}: body_is_html");
        let unknown = post(&odoo, Value::object([("no_such", Value::Int(1))]));
        assert_eq!(unknown.is_ok(), version == 16, "{version}: unknown keyword");
        let stray = execute(
            &odoo,
            "ir.attachment",
            "create",
            vec![photo(b"x", "res.partner", 999)],
            none(),
        );
        assert_eq!(
            result(&stray.expect("an answer")).is_ok(),
            version <= 18,
            "{version}: attachment on nothing"
        );
        let call = |method: &str, more: Option<&str>| {
            let args = std::iter::once(Value::ids([42])).chain(more.map(Value::str)).collect();
            result(&execute(&odoo, "res.partner", method, args, none()).expect("an answer")).is_ok()
        };
        assert_eq!(call("exists", None), version <= 18, "{version}: exists");
        assert_eq!(call("has_access", Some("write")), version >= 18, "{version}: has_access");
        assert_eq!(call("name_get", None), version <= 17, "{version}: name_get");
        let login = [Value::str("prod"), Value::str("bot@example.com"), Value::str(""), none()];
        let empty = result(&rpc(&odoo, "common", "authenticate", &login).expect("an answer"));
        assert_eq!(empty.is_ok(), version != 18, "{version}: empty password");
    }
}

#[test]
fn a_stray_attachment_is_found_by_nobody_and_read_on_16_only() {
    for version in [16, 17, 18] {
        let odoo = FakeOdoo::start(version);
        execute(&odoo, "ir.attachment", "create", vec![photo(b"x", "res.partner", 999)], none())
            .expect("an answer");
        let read = execute(&odoo, "ir.attachment", "read", vec![Value::ids([1])], none())
            .expect("an answer");
        assert_eq!(result(&read).is_ok(), version == 16, "{version}");
        let leaf =
            Value::List(vec![Value::str("description"), Value::str("="), Value::str("apertur:1")]);
        let found =
            execute(&odoo, "ir.attachment", "search", vec![Value::List(vec![leaf])], none());
        assert_eq!(result(&found.expect("an answer")), Ok(Value::ids([])), "{version}");
    }
}

#[test]
fn big_pictures_are_changed_unless_the_context_says_no() {
    let odoo = FakeOdoo::start(18);
    let keep =
        Value::object([("context", Value::object([("image_no_postprocess", Value::Bool(true))]))]);
    for (picture, kwargs) in
        [(jpeg(1920, 1920), none()), (jpeg(1921, 10), none()), (jpeg(1921, 10), keep)]
    {
        execute(&odoo, "ir.attachment", "create", vec![photo(&picture, "res.partner", 42)], kwargs)
            .expect("an answer");
    }
    let all = odoo.attachments();
    assert_eq!(all.iter().map(|one| one.postprocessed).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(odoo.content(3).as_deref(), Some(jpeg(1921, 10).as_slice()));
    assert_ne!(odoo.content(2), odoo.content(3));
    assert_ne!(all[1].sha256, all[2].sha256);
}

#[test]
fn bodies_above_128_mib_are_refused_unread_from_17_on() {
    for version in [17, 18, 19] {
        let odoo = FakeOdoo::start(version);
        let head = format!(
            "POST /xmlrpc/2/object HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
            (128 << 20) + 1
        );
        let answer = Answer::parse(&send(odoo.port(), &head, b"<?xml").expect("an answer"))
            .expect("an answer");
        assert_eq!(answer.status(), 413, "{version}");
    }
}

#[test]
fn an_inactive_language_fails_the_call_from_17_on() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let french =
            || Value::object([("context", Value::object([("lang", Value::str("fr_FR"))]))]);
        assert_eq!(post(&odoo, french()).is_ok(), version == 16, "{version}");
        odoo.set(Switch::Language("fr_FR".to_owned()));
        assert!(post(&odoo, french()).is_ok(), "{version}");
    }
}
