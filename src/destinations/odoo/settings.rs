//! What an Odoo destination runs on, already parsed.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::{destinations::Message, model::Mode};

/// Models that photos may go to when the configuration names none.
pub const DEFAULT_MODELS: [&str; 9] = [
    "res.partner",
    "project.task",
    "helpdesk.ticket",
    "crm.lead",
    "sale.order",
    "repair.order",
    "maintenance.request",
    "stock.picking",
    "account.move",
];
/// Time one call may take when the configuration names none; 90 MiB take Odoo about 2 s.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
/// Deliveries under way at once when the configuration names none.
pub const DEFAULT_CONCURRENCY: usize = 4;
/// Mode of a photo that names none, as in Apertur's own module
/// (`fixtures/contracts/apertur.md`, section 1.3).
pub const DEFAULT_MODE: Mode = Mode::Contact;

/// Which of Odoo's two interfaces is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Api {
    /// JSON-2 where the server has it and the secret is an API key, else XML-RPC.
    #[default]
    Auto,
    /// XML-RPC, deprecated by Odoo from 19 on.
    Xmlrpc,
    /// JSON-2, from Odoo 19 on, with an API key.
    Json2,
}

/// The settings of one Odoo destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the server, `http` or `https`; a path before `/xmlrpc` and `/json` is kept.
    pub url: Url,
    /// The database's name.
    pub database: String,
    /// The login of the user the bridge works as.
    pub username: String,
    /// That user's API key or password; never empty.
    pub secret: SecretString,
    /// Whether `secret` is an API key.
    pub is_api_key: bool,
    /// The interface.
    pub api: Api,
    /// Technical names of the models that photos may go to.
    pub models: Vec<String>,
    /// Mode of a photo that names none.
    pub default_mode: Mode,
    /// The text of the message that carries the photo.
    pub message: Message,
    /// Whether Odoo must keep the bytes as they are; otherwise it shrinks large pictures to
    /// 1920 pixels and drops their EXIF data.
    pub keep_original: bool,
    /// Time one call may take.
    pub timeout: Duration,
    /// Deliveries under way at once, at least 1.
    pub concurrency: usize,
    /// Where the browsers of Odoo's users find this bridge, if they do.
    pub public_url: Option<Url>,
}

impl Settings {
    /// An address under the server's, with its path prefix kept.
    pub(super) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}/{path}"));
        url
    }

    /// The server's address for people: without credentials, query and slash at its end.
    pub(super) fn place(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        // Fails only for addresses that cannot have credentials.
        let _bare = url.set_username("").and_then(|()| url.set_password(None));
        url.as_str().trim_end_matches('/').to_owned()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Settings for a server at `url`.
    pub(in crate::destinations::odoo) fn settings(url: &str) -> Settings {
        Settings {
            url: url.parse().unwrap(),
            database: "prod".to_owned(),
            username: "bridge@example.com".to_owned(),
            secret: "key-1".into(),
            is_api_key: true,
            api: Api::Auto,
            models: DEFAULT_MODELS.map(str::to_owned).to_vec(),
            default_mode: DEFAULT_MODE,
            message: Message::default(),
            keep_original: true,
            timeout: DEFAULT_TIMEOUT,
            concurrency: DEFAULT_CONCURRENCY,
            public_url: None,
        }
    }

    #[test]
    fn a_path_prefix_is_kept_and_credentials_are_not_shown() {
        let settings = settings("https://u:p@erp.example.com/odoo/?x=1");
        assert_eq!(settings.endpoint("xmlrpc/2/object").path(), "/odoo/xmlrpc/2/object");
        assert_eq!(settings.place(), "https://erp.example.com/odoo");
        assert!(!format!("{settings:?}").contains("key-1"));
    }
}
