//! Every word of the pages, one struct a page with all languages in its file: a word that is
//! missing does not compile.

mod access;
mod changes;
mod configuration;
mod deliveries;
mod destinations;
mod doctor;
mod kinds;
mod layout;
mod overview;
mod sessions;

pub(super) use self::{
    access::Access, changes::Changes, configuration::Configuration, deliveries::Deliveries,
    destinations::Destinations, doctor::Doctor, kinds::kind, layout::Layout, overview::Overview,
    sessions::Sessions,
};
use crate::destinations::Language;

/// The words of a language.
#[derive(Debug)]
pub(super) struct Words {
    /// Its tag, for `lang`.
    pub(super) tag: &'static str,
    pub(super) layout: Layout,
    pub(super) access: Access,
    pub(super) overview: Overview,
    pub(super) deliveries: Deliveries,
    pub(super) changes: Changes,
    pub(super) destinations: Destinations,
    pub(super) sessions: Sessions,
    pub(super) configuration: Configuration,
    pub(super) doctor: Doctor,
}

static EN: Words = Words {
    tag: "en",
    layout: layout::EN,
    access: access::EN,
    overview: overview::EN,
    deliveries: deliveries::EN,
    changes: changes::EN,
    destinations: destinations::EN,
    sessions: sessions::EN,
    configuration: configuration::EN,
    doctor: doctor::EN,
};
static FR: Words = Words {
    tag: "fr",
    layout: layout::FR,
    access: access::FR,
    overview: overview::FR,
    deliveries: deliveries::FR,
    changes: changes::FR,
    destinations: destinations::FR,
    sessions: sessions::FR,
    configuration: configuration::FR,
    doctor: doctor::FR,
};
static ES: Words = Words {
    tag: "es",
    layout: layout::ES,
    access: access::ES,
    overview: overview::ES,
    deliveries: deliveries::ES,
    changes: changes::ES,
    destinations: destinations::ES,
    sessions: sessions::ES,
    configuration: configuration::ES,
    doctor: doctor::ES,
};

impl Words {
    /// The words of a language.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::Fr => &FR,
            Language::Es => &ES,
        }
    }
}

/// So many of something, in French, where none is singular.
fn counted_in_french(count: u64, one: &str, many: &str) -> String {
    let word = if count < 2 { one } else { many };
    format!("{} {word}", super::layout::number(count))
}

/// So many of something, in a language whose plural is what is not one.
fn counted(count: u64, one: &str, many: &str) -> String {
    let word = if count == 1 { one } else { many };
    format!("{} {word}", super::layout::number(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_singular_in_french_alone() {
        let held = |language, count| (Words::of(language).layout.held)(count);
        let french = [0, 1, 2].map(|count| held(Language::Fr, count));
        assert!(french[0].starts_with("0 livraison est") && french[1].starts_with("1 livraison"));
        assert!(french[2].starts_with("2 livraisons sont"), "{french:?}");
        assert!(held(Language::Es, 0).starts_with("0 entregas están"));
        assert!(held(Language::En, 0).starts_with("0 deliveries are"));
    }
}
