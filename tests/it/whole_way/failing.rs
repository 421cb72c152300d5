//! An Odoo that is away, refuses, or loses its answers.

use std::time::Duration;

use serde_json::Value;

use super::{Rig, kind, photo};
use crate::{
    fakes::{
        apertur::{self, Photo},
        odoo::{FakeOdoo, Fault, Seed, Switch, What},
    },
    look,
};

fn photos(count: usize) -> Vec<Photo> {
    let photo = |n| Photo::new(&format!("img_{n}")).odoo("res.partner", 42, "internal");
    (0..count).map(photo).collect()
}

/// Waits until the destination is paused and gives its cause.
fn paused(rig: &Rig) -> Value {
    look::eventually(Duration::from_secs(20), "a pause", || {
        let listed = rig.daemon.command(&["destinations", "list", "--json"]);
        let rows: Value = serde_json::from_slice(&listed.stdout).unwrap();
        let pause = rows.as_array().unwrap().iter().find(|row| row["name"] == "erp").unwrap();
        pause["paused"].as_object().map(|pause| pause["cause"].clone())
    })
}

fn metric(rig: &Rig, line: &str) -> bool {
    let page = apertur::get(rig.daemon.console_url(), "/metrics").unwrap();
    String::from_utf8(page.body).unwrap().lines().any(|known| known == line)
}

/// Asserts that no photo spent an attempt but on what succeeded.
fn spent_one_each(all: &[Value]) {
    for delivery in all {
        assert_eq!(delivery["attempts"], 1, "{delivery}");
    }
}

#[test]
fn an_odoo_that_is_down_is_waited_for_and_costs_no_attempts() {
    let mut rig = Rig::new(18);
    let port = rig.odoo.port();
    let state = std::mem::replace(&mut rig.odoo, FakeOdoo::start(18)).stop();
    let photos = photos(5);
    for photo in &photos {
        rig.accepted(photo.json_base64());
    }
    assert_eq!(paused(&rig)["kind"], "unreachable");
    assert!(metric(&rig, "apertur_bridge_destination_paused{destination=\"erp\"} 1"));
    std::thread::sleep(Duration::from_millis(500));
    for delivery in look::deliveries(&rig.daemon) {
        assert_eq!((&delivery["state"], &delivery["attempts"]), (&"due".into(), &0.into()));
    }
    rig.odoo = FakeOdoo::start_on(18, Seed::from_state(state), port);
    spent_one_each(&rig.delivered());
    assert_eq!(rig.odoo.attachments().len(), 5);
    photos.iter().for_each(|photo| drop(rig.once(photo)));
    assert!(!metric(&rig, "apertur_bridge_destination_paused{destination=\"erp\"} 1"));
}

#[test]
fn a_wrong_key_and_a_stopped_database_pause_and_go_on_by_themselves() {
    for version in [16, 19] {
        for (on, off, expected) in [
            (Switch::KeyRevoked(true), Switch::KeyRevoked(false), "unauthorized"),
            (Switch::PostgresDown(true), Switch::PostgresDown(false), "unavailable"),
        ] {
            let rig = Rig::new(version);
            rig.odoo.set(on);
            let photos = photos(3);
            for photo in &photos {
                rig.accepted(photo.json_base64());
            }
            if expected == "unauthorized" {
                assert_eq!(paused(&rig)["kind"], expected, "{version}");
                assert!(rig.odoo.attachments().is_empty());
            } else {
                std::thread::sleep(Duration::from_millis(400));
            }
            rig.odoo.set(off);
            let all = rig.delivered();
            if expected == "unauthorized" {
                spent_one_each(&all);
            }
            photos.iter().for_each(|photo| drop(rig.once(photo)));
        }
    }
}

/// What can happen to a call; after the first five the work may be done.
const FAULTS: [What; 8] = [
    What::LoseAnswer,
    What::HalfAnswer,
    What::Garbage,
    What::MarshalNone,
    What::HtmlStatus(502),
    What::CloseBefore,
    What::SerializationFailure,
    What::OperationalError,
];

#[test]
fn a_lost_or_strange_answer_leaves_one_of_each() {
    std::thread::scope(|scope| {
        for version in [16, 17, 18, 19] {
            scope.spawn(move || one_of_each(version));
        }
    });
}

fn one_of_each(version: u32) {
    let rig = Rig::new(version);
    let mut photos = Vec::new();
    for on in ["ir.attachment.create", "*.message_post"] {
        for what in FAULTS {
            rig.odoo.fault(Fault { on: on.to_owned(), times: 2, what: what.clone() });
            let id = format!("img_{}", photos.len());
            let photo = Photo::new(&id).odoo("res.partner", 42, "contact");
            rig.accepted(photo.json_base64());
            let all = look::settled(&rig.daemon, &["delivered", "held"]);
            let last = all.last().unwrap();
            assert_eq!(last["state"], "delivered", "{version} {on} {what:?} {last}");
            rig.once(&photo);
            photos.push(photo);
        }
    }
    assert_eq!(rig.odoo.attachments().len(), photos.len());
    assert_eq!(rig.odoo.messages().len(), photos.len());
    photos.iter().for_each(|photo| drop(rig.once(photo)));
}

#[test]
fn what_odoo_refuses_for_good_is_held_with_its_words() {
    let rig = Rig::new(18);
    rig.odoo.set(Switch::NoWriteOn("res.partner".to_owned()));
    rig.accepted(photo().json_base64());
    let held = rig.held();
    assert_eq!(kind(&held), "forbidden");
    assert!(!held["cause"]["detail"].as_str().unwrap().is_empty());
    assert!(rig.odoo.attachments().is_empty());
    rig.odoo.set(Switch::WriteOn("res.partner".to_owned()));
    rig.replay(&["img_1"]);
    rig.delivered();
    rig.only(&photo());
}

#[test]
fn a_stop_in_the_middle_finishes_what_is_under_way_and_the_rest_goes_on_later() {
    let mut rig = Rig::new(18);
    rig.odoo.set(Switch::Slow(Duration::from_millis(150)));
    let photos = photos(6);
    for photo in &photos {
        rig.accepted(photo.json_base64());
    }
    look::eventually(Duration::from_secs(20), "an attempt under way", || {
        look::states(&rig.daemon).contains(&"sending".to_owned()).then_some(())
    });
    assert!(rig.daemon.stop().success());
    let states = look::states(&rig.daemon);
    assert!(!states.contains(&"sending".to_owned()), "{states:?}");
    assert!(states.contains(&"delivered".to_owned()), "{states:?}");
    rig.odoo.set(Switch::Slow(Duration::ZERO));
    rig.daemon.restart();
    spent_one_each(&rig.delivered());
    assert_eq!(rig.odoo.attachments().len(), 6);
    photos.iter().for_each(|photo| drop(rig.once(photo)));
}
