//! What the pages show and do, and for whom.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    time::Duration,
};

use super::site::{ADMIN, OPERATE, PASSWORD, READ, Site, keys, text};
use crate::{
    daemon::{Daemon, Options, SECRET},
    look,
};

const LONG: Duration = Duration::from_secs(30);

/// What the configuration has that nobody may read.
const HIDDEN: [&str; 5] =
    ["odoo-key-hush", "hush-query", "hush-header", "hush-password", "hush-secret"];

/// With destinations that nobody reaches, full of secrets, and the folder.
fn secretive() -> Site {
    let toml = format!(
        "{}[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n\
         [destination.erp]\ntype = \"odoo\"\nurl = \"http://127.0.0.1:9\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key-hush\"\n\
         [destination.partner]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:9/in?key=hush-query\"\n\
         secret = \"hush-secret\"\n\
         headers = {{ Authorization = \"hush-header\" }}\n\
         [destination.share]\ntype = \"webdav\"\nurl = \"http://127.0.0.1:9/dav\"\n\
         username = \"bridge\"\npassword = {{ env = \"SHARE_PASSWORD\" }}\n\
         [[route]]\nwhen = {{ tag = \"vip:*\" }}\nto = [\"archive\", \"partner\", \"share\", \"erp\"]\n",
        keys("")
    );
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let env = vec![
        variable("SHARE_PASSWORD", "hush-password"),
        variable("APERTUR_BRIDGE__RETENTION__BYTES", "3d"),
    ];
    Site { daemon: Daemon::start(Options { toml, env }) }
}

#[test]
fn a_page_that_a_token_may_not_see_is_neither_offered_nor_shown() {
    let site = Site::start();
    for (secret, may) in [(READ, 0), (OPERATE, 1), (ADMIN, 2), (PASSWORD, 2)] {
        let user = site.user(secret);
        let menu = text(&user.get("/"));
        let pages = [("/configuration", 2), ("/doctor", 2), ("/destinations", 0), ("/sessions", 0)];
        for (path, needed) in pages {
            let answer = user.get(path);
            assert_eq!(answer.status, if may >= needed { 200 } else { 403 }, "{secret} {path}");
            assert_eq!(
                menu.contains(&format!("href=\"{path}\"")),
                may >= needed,
                "{secret} {path}"
            );
        }
        assert_eq!(text(&user.get("/destinations")).contains("/archive/test"), may >= 1);
        let tested = user.post("/destinations/archive/test", &[]);
        assert_eq!(tested.status, if may >= 1 { 200 } else { 403 }, "{secret}");
    }
}

#[test]
fn a_test_says_whether_a_destination_works_and_what_to_do() {
    let site = secretive();
    let user = site.user(OPERATE);
    let works = text(&user.post("/destinations/archive/test", &[]));
    assert!(works.contains("It works"), "{works}");
    let fails = text(&user.post("/destinations/erp/test", &[]));
    assert!(fails.contains("It does not work") && fails.contains("class=\"fix\""), "{fails}");
    assert_eq!(user.post("/destinations/nowhere/test", &[]).status, 404);
    assert_eq!(user.get("/destinations/archive/test").status, 405);
}

#[test]
fn an_examination_is_kept_when_its_browser_goes_away_and_runs_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = Site::of(&format!(
        "{}[destination.erp]\ntype = \"odoo\"\nurl = \"http://{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        keys(""),
        silent.local_addr().unwrap()
    ));
    let user = site.user(ADMIN);
    let page = || text(&user.get("/doctor"));
    assert!(!page().contains("id=\"underway\""));
    let form = format!("form={}", user.key());
    let (origin, cookie, length) = (site.origin(), &user.cookie, form.len());
    let host = origin.trim_start_matches("http://");
    let mut browser = TcpStream::connect(host).unwrap();
    let request = format!(
        "POST /doctor HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    browser.write_all(request.as_bytes()).unwrap();
    look::eventually(LONG, "an examination", || {
        Some(()).filter(|()| page().contains("id=\"underway\""))
    });
    drop(browser);
    // As the other side says nothing, a second look would wait for it, too.
    assert_eq!(user.post("/doctor", &[]).status, 303);
    let html = page();
    assert!(html.contains("id=\"underway\"") && html.contains("data-live-page"), "{html}");
    drop(silent);
    let html = look::eventually(LONG, "what was found", || {
        Some(page()).filter(|html| html.contains("id=\"outcome\""))
    });
    assert!(html.contains("destination erp") && !html.contains("id=\"underway\""), "{html}");
}

#[test]
fn the_configuration_is_shown_as_it_runs_and_without_its_secrets() {
    let site = secretive();
    let html = text(&site.user(ADMIN).get("/configuration"));
    for secret in HIDDEN.into_iter().chain([PASSWORD, READ, OPERATE, ADMIN, SECRET]) {
        assert!(!html.contains(secret), "{secret}");
    }
    let shown = |path: &str, value: &str, origin: &str| {
        let (table, name) = path.rsplit_once('.').unwrap();
        let (_, rest) = html.split_once(&format!("[{table}]<")).unwrap_or_else(|| panic!("{path}"));
        let (_, rest) = rest.split_once(&format!(">{name}</code>")).unwrap();
        let row = rest.split("</div>").next().unwrap();
        assert!(row.contains(value) && row.contains(origin), "{path}: {row}");
    };
    shown("destination.erp.url", "http://127.0.0.1:9", "line ");
    shown("destination.erp.api_key", "(hidden)", "line ");
    shown("destination.share.password", "env = &quot;SHARE_PASSWORD&quot;", "line ");
    shown("destination.partner.url", "(hidden)", "line ");
    shown("destination.partner.headers", "(hidden)", "line ");
    shown("webhook.secrets", "(hidden)", "line ");
    shown("retention.bytes", "3d", "APERTUR_BRIDGE__RETENTION__BYTES");
    shown("retention.rows", "90d", "default");
    shown("server.workers", "2", "default");
    assert!(html.contains("vip:*"), "routes are shown, too");
}

#[test]
fn a_reload_is_seen_as_far_as_it_is_in_force() {
    let toml = format!(
        "server = {{ listen = \"127.0.0.1:0\", workers = 1 }}\n{}\
         [destination.archive]\ntype = \"folder\"\npath = \"photos\"\n",
        keys("")
    );
    let site = Site::of(&format!("{toml}# [server]\n"));
    let user = site.user(ADMIN);
    assert_eq!(user.post("/destinations/second/test", &[]).status, 404);
    let file = site.daemon.config_path();
    let changed = std::fs::read_to_string(&file).unwrap().replace("workers = 1", "workers = 3");
    let second = "[destination.second]\ntype = \"folder\"\npath = \"more\"\n";
    std::fs::write(&file, format!("{changed}{second}")).unwrap();
    let reloaded = site.daemon.command(&["config", "reload"]);
    assert!(reloaded.status.success(), "{}", String::from_utf8_lossy(&reloaded.stderr));
    assert!(text(&user.get("/destinations")).contains("/destinations/second/test"));
    assert_eq!(user.post("/destinations/second/test", &[]).status, 200);
    let shown = text(&user.get("/configuration"));
    assert!(shown.contains("[destination.second]") && shown.contains("more"), "{shown}");
    let (_, workers) = shown.split_once("<code>workers</code>").unwrap();
    assert!(workers.contains("<code>1</code>") && !workers.contains("<code>3</code>"), "{workers}");
}
