//! What a server tells of one address (RFC 4918, section 13), read within limits. Names are
//! compared without their namespaces: servers spell those in many ways.

use quick_xml::{Reader, XmlVersion, escape::resolve_predefined_entity, events::Event};

/// Deepest nesting of elements read.
const MAX_DEPTH: usize = 32;

/// What is asked for.
pub(super) const QUESTION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <propfind xmlns=\"DAV:\"><prop><getcontentlength/><resourcetype/>\
    <quota-available-bytes/></prop></propfind>";

/// What is at an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Length in bytes; a folder has none.
    pub(super) size: Option<u64>,
    /// Whether it is a folder.
    pub(super) is_folder: bool,
    /// Bytes that may still be written (RFC 4331).
    pub(super) quota: Option<u64>,
}

/// Why an answer tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(String);

/// Reads the first response of a multistatus; properties count only where their status is 200.
///
/// # Errors
/// When it is not XML of that kind, or nested too deeply.
pub(super) fn read(body: &[u8]) -> Result<Told, Unreadable> {
    let unreadable = |text: &str| Unreadable(text.to_owned());
    let text = std::str::from_utf8(body).map_err(|_| unreadable("the answer is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    let mut parsing = Parsing::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                if open.len() == MAX_DEPTH {
                    return Err(unreadable("the answer is nested too deeply"));
                }
                open.push(tag.local_name().as_ref().to_owned());
                parsing.text.clear();
            }
            Ok(Event::Empty(tag)) => parsing.found(tag.local_name().as_ref(), &open),
            Ok(Event::End(_)) => {
                let name = open.pop().unwrap_or_default();
                if name == "response" {
                    return Ok(parsing.told);
                }
                parsing.found(&name, &open);
            }
            Ok(Event::Eof) => return Err(unreadable("the answer is no multistatus")),
            Ok(event) => parsing.add(&event),
            Err(error) => return Err(Unreadable(error.to_string())),
        }
    }
}

#[derive(Default)]
struct Parsing {
    text: String,
    /// Of the propstat that is open.
    pending: Told,
    is_good: bool,
    told: Told,
}

impl Parsing {
    fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Text(part) => {
                self.text.push_str(&part.xml_content(XmlVersion::Implicit1_0));
            }
            Event::CData(part) => {
                self.text.push_str(&part.xml_content(XmlVersion::Implicit1_0));
            }
            Event::GeneralRef(name) => {
                self.text.push_str(resolve_predefined_entity(name).unwrap_or_default());
            }
            _ => {}
        }
    }

    /// An element ended, in these.
    fn found(&mut self, name: &str, within: &[String]) {
        let parent = within.last().map_or("", String::as_str);
        let text = self.text.trim();
        match (parent, name) {
            ("prop", "getcontentlength") => self.pending.size = text.parse().ok(),
            ("prop", "quota-available-bytes") => self.pending.quota = text.parse().ok(),
            ("resourcetype", "collection") => self.pending.is_folder = true,
            ("propstat", "status") => {
                self.is_good = text.split_ascii_whitespace().nth(1) == Some("200");
            }
            (_, "propstat") => {
                let Told { size, is_folder, quota } = std::mem::take(&mut self.pending);
                if std::mem::take(&mut self.is_good) {
                    self.told.size = self.told.size.or(size);
                    self.told.quota = self.told.quota.or(quota);
                    self.told.is_folder |= is_folder;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_a_folder_are_told_apart_in_any_spelling() {
        let file = "<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\"><D:response>\
                    <D:href>/a%20b</D:href><D:propstat><D:prop><D:getcontentlength>42\
                    </D:getcontentlength><D:resourcetype/></D:prop>\
                    <D:status>HTTP/1.1 200 OK</D:status></D:propstat>\
                    <D:propstat><D:prop><D:quota-available-bytes/></D:prop>\
                    <D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>\
                    </D:response></D:multistatus>";
        let told = Told { size: Some(42), is_folder: false, quota: None };
        assert_eq!(read(file.as_bytes()), Ok(told));
        let folder = "<multistatus xmlns=\"DAV:\"><response><href>/</href><propstat>\
                      <status>HTTP/1.1 200 OK</status><prop><resourcetype><collection/>\
                      </resourcetype><quota-available-bytes>-3</quota-available-bytes></prop>\
                      </propstat></response><response><propstat><prop><getcontentlength>7\
                      </getcontentlength></prop></propstat></response></multistatus>";
        let told = Told { size: None, is_folder: true, quota: None };
        assert_eq!(read(folder.as_bytes()), Ok(told));
    }

    #[test]
    fn what_is_refused_is_not_told() {
        let refused = "<multistatus><response><propstat><prop><getcontentlength>42\
                       </getcontentlength></prop><status>HTTP/1.1 403 Forbidden</status>\
                       </propstat></response></multistatus>";
        assert_eq!(read(refused.as_bytes()), Ok(Told::default()));
    }

    #[test]
    fn rubbish_and_what_is_too_deep_are_refused() {
        let deep = "<a>".repeat(100_000);
        for body in [deep.as_str(), "", "<html>502", "<html></html>", "{}", "&a;&b;"] {
            assert!(read(body.as_bytes()).is_err(), "{}", &body[..body.len().min(20)]);
        }
        assert!(read(b"\xff<multistatus/>").is_err());
    }
}
