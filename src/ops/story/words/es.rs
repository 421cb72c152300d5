//! The words of a story in Spanish.

use super::{Attempt, Bytes, Fetch, Held, Next, Remedy, Standing, Summary, Words};

pub(super) static WORDS: Words = Words {
    shapes: [
        "evento con un enlace",
        "evento de proyecto con un enlace",
        "evento con la imagen incluida",
        "formulario con la imagen",
        "imagen sola",
        "obtenida por sondeo con la clave de API",
        "su evento no llegó nunca: se encontró en su sesión con la clave de API",
    ],
    signed: |scheme| format!(", esquema de firma {scheme}"),
    hint: |image| format!("imagen {image}, según una cabecera que nadie firmó"),
    bytes: Bytes {
        stored: "disponibles",
        wanted: "aún no han llegado",
        encrypted: "cifrados de extremo a extremo, y ninguna clave sirve",
        held: "no se pudieron obtener",
        expired: "borrados por la retención, porque ya nada los necesitaba",
    },
    summary: Summary {
        waiting: "en espera de sus bytes para",
        paused: "en espera de la reanudación de",
        due: "por enviar a",
        sending: "enviándose a",
        delivered: "entregada a",
        unwanted: "retenida, no la quiere",
        held: "retenida para",
        dropped: "descartada para",
        nobody: "nadie",
        and,
    },
    standing: Standing {
        waiting: "espera los bytes de la foto",
        was_delivered: "se había entregado y se busca otra vez",
        may_be_there: "puede que ya esté allí: un intento terminó sin respuesta",
        failed: |attempts| match attempts {
            1 => "falló un intento, habrá otro".to_owned(),
            _ => format!("fallaron {attempts} intentos, habrá otro"),
        },
        due: "por enviar",
        sending: "enviándose",
        delivered: "entregada",
        left_to: |photo| format!("dejada a la foto {photo}, que tiene los mismos bytes"),
        found: "ya estaba allí, no se envió nada de nuevo",
        remarked: "con una observación",
        dropped: "descartada por una persona",
    },
    held: Held {
        by_person: "por una persona",
        unwanted: "ningún destino la acepta tal como está",
        unrouted: "tal como están las cosas, no va a este destino",
        encrypted: "está cifrada de extremo a extremo, y ninguna clave sirve",
        expired: "sus bytes ya no existen",
        no_bytes: "no se pudieron obtener sus bytes",
        gave_up: "se intentó durante todo el tiempo que indica la configuración",
        refused: "fue rechazada",
        other: "solo una persona puede resolverlo",
    },
    next: Next {
        delivered: "nada: está entregada",
        dropped: "nada: una persona la descartó aquí",
        person: "nada hasta que intervenga una persona",
        underway: "hay un intento en curso",
        fetching: "sus bytes se están descargando",
        fetched_again: "sus bytes se descargarán otra vez",
        fetched_soon: "sus bytes se descargarán en cuanto llegue su turno",
        after_bytes: "empezará cuando lleguen sus bytes",
        paused: |name, is_looked_for| {
            let first = if is_looked_for { "; primero se buscará" } else { "" };
            format!(
                "espera mientras {name} está en pausa; continuará por sí sola en cuanto {name} \
                 funcione{first}"
            )
        },
        looked_for: "primero se buscará, porque puede que ya esté allí, y se enviará si no está",
        looked_for_soon: "primero se buscará y, si no está allí, se enviará en cuanto llegue su \
                          turno",
        sent_again: "se enviará de nuevo",
        sent_soon: "se enviará en cuanto llegue su turno",
    },
    remedy: Remedy {
        by_itself: "nada, se volverá a intentar por sí solo; si continúa: ",
        overdue: "compruebe que el servicio funciona y qué hace su destino",
    },
    received: "recibida",
    fetch: Fetch {
        open: "descargándose",
        done: "descargada",
        later: "no descargada, se volverá a intentar",
        unknown: "descarga interrumpida, se volverá a intentar",
        refused: "no se puede obtener",
        cancelled: "terminó antes de tiempo, no cuenta",
    },
    attempt: Attempt {
        open: "intento en curso",
        found: "encontrada allí, no se envió nada de nuevo",
        done: "entregada",
        later: "con seguridad no quedó guardada, se volverá a intentar",
        unknown: "sin respuesta: puede que ya esté allí y primero se buscará",
        gave_up: "intentos agotados, retenida",
        refused: "rechazada y retenida",
        broken: "el destino no funciona, se volverá a intentar",
        cancelled: "no se envió nada, no cuenta",
        held: "retenida",
        dropped: "descartada",
    },
    verbs: [
        |by| format!("reenviada por {by}"),
        |by| format!("reenvío forzado por {by}"),
        |by| format!("retenida por {by}"),
        |by| format!("liberada por {by}"),
        |by| format!("descartada por {by}"),
    ],
    unsaid: "retenida por una persona",
    because: |did, reason| format!("{did}: {reason}"),
};

/// `y`, which is `e` before its own sound: `a y b`, `a e intranet`, `a y hielo`.
fn and(next: &str) -> &'static str {
    let begins = |with| next.starts_with(with);
    let is_i = begins("i") || begins("hi") && !begins("hie");
    if is_i { "e" } else { "y" }
}
