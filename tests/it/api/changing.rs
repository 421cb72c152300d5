//! Verbs over the API: what they would do, what they do, who did it.

use serde_json::json;

use super::{OPERATE, Site, each, json};
use crate::look;

#[test]
fn what_a_dry_run_foresees_a_run_does_to_the_end_and_says_who_asked() {
    let site = Site::start();
    site.receive(&["a1", "a2", "a3"]);
    look::settled(&site.daemon, &["delivered"]);
    let filter = json!({"destination": "archive"});
    let dry = json!({"filter": filter, "dry_run": true});
    let (status, foreseen) = site.post("/deliveries/replay", &dry);
    assert_eq!((status, &foreseen["changes"], &foreseen["left"]), (200, &json!(0), &json!(3)));
    assert_eq!(foreseen["items"][0]["left"], "delivered");
    let forced = json!({"filter": filter, "dry_run": true, "force": true});
    assert_eq!(site.post("/deliveries/replay", &forced).1["changes"], 3);
    assert_eq!(each(&site.get("/runs"), "id"), Vec::<serde_json::Value>::new());

    let replay = json!({"filter": filter, "force": true});
    let answer = site.call(OPERATE, "POST", "/api/v1/deliveries/replay", Some(&replay));
    let run = json(&answer);
    let place = format!("/api/v1/runs/{}", run["id"]);
    assert_eq!((answer.status, answer.header("location")), (202, Some(place.as_str())));
    let done = site.done(&run);
    assert_eq!((&done["done"], &done["by"]), (&json!(3), &json!("ci")));
    assert_eq!((&done["verb"], &done["force"]), (&json!("replay"), &json!(true)));
    assert_eq!(done["filter"], filter);
    assert_eq!(each(&site.get("/runs"), "id"), [run["id"].clone()]);
    look::settled(&site.daemon, &["delivered"]);
    // It was there, and was found.
    assert_eq!(look::files(&site.daemon.dir().join("photos")).len(), 3);
}

#[test]
fn what_is_held_is_released_and_what_is_dropped_stays() {
    let site = Site::closed();
    site.receive(&["a1", "a2", "a3"]);
    site.paused(3);
    let hold = json!({"all": true, "reason": "the customer asked"});
    let held = site.done(&site.post("/deliveries/hold", &hold).1);
    assert_eq!((&held["done"], &held["reason"]), (&json!(3), &json!("the customer asked")));
    let list = site.get("/deliveries?state=held&error=operator");
    assert_eq!(each(&list, "id").len(), 3);
    let drop = json!({"filter": {"photo": "a2"}, "reason": "wrong record"});
    assert_eq!(site.done(&site.post("/deliveries/drop", &drop).1)["done"], 1);
    site.open();
    let release = json!({"filter": {"state": ["held"]}});
    assert_eq!(site.done(&site.post("/deliveries/release", &release).1)["done"], 2);
    look::settled(&site.daemon, &["delivered", "dropped"]);
    let dropped = site.get("/deliveries?state=dropped");
    assert_eq!(dropped["items"][0]["photo"]["id"], "a2");
    assert_eq!(look::files(&site.daemon.dir().join("disk/photos")).len(), 2);
}

#[test]
fn a_run_that_is_at_its_end_is_neither_stopped_nor_resumed() {
    let site = Site::start();
    site.receive(&["a1"]);
    let run = site.done(&site.post("/deliveries/hold", &json!({"all": true})).1);
    for verb in ["stop", "resume"] {
        let (_, after) = site.post(&format!("/runs/{}/{verb}", run["id"]), &json!({}));
        assert_eq!(after["state"], "done", "{verb}");
    }
}

#[test]
fn nothing_is_changed_without_saying_what_and_why() {
    let site = Site::start();
    site.receive(&["a1"]);
    for (verb, body, field) in [
        ("replay", json!({}), "filter"),
        ("hold", json!({"filter": {}}), "filter"),
        ("drop", json!({"filter": {}, "reason": "x"}), "filter"),
        ("drop", json!({"filter": {"photo": "a1"}, "reason": " "}), "reason"),
        ("hold", json!({"filter": {"photo": "a1"}, "reason": "a\nb"}), "reason"),
        ("replay", json!({"filter": {"state": ["lost"]}}), "state"),
        ("replay", json!({"filter": {"colour": "red"}}), "filter.colour"),
        ("release", json!({"all": true, "force": true}), "force"),
    ] {
        let path = format!("/api/v1/deliveries/{verb}");
        let answer = site.call(OPERATE, "POST", &path, Some(&body));
        let problem = json(&answer);
        assert_eq!((answer.status, &problem["field"]), (400, &json!(field)), "{verb} {body}");
    }
    let reasonless = json!({"filter": {"photo": "a1"}});
    let answer = site.call(OPERATE, "POST", "/api/v1/deliveries/drop", Some(&reasonless));
    assert_eq!(answer.status, 400);
    assert_eq!(each(&site.get("/runs"), "id"), Vec::<serde_json::Value>::new());
}
