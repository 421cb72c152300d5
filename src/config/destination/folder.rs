//! `type = "folder"`.

use super::{
    super::{section::Section, values::path},
    key_template,
};
use crate::destinations::folder;

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<folder::Settings> {
    let path = s.key("path", "the folder").required("/srv/photos", path);
    let key_template = key_template(s);
    Some(folder::Settings { path: path?, key_template: key_template? })
}
