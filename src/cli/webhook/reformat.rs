//! JSON as other programs would write it again: other spaces, other escapes, the same order and
//! the same numbers.

/// One way to write JSON.
struct Layout {
    name: &'static str,
    comma: &'static str,
    colon: &'static str,
    indent: usize,
}

const LAYOUTS: [Layout; 4] = [
    Layout { name: "without spaces", comma: ",", colon: ":", indent: 0 },
    Layout { name: "with a space after each , and :", comma: ", ", colon: ": ", indent: 0 },
    Layout { name: "indented by 2", comma: ",", colon: ": ", indent: 2 },
    Layout { name: "indented by 4", comma: ",", colon: ": ", indent: 4 },
];

/// How texts in it are escaped.
const ESCAPES: [(&str, Escape); 4] = [
    ("", |text| Some(text.to_owned())),
    (", letters written out instead of \\u escapes", |text| {
        serde_json::to_string(&parse(text)?).ok()
    }),
    (", with \\u escapes", |text| ascii(text, false)),
    (", with \\u escapes and \\/", |text| ascii(text, true)),
];

type Escape = fn(&str) -> Option<String>;

/// The text in every way it could have been written, each with its name; nothing where it is no
/// JSON.
pub(super) fn variants(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    let Some(text) = std::str::from_utf8(text).ok().filter(|_| is_json) else { return Vec::new() };
    let mut variants: Vec<(String, Vec<u8>)> = Vec::new();
    for (how, escape) in ESCAPES {
        for layout in &LAYOUTS {
            let Some(written) = write(text, layout, escape) else { continue };
            let is_new = variants.iter().all(|(_, known)| *known != written.as_bytes());
            if written != text && is_new {
                variants.push((format!("{}{how}", layout.name), written.into_bytes()));
            }
        }
    }
    variants
}

fn parse(token: &str) -> Option<String> {
    serde_json::from_str(token).ok()
}

fn ascii(token: &str, slashes: bool) -> Option<String> {
    let mut written = String::with_capacity(token.len());
    for c in serde_json::to_string(&parse(token)?).ok()?.chars() {
        match c {
            '/' if slashes => written.push_str("\\/"),
            c if c.is_ascii() => written.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    written.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    Some(written)
}

/// Writes valid JSON again. Works on its tokens, so that numbers and order stay.
fn write(text: &str, layout: &Layout, escape: Escape) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if first == '"' { string_end(rest)? } else { first.len_utf8() };
        let (token, after) = rest.split_at(end);
        rest = after.trim_start();
        match first {
            '"' => out.push_str(&escape(token)?),
            '{' | '[' if rest.starts_with(['}', ']']) => out.push(first),
            '{' | '[' => {
                depth += 1;
                out.push(first);
                new_line(&mut out, layout, depth);
            }
            '}' | ']' if out.ends_with(['{', '[']) => out.push(first),
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, layout, depth);
                out.push(first);
            }
            ',' => {
                out.push_str(layout.comma);
                new_line(&mut out, layout, depth);
            }
            ':' => out.push_str(layout.colon),
            other => out.push(other),
        }
    }
    Some(out)
}

fn new_line(out: &mut String, layout: &Layout, depth: usize) {
    if layout.indent > 0 {
        out.push('\n');
        out.push_str(&" ".repeat(layout.indent * depth));
    }
}

/// The length of the string that begins here, quotes included.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    let mut bytes = text.bytes().enumerate().skip(1);
    let (end, _) = bytes.find(|(_, byte)| {
        let is_end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_end
    })?;
    Some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPACT: &str = r#"{"b":[1.50,{},[]],"a":"p\u00e9 \"x\" a/b","z":{"y":null}}"#;

    fn written(text: &str) -> Vec<String> {
        let texts = variants(text.as_bytes()).into_iter();
        texts.map(|(_, text)| String::from_utf8(text).unwrap()).collect()
    }

    #[test]
    fn json_is_written_in_every_usual_way() {
        let all = written(COMPACT);
        for expected in [
            r#"{"b": [1.50, {}, []], "a": "p\u00e9 \"x\" a/b", "z": {"y": null}}"#,
            r#"{"b":[1.50,{},[]],"a":"pé \"x\" a/b","z":{"y":null}}"#,
            r#"{"b":[1.50,{},[]],"a":"p\u00e9 \"x\" a\/b","z":{"y":null}}"#,
            "{\n  \"b\": [\n    1.50,\n    {},\n    []\n  ],\n  \"a\": \"p\\u00e9 \\\"x\\\" a/b\",\
             \n  \"z\": {\n    \"y\": null\n  }\n}",
        ] {
            assert!(all.iter().any(|text| text == expected), "{expected}\n{all:#?}");
        }
        assert!(!all.iter().any(|text| text == COMPACT));
    }

    #[test]
    fn the_compact_form_comes_back_from_any_other() {
        for text in written(COMPACT) {
            assert!(written(&text).iter().any(|back| back == COMPACT), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_has_no_variants() {
        for text in [&b"{"[..], b"", b"\xff", b"{\"a\": }"] {
            assert_eq!(variants(text), Vec::new());
        }
    }
}
