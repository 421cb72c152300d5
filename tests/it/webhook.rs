//! Bridges in a row: what one takes, the next one gets by webhook, whatever the format and the
//! scheme, and takes as if Apertur had sent it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use serde_json::Value;

use crate::{
    daemon::{Daemon, Options, SECRET},
    fakes::apertur::{self, Photo},
    look,
};

const QUICK: &str =
    "[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"200ms\"\nprobe_every = \"100ms\"\n";
const FORMATS: [&str; 3] = ["json_base64", "multipart", "binary"];
const SCHEMES: [&str; 3] = ["timestamped", "body", "svix"];

/// The section of a webhook that leads to another bridge.
fn to(name: &str, next: &Daemon, more: &str) -> String {
    let secret = if more.contains("secret") { "" } else { &format!("secret = \"{SECRET}\"\n") };
    format!(
        "[destination.{name}]\ntype = \"webhook\"\nurl = \"{}\"\n{secret}{more}\n",
        next.webhook_url()
    )
}

fn send(daemon: &Daemon, photo: &Photo) {
    let answer = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
    assert_eq!(answer.told(), (200, "accepted".to_owned()));
}

fn photo() -> Photo {
    let photo = Photo::of_size("img_1", 300_000).odoo("res.partner", 42, "internal");
    photo.tag("vip:gold").tag("room:é \"7\"")
}

/// Where the photos of a bridge without other destinations are.
fn kept(daemon: &Daemon) -> Vec<String> {
    look::digests(&daemon.dir().join("photos"))
}

#[test]
fn every_format_and_scheme_reaches_the_next_bridge_unchanged() {
    let mut nexts = Vec::new();
    let mut text = QUICK.to_owned();
    for format in FORMATS {
        for scheme in SCHEMES {
            let next = Daemon::start(Options::default());
            let more = format!("format = \"{format}\"\nsignature = \"{scheme}\"");
            text.push_str(&to(&format!("{format}-{scheme}"), &next, &more));
            nexts.push((format, scheme, next));
        }
    }
    let first = Daemon::start(Options::toml(text));
    let photo = photo();
    send(&first, &photo);
    assert_eq!(look::settled(&first, &["delivered"]).len(), nexts.len());
    for (format, scheme, next) in &nexts {
        let there = look::settled(next, &["delivered"]).remove(0);
        assert_eq!(kept(next), [photo.sha256()], "{format} {scheme}");
        let came = &there["photo"];
        assert_eq!(came["shape"], *format, "{came}");
        assert_eq!(came["scheme"], *scheme, "{came}");
        assert_eq!(came["image_id"], "img_1", "{came}");
        assert_eq!(came["index"], 0, "{came}");
        let of_first = &look::deliveries(&first)[0]["photo"];
        assert_eq!(came["session"], of_first["session"], "{came}");
        if *format == "binary" {
            continue;
        }
        assert_eq!(came["filename"], "img_1.jpg");
        let tags = |of: &Value| of["tags"].as_array().unwrap().clone();
        for tag in tags(of_first) {
            assert!(tags(came).contains(&tag), "{tag} {came}");
        }
        assert_eq!(there["target"], "odoo:res.partner:42", "{there}");
        if *format == "json_base64" {
            assert_eq!(came["id"], "img_1");
            assert_eq!(there["mode"], "internal", "{there}");
        }
    }
}

#[test]
fn a_repeat_is_known_by_the_next_bridge() {
    let next = Daemon::start(Options::default());
    let mut first = Daemon::start(Options::toml(format!("{QUICK}{}", to("next", &next, ""))));
    send(&first, &photo());
    look::settled(&first, &["delivered"]);
    let again = first.command(&["deliveries", "replay", "1", "--force", "--json"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let found = look::eventually(Duration::from_secs(20), "a second receipt", || {
        let delivery = look::settled(&first, &["delivered"]).remove(0);
        let answers = delivery["receipt"]["ids"].as_array()?.clone();
        answers.iter().any(|id| id["value"] == "200 duplicate").then_some(delivery)
    });
    assert_eq!(found["receipt"]["found"], true, "{found}");
    assert_eq!(kept(&next).len(), 1);
    first.stop();
    let log = first.log();
    assert!(!log.contains(SECRET) && !log.contains("5e551011"), "{log}");
}

#[test]
fn a_next_bridge_that_is_killed_gets_what_it_did_not_acknowledge() {
    let mut next = Daemon::start(Options::default());
    let first = Daemon::start(Options::toml(format!("{QUICK}{}", to("next", &next, ""))));
    next.kill9();
    let photos: Vec<_> = (0..5).map(|n| Photo::of_size(&format!("img_{n}"), 200_000)).collect();
    photos.iter().for_each(|photo| send(&first, photo));
    first.wait_for_log("no connection to the webhook");
    next.restart();
    assert_eq!(look::settled(&first, &["delivered"]).len(), 5);
    let mut sent: Vec<_> = photos.iter().map(Photo::sha256).collect();
    sent.sort();
    look::settled(&next, &["delivered"]);
    assert_eq!(kept(&next), sent);
}

#[test]
fn a_wrong_secret_pauses_the_destination_and_says_what_to_do() {
    let next = Daemon::start(Options::default());
    let section = to("next", &next, "secret = \"not-the-secret\"");
    let first = Daemon::start(Options::toml(format!("{QUICK}{section}")));
    send(&first, &photo());
    let line = first.wait_for_log("401");
    assert!(line.contains("`secret` and `signature`"), "{line}");
    let tested = first.command(&["destinations", "test", "next"]);
    let said = String::from_utf8_lossy(&tested.stdout);
    assert_eq!(tested.status.code(), Some(69), "{said}");
    assert!(said.contains("error: ping: the webhook answered 401"), "{said}");
    assert!(!first.log().contains("not-the-secret") && !said.contains("not-the-secret"));
    look::assert_untouched(&next);
    let paused = look::deliveries(&first).remove(0);
    assert!(paused["state"] == "due" || paused["state"] == "sending", "{paused}");
}

#[test]
fn a_test_sends_a_marked_picture_and_nothing_else() {
    let next = Daemon::start(Options::default());
    let first = Daemon::start(Options::toml(format!("{QUICK}{}", to("next", &next, ""))));
    let tested = first.command(&["destinations", "test", "next"]);
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.status.success(), "{said}");
    assert!(said.contains("200 ignored") && said.contains("200 accepted"), "{said}");
    let there = look::settled(&next, &["delivered"]);
    assert_eq!(there.len(), 1);
    let id = there[0]["photo"]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("apertur-bridge-test-") && said.contains(&id), "{id} {said}");
}

#[test]
fn a_photo_of_two_hundred_mebibytes_costs_no_more_memory_than_a_small_one() {
    const SIZE: usize = 200 * 1024 * 1024;
    let limit = "[server]\nlisten = \"127.0.0.1:0\"\nmax_body = \"300MiB\"\n";
    let next = Daemon::start(Options::toml(limit));
    let section = to("next", &next, "");
    let first = Daemon::start(Options::toml(format!("{limit}{QUICK}{section}")));
    let photo = Photo::of_size("img_big", SIZE);
    let answer = apertur::post(first.url(), &photo.binary().signed()).unwrap();
    assert_eq!(answer.told(), (200, "accepted".to_owned()));
    look::eventually(Duration::from_secs(120), "the photo sent on", || {
        look::states(&first).iter().all(|state| state == "delivered").then_some(())
    });
    let peak = first.peak_memory();
    assert!(peak < 32 * 1024, "peak {peak} KiB");
    look::settled(&next, &["delivered"]);
    assert_eq!(kept(&next), [photo.sha256()]);
}
