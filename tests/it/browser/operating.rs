//! The console as operators use it: in their language, size and colours, by pointer and keyboard,
//! with scripts and without.

use std::time::Duration;

use super::{Browser, ENTER, TAB, Window};
use crate::{
    console::{PASSWORD, keys},
    daemon::{Daemon, Options},
    fakes::apertur::{FakeApertur, WEBHOOK_DESTINATION},
    look,
};

/// Every page there is, with a word for its picture.
const PAGES: [(&str, &str); 11] = [
    ("/", "overview"),
    ("/deliveries", "deliveries"),
    ("/deliveries?destination=erp", "deliveries-filtered"),
    ("/photos/img_2", "photo"),
    ("/deliveries/change?verb=drop&of=all", "change"),
    ("/runs", "runs"),
    ("/destinations", "destinations"),
    ("/sessions", "sessions"),
    ("/sessions/new", "sessions-new"),
    ("/configuration", "configuration"),
    ("/doctor", "doctor"),
];

/// Goes to the console and signs in.
pub(super) fn signed_in(daemon: &Daemon, window: Window) -> Browser {
    let browser = Browser::open(window);
    browser.go(daemon.console_url());
    browser.fill("#password", PASSWORD);
    browser.press(ENTER);
    browser.wait_for("#leave");
    browser
}

/// A photo comes in.
fn send(daemon: &Daemon, options: &[&str]) {
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/src/destinations/pixel.png");
    let sent = daemon.command(&[&["webhook", "send", photo], options].concat());
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
}

/// A daemon whose journal has photos: some delivered, one held.
fn busy() -> Daemon {
    let text = format!(
        "{}[apertur]\napi_key = \"aptr_test_0123\"\n[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n\
         [destination.erp]\ntype = \"odoo\"\nurl = \"http://127.0.0.1:9\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        keys("")
    );
    let daemon = Daemon::start(Options::toml(text));
    for (id, target) in
        [("img_1", "freshdesk:17"), ("img_2", "odoo:res.partner:42"), ("img_3", "zendesk:9")]
    {
        send(&daemon, &["--image-id", id, "--for", target]);
    }
    look::eventually(Duration::from_secs(30), "the folder's photos", || {
        let all = look::deliveries(&daemon);
        (all.iter().filter(|delivery| delivery["state"] == "delivered").count() >= 3).then_some(())
    });
    daemon.wait_for_log("paused");
    daemon
}

#[test]
fn every_page_of_the_console_is_good_in_every_window_and_language() {
    let daemon = busy();
    let browser = signed_in(&daemon, Window::DESKTOP);
    let languages = [("en", "en-US,en"), ("fr", "fr-CA,fr,en"), ("es", "es-MX,es")];
    for (path, name) in PAGES {
        for (size, window) in
            [("desktop", Window::DESKTOP), ("phone", Window::PHONE), ("narrow", Window::NARROW)]
        {
            for (colours, window) in [("light", window), ("dark", window.dark())] {
                for (tag, languages) in languages {
                    browser.become_window(window.speaking(languages));
                    browser.go(&format!("{}{path}", daemon.console_url()));
                    assert_eq!(browser.run("return document.documentElement.lang"), tag);
                    assert_eq!(browser.texts("h1").len(), 1, "{path}");
                    browser.assert_good(daemon.console_url());
                    if tag == "en" || (size, colours) == ("phone", "light") {
                        browser.screenshot(&format!("console-{name}-{size}-{colours}-{tag}"));
                    }
                }
            }
        }
        browser.become_window(Window::NARROW.without_script());
        browser.go(&format!("{}{path}", daemon.console_url()));
        assert_eq!(browser.overflow(), 0, "{path}");
    }
}

#[test]
fn somebody_signs_in_and_out_by_keyboard() {
    let daemon = Daemon::start(Options::toml(keys("")));
    let browser = Browser::open(Window::PHONE.dark());
    browser.go(&format!("{}/?span=week", daemon.console_url()));
    assert_eq!(browser.focused(), "#password");
    browser.assert_good(daemon.console_url());
    browser.screenshot("console-sign-in-phone-dark");
    browser.fill("#password", "wrong wrong");
    browser.press(ENTER);
    browser.wait_for("#wrong");
    browser.screenshot("console-sign-in-wrong");
    browser.fill("#password", PASSWORD);
    browser.press(ENTER);
    browser.wait_for("#leave");
    assert!(browser.address().ends_with("/?span=week"), "{}", browser.address());
    browser.press(TAB);
    assert_eq!(browser.text(".skip"), "Skip to the content");
    for _ in 0..2 {
        browser.press(TAB);
    }
    assert_eq!(browser.focused(), "#leave");
    browser.press(ENTER);
    browser.wait_for("#password");
    // The browser itself names the refusal.
    let said = browser.console();
    assert!(said.iter().all(|line| line.contains("403")), "{said:?}");
}

#[test]
fn a_page_keeps_itself_fresh() {
    let daemon = Daemon::start(Options::toml(keys("")));
    let browser = signed_in(&daemon, Window::DESKTOP);
    browser.run("window.stayed = true");
    assert_eq!(browser.text("[data-state=delivered] .number"), "0");
    send(&daemon, &["--image-id", "img_1"]);
    browser.wait_for("[data-state=delivered][data-some]");
    assert_eq!(browser.text("[data-state=delivered] .number"), "1");
    assert_eq!(browser.run("return window.stayed"), true, "nothing was loaded again");
    daemon.wait_for_log("signed in to the console");
}

#[test]
fn somebody_makes_a_session_shows_its_code_and_closes_it_on_a_phone() {
    let apertur = FakeApertur::start();
    let daemon = Daemon::start(Options::toml(format!(
        "{}{}session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n",
        keys(""),
        apertur.settings()
    )));
    let origin = daemon.console_url();
    let browser = signed_in(&daemon, Window::PHONE.speaking("fr"));
    browser.click(".menu [href='/sessions']");
    browser.wait_for("[href='/sessions/new']");
    browser.click("[href='/sessions/new']");
    browser.wait_for("#target");
    browser.fill("#target", "rubbish");
    browser.press(ENTER);
    browser.wait_for("#invalid");
    browser.screenshot("console-sessions-invalid-fr");
    browser.assert_good(origin);
    browser.fill("#target", "zendesk:9");
    browser.fill("#label", "Le toit");
    browser.press(ENTER);
    browser.wait_for("#qr");
    browser.assert_good(origin);
    browser.screenshot("console-session-phone-fr");
    assert_eq!(browser.text("h1"), "Le toit");
    let id = apertur.with(|api| api.sessions.all.last().unwrap().id.clone());
    assert_eq!(browser.qr("#qr"), Some(format!("https://u.example.com/s/{id}")));
    send(&daemon, &["--image-id", "img_1", "--session", &id]);
    browser.wait_for("#photos li [data-state=delivered]");
    browser.become_window(Window::DESKTOP.dark());
    browser.reload();
    browser.wait_for("#photos li");
    browser.assert_good(origin);
    browser.screenshot("console-session-desktop-dark");
    browser.click("#close");
    browser.wait_for("main:not(:has(#qr, #close))");
    browser.go(&format!("{origin}/sessions"));
    browser.assert_good(origin);
    browser.screenshot("console-sessions-desktop-dark");
}

#[test]
fn somebody_tests_the_destinations_without_a_script() {
    let daemon = busy();
    let browser = signed_in(&daemon, Window::NARROW.speaking("es"));
    browser.become_window(Window::NARROW.speaking("es").without_script());
    browser.go(&format!("{}/destinations", daemon.console_url()));
    browser.click("#erp button");
    browser.wait_for("#outcome.bad");
    assert_eq!(browser.text("h1"), "Prueba de erp");
    assert_eq!(browser.overflow(), 0);
    browser.screenshot("console-test-narrow-es");
    browser.become_window(Window::DESKTOP);
    browser.go(&format!("{}/destinations", daemon.console_url()));
    browser.click("#archive button");
    browser.wait_for("#outcome.good");
    browser.assert_good(daemon.console_url());
    browser.screenshot("console-test-desktop");
}

#[test]
fn somebody_has_everything_examined() {
    let daemon = busy();
    let browser = signed_in(&daemon, Window::DESKTOP.speaking("fr"));
    browser.go(&format!("{}/doctor", daemon.console_url()));
    browser.click("#examine");
    browser.wait_for("#outcome");
    browser.assert_good(daemon.console_url());
    browser.screenshot("console-doctor-desktop-fr");
    assert!(browser.texts("h2").contains(&"destination erp".to_owned()));
    assert!(browser.text("#outcome.bad").starts_with("Erreurs"));
}

#[test]
fn what_needs_a_person_is_said_on_every_page() {
    let daemon = busy();
    let browser = signed_in(&daemon, Window::DESKTOP);
    for path in ["/", "/sessions", "/configuration"] {
        browser.go(&format!("{}{path}", daemon.console_url()));
        let said = browser.text("#attention[role=status]");
        assert!(said.contains("erp is paused"), "{path}: {said}");
    }
    browser.click("#attention a");
    browser.wait_for("#erp .why");
    assert!(browser.address().ends_with("/destinations#erp"));
}
