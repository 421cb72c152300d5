//! What causes say over and over, word for word, and how it is said in other languages. All else
//! that a cause says is told as it was written down.

use crate::destinations::Language;

/// A text of a cause in this language, where it is one of the usual ones; `None` for any other,
/// and in English.
#[must_use]
pub fn phrase(text: &str, language: Language) -> Option<&'static str> {
    let (_, french, spanish) = PHRASES.iter().find(|(english, ..)| *english == text)?;
    match language {
        Language::En => None,
        Language::Fr => Some(french),
        Language::Es => Some(spanish),
    }
}

/// In English as it is written down, in French, in Spanish.
const PHRASES: [(&str, &str, &str); 23] = [
    ("held by a person", "retenue par une personne", "retenida por una persona"),
    (
        "release it with `apertur-bridge deliveries release`",
        "libérez-la, ici ou avec `apertur-bridge deliveries release`",
        "libérela, aquí o con `apertur-bridge deliveries release`",
    ),
    (
        "no destination wants this photo",
        "aucune destination ne veut de cette photo",
        "ningún destino quiere esta foto",
    ),
    (
        "add a destination or a [[route]] that matches it, then `apertur-bridge deliveries \
         replay`; or give it up with `apertur-bridge deliveries drop`",
        "ajoutez une destination ou une [[route]] qui lui correspond, puis renvoyez-la ; ou \
         abandonnez-la",
        "añada un destino o una [[route]] que le corresponda y reenvíela; o descártela",
    ),
    (
        "its bytes were removed by retention",
        "ses octets ont été supprimés par la rétention",
        "sus bytes fueron borrados por la retención",
    ),
    (
        "have the photo sent again with its bytes, or take it again",
        "faites renvoyer la photo avec ses octets, ou prenez-la de nouveau",
        "haga que envíen la foto de nuevo con sus bytes, o tómela otra vez",
    ),
    (
        "the photo's bytes are not here",
        "les octets de la photo ne sont pas là",
        "los bytes de la foto no están aquí",
    ),
    (
        "replay the delivery, so that the photo is fetched again",
        "renvoyez la livraison, pour que la photo soit rechargée",
        "reenvíe la entrega, para que la foto se descargue otra vez",
    ),
    (
        "look at the load of the other side; the next attempt looks before it sends",
        "vérifiez la charge de l’autre côté ; la prochaine tentative recherche la photo avant de \
         l’envoyer",
        "compruebe la carga del otro lado; el próximo intento busca la foto antes de enviarla",
    ),
    (
        "nothing; it is tried again",
        "rien à faire : une nouvelle tentative suivra",
        "nada: se volverá a intentar",
    ),
    (
        "nothing; the next attempt looks before it sends",
        "rien à faire : la prochaine tentative recherche la photo avant de l’envoyer",
        "nada: el próximo intento busca la foto antes de enviarla",
    ),
    (
        "nothing; the next attempt looks before it writes",
        "rien à faire : la prochaine tentative recherche la photo avant de l’écrire",
        "nada: el próximo intento busca la foto antes de escribirla",
    ),
    (
        "nothing to do if it passes; the next attempt looks before it sends",
        "rien à faire si le problème disparaît ; la prochaine tentative recherche la \
         photo avant de l’envoyer",
        "nada que hacer si se resuelve solo; el próximo intento busca la foto antes de enviarla",
    ),
    (
        "nothing to do if it passes; it is tried again by itself",
        "rien à faire si le problème disparaît ; une nouvelle tentative suivra d’elle-même",
        "nada que hacer si se resuelve solo; se volverá a intentar por sí solo",
    ),
    (
        "nothing; it goes on by itself",
        "rien à faire : cela reprendra tout seul",
        "nada: continuará por sí solo",
    ),
    (
        "nothing to do: it goes on by itself",
        "rien à faire : cela reprendra tout seul",
        "nada: continuará por sí solo",
    ),
    (
        "nothing to do if it passes; else look at the other side's log and load",
        "rien à faire si le problème disparaît ; sinon, vérifiez le journal et la \
         charge de l’autre côté",
        "nada que hacer si se resuelve solo; si no, compruebe los logs y la carga del otro lado",
    ),
    (
        "nothing to do if it passes; else look at Apertur's status page",
        "rien à faire si le problème disparaît ; sinon, consultez la page d’état d’Apertur",
        "nada que hacer si se resuelve solo; si no, consulte la página de estado de Apertur",
    ),
    (
        "nothing to do if it passes; else report it to Apertur",
        "rien à faire si le problème disparaît ; sinon, signalez-le à Apertur",
        "nada que hacer si se resuelve solo; si no, informe a Apertur",
    ),
    (
        "nothing to do if it passes; else look at this machine's connection",
        "rien à faire si le problème disparaît ; sinon, vérifiez la connexion de cette machine",
        "nada que hacer si se resuelve solo; si no, compruebe la conexión de esta máquina",
    ),
    (
        "check that it runs, its address, DNS and firewalls",
        "vérifiez que l’autre côté fonctionne, ainsi que son adresse, le DNS et les pare-feu",
        "compruebe que el otro lado funciona, su dirección, el DNS y los cortafuegos",
    ),
    (
        "check that it runs and that no firewall drops packets",
        "vérifiez que l’autre côté fonctionne et qu’aucun pare-feu n’ignore de paquets en silence",
        "compruebe que el otro lado funciona y que ningún cortafuegos descarta paquetes",
    ),
    (
        "check its certificate, the host name and this machine's time",
        "vérifiez son certificat, le nom d’hôte et l’heure de cette machine",
        "compruebe su certificado, el nombre de host y la hora de esta máquina",
    ),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The program's text, with what is broken over lines in one.
    fn sources(folder: &Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if !path.ends_with("words/phrases.rs") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let lines = text.lines().map(str::trim_start);
                for line in lines {
                    match line.strip_suffix('\\') {
                        Some(begun) => all.push_str(begun),
                        None => all.push_str(&format!("{line}\n")),
                    }
                }
            }
        }
    }

    #[test]
    fn every_usual_phrase_is_one_that_a_cause_still_says() {
        let mut all = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        for (english, ..) in PHRASES {
            assert!(all.contains(&format!("\"{english}\"")), "{english}");
            assert_eq!(phrase(english, Language::En), None);
            assert!(phrase(english, Language::Fr) != phrase(english, Language::Es), "{english}");
        }
        assert_eq!(phrase("Odoo has no project.task 42", Language::Fr), None);
    }
}
