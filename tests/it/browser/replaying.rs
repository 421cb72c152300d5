//! "The photo is not there": found, understood, mended and replayed in the console, with a script
//! and without, one and fifty.

use std::time::Duration;

use super::{Browser, Window, operating::signed_in};
use crate::{
    console::keys,
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, Photo},
        odoo::{FakeOdoo, Switch},
    },
    look,
};

const VISIT: &[u8] = include_bytes!("../../../fixtures/photos/site-visit.jpg");

/// An Odoo that lets nobody write to its partners, and a daemon that was told to.
fn missing(photos: usize) -> (FakeOdoo, Daemon) {
    let odoo = FakeOdoo::start(18);
    odoo.set(Switch::NoWriteOn("res.partner".to_owned()));
    let daemon = Daemon::start(Options::toml(format!(
        "{}[destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        keys(""),
        odoo.url()
    )));
    for number in 0..photos {
        let id = format!("img_{number}");
        let mut photo = Photo::new(&id).odoo("res.partner", 42, "internal");
        // Its page shows it; what follows its end makes it another file.
        photo.bytes = [VISIT, id.as_bytes()].concat();
        let answer = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
        assert_eq!(answer.status, 200);
    }
    look::settled(&daemon, &["held"]);
    (odoo, daemon)
}

fn mend(odoo: &FakeOdoo) {
    odoo.set(Switch::WriteOn("res.partner".to_owned()));
}

/// From the first page to the story of the only photo that is held.
fn to_the_story(browser: &Browser) {
    browser.click("#attention [href='/deliveries?state=held']");
    browser.wait_for("#rows th a");
    browser.click("#rows th a");
    browser.wait_for("[data-verb=replay]");
}

#[test]
fn a_photo_that_is_missing_is_found_understood_mended_and_replayed() {
    for (name, window) in [("desktop", Window::DESKTOP), ("phone-dark", Window::PHONE.dark())] {
        let (odoo, daemon) = missing(1);
        let origin = daemon.console_url();
        let browser = signed_in(&daemon, window);
        assert!(browser.text("#attention").contains("1 delivery is held and needs you"));
        to_the_story(&browser);
        browser.assert_good(origin);
        browser.screenshot(&format!("console-story-held-{name}"));
        assert!(browser.text("#deliveries .why").contains("not allowed for this user"));
        mend(&odoo);
        browser.click("[data-verb=replay]");
        browser.wait_for("#deliveries [data-state=delivered]");
        browser.wait_for("#deliveries a.record");
        assert!(browser.text("#story").contains("replayed by console"));
        browser.assert_good(origin);
        browser.screenshot(&format!("console-story-delivered-{name}"));
        assert_eq!(odoo.attachments().len(), 1);
    }
}

#[test]
fn without_a_script_a_photo_is_replayed_just_as_well() {
    let (odoo, daemon) = missing(1);
    let browser = signed_in(&daemon, Window::NARROW.speaking("fr"));
    browser.become_window(Window::NARROW.speaking("fr").without_script());
    browser.reload();
    to_the_story(&browser);
    assert_eq!(browser.overflow(), 0);
    browser.screenshot("console-story-narrow-fr");
    mend(&odoo);
    browser.click("[data-verb=replay]");
    look::settled(&daemon, &["delivered"]);
    browser.reload();
    browser.wait_for("#deliveries a.record");
    assert_eq!((browser.overflow(), odoo.attachments().len()), (0, 1));
}

#[test]
fn fifty_are_replayed_after_a_preview() {
    let (odoo, daemon) = missing(50);
    mend(&odoo);
    let origin = daemon.console_url();
    let browser = signed_in(&daemon, Window::DESKTOP.dark());
    browser.click("#attention [href='/deliveries?state=held']");
    browser.wait_for("#all");
    browser.click("#all");
    browser.screenshot("console-deliveries-all");
    browser.click("#replay");
    browser.wait_for("#do");
    assert_eq!(browser.text("#changes"), "50 deliveries would be changed");
    browser.assert_good(origin);
    browser.screenshot("console-preview-desktop-dark");
    browser.click("#do");
    browser.wait_for("[data-run=done]");
    assert_eq!(browser.text("#how"), "50 of 50");
    browser.assert_good(origin);
    browser.screenshot("console-run-desktop-dark");
    browser.become_window(Window::NARROW);
    browser.reload();
    browser.assert_good(origin);
    browser.screenshot("console-run-narrow");
    look::settled(&daemon, &["delivered"]);
    browser.go(&format!("{origin}/runs"));
    browser.assert_good(origin);
    assert_eq!(odoo.attachments().len(), 50);
}

#[test]
fn a_list_keeps_its_rows_and_ticks_and_says_that_there_are_newer_ones() {
    let daemon = Daemon::start(Options::toml(keys("")));
    let receive = |id: &str| {
        let photo = Photo::new(id).json_base64().signed();
        assert_eq!(apertur::post(daemon.url(), &photo).unwrap().status, 200);
    };
    receive("img_1");
    look::settled(&daemon, &["delivered"]);
    let browser = signed_in(&daemon, Window::DESKTOP);
    browser.click(".menu [href='/deliveries']");
    browser.wait_for("[data-row]");
    browser.click("[data-row] input");
    browser.run("document.activeElement.blur()");
    receive("img_2");
    browser.wait_for("#news a");
    assert_eq!(browser.text("#news[role=status]"), "Newer deliveries: 1");
    assert_eq!(browser.texts("[data-row]").len(), 1, "nothing jumps");
    assert_eq!(browser.run("return document.querySelector('[data-row] input').checked"), true);
    browser.assert_good(daemon.console_url());
    browser.click("#news a");
    look::eventually(Duration::from_secs(30), "both", || {
        (browser.texts("[data-row]").len() == 2).then_some(())
    });
}
