//! Pictures: type and size from the first bytes, and what the server's shrinking leaves of them.
//!
//! Nothing is really re-encoded. The stored bytes are a stub that differs from what was sent, which
//! is all a client can notice: another size, another checksum.

use super::super::files::Content;

/// The default of `base.image_autoresize_max_px`, both ways.
const MAX_PX: u32 = 1920;

/// Sizes and checksums that real servers made of recorded pictures: `(sha1 sent, size stored, sha1
/// stored)`.
///
/// The first is the recorded 4000x3000 picture. The 12 megapixel one was recorded with its middle
/// cut out; its keys are the sha1 of the picture as the replay rebuilds it (the cut lies one byte
/// apart on 19).
const RECORDED: &[(&str, usize, &str)] = &[
    (
        "1873342261e9e37107678c575f47b9e067ee54d6",
        16_487,
        "fd37c4ba02b1da584902410e6007095c13ca4803",
    ),
    (
        "52ba25269dfa004032b25b54133bdb25cfe6db16",
        1_082_509,
        "8333fb043808121ebe442f154d9bba1ddaea6c9d",
    ),
    (
        "809bf3903df56c16b53aba3164e81018fcada5d3",
        1_082_509,
        "8333fb043808121ebe442f154d9bba1ddaea6c9d",
    ),
];

/// Shrinks a picture above 1920x1920; `None`: stored as sent.
pub(crate) fn shrink(content: &Content, mimetype: &str, max_px: Option<&str>) -> Option<Content> {
    if !matches!(mimetype, "image/png" | "image/jpeg" | "image/bmp" | "image/tiff") {
        return None;
    }
    let (max_width, max_height) = limits(max_px)?;
    let (width, height) = size(&content.bytes)?;
    if width <= max_width && height <= max_height {
        return None;
    }
    let recorded = RECORDED.iter().find(|(sent, ..)| *sent == content.sha1);
    let bytes = stub(&content.sha1, recorded.map_or(content.bytes.len() / 3, |(_, size, _)| *size));
    let mut stored = Content::new(bytes);
    if let Some((_, _, sha1)) = recorded {
        stored.sha1 = (*sha1).to_owned();
    }
    Some(stored)
}

/// The system parameter: `WxH`, and `0` for off.
fn limits(parameter: Option<&str>) -> Option<(u32, u32)> {
    match parameter {
        None => Some((MAX_PX, MAX_PX)),
        Some(text) => {
            let (width, height) = text.split_once('x')?;
            Some((width.parse().ok()?, height.parse().ok()?))
        }
    }
}

/// A JPEG of nothing but a comment, as long as asked for.
fn stub(sent: &str, len: usize) -> Vec<u8> {
    let comment = format!("re-encoded from {sent}");
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xFE];
    bytes.extend_from_slice(&(comment.len() as u16 + 2).to_be_bytes());
    bytes.extend_from_slice(comment.as_bytes());
    bytes.resize(bytes.len().max(len.saturating_sub(2)), 0);
    bytes.extend_from_slice(&[0xFF, 0xD9]);
    bytes
}

/// Width and height of a JPEG, PNG or BMP.
pub(crate) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    match mimetype(bytes)? {
        "image/jpeg" => jpeg_size(bytes),
        "image/png" => Some((be32(bytes, 16)?, be32(bytes, 20)?)),
        "image/bmp" => Some((le32(bytes, 18)?, le32(bytes, 22)?)),
        _ => None,
    }
}

fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [0xFF, marker, high, low] = *bytes.get(at..at + 4)? else { return None };
        let is_frame = matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
        if is_frame {
            let [h1, h2, w1, w2] = *bytes.get(at + 5..at + 9)? else { return None };
            return Some((
                u32::from(u16::from_be_bytes([w1, w2])),
                u32::from(u16::from_be_bytes([h1, h2])),
            ));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The type that the content itself shows.
pub(crate) fn mimetype(bytes: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 6] = [
        (b"\xFF\xD8\xFF", "image/jpeg"),
        (b"\x89PNG\r\n\x1A\n", "image/png"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
        (b"%PDF", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
    ];
    known.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| name)
}
