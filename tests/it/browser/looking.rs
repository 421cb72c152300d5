//! A photo seen on its page, and what stands in its place.

use serde_json::{Value, json};

use super::{Browser, Window, operating::signed_in};
use crate::{
    console::keys,
    daemon::{Daemon, Options},
    fakes::apertur::{self, Photo},
    look,
};

const VISIT: &[u8] = include_bytes!("../../../fixtures/photos/site-visit.jpg");

/// With a photo that can be shown and one that cannot.
fn two() -> Daemon {
    let daemon = Daemon::start(Options::toml(keys("")));
    let mut shown = Photo::new("shown");
    shown.bytes = VISIT.to_vec();
    for photo in [shown, Photo::new("rubbish")] {
        let answer = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
        assert_eq!(answer.status, 200);
    }
    look::settled(&daemon, &["delivered"]);
    daemon
}

/// Width and height that the picture, or the words in its place, take on the page, and how far
/// below its beginning the facts begin.
fn place(browser: &Browser) -> [f64; 3] {
    let place = browser.run(
        "const [place, facts] = ['.picture', '#facts'] \
            .map(part => document.querySelector(part).getBoundingClientRect()); \
         return [place.width, place.height, facts.top - place.top]",
    );
    serde_json::from_value(place).unwrap()
}

fn natural(browser: &Browser) -> Value {
    browser.run(
        "const picture = document.querySelector('img.picture'); \
         return [picture.naturalWidth, picture.naturalHeight, picture.alt]",
    )
}

#[test]
fn a_photo_is_seen_on_its_page_and_leads_to_the_whole() {
    let daemon = two();
    let origin = daemon.console_url();
    for (name, window) in [("desktop", Window::DESKTOP), ("phone-dark", Window::PHONE.dark())] {
        let browser = signed_in(&daemon, window);
        browser.go(&format!("{origin}/photos/shown"));
        assert_eq!(natural(&browser), json!([240, 160, "shown.jpg"]));
        assert_eq!(browser.texts("#picture a[href='/photos/shown/bytes'] img").len(), 1);
        browser.assert_good(origin);
        browser.screenshot(&format!("console-photo-shown-{name}"));
        let there = place(&browser);
        browser.run("document.querySelector('img.picture').removeAttribute('src')");
        assert_eq!(place(&browser), there, "nothing jumps when it comes");
    }
}

#[test]
fn words_take_the_place_of_a_picture_that_does_not_come() {
    let daemon = two();
    let origin = daemon.console_url();
    let browser = signed_in(&daemon, Window::PHONE);
    browser.go(&format!("{origin}/photos/shown"));
    let there = place(&browser);
    browser.become_window(Window::PHONE.speaking("fr"));
    browser.go(&format!("{origin}/photos/rubbish"));
    browser.wait_for("p.picture");
    let words = "Cette photo ne peut pas être affichée ici.";
    assert_eq!(browser.text("#picture"), words);
    assert_eq!(place(&browser), there, "nothing jumps when it does not come");
    // The browser itself names what did not come.
    let said = browser.console();
    assert!(said.len() == 1 && said[0].contains("415"), "{said:?}");
    browser.reload();
    assert_eq!(browser.text("#picture"), words);
    browser.assert_good(origin);
    browser.screenshot("console-photo-none-phone-fr");
}
