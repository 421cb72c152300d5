//! The key of a photo in a storage destination: a template, made safe for every file system.
//! Pure: decides names, touches no storage.

use std::fmt;

use super::{
    name::{MAX_VALUE, cut, extension, filename, safe, split_ext, unreserved},
    template::{InvalidTemplate, Piece, pieces},
};
use crate::model::{Delivery, PhotoId, Target};

/// The template used when the configuration names none.
pub const DEFAULT_TEMPLATE: &str = "{date}/{image_id}.{ext}";
/// Longest key, in bytes.
const MAX_KEY: usize = 900;
/// Longest part between two slashes, in bytes; file systems end at 255.
const MAX_PART: usize = 240;
/// The variables, in the order of the documentation.
const KNOWN: [&str; 15] = [
    "session_id",
    "image_id",
    "image_index",
    "filename",
    "stem",
    "ext",
    "date",
    "year",
    "month",
    "day",
    "target",
    "model",
    "record_id",
    "ticket_id",
    "tag:NAME",
];

/// A parsed key template such as `{date}/{image_id}.{ext}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTemplate {
    source: String,
    pieces: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Variable {
    SessionId,
    ImageId,
    ImageIndex,
    Filename,
    Stem,
    Ext,
    Date,
    Year,
    Month,
    Day,
    Target,
    Model,
    RecordId,
    TicketId,
    Tag(String),
}

/// A key that is no photo's, where photos go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beside {
    pub(super) key: String,
    /// Its folder, where that is its own.
    pub(super) folder: Option<String>,
}

impl Default for KeyTemplate {
    /// `{date}/{image_id}.{ext}`: sorted by day, one key a photo, no session id (which works
    /// like a password for guests).
    fn default() -> Self {
        let variable = |variable| Part::Variable(variable);
        let text = |text: &str| Part::Text(text.to_owned());
        Self {
            source: DEFAULT_TEMPLATE.to_owned(),
            pieces: vec![
                variable(Variable::Date),
                text("/"),
                variable(Variable::ImageId),
                text("."),
                variable(Variable::Ext),
            ],
        }
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl KeyTemplate {
    /// Reads a template. Keys are relative, parts are parted by `/`; a rendered key has at most
    /// 900 bytes, counted with every value at its longest, and 240 between two slashes: what is
    /// longer is cut and gets the photo's id.
    ///
    /// # Errors
    /// When a variable is unknown, a brace has no partner, a part is empty, `.` or holds `..`,
    /// the text holds a backslash or control character, or keys could grow too long.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let pieces = pieces(text)?
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => Ok(Part::Text(text.to_owned())),
                Piece::Variable(name, at) => Variable::parse(name, at).map(Part::Variable),
            })
            .collect::<Result<_, _>>()?;
        let template = Self { source: text.to_owned(), pieces };
        template.check()?;
        Ok(template)
    }

    fn check(&self) -> Result<(), InvalidTemplate> {
        let bad = |what: &str, at| Err(InvalidTemplate::new(what, at));
        if let Some(at) = self.source.find(|c: char| c == '\\' || c.is_control()) {
            return bad("a backslash or control character", at);
        }
        if let Some(at) = self.source.find("..") {
            return bad("`..`, which could lead out of the storage,", at);
        }
        if self.source.starts_with('/') {
            return bad("a leading /; keys are relative to the storage; an absolute path", 0);
        }
        let mut at = 0;
        for part in self.source.split('/') {
            if matches!(part, "" | ".") {
                return bad("an empty part or `.` between slashes", at);
            }
            at += part.len() + 1;
        }
        let longest = self.join(|variable| "x".repeat(variable.longest()));
        if longest.split('/').map(|part| part.len().min(MAX_PART) + 1).sum::<usize>() > MAX_KEY {
            return bad("a key that can grow beyond 900 bytes", 0);
        }
        Ok(())
    }

    /// Whether every photo has a key of its own.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.pieces.contains(&Part::Variable(Variable::ImageId))
    }

    /// The key of a delivery's photo: relative, parted by `/`, safe on every file system.
    #[must_use]
    pub fn render(&self, delivery: &Delivery) -> String {
        let key = self.join(|variable| variable.value(delivery));
        let part = |part: &str| {
            if part.len() <= MAX_PART {
                return unreserved(part);
            }
            // What was cut off may have told two photos apart.
            suffixed(&unreserved(part), &delivery.photo.id)
        };
        key.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// A picture of this name below the folders that all photos share; where each photo may have
    /// new folders, in a new folder.
    pub(super) fn beside(&self, name: &str) -> Beside {
        let text = match self.pieces.first() {
            Some(Part::Text(text)) => text.as_str(),
            Some(Part::Variable(_)) | None => "",
        };
        let shared = &text[..text.rfind('/').map_or(0, |slash| slash + 1)];
        let makes_folders = self.source[shared.len()..].contains('/');
        let shared = shared.split('/').map(unreserved).collect::<Vec<_>>().join("/");
        let folder = makes_folders.then(|| format!("{shared}{name}"));
        let within = folder.as_ref().map_or(shared, |folder| format!("{folder}/"));
        Beside { key: format!("{within}{name}.png"), folder }
    }

    fn join(&self, value: impl Fn(&Variable) -> String) -> String {
        self.pieces
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Variable(variable) => value(variable),
            })
            .collect()
    }
}

/// A second key for a photo whose own is taken by other content: the photo's marker stands
/// before the extension, `a/b.jpg` becomes `a/b-img_1.jpg`.
#[must_use]
pub fn suffixed(key: &str, photo: &PhotoId) -> String {
    let (folder, name) = key.rsplit_once('/').map_or(("", key), |(folder, name)| (folder, name));
    let (stem, ext) = split_ext(name);
    let marker = photo.marker();
    let stem = cut(stem, MAX_PART - marker.len() - ext.len() - 1);
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}{stem}-{marker}{ext}")
}

impl Variable {
    fn parse(name: &str, at: usize) -> Result<Self, InvalidTemplate> {
        Ok(match name {
            "session_id" => Self::SessionId,
            "image_id" => Self::ImageId,
            "image_index" => Self::ImageIndex,
            "filename" => Self::Filename,
            "stem" => Self::Stem,
            "ext" => Self::Ext,
            "date" => Self::Date,
            "year" => Self::Year,
            "month" => Self::Month,
            "day" => Self::Day,
            "target" => Self::Target,
            "model" => Self::Model,
            "record_id" => Self::RecordId,
            "ticket_id" => Self::TicketId,
            _ => match name.strip_prefix("tag:") {
                Some(tag) if !tag.is_empty() && !tag.contains(['/', '.']) => {
                    Self::Tag(tag.to_owned())
                }
                _ => return Err(InvalidTemplate::unknown(name, at, &KNOWN)),
            },
        })
    }

    /// The longest value it can have, in bytes.
    fn longest(&self) -> usize {
        match self {
            Self::Ext | Self::Year | Self::Month | Self::Day => 4,
            Self::ImageIndex | Self::Date | Self::RecordId => 10,
            Self::TicketId => 20,
            Self::ImageId | Self::Model => 65,
            Self::SessionId | Self::Filename | Self::Stem | Self::Target | Self::Tag(_) => {
                MAX_VALUE
            }
        }
    }

    /// Its value for one delivery, never empty and harmless wherever it stands.
    fn value(&self, delivery: &Delivery) -> String {
        let photo = &delivery.photo;
        let time = |format: &str| photo.received_at.strftime(format).to_string();
        let raw = match self {
            Self::SessionId => photo.session.as_ref().map(|id| id.reveal().to_owned()),
            Self::ImageId => Some(photo.id.marker()),
            Self::ImageIndex => photo.index.map(|index| index.to_string()),
            Self::Filename => return filename(photo),
            Self::Stem => Some(split_ext(&filename(photo)).0.to_owned()),
            Self::Ext => Some(extension(photo.media_type.as_deref()).to_owned()),
            Self::Date => Some(time("%Y-%m-%d")),
            Self::Year => Some(time("%Y")),
            Self::Month => Some(time("%m")),
            Self::Day => Some(time("%d")),
            Self::Target => delivery.target.as_ref().map(Target::to_string),
            Self::Model => delivery.target.as_ref().and_then(model),
            Self::RecordId => delivery.target.as_ref().and_then(record),
            Self::TicketId => delivery.target.as_ref().and_then(ticket),
            Self::Tag(name) => {
                photo.tags.iter().find(|tag| tag.key == *name).map(|tag| tag.value.clone())
            }
        };
        safe(&raw.unwrap_or_default())
    }
}

fn model(target: &Target) -> Option<String> {
    match target {
        Target::Odoo { model, .. } => Some(model.clone()),
        Target::Freshdesk { .. }
        | Target::Freshservice { .. }
        | Target::Zendesk { .. }
        | Target::Ticket { .. } => None,
    }
}

fn record(target: &Target) -> Option<String> {
    match target {
        Target::Odoo { id, .. } => Some(id.to_string()),
        Target::Freshdesk { .. }
        | Target::Freshservice { .. }
        | Target::Zendesk { .. }
        | Target::Ticket { .. } => None,
    }
}

fn ticket(target: &Target) -> Option<String> {
    match target {
        Target::Odoo { .. } => None,
        Target::Freshdesk { ticket }
        | Target::Freshservice { ticket, .. }
        | Target::Zendesk { ticket }
        | Target::Ticket { ticket, .. } => Some(ticket.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::tests::delivery;

    fn error(template: &str) -> String {
        KeyTemplate::parse(template).unwrap_err().to_string()
    }

    #[test]
    fn every_variable_has_its_value() {
        let template = "{session_id}/{image_id}/{image_index}/{filename}/{stem}/{ext}/{date}/\
                        {year}-{month}-{day}/{target}/{model}/{record_id}/{ticket_id}/{tag:vip}";
        let key = KeyTemplate::parse(template).unwrap().render(&delivery());
        assert_eq!(
            key,
            "s-1/img_1/0/photo 1.jpg/photo 1/jpg/2027-01-15/2027-01-15/\
             odoo_res.partner_42/res.partner/42/none/gold"
        );
    }

    #[test]
    fn the_default_is_unique_and_gives_no_session_away() {
        let template = KeyTemplate::default();
        assert_eq!(KeyTemplate::parse(DEFAULT_TEMPLATE).as_ref(), Ok(&template));
        assert_eq!(template.render(&delivery()), "2027-01-15/img_1.jpg");
        assert!(template.is_unique());
        assert!(!KeyTemplate::parse("{filename}").unwrap().is_unique());
    }

    #[test]
    fn what_is_tried_out_lies_where_photos_go() {
        let beside = |template: &str| {
            let Beside { key, folder } = KeyTemplate::parse(template).unwrap().beside("t");
            (key, folder.unwrap_or_default())
        };
        let told = |key: &str, folder: &str| (key.to_owned(), folder.to_owned());
        assert_eq!(beside("{date}/{image_id}.{ext}"), told("t/t.png", "t"));
        assert_eq!(beside("{image_id}.{ext}"), told("t.png", ""));
        assert_eq!(beside("a/con/x-{image_id}.{ext}"), told("a/_con/t.png", ""));
        assert_eq!(beside("a/b-{date}/{image_id}.{ext}"), told("a/t/t.png", "a/t"));
        assert_eq!(beside("a/photo.jpg"), told("a/t.png", ""));
    }

    #[test]
    fn a_template_that_cannot_work_says_where_and_why() {
        assert!(
            error("a/{imag_id}").starts_with("{imag_id} is not one of {session_id} {image_id}")
        );
        assert!(error("a/{imag_id}").ends_with("{tag:NAME} at position 3"));
        assert!(error("{tag:}").contains("at position 1"));
        assert!(error("/a/{ext}").contains("relative"));
        assert!(error("a/../{ext}").contains("`..`"));
        assert!(error("a//{ext}").contains("empty part"));
        assert!(error("a/./{ext}").contains("empty part"));
        assert!(error("{ext}/").contains("empty part"));
        assert!(error("").contains("empty part"));
        assert!(error("a\\b").contains("backslash"));
        assert!(error("a\nb").contains("control"));
        assert!(error(&"{filename}/".repeat(10)[..109]).contains("900"));
    }

    #[test]
    fn a_taken_key_gets_the_marker_before_its_extension() {
        let photo = PhotoId::parse("img_1").unwrap();
        assert_eq!(suffixed("a/b.jpg", &photo), "a/b-img_1.jpg");
        assert_eq!(suffixed("b", &photo), "b-img_1");
        let long = suffixed(&format!("a/{}.jpg", "é".repeat(120)), &photo);
        assert!(long.len() <= MAX_PART + 2 && long.ends_with("é-img_1.jpg"), "{long}");
    }
}
