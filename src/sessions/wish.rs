//! What people may wish of a session. Pure; the words are those of whoever asks.

use crate::model::{DestinationName, Kind, Tag, Target};

/// Longest label, in characters.
const MAX_LABEL: usize = 100;

/// Why no destination is the one whose record is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDestination {
    /// None takes photos for the record.
    #[error("no destination is configured that takes photos for {0}")]
    None(Target),
    /// That one does not; these do.
    #[error("`{0}` takes no photos for {1}; the destinations that do: {2}")]
    Other(String, Target, String),
}

/// The destination of this name, if it takes photos for the record.
///
/// # Errors
/// When it does not, or there is none.
pub fn choose(
    all: &[(DestinationName, Kind)],
    target: &Target,
    wanted: &str,
) -> Result<DestinationName, NoDestination> {
    let fitting: Vec<_> = all.iter().filter(|(_, kind)| target.belongs_to(*kind)).collect();
    if let Some((name, _)) = fitting.iter().find(|(name, _)| name.as_str() == wanted) {
        return Ok(name.clone());
    }
    let names: Vec<_> = fitting.iter().map(|(name, _)| name.as_str()).collect();
    match names.as_slice() {
        [] => Err(NoDestination::None(target.clone())),
        names => Err(NoDestination::Other(wanted.to_owned(), target.clone(), names.join(", "))),
    }
}

/// Whether who reads a tag as we do takes it for another record; a mere ticket may mean anything.
#[must_use]
pub fn names_other(tag: &str, target: &Target) -> bool {
    let named: Option<Target> = Tag::from_text(tag).to_text().parse().ok();
    let named = named.filter(|named| !matches!(named, Target::Ticket { .. }));
    named.is_some_and(|named| named.record() != target.record())
}

/// Why a text cannot be a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label has 1 to {} characters and no control characters", MAX_LABEL)]
pub struct InvalidLabel;

/// Takes 1 to 100 characters, none of them a control character; white space around them goes.
///
/// # Errors
/// When it is something else.
pub fn label(text: &str) -> Result<String, InvalidLabel> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= MAX_LABEL;
    let plain = !text.chars().any(char::is_control);
    if fits && plain { Ok(text.to_owned()) } else { Err(InvalidLabel) }
}

/// Why a text is no type of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the types are jpeg, png, webp and heic")]
pub struct InvalidPicture;

/// The media type of a picture that Apertur knows (`fixtures/contracts/apertur.md`, section 4.1),
/// from `jpeg`, `JPG` or `image/jpeg`.
///
/// # Errors
/// When it is another.
pub fn picture(text: &str) -> Result<String, InvalidPicture> {
    let name = text.trim().to_ascii_lowercase();
    let name = name.strip_prefix("image/").unwrap_or(&name);
    match if name == "jpg" { "jpeg" } else { name } {
        known @ ("jpeg" | "png" | "webp" | "heic") => Ok(format!("image/{known}")),
        _ => Err(InvalidPicture),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_names_another_record_is_known() {
        let target: Target = "freshservice:2:241".parse().unwrap();
        for tag in ["odoo:res.partner:42", "freshservice:242", "zendesk:9"] {
            assert!(names_other(tag, &target), "{tag}");
        }
        for tag in ["vip:gold", "ticket:7", "freshservice:241", "odoo:res.partner", "plain"] {
            assert!(!names_other(tag, &target), "{tag}");
        }
    }

    #[test]
    fn labels_and_types_are_read_as_people_write_them() {
        assert_eq!(picture("JPG").as_deref(), Ok("image/jpeg"));
        assert_eq!(picture("image/heic").as_deref(), Ok("image/heic"));
        assert!(picture("image/gif").is_err());
        assert_eq!(label(" the roof ").as_deref(), Ok("the roof"));
        assert!(
            label(" ").is_err() && label("a\u{7}").is_err() && label(&"a".repeat(101)).is_err()
        );
    }

    #[test]
    fn a_destination_is_chosen_among_those_that_take_the_record() {
        let named = |name: &str, kind| (DestinationName::parse(name).unwrap(), kind);
        let all = [named("erp", Kind::Odoo), named("desk", Kind::Zendesk)];
        let choose = |wanted: &str, target: &str| choose(&all, &target.parse().unwrap(), wanted);
        assert_eq!(
            choose("erp", "odoo:res.partner:4").as_ref().map(|name| name.as_str()),
            Ok("erp")
        );
        let other = choose("desk", "odoo:res.partner:4").unwrap_err().to_string();
        assert!(other.ends_with("the destinations that do: erp"), "{other}");
        assert!(matches!(choose("erp", "freshdesk:4"), Err(NoDestination::None(_))));
    }
}
