//! What a Freshdesk or Freshservice destination runs on, already parsed, and what tells the two
//! products apart.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::{
    destinations::{Message, oauth},
    model::{Kind, Mode, Target},
};

/// Time one call may take when the configuration names none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(2);
/// Deliveries under way at once when the configuration names none.
pub const DEFAULT_CONCURRENCY: usize = 4;
/// Notes a minute when the configuration names none (`open-questions.md` E7).
pub const DEFAULT_WRITES_PER_MINUTE: usize = 20;
/// Mode of a photo that names none (`open-questions.md` D3).
pub const DEFAULT_MODE: Mode = Mode::Internal;
/// What a login asks for when the configuration names nothing
/// (`fixtures/contracts/freshservice.md` section 7).
pub const DEFAULT_SCOPES: [&str; 3] = [
    "freshservice.tickets.view",
    "freshservice.tickets.conversations.create",
    "freshservice.tickets.conversations.view",
];

/// Which of the two products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Freshdesk.
    Freshdesk,
    /// Freshservice.
    Freshservice,
}

impl Product {
    /// The type of destination it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Freshdesk => Kind::Freshdesk,
            Self::Freshservice => Kind::Freshservice,
        }
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Freshdesk => "Freshdesk",
            Self::Freshservice => "Freshservice",
        }
    }

    /// Largest sum of the photos of a note when the configuration names none, in bytes: below
    /// the 20 MB and 40 MB that the products name (`freshdesk.md`, `freshservice.md` section 4).
    #[must_use]
    pub fn default_max_attachment(self) -> u64 {
        match self {
            Self::Freshdesk => 19 << 20,
            Self::Freshservice => 38 << 20,
        }
    }

    /// Photos in one note. Freshservice takes 15 files; Freshdesk may count the ticket's files
    /// together, so that a note of several could be refused where each alone would not.
    pub(super) fn photos_per_note(self) -> usize {
        match self {
            Self::Freshdesk => 1,
            Self::Freshservice => 10,
        }
    }

    /// The ticket that a target names, if it is one of this product.
    pub(super) fn ticket(self, target: Option<&Target>) -> Option<Ticket> {
        match (self, target?) {
            (Self::Freshdesk, Target::Freshdesk { ticket }) => {
                Some(Ticket { number: *ticket, workspace: None })
            }
            (Self::Freshservice, Target::Freshservice { workspace, ticket }) => {
                Some(Ticket { number: *ticket, workspace: *workspace })
            }
            _ => None,
        }
    }

    /// A target as a person writes it.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Freshdesk => "freshdesk:17",
            Self::Freshservice => "freshservice:241",
        }
    }
}

/// A ticket of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) number: u64,
    /// Only for messages and receipts: no call needs it (`freshservice.md` section 5).
    pub(super) workspace: Option<u64>,
}

/// As whom the bridge works.
#[derive(Debug, Clone)]
pub enum Login {
    /// The agent whose API key this is; never empty.
    ApiKey(SecretString),
    /// The agent who consented at `destinations login`.
    OAuth(Box<oauth::Client>),
}

/// What becomes of a photo in client mode whose requester is refused as its author.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequesterRefused {
    /// A private note.
    #[default]
    Internal,
    /// A public incoming note without an author.
    Public,
}

/// The settings of one Freshdesk or Freshservice destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which product.
    pub product: Product,
    /// What is called, `http` or `https`; a path before `/api/v2` is kept.
    pub base_url: Url,
    /// Where agents work, for links to tickets.
    pub agent_url: Url,
    /// As whom.
    pub login: Login,
    /// Mode of a photo that names none.
    pub default_mode: Mode,
    /// The text of the note that carries the photo.
    pub message: Message,
    /// Largest photo and largest sum of the photos of a note, in bytes.
    pub max_attachment: u64,
    /// Notes a minute, at least 1.
    pub writes_per_minute: usize,
    /// What is done when the requester is refused as author.
    pub requester_refused: RequesterRefused,
    /// Time one call may take.
    pub timeout: Duration,
    /// Deliveries under way at once, at least 1.
    pub concurrency: usize,
}

impl Settings {
    /// An address of the API, with the path prefix of `base_url` kept.
    pub(super) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}/api/v2/{path}"));
        url
    }

    /// The address that is called, for people.
    pub(super) fn place(&self) -> String {
        self.base_url.as_str().trim_end_matches('/').to_owned()
    }

    /// The page of a ticket for agents.
    pub(super) fn page(&self, ticket: Ticket) -> String {
        let agent_url = self.agent_url.as_str().trim_end_matches('/');
        format!("{agent_url}/a/tickets/{}", ticket.number)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Settings for a help desk at `url`.
    pub(in crate::destinations::freshworks) fn settings(product: Product, url: &str) -> Settings {
        Settings {
            product,
            base_url: url.parse().unwrap(),
            agent_url: "https://acme.freshdesk.com".parse().unwrap(),
            login: Login::ApiKey("key-1".into()),
            default_mode: DEFAULT_MODE,
            message: Message::default(),
            max_attachment: product.default_max_attachment(),
            writes_per_minute: DEFAULT_WRITES_PER_MINUTE,
            requester_refused: RequesterRefused::default(),
            timeout: DEFAULT_TIMEOUT,
            concurrency: DEFAULT_CONCURRENCY,
        }
    }

    #[test]
    fn a_path_prefix_is_kept_and_the_key_is_not_shown() {
        let settings = settings(Product::Freshdesk, "http://127.0.0.1:8080/desk/");
        assert_eq!(settings.endpoint("tickets/17").path(), "/desk/api/v2/tickets/17");
        assert_eq!(settings.place(), "http://127.0.0.1:8080/desk");
        let ticket = Ticket { number: 17, workspace: None };
        assert_eq!(settings.page(ticket), "https://acme.freshdesk.com/a/tickets/17");
        assert!(!format!("{settings:?}").contains("key-1"));
    }

    #[test]
    fn only_tickets_of_the_product_are_tickets() {
        let of = |product: Product, text: &str| product.ticket(Some(&text.parse().unwrap()));
        let with = |number, workspace| Some(Ticket { number, workspace });
        assert_eq!(of(Product::Freshdesk, "freshdesk:17"), with(17, None));
        assert_eq!(of(Product::Freshservice, "freshservice:2:241"), with(241, Some(2)));
        assert_eq!(of(Product::Freshdesk, "freshservice:17"), None);
        assert_eq!(of(Product::Freshservice, "freshdesk:17"), None);
        assert_eq!(Product::Freshdesk.ticket(None), None);
    }
}
