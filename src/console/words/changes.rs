//! The words of changes: the verbs, their previews, and runs.

use super::{counted, counted_in_french};
use crate::model::{Left, RunState};

/// The words of changes: the verbs, their previews, and runs.
#[derive(Debug)]
pub(in crate::console) struct Changes {
    verbs: [&'static str; 4],
    meant: [&'static str; 4],
    pub(in crate::console) nothing_chosen: &'static str,
    pub(in crate::console) would: fn(u64) -> String,
    pub(in crate::console) would_leave: fn(u64) -> String,
    pub(in crate::console) becomes: &'static str,
    pub(in crate::console) count: &'static str,
    pub(in crate::console) is_changed: &'static str,
    pub(in crate::console) force: &'static str,
    pub(in crate::console) forced: &'static str,
    pub(in crate::console) no_force: &'static str,
    pub(in crate::console) reason: &'static str,
    pub(in crate::console) optional: &'static str,
    pub(in crate::console) bad_reason: &'static str,
    pub(in crate::console) cancel: &'static str,
    pub(in crate::console) none: &'static str,
    pub(in crate::console) run: fn(&str) -> String,
    runs: [&'static str; 3],
    pub(in crate::console) by: &'static str,
    pub(in crate::console) began: &'static str,
    pub(in crate::console) progress: &'static str,
    pub(in crate::console) seen: fn(u64, u64) -> String,
    pub(in crate::console) rate: fn(u64) -> String,
    pub(in crate::console) remaining: fn(u64) -> String,
    pub(in crate::console) changed: &'static str,
    pub(in crate::console) fetching: &'static str,
    pub(in crate::console) routed: &'static str,
    pub(in crate::console) left: &'static str,
    pub(in crate::console) failed: &'static str,
    pub(in crate::console) stop: &'static str,
    pub(in crate::console) resume: &'static str,
    pub(in crate::console) these: &'static str,
    lefts: [&'static str; 10],
}

impl Changes {
    /// What a verb is called, and what it means.
    pub(in crate::console) fn verb(&self, word: &str) -> (&'static str, &'static str) {
        let [replay, hold, release, drop] = self.verbs;
        let [is_replay, is_hold, is_release, is_drop] = self.meant;
        match word {
            "replay" => (replay, is_replay),
            "hold" => (hold, is_hold),
            "release" => (release, is_release),
            _ => (drop, is_drop),
        }
    }

    /// What a state of runs is called.
    pub(in crate::console) fn state(&self, state: RunState) -> &'static str {
        let [running, stopped, done] = self.runs;
        match state {
            RunState::Running => running,
            RunState::Stopped => stopped,
            RunState::Done => done,
        }
    }

    /// Why a delivery is left as it is.
    pub(in crate::console) fn why(&self, left: Left) -> &'static str {
        let [
            delivered,
            under_way,
            dropped,
            on_hold,
            held,
            not_on_hold,
            unrouted,
            expired,
            same,
            changed,
        ] = self.lefts;
        match left {
            Left::Delivered => delivered,
            Left::UnderWay => under_way,
            Left::Dropped => dropped,
            Left::OnHold => on_hold,
            Left::HeldAlready => held,
            Left::NotOnHold => not_on_hold,
            Left::Unrouted => unrouted,
            Left::Expired => expired,
            Left::SamePhoto => same,
            Left::Changed => changed,
        }
    }
}

pub(super) const EN: Changes = Changes {
    verbs: ["Replay", "Hold", "Release", "Drop"],
    meant: [
        "They are sent again; what is there already is found and not attached twice.",
        "They are not sent until a person releases them.",
        "What a person held goes on.",
        "They are given up for good; nothing is removed where they go.",
    ],
    nothing_chosen: "Nothing was chosen. Go back and choose deliveries, or all that match.",
    would: |count| counted(count, "delivery would be changed", "deliveries would be changed"),
    would_leave: |count| counted(count, "would be left as it is", "would be left as they are"),
    becomes: "What becomes of it",
    count: "Count",
    is_changed: "changed",
    force: "Those delivered, too",
    forced: "Those delivered are sent again, too; what is there is found and not doubled.",
    no_force: "Without those delivered",
    reason: "Reason",
    optional: "optional",
    bad_reason: "Nothing was done. Say why in one line of at most 300 characters.",
    cancel: "Back without changing anything",
    none: "Nothing was changed yet.",
    run: |number| format!("Change {number}"),
    runs: ["running", "stopped", "done"],
    by: "By",
    began: "Began",
    progress: "Progress",
    seen: |seen, all| format!("{seen} of {all}"),
    rate: |rate| format!("{rate} a second"),
    remaining: |seconds| format!("about {seconds} s more"),
    changed: "Changed",
    fetching: "of these, fetched again first",
    routed: "of these, to where the routes say now",
    left: "Left as they were",
    failed: "Failed",
    stop: "Stop",
    resume: "Go on",
    these: "These deliveries",
    lefts: [
        "delivered already",
        "under way just now",
        "given up by a person",
        "held by a person; release lets them go on",
        "held already",
        "not held by a person; replay sends them again",
        "wanted by no destination that is configured",
        "without their bytes, which retention removed",
        "left to another photo with the same bytes",
        "no longer what was asked for",
    ],
};

pub(super) const FR: Changes = Changes {
    verbs: ["Renvoyer", "Retenir", "Libérer", "Abandonner"],
    meant: [
        "Elles sont renvoyées ; ce qui s’y trouve déjà est retrouvé et jamais joint deux fois.",
        "Elles ne sont pas envoyées tant qu’une personne ne les libère pas.",
        "Ce qu’une personne a retenu continue.",
        "Elles sont abandonnées pour de bon ; rien n’est supprimé à destination.",
    ],
    nothing_chosen: "Rien n’a été choisi. Revenez et choisissez des livraisons, ou toutes celles \
                     qui correspondent.",
    would: |count| {
        counted_in_french(count, "livraison serait modifiée", "livraisons seraient modifiées")
    },
    would_leave: |count| {
        counted_in_french(count, "resterait telle quelle", "resteraient telles quelles")
    },
    becomes: "Ce qu’elles deviennent",
    count: "Nombre",
    is_changed: "modifiées",
    force: "Aussi celles livrées",
    forced: "Celles livrées sont renvoyées aussi ; ce qui s’y trouve est retrouvé, pas doublé.",
    no_force: "Sans celles livrées",
    reason: "Raison",
    optional: "facultatif",
    bad_reason: "Rien n’a été fait. Dites pourquoi en une ligne de 300 caractères au plus.",
    cancel: "Revenir sans rien modifier",
    none: "Rien n’a encore été modifié.",
    run: |number| format!("Action {number}"),
    runs: ["en cours", "arrêtée", "terminée"],
    by: "Par",
    began: "Début",
    progress: "Avancement",
    seen: |seen, all| format!("{seen} sur {all}"),
    rate: |rate| format!("{rate} par seconde"),
    remaining: |seconds| format!("encore {seconds} s environ"),
    changed: "Modifiées",
    fetching: "dont rechargées d’abord",
    routed: "dont envoyées où les règles disent maintenant",
    left: "Laissées telles quelles",
    failed: "Échouées",
    stop: "Arrêter",
    resume: "Reprendre",
    these: "Ces livraisons",
    lefts: [
        "déjà livrées",
        "en cours d’envoi",
        "abandonnées par une personne",
        "retenues par une personne ; libérer les laisse continuer",
        "déjà retenues",
        "pas retenues par une personne ; renvoyer les envoie encore",
        "voulues par aucune destination configurée",
        "sans leurs octets, que la rétention a supprimés",
        "laissées à une autre photo aux mêmes octets",
        "plus celles demandées",
    ],
};

pub(super) const ES: Changes = Changes {
    verbs: ["Reenviar", "Retener", "Liberar", "Descartar"],
    meant: [
        "Se envían de nuevo; lo que ya está allí se encuentra y no se adjunta dos veces.",
        "No se envían hasta que una persona las libere.",
        "Lo que una persona retuvo continúa.",
        "Se descartan para siempre; nada se borra en el destino.",
    ],
    nothing_chosen: "No se eligió nada. Vuelva y elija entregas, o todas las que coinciden.",
    would: |count| counted(count, "entrega se cambiaría", "entregas se cambiarían"),
    would_leave: |count| counted(count, "quedaría como está", "quedarían como están"),
    becomes: "Qué pasa con ellas",
    count: "Cantidad",
    is_changed: "cambiadas",
    force: "También las entregadas",
    forced: "También se reenvían las entregadas; lo que está allí se encuentra, no se duplica.",
    no_force: "Sin las entregadas",
    reason: "Motivo",
    optional: "opcional",
    bad_reason: "No se hizo nada. Diga por qué en una línea de 300 caracteres como máximo.",
    cancel: "Volver sin cambiar nada",
    none: "Aún no se ha cambiado nada.",
    run: |number| format!("Cambio {number}"),
    runs: ["en curso", "parado", "terminado"],
    by: "Por",
    began: "Inicio",
    progress: "Avance",
    seen: |seen, all| format!("{seen} de {all}"),
    rate: |rate| format!("{rate} por segundo"),
    remaining: |seconds| format!("unos {seconds} s más"),
    changed: "Cambiadas",
    fetching: "de ellas, descargadas antes otra vez",
    routed: "de ellas, adonde dicen ahora las reglas",
    left: "Dejadas como estaban",
    failed: "Fallidas",
    stop: "Parar",
    resume: "Continuar",
    these: "Estas entregas",
    lefts: [
        "ya entregadas",
        "enviándose ahora",
        "descartadas por una persona",
        "retenidas por una persona; liberar las deja continuar",
        "ya retenidas",
        "no retenidas por una persona; reenviar las envía otra vez",
        "sin destino configurado que las quiera",
        "sin sus bytes, que la retención borró",
        "dejadas a otra foto con los mismos bytes",
        "ya no son lo que se pidió",
    ],
};
