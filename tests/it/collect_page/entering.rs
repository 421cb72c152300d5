//! Who gets in, and who does not.

use std::time::Duration;

use super::site::{PASSWORD, Site, encoded, target, text};
use crate::fakes::apertur::Answer;

const MULTI: &str = "/collect?target=freshdesk:17";

fn refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", text(answer));
    assert!(text(answer).contains("This link does not work"), "{}", text(answer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_opens_the_page_of_its_record_once() {
    let site = Site::start().await;
    let mark = (7, "t0ken".to_owned(), target("odoo:res.partner:42"));
    site.erp.marks.lock().unwrap().push(mark);
    for (mark, token) in [("7", "forged"), ("8", "t0ken"), ("-7", "t0ken"), ("7", "")] {
        refused(&site.get(&site.entry(mark, token)));
    }
    assert_eq!(site.erp.count("redeem"), 2, "what cannot be a mark is not asked about");
    let open = &site.entry("7", "t0ken");
    for wrong in [
        open.replace("destination=erp", "destination=desk"),
        open.replace("key=", "key=A"),
        open.replace("key=", "no="),
        "/collect?mark=7&token=t0ken".to_owned(),
    ] {
        let answer = site.get(&wrong);
        assert_eq!(answer.status, 403);
        assert!(text(&answer).contains("odoo install-actions"), "{}", text(&answer));
    }
    assert_eq!(site.erp.count("redeem"), 2, "strangers are not listened to");
    let entered = site.get(open);
    assert_eq!(entered.status, 303);
    let address = entered.header("location").unwrap().to_owned();
    assert!(address.starts_with("/collect/") && !address.contains("t0ken"));
    let page = text(&site.get(&address));
    assert!(page.contains("<h1>Marc Demo</h1>") && page.contains("Contact 42"), "{page}");
    assert_eq!(site.erp.count("record"), 0, "the mark told its name");
    refused(&site.get(open));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_link_opens_one_record_until_it_expires() {
    let site = Site::start().await;
    let (contact, other) = (site.contact(), site.link("odoo:res.partner:43", "erp"));
    assert_eq!(site.get(&contact).status, 200);
    let session = site.made(&contact, "contact");
    let mark = session.rsplit('/').next().unwrap();
    let foreign = site.get(&format!("{other}/{mark}"));
    assert_eq!(foreign.status, 404);
    assert!(!text(&foreign).contains("u.example.com"), "{}", text(&foreign));
    for end in ["", "/qr.svg", "/progress"] {
        let answer = site.get(&format!("{other}/{mark}{end}"));
        assert_eq!(answer.status, 404, "{end}");
    }

    let (head, mac) = contact.split_once('.').unwrap();
    let (other_head, _) = other.split_once('.').unwrap();
    refused(&site.get(&format!("{other_head}.{mac}")));
    refused(&site.get(head));
    refused(&site.get("/collect/rubbish"));
    refused(&site.get(&site.link("odoo:res.partner:42", "desk")));
    refused(&site.get(&site.link("odoo:res.partner:42", "gone")));
    refused(&site.post(&format!("{other_head}.{mac}"), &[("mode", "contact")]));
    site.clock.step(Duration::from_mins(61));
    refused(&site.get(&contact));
    refused(&site.get(&session));
    assert_eq!(site.get(&format!("{session}/progress")).status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_once_and_opens_every_record() {
    let site = Site::start().await;
    let asked = text(&site.get(MULTI));
    assert!(asked.contains("type=\"password\"") && asked.contains("value=\"freshdesk:17\""));
    let wrong = site.post("/collect", &[("target", "freshdesk:17"), ("password", "sesame")]);
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, None));
    assert!(text(&wrong).contains("That is not the password"));

    let right = [("target", "freshdesk:17"), ("password", PASSWORD)];
    let entered = site.post("/collect", &right);
    assert_eq!(entered.status, 303, "{}", text(&entered));
    assert!(text(&site.get(entered.header("location").unwrap())).contains("Ticket 17"));
    let cookie = entered.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/collect", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let cookie = [("Cookie", cookie.split(';').next().unwrap())];
    let again = |path: &str| site.ask("GET", path, &cookie, "").status;
    assert_eq!(again("/collect?target=freshdesk:18"), 303);
    assert_eq!(again("/collect?target=odoo:res.partner:42"), 303);
    assert_eq!(again("/collect?target=ticket:17"), 303, "there is one type of help desk");
    assert_eq!(again("/collect?target=zendesk:9"), 404, "nobody knows its tickets");
    for unwritten in ["freshdesk:{{ticket.id}}", "rubbish", ""] {
        let target = encoded(&[("target", unwritten)]);
        let answer = site.ask("GET", &format!("/collect?{target}"), &cookie, "");
        assert_eq!(answer.status, 404, "{unwritten}");
        assert!(text(&answer).contains("This address names no record"), "{}", text(&answer));
    }
    let (name, value) = cookie[0].1.split_once('=').unwrap();
    let forged = format!("{name}=x{value}");
    let forged = site.ask("GET", MULTI, &[("Cookie", &forged)], "");
    assert_eq!(forged.status, 200, "asked again");
    site.clock.step(Duration::from_hours(12));
    assert_eq!(again(MULTI), 200, "asked again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_password_the_page_says_what_to_do() {
    let site = Site::with("").await;
    for answer in [site.get(MULTI), site.post("/collect", &[("target", "freshdesk:17")])] {
        assert_eq!(answer.status, 403);
        assert!(text(&answer).contains("[collect] password"), "{}", text(&answer));
    }
    assert_eq!(site.get(&site.contact()).status, 200);
}

/// Tries a password from an address.
fn guess(site: &Site, address: &str, password: &str) -> Answer {
    let body = encoded(&[("target", "freshdesk:17"), ("password", password)]);
    site.from(address, "POST", "/collect", &body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fails_often_waits_and_nobody_else() {
    let site = Site::start().await;
    let tries = |address, password| guess(&site, address, password);
    for _ in 0..30 {
        assert_eq!(tries("198.51.100.1", PASSWORD).status, 303, "what is right does not count");
    }
    for _ in 0..20 {
        assert_eq!(tries("198.51.100.1", "no").status, 403);
    }
    let throttled = tries("198.51.100.1", PASSWORD);
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("10")));
    assert!(throttled.header("set-cookie").is_none());
    // What a client writes into the header itself stands before the proxy's word.
    assert_eq!(tries("198.51.100.7, 198.51.100.1", PASSWORD).status, 429);
    assert_eq!(tries("198.51.100.2", PASSWORD).status, 303, "others are let in");
    site.clock.set(jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(tries("198.51.100.1", PASSWORD).status, 429, "a clock set back changes nothing");
    site.clock.step(Duration::from_secs(10));
    assert_eq!(tries("198.51.100.1", PASSWORD).status, 303);

    for n in 0..30 {
        let entry = site.entry(&format!("{}", n + 1), "x");
        let answer = site.from("198.51.100.1", "GET", &entry, "");
        assert_eq!(answer.status, if n < 20 { 403 } else { 429 });
    }
    assert_eq!(site.erp.count("redeem"), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_strangers_slow_everybody_down_and_keep_nobody_out() {
    let site = Site::start().await;
    for n in 0..100 {
        assert_eq!(guess(&site, &format!("203.0.113.{n}"), "no").status, 403);
    }
    let clerk = std::thread::scope(|scope| {
        let clerk = scope.spawn(|| guess(&site, "198.51.100.2", PASSWORD));
        while !clerk.is_finished() {
            site.clock.step(Duration::from_millis(100));
            std::thread::sleep(Duration::from_millis(20));
        }
        clerk.join().unwrap()
    });
    assert_eq!(clerk.status, 303, "{}", text(&clerk));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_systems_with_such_records_one_is_chosen() {
    let site = Site::with_second().await;
    let entered = guess(&site, "198.51.100.1", PASSWORD);
    let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap();
    let get = |path: &str| site.ask("GET", path, &[("Cookie", cookie)], "");
    let asked = get("/collect?target=odoo:res.partner:42");
    assert_eq!(asked.status, 200, "{}", text(&asked));
    let html = text(&asked);
    for part in ["In which system is the record?", "Contact 42", "https://desk.example.com"] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    for name in ["erp", "second"] {
        let path = format!("/collect?target=odoo%3Ares%2Epartner%3A42&destination={name}");
        assert!(html.contains(&path.replace('&', "&amp;")), "{html}");
        assert_eq!(get(&path).status, 303, "{name}");
    }
}
