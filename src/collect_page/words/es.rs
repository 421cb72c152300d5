//! Spanish.

use super::{Causes, Modes, Notes, Records, Sending, Standings, Troubles, Words};

pub(super) const WORDS: Words = Words {
    tag: "es",
    collect_photos: "Recoger fotos",
    who_sees: "¿Quién verá las fotos?",
    odoo: Modes {
        contact: ("El cliente", "Se avisa al cliente de cada foto y todo el equipo la ve."),
        public: (
            "Los seguidores",
            "Todos los que siguen el registro. Solo se avisa al cliente si lo sigue.",
        ),
        internal: ("Solo el equipo", "Una nota interna. El cliente no ve nada."),
    },
    desk: Modes {
        contact: ("El cliente", "En el ticket, como enviada por el cliente, que puede verla."),
        public: ("El cliente, por un agente", "Una nota pública en nombre del agente."),
        internal: ("Solo los agentes", "Una nota privada. El cliente no ve nada."),
    },
    zendesk: Modes {
        contact: ("El cliente", "Un comentario público como del cliente, que puede verlo."),
        public: (
            "El cliente, por un agente",
            "Un comentario público en nombre del agente. El cliente puede verlo y ser avisado.",
        ),
        internal: ("Solo los agentes", "Una nota interna. El cliente no ve nada."),
    },
    more: "Más opciones",
    most_photos: "Número de fotos",
    most_photos_hint: "número habitual",
    lifetime: "El enlace funciona durante",
    lifetime_usual: "el tiempo habitual",
    hours: |n| if n == 1 { "1 hora".to_owned() } else { format!("{n} horas") },
    days: |n| if n == 1 { "1 día".to_owned() } else { format!("{n} días") },
    show_qr: "Mostrar el código QR",
    still_open: "Aún abiertos para este registro",
    go_on: "Continuar",
    until: "hasta",
    sandbox: "Prueba",
    sandbox_text: "Este enlace es del entorno de pruebas de Apertur: no es para clientes.",
    qr: "Código QR del enlace donde se toman las fotos",
    scan: "Escanee con la cámara del teléfono y tome las fotos.",
    link: "Enlace",
    copy: "Copiar",
    copied: "Copiado",
    share: "Compartir…",
    mail: "Correo",
    text_message: "SMS",
    mail_subject: "Sus fotos",
    mail_text: "Envíenos sus fotos aquí:",
    language: "Idioma del mensaje",
    open_here: "Abrir aquí",
    send_link: "Enviar el enlace",
    send_odoo: Sending {
        contact: "Enviar al cliente",
        public: "Publicar para los seguidores",
        internal: "Anotar en el registro",
    },
    send_desk: Sending {
        contact: "Responder al cliente",
        public: "Añadir una nota pública",
        internal: "Añadir una nota privada",
    },
    send_zendesk: Sending {
        contact: "Comentar al cliente",
        public: "Añadir un comentario público",
        internal: "Añadir una nota interna",
    },
    photos: "Fotos",
    photo: |n| format!("Foto {n}"),
    none_yet: "Todavía no hay fotos. Aparecen aquí según llegan.",
    none_came: "No llegó ninguna foto.",
    landed_of: |done, all| match (done, all) {
        (1, 1) => "La foto está en el registro.".to_owned(),
        (2, 2) => "Las dos fotos están en el registro.".to_owned(),
        (done, all) if done == all => format!("Las {all} fotos están en el registro."),
        (0, 1) => "La foto aún no está en el registro.".to_owned(),
        (0, all) => format!("Ninguna de {all} fotos está aún en el registro."),
        (1, all) => format!("1 de {all} fotos está en el registro."),
        (done, all) => format!("{done} de {all} fotos están en el registro."),
    },
    standing: Standings {
        received: "Recibida",
        sending: "En camino",
        delayed: "Retrasada",
        landed: "En el registro",
        stored: "Guardada, no en el registro",
        problem: "Problema",
    },
    causes: Causes {
        unreachable: "El sistema no responde. Se vuelve a intentar solo.",
        busy: "El sistema está ocupado. Se vuelve a intentar solo.",
        administrator: "Avise a su administrador: el servicio de fotos no puede hacerlo.",
        no_record: "El registro ya no existe.",
        gone: "No se pudo obtener la foto. Pídala de nuevo.",
        too_large: "La foto es demasiado grande.",
        refused: "El sistema no acepta esta foto. Avise a su administrador.",
        not_an_image: "El archivo no es una imagen.",
        encrypted: "La foto está cifrada y no se puede abrir aquí.",
        unrouted: "No está definido adónde va esta foto. Avise a su administrador.",
        gave_up: "Se intentó durante días. Avise a su administrador.",
        held: "Un administrador la retiene.",
    },
    close: "Terminar la sesión",
    another: "Otro enlace",
    closed: "La sesión ha terminado. Las fotos que ya están en camino aún llegan.",
    ended: "El enlace ha caducado.",
    slow: "Las fotos de esta sesión pueden llegar tarde, hasta media hora después de tomarlas. \
           Avise a su administrador.",
    offline: "Sin conexión. Se intenta de nuevo…",
    password: "Contraseña",
    password_text: "Escriba la contraseña para recoger fotos. Solo se pide una vez.",
    password_wrong: "Esa no es la contraseña.",
    password_open: "Abrir",
    choose_system: "¿En qué sistema está el registro?",
    back: "Volver al registro",
    records: Records {
        contact: "Contacto",
        task: "Tarea",
        project: "Proyecto",
        lead: "Oportunidad",
        order: "Pedido",
        invoice: "Factura",
        ticket: "Ticket",
    },
    notes: Notes {
        sent: "El enlace se envió.",
        sent_followers: "El enlace se publicó, pero el registro no indica ningún cliente: solo se \
                         avisó a sus seguidores.",
        send_unknown: "No es seguro que el enlace se haya enviado. Mire el registro antes de \
                       enviarlo de nuevo.",
        send_failed: "El enlace no se envió:",
        stale: "Esta página estuvo abierta mucho tiempo. Elija de nuevo, por favor.",
        link_lives_on: "La sesión ha terminado aquí, pero Apertur no lo aceptó: el enlace aún \
                        funciona. Termínela de nuevo en un minuto.",
        invalid: "Revise las opciones: el número de fotos va de 1 a 50.",
    },
    troubles: Troubles {
        forbidden: (
            "Este enlace no funciona",
            "Puede que haya caducado o que ya se haya usado. Abra de nuevo el registro y elija \
             allí «Recopilar fotos», o pida un enlace nuevo.",
        ),
        old_entry: (
            "Esta entrada no está al día",
            "Avise a su administrador: `apertur-bridge odoo install-actions` renueva la entrada \
             de los menús.",
        ),
        no_target: (
            "Esta dirección no nombra ningún registro",
            "Abra la página desde el propio registro. Si eso también lleva aquí, avise a su \
             administrador: una dirección acaba por ejemplo en target=freshdesk:17.",
        ),
        no_password: (
            "Esta página no se puede abrir así",
            "Pida un enlace a su administrador, o que defina una contraseña para recoger fotos \
             ([collect] password).",
        ),
        throttled: ("Demasiados intentos", "Espere un minuto e inténtelo de nuevo."),
        bad_form: ("Eso no funcionó", "Vuelva atrás, recargue la página e inténtelo de nuevo."),
        no_record: (
            "El registro no está",
            "Puede que se haya borrado, o que no admita fotos. Ábralo en su sistema e inténtelo \
             desde allí, o pregunte a su administrador.",
        ),
        no_session: ("Este enlace ya no existe", "Vuelva al registro y cree uno nuevo."),
        unreachable: (
            "El sistema no responde ahora",
            "No se cambió nada. Inténtelo de nuevo en un minuto.",
        ),
        no_answer: (
            "El sistema no respondió a tiempo",
            "Espere un minuto y elija de nuevo «Recopilar fotos» en el registro: puede que esta \
             dirección ya no sirva.",
        ),
        not_let_in: (
            "El servicio de fotos no puede ver el registro",
            "No se cambió nada. Avise a su administrador: el log dice por qué.",
        ),
        apertur_down: (
            "Apertur no responde ahora",
            "No se creó ningún enlace. Inténtelo de nuevo en un minuto.",
        ),
        apertur_refuses: (
            "Apertur no creó ningún enlace",
            "No se creó nada. Avise a su administrador.",
        ),
        not_ended: (
            "La sesión no se terminó",
            "Su enlace aún funciona. Avise a su administrador: el log dice por qué.",
        ),
        quota: (
            "Las sesiones de fotos de este mes se agotaron",
            "No se creó ningún enlace. Pregunte a su administrador por el plan de Apertur.",
        ),
        unsure: (
            "La respuesta de Apertur se perdió",
            "Nadie sabe si se creó un enlace; nadie vio ninguno. Inténtelo de nuevo: como mucho \
             queda una sesión sin usar.",
        ),
        slow: (
            "Apertur tarda en responder",
            "Puede que el enlace aún se cree. Vuelva al registro dentro de un minuto: si se creó, \
             está allí. Si no, inténtelo de nuevo.",
        ),
        not_kept: (
            "El enlace no se pudo guardar",
            "Se descartó, así que nada puede perderse. Inténtelo de nuevo en un minuto; si sigue \
             igual, avise a su administrador.",
        ),
        journal: (
            "El servicio de fotos está ocupado",
            "No se cambió nada. Inténtelo de nuevo en un minuto; si sigue igual, avise a su \
             administrador.",
        ),
    },
    their_words: "En palabras de Apertur:",
};
