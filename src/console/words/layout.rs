//! The words of every page.

use super::{counted, counted_in_french};
use crate::{console::layout::Tab, model::DeliveryState};

/// The words of every page.
#[derive(Debug)]
pub(in crate::console) struct Layout {
    pub(in crate::console) console: &'static str,
    pub(in crate::console) skip: &'static str,
    pub(in crate::console) menu: &'static str,
    pub(in crate::console) language: &'static str,
    pub(in crate::console) sign_out: &'static str,
    overview: &'static str,
    deliveries: &'static str,
    runs: &'static str,
    destinations: &'static str,
    sessions: &'static str,
    configuration: &'static str,
    doctor: &'static str,
    pub(in crate::console) journal_fails: &'static str,
    pub(in crate::console) no_room: &'static str,
    pub(in crate::console) held: fn(u64) -> String,
    pub(in crate::console) paused: fn(&str) -> String,
    /// Between a name and what is said of it.
    pub(in crate::console) colon: &'static str,
    /// The sign of the unit.
    pub(in crate::console) byte: &'static str,
    pub(in crate::console) days: fn(u64) -> String,
    pub(in crate::console) ago: fn(&str) -> String,
    pub(in crate::console) in_time: fn(&str) -> String,
    pub(in crate::console) lasting: fn(&str) -> String,
    states: [&'static str; 6],
}

impl Layout {
    /// What a place of the menu is called.
    pub(in crate::console) fn place(&self, tab: Tab) -> &'static str {
        match tab {
            Tab::Overview => self.overview,
            Tab::Deliveries => self.deliveries,
            Tab::Runs => self.runs,
            Tab::Destinations => self.destinations,
            Tab::Sessions => self.sessions,
            Tab::Configuration => self.configuration,
            Tab::Doctor => self.doctor,
        }
    }

    /// What a state of deliveries is called.
    pub(in crate::console) fn state(&self, state: DeliveryState) -> &'static str {
        let [waiting, due, sending, delivered, held, dropped] = self.states;
        match state {
            DeliveryState::Waiting => waiting,
            DeliveryState::Due => due,
            DeliveryState::Sending => sending,
            DeliveryState::Delivered => delivered,
            DeliveryState::Held => held,
            DeliveryState::Dropped => dropped,
        }
    }
}

pub(super) const EN: Layout = Layout {
    console: "Bridge console",
    skip: "Skip to the content",
    menu: "Menu",
    language: "Language",
    sign_out: "Sign out",
    overview: "Overview",
    deliveries: "Deliveries",
    runs: "Bulk changes",
    destinations: "Destinations",
    sessions: "Sessions",
    configuration: "Configuration",
    doctor: "Doctor",
    journal_fails: "The journal cannot be used:",
    no_room: "No room for new photos:",
    held: |count| {
        counted(count, "delivery is held and needs you", "deliveries are held and need you")
    },
    paused: |name| format!("{name} is paused:"),
    colon: ": ",
    byte: "B",
    days: |days| counted(days, "day", "days"),
    ago: |age| format!("{age} ago"),
    in_time: |age| format!("in {age}"),
    lasting: |age| format!("for {age}"),
    states: ["waiting", "due", "sending", "delivered", "held", "dropped"],
};

pub(super) const FR: Layout = Layout {
    console: "Console du pont",
    skip: "Aller au contenu",
    menu: "Menu",
    language: "Langue",
    sign_out: "Se déconnecter",
    overview: "Vue d’ensemble",
    deliveries: "Livraisons",
    runs: "Actions groupées",
    destinations: "Destinations",
    sessions: "Sessions",
    configuration: "Configuration",
    doctor: "Diagnostic",
    journal_fails: "Le journal est inutilisable :",
    no_room: "Plus de place pour de nouvelles photos :",
    held: |count| {
        counted_in_french(
            count,
            "livraison est retenue et a besoin de vous",
            "livraisons sont retenues et ont besoin de vous",
        )
    },
    paused: |name| format!("{name} est en pause :"),
    colon: " : ",
    byte: "o",
    days: |days| counted_in_french(days, "jour", "jours"),
    ago: |age| format!("il y a {age}"),
    in_time: |age| format!("dans {age}"),
    lasting: |age| format!("depuis {age}"),
    states: ["en attente", "à envoyer", "en cours d’envoi", "livrée", "retenue", "abandonnée"],
};

pub(super) const ES: Layout = Layout {
    console: "Consola del puente",
    skip: "Ir al contenido",
    menu: "Menú",
    language: "Idioma",
    sign_out: "Cerrar sesión",
    overview: "Resumen",
    deliveries: "Entregas",
    runs: "Cambios en bloque",
    destinations: "Destinos",
    sessions: "Sesiones",
    configuration: "Configuración",
    doctor: "Diagnóstico",
    journal_fails: "El diario no se puede usar:",
    no_room: "No hay sitio para fotos nuevas:",
    held: |count| {
        counted(
            count,
            "entrega está retenida y le necesita",
            "entregas están retenidas y le necesitan",
        )
    },
    paused: |name| format!("{name} está en pausa:"),
    colon: ": ",
    byte: "B",
    days: |days| counted(days, "día", "días"),
    ago: |age| format!("hace {age}"),
    in_time: |age| format!("dentro de {age}"),
    lasting: |age| format!("desde hace {age}"),
    states: ["en espera", "por enviar", "enviándose", "entregada", "retenida", "descartada"],
};
