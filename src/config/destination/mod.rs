//! `[destination.NAME]`: where photos go to. One file a type; `desk` holds what the help desks
//! have in common.

mod azure_blob;
mod bucket;
mod desk;
mod drive;
mod dropbox;
mod files;
mod folder;
mod freshworks;
mod ftp;
mod gcs;
mod google_drive;
mod odoo;
mod onedrive;
mod s3;
mod sftp;
mod webdav;
mod webhook;
mod zendesk;

use std::path::Path;

use super::{
    entry::nearest,
    reader::Described,
    section::Section,
    source::below,
    values::{Wrong, text, word},
};
use crate::{
    destinations::{
        self, Language, Message, Settings,
        key::{DEFAULT_TEMPLATE, KeyTemplate},
    },
    model::{DestinationName, Kind},
};

/// A destination by its name.
pub(super) type Named = (DestinationName, Settings);

/// Reads every `[destination.NAME]`, in the order of the file; where there is none, photos are
/// kept in a folder beside the journal.
pub(super) fn read(root: &mut Section<'_>, data_dir: &Path) -> Option<Vec<Named>> {
    let mut all = root.open("destination");
    if all.reader.describing {
        describe(&mut all);
    }
    let mut names = all.names();
    names.sort_by_key(|name| all.line_of(name));
    if names.is_empty() {
        return Some(vec![fallback(&all, data_dir)?]);
    }
    let read: Vec<Option<Named>> = names.iter().map(|name| one(&mut all, name)).collect();
    all.close();
    read.into_iter().collect()
}

fn fallback(all: &Section<'_>, data_dir: &Path) -> Option<Named> {
    let path = data_dir.join("photos");
    let what = format!("none is configured: photos are kept in {}", path.display());
    all.note(what, "write a [destination.NAME] to deliver them");
    let settings = destinations::folder::Settings { path, key_template: KeyTemplate::default() };
    Some((DestinationName::parse("photos").ok()?, Settings::Folder(settings)))
}

/// The tables of the reference: name, type, what it is.
const TABLES: &[(&str, Kind, &str)] = &[
    (
        "erp",
        Kind::Odoo,
        "An Odoo 16 or later: the photo becomes an attachment and a message of the record it\n\
         belongs to.",
    ),
    ("desk", Kind::Freshdesk, "A Freshdesk: the photo becomes a note of its ticket."),
    ("it", Kind::Freshservice, "A Freshservice: the photo becomes a note of its ticket."),
    (
        "support",
        Kind::Zendesk,
        "A Zendesk: the photo becomes an attachment of a comment on the ticket it belongs to.",
    ),
    (
        "partner",
        Kind::Webhook,
        "A webhook of somebody who takes photos as Apertur sends them, for instance a bridge.",
    ),
    (
        "s3",
        Kind::S3,
        "A bucket of Amazon S3, or of what speaks its protocol: MinIO, R2, B2, Wasabi, Spaces.",
    ),
    ("gcs", Kind::Gcs, "A bucket of Google Cloud Storage."),
    ("azure", Kind::AzureBlob, "A container of Azure Blob Storage."),
    (
        "drive",
        Kind::GoogleDrive,
        "A Google Drive: the photo becomes a file. Log in once: apertur-bridge destinations login\n\
         drive",
    ),
    (
        "box",
        Kind::Dropbox,
        "A Dropbox: the photo becomes a file. Log in once: apertur-bridge destinations login box",
    ),
    (
        "onedrive",
        Kind::Onedrive,
        "A OneDrive, of a person or at work: the photo becomes a file. Log in once:\n\
         apertur-bridge destinations login onedrive",
    ),
    ("upload", Kind::Ftp, "A folder on an FTP server."),
    ("files", Kind::Sftp, "A folder on an SSH server."),
    ("cloud", Kind::Webdav, "A folder on a WebDAV server: Nextcloud, ownCloud, Apache, nginx."),
    ("archive", Kind::Folder, "A folder of this machine, for instance a mounted share."),
];
/// The types, for the reference.
const TYPES: &str = "\"odoo\", \"freshdesk\", \"freshservice\", \"zendesk\", \"webhook\", \
                     \"s3\", \"gcs\",\n\"azure_blob\", \"google_drive\", \"dropbox\", \
                     \"onedrive\", \"ftp\", \"sftp\", \"webdav\" or \"folder\"";

/// The lines of the reference: one table of each type.
fn describe(all: &mut Section<'_>) {
    let Some(chosen) = all.reader.chosen else {
        for &(name, kind, doc) in TABLES {
            describe_one(all, name, (kind, doc), false);
        }
        return;
    };
    for (name, kind) in chosen {
        let doc = TABLES.iter().find(|(_, known, _)| known == kind).map_or("", |(.., doc)| doc);
        describe_one(all, name.as_str(), (*kind, doc), true);
    }
}

fn describe_one(all: &mut Section<'_>, name: &str, (kind, doc): (Kind, &'static str), live: bool) {
    let header = format!("[{}]", below("destination", name));
    all.reader.describe(Described::Table { header, doc, live });
    let mut s = all.open(name);
    kind_key(&mut s, kind.as_str());
    settings(kind, &mut s);
}

/// What a destination of a type is called in the reference.
pub(super) fn usual_name(kind: Kind) -> &'static str {
    TABLES.iter().find(|(_, known, _)| *known == kind).map_or("photos", |(name, ..)| name)
}

fn one(all: &mut Section<'_>, name: &str) -> Option<Named> {
    let mut s = all.open(name);
    let parsed = match DestinationName::parse(name) {
        Ok(name) => Some(name),
        Err(error) => s.wrong(&error.to_string(), "write for example [destination.erp]"),
    };
    // Without a type nobody knows which keys are right, so the others are not looked at.
    let kind = kind_key(&mut s, "odoo")?;
    let settings = settings(kind, &mut s);
    s.close();
    Some((parsed?, settings?))
}

/// Reads the keys of a type.
fn settings(kind: Kind, s: &mut Section<'_>) -> Option<Settings> {
    match kind {
        Kind::Odoo => odoo::read(s).map(Settings::Odoo),
        Kind::Freshdesk => freshworks::freshdesk(s).map(Box::new).map(Settings::Freshworks),
        Kind::Freshservice => freshworks::freshservice(s).map(Box::new).map(Settings::Freshworks),
        Kind::Zendesk => zendesk::read(s).map(Settings::Zendesk),
        Kind::Webhook => webhook::read(s).map(Settings::Webhook),
        Kind::S3 => s3::read(s).map(Settings::S3),
        Kind::Gcs => gcs::read(s).map(Settings::Gcs),
        Kind::AzureBlob => azure_blob::read(s).map(Settings::AzureBlob),
        Kind::GoogleDrive => google_drive::read(s).map(Box::new).map(Settings::GoogleDrive),
        Kind::Dropbox => dropbox::read(s).map(Box::new).map(Settings::Dropbox),
        Kind::Onedrive => onedrive::read(s).map(Box::new).map(Settings::Onedrive),
        Kind::Ftp => ftp::read(s).map(Settings::Ftp),
        Kind::Sftp => sftp::read(s).map(Settings::Sftp),
        Kind::Webdav => webdav::read(s).map(Settings::Webdav),
        Kind::Folder => folder::read(s).map(Settings::Folder),
    }
}

fn kind_key(s: &mut Section<'_>, example: &'static str) -> Option<Kind> {
    s.key("type", TYPES).required(example, text(kind))
}

fn kind(text: &str) -> Result<Kind, Wrong> {
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
        return Ok(kind);
    }
    let all = Kind::ALL.map(Kind::as_str).join(", ");
    let released = format!("this release can deliver to {all}");
    let near = nearest(text, Kind::ALL.iter().map(|kind| kind.as_str()));
    let remedy = near.map_or(released, |near| format!("did you mean {near:?}?"));
    Err(Wrong::new("is not a type of destination", remedy))
}

/// Reads `key_template`.
fn key_template(s: &mut Section<'_>) -> Option<KeyTemplate> {
    s.key("key_template", "file name below the folder, made safe for a path")
        .or(DEFAULT_TEMPLATE, text(template))
}

fn template(text: &str) -> Result<KeyTemplate, Wrong> {
    KeyTemplate::parse(text).map_err(|error| {
        Wrong::new(
            format!("is no template: {error}"),
            format!("write for example {DEFAULT_TEMPLATE}"),
        )
    })
}

fn message(s: &mut Section<'_>) -> Option<Message> {
    let both = s.has("message") && s.has("language");
    let language = s
        .key("language", "of the message beside the photo: \"en\", \"fr\" or \"es\"")
        .or("en", word(&[("en", Language::En), ("fr", Language::Fr), ("es", Language::Es)]));
    let own = s.has("message");
    let message = s.key("message", "an own text for it, instead of language").alternative(
        "Photo {filename}",
        text(|text| {
            Message::parse(text).map_err(|error| {
                Wrong::new(
                    format!("is no message: {error}"),
                    "write for example \"Photo {filename}\"",
                )
            })
        }),
    );
    if both {
        return s.wrong("has both message and language", "keep one of them");
    }
    if own { message } else { language.map(Message::built_in) }
}
