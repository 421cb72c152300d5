//! `type = "folder"`.

use super::super::{
    section::Section,
    values::{Wrong, path, text},
};
use crate::destinations::{
    folder,
    key::{DEFAULT_TEMPLATE, KeyTemplate},
};

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<folder::Settings> {
    let path = s.key("path", "the folder").required("/srv/photos", path);
    let key_template = s
        .key("key_template", "file name below the folder, made safe for a path")
        .or(DEFAULT_TEMPLATE, text(template));
    Some(folder::Settings { path: path?, key_template: key_template? })
}

pub(super) fn template(text: &str) -> Result<KeyTemplate, Wrong> {
    KeyTemplate::parse(text).map_err(|error| {
        Wrong::new(
            format!("is no template: {error}"),
            format!("write for example {DEFAULT_TEMPLATE}"),
        )
    })
}
