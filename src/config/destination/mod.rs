//! `[destination.NAME]`: where photos go to. One file a type; `desk` holds what the help desks
//! have in common.

mod desk;
mod drive;
mod dropbox;
mod folder;
mod freshworks;
mod google_drive;
mod odoo;
mod onedrive;
mod zendesk;

use std::path::Path;

use super::{
    entry::nearest,
    reader::Described,
    section::Section,
    values::{Wrong, text, word},
};
use crate::{
    destinations::{self, Language, Message, Settings, key::KeyTemplate},
    model::{DestinationName, Kind},
};

/// Types of the house that this release cannot deliver to.
const LATER: &[&str] = &["webhook", "s3", "gcs", "azure_blob", "ftp", "sftp", "webdav"];

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
    odoo::read(&mut erp);
    let doc = "A Freshdesk: the photo becomes a note of its ticket.";
    let mut desk = table("desk", doc);
    kind_key(&mut desk, "freshdesk");
    freshworks::freshdesk(&mut desk);
    let doc = "A Freshservice: the photo becomes a note of its ticket.";
    let mut it = table("it", doc);
    kind_key(&mut it, "freshservice");
    freshworks::freshservice(&mut it);
    let doc =
        "A Zendesk: the photo becomes an attachment of a comment on the ticket it belongs to.";
    let mut support = table("support", doc);
    kind_key(&mut support, "zendesk");
    zendesk::read(&mut support);
    let doc = "A Google Drive: the photo becomes a file. Log in once: apertur-bridge destinations \
               login drive";
    let mut drive = table("drive", doc);
    kind_key(&mut drive, "google_drive");
    google_drive::read(&mut drive);
    let doc = "A Dropbox: the photo becomes a file. Log in once: apertur-bridge destinations login \
               box";
    let mut dropbox = table("box", doc);
    kind_key(&mut dropbox, "dropbox");
    dropbox::read(&mut dropbox);
    let doc = "A OneDrive, of a person or at work: the photo becomes a file. Log in once:\n\
               apertur-bridge destinations login cloud";
    let mut cloud = table("cloud", doc);
    kind_key(&mut cloud, "onedrive");
    onedrive::read(&mut cloud);
    let doc = "A folder of this machine, for instance a mounted share.";
    let mut archive = table("archive", doc);
    kind_key(&mut archive, "folder");
    folder::read(&mut archive);
}

fn one(all: &mut Section<'_>, name: &str) -> Option<Named> {
    let mut s = all.open(name);
    let parsed = match DestinationName::parse(name) {
        Ok(name) => Some(name),
        Err(error) => s.wrong(&error.to_string(), "write for example [destination.erp]"),
    };
    // Without a type nobody knows which keys are right, so the others are not looked at.
    let kind = kind_key(&mut s, "odoo")?;
    let settings = match kind {
        Kind::Odoo => odoo::read(&mut s).map(Settings::Odoo),
        Kind::Freshdesk => freshworks::freshdesk(&mut s).map(Box::new).map(Settings::Freshworks),
        Kind::Freshservice => {
            freshworks::freshservice(&mut s).map(Box::new).map(Settings::Freshworks)
        }
        Kind::Zendesk => zendesk::read(&mut s).map(Settings::Zendesk),
        Kind::GoogleDrive => google_drive::read(&mut s).map(Box::new).map(Settings::GoogleDrive),
        Kind::Dropbox => dropbox::read(&mut s).map(Box::new).map(Settings::Dropbox),
        Kind::Onedrive => onedrive::read(&mut s).map(Box::new).map(Settings::Onedrive),
        Kind::Folder => folder::read(&mut s).map(Settings::Folder),
    };
    s.close();
    Some((parsed?, settings?))
}

fn kind_key(s: &mut Section<'_>, example: &'static str) -> Option<Kind> {
    const TYPES: &str = "\"odoo\", \"freshdesk\", \"freshservice\", \"zendesk\", \
                         \"google_drive\", \"dropbox\", \"onedrive\" or \"folder\"";
    s.key("type", TYPES).required(example, text(kind))
}

fn kind(text: &str) -> Result<Kind, Wrong> {
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
        return Ok(kind);
    }
    let all = Kind::ALL.map(Kind::as_str).join(", ");
    let released = format!("this release can deliver to {all}");
    if LATER.contains(&text) {
        return Err(Wrong::new("is not in this release", released));
    }
    let near = nearest(text, Kind::ALL.iter().map(|kind| kind.as_str()));
    let remedy = near.map_or(released, |near| format!("did you mean {near:?}?"));
    Err(Wrong::new("is not a type of destination", remedy))
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
