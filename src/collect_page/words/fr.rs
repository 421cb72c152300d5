//! French.

use super::{Causes, Modes, Notes, Records, Sending, Standings, Troubles, Words};

pub(super) const WORDS: Words = Words {
    tag: "fr",
    collect_photos: "Recueillir des photos",
    who_sees: "Qui verra les photos ?",
    odoo: Modes {
        contact: ("Le client", "Le client est averti de chaque photo et toute l’équipe la voit."),
        public: (
            "Les abonnés",
            "Tous ceux qui suivent la fiche. Le client n’est averti que s’il la suit.",
        ),
        internal: ("L’équipe seule", "Une note interne. Le client ne voit rien."),
    },
    desk: Modes {
        contact: ("Le client", "Sur le ticket, comme envoyée par le client, qui peut la voir."),
        public: ("Le client, par un agent", "Une note publique au nom de l’agent."),
        internal: ("Les agents seuls", "Une note privée. Le client ne voit rien."),
    },
    zendesk: Modes {
        contact: ("Le client", "Un commentaire public comme du client, qui peut le voir."),
        public: (
            "Le client, par un agent",
            "Un commentaire public au nom de l’agent. Le client peut le voir et en être averti.",
        ),
        internal: ("Les agents seuls", "Une note interne. Le client ne voit rien."),
    },
    more: "Plus d’options",
    most_photos: "Nombre de photos",
    most_photos_hint: "nombre habituel",
    lifetime: "Le lien est valable",
    lifetime_usual: "la durée habituelle",
    hours: |n| if n == 1 { "1 heure".to_owned() } else { format!("{n} heures") },
    days: |n| if n == 1 { "1 jour".to_owned() } else { format!("{n} jours") },
    show_qr: "Afficher le code QR",
    still_open: "Encore ouverts pour cette fiche",
    go_on: "Continuer",
    until: "jusqu’au",
    sandbox: "Test",
    sandbox_text: "Ce lien vient du bac à sable d’Apertur : pour essayer, pas pour les clients.",
    qr: "Code QR du lien où l’on prend les photos",
    scan: "Scannez avec l’appareil photo du téléphone, puis prenez les photos.",
    link: "Lien",
    copy: "Copier",
    copied: "Copié",
    share: "Partager…",
    mail: "E-mail",
    text_message: "SMS",
    mail_subject: "Vos photos",
    mail_text: "Veuillez nous envoyer vos photos ici :",
    language: "Langue du message",
    open_here: "Ouvrir ici",
    send_link: "Envoyer le lien",
    send_odoo: Sending {
        contact: "Envoyer au client",
        public: "Publier pour les abonnés",
        internal: "Noter sur la fiche",
    },
    send_desk: Sending {
        contact: "Répondre au client",
        public: "Ajouter une note publique",
        internal: "Ajouter une note privée",
    },
    send_zendesk: Sending {
        contact: "Commenter au client",
        public: "Ajouter un commentaire public",
        internal: "Ajouter une note interne",
    },
    photos: "Photos",
    photo: |n| format!("Photo {n}"),
    none_yet: "Pas encore de photos. Elles s’affichent ici dès leur arrivée.",
    none_came: "Aucune photo n’est arrivée.",
    landed_of: |done, all| match (done, all) {
        (1, 1) => "La photo est sur la fiche.".to_owned(),
        (2, 2) => "Les deux photos sont sur la fiche.".to_owned(),
        (done, all) if done == all => format!("Les {all} photos sont sur la fiche."),
        (0, 1) => "La photo n’est pas encore sur la fiche.".to_owned(),
        (0, all) => format!("Aucune des {all} photos n’est encore sur la fiche."),
        (done, all) if done < 2 => format!("{done} photo sur {all} est sur la fiche."),
        (done, all) => format!("{done} photos sur {all} sont sur la fiche."),
    },
    standing: Standings {
        received: "Reçue",
        sending: "En route",
        delayed: "Retardée",
        landed: "Sur la fiche",
        stored: "Enregistrée, pas sur la fiche",
        problem: "Problème",
    },
    causes: Causes {
        unreachable: "Le système ne répond pas. Un nouvel essai aura lieu tout seul.",
        busy: "Le système est occupé. Un nouvel essai aura lieu tout seul.",
        administrator: "Prévenez votre administrateur : le service de photos n’y arrive pas.",
        no_record: "La fiche n’existe plus.",
        gone: "La photo n’a pas pu être récupérée. Redemandez-la.",
        too_large: "La photo est trop grande.",
        refused: "Le système n’accepte pas cette photo. Prévenez votre administrateur.",
        not_an_image: "Le fichier n’est pas une image.",
        encrypted: "La photo est chiffrée et ne peut pas être ouverte ici.",
        unrouted: "La destination de cette photo n’est pas définie. Prévenez votre administrateur.",
        gave_up: "Les essais ont duré des jours. Prévenez votre administrateur.",
        held: "Un administrateur la retient.",
    },
    close: "Terminer la session",
    another: "Un autre lien",
    closed: "La session est terminée. Les photos déjà en route arrivent encore.",
    ended: "Le lien a expiré.",
    slow: "Les photos de cette session peuvent arriver tard, jusqu’à une demi-heure après la \
           prise. Prévenez votre administrateur.",
    offline: "Pas de connexion. Nouvel essai…",
    password: "Mot de passe",
    password_text: "Saisissez le mot de passe pour recueillir des photos. Il n’est demandé qu’une \
                    fois.",
    password_wrong: "Ce n’est pas le bon mot de passe.",
    password_open: "Ouvrir",
    choose_system: "Dans quel système se trouve la fiche ?",
    back: "Retour à la fiche",
    records: Records {
        contact: "Contact",
        task: "Tâche",
        project: "Projet",
        lead: "Opportunité",
        order: "Commande",
        invoice: "Facture",
        ticket: "Ticket",
    },
    notes: Notes {
        sent: "Le lien a été envoyé.",
        sent_followers: "Le lien a été publié, mais la fiche n’indique pas de client : seuls ses \
                         abonnés ont été avertis.",
        send_unknown: "Il n’est pas certain que le lien ait été envoyé. Regardez la fiche avant \
                       de l’envoyer à nouveau.",
        send_failed: "Le lien n’a pas été envoyé :",
        stale: "Cette page était ouverte depuis longtemps. Veuillez choisir à nouveau.",
        link_lives_on: "La session est terminée ici, mais Apertur ne l’a pas accepté : le lien \
                        reste valable. Terminez-la à nouveau dans une minute.",
        invalid: "Vérifiez les options : le nombre de photos va de 1 à 50.",
    },
    troubles: Troubles {
        forbidden: (
            "Ce lien ne fonctionne pas",
            "Il a peut-être expiré, ou il a déjà servi. Rouvrez la fiche et choisissez-y \
             « Collecter des photos », ou demandez un nouveau lien.",
        ),
        old_entry: (
            "Cette entrée n’est plus à jour",
            "Prévenez votre administrateur : `apertur-bridge odoo install-actions` renouvelle \
             l’entrée des menus.",
        ),
        no_target: (
            "Cette adresse ne désigne aucune fiche",
            "Ouvrez la page depuis la fiche elle-même. Si cela mène ici aussi, prévenez votre \
             administrateur : une adresse finit par exemple par target=freshdesk:17.",
        ),
        no_password: (
            "Cette page ne peut pas être ouverte ainsi",
            "Demandez à votre administrateur un lien, ou de définir un mot de passe pour \
             recueillir des photos ([collect] password).",
        ),
        throttled: ("Trop d’essais", "Attendez une minute, puis réessayez."),
        bad_form: (
            "Cela n’a pas fonctionné",
            "Revenez en arrière, rechargez la page et réessayez.",
        ),
        no_record: (
            "La fiche est introuvable",
            "Elle a peut-être été supprimée, ou les photos n’y sont pas prévues. Ouvrez-la dans \
             son système et réessayez de là, ou demandez à votre administrateur.",
        ),
        no_session: ("Ce lien n’existe plus", "Revenez à la fiche et créez-en un nouveau."),
        unreachable: (
            "Le système ne répond pas en ce moment",
            "Rien n’a été modifié. Réessayez dans une minute.",
        ),
        no_answer: (
            "Le système n’a pas répondu à temps",
            "Attendez une minute, puis choisissez à nouveau « Collecter des photos » sur la \
             fiche : cette adresse ne sert peut-être plus.",
        ),
        not_let_in: (
            "Le service de photos ne peut pas consulter la fiche",
            "Rien n’a été modifié. Prévenez votre administrateur : le journal en donne la raison.",
        ),
        apertur_down: (
            "Apertur ne répond pas en ce moment",
            "Aucun lien n’a été créé. Réessayez dans une minute.",
        ),
        apertur_refuses: (
            "Apertur n’a pas créé de lien",
            "Rien n’a été créé. Prévenez votre administrateur.",
        ),
        not_ended: (
            "La session n’a pas été terminée",
            "Son lien reste valable. Prévenez votre administrateur : le journal en donne la \
             raison.",
        ),
        quota: (
            "Les sessions photo de ce mois sont épuisées",
            "Aucun lien n’a été créé. Parlez du forfait Apertur à votre administrateur.",
        ),
        unsure: (
            "La réponse d’Apertur s’est perdue",
            "Personne ne sait si un lien a été créé ; personne n’en a vu. Réessayez : au plus, \
             une session inutilisée subsiste.",
        ),
        slow: (
            "Apertur tarde à répondre",
            "Le lien sera peut-être encore créé. Revenez à la fiche dans une minute : s’il a été \
             créé, il s’y trouve. Sinon, réessayez.",
        ),
        not_kept: (
            "Le lien n’a pas pu être enregistré",
            "Il a été abandonné, rien ne peut donc se perdre. Réessayez dans une minute ; si cela \
             persiste, prévenez votre administrateur.",
        ),
        journal: (
            "Le service de photos est occupé",
            "Rien n’a été modifié. Réessayez dans une minute ; si cela persiste, prévenez votre \
             administrateur.",
        ),
    },
    their_words: "Dans les mots d’Apertur :",
};
