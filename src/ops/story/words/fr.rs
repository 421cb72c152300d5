//! The words of a story in French.

use super::{Attempt, Bytes, Fetch, Held, Next, Remedy, Standing, Summary, Words};

pub(super) static WORDS: Words = Words {
    shapes: [
        "événement avec un lien",
        "événement de projet avec un lien",
        "événement contenant l’image",
        "formulaire contenant l’image",
        "image seule",
        "récupérée par interrogation avec la clé d’API",
        "son événement n’est jamais arrivé : retrouvée dans sa session avec la clé d’API",
    ],
    signed: |scheme| format!(", schéma de signature {scheme}"),
    hint: |image| format!("image {image}, d’après un en-tête que personne n’a signé"),
    bytes: Bytes {
        stored: "présents",
        wanted: "pas encore là",
        encrypted: "chiffrés de bout en bout, et aucune clé ne convient",
        held: "impossibles à obtenir",
        expired: "supprimés par la rétention, car plus rien n’en avait besoin",
    },
    summary: Summary {
        waiting: "en attente de ses octets pour",
        paused: "suspendue pour",
        due: "à envoyer à",
        sending: "en cours d’envoi à",
        delivered: "livrée à",
        unwanted: "retenue, n’est voulue par",
        held: "retenue pour",
        dropped: "abandonnée pour",
        nobody: "personne",
        and: |_| "et",
    },
    standing: Standing {
        waiting: "attend les octets de la photo",
        was_delivered: "avait été livrée et est recherchée de nouveau",
        may_be_there: "elle y est peut-être : une tentative s’est terminée sans réponse",
        failed: |attempts| match attempts {
            1 => "une tentative a échoué, une autre suivra".to_owned(),
            _ => format!("{attempts} tentatives ont échoué, une autre suivra"),
        },
        due: "à envoyer",
        sending: "en cours d’envoi",
        delivered: "livrée",
        left_to: |photo| format!("laissée à la photo {photo}, qui a les mêmes octets"),
        found: "elle y était déjà, rien n’a été renvoyé",
        remarked: "avec une remarque",
        dropped: "abandonnée par une personne",
    },
    held: Held {
        by_person: "par une personne",
        unwanted: "aucune destination ne la prend telle quelle",
        unrouted: "en l’état, elle ne va pas à cette destination",
        encrypted: "elle est chiffrée de bout en bout, et aucune clé ne convient",
        expired: "ses octets n’existent plus",
        no_bytes: "ses octets n’ont pas pu être obtenus",
        gave_up: "les tentatives ont duré aussi longtemps que le prévoit la configuration",
        refused: "elle a été refusée",
        other: "seule une personne peut y remédier",
    },
    next: Next {
        delivered: "rien : elle est livrée",
        dropped: "rien : une personne l’a abandonnée ici",
        person: "rien sans l’intervention d’une personne",
        underway: "une tentative est en cours",
        fetching: "ses octets sont en cours de chargement",
        fetched_again: "ses octets seront rechargés",
        fetched_soon: "ses octets seront chargés dès que ce sera leur tour",
        after_bytes: "commencera quand ses octets seront là",
        paused: |name, is_looked_for| {
            let first = if is_looked_for { " ; elle sera d’abord recherchée" } else { "" };
            format!(
                "attend tant que {name} est en pause ; reprendra d’elle-même dès que cette \
                 destination fonctionnera{first}"
            )
        },
        looked_for: "elle sera d’abord recherchée, car elle y est peut-être, puis envoyée si elle \
                     n’y est pas",
        looked_for_soon: "elle sera d’abord recherchée, puis envoyée si elle n’y est pas, dès que \
                          ce sera son tour",
        sent_again: "elle sera renvoyée",
        sent_soon: "elle sera envoyée dès que ce sera son tour",
    },
    remedy: Remedy {
        by_itself: "rien à faire, une nouvelle tentative suivra ; si cela persiste : ",
        overdue: "vérifiez que le service fonctionne, et ce que fait sa destination",
    },
    received: "reçue",
    fetch: Fetch {
        open: "en cours de chargement",
        done: "chargée",
        later: "pas chargée, nouvelle tentative à suivre",
        unknown: "chargement interrompu, nouvelle tentative à suivre",
        refused: "impossible à obtenir",
        cancelled: "arrêt prématuré, ne compte pas",
    },
    attempt: Attempt {
        open: "tentative en cours",
        found: "retrouvée là-bas, rien n’a été renvoyé",
        done: "livrée",
        later: "certainement pas enregistrée, nouvelle tentative à suivre",
        unknown: "sans réponse : elle y est peut-être et sera d’abord recherchée",
        gave_up: "tentatives épuisées, retenue",
        refused: "refusée et retenue",
        broken: "la destination ne fonctionne pas, nouvelle tentative à suivre",
        cancelled: "rien n’a été envoyé, ne compte pas",
        held: "retenue",
        dropped: "abandonnée",
    },
    verbs: [
        |by| format!("renvoyée par {by}"),
        |by| format!("renvoi forcé par {by}"),
        |by| format!("retenue par {by}"),
        |by| format!("libérée par {by}"),
        |by| format!("abandonnée par {by}"),
    ],
    unsaid: "retenue par une personne",
    because: |did, reason| format!("{did} : {reason}"),
};
