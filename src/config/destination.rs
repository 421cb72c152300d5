//! `[destination.NAME]`: where photos go to.

use std::path::Path;

use secrecy::SecretString;
use url::Url;

use super::{
    entry::nearest,
    reader::Described,
    secret::secret,
    section::Section,
    values::{Wrong, count, duration, flag, http_url, name, path, some_of, text, word},
};
use crate::{
    destinations::{
        Language, Message, Settings, folder,
        key::{DEFAULT_TEMPLATE, KeyTemplate},
        odoo::{self, Api},
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

/// The models that photos may go to, as [`odoo::DEFAULT_MODELS`] has them.
const MODELS: &str = "[\"res.partner\", \"project.task\", \"helpdesk.ticket\", \"crm.lead\", \
                      \"sale.order\", \"repair.order\", \"maintenance.request\", \
                      \"stock.picking\", \"account.move\"]";

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
    let settings = folder::Settings { path, key_template: KeyTemplate::default() };
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
    // Without a type nobody knows which keys are right, so the others are not looked at.
    let kind = kind_key(&mut s, "odoo")?;
    let settings = match kind {
        Kind::Odoo => odoo(&mut s).map(Settings::Odoo),
        Kind::Folder => folder(&mut s).map(Settings::Folder),
    };
    s.close();
    Some((parsed?, settings?))
}

fn kind_key(s: &mut Section<'_>, example: &'static str) -> Option<Kind> {
    s.key("type", "\"odoo\" or \"folder\"").required(example, text(kind))
}

fn kind(text: &str) -> Result<Kind, Wrong> {
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
        return Ok(kind);
    }
    let released = "this release can deliver to odoo and folder";
    if LATER.contains(&text) {
        return Err(Wrong::new("is not in this release", released));
    }
    let near = nearest(text, Kind::ALL.iter().map(|kind| kind.as_str()));
    let remedy = near.map_or(released.to_owned(), |near| format!("did you mean {near:?}?"));
    Err(Wrong::new("is not a type of destination", remedy))
}

/// The example of a secret's file.
const KEY_FILE: &str = "{ file = \"/etc/apertur-bridge/odoo-api-key\" }";

fn odoo(s: &mut Section<'_>) -> Option<odoo::Settings> {
    let url = address(s);
    let database = s.key("database", "the database's name").required("prod", text(name));
    let username = s
        .key("username", "login of the user the bridge works as")
        .required("bridge@example.com", text(name));
    let login = login(s);
    let is_api_key = login.as_ref().is_some_and(|(_, is_api_key)| *is_api_key);
    let api = s.key("api", "\"xmlrpc\", \"json2\" (Odoo 19 on, with an API key) or \"auto\"").or(
        "auto",
        |entry| {
            let api = word(&[("auto", Api::Auto), ("xmlrpc", Api::Xmlrpc), ("json2", Api::Json2)])(
                entry,
            )?;
            if api == Api::Json2 && login.is_some() && !is_api_key {
                return entry.wrong_value(
                    "needs api_key instead of password",
                    "make an API key in Odoo, or write \"auto\"",
                );
            }
            Some(api)
        },
    );
    let models =
        s.key("models", "the models that photos may go to").or(MODELS, some_of(text(model)));
    let default_mode = s
        .key(
            "default_mode",
            "visibility where a photo names none: \"contact\", \"internal\" or \"public\"",
        )
        .or("contact", text(mode));
    let message = message(s);
    let keep_original = s
        .key(
            "keep_original",
            "false lets Odoo shrink pictures above 1920 pixels and drop their EXIF",
        )
        .or("true", flag);
    let timeout = s.key("timeout", "longest time of one call").or("2m", duration);
    let concurrency = s.key("concurrency", "deliveries under way at once").or("4", count(1, 32));
    let (secret, is_api_key) = login?;
    Some(odoo::Settings {
        url: url?,
        database: database?,
        username: username?,
        secret,
        is_api_key,
        api: api?,
        models: models?,
        default_mode: default_mode?,
        message: message?,
        keep_original: keep_original?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

/// `url`, or `base_url`, which replaces scheme and host of every call.
fn address(s: &mut Section<'_>) -> Option<Url> {
    const EXAMPLE: &str = "https://erp.example.com";
    let has_base_url = s.has("base_url");
    let key = s.key("url", "the server's address");
    let url = if has_base_url {
        key.optional(EXAMPLE, http_url(EXAMPLE))
    } else {
        key.required(EXAMPLE, http_url(EXAMPLE))
    };
    let base_url = s
        .key("base_url", "called instead of url: tests, proxies")
        .alternative("http://127.0.0.1:8069", http_url(EXAMPLE));
    if has_base_url { base_url } else { url }
}

/// The secret and whether it is an API key.
fn login(s: &mut Section<'_>) -> Option<(SecretString, bool)> {
    let both = s.has("api_key") && s.has("password");
    let neither = !s.has("api_key") && !s.has("password");
    let api_key = s.key("api_key", "that user's API key").optional(KEY_FILE, secret);
    let password = s
        .key("password", "that user's password, instead of api_key")
        .alternative("{ file = \"/etc/apertur-bridge/odoo-password\" }", secret);
    if neither {
        s.missing("api_key", KEY_FILE);
    }
    if both {
        return s.wrong("has both api_key and password", "keep one of them, better api_key");
    }
    api_key.map(|key| (key, true)).or(password.map(|password| (password, false)))
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

fn model(text: &str) -> Result<String, Wrong> {
    match Target::odoo(text, 1) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Wrong::new(
            "is not the technical name of a model",
            "write for example \"res.partner\"",
        )),
    }
}

fn mode(text: &str) -> Result<Mode, Wrong> {
    Mode::parse(text)
        .ok_or_else(|| Wrong::new("is none of contact, internal, public", "write one of them"))
}

fn folder(s: &mut Section<'_>) -> Option<folder::Settings> {
    let path = s.key("path", "the folder").required("/srv/photos", path);
    let key_template = s
        .key("key_template", "file name below the folder, made safe for a path")
        .or(DEFAULT_TEMPLATE, text(template));
    Some(folder::Settings { path: path?, key_template: key_template? })
}

fn template(text: &str) -> Result<KeyTemplate, Wrong> {
    KeyTemplate::parse(text).map_err(|error| {
        Wrong::new(
            format!("is no template: {error}"),
            format!("write for example {DEFAULT_TEMPLATE}"),
        )
    })
}
