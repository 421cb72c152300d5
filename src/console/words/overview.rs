//! The words of the overview.

use super::{counted, counted_in_french};

/// The words of the overview.
#[derive(Debug)]
pub(in crate::console) struct Overview {
    pub(in crate::console) oldest: &'static str,
    pub(in crate::console) over_time: &'static str,
    pub(in crate::console) span: &'static str,
    spans: [&'static str; 3],
    pub(in crate::console) numbers: &'static str,
    pub(in crate::console) since_when: &'static str,
    pub(in crate::console) now: &'static str,
    pub(in crate::console) received: &'static str,
    pub(in crate::console) delivered: &'static str,
    pub(in crate::console) was_held: &'static str,
    /// A chart in words: what, how many, in what time, at most.
    pub(in crate::console) said: fn(&str, u64, &str, u64) -> String,
    pub(in crate::console) underway: fn(u64) -> String,
    pub(in crate::console) held: fn(u64) -> String,
    pub(in crate::console) last: &'static str,
    pub(in crate::console) never: &'static str,
    pub(in crate::console) ok: &'static str,
    pub(in crate::console) paused: &'static str,
    pub(in crate::console) no_login: &'static str,
    pub(in crate::console) since: &'static str,
    /// When a pause ends.
    pub(in crate::console) goes_on: &'static str,
}

impl Overview {
    /// What a time span is called, by its word in addresses.
    pub(in crate::console) fn span_of(&self, word: &str) -> &'static str {
        let [day, week, month] = self.spans;
        match word {
            "week" => week,
            "month" => month,
            _ => day,
        }
    }
}

pub(super) const EN: Overview = Overview {
    oldest: "Waiting longest",
    over_time: "Photos over time",
    span: "Time span",
    spans: ["24 hours", "7 days", "30 days"],
    numbers: "In numbers",
    since_when: "From",
    now: "now",
    received: "Received",
    delivered: "Delivered",
    was_held: "Held",
    said: |what, sum, span, most| format!("{what}: {sum} in {span}, at most {most} at a time"),
    underway: |count| counted(count, "under way", "under way"),
    held: |count| counted(count, "held", "held"),
    last: "last delivered",
    never: "nothing delivered yet",
    ok: "ok",
    paused: "paused",
    no_login: "not logged in",
    since: "Paused",
    goes_on: "It is tried again by itself and goes on as soon as it works; no photo is lost.",
};

pub(super) const FR: Overview = Overview {
    oldest: "En attente depuis le plus longtemps",
    over_time: "Photos au fil du temps",
    span: "Période",
    spans: ["24 heures", "7 jours", "30 jours"],
    numbers: "En chiffres",
    since_when: "Dès",
    now: "maintenant",
    received: "Reçues",
    delivered: "Livrées",
    was_held: "Retenues",
    said: |what, sum, span, most| format!("{what} : {sum} en {span}, au plus {most} à la fois"),
    underway: |count| counted_in_french(count, "en cours", "en cours"),
    held: |count| counted_in_french(count, "retenue", "retenues"),
    last: "dernière livraison",
    never: "rien de livré pour l’instant",
    ok: "ok",
    paused: "en pause",
    no_login: "non connectée",
    since: "En pause",
    goes_on: "Elle est réessayée d’elle-même et reprend dès qu’elle fonctionne ; aucune photo \
              n’est perdue.",
};

pub(super) const ES: Overview = Overview {
    oldest: "La que más tiempo espera",
    over_time: "Fotos a lo largo del tiempo",
    span: "Periodo",
    spans: ["24 horas", "7 días", "30 días"],
    numbers: "En cifras",
    since_when: "Desde",
    now: "ahora",
    received: "Recibidas",
    delivered: "Entregadas",
    was_held: "Retenidas",
    said: |what, sum, span, most| format!("{what}: {sum} en {span}, como máximo {most} a la vez"),
    underway: |count| counted(count, "en curso", "en curso"),
    held: |count| counted(count, "retenida", "retenidas"),
    last: "última entrega",
    never: "nada entregado todavía",
    ok: "bien",
    paused: "en pausa",
    no_login: "sin iniciar sesión",
    since: "En pausa",
    goes_on: "Se vuelve a intentar solo y continúa en cuanto funciona; no se pierde ninguna foto.",
};
