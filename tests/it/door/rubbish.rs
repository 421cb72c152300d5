//! Signed rubbish: whatever comes from somebody who knows the secret is answered clearly.

use std::ops::RangeInclusive;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use super::{door, post};
use crate::{
    daemon::Daemon,
    fakes::apertur::{Framing, Photo, Request},
    look,
};

/// Asserts a clear answer: 400 or 415 with its word and a text, or 200 `ignored`.
fn refused(daemon: &Daemon, request: Request) {
    let answered = post(daemon, &request.clone().signed());
    let shown = String::from_utf8_lossy(&request.body[..request.body.len().min(300)]).into_owned();
    match (answered.status, answered.word().as_str()) {
        (400, "malformed") | (415, "unsupported") => {
            let body: Value = serde_json::from_slice(&answered.body).unwrap();
            let detail = body["detail"].as_str().unwrap_or_default();
            assert!(detail.len() > 10 && !detail.ends_with('.'), "{detail} for {shown}");
        }
        (200, "ignored") => {}
        (status, word) => panic!("{status} {word} for {:?} {shown}", request.headers),
    }
}

fn json_text(text: impl Into<Vec<u8>>) -> Request {
    Request::new("application/json", text)
}

fn form(boundary: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::new(&format!("multipart/form-data; boundary={boundary}"), body)
}

#[test]
fn json_that_is_none_or_says_nothing_is_malformed() {
    let daemon = door("");
    for text in [
        "",
        " ",
        "null",
        "1",
        "\"text\"",
        "[]",
        "{",
        "{}",
        "{]",
        "{\"a\"}",
        "{\"topic\":1}",
        "{\"topic\":\"image.delivered\"",
        "{\"topic\":\"image.delivered\"}}",
        "\u{feff}{}",
        "{\"topic\":\"image.delivered\",\"data\":{\"id\":{}}}",
        "{\"topic\":\"image.delivered\",\"data\":{\"id\":\"\"}}",
        "{\"topic\":\"image.delivered\",\"data\":{\"id\":\"a b\"}}",
        "{\"topic\":\"image.delivered\",\"data\":{\"id\":1.5}}",
        "{\"topic\":\"image.delivered\",\"data\":{\"id\":-1}}",
        "{\"topic\":\"image.delivered\",\"data\":{\"id\":\"a\",\"id\":\"b\"}}",
        "{\"topic\":\"image.delivered\",\"topic\":\"image.uploaded\",\"data\":{\"id\":\"a\"}}",
        "{\"topic\":\"image.delivered\",\"data\":{\"id\":\"a\",\"session_id\":[]}}",
        "{\"topic\":\"image.delivered\",\"data\":{\"id\":\"a\",\"session_id\":\"\\u0000\"}}",
        "{\"data\":\"/9j/\"}",
        "{\"data\":\"\"}",
        "{\"data\":\"%%%\",\"image_id\":\"a\"}",
        "{\"data\":\"/9j\\u002f\\ud800\",\"image_id\":\"a\"}",
        "{\"data\":\"/9j/\",\"image_id\":\"a\",\"size_bytes\":4}",
        "{\"data\":\"/9j/\",\"data\":\"/9j/\",\"image_id\":\"a\"}",
        "{\"data\":\"/9j/\",\"image_id\":\"a\"",
        "{\"data\":\"/9j/",
        "{\"image_id\":\"a\",\"data\":7}",
        "{\"topic\":\"image.delivered\",\"data\":\"/9j/\"}",
        "{\"data\":\"R0lGOD=lh\",\"image_id\":\"a\"}",
        "{\"data\":\"/9j/=\",\"image_id\":\"a\"}",
    ] {
        refused(&daemon, json_text(text));
    }
    for text in [&b"\xff\xfe{}"[..], b"{\"topic\":\"\xff\"}", b"{\"\xc3\x28\":1}", b"\0\0\0\0"] {
        refused(&daemon, json_text(text));
    }
    // Read as JSON, forms and pictures are none.
    refused(&daemon, json_text(Photo::new("a").multipart().body));
    refused(&daemon, json_text(Photo::of_size("a", 200_000).bytes));
    refused(&daemon, form("XX", Photo::new("a").json_base64().body));
    look::assert_untouched(&daemon);
    look::assert_well(&daemon);
}

#[test]
fn json_that_is_too_deep_or_too_much_is_malformed() {
    let daemon = door("");
    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let long_id =
        format!("{{\"topic\":\"image.delivered\",\"data\":{{\"id\":{:?}}}}}", "a".repeat(201));
    for text in [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        deep("{\"data\":", "}"),
        long_id,
        format!(
            "{{\"topic\":\"image.delivered\",\"data\":{{\"id\":\"a\",\"tags\":{}}}}}",
            deep("[", "]")
        ),
        format!("{{\"topic\":{:?}}}", "x".repeat(3_000_000)),
        format!("{{\"image_id\":\"a\",\"data\":\"{}\"}}", "/9j/".repeat(50_000) + "!"),
        format!("{{\"image_id\":\"a\",\"data\":\"{}", "/9j/".repeat(50_000)),
        format!(
            "{{\"image_id\":\"a\",\"filename\":{:?},\"data\":\"/9j/\"}}",
            "x".repeat(3_000_000)
        ),
        format!("{{\"image_id\":\"a\",\"data\":\"{0}\",\"data\":\"{0}\"}}", "/9j/".repeat(50_000)),
        format!(
            "{{{}\"z\":1}}",
            (0..200_000).map(|n| format!("\"k{n}\":{n},")).collect::<String>()
        ),
        format!("{{\"data\":[{}1]}}", "1,".repeat(1_000_000)),
    ] {
        refused(&daemon, json_text(text));
    }
    look::assert_untouched(&daemon);
    look::assert_well(&daemon);
}

#[test]
fn forms_that_are_none_are_malformed() {
    let daemon = door("");
    let good = Photo::new("img_1").tag("a:b").multipart().body;
    let part = |name: &str, more: &str, body: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{body}\r\n")
    };
    let file = "; filename=\"a.jpg\"";
    for body in [
        String::new(),
        "--XX--\r\n".to_owned(),
        "--XX\r\n".to_owned(),
        "XX".to_owned(),
        "--XX\r\n\r\n\r\n--XX--\r\n".to_owned(),
        part("image", file, "no picture") + "--XX--\r\n",
        part("image", file, "") + "--XX--\r\n",
        part("text", "", "only") + "--XX--\r\n",
        part("image", file, "GIF89a") + &part("image", file, "GIF89a") + "--XX--\r\n",
        part("image", file, "GIF89a"),
        part("image", file, "GIF89a") + &part("big", "", &"x".repeat(100_000)) + "--XX--\r\n",
        (0..300).map(|n| part(&format!("f{n}"), "", "x")).collect::<String>() + "--XX--\r\n",
        format!("--XX\r\n{}: x\r\n\r\n", "h".repeat(200_000)),
        format!("--XX\r\n{}\r\nGIF89a\r\n--XX--\r\n", "A: b\r\n".repeat(5_000)),
        "--XX\r\nContent-Disposition: attachment\r\n\r\nGIF89a\r\n--XX--\r\n".to_owned(),
        "--XX\r\nContent-Disposition: form-data; name=\"\u{7f}\r\n\r\nGIF89a\r\n--XX--\r\n"
            .to_owned(),
    ] {
        refused(&daemon, form("XX", body));
    }
    for content_type in [
        "multipart/form-data",
        "multipart/form-data;",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"",
        "multipart/form-data; boundary=YY",
        "multipart/mixed; boundary=XX",
        "multipart/form-data boundary=XX",
    ] {
        refused(&daemon, Request::new(content_type, good.clone()));
    }
    let long = "b".repeat(5_000);
    refused(&daemon, form(&long, good.clone()));
    for end in (0..good.len() - 4).step_by(40) {
        refused(&daemon, form("XX", &good[..end]));
    }
    look::assert_untouched(&daemon);
    look::assert_well(&daemon);
}

/// Runs that many generated cases, always the same ones.
fn cases<T: std::fmt::Debug>(
    count: u32,
    strategy: &impl Strategy<Value = T>,
    test: impl Fn(T) -> Result<(), TestCaseError>,
) {
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let seed = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    TestRunner::new_with_rng(config, seed).run(strategy, test).unwrap();
}

fn wild_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[A-Za-z0-9+/_=-]{0,40}".prop_map(Value::from),
        Just(json!("image.delivered")),
        Just(json!("project.upload.completed")),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = [
        "topic",
        "event",
        "type",
        "data",
        "id",
        "image_id",
        "imageId",
        "session_id",
        "tags",
        "metadata",
        "odoo",
        "model",
        "res_id",
        "mode",
        "size_bytes",
        "mime_type",
        "filename",
        "download_url",
        "project_id",
        "image_index",
        "timestamp",
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

/// Answers to bodies that may happen to be good ones.
const CLEAR: [RangeInclusive<u16>; 3] = [200..=200, 400..=400, 415..=415];

fn clear(daemon: &Daemon, request: &Request) -> Result<(), TestCaseError> {
    let answered = post(daemon, &request.clone().signed());
    prop_assert!(CLEAR.iter().any(|c| c.contains(&answered.status)), "{}", answered.status);
    prop_assert!(!answered.word().is_empty());
    Ok(())
}

#[test]
fn five_hundred_wild_bodies_are_answered_clearly() {
    let daemon = door("");
    let types = prop::sample::select(vec![
        "application/json",
        "application/octet-stream",
        "image/png",
        "multipart/form-data",
        "multipart/form-data; boundary=XX",
        "text/html",
        "application/json; charset=utf-16",
        "",
    ]);
    let framing = prop_oneof![Just(Framing::Length), (1..500_usize).prop_map(Framing::Chunked)];
    let bytes = prop::collection::vec(any::<u8>(), 0..600);
    cases(200, &(types, bytes, framing), |(content_type, bytes, framing)| {
        clear(&daemon, &Request::new(content_type, bytes).framing(framing))
    });
    let object = prop::collection::hash_map(key(), wild_json(), 0..10)
        .prop_map(|members| Value::Object(members.into_iter().collect()));
    cases(200, &object, |object| clear(&daemon, &Request::json(&object)));
    let photo = Photo::of_size("img_1", 400).tag("a:b").odoo("res.partner", 1, "public");
    let good = vec![
        photo.event("image.delivered", Some("http://127.0.0.1:1/")),
        photo.json_base64(),
        photo.multipart(),
        photo.binary(),
    ];
    let splice = (prop::sample::select(good), any::<prop::sample::Index>(), 0..40_usize);
    let splice = (splice, prop::collection::vec(any::<u8>(), 0..40));
    cases(200, &splice, |((mut request, at, cut), bytes)| {
        let at = at.index(request.body.len());
        let end = (at + cut).min(request.body.len());
        drop(request.body.splice(at..end, bytes));
        clear(&daemon, &request)
    });
    look::assert_well(&daemon);
}
