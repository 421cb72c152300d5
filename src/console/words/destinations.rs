//! The words of the destinations, and of what checks find.

/// The words of the destinations, and of what checks find.
#[derive(Debug)]
pub(in crate::console) struct Destinations {
    pub(in crate::console) test: &'static str,
    pub(in crate::console) test_of: fn(&str) -> String,
    pub(in crate::console) works: &'static str,
    pub(in crate::console) fails: &'static str,
    pub(in crate::console) back: &'static str,
    pub(in crate::console) its_photos: &'static str,
    pub(in crate::console) ok: &'static str,
    pub(in crate::console) warning: &'static str,
    pub(in crate::console) error: &'static str,
}

pub(super) const EN: Destinations = Destinations {
    test: "Test",
    test_of: |name| format!("Test of {name}"),
    works: "It works: a photo could be delivered now.",
    fails: "It does not work: photos wait for it.",
    back: "Back to the destinations",
    its_photos: "Its deliveries",
    ok: "ok",
    warning: "warning",
    error: "error",
};

pub(super) const FR: Destinations = Destinations {
    test: "Tester",
    test_of: |name| format!("Test : {name}"),
    works: "Cela fonctionne : une photo pourrait être livrée maintenant.",
    fails: "Cela ne fonctionne pas : les photos attendent.",
    back: "Retour aux destinations",
    its_photos: "Ses livraisons",
    ok: "ok",
    warning: "attention",
    error: "erreur",
};

pub(super) const ES: Destinations = Destinations {
    test: "Probar",
    test_of: |name| format!("Prueba de {name}"),
    works: "Funciona: ahora se podría entregar una foto.",
    fails: "No funciona: las fotos esperan.",
    back: "Volver a los destinos",
    its_photos: "Sus entregas",
    ok: "bien",
    warning: "aviso",
    error: "error",
};
