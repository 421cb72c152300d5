//! `type = "folder"`.

use super::super::{
    section::Section,
    values::{path, text},
};
use crate::destinations::{folder, key::DEFAULT_TEMPLATE};

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<folder::Settings> {
    let path = s.key("path", "the folder").required("/srv/photos", path);
    let key_template = s
        .key("key_template", "file name below the folder, made safe for a path")
        .or(DEFAULT_TEMPLATE, text(super::template));
    Some(folder::Settings { path: path?, key_template: key_template? })
}
