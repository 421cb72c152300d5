//! The words of the doctor's page; what it finds says itself.

/// The words of the doctor's page.
#[derive(Debug)]
pub(in crate::console) struct Doctor {
    pub(in crate::console) examine: &'static str,
    pub(in crate::console) about: &'static str,
    pub(in crate::console) underway: &'static str,
    /// So many errors, so many warnings.
    pub(in crate::console) found: fn(usize, usize) -> String,
}

pub(super) const EN: Doctor = Doctor {
    examine: "Examine",
    about: "Looks at the configuration, the disk, the journal, Apertur and every destination, and \
            changes nothing. It may take a minute.",
    underway: "An examination is under way; what it finds appears here.",
    found: |errors, warnings| match (errors, warnings) {
        (0, 0) => "All is well".to_owned(),
        _ => format!("Errors: {errors}, warnings: {warnings}"),
    },
};

pub(super) const FR: Doctor = Doctor {
    examine: "Examiner",
    about: "Regarde la configuration, le disque, le journal, Apertur et chaque destination, sans \
            rien changer. Cela peut prendre une minute.",
    underway: "Un examen est en cours ; son résultat apparaîtra ici.",
    found: |errors, warnings| match (errors, warnings) {
        (0, 0) => "Tout va bien".to_owned(),
        _ => format!("Erreurs : {errors}, avertissements : {warnings}"),
    },
};

pub(super) const ES: Doctor = Doctor {
    examine: "Examinar",
    about: "Mira la configuración, el disco, el diario, Apertur y cada destino, y no cambia nada. \
            Puede tardar un minuto.",
    underway: "Hay un examen en curso; su resultado aparecerá aquí.",
    found: |errors, warnings| match (errors, warnings) {
        (0, 0) => "Todo está bien".to_owned(),
        _ => format!("Errores: {errors}, avisos: {warnings}"),
    },
};
