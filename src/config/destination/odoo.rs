//! `type = "odoo"`.

use secrecy::SecretString;
use url::Url;

use super::{
    super::{
        secret::secret,
        section::Section,
        values::{Wrong, count, flag, http_url, name, some_of, text, timeout, word},
    },
    message,
};
use crate::{
    destinations::odoo::{self, Api},
    model::{Mode, Target},
};

/// The models that photos may go to, as [`odoo::DEFAULT_MODELS`] has them.
const MODELS: &str = "[\"res.partner\", \"project.task\", \"helpdesk.ticket\", \"crm.lead\", \
                      \"sale.order\", \"repair.order\", \"maintenance.request\", \
                      \"stock.picking\", \"account.move\"]";

/// The example of a secret's file.
const KEY_FILE: &str = "{ file = \"/etc/apertur-bridge/odoo-api-key\" }";

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<odoo::Settings> {
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
    let timeout = s.key("timeout", "longest time of one call").or("2m", timeout);
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
        // Not a key of its own: the public listener's, once all is read.
        public_url: None,
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
