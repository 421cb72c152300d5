//! The browser on small pages of our own: it is what its window says, it sees what is wrong with
//! a page, and nothing of it stays.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
    time::Duration,
};

use qrcode::{QrCode, render::svg};

use super::{Browser, ENTER, TAB, Window};
use crate::look;

/// What a page can know of the browser, written into it.
const MIRROR: &str = "<!doctype html><html lang=en><title>Mirror</title>\
    <meta name=viewport content='width=device-width'><link rel=icon href='data:,'>\
    <style>#dark{display:none} @media (prefers-color-scheme:dark){#dark{display:block}}</style>\
    <main><h1>Mirror</h1><p id=asked>{languages}</p><p id=dark>dark</p><p id=script></p></main>\
    <script>const touched = matchMedia('(pointer: coarse)').matches; document.getElementById(\
    'script').textContent = [navigator.languages, innerWidth, innerHeight, touched].join(' ')\
    </script>";

/// A page with whatever is asked for in its address.
const GOOD: &str = "<!doctype html><html lang=en><title>Good</title>\
    <meta name=viewport content='width=device-width'><link rel=icon href='data:,'>\
    <style>button{padding:1em}</style>\
    <main><h1>Good</h1><button id=one>One</button><button id=two>Two</button>\
    <form action='/other'><label>Name <input id=name name=name></label></form>{more}</main>\
    <script>document.getElementById('two').onclick = e => setTimeout(() => \
    e.target.outerHTML = '<p id=pressed>Pressed</p>', 100)</script>";

/// Serves every address with a page, until the test ends; gives the origin.
fn serve(page: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser opens connections that it does not use.
            drop(answer(&stream, &page));
        }
    });
    origin
}

/// Answers one request with the page made of its `Accept-Language`.
fn answer(mut stream: &TcpStream, page: &impl Fn(&str) -> String) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut languages = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("accept-language") => {
                value.clone_into(&mut languages);
            }
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    let page = page(&languages);
    let length = page.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{page}")
}

fn with(more: &str) -> String {
    let page = GOOD.replace("{more}", more);
    serve(move |_| page.clone())
}

#[test]
fn a_browser_is_to_a_page_what_its_window_says() {
    let origin = serve(|languages| MIRROR.replace("{languages}", languages));
    let browser = Browser::open(Window::PHONE.speaking("fr-CA,fr,en").dark());
    browser.go(&origin);
    assert_eq!(browser.text("#asked"), "fr-CA,fr;q=0.9,en;q=0.8");
    assert_eq!(browser.text("#script"), "fr-CA,fr,en 390 844 true");
    assert_eq!(browser.text("#dark"), "dark");
    browser.become_window(Window::DESKTOP.speaking("es"));
    browser.go(&origin);
    assert_eq!(browser.text("#asked"), "es");
    assert_eq!(browser.text("#script"), "es 1280 800 false");
    assert_eq!(browser.text("#dark"), "");
    browser.become_window(Window::DESKTOP.without_script());
    browser.reload();
    assert_eq!(browser.text("#script"), "");
}

#[test]
fn a_browser_sees_what_is_wrong_with_a_page_and_only_that() {
    let code = QrCode::new("https://u.example.com/1").unwrap();
    let code = code.render::<svg::Color<'_>>().min_dimensions(290, 290).build();
    let (_, code) = code.split_once("?>").unwrap();
    let good = with(&format!("<div id=qr style='width:290px'>{code}</div>"));
    let browser = Browser::open(Window::PHONE);
    browser.go(&good);
    browser.assert_good(&good);
    assert_eq!(browser.qr("#qr").as_deref(), Some("https://u.example.com/1"));
    assert_eq!(browser.qr("h1"), None);

    let bad = with(
        "<p style='width:700px;color:#aaa'>pale</p><img src='https://u.example.com/x.png' alt=''>\
         <script>console.error('oh')</script>",
    );
    for window in [Window::NARROW, Window::DESKTOP] {
        browser.become_window(window);
        browser.go(&bad);
        let wide = browser.overflow();
        assert_eq!(wide > 300, window.width == 320, "{wide}");
        let barriers = browser.barriers();
        assert!(barriers.len() == 1 && barriers[0].starts_with("color-contrast: <p"));
        assert_eq!(browser.requests_outside(&bad), ["https://u.example.com/x.png"]);
        let said = browser.console().join("\n");
        assert!(said.contains("\"oh\"") && said.contains("ERR_NAME_NOT_RESOLVED"), "{said}");
    }
}

#[test]
fn a_browser_is_used_by_hand_and_by_keyboard() {
    let origin = with("");
    let browser = Browser::open(Window::DESKTOP);
    browser.go(&origin);
    let stops = [(); 3].map(|()| {
        browser.press(TAB);
        browser.focused()
    });
    assert_eq!(stops, ["#one", "#two", "#name"]);
    browser.click("#two");
    browser.wait_for("#pressed");
    assert_eq!(browser.texts("button, #pressed"), ["One", "Pressed"]);
    browser.fill("#name", "Ada");
    browser.press(ENTER);
    assert_eq!(browser.address(), format!("{origin}/other?name=Ada"));
}

#[test]
fn a_browser_leaves_nothing_but_its_pictures() {
    let browser = Browser::open(Window::NARROW);
    browser.go(&with(""));
    browser.screenshot("selftest");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
    let picture = fs::read(folder.join("selftest.png")).unwrap();
    let (width, luma) = super::page::gray(&picture);
    assert!(width == 640 && luma.iter().any(|pixel| *pixel < 40), "{width}");
    let (home, family) = (browser.server.home().to_owned(), browser.server.family());
    let runs = |pid: &u32| !fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty();
    assert!(family.len() > 2 && family.iter().all(runs), "{family:?}");
    drop(browser);
    assert!(!home.exists());
    let ended = || (!family.iter().any(runs)).then_some(());
    look::eventually(Duration::from_secs(10), "the end of every process", ended);
}
