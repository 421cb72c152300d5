//! Where a page of a list ended. Opaque to callers: what it says may change.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// Longest cursor that is read, in characters.
const MAX: usize = 300;
/// Bytes of the digest that tells a cursor of another list, or a damaged one.
const CHECK: usize = 6;

/// The cursor after an item, of the list that `list` describes.
pub(super) fn after(list: &str, item: &str) -> String {
    let mut bytes = check(list, item).to_vec();
    bytes.extend_from_slice(item.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The item that a cursor stands after; `None` where it is damaged or of another list.
pub(super) fn read(list: &str, cursor: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| cursor.len() <= MAX)?;
    let (shown, item) = bytes.split_at_checked(CHECK)?;
    let item = String::from_utf8(item.to_vec()).ok()?;
    (check(list, &item) == shown).then_some(item)
}

fn check(list: &str, item: &str) -> [u8; CHECK] {
    let digest = Sha256::new().chain_update(list).chain_update([0]).chain_update(item).finalize();
    let mut check = [0; CHECK];
    check.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_counts_whole_and_for_its_own_list() {
        let cursor = after("held", "17");
        assert_eq!(read("held", &cursor).as_deref(), Some("17"));
        assert_eq!(read("due", &cursor), None);
        let swapped = format!("{}A", &cursor[..cursor.len() - 1]);
        for wrong in ["", "17", "!", &swapped, &cursor[1..], &"A".repeat(MAX + 1)] {
            assert_eq!(read("held", wrong), None, "{wrong}");
        }
    }
}
