//! The words with which a session's link reaches the people of a record. Pure.

use jiff::Timestamp;

use super::{Language, message::escaped};
use crate::model::{Cause, Failure, SessionLink};

/// What stands in the link's place where it may not show.
const HIDDEN: &str = "…";

/// An invitation to send photos.
#[derive(Debug, Clone)]
pub struct Invitation {
    language: Language,
    link: SessionLink,
    until: Timestamp,
}

impl Invitation {
    /// To this link, which works until that time.
    #[must_use]
    pub fn new(language: Language, link: SessionLink, until: Timestamp) -> Self {
        Self { language, link, until }
    }

    /// As HTML, with the link to click and to copy.
    pub(super) fn html(&self) -> String {
        let until = self.until.strftime("%Y-%m-%d %H:%M");
        // Nobody here knows in which time zone it is read.
        let (ask, end, zone) = match self.language {
            Language::En => (
                "Please send us your photos here:",
                "The link works until",
                "in universal time (UTC)",
            ),
            Language::Fr => (
                "Veuillez nous envoyer vos photos ici\u{a0}:",
                "Le lien est valable jusqu’au",
                "en temps universel (UTC)",
            ),
            Language::Es => {
                ("Envíenos sus fotos aquí:", "El enlace funciona hasta", "en hora universal (UTC)")
            }
        };
        let link = escaped(self.link.reveal());
        let (ask, end) = (escaped(ask), escaped(end));
        format!("<p>{ask} <a href=\"{link}\">{link}</a></p><p>{end} {until} {zone}.</p>")
    }

    /// A failure without the link: the other side may have echoed what it refused.
    #[must_use]
    pub fn out_of(&self, failure: Failure) -> Failure {
        let link = self.link.reveal();
        let clean = |text: &str| text.replace(&escaped(link), HIDDEN).replace(link, HIDDEN);
        let clean = |cause: Cause| Cause {
            what: clean(&cause.what),
            detail: clean(&cause.detail),
            fix: clean(&cause.fix),
            ..cause
        };
        match failure {
            Failure::Later { after, cause } => Failure::Later { after, cause: clean(cause) },
            Failure::Unknown { cause } => Failure::Unknown { cause: clean(cause) },
            Failure::Refused { cause } => Failure::Refused { cause: clean(cause) },
            Failure::Broken { cause } => Failure::Broken { cause: clean(cause) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorKind;

    fn invitation(language: Language) -> Invitation {
        let link = SessionLink::parse("https://u.example.com/s?a=1&b=hush").unwrap();
        Invitation::new(language, link, "2027-01-15T08:00:00.5Z".parse().unwrap())
    }

    #[test]
    fn an_invitation_carries_the_link_and_its_end_in_each_language() {
        assert_eq!(
            invitation(Language::En).html(),
            "<p>Please send us your photos here: \
             <a href=\"https://u.example.com/s?a=1&amp;b=hush\">\
             https://u.example.com/s?a=1&amp;b=hush</a></p>\
             <p>The link works until 2027-01-15 08:00 in universal time (UTC).</p>"
        );
        let french = invitation(Language::Fr).html();
        assert!(french.contains("jusqu’au 2027-01-15 08:00 en temps universel (UTC)"), "{french}");
        assert!(invitation(Language::Es).html().contains("Envíenos sus fotos aquí"));
    }

    #[test]
    fn a_failure_loses_the_link_however_it_was_echoed() {
        let invitation = invitation(Language::En);
        let echo = format!("{} and https://u.example.com/s?a=1&b=hush", invitation.html());
        let cause = Cause::new(ErrorKind::Rejected, "no", "").with_detail(&echo);
        let failure = invitation.out_of(Failure::Refused { cause });
        assert!(!failure.cause().detail.contains("hush"), "{failure:?}");
        assert!(!format!("{invitation:?}").contains("hush"));
    }
}
