//! Photos that wait for a person, and what becomes of them then.

use std::fs;

use serde_json::json;

use super::{Rig, kind, photo};
use crate::{
    fakes::{apertur::Photo, odoo::FakeOdoo},
    look,
};

#[test]
fn a_missing_record_holds_the_photo_until_it_is_made_and_replayed() {
    for version in [16, 18, 19] {
        let rig = Rig::new(version);
        let photo = Photo::new("img_1").odoo("res.partner", 4242, "internal");
        rig.accepted(photo.json_base64());
        let held = rig.held();
        assert_eq!(kind(&held), "not_found");
        assert!(held["cause"]["what"].as_str().unwrap().contains("res.partner 4242"));
        assert!(held["cause"]["fix"].as_str().unwrap().contains("replay"));
        assert!(rig.odoo.attachments().is_empty());

        rig.odoo.add_record("res.partner", 4242, "Late Customer");
        let done = json!({"done": 1, "fetching": 0, "routed": 0, "left": {}, "failed": 0});
        assert_eq!(rig.replay(&["--state", "held"]), done);
        rig.delivered();
        assert_eq!(rig.only(&photo).0.res_id, 4242);
        assert_eq!(rig.replay(&["img_1"])["left"], json!({"delivered": 1}));
    }
}

#[test]
fn a_forced_replay_finds_what_is_there() {
    let rig = Rig::new(18);
    let photo = photo();
    rig.accepted(photo.json_base64());
    rig.delivered();
    assert_eq!(rig.replay(&["img_1", "--force"])["done"], 1);
    look::eventually(std::time::Duration::from_secs(90), "found again", || {
        let story = look::story(&rig.daemon, "img_1");
        (story["deliveries"][0]["receipt"]["found"] == true).then_some(())
    });
    rig.only(&photo);
}

#[test]
fn a_photo_that_nobody_wants_is_visible_and_delivered_once_somebody_does() {
    let odoo = FakeOdoo::start(18);
    let route = |tag: &str| format!("[[route]]\nwhen = {{ tag = \"{tag}\" }}\nto = [\"erp\"]\n");
    let mut rig = Rig::with(odoo, &route("vip:*"));
    let photo = photo().tag("shop:7");
    rig.accepted(photo.json_base64());
    let held = rig.held();
    assert_eq!((kind(&held), &held["destination"]), ("unrouted", &json!(null)));
    let listed = rig.daemon.command(&["deliveries", "list", "--error", "unrouted"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("img_1") && listed.contains("no destination wants"), "{listed}");
    // Nothing changed: a replay leaves it where it is.
    assert_eq!(rig.replay(&["--all"])["left"], json!({"unrouted": 1}));
    assert_eq!(rig.held()["id"], held["id"]);

    assert!(rig.daemon.stop().success());
    let path = rig.daemon.config_path();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n{}", route("shop:*"))).unwrap();
    rig.daemon.restart();
    assert_eq!(rig.replay(&["--all"])["routed"], 1);
    rig.delivered();
    rig.only(&photo);
}

#[test]
fn a_second_event_names_the_record_that_the_first_one_lacked() {
    let rig = Rig::new(18);
    let photo = photo();
    let link = rig.apertur.keep("img_1", &photo.bytes);
    let bare = Photo::new("img_1");
    rig.accepted(bare.event("project.upload.image.uploaded", Some(&link)));
    assert_eq!(kind(&rig.held()), "unrouted");
    let named = photo.event("image.delivered", Some(&link)).signed();
    assert_eq!(rig.post(&named).told(), (200, "duplicate".to_owned()));
    assert_eq!(rig.delivered().len(), 1);
    rig.only(&photo);
}
