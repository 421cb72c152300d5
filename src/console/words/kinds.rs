//! What the kinds of errors are called.

use crate::{destinations::Language, model::ErrorKind};

/// What a kind of error is called.
pub(in crate::console) fn kind(kind: ErrorKind, language: Language) -> &'static str {
    let [english, french, spanish] = match kind {
        ErrorKind::Unreachable => ["unreachable", "injoignable", "inalcanzable"],
        ErrorKind::Unavailable => ["unavailable", "indisponible", "no disponible"],
        ErrorKind::RateLimited => ["rate limited", "trop de requêtes", "demasiadas solicitudes"],
        ErrorKind::Timeout => ["timeout", "sans réponse à temps", "sin respuesta a tiempo"],
        ErrorKind::Unauthorized => {
            ["unauthorized", "identifiants refusés", "credenciales rechazadas"]
        }
        ErrorKind::Forbidden => ["forbidden", "accès interdit", "acceso prohibido"],
        ErrorKind::NotFound => ["not found", "introuvable", "no encontrado"],
        ErrorKind::Gone => ["gone", "n’existe plus", "ya no existe"],
        ErrorKind::TooLarge => ["too large", "trop volumineuse", "demasiado grande"],
        ErrorKind::Rejected => ["rejected", "refusée", "rechazada"],
        ErrorKind::Protocol => ["protocol", "réponse incompréhensible", "respuesta incomprensible"],
        ErrorKind::NotAllowed => ["not allowed", "non autorisé ici", "no permitido aquí"],
        ErrorKind::NotAnImage => ["not an image", "pas une image", "no es una imagen"],
        ErrorKind::Encrypted => ["encrypted", "chiffrée, sans clé", "cifrada, sin clave"],
        ErrorKind::Unrouted => ["unrouted", "sans destination", "sin destino"],
        ErrorKind::Local => ["local", "panne locale", "fallo local"],
        ErrorKind::GaveUp => ["gave up", "tentatives épuisées", "intentos agotados"],
        ErrorKind::Operator => {
            ["held by a person", "retenue par une personne", "retenida por una persona"]
        }
    };
    match language {
        Language::En => english,
        Language::Fr => french,
        Language::Es => spanish,
    }
}
