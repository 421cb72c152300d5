//! The keys that buckets and containers share.

use std::time::Duration;

use super::super::{
    section::Section,
    values::{Wrong, count, text, timeout},
};
use crate::destinations::key::{DEFAULT_TEMPLATE, KeyTemplate};

/// The name of a bucket or container.
pub(super) fn bucket(text: &str) -> Result<String, Wrong> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'$');
    if (3..=222).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    let what = "is not the name of a bucket or container";
    Err(Wrong::new(what, "write its name alone, without an address or a path"))
}

/// Reads `key_template`, or what the type calls it.
pub(super) fn key_template(s: &mut Section<'_>, name: &'static str) -> Option<KeyTemplate> {
    s.key(name, "name of the object, made safe for a path")
        .or(DEFAULT_TEMPLATE, text(super::template))
}

/// Reads `timeout` and `concurrency`.
pub(super) fn pace(s: &mut Section<'_>) -> (Option<Duration>, Option<usize>) {
    let timeout = s
        .key("timeout", "longest time of one call; a part of 8 MiB has to be sent in it")
        .or("2m", timeout);
    let concurrency = s.key("concurrency", "deliveries under way at once").or("4", count(1, 32));
    (timeout, concurrency)
}
