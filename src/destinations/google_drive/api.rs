//! The calls of Drive's API that the store is made of: lists, folders, removal.
//! <https://developers.google.com/workspace/drive/api/reference/rest/v3>

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{GoogleDrive, fault};
use crate::{
    destinations::drive::{Call, Content, Fault},
    model::{Digest, Failure},
};

/// The media type of folders.
const FOLDER: &str = "application/vnd.google-apps.folder";
/// The property that says which key a file was written for, whatever people call it.
pub(super) const KEY_PROPERTY: &str = "aperturKey";
/// What is told of a file.
pub(super) const FIELDS: &str = "id,size,sha256Checksum,trashed,createdTime";
/// Pages of a list that are read; pages may be empty.
const MAX_PAGES: usize = 20;
/// Says that shared drives are understood; needed by every call.
pub(super) const ALL_DRIVES: (&str, &str) = ("supportsAllDrives", "true");

/// A file as the API tells of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    pub(super) id: String,
    /// In digits; folders and Google's own documents have none.
    size: Option<String>,
    sha256_checksum: Option<String>,
    /// RFC 3339 in UTC, always with milliseconds.
    #[serde(default)]
    created_time: String,
    #[serde(default)]
    pub(super) trashed: bool,
}

impl File {
    /// Its length, in bytes.
    pub(super) fn size(&self) -> Option<u64> {
        self.size.as_deref()?.parse().ok()
    }

    /// Whether it was made before another one, as every bridge sees it.
    pub(super) fn is_older(&self, other: &Self) -> bool {
        !self.created_time.is_empty()
            && (&self.created_time, &self.id) < (&other.created_time, &other.id)
    }

    pub(super) fn sha256(&self) -> Option<Digest> {
        self.sha256_checksum.as_deref().and_then(Digest::from_hex)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    files: Vec<File>,
    next_page_token: Option<String>,
}

/// A folder or a shared drive.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Root {
    pub(super) id: String,
    /// The shared drive it is in.
    pub(super) drive_id: Option<String>,
}

impl GoogleDrive {
    /// The folder that everything is below; My Drive itself is known by a name of its own.
    pub(super) async fn root(&self) -> Result<Root, Failure> {
        let Some(id) = &self.settings.folder_id else {
            return Ok(Root { id: "root".to_owned(), drive_id: None });
        };
        let query = [("fields", "id,driveId"), ALL_DRIVES];
        let url = self.file_url(id, &query);
        self.wire.ask(&Call::get(url)).await.map_err(|f| self.failure(f, false))
    }

    /// The folders of this name in a folder, oldest first.
    pub(super) async fn folders_named(
        &self,
        root: &Root,
        parent: &str,
        name: &str,
    ) -> Result<Vec<File>, Fault> {
        let (name, parent) = (quoted(name), quoted(parent));
        let query = format!(
            "name = {name} and {parent} in parents and mimeType = '{FOLDER}' and trashed = false"
        );
        self.list(root, &query).await
    }

    /// What is under a key, oldest first: what was written for it, wherever people moved it,
    /// before what only has its name.
    pub(super) async fn files_at(
        &self,
        root: &Root,
        parent: Option<&str>,
        (name, mark): (&str, &str),
    ) -> Result<Vec<File>, Fault> {
        let mark = quoted(mark);
        let ours = format!("appProperties has {{ key='{KEY_PROPERTY}' and value={mark} }}");
        let rest = format!("mimeType != '{FOLDER}' and trashed = false");
        let found = self.list(root, &format!("{ours} and {rest}")).await?;
        let Some(parent) = parent.filter(|_| found.is_empty()) else { return Ok(found) };
        let (name, parent) = (quoted(name), quoted(parent));
        self.list(root, &format!("name = {name} and {parent} in parents and {rest}")).await
    }

    async fn list(&self, root: &Root, query: &str) -> Result<Vec<File>, Fault> {
        let fields = format!("nextPageToken,files({FIELDS})");
        let (mut files, mut next) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let mut variables = vec![
                ("q", query),
                ("fields", fields.as_str()),
                ("spaces", "drive"),
                ("includeItemsFromAllDrives", "true"),
                ALL_DRIVES,
            ];
            if let Some(drive) = &root.drive_id {
                variables.extend([("corpora", "drive"), ("driveId", drive.as_str())]);
            }
            if let Some(token) = &next {
                variables.push(("pageToken", token));
            }
            let url = self.settings.endpoint("drive/v3/files", &variables);
            let page: Page = self.wire.ask(&Call::get(url)).await?;
            files.extend(page.files);
            next = page.next_page_token;
            if next.is_none() {
                break;
            }
        }
        files.sort_by(|a, b| (&a.created_time, &a.id).cmp(&(&b.created_time, &b.id)));
        Ok(files)
    }

    /// Makes a folder, whether or not there is one of its name.
    pub(super) async fn make_folder(&self, parent: &str, name: &str) -> Result<File, Fault> {
        let body = json!({ "name": name, "parents": [parent], "mimeType": FOLDER });
        let url = self.settings.endpoint("drive/v3/files", &[("fields", FIELDS), ALL_DRIVES]);
        self.wire.ask(&Call::write(Method::POST, url, Content::Json(body)).unseen()).await
    }

    /// Removes a file. Where only managers of a shared drive may, it goes to the trash.
    pub(super) async fn delete(&self, id: &str) -> Result<(), Failure> {
        let url = self.file_url(id, &[ALL_DRIVES]);
        let call = Call::write(Method::DELETE, url.clone(), Content::Nothing).unseen();
        let gone = |fault: Fault| match fault {
            Fault::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND => Ok(()),
            fault => Err(fault),
        };
        let removed = match self.wire.send(&call).await {
            Ok(answer) => self.wire.good(answer).await.map(drop).or_else(gone),
            Err(fault) => Err(fault),
        };
        let removed = match removed {
            Err(fault) if fault.is(StatusCode::FORBIDDEN) => {
                let body = Content::Json(json!({ "trashed": true }));
                let call = Call::write(Method::PATCH, url, body).unseen();
                self.wire.ask::<serde_json::Value>(&call).await.map(drop).or_else(gone)
            }
            other => other,
        };
        removed.map_err(|fault| self.failure(fault, false))
    }

    pub(super) fn file_url(&self, id: &str, query: &[(&str, &str)]) -> url::Url {
        self.settings.endpoint(&format!("drive/v3/files/{id}"), query)
    }

    pub(super) fn failure(&self, fault: Fault, writes: bool) -> Failure {
        fault::failure(&self.wire.name, fault, writes)
    }
}

/// A text of a query.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_no_query() {
        assert_eq!(quoted("a' or name != 'b"), r"'a\' or name != \'b'");
        assert_eq!(quoted(r"a\' or 'b"), r"'a\\\' or \'b'");
    }
}
