//! The record a photo belongs to and how visible it is there, as metadata and tags say
//! (`fixtures/contracts/apertur.md` section 1.3, `open-questions.md` D1 to D4). Pure.
//!
//! Metadata is free text of whoever made the session: what does not fit is not there.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, value::RawValue};

use super::reading::NamedBy;
use crate::model::{Mode, Tag, Target, printable, ticket_number};

/// The help desks by their names in metadata, in the order in which they count.
const DESKS: [&str; 3] = ["freshservice", "freshdesk", "zendesk"];

/// The record a photo belongs to, as far as it is named.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) target: Option<Target>,
    pub(super) named_by: Option<NamedBy>,
    pub(super) mode: Option<Mode>,
    /// What the log is to say of it.
    pub(super) remark: Option<String>,
}

/// The object `metadata`; empty where there is none or something else.
#[derive(Debug, Default)]
pub(super) struct Metadata(Map<String, Value>);

impl Metadata {
    /// Reads the text of an object; `None` when it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    fn of(&self, system: &str) -> Option<&Map<String, Value>> {
        self.0.get(system)?.as_object()
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?;
        Ok(match serde_json::from_str(text.get()) {
            Ok(Value::Object(object)) => Self(object),
            Ok(Value::String(text)) => Self::parse(&text).unwrap_or_default(),
            _ => Self::default(),
        })
    }
}

/// Puts together what is known: the record of a session of ours, then metadata, then tags.
pub(super) fn read(own: Option<Target>, metadata: &Metadata, tags: &[Tag]) -> Record {
    let by = |by| move |target| (target, by);
    let named = own
        .map(by(NamedBy::Session))
        .or_else(|| in_metadata(metadata).map(by(NamedBy::Metadata)))
        .or_else(|| tags.iter().find_map(tagged).map(by(NamedBy::Tag)));
    let (target, named_by) = named.unzip();
    let word = mode(metadata, target.as_ref());
    let mode = word.as_deref().map(|word| Mode::parse(&word.to_ascii_lowercase()));
    // A mode nobody knows shows the photo to as few people as possible.
    let remark = word.filter(|_| mode == Some(None)).map(|word| {
        let word: String = printable(&word).chars().take(40).collect();
        format!("the mode {word:?} is none that is known, so the photo is kept internal")
    });
    let mode = mode.map(|mode| mode.unwrap_or(Mode::Internal));
    Record { target, named_by, mode, remark }
}

fn in_metadata(metadata: &Metadata) -> Option<Target> {
    let desk = |name: &&str| {
        let named = metadata.of(name)?;
        ticket(name, named, &["ticket_id", "ticketId", "id"])
    };
    metadata
        .of("odoo")
        .and_then(odoo)
        .or_else(|| DESKS.iter().find_map(desk))
        .or_else(|| ticket("ticket", &metadata.0, &["ticket_id", "ticketId"]))
}

fn odoo(named: &Map<String, Value>) -> Option<Target> {
    let id = match named.get("res_id")? {
        Value::String(text) => text.parse().ok()?,
        other => other.as_u64()?,
    };
    Target::odoo(named.get("model")?.as_str()?, id).ok()
}

/// The ticket of a system that is written there under one of these keys.
fn ticket(system: &str, from: &Map<String, Value>, keys: &[&str]) -> Option<Target> {
    let number = |key: &&str| match from.get(*key)? {
        Value::String(text) => ticket_number(text),
        other => ticket_number(&other.as_u64()?.to_string()),
    };
    let ticket = keys.iter().find_map(number)?;
    let workspace = ["workspace_id", "workspaceId"].iter().find_map(number);
    Some(match system {
        "freshservice" => Target::Freshservice { workspace, ticket },
        "freshdesk" => Target::Freshdesk { ticket },
        "zendesk" => Target::Zendesk { ticket },
        _ => Target::Ticket { workspace, ticket },
    })
}

/// A tag that names a record; a mere `ticket:17` may mean anything.
fn tagged(tag: &Tag) -> Option<Target> {
    let target = tag.to_text().parse().ok();
    target.filter(|target| !matches!(target, Target::Ticket { .. }))
}

/// The word for the mode: that of the target's own system, else the one beside the systems.
/// What was said for another system does not count.
fn mode(metadata: &Metadata, target: Option<&Target>) -> Option<String> {
    let word = |from: &Map<String, Value>| {
        let words = ["mode", "deliveryMode"].into_iter().filter_map(|key| match from.get(key)? {
            Value::Null => None,
            Value::String(word) => Some(word.trim().to_owned()),
            // Something was asked for, and nobody knows what: as with an unknown word.
            other => Some(other.to_string()),
        });
        words.into_iter().find(|word| !word.is_empty())
    };
    let of = |system: &str| metadata.of(system).and_then(word);
    match target {
        Some(Target::Odoo { .. }) => of("odoo"),
        Some(Target::Freshservice { .. }) => of("freshservice").or_else(|| word(&metadata.0)),
        Some(Target::Freshdesk { .. }) => of("freshdesk").or_else(|| word(&metadata.0)),
        Some(Target::Zendesk { .. }) => of("zendesk").or_else(|| word(&metadata.0)),
        // Whichever help desk is meant: nobody else's mode is beside a bare ticket.
        Some(Target::Ticket { .. }) => word(&metadata.0).or_else(|| DESKS.into_iter().find_map(of)),
        // The record may be named later, by another event.
        None => {
            let nested = of("odoo").or_else(|| DESKS.into_iter().find_map(of));
            nested.or_else(|| word(&metadata.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_ours_names_the_record_and_no_other_system_its_mode() {
        let metadata = r#"{"odoo": {"model": "res.partner", "res_id": 1, "mode": "public"},
            "zendesk": {"ticket_id": 8}}"#;
        let metadata = Metadata::parse(metadata).unwrap();
        let tags = [Tag::from_text("zendesk:7")];
        let own = Target::Zendesk { ticket: 9 };
        let record = read(Some(own.clone()), &metadata, &tags);
        assert_eq!((record.target, record.mode), (Some(own), None));
        let record = read(None, &metadata, &tags);
        assert_eq!(record.target.map(|t| t.to_string()).as_deref(), Some("odoo:res.partner:1"));
        assert_eq!(record.mode, Some(Mode::Public));
    }

    #[test]
    fn a_number_that_no_help_desk_has_is_no_ticket_written_either_way() {
        let target = |metadata: &str| read(None, &Metadata::parse(metadata).unwrap(), &[]).target;
        assert_eq!(target(r#"{"zendesk": {"ticket_id": 9}}"#), Some(Target::Zendesk { ticket: 9 }));
        for id in ["9223372036854775808", "\"9223372036854775808\"", "0", "-1"] {
            assert_eq!(target(&format!(r#"{{"zendesk": {{"ticket_id": {id}}}}}"#)), None, "{id}");
        }
    }

    #[test]
    fn a_mode_that_cannot_be_read_is_internal_and_a_bare_ticket_takes_the_desks() {
        let mode = |text| {
            let record = read(None, &Metadata::parse(text).unwrap(), &[]);
            (record.mode, record.remark.is_some())
        };
        let internal = (Some(Mode::Internal), true);
        assert_eq!(mode(r#"{"ticket_id": 1, "mode": 7}"#), internal);
        assert_eq!(mode(r#"{"zendesk": {"ticket_id": 1, "mode": ["client"]}}"#), internal);
        let absent = r#"{"ticket_id": 1, "mode": null, "deliveryMode": " "}"#;
        assert_eq!(mode(absent), (None, false));
        let beside = r#"{"ticket_id": 1, "zendesk": {"mode": "internal"}}"#;
        assert_eq!(mode(beside), (Some(Mode::Internal), false));
    }

    #[test]
    fn metadata_that_is_none_names_nothing() {
        for text in ["null", "7", "[]", "\"x\"", "{\"zendesk\": null}", "{\"a\": 1e999}"] {
            let metadata: Metadata = serde_json::from_str(text).unwrap();
            assert_eq!(read(None, &metadata, &[]), Record::default(), "{text}");
        }
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        let metadata: Metadata = serde_json::from_str(&deep).unwrap();
        assert_eq!(read(None, &metadata, &[]), Record::default());
    }
}
