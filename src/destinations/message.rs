//! The text beside a photo on its record: of a chatter message, a note or a comment. Pure.

use super::{
    name::filename,
    template::{InvalidTemplate, Piece, pieces},
};
use crate::model::{Delivery, Target};

const KNOWN: [&str; 4] = ["filename", "date", "target", "image_index"];

/// The languages with a built-in text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
    /// Spanish.
    Es,
}

impl Language {
    /// Reads `en`, `fr` or `es`; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "en" => Some(Self::En),
            "fr" => Some(Self::Fr),
            "es" => Some(Self::Es),
            _ => None,
        }
    }
}

/// A message text with its variables, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    parts: Vec<Part>,
    language: Language,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Filename,
    Date,
    Target,
    ImageIndex,
}

impl Default for Message {
    fn default() -> Self {
        Self::built_in(Language::default())
    }
}

impl Message {
    /// The built-in text: what arrived, and the name the guest's device gave it.
    #[must_use]
    pub fn built_in(language: Language) -> Self {
        let text = match language {
            Language::En => "Photo received: ",
            Language::Fr => "Photo reçue : ",
            Language::Es => "Foto recibida: ",
        };
        let parts = vec![Part::Text(text.to_owned()), Part::Filename];
        Self { parts, language }
    }

    /// The language of what is said beside it; English where the text is the administrator's.
    pub(super) fn language(&self) -> Language {
        self.language
    }

    /// Reads a text of the administrator's: plain text, one line, with the variables
    /// `{filename}`, `{date}` (UTC, `2027-01-15`), `{target}` (`odoo:res.partner:42`) and
    /// `{image_index}` (from 0).
    ///
    /// # Errors
    /// When a variable is unknown, a brace has no partner, or nothing is left to say.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let parts = pieces(text)?
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => Ok(Part::Text(one_line(text))),
                Piece::Variable("filename", _) => Ok(Part::Filename),
                Piece::Variable("date", _) => Ok(Part::Date),
                Piece::Variable("target", _) => Ok(Part::Target),
                Piece::Variable("image_index", _) => Ok(Part::ImageIndex),
                Piece::Variable(name, at) => Err(InvalidTemplate::unknown(name, at, &KNOWN)),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let says_nothing =
            parts.iter().all(|part| matches!(part, Part::Text(text) if text.trim().is_empty()));
        if says_nothing {
            return Err(InvalidTemplate::new("an empty text", 0));
        }
        Ok(Self { parts, language: Language::default() })
    }

    /// The message for a photo, as plain text in one line.
    pub(super) fn text(&self, delivery: &Delivery) -> String {
        self.parts.iter().map(|part| part.value(delivery)).collect()
    }
}

impl Part {
    fn value(&self, delivery: &Delivery) -> String {
        let photo = &delivery.photo;
        match self {
            Self::Text(text) => text.clone(),
            Self::Filename => filename(photo),
            Self::Date => photo.received_at.strftime("%Y-%m-%d").to_string(),
            Self::Target => delivery.target.as_ref().map(Target::to_string).unwrap_or_default(),
            Self::ImageIndex => photo.index.map(|index| index.to_string()).unwrap_or_default(),
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A text as HTML that shows it.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::tests::delivery;

    #[test]
    fn the_built_in_texts_name_the_file() {
        let body = |language| Message::built_in(language).text(&delivery());
        assert_eq!(body(Language::En), "Photo received: photo 1.jpg");
        assert_eq!(body(Language::Fr), "Photo reçue : photo 1.jpg");
        assert_eq!(body(Language::Es), "Foto recibida: photo 1.jpg");
    }

    #[test]
    fn an_own_text_is_plain_text() {
        let message = Message::parse("<b>{filename}</b>\n& {date} {target} {image_index}").unwrap();
        let text = "<b>photo 1.jpg</b> & 2027-01-15 odoo:res.partner:42 0";
        assert_eq!(message.text(&delivery()), text);
        let html = "&lt;b&gt;photo 1.jpg&lt;/b&gt; &amp; 2027-01-15 odoo:res.partner:42 0";
        assert_eq!(escaped(text), html);
    }

    #[test]
    fn a_guest_cannot_bring_markup() {
        let mut delivery = delivery();
        delivery.photo.filename = Some("<img src=x onerror='a()'>&\u{1}.jpg".to_owned());
        let body = escaped(&Message::default().text(&delivery));
        assert_eq!(body, "Photo received: _img src=x onerror=&#39;a()&#39;_&amp;.jpg");
    }

    #[test]
    fn a_text_that_cannot_work_is_refused() {
        let error = Message::parse("{session}").unwrap_err().to_string();
        assert_eq!(
            error,
            "{session} is not one of {filename} {date} {target} {image_index} at position 1"
        );
        assert!(Message::parse(" \n").is_err());
    }
}
