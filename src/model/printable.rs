//! Texts of strangers, so that they fit a line.

/// A text of the guest's device, or of another system, without control characters, at most 255
/// characters.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(255).collect()
}
