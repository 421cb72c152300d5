//! XML-RPC, the interface of every Odoo: writing calls and reading answers.
//!
//! The `xmlrpc` crate writes and parses; this room keeps from it what it cannot take: control
//! characters, deep answers (its parser recurses) and faults with a name for a code.

use std::{error::Error, io::Cursor};

use ::xmlrpc::{Request, Transport, Value};
use base64::{Engine, engine::general_purpose::STANDARD};
use quick_xml::{Reader, XmlVersion, escape::resolve_predefined_entity, events::Event};
use secrecy::ExposeSecret;
use serde_json::{Map, Value as Json};

use super::{
    Settings,
    fault::Fault,
    wire::{Answer, Call, clean},
};

/// Deepest nesting of elements read.
const MAX_DEPTH: usize = 64;

/// An `execute_kw` call, written.
pub(super) fn execute(settings: &Settings, uid: u64, call: &Call) -> String {
    let mut args: Vec<Json> = call.id.iter().map(|id| Json::from(vec![*id])).collect();
    args.extend(call.args.iter().map(|(_, value)| value.clone()));
    let mut named = call.named.clone();
    if !call.context.is_empty() {
        named.insert("context".to_owned(), Json::Object(call.context.clone()));
    }
    written(
        "execute_kw",
        [
            settings.database.as_str().into(),
            uid.into(),
            settings.secret.expose_secret().into(),
            call.model.as_str().into(),
            call.method.into(),
            args.into(),
            named.into(),
        ],
    )
}

/// A log-in, written; its result is the user's id or `false`.
pub(super) fn authenticate(settings: &Settings) -> String {
    written(
        "authenticate",
        [
            settings.database.as_str().into(),
            settings.username.as_str().into(),
            settings.secret.expose_secret().into(),
            Json::Object(Map::new()),
        ],
    )
}

/// The question for the server's version, written.
pub(super) fn version() -> String {
    written("version", [])
}

fn written<const N: usize>(method: &str, args: [Json; N]) -> String {
    let request = args.into_iter().fold(Request::new(method), |r, arg| r.arg(to_value(arg)));
    let mut xml = Vec::new();
    // Writing to memory cannot fail, and the crate writes UTF-8.
    drop(request.write_as_xml(&mut xml));
    String::from_utf8(xml).unwrap_or_default()
}

fn to_value(json: Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => i32::try_from(whole).map_or(Value::Int64(whole), Value::Int),
            None => Value::Double(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::String(clean(&text)),
        Json::Array(items) => Value::Array(items.into_iter().map(to_value).collect()),
        Json::Object(members) => Value::Struct(
            members.into_iter().map(|(name, value)| (clean(&name), to_value(value))).collect(),
        ),
    }
}

/// The result that an answer holds.
///
/// # Errors
/// The fault it holds, its status where that is not success, or that it cannot be read.
pub(super) fn result(answer: Answer) -> Result<Json, Fault> {
    if answer.status.is_success() { parse(&answer.body) } else { Err(answer.into_status()) }
}

/// Reads the document of an answer.
///
/// # Errors
/// The fault it holds, or that it cannot be read.
pub(super) fn parse(body: &[u8]) -> Result<Json, Fault> {
    if let Some(fault) = scan(body)? {
        return Err(fault);
    }
    Request::new("answer")
        .call(Canned(body))
        .map(to_json)
        .map_err(|error| Fault::Unreadable(error.to_string()))
}

/// Hands an answer that is here already to the crate's parser.
struct Canned<'a>(&'a [u8]);

impl<'a> Transport for Canned<'a> {
    type Stream = Cursor<&'a [u8]>;

    fn transmit(self, _: &Request<'_>) -> Result<Self::Stream, Box<dyn Error + Send + Sync>> {
        Ok(Cursor::new(self.0))
    }
}

fn to_json(value: Value) -> Json {
    match value {
        Value::Int(number) => number.into(),
        Value::Int64(number) => number.into(),
        Value::Bool(flag) => flag.into(),
        Value::String(text) => text.into(),
        Value::Double(number) => number.into(),
        // Odoo gives times as strings; nobody here asks for one.
        Value::DateTime(_) | Value::Nil => Json::Null,
        Value::Base64(bytes) => STANDARD.encode(bytes).into(),
        Value::Struct(members) => {
            Json::Object(members.into_iter().map(|(name, v)| (name, to_json(v))).collect())
        }
        Value::Array(items) => Json::Array(items.into_iter().map(to_json).collect()),
    }
}

/// Walks through an answer without recursion: refuses what is too deep, finds a fault.
fn scan(body: &[u8]) -> Result<Option<Fault>, Fault> {
    let unreadable = |text: &str| Fault::Unreadable(text.to_owned());
    let text = std::str::from_utf8(body).map_err(|_| unreadable("the answer is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let (mut depth, mut faulty, mut texts) = (0_usize, false, Vec::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(unreadable("the answer is nested too deeply"));
                }
                faulty |= tag.name().as_ref() == "fault";
                texts.push(String::new());
            }
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) => break,
            Ok(event) if faulty => add(&event, &mut texts),
            Ok(_) => {}
            Err(error) => return Err(unreadable(&error.to_string())),
        }
    }
    Ok(faulty.then(|| fault(&texts)))
}

/// Appends what an event says to the innermost text begun.
fn add(event: &Event<'_>, texts: &mut [String]) {
    let Some(text) = texts.last_mut() else { return };
    match event {
        Event::Text(part) => text.push_str(&part.xml_content(XmlVersion::Implicit1_0)),
        Event::CData(part) => text.push_str(&part.xml_content(XmlVersion::Implicit1_0)),
        Event::GeneralRef(name) => match name.resolve_char_ref() {
            Ok(Some(c)) => text.push(c),
            _ => text.push_str(resolve_predefined_entity(name).unwrap_or_default()),
        },
        _ => {}
    }
}

/// The fault in the texts of a document's elements, in order: each member is a `name`, then a
/// `value` whose type's element holds the text.
fn fault(texts: &[String]) -> Fault {
    let member = |name: &str| {
        let at = texts.iter().position(|text| text.trim() == name)?;
        texts[at + 1..].iter().take(2).find(|text| !text.trim().is_empty())
    };
    let text = member("faultString").map(|text| text.trim().to_owned()).unwrap_or_default();
    let code = member("faultCode").map(|code| code.trim().to_owned()).unwrap_or_default();
    match code.parse() {
        Ok(code) => Fault::Code { code, text },
        Err(_) => Fault::Name { name: code, text },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::destinations::odoo::{settings::tests::settings, wire::Call};

    /// Everything that real servers of a version were seen to answer: name and answer.
    fn recorded(version: u32) -> Vec<(String, Answer)> {
        let path = format!("{}/fixtures/odoo/odoo-{version}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let lines = std::fs::read_to_string(path).unwrap();
        let answer = |line: &str| {
            let case: Json = serde_json::from_str(line).unwrap();
            let status = case["response"]["line"].as_str().unwrap_or_default();
            let status = status.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
            let body = case["response"]["body"].as_str().unwrap_or_default().to_owned();
            let status = reqwest::StatusCode::from_u16(status.unwrap_or(200)).unwrap();
            let name = case["case"].as_str().unwrap().to_owned();
            (name, Answer { status, after: None, body: body.into() })
        };
        lines.lines().map(answer).collect()
    }

    /// What a real server of this version answered in a recorded case.
    pub(in crate::destinations::odoo) fn read(version: u32, case: &str) -> Result<Json, Fault> {
        let mut all = recorded(version).into_iter();
        result(all.find(|(name, _)| name.ends_with(case)).unwrap().1)
    }

    fn code(version: u32, case: &str) -> i64 {
        match read(version, case) {
            Err(Fault::Code { code, .. }) => code,
            other => panic!("{version} {case}: {other:?}"),
        }
    }

    #[test]
    fn every_recorded_answer_is_read_or_refused_in_words() {
        let mut counts = [0; 3];
        for (name, answer) in [16, 18, 19].into_iter().flat_map(recorded) {
            let json2 = name.starts_with('j');
            let read = if json2 { super::super::json2::result(answer) } else { result(answer) };
            let kind = match read {
                Ok(_) => 0,
                Err(Fault::Code { .. } | Fault::Name { .. } | Fault::Error { .. }) => 1,
                Err(Fault::Status { .. }) => 2,
                Err(Fault::Unreadable(text)) if !text.is_empty() => 2,
                Err(fault) => panic!("{name}: {fault:?}"),
            };
            counts[kind] += 1;
        }
        assert_eq!(counts.iter().sum::<i32>(), 723);
        assert!(counts[0] > 400 && counts[1] > 150 && counts[2] < 60, "{counts:?}");
    }

    #[test]
    fn values_and_fault_codes_are_those_of_the_recordings() {
        for version in [16, 18, 19] {
            assert_eq!(read(version, "-common.authenticate-ok").unwrap(), json!(2));
            assert_eq!(read(version, "-common.authenticate-wrong-password").unwrap(), json!(false));
            assert_eq!(read(version, "-attachment-search-absent").unwrap(), json!([]));
            assert_eq!(code(version, "-object-wrong-password"), 3);
            assert_eq!(code(version, "-object-wrong-db"), 1);
            assert_eq!(code(version, "-helpdesk-absent-read"), 2);
            assert_eq!(code(version, "-none-return"), 1);
            assert_eq!(code(version, "-partner-write-intern"), 4);
        }
    }

    #[test]
    fn a_fault_with_a_name_for_a_code_keeps_its_words() {
        match read(16, "-xmlrpc1-access-denied") {
            Err(Fault::Name { name, text }) => {
                assert_eq!((name.as_str(), text.as_str()), ("AccessDenied", "Access Denied"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_fault_keeps_its_entities() {
        let xml = "<?xml version='1.0'?><methodResponse><fault><value><struct>\
                   <member><name>faultCode</name><value>2</value></member>\
                   <member><name>faultString</name><value><string>a &lt;b&gt; &#233;&amp;\
                   <![CDATA[<c>]]></string></value></member>\
                   </struct></value></fault></methodResponse>";
        match parse(xml.as_bytes()) {
            Err(Fault::Code { code: 2, text }) => assert_eq!(text, "a <b> é&<c>"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_would_overflow_the_stack_or_is_no_answer_is_refused() {
        let deep = "<value><array><data>".repeat(100_000);
        let endless = "&a;".repeat(1000);
        for body in [deep.as_str(), &endless, "", "<html>502", "<methodResponse/>", "\u{0}<a>"] {
            assert!(matches!(parse(body.as_bytes()), Err(Fault::Unreadable(_))));
        }
        assert!(matches!(parse(b"\xff\xfe<a/>"), Err(Fault::Unreadable(_))));
    }

    #[test]
    fn a_call_is_written_as_odoo_wants_it() {
        let call = Call::reading("res.partner", "read", "read")
            .on(9)
            .arg("fields", json!(["na\u{1}me<"]))
            .named("limit", 1)
            .context("active_test", false);
        let xml = execute(&settings("http://erp"), 7, &call);
        let flat: String = xml.lines().collect();
        let params = "<param><value><string>prod</string></value></param>\
                      <param><value><i4>7</i4></value></param>\
                      <param><value><string>key-1</string></value></param>\
                      <param><value><string>res.partner</string></value></param>\
                      <param><value><string>read</string></value></param>";
        assert!(flat.contains(params), "{flat}");
        assert!(flat.contains("<string>name&lt;</string>"), "{flat}");
        assert!(flat.contains("<name>active_test</name><value><boolean>0</boolean>"), "{flat}");
    }
}
