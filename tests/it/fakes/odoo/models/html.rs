//! What Odoo's sanitizer leaves of a message body. Small, but strict in what it lets through.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::wire::escape;

/// Elements whose content goes with them.
const DROPPED: &[&str] =
    &["script", "style", "iframe", "object", "embed", "head", "title", "meta", "link"];
/// Elements a body may start with; anything else is wrapped in a paragraph.
const BLOCKS: &[&str] =
    &["p", "div", "ul", "ol", "table", "h1", "h2", "h3", "h4", "blockquote", "pre", "hr"];

/// Plain text as 17 and later store it: escaped, in a paragraph.
pub(crate) fn from_text(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<p>{}</p>", escape(text)) }
}

/// Sanitizes HTML. `picture` stores a `data:` picture and returns its address.
pub(crate) fn sanitize(source: &str, picture: &mut dyn FnMut(Vec<u8>) -> String) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        out.push_str(&text(&rest[..at]));
        rest = &rest[at..];
        let is_tag =
            rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        let end = tag_end(rest);
        let (true, Some(end)) = (is_tag, end) else {
            out.push_str("&lt;");
            rest = &rest[1..];
            continue;
        };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        let name = tag_name(tag);
        if DROPPED.contains(&name.as_str()) {
            let closing = format!("</{name}");
            let after = rest.to_ascii_lowercase().find(&closing).map(|at| &rest[at..]);
            rest = after.and_then(|tail| tail.split_once('>')).map_or(rest, |(_, tail)| tail);
            continue;
        }
        if !tag.starts_with('!') {
            out.push_str(&clean_tag(tag, &name, picture));
        }
    }
    out.push_str(&text(rest));
    wrap(&out)
}

fn wrap(html: &str) -> String {
    let starts_block =
        html.strip_prefix('<').is_some_and(|tag| BLOCKS.contains(&tag_name(tag).as_str()));
    if html.is_empty() || starts_block { html.to_owned() } else { format!("<p>{html}</p>") }
}

/// Where the tag closes: a `>` inside quotes does not count.
fn tag_end(source: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in source.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

fn tag_name(tag: &str) -> String {
    let name = tag.trim_start_matches('/');
    name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase()
}

fn clean_tag(tag: &str, name: &str, picture: &mut dyn FnMut(Vec<u8>) -> String) -> String {
    if tag.starts_with('/') {
        return format!("</{name}>");
    }
    let mut out = format!("<{name}");
    for (key, value) in attributes(&tag[name.len()..]) {
        let inline = value.strip_prefix("data:image/").and_then(|data| data.split_once("base64,"));
        match inline {
            Some((_, data)) if name == "img" && key == "src" => {
                let address = picture(STANDARD.decode(data).unwrap_or_default());
                out.push_str(&format!(" src=\"{address}\" alt=\"image0\""));
            }
            _ if key.starts_with("on")
                || value.trim_start().to_ascii_lowercase().starts_with("javascript:") => {}
            _ => out.push_str(&format!(" {key}=\"{}\"", text(&value).replace('"', "&quot;"))),
        }
    }
    out.push('>');
    out
}

fn attributes(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = source.trim().trim_end_matches('/').trim_end();
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.split_whitespace().last().unwrap_or_default().to_ascii_lowercase();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, tail) = match quote {
            Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        found.push((key, value.to_owned()));
        rest = tail.trim_start();
    }
    found
}

/// Text between tags: entities are read and written again, so that a bare `&` becomes one.
fn text(source: &str) -> String {
    let plain = source
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    escape(&plain)
}
