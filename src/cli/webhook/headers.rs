//! The headers of a request, as options and pasted lines give them.

use std::{fs::File, path::Path};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use anyhow::Context as _;

use super::{MAX_SECRET, read_all};

/// A header as it is given on the command line.
pub(in crate::cli) fn header(text: &str) -> Result<(String, String), String> {
    split(text).ok_or_else(|| "write it as 'Name: value'".to_owned())
}

/// These headers and those of a file, one a line; its other lines are skipped.
///
/// # Errors
/// When the file cannot be read or a value has characters that no header has.
pub(in crate::cli) fn headers(
    given: &[(String, String)],
    file: Option<&Path>,
) -> anyhow::Result<HeaderMap> {
    let mut pairs = given.to_vec();
    if let Some(file) = file {
        let read = File::open(file).and_then(|file| read_all(file, MAX_SECRET));
        let text = read.with_context(|| format!("cannot read {}", file.display()))?;
        pairs.extend(String::from_utf8_lossy(&text).lines().filter_map(split));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let value = HeaderValue::from_str(&value)
            .with_context(|| format!("the value of {name} is not that of a header"))?;
        headers.append(HeaderName::from_bytes(name.as_bytes())?, value);
    }
    Ok(headers)
}

/// Name and value of a header as written in a log or by `curl -v`.
fn split(line: &str) -> Option<(String, String)> {
    let line = line.trim().trim_start_matches(['<', '>']).trim_start();
    let (name, value) = line.split_once(':')?;
    HeaderName::from_bytes(name.as_bytes()).ok()?;
    Some((name.to_owned(), value.trim().to_owned()))
}
