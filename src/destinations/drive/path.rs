//! A folder below the root of a drive, as a person writes it. Pure.

use std::fmt;

use crate::destinations::name::unreserved;

/// Longest name of a folder, in bytes.
const MAX_NAME: usize = 240;

/// A path of folders such as `Apertur/Photos`; empty for the root itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderPath(Vec<String>);

/// Why a text is no path of folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFolder {
    /// It has an empty part, `.` or `..`.
    #[error("has an empty part, `.` or `..`")]
    Parts,
    /// It has a character that some drive takes in no name.
    #[error("has a control character or one of \\ : * ? \" < > |")]
    Characters,
    /// A part of it is too long.
    #[error("has a name of more than {MAX_NAME} bytes")]
    Length,
}

impl FolderPath {
    /// Reads `Apertur/Photos`; slashes at its ends mean nothing, and `/` is the root.
    ///
    /// # Errors
    /// Why it is no path.
    pub fn parse(text: &str) -> Result<Self, InvalidFolder> {
        let text = text.trim_matches('/');
        if text.is_empty() {
            return Ok(Self::default());
        }
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| matches!(part.trim(), "" | "." | "..")) {
            return Err(InvalidFolder::Parts);
        }
        if text.contains(|c: char| c.is_control() || r#"\:*?"<>|"#.contains(c)) {
            return Err(InvalidFolder::Characters);
        }
        if parts.iter().any(|part| part.len() > MAX_NAME) {
            return Err(InvalidFolder::Length);
        }
        Ok(Self(parts.into_iter().map(|part| unreserved(part.trim())).collect()))
    }

    /// The folders of a key below this one, and the name in the last of them.
    pub(in crate::destinations) fn of_key<'a>(&'a self, key: &'a str) -> (Vec<&'a str>, &'a str) {
        let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
        let below = folders.split('/').filter(|part| !part.is_empty());
        (self.parts().chain(below).collect(), name)
    }

    /// The whole path of a key below this one, in names that Dropbox and OneDrive both take.
    pub(in crate::destinations) fn path_of(&self, key: &str) -> Vec<String> {
        let (folders, name) = self.of_key(key);
        folders.into_iter().chain([name]).map(fit).collect()
    }

    /// Its folders, outermost first.
    pub(in crate::destinations) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// A name that no drive keeps for itself: what synchronising programs leave out gets an
/// underscore in front.
fn fit(name: &str) -> String {
    const LEFT_OUT: [&str; 7] =
        [".ds_store", ".dropbox", ".dropbox.attr", ".lock", "desktop.ini", "icon", "thumbs.db"];
    let name = name.replace(|c: char| c.is_control() || r#"\:*?"<>|"#.contains(c), "_");
    let name = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace()).trim_start();
    let low = name.to_lowercase();
    let is_temporary = ["~$", ".~", "~"].iter().any(|start| low.starts_with(start));
    if name.is_empty() || is_temporary || low.contains("_vti_") || LEFT_OUT.contains(&&*low) {
        return format!("_{}", low.replace("_vti_", "_vti-"));
    }
    unreserved(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_and_leads_nowhere_else() {
        let path = |text: &str| FolderPath::parse(text).map(|path| path.to_string());
        assert_eq!(path("Apertur"), Ok("Apertur".to_owned()));
        assert_eq!(path("/Bilder é/2027/"), Ok("Bilder é/2027".to_owned()));
        assert_eq!(path("/"), Ok(String::new()));
        for bad in ["a//b", "..", "a/../b", "./a", "a/ /b"] {
            assert_eq!(path(bad), Err(InvalidFolder::Parts), "{bad}");
        }
        assert_eq!(path("C:\\Photos"), Err(InvalidFolder::Characters));
        assert_eq!(path("a\nb"), Err(InvalidFolder::Characters));
        assert_eq!(path(&"x".repeat(241)), Err(InvalidFolder::Length));
    }

    #[test]
    fn names_that_a_drive_keeps_for_itself_get_an_underscore() {
        let path = |key: &str| FolderPath::default().path_of(key).join("/");
        assert_eq!(path("a b/ü.jpg"), "a b/ü.jpg");
        assert_eq!(path("~$a.jpg"), "_~$a.jpg");
        assert_eq!(path("a:b/Desktop.ini"), "a_b/_desktop.ini");
        assert_eq!(path("x_vti_y.jpg"), "_x_vti-y.jpg");
        assert_eq!(path("a /b."), "a/b");
    }

    #[test]
    fn a_key_s_folders_are_below_it() {
        let path = FolderPath::parse("Apertur/Photos").unwrap();
        assert_eq!(path.of_key("2027/a.jpg"), (vec!["Apertur", "Photos", "2027"], "a.jpg"));
        assert_eq!(FolderPath::default().of_key("a.jpg"), (vec![], "a.jpg"));
    }
}
