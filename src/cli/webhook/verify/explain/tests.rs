//! Every explanation, from a request that was spoilt in just that way.

use actix_web::http::header::{HeaderName, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::*;
use crate::webhook::Signer;

const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const BODY: &[u8] =
    r#"{"topic":"image.delivered","data":{"id":"a/b","filename":"pé.jpg"}}"#.as_bytes();
const AT: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(AT).unwrap()
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hex_of(key: &[u8], message: &[u8]) -> String {
    format!("sha256={}", hex::encode(mac(key, message)))
}

/// Explains a request, with the secrets and a body, five minutes being the largest age.
fn explained(headers: &[(&str, &str)], body: &[u8], secrets: &[&str]) -> Explained {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    let secrets: Vec<_> = secrets.iter().map(|text| SecretString::from(*text)).collect();
    let max_age = Duration::from_mins(5);
    explain(&Request { headers: &map, body, secrets: &secrets, max_age, now: now() })
}

fn signed(scheme: Scheme, body: &[u8]) -> Vec<(&'static str, String)> {
    Signer::new(scheme, &SECRET.into()).unwrap().sign("msg_1", now(), body)
}

fn refused(headers: &[(&str, &str)], body: &[u8], secrets: &[&str], part: &str) {
    let said = explained(headers, body, secrets);
    assert!(!said.verified, "{part}");
    assert!(said.why.iter().any(|why| why.contains(part)), "{part}: {:#?}", said.why);
    assert!(said.why.iter().all(|why| !why.ends_with('.')), "{:#?}", said.why);
    let all = format!("{said:?}");
    assert!(secrets.iter().all(|secret| secret.len() < 8 || !all.contains(secret)), "{all}");
}

/// A body is signed as `sent` and seen as `seen`.
fn changed(sent: &[u8], seen: &[u8], part: &str) {
    for scheme in [Scheme::Body, Scheme::Timestamped, Scheme::Svix] {
        let headers = signed(scheme, sent);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        refused(&headers, seen, &["another", SECRET], part);
    }
}

#[test]
fn every_scheme_verifies_and_says_with_which_secret() {
    for scheme in [Scheme::Body, Scheme::Timestamped, Scheme::Svix] {
        let headers = signed(scheme, BODY);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let said = explained(&headers, BODY, &["another", SECRET]);
        assert!(said.verified && said.why.is_empty(), "{said:?}");
        let (_, text) = said.facts.iter().find(|(label, _)| label == "secret 2").unwrap();
        assert!(text.ends_with("..., the same"), "{text}");
    }
}

#[test]
fn bodies_that_changed_on_their_way_are_recognised() {
    let with = |end: &[u8]| [BODY, end].concat();
    changed(BODY, &with(b"\n"), "ends in a newline that was not signed");
    changed(BODY, &with(b"\r\n"), "ends in a CR LF that was not signed");
    changed(&with(b"\n"), BODY, "a newline at the end of the body was signed and is not here");
    changed(BODY, &["\u{feff}".as_bytes(), BODY].concat(), "byte order mark that was not signed");
    changed(&["\u{feff}".as_bytes(), BODY].concat(), BODY, "byte order mark was signed");
    changed(b"a\r\nb\r\n", b"a\nb\n", "lines end in LF here and ended in CR LF");
    changed(b"a\nb\n", b"a\r\nb\r\n", "lines end in CR LF here and ended in LF");
    changed(b"", BODY, "that of an empty body");
    changed(BODY, b"something else", "no usual mistake gives this signature");
    changed(BODY, "\u{fffd}\u{fffd}".as_bytes(), "something read bytes as text");
}

#[test]
fn json_that_was_written_again_is_recognised() {
    let spaced =
        r#"{"topic": "image.delivered", "data": {"id": "a/b", "filename": "p\u00e9.jpg"}}"#;
    changed(BODY, spaced.as_bytes(), "it was signed without spaces, letters written out");
    changed(spaced.as_bytes(), BODY, "signed with a space after each , and :, with \\u escapes");
    let php = r#"{"topic":"image.delivered","data":{"id":"a\/b","filename":"p\u00e9.jpg"}}"#;
    changed(php.as_bytes(), BODY, "signed without spaces, with \\u escapes and \\/");
    let pretty = "{\n  \"topic\": \"image.delivered\",\n  \"data\": {\n    \"id\": \"a/b\",\n    \
                  \"filename\": \"pé.jpg\"\n  }\n}\n";
    // As jq prints it: two changes at once, whoever printed it.
    changed(BODY, pretty.as_bytes(), "the JSON was written again on its way");
    changed(pretty.as_bytes(), BODY, "signed indented by 2 and a newline at the end");
}

#[test]
fn secrets_that_are_nearly_right_are_recognised() {
    let header = ("X-Apertur-Signature", hex_of(SECRET.as_bytes(), BODY));
    let header = [(header.0, header.1.as_str())];
    refused(&header, BODY, &[&format!(" {SECRET} ")], "white space or quotes around it");
    refused(&header, BODY, &[&format!("\"{SECRET}\"")], "white space or quotes around it");
    let newline = hex_of(format!("{SECRET}\n").as_bytes(), BODY);
    let header = [("X-Aptr-Signature", newline.as_str())];
    refused(&header, BODY, &[SECRET], "the sender's secret ends in a newline");
    let bytes = hex_of(&hex::decode(SECRET).unwrap(), BODY);
    refused(&[("X-Apertur-Signature", &bytes)], BODY, &["x", SECRET], "hex bytes of secret 2");
    let whsec = hex_of(b"abc", BODY);
    let header = [("X-Apertur-Signature", whsec.as_str())];
    refused(&header, BODY, &["whsec_abc"], "what follows whsec_ of secret 1");
}

#[test]
fn keys_that_svix_does_not_take_are_recognised() {
    let message = [format!("msg_1.{AT}.").as_bytes(), BODY].concat();
    let headers = |key: &[u8]| {
        let signature = format!("v1,{}", STANDARD.encode(mac(key, &message)));
        [("svix-id", "msg_1".to_owned()), ("svix-timestamp", AT.to_string())]
            .into_iter()
            .chain([("svix-signature", signature)])
            .collect::<Vec<_>>()
    };
    let check = |key: &[u8], secret: &str, part: &str| {
        let headers = headers(key);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        refused(&headers, BODY, &[secret], part);
    };
    check(SECRET.as_bytes(), SECRET, "the sender took the text of secret 1 for the key");
    check(b"not hex", "not hex", "the sender took the text of secret 1 for the key");
    check(b"some bytes", &STANDARD.encode("some bytes"), "is base64; write whsec_ before it");
    let headers = headers(b"x");
    let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let said = explained(&headers, BODY, &["not hex"]);
    assert!(said.facts.iter().any(|(_, text)| text.starts_with("cannot be a svix key")));
}

#[test]
fn a_timestamp_that_was_not_signed_is_recognised() {
    let (alone, at) = (hex_of(SECRET.as_bytes(), BODY), AT.to_string());
    let headers = [("X-Apertur-Timestamp", at.as_str()), ("X-Apertur-Signature", &alone)];
    refused(&headers, BODY, &[SECRET], "the signature covers the body alone");
    let without_id =
        mac(&hex::decode(SECRET).unwrap(), &[format!("{AT}.").as_bytes(), BODY].concat());
    let signature = format!("v1,{}", STANDARD.encode(without_id));
    let headers =
        [("svix-id", "m"), ("svix-timestamp", at.as_str()), ("svix-signature", &signature)];
    refused(&headers, BODY, &[SECRET], "does not cover svix-id");
}

#[test]
fn ages_are_said_whatever_else_is_wrong() {
    let late = (now() + jiff::SignedDuration::from_secs(301)).as_second();
    for (at, part) in [
        (AT - 301, "the timestamp is too old: 5m 1s away, webhook.max_age is 5m"),
        (late, "the timestamp is in the future: 5m 1s away"),
        (AT * 1000, "these are milliseconds"),
    ] {
        let at = at.to_string();
        let message = [format!("{at}.").as_bytes(), BODY].concat();
        let signature = hex_of(SECRET.as_bytes(), &message);
        let headers = [("X-Apertur-Timestamp", at.as_str()), ("X-Apertur-Signature", &signature)];
        refused(&headers, BODY, &[SECRET], part);
    }
}

#[test]
fn signatures_in_another_form_are_recognised() {
    let right = mac(SECRET.as_bytes(), BODY);
    let base64 = STANDARD.encode(&right);
    let plain = |text: &str, part: &str| {
        refused(&[("X-Apertur-Signature", text)], BODY, &[SECRET], part);
    };
    plain(&base64, "x-apertur-signature is not written as sha256= and 64 hex digits");
    plain(&format!("sha1={}", hex::encode(&right)), "is not written as sha256=");
    plain(&"ab".repeat(20), "has 20 bytes, as HMAC-SHA1 gives");
    plain(&"ab".repeat(64), "has 64 bytes, as HMAC-SHA512 gives");
    plain("sha256=???", "it is neither hex nor base64");
    let at = AT.to_string();
    let headers = [("svix-id", "m"), ("svix-timestamp", at.as_str())];
    refused(&headers, BODY, &[SECRET], "svix-signature is missing");
    let hex = hex::encode(&right);
    let headers = [("svix-id", "m"), ("svix-timestamp", at.as_str()), ("svix-signature", &hex)];
    refused(&headers, BODY, &[SECRET], "is not written as v1, and base64");
}

#[test]
fn headers_that_are_absent_or_contradict_each_other_are_named() {
    refused(&[("X-Hub-Signature-256", "x")], BODY, &[SECRET], "x-hub-signature-256");
    let right = hex_of(SECRET.as_bytes(), BODY);
    let wrong = hex_of(b"x", BODY);
    let headers = [("X-Apertur-Signature", wrong.as_str()), ("X-Aptr-Signature", &right)];
    refused(&headers, BODY, &[SECRET], "stands there with different values");
    refused(&headers, BODY, &[SECRET], "the one in x-aptr-signature would be right with secret 1");
}

#[test]
fn a_large_body_is_searched_too() {
    let mut body = vec![b'x'; 2 * 1024 * 1024];
    let signature = hex_of(SECRET.as_bytes(), &body);
    body.push(b'\n');
    let headers = [("X-Apertur-Signature", signature.as_str())];
    refused(&headers, &body, &[SECRET], "ends in a newline that was not signed");
}
