//! The record a photo belongs to, and how visible the photo is there.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Kind;

/// A record in a business system: `odoo:res.partner:42`, `freshdesk:17`, `freshservice:2:241`,
/// `zendesk:9`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// An Odoo record.
    Odoo {
        /// The model's technical name, `res.partner`.
        model: String,
        /// The record's database id.
        id: u64,
    },
    /// A Freshdesk ticket.
    Freshdesk {
        /// The ticket's number.
        ticket: u64,
    },
    /// A Freshservice ticket.
    Freshservice {
        /// The workspace, where it was named.
        workspace: Option<u64>,
        /// The ticket's number.
        ticket: u64,
    },
    /// A Zendesk ticket.
    Zendesk {
        /// The ticket's number.
        ticket: u64,
    },
    /// A ticket of a help desk that was not named: `ticket:17`.
    Ticket {
        /// The workspace, where it was named.
        workspace: Option<u64>,
        /// The ticket's number.
        ticket: u64,
    },
}

/// Why a text names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a target; write odoo:<model>:<id>, freshdesk:<ticket>, \
     freshservice:[<workspace>:]<ticket> or zendesk:<ticket>"
)]
pub struct InvalidTarget;

impl Target {
    /// An Odoo record. Model names are dotted lower-case words of at most 64 bytes; ids begin
    /// at 1 and fit XML-RPC's 32-bit integers.
    ///
    /// # Errors
    /// When model or id cannot exist in an Odoo.
    pub fn odoo(model: &str, id: u64) -> Result<Self, InvalidTarget> {
        let word = |w: &str| {
            !w.is_empty()
                && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let named = model.len() <= 64 && model.split('.').all(word);
        if !named || id == 0 || id > i32::MAX as u64 {
            return Err(InvalidTarget);
        }
        Ok(Self::Odoo { model: model.to_owned(), id })
    }

    /// The ticket of a type of help desk; the workspace counts where the type has some. `None`
    /// where its records are no tickets.
    #[must_use]
    pub fn ticket(kind: Kind, workspace: Option<u64>, ticket: u64) -> Option<Self> {
        match kind {
            Kind::Freshdesk => Some(Self::Freshdesk { ticket }),
            Kind::Freshservice => Some(Self::Freshservice { workspace, ticket }),
            Kind::Zendesk => Some(Self::Zendesk { ticket }),
            _ => None,
        }
    }

    /// The target without what only describes it, for comparisons: the number of a ticket is
    /// the account's, so it is one ticket with and without its workspace
    /// (`fixtures/contracts/freshservice.md` section 5).
    #[must_use]
    pub fn record(&self) -> Self {
        match self {
            Self::Freshservice { ticket, .. } => {
                Self::Freshservice { workspace: None, ticket: *ticket }
            }
            Self::Ticket { ticket, .. } => Self::Ticket { workspace: None, ticket: *ticket },
            Self::Odoo { .. } | Self::Freshdesk { .. } | Self::Zendesk { .. } => self.clone(),
        }
    }

    /// Whether destinations of this kind can take photos for this target.
    #[must_use]
    pub fn belongs_to(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Odoo { .. }, Kind::Odoo)
                | (Self::Freshdesk { .. }, Kind::Freshdesk)
                | (Self::Freshservice { .. }, Kind::Freshservice)
                | (Self::Zendesk { .. }, Kind::Zendesk)
        )
    }
}

/// How a tag is to be written that begins like a record and names none, such as `zendesk:9a`.
/// `None` where it names one, and for every other tag.
#[must_use]
pub fn correction(tag: &str) -> Option<&'static str> {
    let (system, _) = tag.split_once(':')?;
    let way = match system.trim().to_ascii_lowercase().as_str() {
        "odoo" => {
            "odoo:<model>:<id>, the model by its technical name, the id in digits only, such as \
             odoo:res.partner:42"
        }
        "freshdesk" => "freshdesk:<ticket>, the number in digits only, such as freshdesk:17",
        "freshservice" => {
            "freshservice:<ticket> or freshservice:<workspace>:<ticket>, the numbers in digits \
             only, such as freshservice:2:241"
        }
        "zendesk" => "zendesk:<ticket>, the number in digits only, such as zendesk:9",
        _ => return None,
    };
    tag.parse::<Target>().is_err().then_some(way)
}

/// Largest number of a ticket or workspace: no help desk counts that far, and everything that
/// reads numbers reads these without loss.
const MAX_NUMBER: u64 = 1_000_000_000_000_000;

/// The number of a ticket as people write it: digits, which may follow `#`, `INC-` or `SR-` in
/// any case. `None` for anything else, for 0, and for more than 10^15, which no help desk has.
#[must_use]
pub fn ticket_number(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix('#').unwrap_or(text);
    let bare = ["INC-", "SR-"].iter().find_map(|prefix| {
        let (head, rest) = text.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(rest)
    });
    number(bare.unwrap_or(text)).ok()
}

fn ticket(text: &str) -> Result<u64, InvalidTarget> {
    ticket_number(text).ok_or(InvalidTarget)
}

fn number(text: &str) -> Result<u64, InvalidTarget> {
    let is_digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = is_digits.then(|| text.parse().ok()).flatten();
    number.filter(|number| (1..=MAX_NUMBER).contains(number)).ok_or(InvalidTarget)
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let mut parts = text.trim().split(':');
        let head = (parts.next(), parts.next(), parts.next(), parts.next());
        match head {
            (Some("odoo"), Some(model), Some(id), None) => Self::odoo(model, number(id)?),
            (Some("freshdesk"), Some(t), None, None) => Ok(Self::Freshdesk { ticket: ticket(t)? }),
            (Some("zendesk"), Some(t), None, None) => Ok(Self::Zendesk { ticket: ticket(t)? }),
            (Some("freshservice"), Some(t), None, None) => {
                Ok(Self::Freshservice { workspace: None, ticket: ticket(t)? })
            }
            (Some("freshservice"), Some(w), Some(t), None) => {
                Ok(Self::Freshservice { workspace: Some(number(w)?), ticket: ticket(t)? })
            }
            (Some("ticket"), Some(t), None, None) => {
                Ok(Self::Ticket { workspace: None, ticket: ticket(t)? })
            }
            (Some("ticket"), Some(w), Some(t), None) => {
                Ok(Self::Ticket { workspace: Some(number(w)?), ticket: ticket(t)? })
            }
            _ => Err(InvalidTarget),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Odoo { model, id } => write!(f, "odoo:{model}:{id}"),
            Self::Freshdesk { ticket } => write!(f, "freshdesk:{ticket}"),
            Self::Freshservice { workspace: Some(w), ticket } => {
                write!(f, "freshservice:{w}:{ticket}")
            }
            Self::Freshservice { workspace: None, ticket } => write!(f, "freshservice:{ticket}"),
            Self::Zendesk { ticket } => write!(f, "zendesk:{ticket}"),
            Self::Ticket { workspace: Some(w), ticket } => write!(f, "ticket:{w}:{ticket}"),
            Self::Ticket { workspace: None, ticket } => write!(f, "ticket:{ticket}"),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How visible a photo is on its target. Odoo and the help desks use different words for the
/// same three; both are read, the Odoo word is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// From the customer, who is told (`contact`; help desks: `client`).
    Contact,
    /// For staff only (`internal`).
    Internal,
    /// For everybody who follows the record (`public`; help desks: `agent`).
    Public,
}

impl Mode {
    /// The mode a text names, in Odoo's or the help desks' words; `None` when it names none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "contact" | "client" => Some(Self::Contact),
            "internal" => Some(Self::Internal),
            "public" | "agent" => Some(Self::Public),
            _ => None,
        }
    }

    /// The Odoo word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Internal => "internal",
            Self::Public => "public",
        }
    }

    /// The help desks' word.
    #[must_use]
    pub fn desk_word(self) -> &'static str {
        match self {
            Self::Contact => "client",
            Self::Internal => "internal",
            Self::Public => "agent",
        }
    }

    /// The word of the system that the target belongs to.
    #[must_use]
    pub fn word_at(self, target: Option<&Target>) -> &'static str {
        match target {
            None | Some(Target::Odoo { .. }) => self.as_str(),
            Some(_) => self.desk_word(),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_back_as_they_print() {
        for text in [
            "odoo:res.partner:42",
            "freshdesk:17",
            "freshservice:2:241",
            "freshservice:9",
            "zendesk:9",
            "ticket:17",
            "ticket:2:17",
        ] {
            assert_eq!(text.parse::<Target>().map(|t| t.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_ticket_is_one_record_with_and_without_its_workspace() {
        let record = |text: &str| text.parse::<Target>().map(|t| t.record().to_string());
        for text in ["freshservice:241", "ticket:17", "zendesk:9", "odoo:res.partner:42"] {
            assert_eq!(record(text).as_deref(), Ok(text));
        }
        assert_eq!(record("freshservice:2:241").as_deref(), Ok("freshservice:241"));
        assert_eq!(record("ticket:2:17").as_deref(), Ok("ticket:17"));
    }

    #[test]
    fn a_mode_is_called_as_its_system_calls_it_and_read_back_from_either_word() {
        let desk = Target::Freshdesk { ticket: 17 };
        let odoo = Target::Odoo { model: "res.partner".to_owned(), id: 1 };
        for (mode, at_odoo, at_desk) in [
            (Mode::Contact, "contact", "client"),
            (Mode::Internal, "internal", "internal"),
            (Mode::Public, "public", "agent"),
        ] {
            assert_eq!((mode.word_at(Some(&odoo)), mode.word_at(None)), (at_odoo, at_odoo));
            assert_eq!(mode.word_at(Some(&desk)), at_desk);
            assert_eq!((Mode::parse(at_odoo), Mode::parse(at_desk)), (Some(mode), Some(mode)));
        }
    }

    #[test]
    fn what_cannot_be_a_record_is_no_target() {
        for text in [
            "",
            "odoo",
            "odoo:res.partner",
            "odoo:res.partner:0",
            "odoo:res.partner:-1",
            "odoo:res.partner:+1",
            "odoo:Res.Partner:1",
            "odoo:res..partner:1",
            "odoo:res.partner:1:2",
            "odoo:res.partner:99999999999",
            "odoo:../x:1",
            "zendesk:1a",
            "freshdesk:",
            "zendesk:9223372036854775808",
            "freshservice:1000000000000001:241",
            "freshservice:INC-2:241",
            "odoo:res.partner:INC-1",
            "box:1",
        ] {
            assert_eq!(text.parse::<Target>(), Err(InvalidTarget), "{text}");
        }
    }

    #[test]
    fn a_tag_that_begins_like_a_record_and_names_none_is_told_from_all_others() {
        for tag in [
            "zendesk:9a",
            "zendesk:",
            "Zendesk:9",
            "freshdesk:-17",
            "freshservice:it:241",
            "freshservice:1:2:3",
            "odoo:res.partner:x",
            "odoo:42",
        ] {
            let way = correction(tag).unwrap();
            let system = tag.split(':').next().unwrap().to_lowercase();
            let example = way.rsplit(' ').next().unwrap();
            assert!(example.starts_with(&system) && example.parse::<Target>().is_ok(), "{way}");
        }
        for tag in
            ["zendesk:9", " zendesk:#9", "odoo:res.partner:42", "zendesk", "vip:9a", "ticket:x", ""]
        {
            assert_eq!(correction(tag), None, "{tag}");
        }
    }

    #[test]
    fn a_ticket_s_number_may_be_written_as_the_help_desks_show_it() {
        for (text, number) in [
            ("17", Some(17)),
            (" 17 ", Some(17)),
            ("INC-17", Some(17)),
            ("sr-17", Some(17)),
            ("#17", Some(17)),
            ("#INC-17", Some(17)),
            ("", None),
            ("0", None),
            ("-1", None),
            ("1e3", None),
            ("INC-", None),
            ("INC-INC-1", None),
            ("INC 1", None),
            ("ИНЦ-1", None),
            ("1000000000000000", Some(1_000_000_000_000_000)),
            ("1000000000000001", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(ticket_number(text), number, "{text}");
        }
        assert_eq!(
            "freshservice:2:INC-241".parse::<Target>().map(|t| t.to_string()).as_deref(),
            Ok("freshservice:2:241")
        );
    }
}
