//! What Python does with `datas`: lenient base64, its error texts, and the digests Odoo stores.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;
use sha1::Digest as _;

use super::failure::Fail;
use super::value::Value;

/// A `datas` string, decoded once.
#[derive(Debug, PartialEq)]
pub(crate) struct File {
    /// Length of the base64 text, for the call log.
    pub text_len: usize,
    /// The content, or the error Python would raise when the field is used.
    pub content: Result<Content, Fail>,
}

/// Bytes with the digest that Odoo stores as `checksum`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Content {
    pub bytes: Bytes,
    pub sha1: String,
}

impl Content {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Content {
        let bytes = bytes.into();
        let sha1 = hex::encode(sha1::Sha1::digest(&bytes));
        Content { bytes, sha1 }
    }

    /// For tests that compare with what they sent; made on demand, as unoptimised hashing is slow.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(sha2::Sha256::digest(&self.bytes))
    }
}

/// Replaces every `datas` string below `value` by its decoded file.
pub(crate) fn decode_files(value: &mut Value) {
    match value {
        Value::List(items) => items.iter_mut().for_each(decode_files),
        Value::Struct(members) => {
            for (name, member) in members {
                match member {
                    Value::Str(text) if name == "datas" => {
                        let text = std::mem::take(text);
                        let content = b64decode(text.as_bytes()).map(Content::new);
                        *member = Value::File(Arc::new(File { text_len: text.len(), content }));
                    }
                    other => decode_files(other),
                }
            }
        }
        _ => {}
    }
}

/// Python's `base64.b64decode(text)`: what is not in the alphabet is skipped, padding ends the
/// text.
pub(crate) fn b64decode(text: &[u8]) -> Result<Vec<u8>, Fail> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return Ok(bytes);
    }
    if !text.is_ascii() {
        return Err(Fail::python(
            "ValueError",
            "string argument should contain only ASCII characters",
        ));
    }
    let mut chars = Vec::with_capacity(text.len());
    let mut pads = 0;
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                chars.push(byte);
                pads = 0;
            }
            b'=' if chars.len() % 4 >= 2 => {
                pads += 1;
                if chars.len() % 4 + pads >= 4 {
                    return lenient(&chars);
                }
            }
            _ => {}
        }
    }
    match chars.len() % 4 {
        0 => lenient(&chars),
        1 => {
            let text = format!(
                "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
                chars.len()
            );
            Err(Fail::python("binascii.Error", text))
        }
        _ => Err(Fail::python("binascii.Error", "Incorrect padding")),
    }
}

fn lenient(chars: &[u8]) -> Result<Vec<u8>, Fail> {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(chars)
        .map_err(|_| Fail::python("binascii.Error", "Incorrect padding"))
}
