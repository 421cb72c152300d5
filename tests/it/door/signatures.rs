//! Who is let in.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{answer, door, post, told};
use crate::{
    daemon::Daemon,
    fakes::apertur::{Photo, Request, SECRET, Scheme, Signer},
    look,
};

/// The secret of the vectors, beside that of the tests; svix wants hex.
const SECRETS: &str = "[webhook]\nmax_age = \"3650d\"\nsecrets = [\"whsec-demo-0123456789\", \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"]";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/contracts/vectors.json")).unwrap()
}

fn body(vector: &Value) -> Vec<u8> {
    STANDARD.decode(vector["body_b64"].as_str().unwrap()).unwrap()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn refused(daemon: &Daemon, request: &Request, why: &str) {
    let answer = post(daemon, request);
    assert_eq!(answer.told(), (401, "unauthorized".to_owned()), "{why}");
    assert_eq!(answer.body, br#"{"status":"unauthorized"}"#, "{why}");
}

fn event() -> Request {
    Request::json(&serde_json::json!({"topic": "project.billing.plan_changed", "data": {}}))
}

#[test]
fn every_vector_of_a_body_signature_is_let_in() {
    let daemon = door(SECRETS);
    let types = [
        ("application/json", answer(200, "accepted")),
        ("application/json", answer(200, "accepted")),
        ("application/octet-stream", answer(200, "accepted")),
        // The same three bytes without an id: one photo with the one before.
        ("multipart/form-data; boundary=XX", answer(200, "duplicate")),
        ("application/json", answer(400, "malformed")),
    ];
    let vectors = vectors();
    let vectors = vectors["body_hmac"].as_array().unwrap();
    assert_eq!(vectors.len(), types.len());
    for (vector, (content_type, expected)) in vectors.iter().zip(types) {
        let what = text(vector, "what");
        for (spelling, name) in [("X-Apertur-Signature", "first"), ("X-Aptr-Signature", "again")] {
            let request =
                Request::new(content_type, body(vector)).header(spelling, text(vector, "header"));
            let expected = match name {
                "again" if expected.0 == 200 => answer(200, "duplicate"),
                _ => expected.clone(),
            };
            assert_eq!(told(&daemon, &request), expected, "{what}, {name}");
        }
    }
    let empty = &vectors[4];
    let picture = Request::new("application/octet-stream", "")
        .header("X-Apertur-Signature", text(empty, "header"));
    assert_eq!(told(&daemon, &picture), answer(415, "unsupported"));
    look::assert_well(&daemon);
}

#[test]
fn the_vectors_with_a_time_are_let_in_and_their_weaker_readings_are_not() {
    let daemon = door(SECRETS);
    let vectors = vectors();
    let (timed, svix) = (&vectors["timestamped"], &vectors["svix"]);
    let timed_as = |header: &str, spelling: &str| {
        Request::new("application/json", body(timed))
            .header(&format!("X-{spelling}-Timestamp"), text(timed, "timestamp"))
            .header(&format!("X-{spelling}-Signature"), text(timed, header))
    };
    refused(&daemon, &timed_as("body_only_header_must_differ", "Apertur"), "body only");
    let svix_as = |signature: &str| {
        Request::new("application/json", body(svix))
            .header("svix-id", text(svix, "id"))
            .header("svix-timestamp", text(svix, "timestamp"))
            .header("svix-signature", signature)
    };
    // V7n of the contract: the secret's text as the key instead of its bytes.
    let utf8_key = svix_as("v1,Y7feMidovHc1P8HCXswrNuxjPHCiONNkFsnDPwK5n8g=");
    refused(&daemon, &utf8_key, "utf-8 key");
    look::assert_untouched(&daemon);
    let first = told(&daemon, &timed_as("header", "Apertur"));
    assert_eq!(first, answer(200, "accepted"));
    assert_eq!(told(&daemon, &timed_as("header", "Aptr")), answer(200, "duplicate"));
    assert_eq!(told(&daemon, &svix_as(text(svix, "header"))), answer(200, "duplicate"));
}

#[test]
fn both_spellings_count_and_contradict_each_other() {
    let daemon = door("");
    let signed = Signer::default().sign(event());
    let signature = String::from_utf8(signed.headers[1].1.clone()).unwrap();
    let ignored = answer(200, "ignored");
    assert_eq!(told(&daemon, &signed), ignored);
    let twice = signed.clone().header("X-APTR-SIGNATURE", &signature);
    assert_eq!(told(&daemon, &twice), ignored);
    for other in ["sha256=00", signature.trim_start_matches("sha256="), ""] {
        refused(&daemon, &signed.clone().header("X-Aptr-Signature", other), other);
        refused(&daemon, &signed.clone().header("X-Apertur-Signature", other), other);
    }
    let timed = Signer::scheme(Scheme::Timestamped).sign(event());
    refused(&daemon, &timed.clone().header("X-Aptr-Timestamp", "1"), "two times");
    let ids = signed.clone().header("X-Aptr-Image-Id", "a");
    assert_eq!(told(&daemon, &ids.clone().header("X-Apertur-Image-Id", "a")), ignored);
    refused(&daemon, &ids.header("X-Apertur-Image-Id", "b"), "two image ids");
}

#[test]
fn any_of_several_secrets_may_sign_in_every_scheme_and_form() {
    let base64 = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let secrets = format!("[webhook]\nsecrets = [\"{SECRET}\", \"ffeeddcc\", \"{base64}\"]");
    let daemon = door(&secrets);
    let ignored = answer(200, "ignored");
    for secret in [SECRET, "ffeeddcc", base64] {
        for scheme in Scheme::ALL {
            for spelling in ["Aptr", "Apertur"] {
                let signer = Signer { scheme, spelling, ..Signer::secret(secret) };
                assert_eq!(told(&daemon, &signer.sign(event())), ignored, "{signer:?}");
                let bare = Signer { prefix: false, upper_case: true, ..signer };
                assert_eq!(told(&daemon, &bare.sign(event())), ignored, "{bare:?}");
            }
        }
    }
    for scheme in Scheme::ALL {
        let stranger = Signer { scheme, ..Signer::secret("ffeeddcd") };
        refused(&daemon, &stranger.sign(event()), "an unknown secret");
    }
}

#[test]
fn a_time_must_be_near_and_a_number() {
    let daemon = door(
        "[webhook]\nmax_age = \"5m\"\nsecrets = [\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"]",
    );
    let now = jiff::Timestamp::now().as_second();
    for scheme in [Scheme::Timestamped, Scheme::Svix] {
        for (off, good) in [(-290, true), (290, true), (-310, false), (310, false)] {
            let signer = Signer { at: now + off, ..Signer::scheme(scheme) };
            let (status, _) = told(&daemon, &signer.sign(event()));
            assert_eq!(status == 200, good, "{scheme:?} {off}");
        }
        for at in ["", "now", "-1", "+1", "1.5", "0x10", "99999999999999999999", "1800000000 "] {
            let signed = Signer::scheme(scheme).sign(event());
            let name =
                if scheme == Scheme::Svix { "svix-timestamp" } else { "X-Apertur-Timestamp" };
            refused(&daemon, &signed.without(name).header(name, at), at);
        }
    }
}

#[test]
fn there_is_no_way_back_to_a_weaker_scheme() {
    let daemon = door("");
    let body_only = event().signed();
    for name in ["X-Apertur-Timestamp", "X-Aptr-Timestamp", "svix-timestamp", "svix-id"] {
        let now = jiff::Timestamp::now().as_second().to_string();
        refused(&daemon, &body_only.clone().header(name, &now), name);
    }
    refused(&daemon, &body_only.clone().header("svix-signature", "v1,AAAA"), "svix-signature");
    let svix = Signer::scheme(Scheme::Svix).sign(event());
    for name in ["svix-id", "svix-timestamp", "svix-signature"] {
        refused(&daemon, &svix.clone().without(name), name);
        let and_body = Signer::default().sign(svix.clone().without(name));
        refused(&daemon, &and_body, name);
    }
    refused(&daemon, &event(), "no signature at all");
    let timed = Signer::scheme(Scheme::Timestamped).sign(event());
    refused(&daemon, &timed.without("X-Apertur-Timestamp"), "the time left out");
}

#[test]
fn any_signature_of_a_svix_list_will_do() {
    let daemon = door("");
    let signed = Signer::scheme(Scheme::Svix).sign(event());
    let good = String::from_utf8(signed.headers.last().unwrap().1.clone()).unwrap();
    let bare = signed.clone().without("svix-signature");
    let wrong = format!("v1,{}", STANDARD.encode([7; 32]));
    for list in [
        format!("{wrong} {good}"),
        format!("{good} {wrong} v1a,AAAA"),
        format!("v2,xx v1,short {good}"),
    ] {
        let request = bare.clone().header("svix-signature", &list);
        assert_eq!(told(&daemon, &request), answer(200, "ignored"), "{list}");
    }
    for list in [
        wrong.clone(),
        good.replace("v1,", "v2,"),
        good.replace("v1,", ""),
        good.replace("v1,", "v1,,"),
        "v1,".to_owned(),
        String::new(),
        // More than anybody sends: the good one is out of reach.
        format!("{} {good}", vec![wrong; 16].join(" ")),
    ] {
        refused(&daemon, &bare.clone().header("svix-signature", &list), &list);
    }
}

/// Another character of the same kind, so that a header keeps its form.
fn other(byte: u8) -> u8 {
    match byte {
        b'9' => b'0',
        b'0'..=b'8' => byte + 1,
        b'f' => b'a',
        b'a'..=b'e' => byte + 1,
        b'A' => b'Q',
        _ => b'A',
    }
}

/// The `number`th way to spoil a signed request: in the body or in a signed header.
fn spoilt(request: &Request, scheme: Scheme, number: usize) -> Request {
    let mut spoilt = request.clone();
    let signed = match scheme {
        Scheme::Body => &["X-Apertur-Signature"][..],
        Scheme::Timestamped => &["X-Apertur-Signature", "X-Apertur-Timestamp"],
        Scheme::Svix => &["svix-signature", "svix-timestamp", "svix-id"],
    };
    let (body, at) = (&mut spoilt.body, number * 131);
    match number % 8 {
        0 => {
            let at = at % body.len();
            body[at] ^= 1 << (number / 8 % 8);
        }
        1 => body.truncate(at % body.len()),
        2 => body.push(b"\n \0\r"[number / 8 % 4]),
        3 => {
            let end = body.len() - 1;
            body.swap_remove(at % end);
        }
        // One character of a header, its end, or all of it.
        way => {
            let name = signed[number / 8 % signed.len()];
            let mut headers = spoilt.headers.iter_mut();
            let (_, value) = headers.find(|(known, _)| known == name).unwrap();
            // Not in `sha256=` or `v1,`, which have other cases of their own.
            let start = if value.starts_with(b"sha256=") { 7 } else { 3.min(value.len() - 1) };
            let place = start + at % (value.len() - start);
            match way {
                4 | 5 if value[place] == b'=' => value[place] = b'A',
                4 | 5 => value[place] = other(value[place]),
                6 => value.truncate(place),
                _ => value.insert(place, b'0'),
            }
        }
    }
    spoilt
}

#[test]
fn six_hundred_spoilt_requests_are_refused_and_leave_nothing() {
    let daemon = door("");
    let small = Photo::new("img_1").odoo("res.partner", 42, "contact");
    // Larger than what is kept in memory.
    let large = Photo::of_size("img_2", 200_000);
    let shapes = [
        small.event("image.delivered", Some("http://127.0.0.1:1/d/x")),
        small.project_event("project.upload.completed", None),
        small.json_base64(),
        small.multipart(),
        small.binary(),
        large.json_base64(),
        large.binary(),
    ];
    for number in 0..630 {
        let scheme = Scheme::ALL[number % 3];
        let shape = &shapes[number / 3 % shapes.len()];
        let request = Signer::scheme(scheme).sign(shape.clone());
        let spoilt = spoilt(&request, scheme, number);
        assert!((&spoilt.headers, &spoilt.body) != (&request.headers, &request.body), "{number}");
        refused(&daemon, &spoilt, &format!("{number} {scheme:?} {:?}", spoilt.headers));
    }
    look::assert_untouched(&daemon);
    look::assert_well(&daemon);
    // The same requests, unspoilt, come in.
    for shape in shapes {
        let (status, word) = told(&daemon, &shape.signed());
        assert!(status == 200 && (word == "accepted" || word == "duplicate"), "{status} {word}");
    }
}
