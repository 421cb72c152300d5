//! Photos that never came: Apertur gave up while we were down, and they land though.

use serde_json::{Value, json};

use super::Rig;
use crate::{
    fakes::{apertur::WEBHOOK_DESTINATION, odoo::FakeOdoo},
    look,
};

impl Rig {
    fn reconcile(&self, more: &[&str]) -> Value {
        let args = [&["sessions", "reconcile", "--json"], more].concat();
        let done = self.daemon.command(&args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// What Apertur says of a photo.
    fn remote(&self, image: &str, status: &'static str) {
        self.apertur.with(|api| {
            let mut photos = api.sessions.all.iter_mut().flat_map(|session| &mut session.photos);
            photos.find(|uploaded| uploaded.photo.image_id == image).unwrap().status = status;
        });
    }
}

/// A daemon whose sessions go to a destination that posts to it, and a session for contact 42.
fn rig() -> (Rig, String) {
    let lines = format!("session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n");
    let rig = Rig::on(FakeOdoo::start(18), &lines);
    let create = ["sessions", "create", "--for", "odoo:res.partner:42", "--json"];
    let made = rig.daemon.command(&create);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    (rig, made["session"].as_str().unwrap().to_owned())
}

fn counts(row: &Value) -> [u64; 5] {
    ["at_apertur", "here", "taken", "on_its_way", "elsewhere"].map(|key| row[key].as_u64().unwrap())
}

#[test]
fn a_command_takes_what_never_came_and_what_comes_after_all_is_a_duplicate() {
    let (rig, session) = rig();
    let [came, lost, tried] = ["came", "lost", "tried"].map(|id| rig.apertur.upload(&session, id));
    rig.accepted(came.event("image.delivered", None));
    rig.remote("lost", "failed");
    rig.remote("tried", "retrying");
    let dry = rig.reconcile(&["--dry-run"]);
    assert_eq!(counts(&dry[0]), [3, 1, 1, 1, 0]);
    assert_eq!(look::deliveries(&rig.daemon).len(), 1, "nothing was changed");
    let done = rig.reconcile(&["--since", "1h"]);
    assert_eq!(counts(&done[0]), [3, 1, 1, 1, 0]);
    rig.delivered();
    for photo in [&came, &lost] {
        assert_eq!(rig.once(photo).0.res_id, 42);
    }
    assert_eq!(counts(&rig.reconcile(&["--since", "1h"])[0]), [3, 2, 0, 1, 0]);
    let story = look::story(&rig.daemon, "lost");
    assert_eq!(story["photo"]["shape"], json!("reconciled"));

    let late = rig.post(&lost.json_base64().signed());
    assert_eq!(late.told(), (200, "duplicate".to_owned()));
    rig.accepted(tried.binary());
    rig.delivered();
    assert_eq!((rig.odoo.attachments().len(), rig.odoo.messages().len()), (3, 3));
    let log = rig.daemon.log();
    assert!(log.contains("photo never came") && !log.contains(&session), "{log}");
    let named = rig.daemon.command(&["sessions", "reconcile", "--session", &session[..8]]);
    assert_eq!(named.status.code(), Some(1), "no such name");
}

#[test]
fn what_apertur_gave_up_while_we_were_down_is_in_odoo_after_the_start() {
    let (mut rig, session) = rig();
    rig.daemon.kill9();
    let photos = ["img_1", "img_2"].map(|image| rig.apertur.upload(&session, image));
    for photo in &photos {
        rig.remote(&photo.image_id, "failed");
    }
    rig.daemon.restart();
    look::eventually(std::time::Duration::from_secs(30), "both", || {
        (look::deliveries(&rig.daemon).len() == 2).then_some(())
    });
    rig.delivered();
    for photo in &photos {
        rig.once(photo);
    }
    assert_eq!((rig.odoo.attachments().len(), rig.odoo.messages().len()), (2, 2));
    look::assert_well(&rig.daemon);
}

#[test]
fn a_session_that_apertur_does_not_know_is_told_and_the_others_are_done() {
    let (rig, session) = rig();
    let photo = rig.apertur.upload(&session, "img_1");
    rig.remote("img_1", "failed");
    let create = ["sessions", "create", "--for", "odoo:res.partner:42", "--label", "gone"];
    assert!(rig.daemon.command(&create).status.success());
    rig.apertur.with(|api| api.sessions.all.truncate(1));
    let done = rig.daemon.command(&["sessions", "reconcile"]);
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert_eq!(done.status.code(), Some(69), "{out}{err}");
    assert!(out.contains("Apertur does not know it") && out.contains("gone"), "{out}");
    assert!(!out.contains(&session), "{out}");
    rig.delivered();
    rig.only(&photo);
}
