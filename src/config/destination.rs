//! `[destination.NAME]`: where photos go to.

use std::{path::Path, time::Duration};

use url::Url;

use super::{
    entry::Entry,
    reader::Described,
    section::Section,
    secret::secret,
    values::{Wrong, count, duration, flag, http_url, name, path, some_of, text, word},
};
use crate::{
    destinations::{
        KeyTemplate, Settings, folder,
        odoo::{self, Api, Language, Message},
    },
    model::{DestinationName, Kind, Mode, Target},
};

/// Types of the house that this release cannot deliver to.
const LATER: [&str; 13] = [
    "freshdesk",
    "freshservice",
    "zendesk",
    "webhook",
    "s3",
    "gcs",
    "azure_blob",
    "google_drive",
    "dropbox",
    "onedrive",
    "ftp",
    "sftp",
    "webdav",
];

/// A destination by its name.
pub(super) type Named = (DestinationName, Settings);

/// Reads every `[destination.NAME]`, in the order of the file. `None` for those that are wrong.
pub(super) fn read(root: &mut Section<'_>) -> Option<Vec<Named>> {
    let mut all = root.open("destination");
    if all.reader.describing {
        describe(&mut all);
    }
    let mut names = all.names();
    names.sort_by_key(|name| all.line_of(name));
    let read: Vec<Option<Named>> = names.iter().map(|name| one(&mut all, name)).collect();
    all.close();
    read.into_iter().collect()
}

/// Keeps photos in a folder beside the journal, for want of any other destination.
pub(super) fn fallback(data_dir: &Path) -> Option<Named> {
    let key_template = KeyTemplate::default();
    let settings = folder::Settings { path: data_dir.join("photos"), key_template };
    Some((DestinationName::parse("photos").ok()?, Settings::Folder(settings)))
}

/// The lines of the reference: one table of each type.
fn describe(all: &mut Section<'_>) {
    let mut table = |name: &str, doc: &'static str| {
        let header = format!("[destination.{name}]");
        all.reader.describe(Described::Table { header, doc, live: false });
        all.open(name)
    };
    let doc = "An Odoo 16 or later: the photo becomes an attachment and a message of the record \
               it\nbelongs to.";
    let mut erp = table("erp", doc);
    kind_key(&mut erp, "odoo");
    odoo(&mut erp);
    let doc = "A folder of this machine, for instance a mounted share.";
    let mut archive = table("archive", doc);
    kind_key(&mut archive, "folder");
    folder(&mut archive);
}

fn one(all: &mut Section<'_>, name: &str) -> Option<Named> {
    let mut s = all.open(name);
    let parsed = match DestinationName::parse(name) {
        Ok(name) => Some(name),
        Err(error) => s.wrong(&error.to_string(), "write for example [destination.erp]"),
    };
    let Some(kind) = kind_key(&mut s, "odoo") else {
        s.abandon();
        return None;
    };
    let settings = match kind {
        Kind::Odoo => odoo(&mut s).map(Settings::Odoo),
        Kind::Folder => folder(&mut s).map(Settings::Folder),
    };
    s.close();
    Some((parsed?, settings?))
}

fn kind_key(s: &mut Section<'_>, example: &'static str) -> Option<Kind> {
    s.key("type", "what it is").within(example, text(kind))
}

fn kind(text: &str) -> Result<Kind, Wrong> {
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
        return Ok(kind);
    }
    let types = "it can deliver to odoo and folder";
    if LATER.contains(&text) {
        return Err(Wrong::new("is not in this release", types));
    }
    Err(Wrong::new("is not a type of destination", format!("this release has odoo and folder")))
}

fn folder(s: &mut Section<'_>) -> Option<folder::Settings> {
    let path = s.key("path", "the folder").within("/srv/photos", path);
    let key_template = s
        .key("key_template", "file name below the folder, made safe for a path")
        .or(KeyTemplate::DEFAULT, text(template));
    Some(folder::Settings { path: path?, key_template: key_template? })
}

fn template(text: &str) -> Result<KeyTemplate, Wrong> {
    KeyTemplate::parse(text).map_err(|error| {
        Wrong::new(
            format!("is no template: {error}"),
            "write for example {session_id}/{image_index}.{ext}",
        )
    })
}
