//! XML-RPC on the wire: requests into [`Value`]s in one pass, answers out of them.
//!
//! The parser works like Python's `Unmarshaller`: a stack of values and marks, no recursion.

use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::{BytesRef, Event};

use super::failure::Fail;
use super::files::b64decode;
use super::value::Value;

/// Nesting that Python's own recursion would refuse later on.
const MAX_DEPTH: usize = 400;

/// A parsed `<methodCall>`.
pub(crate) struct MethodCall {
    pub name: String,
    pub params: Vec<Value>,
}

/// Parses a request body; errors carry the texts of Python's expat.
pub(crate) fn parse_call(body: &[u8]) -> Result<MethodCall, Fail> {
    let (name, params) = parse(body)?;
    name.map(|name| MethodCall { name, params })
        .ok_or_else(|| Fail::python("xmlrpc.client.ResponseError", "ResponseError()"))
}

/// Parses a `<methodResponse>`: `Ok` value or `Err((code, text))`. For tests that read answers.
pub(crate) fn parse_response(body: &[u8]) -> Result<Result<Value, (Value, String)>, Fail> {
    let (_, mut params) = parse(body)?;
    let first = params.drain(..).next().unwrap_or(Value::Nil);
    let is_fault = std::str::from_utf8(body).is_ok_and(|text| text.contains("<fault>"));
    if !is_fault {
        return Ok(Ok(first));
    }
    let code = first.get("faultCode").cloned().unwrap_or(Value::Nil);
    let text = first.get("faultString").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Err((code, text)))
}

fn parse(body: &[u8]) -> Result<(Option<String>, Vec<Value>), Fail> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            return Err(expat(body, error.valid_up_to(), "not well-formed (invalid token)"));
        }
    };
    check_start(text)?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut stack = Stack::default();
    let mut open = 0_usize;
    let mut seen_root = false;
    loop {
        let at = reader.buffer_position() as usize;
        let event = reader
            .read_event()
            .map_err(|error| read_error(body, &error, reader.error_position() as usize))?;
        match event {
            Event::Start(tag) => {
                open += 1;
                seen_root = true;
                stack.start(tag.name().0)?;
            }
            Event::End(tag) => {
                open = open.saturating_sub(1);
                stack.end(tag.name().0)?;
            }
            Event::Text(part) => stack.text(&part, at, body)?,
            Event::CData(part) => stack.text.push_str(&part),
            Event::GeneralRef(part) => {
                stack
                    .text
                    .push_str(&entity(&part).ok_or_else(|| expat(body, at, "undefined entity"))?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if open > 0 || !seen_root {
        return Err(expat(body, body.len(), "no element found"));
    }
    Ok((stack.method, stack.values))
}

/// What expat says about a document that does not begin with markup.
fn check_start(text: &str) -> Result<(), Fail> {
    let start = text.len() - text.trim_start_matches([' ', '\t', '\r', '\n', '\u{feff}']).len();
    match text[start..].bytes().next() {
        None | Some(b'<') => Ok(()),
        Some(byte) if byte < 0x20 => {
            Err(expat(text.as_bytes(), start, "not well-formed (invalid token)"))
        }
        Some(_) => Err(expat(text.as_bytes(), start, "syntax error")),
    }
}

fn read_error(body: &[u8], error: &Error, at: usize) -> Fail {
    let text = match error {
        Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
            return expat(body, body.len(), "no element found");
        }
        Error::IllFormed(
            IllFormedError::MismatchedEndTag { .. } | IllFormedError::UnmatchedEndTag(_),
        ) => "mismatched tag",
        Error::Syntax(SyntaxError::UnclosedTag) => "unclosed token",
        _ => "not well-formed (invalid token)",
    };
    expat(body, at, text)
}

fn expat(body: &[u8], at: usize, text: &str) -> Fail {
    let before = &body[..at.min(body.len())];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    Fail::python("xml.parsers.expat.ExpatError", format!("{text}: line {line}, column {column}"))
}

fn entity(part: &BytesRef<'_>) -> Option<String> {
    if let Ok(Some(character)) = part.resolve_char_ref() {
        return Some(character.to_string());
    }
    let text = match &**part {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return None,
    };
    Some(text.to_owned())
}

#[derive(Default)]
struct Stack {
    values: Vec<Value>,
    marks: Vec<usize>,
    text: String,
    /// Set between `<value>` and the first typed child: bare text is a string.
    bare: bool,
    method: Option<String>,
}

impl Stack {
    fn start(&mut self, tag: &str) -> Result<(), Fail> {
        if matches!(tag, "array" | "struct") {
            self.marks.push(self.values.len());
            if self.marks.len() > MAX_DEPTH {
                return Err(Fail::python("RecursionError", "maximum recursion depth exceeded"));
            }
        }
        self.text.clear();
        self.bare = tag == "value";
        Ok(())
    }

    fn text(&mut self, part: &str, at: usize, body: &[u8]) -> Result<(), Fail> {
        // A photo's base64 is left to its decoder: looking at every byte twice would cost seconds
        // in tests.
        let short = part.len() < 1 << 20;
        if short && part.bytes().any(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) {
            return Err(expat(body, at, "not well-formed (invalid token)"));
        }
        if part.contains('\r') {
            self.text.push_str(&part.replace("\r\n", "\n").replace('\r', "\n"));
        } else {
            self.text.push_str(part);
        }
        Ok(())
    }

    fn end(&mut self, tag: &str) -> Result<(), Fail> {
        match tag {
            "methodName" => self.method = Some(std::mem::take(&mut self.text)),
            "value" => {
                if self.bare {
                    let text = std::mem::take(&mut self.text);
                    self.values.push(Value::Str(text));
                }
            }
            "array" => {
                let mark = self.marks.pop().unwrap_or(0);
                let items = self.values.split_off(mark.min(self.values.len()));
                self.values.push(Value::List(items));
            }
            "struct" => {
                let mark = self.marks.pop().unwrap_or(0);
                let flat = self.values.split_off(mark.min(self.values.len()));
                self.values.push(Value::Struct(pairs(flat)));
            }
            _ => {
                if let Some(value) = self.scalar(tag)? {
                    self.values.push(value);
                }
                self.bare = false;
                return Ok(());
            }
        }
        self.bare = false;
        Ok(())
    }

    fn scalar(&mut self, tag: &str) -> Result<Option<Value>, Fail> {
        let value = match tag {
            "string" | "name" => Value::Str(std::mem::take(&mut self.text)),
            "int" | "i1" | "i2" | "i4" | "i8" | "biginteger" => {
                let text = self.text.trim();
                let number = text.parse().map_err(|_| {
                    Fail::python(
                        "ValueError",
                        format!("invalid literal for int() with base 10: '{text}'"),
                    )
                })?;
                Value::Int(number)
            }
            "boolean" => match self.text.as_str() {
                "0" => Value::Bool(false),
                "1" => Value::Bool(true),
                _ => return Err(Fail::python("TypeError", "bad boolean value")),
            },
            "double" | "float" => {
                let text = self.text.trim();
                let number = text.parse().map_err(|_| {
                    Fail::python(
                        "ValueError",
                        format!("could not convert string to float: '{text}'"),
                    )
                })?;
                Value::Double(number)
            }
            "base64" => Value::Base64(b64decode(self.text.as_bytes())?),
            "dateTime.iso8601" => Value::Date(std::mem::take(&mut self.text)),
            "nil" => Value::Nil,
            _ => return Ok(None),
        };
        Ok(Some(value))
    }
}

fn pairs(flat: Vec<Value>) -> Vec<(String, Value)> {
    let mut members: Vec<(String, Value)> = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        let name = name.as_str().unwrap_or_default().to_owned();
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some(member) => member.1 = value,
            None => members.push((name, value)),
        }
    }
    members
}

/// The XML of an answer.
pub(crate) fn response(value: &Value) -> String {
    let mut out = String::from("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n");
    write_value(&mut out, value);
    out.push_str("</param>\n</params>\n</methodResponse>\n");
    out
}

/// The XML of a fault; legacy paths have string codes.
pub(crate) fn fault(code: &Value, text: &str) -> String {
    let fault = Value::object([("faultCode", code.clone()), ("faultString", Value::str(text))]);
    let mut out = String::from("<?xml version='1.0'?>\n<methodResponse>\n<fault>\n");
    write_value(&mut out, &fault);
    out.push_str("</fault>\n</methodResponse>\n");
    out
}

/// Escapes what Python's `xmlrpc.client.escape` escapes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn write_value(out: &mut String, value: &Value) {
    out.push_str("<value>");
    match value {
        Value::Nil => out.push_str("<nil/>"),
        Value::Bool(flag) => {
            out.push_str(if *flag { "<boolean>1</boolean>" } else { "<boolean>0</boolean>" })
        }
        Value::Int(number) => out.push_str(&format!("<int>{number}</int>")),
        Value::Double(number) => out.push_str(&format!("<double>{number}</double>")),
        Value::Str(text) => out.push_str(&format!("<string>{}</string>", escape(text))),
        Value::Date(text) => out.push_str(&format!("<dateTime.iso8601>{text}</dateTime.iso8601>")),
        Value::Base64(_) | Value::File(_) => out.push_str("<string></string>"),
        Value::List(items) => {
            out.push_str("<array><data>\n");
            items.iter().for_each(|item| write_value(out, item));
            out.push_str("</data></array>");
        }
        Value::Struct(members) => {
            out.push_str("<struct>\n");
            for (name, member) in members {
                out.push_str(&format!("<member>\n<name>{}</name>\n", escape(name)));
                write_value(out, member);
                out.push_str("</member>\n");
            }
            out.push_str("</struct>");
        }
    }
    out.push_str("</value>\n");
}
