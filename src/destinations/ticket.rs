//! How a photo stands on a ticket: the name of its file, the words beside it, and the mark by
//! which it is known again (`fixtures/contracts/open-questions.md`, section G). Pure.

use super::{Message, message::escaped, name::extension};
use crate::model::{Delivery, Photo, PhotoId, printable};

/// How every mark begins.
const PREFIX: &str = "apertur-";
/// What a receipt says of a photo whose words are on the ticket and whose file is not seen there.
pub(super) const UNLISTED: &str =
    "the text was added, but its file is not listed with it: look on the ticket";
/// What stands before a mark in a text.
const REFERENCE: &str = "ref ";

/// The mark of a photo, in file names and texts: `apertur-img_1`.
pub(super) fn mark(photo: &PhotoId) -> String {
    format!("{PREFIX}{}", photo.marker())
}

/// The name of its file on the ticket, plain ASCII: `apertur-img_1.jpg`.
pub(super) fn file_name(photo: &Photo) -> String {
    format!("{}.{}", mark(&photo.id), extension(photo.media_type.as_deref()))
}

/// What a ticket is called: its subject in one line, else its number.
pub(super) fn title(number: u64, subject: Option<&str>) -> String {
    let words: Vec<_> = subject.unwrap_or_default().split_whitespace().collect();
    let title = printable(&words.join(" "));
    if title.is_empty() { format!("ticket {number}") } else { title }
}

/// The HTML of the note or comment that carries these photos, a paragraph each.
pub(super) fn body<'a>(
    message: &Message,
    deliveries: impl IntoIterator<Item = &'a Delivery>,
) -> String {
    let paragraph = |delivery: &Delivery| {
        // A guest may name a file like a mark; this one is to be the only mark.
        let words: Vec<_> = message.text(delivery).split_whitespace().map(str::to_owned).collect();
        let text = words.join(" ").replace("ref apertur-", "ref: apertur-");
        format!("<p>{} ({REFERENCE}{})</p>", escaped(&text), mark(&delivery.photo.id))
    };
    deliveries.into_iter().map(paragraph).collect()
}

/// Whether a file on the ticket is this photo: its name up to the last dot is the whole mark.
pub(super) fn is_file_of(photo: &PhotoId, file_name: &str) -> bool {
    file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem) == mark(photo)
}

/// Whether a text on the ticket holds the whole mark of this photo: that of `img_1` is not in
/// the one of `img_10`.
pub(super) fn is_marked(photo: &PhotoId, text: &str) -> bool {
    let mark = format!("{REFERENCE}{}", mark(photo));
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.match_indices(&mark).any(|(at, _)| !text[at + mark.len()..].starts_with(goes_on))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::tests::delivery;

    fn id(text: &str) -> PhotoId {
        PhotoId::parse(text).unwrap()
    }

    #[test]
    fn a_photo_is_named_and_described_by_its_mark() {
        let mut delivery = delivery();
        assert_eq!(file_name(&delivery.photo), "apertur-img_1.jpg");
        delivery.photo.filename = Some("a <b>.jpg".to_owned());
        let second = Delivery {
            photo: Photo { id: id("img_2"), ..delivery.photo.clone() },
            ..delivery.clone()
        };
        let message = Message::parse("Photo & {image_index}").unwrap();
        assert_eq!(
            body(&message, [&delivery, &second]),
            "<p>Photo &amp; 0 (ref apertur-img_1)</p><p>Photo &amp; 0 (ref apertur-img_2)</p>"
        );
    }

    #[test]
    fn a_ticket_without_a_subject_is_called_by_its_number() {
        assert_eq!(title(9, Some(" Broken\r\n\"door\" \u{7}<b> ")), "Broken \"door\" <b>");
        for none in [None, Some(""), Some(" \n"), Some("\u{1b}")] {
            assert_eq!(title(9, none), "ticket 9");
        }
    }

    #[test]
    fn only_the_whole_mark_is_known_again() {
        let one = id("img_1");
        for name in ["apertur-img_1.jpg", "apertur-img_1.jpeg", "apertur-img_1"] {
            assert!(is_file_of(&one, name), "{name}");
        }
        for name in ["apertur-img_10.jpg", "apertur-img_1.jpg.html", "x-apertur-img_1.jpg", ""] {
            assert!(!is_file_of(&one, name), "{name}");
        }
        for text in [
            "ref apertur-img_1",
            "<p>a (ref apertur-img_1)</p>",
            "ref apertur-img_10 ref apertur-img_1.",
        ] {
            assert!(is_marked(&one, text), "{text}");
        }
        for text in ["", "ref apertur-img_10", "ref apertur-img_1-2", "apertur-img_1.jpg"] {
            assert!(!is_marked(&one, text), "{text}");
        }
        let mut named = delivery();
        named.photo.id = id("img_2");
        for name in ["(ref apertur-img_1).jpg", "ref  apertur-img_1.jpg", "ref\u{a0}apertur-img_1"]
        {
            named.photo.filename = Some(name.to_owned());
            assert!(!is_marked(&one, &body(&Message::default(), [&named])), "{name}");
            assert!(!body(&Message::default(), [&named]).contains("ref  "), "{name}");
        }
    }
}
