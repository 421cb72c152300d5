//! The words of signing in, and of why there is no page.

/// The words of signing in, and of why there is no page.
#[derive(Debug)]
pub(in crate::console) struct Access {
    pub(in crate::console) sign_in: &'static str,
    pub(in crate::console) password: &'static str,
    pub(in crate::console) wrong: &'static str,
    pub(in crate::console) not_configured: Said,
    pub(in crate::console) foreign_host: Said,
    pub(in crate::console) may_not: Said,
    pub(in crate::console) may_not_admin: Said,
    pub(in crate::console) foreign_form: Said,
    pub(in crate::console) old_form: Said,
    pub(in crate::console) bad_form: Said,
    pub(in crate::console) throttled: Said,
    pub(in crate::console) not_found: Said,
    pub(in crate::console) journal: Said,
    pub(in crate::console) failed: Said,
}

/// A title and the next step.
type Said = (&'static str, &'static str);

pub(super) const EN: Access = Access {
    sign_in: "Sign in",
    password: "Password or API token",
    wrong: "That is neither the password nor a token of this console.",
    not_configured: (
        "The console is closed",
        "Nothing is configured to sign in with. Set console.password, or console.tokens, and \
         restart the daemon.",
    ),
    foreign_host: (
        "Not at this address",
        "The console answers at the machine's addresses and at the name that console.public_url \
         says. Open it at one of them, or set console.public_url to this one.",
    ),
    may_not: (
        "Your token does not allow this",
        "Sign in with the password, or with a token of the scope operate or admin.",
    ),
    may_not_admin: (
        "Your token does not allow this",
        "Sign in with the password, or with a token of the scope admin.",
    ),
    foreign_form: (
        "This form came from elsewhere",
        "Nothing was done. Open the console itself and try again there; behind a proxy, set \
         console.public_url to the address that you see.",
    ),
    old_form: (
        "This form is too old",
        "Nothing was done. Go back, load the page again and repeat it.",
    ),
    bad_form: ("This form cannot be read", "Nothing was done. Go back and try again."),
    throttled: ("Too many tries", "Wait a moment, then try again."),
    not_found: ("There is no such page", "It may have been removed meanwhile. Use the menu."),
    journal: (
        "The journal cannot be used now",
        "See that the disk of data_dir has room and works; then load this page again.",
    ),
    failed: ("That did not work", "Nothing else was changed."),
};

pub(super) const FR: Access = Access {
    sign_in: "Se connecter",
    password: "Mot de passe ou jeton d’API",
    wrong: "Ce n’est ni le mot de passe ni un jeton de cette console.",
    not_configured: (
        "La console est fermée",
        "Rien n’est configuré pour se connecter. Définissez console.password, ou console.tokens, \
         et redémarrez le service.",
    ),
    foreign_host: (
        "Pas à cette adresse",
        "La console répond aux adresses de la machine et au nom que donne console.public_url. \
         Ouvrez-la à l’une d’elles, ou donnez cette adresse à console.public_url.",
    ),
    may_not: (
        "Votre jeton ne le permet pas",
        "Connectez-vous avec le mot de passe, ou avec un jeton de portée operate ou admin.",
    ),
    may_not_admin: (
        "Votre jeton ne le permet pas",
        "Connectez-vous avec le mot de passe, ou avec un jeton de portée admin.",
    ),
    foreign_form: (
        "Ce formulaire vient d’ailleurs",
        "Rien n’a été fait. Ouvrez la console elle-même et réessayez ; derrière un proxy, donnez \
         à console.public_url l’adresse que vous voyez.",
    ),
    old_form: (
        "Ce formulaire est trop ancien",
        "Rien n’a été fait. Revenez en arrière, rechargez la page et recommencez.",
    ),
    bad_form: (
        "Ce formulaire est illisible",
        "Rien n’a été fait. Revenez en arrière et réessayez.",
    ),
    throttled: ("Trop d’essais", "Attendez un instant, puis réessayez."),
    not_found: (
        "Cette page n’existe pas",
        "Elle a peut-être disparu entre-temps. Utilisez le menu.",
    ),
    journal: (
        "Le journal est inutilisable pour l’instant",
        "Vérifiez que le disque de data_dir a de la place et fonctionne, puis rechargez la page.",
    ),
    failed: ("Cela n’a pas marché", "Rien d’autre n’a été changé."),
};

pub(super) const ES: Access = Access {
    sign_in: "Iniciar sesión",
    password: "Contraseña o token de API",
    wrong: "No es la contraseña ni un token de esta consola.",
    not_configured: (
        "La consola está cerrada",
        "No hay nada configurado para iniciar sesión. Defina console.password, o console.tokens, \
         y reinicie el servicio.",
    ),
    foreign_host: (
        "No en esta dirección",
        "La consola responde en las direcciones de la máquina y en el nombre que dice \
         console.public_url. Ábrala en una de ellas, o ponga esta dirección en \
         console.public_url.",
    ),
    may_not: (
        "Su token no lo permite",
        "Inicie sesión con la contraseña, o con un token de alcance operate o admin.",
    ),
    may_not_admin: (
        "Su token no lo permite",
        "Inicie sesión con la contraseña, o con un token de alcance admin.",
    ),
    foreign_form: (
        "Este formulario viene de otro sitio",
        "No se hizo nada. Abra la consola misma e inténtelo de nuevo; detrás de un proxy, ponga \
         en console.public_url la dirección que usted ve.",
    ),
    old_form: (
        "Este formulario es demasiado antiguo",
        "No se hizo nada. Vuelva atrás, recargue la página y repítalo.",
    ),
    bad_form: (
        "Este formulario no se puede leer",
        "No se hizo nada. Vuelva atrás e inténtelo de nuevo.",
    ),
    throttled: ("Demasiados intentos", "Espere un momento e inténtelo de nuevo."),
    not_found: ("No existe esa página", "Puede que ya no esté. Use el menú."),
    journal: (
        "El diario no se puede usar ahora",
        "Compruebe que el disco de data_dir tiene espacio y funciona, y recargue la página.",
    ),
    failed: ("No funcionó", "No se cambió nada más."),
};
