//! What the help desk says, read: bare and wrapped alike, whichever the product gives today
//! (`fixtures/contracts/open-questions.md` E15). Signed links are never read.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;

/// A ticket, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct TicketSeen {
    pub(super) requester_id: Option<u64>,
    pub(super) workspace_id: Option<u64>,
    // Of whatever type: no photo is to be lost for them.
    #[serde(default)]
    subject: Json,
    #[serde(default)]
    spam: Json,
    #[serde(default)]
    deleted: Json,
}

impl TicketSeen {
    /// What people call it.
    pub(super) fn subject(&self) -> Option<&str> {
        self.subject.as_str()
    }

    /// Whether it is spam or deleted, and takes nothing any more.
    pub(super) fn is_gone(&self) -> bool {
        [&self.spam, &self.deleted].into_iter().any(|flag| *flag == Json::Bool(true))
    }
}

/// A conversation: a note, a reply or a message of the customer's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Conversation {
    pub(super) id: Option<u64>,
    pub(super) body: Option<String>,
    pub(super) body_text: Option<String>,
    pub(super) attachments: Option<Vec<Attachment>>,
}

/// A file of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Attachment {
    pub(super) id: Option<u64>,
    pub(super) name: Option<String>,
    // Two keys rather than an alias: an answer with both would else be unreadable.
    size: Option<u64>,
    file_size: Option<u64>,
}

impl Attachment {
    /// Its number of bytes, where it is said.
    pub(super) fn size(&self) -> Option<u64> {
        self.size.or(self.file_size)
    }
}

impl Conversation {
    /// Its files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Attachment> {
        self.attachments.iter().flatten()
    }

    /// Its texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.body, &self.body_text].into_iter().flatten().map(String::as_str)
    }
}

/// The agent whose key it is (`fixtures/contracts/freshdesk.md` section 1).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Agent {
    pub(super) contact: Option<Contact>,
}

/// Who an agent is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Contact {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
}

/// A ticket, `{"ticket": {...}}` or bare; `None` when the text is none.
pub(super) fn ticket(body: &[u8]) -> Option<TicketSeen> {
    #[derive(Deserialize)]
    struct Wrapped {
        ticket: TicketSeen,
    }
    #[derive(Deserialize)]
    struct Bare {
        #[serde(rename = "id")]
        _id: u64,
        #[serde(flatten)]
        ticket: TicketSeen,
    }
    json::<Wrapped>(body).map(|it| it.ticket).or_else(|| json::<Bare>(body).map(|it| it.ticket))
}

/// A conversation that was made: `conversation`, else `note`, else bare.
pub(super) fn conversation(body: &[u8]) -> Option<Conversation> {
    #[derive(Deserialize)]
    struct Wrapped {
        conversation: Option<Conversation>,
        note: Option<Conversation>,
    }
    json::<Wrapped>(body).and_then(|it| it.conversation.or(it.note)).or_else(|| json(body))
}

/// A page of conversations, `{"conversations": [...]}` or bare.
pub(super) fn conversations(body: &[u8]) -> Option<Vec<Conversation>> {
    #[derive(Deserialize)]
    struct Wrapped {
        conversations: Vec<Conversation>,
    }
    json::<Wrapped>(body).map(|it| it.conversations).or_else(|| json(body))
}

/// The agent, `{"agent": {...}}` or bare.
pub(super) fn agent(body: &[u8]) -> Option<Agent> {
    #[derive(Deserialize)]
    struct Wrapped {
        agent: Agent,
    }
    json::<Wrapped>(body).map(|it| it.agent).or_else(|| json(body))
}

/// Whether a text is a list of tickets, `{"tickets": [...]}` or bare.
pub(super) fn is_tickets(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Wrapped {
        #[serde(rename = "tickets")]
        _tickets: Vec<serde::de::IgnoredAny>,
    }
    json::<Wrapped>(body).is_some() || json::<Vec<serde::de::IgnoredAny>>(body).is_some()
}

/// The page that a `Link` header names as the next one; `None` when it names none.
/// Only the number counts: wherever the link leads, the same help desk is asked.
pub(super) fn next_page(link: &str) -> Option<Option<u32>> {
    link.split(',').find_map(|one| {
        let (url, rest) = one.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = rest.split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        });
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let page = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "page");
        is_next.then(|| page.and_then(|(_, number)| number.parse().ok()))
    })
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_and_wrapped_answers_are_the_same() {
        let seen = TicketSeen {
            requester_id: Some(7001),
            workspace_id: Some(2),
            subject: Json::Null,
            spam: Json::Null,
            deleted: Json::Null,
        };
        let bare = br#"{"id":241,"requester_id":7001,"workspace_id":2,"status":2}"#;
        let wrapped = br#"{"ticket":{"id":241,"requester_id":7001,"workspace_id":2}}"#;
        assert_eq!(ticket(bare), Some(seen.clone()));
        assert_eq!(ticket(wrapped), Some(seen));
        let odd = br#"{"id":241,"subject":7,"spam":"no","deleted":[]}"#;
        let odd = ticket(odd).unwrap();
        assert_eq!((odd.subject(), odd.is_gone()), (None, false));
        assert_eq!(ticket(br#"{"message":"no"}"#), None);
        assert_eq!(ticket(b"<html>"), None);

        for (body, id) in [
            (&br#"{"conversation":{"id":33,"attachments":[]}}"#[..], Some(33)),
            (br#"{"note":{"id":34}}"#, Some(34)),
            (br#"{"id":9001,"body":null}"#, Some(9001)),
            (b"{}", None),
        ] {
            assert_eq!(conversation(body).unwrap().id, id);
        }
        assert_eq!(conversation(b""), None);

        assert_eq!(conversations(br#"[{"id":1},{"id":2}]"#).unwrap().len(), 2);
        assert_eq!(conversations(br#"{"conversations":[{"id":1}]}"#).unwrap().len(), 1);
        assert_eq!(conversations(br#"{"code":"x"}"#), None);
        assert!(is_tickets(b"[]") && is_tickets(br#"{"tickets":[{"id":1}]}"#));
        assert!(!is_tickets(b"<html>") && !is_tickets(b"{}"));
        let contact = Contact { name: Some("Ada".to_owned()), email: None };
        let body = br#"{"id":1,"contact":{"name":"Ada"}}"#;
        assert_eq!(agent(body).unwrap().contact, Some(contact));
    }

    #[test]
    fn the_size_of_a_file_is_read_by_both_names_and_its_link_never() {
        let body = br#"{"id":1,"attachments":[
            {"id":77,"name":"a.jpg","size":3,"attachment_url":"https://x/?sig=hush"},
            {"id":78,"name":"b.jpg","file_size":4}, {"size":5,"file_size":5}, {}]}"#;
        let read = conversation(body).unwrap();
        let sizes: Vec<_> = read.files().map(Attachment::size).collect();
        assert_eq!(sizes, [Some(3), Some(4), Some(5), None]);
        assert!(!format!("{read:?}").contains("hush"));
    }

    #[test]
    fn the_next_page_is_the_number_in_the_link() {
        let link = |page: &str| format!("<https://acme/api/v2/tickets/1/conversations?{page}>");
        let next = |text: String| next_page(&text);
        assert_eq!(next(format!("{}; rel=\"next\"", link("per_page=100&page=2"))), Some(Some(2)));
        assert_eq!(next(format!("{}; title=x; REL=next", link("page=3"))), Some(Some(3)));
        assert_eq!(next(format!("{}; rel=\"next\"", link("after=abc"))), Some(None));
        assert_eq!(next(format!("{}; rel=\"prev\"", link("page=1"))), None);
        let both = format!("{}; rel=\"prev\", {}; rel=\"next\"", link("page=1"), link("page=3"));
        assert_eq!(next(both), Some(Some(3)));
        assert_eq!(next("nonsense".to_owned()), None);
    }
}
