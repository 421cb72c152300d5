//! Secrets, session ids and links stay inside, at every log level.

use std::time::Duration;

use super::{Rig, photo};
use crate::{
    fakes::{
        apertur::{self, FakeApertur, Photo, SECRET, Scheme, Signer, Way},
        odoo::{FakeOdoo, Fault, Switch, What},
    },
    look,
};

/// Everything the daemon tells anybody: its log, its commands, its pages.
fn told(rig: &Rig) -> String {
    let mut told = rig.daemon.log();
    for args in [
        &["deliveries", "list"][..],
        &["deliveries", "list", "--json"],
        &["deliveries", "show", "img_1"],
        &["deliveries", "show", "img_1", "--json"],
        &["deliveries", "show", "img_gone", "--json"],
        &["deliveries", "show", "img_gone"],
        &["destinations", "list", "--json"],
        &["check", "--connect"],
    ] {
        let output = rig.daemon.command(args);
        told.push_str(&String::from_utf8_lossy(&output.stdout));
        told.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    for path in ["/metrics", "/readyz"] {
        let page = apertur::get(rig.daemon.console_url(), path).unwrap();
        told.push_str(&String::from_utf8_lossy(&page.body));
    }
    told
}

/// Goes through what can go well and wrong.
fn live(rig: &Rig) {
    let photo = photo();
    let link = rig.apertur.keep("img_1", &photo.bytes);
    for scheme in Scheme::ALL {
        let event = photo.event("image.delivered", Some(&link));
        assert_eq!(rig.post(&Signer::scheme(scheme).sign(event)).status, 200);
        let wrong = Signer { secret: "aa".repeat(32), ..Signer::scheme(scheme) };
        assert_eq!(rig.post(&wrong.sign(photo.json_base64())).status, 401);
    }
    rig.delivered();
    rig.apertur.link(Way::Status(410));
    rig.apertur.api(Way::Status(404));
    let gone = Photo { image_id: "img_gone".to_owned(), ..photo.clone() };
    rig.accepted(gone.event("image.delivered", Some(&link)));
    rig.accepted(Photo::new("img_form").multipart());
    look::settled(&rig.daemon, &["delivered", "held"]);
    rig.odoo.set(Switch::KeyRevoked(true));
    let late = Photo { image_id: "img_late".to_owned(), ..photo };
    rig.accepted(late.json_base64());
    look::eventually(Duration::from_secs(20), "a pause", || {
        rig.daemon.log().contains("destination paused").then_some(())
    });
    rig.odoo.set(Switch::KeyRevoked(false));
    let fault = Fault { on: "*.message_post".to_owned(), times: 1, what: What::LoseAnswer };
    rig.odoo.fault(fault);
    look::settled(&rig.daemon, &["delivered", "held"]);
}

#[test]
fn secrets_sessions_and_links_are_never_told() {
    for version in [18, 19] {
        let rig = Rig::with(FakeOdoo::start(version), "[log]\nlevel = \"trace\"\n");
        live(&rig);
        let told = told(&rig);
        assert!(told.len() > 20_000, "a log at trace level is long: {}", told.len());
        let [key, signature] = FakeApertur::secrets();
        for secret in [SECRET, key, signature, "odoo-key", &photo().session, "5e551011"] {
            if let Some(at) = told.find(secret) {
                let around = told[at.saturating_sub(600)..].chars().take(800);
                panic!("{secret} is told: {}", around.collect::<String>());
            }
        }
    }
}
