//! Replays every recorded exchange with real servers against the fake, over a socket, and compares
//! the answers.
//!
//! Requests go out as recorded. Status line, headers and body are compared; bodies structurally.
//! What cannot be equal is listed in [`EXEMPT`], what the lab did between two recordings in
//! [`EVENTS`].

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::client::{Answer, send};
use super::value::Value;
use super::{FakeOdoo, Switch, lab, wire};

const RECORDINGS: [(u32, &str); 3] = [
    (16, concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/odoo/odoo-16.jsonl")),
    (18, concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/odoo/odoo-18.jsonl")),
    (19, concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/odoo/odoo-19.jsonl")),
];

/// A part of an answer that is not compared.
#[derive(Clone, Copy)]
enum Part {
    /// This member, wherever it is in the answer.
    Member(&'static str),
    /// The body; status line and headers still are compared.
    Body,
}

/// Everything that is left out, and why: `(case without its number, part, reason)`.
const EXEMPT: &[(&str, Part, &str)] = &[
    ("attachment-read-5MB", Part::Member("checksum"), CUT),
    ("attachment-read-25MB", Part::Member("checksum"), CUT),
    ("attachment-read-90MB", Part::Member("checksum"), CUT),
    ("attachment-read-100MB", Part::Member("checksum"), CUT),
    ("attachment-read-12Mpx-kept", Part::Member("checksum"), CUT),
    ("not-found-path", Part::Body, "the recorded body is a whole website page, cut in the middle"),
];
const CUT: &str = "the recorded upload was cut: it is rebuilt at its size, with other bytes";

/// Something the lab did that is not in the recordings.
enum Event {
    /// The next record of the model got this id: pages, avatars and load tests used up others.
    NextId(&'static str, i64),
    /// Contacts were added for load tests.
    Contacts(i64),
    /// French was activated.
    French,
    PostgresDown(bool),
}

/// What happened before a case: `(version, case, event)`; version 0 stands for all.
const EVENTS: &[(u32, &str, Event)] = &[
    (0, "b005-fr-missing", Event::French),
    (16, "b002-noemail-attachment-create", Event::NextId("ir.attachment", 48)),
    (18, "b002-noemail-attachment-create", Event::NextId("ir.attachment", 79)),
    (19, "b002-noemail-attachment-create", Event::NextId("ir.attachment", 57)),
    (19, "b003-noemail-message_post-note", Event::NextId("mail.message", 83)),
    (19, "j024-message_post-note", Event::NextId("mail.message", 87)),
    (16, "c001-request-chunked", Event::Contacts(8)),
    (0, "c006-pg-down-execute", Event::PostgresDown(true)),
    (16, "c009-pg-back-execute", Event::PostgresDown(false)),
    (18, "c009-pg-back-execute", Event::PostgresDown(false)),
    (19, "c010-pg-back-execute", Event::PostgresDown(false)),
    (16, "e001-atomic-action-create", Event::NextId("ir.actions.server", 218)),
    (18, "e001-atomic-action-create", Event::NextId("ir.actions.server", 238)),
    (16, "e002-atomic-run", Event::NextId("ir.attachment", 1085)),
    (18, "e002-atomic-run", Event::NextId("ir.attachment", 300_550)),
    (19, "e002-atomic-run", Event::NextId("ir.attachment", 533)),
];

/// One recorded exchange.
struct Exchange {
    case: String,
    line: String,
    headers: Vec<String>,
    body: String,
    /// The recorded response, as it came over the wire.
    response: String,
}

/// The counts of a replay.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    /// Exchanges whose whole answer was compared.
    whole: usize,
    /// Exchanges with a part left out.
    in_part: usize,
}

#[test]
fn every_recorded_exchange_with_16_is_answered_alike() {
    assert_eq!(replay(16), Counts { whole: 221, in_part: 6 });
}

#[test]
fn every_recorded_exchange_with_18_is_answered_alike() {
    assert_eq!(replay(18), Counts { whole: 221, in_part: 5 });
}

#[test]
fn every_recorded_exchange_with_19_is_answered_alike() {
    assert_eq!(replay(19), Counts { whole: 265, in_part: 5 });
}

#[test]
fn every_exemption_and_event_names_a_recorded_case() {
    let cases: Vec<(u32, String)> = RECORDINGS
        .iter()
        .flat_map(|(version, _)| load(*version).into_iter().map(|one| (*version, one.case)))
        .collect();
    for (name, _, reason) in EXEMPT {
        assert!(cases.iter().any(|(_, case)| bare(case) == *name), "no case {name} ({reason})");
    }
    for (version, name, _) in EVENTS {
        let found = cases.iter().any(|(of, case)| case == name && (*version == 0 || of == version));
        assert!(found, "no case {name} for {version}");
    }
}

#[test]
fn the_comparison_sees_every_kind_of_difference() {
    let answer = |code: &str, kind: &str, body: &str| {
        format!("HTTP/1.1 {code}\r\nContent-Type: {kind}\r\n\r\n{body}")
    };
    let value = |value: &Value| answer("200 OK", "text/xml", &wire::response(value));
    let fault = |text: &str| answer("200 OK", "text/xml", &wire::fault(&Value::Int(1), text));
    let debug = |text: &str| {
        answer(
            "404 NOT FOUND",
            "application/json",
            &format!("{{\"debug\": \"Traceback\\n  x\\n{text}\"}}"),
        )
    };
    let differs = [
        (value(&Value::Int(1)), value(&Value::Int(2))),
        (value(&Value::ids([1])), value(&Value::Int(1))),
        (
            value(&Value::Int(1)),
            answer("404 NOT FOUND", "text/xml", &wire::response(&Value::Int(1))),
        ),
        (value(&Value::Int(1)), answer("200 OK", "text/html", &wire::response(&Value::Int(1)))),
        (value(&Value::Int(1)), String::new()),
        (value(&Value::Int(1)), format!("HTTP/1.1 100 Continue\r\n\r\n{}", value(&Value::Int(1)))),
        (fault("Traceback\n  x\nValueError: a"), fault("Traceback\n  x\nValueError: b")),
        (fault("Access"), value(&Value::str("Access"))),
        (debug("KeyError: a"), debug("KeyError: b")),
        (
            answer("404 NOT FOUND", "text/html", "<p>a</p>"),
            answer("404 NOT FOUND", "text/html", "<p>b</p>"),
        ),
    ];
    for (recorded, actual) in &differs {
        assert!(compare(recorded, actual, &[]).is_err(), "not seen: {recorded} against {actual}");
        assert_eq!(compare(recorded, recorded, &[]), Ok(()));
    }
}

/// Replays one version's file; panics with every difference.
fn replay(version: u32) -> Counts {
    let odoo = FakeOdoo::start_with(version, lab::seed(version));
    let mut counts = Counts { whole: 0, in_part: 0 };
    let mut report = String::new();
    for exchange in load(version) {
        EVENTS
            .iter()
            .filter(|(of, case, _)| *case == exchange.case && (*of == 0 || *of == version))
            .for_each(|(_, _, event)| happen(&odoo, event));
        let (head, body) = request(&exchange);
        let actual = send(odoo.port(), &head, &body)
            .unwrap_or_else(|error| panic!("{}: {error}", exchange.case));
        let exempt: Vec<Part> = EXEMPT
            .iter()
            .filter(|(name, ..)| *name == bare(&exchange.case))
            .map(|(_, part, _)| *part)
            .collect();
        match exempt.as_slice() {
            [] => counts.whole += 1,
            _ => counts.in_part += 1,
        }
        if let Err(difference) = compare(&exchange.response, &actual, &exempt) {
            report.push_str(&format!("\n== {} (Odoo {version})\n{difference}\n", exchange.case));
        }
    }
    assert!(report.is_empty(), "the fake answers differently:{report}");
    counts
}

/// The case without its number, which differs between versions.
fn bare(case: &str) -> &str {
    case.split_once('-').map_or(case, |(_, name)| name)
}

/// The recorded exchanges, in the order in which the ids show they happened: `j` before `c` and
/// `e`.
fn load(version: u32) -> Vec<Exchange> {
    let path = RECORDINGS.iter().find(|(of, _)| *of == version).expect("a recorded version").1;
    let text = std::fs::read_to_string(path).expect("the recordings are in fixtures/odoo");
    let mut all: Vec<Exchange> = text.lines().map(exchange).collect();
    all.sort_by_key(|exchange| match exchange.case.as_bytes()[0] {
        b'c' => 2,
        b'e' => 3,
        _ => 1,
    });
    all
}

fn exchange(line: &str) -> Exchange {
    let json: Json = serde_json::from_str(line).expect("a line of JSON");
    let text = |side: &str, part: &str| json[side][part].as_str().unwrap_or_default().to_owned();
    let headers = |side: &str| -> Vec<String> {
        let all = json[side]["headers"].as_array().into_iter().flatten();
        all.filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let head = [vec![text("response", "line")], headers("response")].concat().join("\r\n");
    Exchange {
        case: json["case"].as_str().unwrap_or_default().to_owned(),
        line: text("request", "line"),
        headers: headers("request"),
        body: text("request", "body"),
        response: format!("{head}\r\n\r\n{}", text("response", "body")),
    }
}

fn happen(odoo: &FakeOdoo, event: &Event) {
    match event {
        Event::NextId(model, id) => odoo.set(Switch::NextId((*model).to_owned(), *id)),
        Event::French => odoo.set(Switch::Language("fr_FR".to_owned())),
        Event::PostgresDown(down) => odoo.set(Switch::PostgresDown(*down)),
        Event::Contacts(count) => {
            let mut state = odoo.server.shared.state();
            for _ in 0..*count {
                let id = state.next_id("res.partner");
                state.insert("res.partner", id, [("name", Value::str("Load test"))]);
            }
        }
    }
}

/// The request as bytes: cut bodies rebuilt, chunks cut anew, the length that fits.
fn request(exchange: &Exchange) -> (String, Vec<u8>) {
    let chunked = exchange.headers.iter().any(|header| header == "Transfer-Encoding: chunked");
    let body = if chunked { chunks(&exchange.body) } else { rebuilt(&exchange.body) };
    let mut head = format!("{}\r\n", exchange.line);
    for header in exchange.headers.iter().filter(|header| !header.starts_with("Content-Length")) {
        head.push_str(&format!("{header}\r\n"));
    }
    if !chunked {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    (format!("{head}\r\n"), body.into_bytes())
}

/// Fills the hole of a cut body. The hole is in base64 text; repeating the sixteen characters
/// before it keeps that valid, and for the recorded 4000x3000 picture it is exactly what was cut
/// (its checksum proves it).
fn rebuilt(body: &str) -> String {
    let Some((before, rest)) = body.split_once("\n...[lab: ") else { return body.to_owned() };
    let (count, after) =
        rest.split_once(" bytes cut here]...\n").expect("the lab's mark has two ends");
    let count: usize = count.parse().expect("a number of bytes");
    let pattern = &before[before.len() - 16..];
    let filler = pattern.repeat(count / 16 + 1);
    format!("{before}{}{after}", &filler[..count])
}

/// The recorder kept the chunk sizes but wrote plain line ends.
fn chunks(recorded: &str) -> String {
    let mut out = String::new();
    let mut rest = recorded;
    loop {
        let (size, tail) = rest.split_once('\n').expect("a chunk size");
        let length = usize::from_str_radix(size.trim(), 16).expect("a hexadecimal size");
        out.push_str(&format!("{size}\r\n{}\r\n", &tail[..length]));
        if length == 0 {
            return out;
        }
        rest = tail[length..].trim_start_matches('\n');
    }
}

fn compare(recorded: &str, actual: &str, exempt: &[Part]) -> Result<(), String> {
    let expected = Answer::parse(recorded).ok_or("the recording has no answer")?;
    let actual = Answer::parse(actual).ok_or("no answer came")?;
    same("status line", &expected.line, &actual.line)?;
    same("interim responses", &expected.interim.to_string(), &actual.interim.to_string())?;
    for (name, value) in &expected.headers {
        // Lengths follow from the bodies, cookies and the server's name are not ours to keep.
        if !matches!(name.as_str(), "Content-Length" | "Set-Cookie" | "Server" | "Date") {
            same(name, value, actual.header(name).unwrap_or("(none)"))?;
        }
    }
    if exempt.iter().any(|part| matches!(part, Part::Body)) {
        return Ok(());
    }
    match expected.header("Content-Type").unwrap_or_default().split(';').next().unwrap_or_default()
    {
        "text/xml" => same("body", &xml(&expected.body, exempt)?, &xml(&actual.body, exempt)?),
        "application/json" => {
            same("body", &json(&expected.body, exempt)?, &json(&actual.body, exempt)?)
        }
        _ => same("body", expected.body.trim(), actual.body.trim()),
    }
}

fn same(what: &str, expected: &str, actual: &str) -> Result<(), String> {
    if expected == actual {
        Ok(())
    } else {
        Err(format!("{what}\n  expected {expected}\n  actual   {actual}"))
    }
}

/// An XML-RPC answer in one comparable form.
fn xml(body: &str, exempt: &[Part]) -> Result<String, String> {
    match wire::parse_response(body.as_bytes()).map_err(|error| format!("{error:?} in {body}"))? {
        Ok(value) => Ok(format!("value {}", plain(value.to_json(), exempt))),
        Err((code, text)) => Ok(format!("fault {} {}", code.repr(), plain_text(&exception(&text)))),
    }
}

/// A JSON answer in one comparable form. The recorder's own mark stands behind the error bodies.
fn json(body: &str, exempt: &[Part]) -> Result<String, String> {
    let body = body.trim_end_matches("[frames removed]").trim_end();
    let json: Json = serde_json::from_str(body).map_err(|error| format!("{error} in {body}"))?;
    Ok(plain(json, exempt).to_string())
}

/// The exception at the end of a traceback; other texts stay whole.
fn exception(text: &str) -> String {
    if !text.starts_with("Traceback") {
        return text.to_owned();
    }
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let frames = lines.iter().rposition(|line| line.starts_with("  ")).unwrap_or(0);
    lines[frames + 1..].join("\n")
}

/// Replaces what is different in every run, and takes the exempt members out.
fn plain(json: Json, exempt: &[Part]) -> Json {
    match json {
        Json::String(text) => Json::String(plain_text(&text)),
        Json::Array(items) => items.into_iter().map(|item| plain(item, exempt)).collect(),
        Json::Object(members) => {
            let keeps = |name: &str| {
                !exempt.iter().any(|part| matches!(part, Part::Member(known) if *known == name))
            };
            let members = members.into_iter().filter(|(name, _)| keeps(name));
            // Sorted, because the order of members has no meaning on either wire.
            let sorted: BTreeMap<String, Json> =
                members.map(|(name, value)| plain_member(name, value, exempt)).collect();
            sorted.into_iter().collect::<serde_json::Map<_, _>>().into()
        }
        other => other,
    }
}

fn plain_member(name: String, value: Json, exempt: &[Part]) -> (String, Json) {
    match (name.as_str(), value) {
        // The recorder kept only the last line of the traceback that JSON-2 shows.
        ("debug", Json::String(text)) => {
            let last = text.trim_end().lines().last().unwrap_or_default().to_owned();
            (name, Json::String(last))
        }
        ("create_date" | "write_date", Json::String(text)) => {
            let digits: String =
                text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
            (name, Json::String(digits))
        }
        (_, value) => (name, plain(value, exempt)),
    }
}

/// Access tokens are random.
fn plain_text(text: &str) -> String {
    match text.split_once("access_token=") {
        Some((before, after)) if after.len() >= 36 => {
            format!("{before}access_token=...{}", &after[36..])
        }
        _ => text.to_owned(),
    }
}
