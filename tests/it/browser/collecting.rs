//! The collect page as clerks and agents use it: in their language, size and colours, by pointer
//! and keyboard, with scripts and without, from the way in to the photo on the record.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Browser, ENTER, TAB, Window};
use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, FakeApertur, WEBHOOK_DESTINATION, Way},
        freshworks::{FakeFreshworks, KEY, Product},
        odoo::FakeOdoo,
    },
    look,
    servers::free_port,
};

const PASSWORD: &str = "open the page";
const SPACE: &str = " ";

/// A daemon with a collect page for the records of an Odoo and the tickets of a Freshdesk.
struct Shop {
    odoo: FakeOdoo,
    desk: FakeFreshworks,
    apertur: FakeApertur,
    daemon: Daemon,
}

impl Shop {
    /// With more keys of `[collect]`.
    fn open(collect: &str) -> Self {
        let odoo = FakeOdoo::start(18);
        let desk = FakeFreshworks::start(Product::Freshdesk);
        let apertur = FakeApertur::start();
        let address = format!("127.0.0.1:{}", free_port());
        let text = format!(
            "{}session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n\
             [retry]\nfirst_delay = \"100ms\"\nmax_delay = \"200ms\"\nprobe_every = \"100ms\"\n\
             [server]\nlisten = \"{address}\"\npublic_url = \"http://{address}\"\n\
             [collect]\n{collect}\n\
             [destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
             username = \"bot@example.com\"\napi_key = \"odoo-key\"\n\
             [destination.desk]\ntype = \"freshdesk\"\nbase_url = \"{}\"\napi_key = \"{KEY}\"\n\
             writes_per_minute = 1000\n",
            apertur.settings(),
            odoo.url(),
            desk.url(),
        );
        let daemon = Daemon::start(Options::toml(text));
        Self { odoo, desk, apertur, daemon }
    }

    fn origin(&self) -> &str {
        self.daemon.url()
    }

    /// A signed link to the page of a record.
    fn link(&self, target: &str) -> String {
        let made = self.daemon.command(&["sessions", "link", "--for", target]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// The link that Apertur made for the newest session.
    fn made(&self) -> Value {
        let id = self.apertur.with(|api| api.sessions.all.last().unwrap().id.clone());
        json!({"id": id, "link": format!("https://u.example.com/s/{id}")})
    }

    /// A guest takes a photo in the newest session, and Apertur announces it.
    fn photo(&self, image: &str, filename: &str) {
        let session = self.made()["id"].as_str().unwrap().to_owned();
        let mut photo = self.apertur.upload(&session, image);
        filename.clone_into(&mut photo.filename);
        let event = photo.event("image.delivered", None).signed();
        let answered = apertur::post(self.origin(), &event).unwrap();
        assert_eq!(answered.told(), (200, "accepted".to_owned()));
    }

    /// Takes somebody from a record's page to that of a session, whose QR code, field and Apertur
    /// say the same.
    fn make(&self, browser: &Browser, mode: &str) {
        browser.click(&format!("#mode [value={mode}]"));
        browser.click("#create");
        browser.wait_for("#link");
        self.assert_shows_link(browser);
    }

    fn assert_shows_link(&self, browser: &Browser) {
        let link = self.made()["link"].clone();
        assert_eq!(browser.run("return document.getElementById('link').value"), link);
        assert_eq!(browser.qr("#qr").as_deref(), link.as_str());
    }
}

/// The language that a page says it is in, and its first words.
fn speaks(browser: &Browser) -> (String, String) {
    let tag = browser.run("return document.documentElement.lang");
    (tag.as_str().unwrap().to_owned(), browser.texts("header p")[0].clone())
}

fn said(tag: &str, words: &str) -> (String, String) {
    (tag.to_owned(), words.to_owned())
}

/// A link with other words under the same signature.
fn forged(link: &str, words: &str, others: &str) -> String {
    let (address, segment) = link.rsplit_once('/').unwrap();
    let (text, signature) = segment.split_once('.').unwrap();
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    assert!(text.contains(words), "{text}");
    format!("{address}/{}.{signature}", URL_SAFE_NO_PAD.encode(text.replace(words, others)))
}

#[test]
fn a_clerk_collects_photos_and_sees_them_land() {
    let shop = Shop::open(&format!("password = \"{PASSWORD}\""));
    let browser = Browser::open(Window::DESKTOP);
    browser.go(&format!("{}/collect?target=odoo:res.partner:42", shop.origin()));
    browser.screenshot("desktop-password");
    browser.fill("#password", PASSWORD);
    browser.press(ENTER);
    browser.wait_for("#create");
    assert_eq!(browser.text("h1"), "Anna Customer");
    assert_eq!(speaks(&browser), said("en", "Collect photos"));
    browser.click("summary");
    browser.assert_good(shop.origin());
    browser.screenshot("desktop-record");

    shop.make(&browser, "internal");
    browser.assert_good(shop.origin());
    browser.screenshot("desktop-session");
    browser.allow_clipboard(shop.origin());
    browser.click("#copy");
    assert_eq!(browser.run("return navigator.clipboard.readText()"), shop.made()["link"]);
    assert_eq!(browser.text("#copied[role=status]"), "Copied");
    assert_eq!(browser.text("#here"), "", "a desktop takes no photos");

    browser.run("window.stayed = true");
    shop.photo("img_1", "IMG_2041.jpg");
    browser.wait_for("#photos li[data-state=landed]");
    shop.apertur.api(Way::Slow(Duration::from_secs(5)));
    shop.photo("img_2", "a roof with a very long name that nobody reads to its end (front).jpg");
    browser.wait_for("#photos li[data-state=received]:nth-child(2)");
    browser.screenshot("desktop-progress");
    browser.wait_for("#photos li[data-state=landed]:nth-child(2)");
    assert_eq!(browser.run("return window.stayed"), true, "nothing was loaded again");
    assert_eq!(shop.odoo.attachments().len(), 2);
    browser.assert_good(shop.origin());

    browser.click("#close");
    browser.wait_for("main:not(:has(#qr, #link, #close))");
    browser.assert_good(shop.origin());
    browser.screenshot("desktop-closed");
    look::assert_well(&shop.daemon);
}

#[test]
fn an_agent_s_phone_shows_it_dark_in_french_and_sends_the_link() {
    let shop = Shop::open("");
    let browser = Browser::open(Window::PHONE.speaking("fr-CA,fr,en").dark());
    browser.go(&shop.link("freshdesk:17"));
    assert_eq!(speaks(&browser), said("fr", "Recueillir des photos"));
    browser.assert_good(shop.origin());
    browser.screenshot("phone-record");
    shop.make(&browser, "contact");
    browser.assert_good(shop.origin());
    browser.screenshot("phone-session");
    assert_eq!(browser.text("#here[rel='noopener noreferrer']"), "Ouvrir ici");
    let before = shop.desk.conversations(17).len();
    browser.click("#send");
    browser.wait_for("#said.good");
    assert_eq!(shop.desk.conversations(17).len(), before + 1);
    shop.photo("img_1", "IMG_2041.jpg");
    browser.wait_for("#photos li[data-state=landed]");
    assert_eq!(shop.desk.conversations(17).len(), before + 2);
    browser.assert_good(shop.origin());
    browser.screenshot("phone-progress");

    // With letters of twice the size, and the narrowest.
    browser.run("document.documentElement.style.fontSize = '200%'");
    assert_eq!(browser.overflow(), 0);
    browser.screenshot("phone-large");
    browser.become_window(Window::NARROW.speaking("fr"));
    browser.reload();
    browser.assert_good(shop.origin());
    assert_eq!(browser.qr("#qr").as_deref(), shop.made()["link"].as_str());
    browser.screenshot("narrow-session");
}

#[test]
fn without_a_script_everything_works_in_spanish() {
    let shop = Shop::open("");
    let browser = Browser::open(Window::NARROW.speaking("es-MX,es").without_script());
    browser.go(&shop.link("odoo:project.task:5"));
    assert_eq!(speaks(&browser), said("es", "Recoger fotos"));
    assert_eq!(browser.overflow(), 0);
    browser.screenshot("narrow-record");
    shop.make(&browser, "contact");
    assert_eq!(browser.text("#copy"), "", "what needs a script is not shown");
    browser.click("#send");
    browser.wait_for("#said.good");
    assert_eq!(shop.odoo.messages().len(), 1);
    shop.photo("img_1", "IMG_2041.jpg");
    browser.wait_for("#photos li[data-state=landed]");
    assert_eq!(browser.overflow(), 0);
    browser.screenshot("narrow-no-script");
    browser.click("#close");
    browser.wait_for("main:not(:has(#link))");
    assert_eq!(browser.requests_outside(shop.origin()), Vec::<String>::new());
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn the_keyboard_alone_is_enough_and_shows_where_it_is() {
    let shop = Shop::open("");
    let browser = Browser::open(Window::DESKTOP.dark());
    browser.go(&shop.link("odoo:res.partner:42"));
    let tab_to = |wanted: &str| {
        for _ in 0..12 {
            browser.press(TAB);
            let outline = "return getComputedStyle(document.activeElement).outlineStyle";
            let at = browser.focused();
            assert_ne!(browser.run(outline), "none", "{at}");
            if at == wanted {
                return;
            }
        }
        panic!("the tab key does not lead to {wanted}");
    };
    browser.press(TAB);
    browser.press(SPACE);
    let chosen = "return document.querySelector('#mode :checked').value";
    assert!(browser.run(chosen).is_string());
    tab_to("#create");
    browser.screenshot("desktop-dark-record");
    browser.press(ENTER);
    browser.wait_for("#link");
    shop.assert_shows_link(&browser);
    tab_to("#send");
    browser.screenshot("desktop-dark-session");
    browser.press(ENTER);
    browser.wait_for("#said");
    tab_to("#close");
    browser.press(ENTER);
    browser.wait_for("main:not(:has(#link))");
    browser.assert_good(shop.origin());
}

#[test]
fn a_link_that_is_forged_or_foreign_is_refused_in_the_language_of_the_browser() {
    let (shop, other) = (Shop::open(""), Shop::open(""));
    let link = shop.link("odoo:res.partner:42");
    let forged = forged(&link, "partner:42", "partner:43");
    let foreign = other.link("odoo:res.partner:42").replace(other.origin(), shop.origin());
    let by_name = format!("{}/collect?target=odoo:res.partner:42", shop.origin());
    let browser = Browser::open(Window::PHONE);
    for (url, languages, (tag, title), name) in [
        (&forged, "en", said("en", "This link does not work"), "refused-forged"),
        (&foreign, "fr", said("fr", "Ce lien ne fonctionne pas"), "refused-foreign"),
        (&by_name, "es", said("es", "Esta página no se puede abrir así"), "refused-no-password"),
    ] {
        browser.become_window(Window::PHONE.speaking(languages));
        browser.go(url);
        assert_eq!((speaks(&browser).0, browser.text("h1")), (tag, title));
        assert_eq!(browser.texts("form, #qr, #link"), Vec::<String>::new());
        // The one complaint is of the refusal itself.
        let complaints = browser.console();
        assert!(complaints.len() == 1 && complaints[0].contains("403"), "{complaints:?}");
        browser.assert_good(shop.origin());
        browser.screenshot(name);
    }
    browser.become_window(Window::PHONE);
    browser.go(&link);
    shop.apertur.with(|api| api.sessions.quota = Some(0));
    browser.click("#mode [value=internal]");
    browser.click("#create");
    browser.wait_for("main:not(:has(#create))");
    assert_eq!(shop.apertur.with(|api| api.sessions.all.len()), 0);
    browser.screenshot("refused-quota");
    drop(browser.console());
    browser.assert_good(shop.origin());
}
