//! What a Zendesk destination runs on, already parsed.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::{destinations::Message, model::Mode};

/// The settings of one Zendesk destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is called, `http` or `https`; a path before `/api` and `/oauth` is kept.
    pub base_url: Url,
    /// Where its agents work, for links.
    pub agent_url: Url,
    /// How the bridge is let in.
    pub login: Login,
    /// Mode of a photo that names none.
    pub default_mode: Mode,
    /// The text beside each photo.
    pub message: Message,
    /// Largest photo, and largest sum of the photos in one comment, in bytes.
    pub max_attachment: u64,
    /// Comments a minute, at least 1; the account may allow fewer.
    pub writes_per_minute: usize,
    /// Time one call may take.
    pub timeout: Duration,
    /// Parcels under way at once, at least 1.
    pub concurrency: usize,
}

/// How the bridge is let in (`fixtures/contracts/zendesk.md` section 1).
#[derive(Debug, Clone)]
pub enum Login {
    /// As the user that a confidential OAuth client belongs to.
    Client {
        /// The client's unique identifier.
        id: String,
        /// Its secret.
        secret: SecretString,
        /// What is asked for, one name each.
        scopes: Vec<String>,
    },
    /// As an agent, with an API token; these end on 30 April 2027.
    ApiToken {
        /// The agent's e-mail address.
        email: String,
        /// The token.
        token: SecretString,
    },
}

impl Settings {
    /// An address under the account's, with its path prefix kept.
    pub(super) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}/{path}"));
        url
    }

    /// The account's address for people, without slash at its end.
    pub(super) fn place(&self) -> String {
        self.base_url.as_str().trim_end_matches('/').to_owned()
    }

    /// A ticket's page.
    pub(super) fn page(&self, ticket: u64) -> String {
        format!("{}/agent/tickets/{ticket}", self.agent_url.as_str().trim_end_matches('/'))
    }
}
