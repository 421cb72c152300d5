//! The words with which the people of a record hear that photos could not be attached to it.
//! Pure.

use super::{Language, message::escaped};
use crate::model::{ErrorKind, printable};

/// Most file names that a note shows.
const MOST_NAMES: usize = 5;

/// Photos that could not be attached to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// By which the note is known again: letters, digits and `-`, its own for every note.
    pub mark: String,
    /// How many photos.
    pub count: u64,
    /// Why, as far as one word says it.
    pub error: Option<ErrorKind>,
    /// The names of some of them, as their guests' devices gave them.
    pub names: Vec<String>,
}

impl Notice {
    /// As HTML, in two paragraphs; the mark is in the second.
    pub(super) fn html(&self, language: Language) -> String {
        let names: Vec<_> =
            self.names.iter().take(MOST_NAMES).map(|name| printable(name)).collect();
        let names = match names.len() {
            0 => String::new(),
            _ => format!(" ({})", names.join(", ")),
        };
        let (what, todo, mark) = match language {
            Language::En => (
                match self.count {
                    1 => "A photo could not be attached here".to_owned(),
                    n => format!("{n} photos could not be attached here"),
                },
                "Ask the administrator of apertur-bridge: the cause is shown there, and the photo \
                 can be sent again. If it is gone for good, ask for a new one.",
                "Reference",
            ),
            Language::Fr => (
                match self.count {
                    1 => "Une photo n’a pas pu être jointe ici".to_owned(),
                    n => format!("{n} photos n’ont pas pu être jointes ici"),
                },
                "Adressez-vous à l’administrateur d’apertur-bridge\u{a0}: la cause y est indiquée \
                 et la photo peut être renvoyée. Si elle est perdue, demandez-en une nouvelle.",
                "Référence",
            ),
            Language::Es => (
                match self.count {
                    1 => "No se pudo adjuntar aquí una foto".to_owned(),
                    n => format!("No se pudieron adjuntar aquí {n} fotos"),
                },
                "Diríjase al administrador de apertur-bridge: allí se ve la causa y la foto puede \
                 enviarse de nuevo. Si ya no existe, pida una nueva.",
                "Referencia",
            ),
        };
        let colon = if language == Language::Fr { "\u{a0}:" } else { ":" };
        let first = format!("{what}{names}{colon} {}.", why(language, self.error));
        let second = format!("{todo} {mark}{colon} {}", self.mark);
        format!("<p>{}</p><p>{}</p>", escaped(&first), escaped(&second))
    }

    /// Whether a text on the other side is this note.
    pub(super) fn is_in(&self, text: &str) -> bool {
        text.contains(&self.mark)
    }
}

/// The cause in plain words.
fn why(language: Language, error: Option<ErrorKind>) -> &'static str {
    let words = match error {
        Some(ErrorKind::TooLarge) => [
            "the file is larger than allowed",
            "le fichier dépasse la taille autorisée",
            "el archivo supera el tamaño permitido",
        ],
        Some(ErrorKind::NotAnImage) => [
            "the file is not a picture",
            "le fichier n’est pas une image",
            "el archivo no es una imagen",
        ],
        Some(ErrorKind::Encrypted) => [
            "it is encrypted and no key opens it",
            "elle est chiffrée et aucune clé ne l’ouvre",
            "está cifrada y ninguna clave la abre",
        ],
        Some(ErrorKind::Gone) => {
            ["Apertur does not have it any more", "Apertur ne l’a plus", "Apertur ya no la tiene"]
        }
        Some(ErrorKind::NotFound) => [
            "what it belongs to was not found",
            "ce à quoi elle se rapporte est introuvable",
            "no se encontró aquello a lo que pertenece",
        ],
        Some(ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::NotAllowed) => {
            ["that was not allowed", "cela n’était pas autorisé", "no estaba permitido"]
        }
        Some(ErrorKind::Rejected) => {
            ["this system refused it", "ce système l’a refusée", "este sistema la rechazó"]
        }
        Some(ErrorKind::GaveUp) => [
            "it was tried for a long time without success",
            "de nombreuses tentatives ont échoué",
            "se intentó durante mucho tiempo sin éxito",
        ],
        _ => [
            "something went wrong that does not pass by itself",
            "un problème est survenu qui ne se résout pas de lui-même",
            "ocurrió un problema que no se resuelve por sí solo",
        ],
    };
    let [english, french, spanish] = words;
    match language {
        Language::En => english,
        Language::Fr => french,
        Language::Es => spanish,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(count: u64, names: &[&str]) -> Notice {
        Notice {
            mark: "apertur-note-1".to_owned(),
            count,
            error: Some(ErrorKind::TooLarge),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_note_says_what_why_and_what_to_do_in_each_language() {
        let one = notice(1, &["door.jpg"]).html(Language::En);
        assert_eq!(
            one,
            "<p>A photo could not be attached here (door.jpg): the file is larger than allowed.\
             </p><p>Ask the administrator of apertur-bridge: the cause is shown there, and the \
             photo can be sent again. If it is gone for good, ask for a new one. Reference: \
             apertur-note-1</p>"
        );
        let french = notice(3, &[]).html(Language::Fr);
        assert!(french.contains("3 photos n’ont pas pu être jointes ici\u{a0}: le"), "{french}");
        assert!(french.contains("Référence\u{a0}: apertur-note-1"), "{french}");
        assert!(notice(2, &[]).html(Language::Es).contains("No se pudieron adjuntar aquí 2"));
        assert!(notice(1, &[]).is_in(&french));
    }

    #[test]
    fn a_guest_brings_no_markup_into_a_note() {
        let html = notice(1, &["<b>\u{1b}.jpg"]).html(Language::En);
        assert!(html.contains("&lt;b&gt;") && !html.contains('\u{1b}'), "{html}");
    }
}
