//! Names made harmless: what a guest's device or a tag may call itself never becomes a path,
//! a device or markup. Pure.

use crate::model::Photo;

/// Longest value that becomes part of a name, in bytes.
pub(super) const MAX_VALUE: usize = 100;

/// The usual extension of a picture's media type, without a dot; `bin` where there is none.
pub(super) fn extension(media_type: Option<&str>) -> &'static str {
    match media_type.unwrap_or_default() {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "image/heif" | "image/heic" => "heic",
        "image/avif" => "avif",
        "image/gif" => "gif",
        "image/tiff" => "tif",
        "image/bmp" => "bmp",
        "image/jxl" => "jxl",
        "image/jp2" => "jp2",
        "image/x-canon-cr2" => "cr2",
        "image/vnd.ms-photo" => "jxr",
        "image/vnd.adobe.photoshop" => "psd",
        "image/vnd.microsoft.icon" => "ico",
        "image/openraster" => "ora",
        _ => "bin",
    }
}

/// A guest's file name made harmless: no separators, control or direction-changing characters,
/// no dots or spaces at its ends, no reserved name, at most 100 bytes with its extension kept.
/// Where the extension is not the picture's, the picture's is added, so that nobody's computer
/// takes a photo for a page or a program. A photo without a name, or with nothing left of it,
/// is `photo.<ext>`.
pub(super) fn filename(photo: &Photo) -> String {
    let own = extension(photo.media_type.as_deref());
    let name = harmless(photo.filename.as_deref().unwrap_or_default());
    let (stem, ext) = match split_ext(&name) {
        (stem, ext) if own == "bin" || fits(ext, own) => (stem, ext.to_owned()),
        _ => (name.as_str(), format!(".{own}")),
    };
    match trimmed(cut(stem, MAX_VALUE - 1 - ext.len())) {
        "" => format!("photo.{own}"),
        stem => unreserved(&format!("{stem}{ext}")),
    }
}

/// Whether a given extension, with its dot, is one of the picture's.
fn fits(given: &str, own: &str) -> bool {
    let given = given.trim_start_matches('.').to_ascii_lowercase();
    match own {
        "jpg" => matches!(given.as_str(), "jpg" | "jpeg" | "jpe" | "jfif"),
        "heic" => matches!(given.as_str(), "heic" | "heif" | "hif"),
        "tif" => matches!(given.as_str(), "tif" | "tiff"),
        own => given == own,
    }
}

/// Splits before the last dot; what follows it counts as an extension when it is 1 to 10
/// letters and digits.
pub(super) fn split_ext(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => {
            let ext = &name[dot + 1..];
            let short = (1..=10).contains(&ext.len());
            if short && ext.bytes().all(|b| b.is_ascii_alphanumeric()) {
                name.split_at(dot)
            } else {
                (name, "")
            }
        }
        _ => (name, ""),
    }
}

/// One value made safe for a path; `none` where nothing is left.
pub(super) fn safe(value: &str) -> String {
    let value = harmless(value);
    match trimmed(cut(&value, MAX_VALUE - 1)) {
        "" => "none".to_owned(),
        value => unreserved(value),
    }
}

/// Without control and direction-changing characters, separators as `_`, trimmed. So is `;`:
/// servers end names there, `WsgiDAV` even where it is percent-encoded.
fn harmless(value: &str) -> String {
    let kept: String = value
        .chars()
        .filter(|c| !c.is_control() && !changes_direction(*c))
        .map(|c| if r#"/\:*?"<>|;"#.contains(c) { '_' } else { c })
        .collect();
    trimmed(&kept).to_owned()
}

fn changes_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn trimmed(value: &str) -> &str {
    value.trim_matches(|c: char| c == '.' || c.is_whitespace())
}

/// At most `max` bytes, cut between two characters.
pub(super) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// Names that Windows keeps for devices get an underscore in front.
pub(super) fn unreserved(name: &str) -> String {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = |device| {
        let number = stem.strip_prefix(device).unwrap_or_default();
        matches!(
            number,
            "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
        )
    };
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$");
    let device = device || numbered("COM") || numbered("LPT");
    if device { format!("_{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::tests::delivery;

    fn named(name: &str) -> String {
        filename(&Photo { filename: Some(name.to_owned()), ..delivery().photo })
    }

    #[test]
    fn a_hostile_file_name_becomes_a_plain_one() {
        assert_eq!(named("../../etc/passwd"), "_.._etc_passwd.jpg");
        assert_eq!(named("a\0\u{7}\u{202e}gpj.exe"), "agpj.exe.jpg");
        assert_eq!(named("..."), "photo.jpg");
        assert_eq!(named("nul.jpg"), "_nul.jpg");
        assert_eq!(named("COM1"), "_COM1.jpg");
        assert_eq!(named("common.jpg"), "common.jpg");
        assert_eq!(named(" C:\\x\\y.jpg. "), "C__x_y.jpg");
        assert_eq!(filename(&Photo { filename: None, ..delivery().photo }), "photo.jpg");
    }

    #[test]
    fn an_extension_that_is_not_the_picture_s_is_not_the_last() {
        assert_eq!(named("a.html"), "a.html.jpg");
        assert_eq!(named("a"), "a.jpg");
        assert_eq!(named("a.JPEG"), "a.JPEG");
        let unknown = Photo { media_type: None, ..delivery().photo };
        assert_eq!(filename(&unknown), "photo 1.jpg");
    }

    #[test]
    fn a_long_name_is_cut_between_characters_and_keeps_its_extension() {
        let name = named(&format!("{}.jpeg", "é".repeat(200)));
        assert!(name.len() <= MAX_VALUE && name.ends_with("é.jpeg"), "{name}");
    }

    #[test]
    fn nothing_left_is_none() {
        assert_eq!(safe(" .. "), "none");
        assert_eq!(safe(""), "none");
        assert_eq!(safe("a/b;c"), "a_b_c");
    }
}
