//! The collect page of the built daemon: from a mark in Odoo to the photo on the record.

use std::time::Duration;

use serde_json::{Value, json};

use super::{QUICK, Rig, erp};
use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{Answer, FakeApertur, Photo, WEBHOOK_DESTINATION, get, raw},
        odoo::FakeOdoo,
    },
    look,
};

const PASSWORD: &str = "open sesame, please";

/// A daemon with a collect page that logs all there is to log.
fn rig() -> Rig {
    let (odoo, apertur) = (FakeOdoo::start(18), FakeApertur::start());
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://photos.example.com\"\n\
         [collect]\npassword = \"{PASSWORD}\"\n[log]\nlevel = \"trace\"\n\
         {}session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n{QUICK}{}",
        apertur.settings(),
        erp(&odoo, "odoo-key")
    );
    let daemon = Daemon::start(Options::toml(text));
    Rig { odoo, apertur, daemon }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", text(answer));
    answer.header("location").unwrap().to_owned()
}

impl Rig {
    fn see(&self, path: &str) -> String {
        let answer = get(self.daemon.url(), path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        text(&answer)
    }

    fn fill(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        raw(self.daemon.url(), request.as_bytes()).unwrap()
    }

    /// Opens the page of contact 42 by "Collect photos" in Odoo, as an administrator puts it there;
    /// gives its address and the mark's token.
    fn by_mark(&self) -> (String, String) {
        let key = self.daemon.dir().join("admin.key");
        std::fs::write(&key, "admin-key").unwrap();
        let key = ["--admin-key-file", key.to_str().unwrap()];
        let made = self.daemon.command(&[&["odoo", "install-actions"], &key[..]].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let address = self.odoo.collect(2, "res.partner", 42).unwrap();
        let open = address.strip_prefix("https://photos.example.com").unwrap();
        let (_, token) = open.split_once("&token=").unwrap();
        let page = location(&get(self.daemon.url(), open).unwrap());
        assert_eq!(get(self.daemon.url(), open).unwrap().status, 403, "once");
        (page, token.to_owned())
    }
}

fn form(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("{html}"));
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_mark_becomes_a_page_a_session_and_a_photo_on_the_record() {
    let rig = rig();
    let (page, _) = rig.by_mark();
    let shown = rig.see(&page);
    assert!(shown.contains("<h1>Anna Customer</h1>"), "{shown}");
    let key = form(&shown);
    let session = location(&rig.fill(&page, &[("form", &key), ("mode", "contact")]));
    let view = rig.see(&session);
    let id = rig.apertur.with(|api| api.sessions.all[0].id.clone());
    assert!(view.contains(&format!("value=\"https://u.example.com/s/{id}\"")), "{view}");

    let photo = rig.apertur.upload(&id, "img_1");
    rig.accepted(photo.event("image.delivered", None));
    let progress = format!("{session}/progress");
    look::eventually(Duration::from_secs(20), "the photo is on the record", || {
        let told: Value = serde_json::from_str(&rig.see(&progress)).unwrap();
        (told["photos"][0]["state"] == "landed").then_some(())
    });
    assert_eq!(rig.only(&photo).0.res_id, 42);
    assert!(rig.see(&session).contains("The photo is on the record."));

    let key = form(&rig.see(&session));
    let send = format!("{session}/send");
    let sent = location(&rig.fill(&send, &[("form", &key), ("language", "es")]));
    assert!(rig.see(&sent).contains("The link was sent."));
    let message = rig.odoo.messages().pop().unwrap();
    assert!(message.body.contains("Envíenos sus fotos aquí") && message.partner_ids == [42]);
    location(&rig.fill(&format!("{session}/close"), &[]));
    assert!(rig.see(&session).contains("The session is over."));
    look::assert_well(&rig.daemon);
}

#[test]
fn nothing_that_opens_a_page_is_in_the_log() {
    let mut rig = rig();
    let (page, token) = rig.by_mark();
    let key = form(&rig.see(&page));
    let session = location(&rig.fill(&page, &[("form", &key), ("mode", "internal")]));
    rig.see(&session);
    rig.see(&format!("{session}/progress"));
    let right = [("target", "odoo:res.partner:42"), ("password", PASSWORD)];
    let entered = rig.fill("/collect", &right);
    let cookie = entered.header("set-cookie").unwrap().to_owned();
    rig.fill("/collect", &[("target", "odoo:res.partner:42"), ("password", "wr0ng-guess")]);
    let made = rig.daemon.command(&["sessions", "link", "--for", "odoo:res.partner:43"]);
    let link = String::from_utf8(made.stdout).unwrap();
    rig.see(link.trim().strip_prefix("https://photos.example.com").unwrap());
    let id = rig.apertur.with(|api| api.sessions.all[0].id.clone());
    rig.daemon.stop();
    let log = rig.daemon.log();
    for fact in ["collect page opened", "session made", "collect page refused"] {
        assert!(log.contains(fact), "{log}");
    }
    let kept = std::fs::read_to_string(rig.daemon.dir().join("data/collect.key")).unwrap();
    let tail = |text: &str| text.trim().rsplit(['.', '/']).next().unwrap().to_owned();
    for secret in [
        &token,
        PASSWORD,
        "wr0ng-guess",
        &id,
        "u.example.com",
        kept.trim(),
        &key,
        &tail(&page),
        &tail(&link),
        cookie.split(['=', ';']).nth(1).unwrap(),
    ] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

#[test]
fn the_page_is_there_only_when_it_can_work() {
    let rig = Rig::new(18);
    for path in ["/collect", "/collect/x", "/collect/assets/x.css"] {
        assert_eq!(get(rig.daemon.url(), path).unwrap().status, 404, "{path}");
    }
    let made = rig.daemon.command(&["sessions", "link", "--for", "odoo:res.partner:42"]);
    let err = String::from_utf8_lossy(&made.stderr);
    assert_eq!(made.status.code(), Some(78), "{err}");
    assert!(err.contains("set server.public_url and apertur.api_key"), "{err}");
    assert!(!rig.daemon.dir().join("data/collect.key").exists());
}

#[test]
fn a_damaged_key_stops_the_page_alone() {
    let mut rig = rig();
    rig.daemon.kill9();
    std::fs::write(rig.daemon.dir().join("data/collect.key"), "rubbish").unwrap();
    rig.daemon.restart();
    assert_eq!(get(rig.daemon.url(), "/collect").unwrap().status, 404);
    let photo = Photo::new("img_1").odoo("res.partner", 42, "internal");
    rig.accepted(photo.event("image.delivered", None));
    rig.daemon.wait_for_log("there is no collect page");
}

#[test]
fn a_link_for_a_record_is_signed_for_as_long_as_is_asked() {
    let rig = rig();
    let link = |args: &[&str]| {
        let made = rig.daemon.command(&[&["sessions", "link"], args].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (made.status.code().unwrap(), text(&made.stdout), text(&made.stderr))
    };
    let (code, out, err) = link(&["--for", "odoo:res.partner:42", "--expires-in", "3d", "--json"]);
    assert_eq!(code, 0, "{err}");
    let made: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&made["target"], &made["destination"]),
        (&json!("odoo:res.partner:42"), &json!("erp"))
    );
    let until: jiff::Timestamp = made["expires_at"].as_str().unwrap().parse().unwrap();
    let hours = until.duration_since(jiff::Timestamp::now()).as_hours();
    assert!((71..=72).contains(&hours), "{hours}");
    let url = made["url"].as_str().unwrap().strip_prefix("https://photos.example.com").unwrap();
    assert!(rig.see(url).contains("Anna Customer"));
    for (args, part) in [
        (vec!["--for", "zendesk:9"], "no destination is configured that knows zendesk:9"),
        (vec!["--for", "odoo:res.partner:42", "--expires-in", "40d"], "at most 31 days"),
    ] {
        let (code, _, err) = link(&args);
        assert!(code == 2 && err.contains(part), "{err}");
    }
}

#[test]
fn a_form_that_never_ends_is_answered() {
    let rig = rig();
    let (page, _) = rig.by_mark();
    let started = std::time::Instant::now();
    let head = format!("POST {page} HTTP/1.1\r\nHost: bridge\r\nContent-Length: 100\r\n\r\nform=");
    let answer = raw(rig.daemon.url(), head.as_bytes()).unwrap();
    assert_eq!(answer.status, 400);
    assert!((8..20).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}
