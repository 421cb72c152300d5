//! The words of the configuration's page.

/// The words of the configuration's page.
#[derive(Debug)]
pub(in crate::console) struct Configuration {
    pub(in crate::console) about: &'static str,
    pub(in crate::console) top: &'static str,
    pub(in crate::console) file: &'static str,
    /// Before the number of a line.
    pub(in crate::console) line: &'static str,
    pub(in crate::console) default: &'static str,
}

pub(super) const EN: Configuration = Configuration {
    about: "As the daemon runs now: what the file and the environment say, and what nobody says. \
            Secrets are hidden. After a change, run apertur-bridge check and restart the daemon.",
    top: "Top level",
    file: "file",
    line: "file, line",
    default: "default",
};

pub(super) const FR: Configuration = Configuration {
    about: "Telle que le service l’applique maintenant : ce que disent le fichier et \
            l’environnement, et ce que personne ne dit. Les secrets sont cachés. Après un \
            changement, lancez apertur-bridge check et redémarrez le service.",
    top: "Premier niveau",
    file: "fichier",
    line: "fichier, ligne",
    default: "par défaut",
};

pub(super) const ES: Configuration = Configuration {
    about: "Tal como la aplica ahora el servicio: lo que dicen el archivo y el entorno, y lo que \
            nadie dice. Los secretos están ocultos. Tras un cambio, ejecute apertur-bridge check \
            y reinicie el servicio.",
    top: "Primer nivel",
    file: "archivo",
    line: "archivo, línea",
    default: "por defecto",
};
