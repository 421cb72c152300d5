//! Photos that nobody posts: they wait at Apertur, are polled for, attached and acknowledged.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::{QUICK, Rig, erp, kind};
use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{Customer, FakeApertur, Photo},
        odoo::FakeOdoo,
    },
    look,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon that polls and has no webhook secret.
fn rig(more: &str) -> Rig {
    let (odoo, apertur) = (FakeOdoo::start(18), FakeApertur::start());
    let lines = format!("poll = true\n{more}\n[webhook]\nmax_age = \"5m\"\n");
    let text = format!("{}{lines}{QUICK}{}", apertur.settings(), erp(&odoo, "odoo-key"));
    let daemon = Daemon::start(Options::toml(text));
    Rig { odoo, apertur, daemon }
}

impl Rig {
    /// Makes a session for contact 42 and gives its id.
    fn polled_session(&self) -> String {
        let create = ["sessions", "create", "--for", "odoo:res.partner:42", "--json"];
        let made = self.daemon.command(&create);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        assert_eq!(made["polled"], true);
        made["session"].as_str().unwrap().to_owned()
    }

    fn is_acknowledged(&self, image: &str) -> bool {
        self.apertur.with(|api| {
            let mut photos = api.sessions.all.iter().flat_map(|session| &session.photos);
            photos.any(|uploaded| uploaded.photo.image_id == image && uploaded.acknowledged)
        })
    }

    fn acknowledged(&self, image: &str) {
        look::eventually(PATIENCE, "acknowledged", || self.is_acknowledged(image).then_some(()));
    }

    /// The first delivery that there is.
    fn first(&self) -> Value {
        look::eventually(PATIENCE, "a photo", || look::deliveries(&self.daemon).pop())
    }
}

#[test]
fn more_polls_are_open_at_once_where_they_are_held_and_a_photo_ends_its_own() {
    let rig = rig("");
    rig.apertur.with(|api| api.sessions.poll_hold = Duration::from_secs(3));
    let sessions: Vec<_> = (0..12).map(|_| rig.polled_session()).collect();
    let most = || rig.apertur.with(|api| api.sessions.held.1);
    look::eventually(PATIENCE, "more than eight polls", || (most() > 8).then_some(()));
    rig.apertur.with(|api| api.sessions.poll_hold = PATIENCE * 4);
    let photo = rig.apertur.upload(&sessions[11], "img_1");
    rig.acknowledged(&photo.image_id);
    rig.delivered();
    assert_eq!(rig.once(&photo).0.res_id, 42);
}

#[test]
fn a_photo_is_polled_for_attached_and_acknowledged_without_a_webhook() {
    let rig = rig("");
    let refused = rig.post(&Photo::new("img_0").json_base64().signed());
    assert_eq!(refused.told(), (503, "unavailable".to_owned()));
    rig.daemon.wait_for_log("webhook.secrets is not set");

    let session = rig.polled_session();
    let asked = rig.apertur.with(|api| api.sessions.all[0].asked.clone());
    assert_eq!(asked["long_polling"], true);
    let photos = ["img_1", "img_2"].map(|image| rig.apertur.upload(&session, image));
    for photo in &photos {
        rig.acknowledged(&photo.image_id);
    }
    rig.delivered();
    for photo in &photos {
        assert_eq!(rig.once(photo).0.res_id, 42);
    }
    assert_eq!((rig.odoo.attachments().len(), rig.odoo.messages().len()), (2, 2));
    let shown = look::story(&rig.daemon, "img_1");
    assert_eq!(
        (&shown["photo"]["shape"], &shown["photo"]["scheme"]),
        (&json!("polled"), &json!(null))
    );
    assert_eq!(shown["photo"]["tags"], json!([{"key": "odoo", "value": "res.partner:42"}]));
    let log = rig.daemon.log();
    assert!(log.contains("photo polled") && !log.contains(&session), "{log}");
    let listed = rig.daemon.command(&["sessions", "list"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("open, polled"));
    look::assert_well(&rig.daemon);
}

#[test]
fn a_photo_that_was_not_acknowledged_before_a_power_cut_is_attached_once() {
    let mut rig = rig("");
    let session = rig.polled_session();
    rig.apertur.with(|api| api.sessions.is_deaf = true);
    let photo = rig.apertur.upload(&session, "img_1");
    rig.delivered();
    rig.daemon.wait_for_log("Apertur did not hear it");
    rig.daemon.kill9();
    assert!(!rig.is_acknowledged("img_1"));
    rig.apertur.with(|api| api.sessions.is_deaf = false);
    rig.daemon.restart();
    rig.acknowledged("img_1");
    rig.delivered();
    rig.only(&photo);
}

#[test]
fn a_photo_that_cannot_be_taken_is_held_and_stays_at_apertur_until_it_can() {
    let mut rig = rig("max_download = \"1KiB\"");
    let session = rig.polled_session();
    let photo = rig.apertur.upload(&session, "img_1");
    assert_eq!(rig.first()["photo"]["id"], "img_1");
    let held = rig.held();
    assert_eq!(kind(&held), "too_large");
    assert!(!rig.is_acknowledged("img_1"));

    rig.daemon.stop();
    let path = rig.daemon.config_path();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("1KiB", "1MiB")).unwrap();
    rig.daemon.restart();
    assert_eq!(rig.replay(&["img_1"])["fetching"], 1);
    rig.delivered();
    rig.only(&photo);
    rig.acknowledged("img_1");
}

#[test]
fn an_encrypted_photo_is_kept_shut_acknowledged_and_delivered_once_there_is_a_key() {
    let mut rig = rig("");
    let session = rig.polled_session();
    let customer = Customer::new();
    let photo = rig.apertur.with(|api| {
        let photo = api.sessions.upload(&session, "img_1").unwrap();
        let kept = api.sessions.all[0].photos.last_mut().unwrap();
        kept.photo.bytes = customer.seal(&photo).bytes;
        photo
    });
    rig.acknowledged("img_1");
    assert_eq!(kind(&rig.held()), "encrypted");

    rig.daemon.stop();
    rig.apertur.with(|api| api.sessions.all[0].photos.clear());
    let path = rig.daemon.config_path();
    let text = fs::read_to_string(&path).unwrap();
    let key = format!("[apertur]\ne2e_private_keys = ['''{}''']\n", customer.private_key());
    fs::write(&path, text.replacen("[apertur]\n", &key, 1)).unwrap();
    rig.daemon.restart();
    assert_eq!(rig.replay(&["img_1"])["fetching"], 1);
    rig.delivered();
    rig.only(&photo);
}

#[test]
fn a_full_disk_acknowledges_nothing() {
    let rig = rig("");
    let session = rig.polled_session();
    // Nothing can be begun there.
    let spool = rig.daemon.dir().join("data/spool/tmp");
    fs::remove_dir(&spool).unwrap();
    let photo = rig.apertur.upload(&session, "img_1");
    rig.daemon.wait_for_log("the photo cannot be written to the spool");
    assert!(!rig.is_acknowledged("img_1"));
    assert_eq!(look::deliveries(&rig.daemon), Vec::<Value>::new());
    fs::create_dir(&spool).unwrap();
    rig.acknowledged("img_1");
    rig.delivered();
    rig.only(&photo);
}
