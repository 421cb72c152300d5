//! Sessions that forms make: one a form, written down before it is shown.

use std::{collections::BTreeMap, path::Path, time::Duration};

use apertur_bridge::{apertur::Apertur, config, http::Http, model::Mode};
use serde_json::json;

use super::site::{Site, form, name, target, text};
use crate::{daemon::SECRET, fakes::apertur::Reply, look::eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_makes_a_session_for_its_record_and_leads_to_it() {
    let site = Site::start().await;
    let page = site.contact();
    let shown = text(&site.get(&page));
    assert!(shown.contains("value=\"contact\" required checked"), "its own default: {shown}");
    let fields = [("mode", "internal"), ("max_images", "3"), ("hours", "4")];
    let key = form(&site.get(&page));
    let made = site.post(&page, &[&fields[..], &[("form", &key)]].concat());
    assert_eq!(made.status, 303, "{}", text(&made));
    let [own] = &site.sessions().await[..] else { panic!("one session") };
    assert_eq!((&own.target, own.mode), (&target("odoo:res.partner:42"), Some(Mode::Internal)));
    assert_eq!(own.destination, Some(name("erp")), "its photos go to no other Odoo's partner 42");
    let address = format!("{page}/{}", own.session.mark());
    assert_eq!(made.header("location"), Some(address.as_str()));
    let asked = site.apertur.with(|api| api.sessions.all[0].asked.clone());
    assert_eq!((&asked["max_images"], &asked["expires_in_hours"]), (&json!(3), &json!(4)));
    assert_eq!(asked["metadata"]["odoo"]["mode"], "internal");
    assert!(asked["destination_ids"].is_array());

    let link = own.link.as_ref().unwrap().reveal();
    let view = text(&site.get(&address));
    for part in [
        format!("id=\"link\" type=\"text\" readonly value=\"{link}\""),
        format!("id=\"qr\" src=\"{address}/qr.svg\""),
        "Staff only".to_owned(),
        "class=\"badge\" title=\"This link is of Apertur’s sandbox".to_owned(),
        "mailto:?subject=Your%20photos&amp;body=".to_owned(),
    ] {
        assert!(view.contains(&part), "{part} is not in {view}");
    }
    let qr = site.get(&format!("{address}/qr.svg"));
    assert_eq!(qr.header("content-type"), Some("image/svg+xml"));
    assert!(text(&qr).contains("<svg"));
    // The record's page leads to it, and its id shows nowhere.
    let again = text(&site.get(&page));
    assert!(again.contains(&address) && again.contains("Still open for this record"), "{again}");
    assert!(!again.contains(link) && !view.replace(link, "").contains(own.session.reveal()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_sent_twice_makes_one_session() {
    let site = Site::start().await;
    let page = site.contact();
    let key = form(&site.get(&page));
    let send = || site.post(&page, &[("form", &key), ("mode", "contact")]);
    let both = std::thread::scope(|scope| {
        let both = [scope.spawn(send), scope.spawn(send)];
        both.map(|one| one.join().unwrap())
    });
    let third = send();
    for answer in [&both[1], &third] {
        assert_eq!((answer.status, answer.header("location")), (303, both[0].header("location")));
    }
    assert_eq!((site.at_apertur(), site.sessions().await.len()), (1, 1));
    // Another form makes another one.
    assert_ne!(Some(site.made(&page, "contact").as_str()), third.header("location"));
    assert_eq!(site.at_apertur(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_may_have_been_sent_before_makes_nothing() {
    let mut site = Site::start().await;
    let page = site.contact();
    let key = form(&site.get(&page));
    let other = form(&site.get(&site.link("odoo:res.partner:43", "erp")));
    let send = |site: &Site, key: &str, mode: &str| {
        let answer = site.post(&page, &[("form", key), ("mode", mode)]);
        assert_eq!(answer.status, 303, "{}", text(&answer));
        answer.header("location").unwrap().to_owned()
    };
    let stale = format!("{page}?said=stale");
    assert_eq!(send(&site, &other, "contact"), stale, "a form of another record");
    assert_eq!(send(&site, "rubbish", "contact"), stale);
    assert_eq!(send(&site, &key, "loud"), format!("{page}?said=invalid"));
    assert!(text(&site.get(&stale)).contains("Please choose again"));

    site.clock.step(Duration::from_secs(1));
    let text = format!("webhook.secrets = [\"{SECRET}\"]\n{}", site.apertur.settings());
    let loaded = config::load_from(Some((Path::new("c.toml"), &text)), &BTreeMap::new()).unwrap();
    let api = Apertur::new(Http::new().unwrap(), loaded.config.apertur, site.clock.clone());
    site.restarted(api.unwrap());
    assert_eq!(send(&site, &key, "contact"), stale, "of before the restart");
    assert_eq!((site.at_apertur(), site.sessions().await.len()), (0, 0));
    site.made(&page, "contact");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_cannot_be_written_down_is_shown_to_nobody() {
    let site = Site::start().await;
    let page = site.contact();
    let key = form(&site.get(&page));
    let refuse =
        "CREATE TRIGGER full BEFORE INSERT ON sessions BEGIN SELECT RAISE(FAIL, 'no'); END";
    let journal = rusqlite::Connection::open(site.home().join("journal.db")).unwrap();
    journal.execute_batch(refuse).unwrap();
    let answer = site.post(&page, &[("form", &key), ("mode", "contact")]);
    assert_eq!(answer.status, 503);
    let said = text(&answer);
    assert!(said.contains("could not be written down") && said.contains("Back to the record"));
    assert!(!said.contains("u.example.com"), "{said}");
    let left = site.apertur.with(|api| api.sessions.all[0].expires_at);
    let left = left.duration_since(site.clock.now()).as_mins();
    assert!(left <= 61, "{left} min: it was closed again");

    site.journal.close().await;
    let key = form(&site.get(&site.link("odoo:res.partner:42", "erp")));
    let answer = site.post(&page, &[("form", &key), ("mode", "contact")]);
    assert_eq!(answer.status, 503, "{}", text(&answer));
    assert_eq!(site.at_apertur(), 1, "what cannot be written down is not made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_apertur_does_not_make_is_said_with_the_next_step() {
    let site = Site::start().await;
    let page = site.contact();
    let send = || {
        let key = form(&site.get(&page));
        let answer = site.post(&page, &[("form", &key), ("mode", "contact")]);
        (answer.status, text(&answer))
    };
    site.apertur.with(|api| api.sessions.quota = Some(0));
    let (status, said) = send();
    assert!(status == 502 && said.contains("used up"), "{said}");
    assert!(said.contains("Monthly session quota exceeded"), "Apertur's own words: {said}");
    site.apertur.with(|api| api.sessions.quota = None);
    for (reply, status, part) in [
        (Reply::refused(401, "Invalid API key"), 502, "Tell your administrator"),
        (Reply::refused(429, "slow").header("retry-after", "100"), 503, "No link was made"),
        (Reply::refused(500, "Oops"), 503, "Nobody knows whether a link was made"),
        (Reply::json(201, &json!({})), 503, "Nobody knows whether a link was made"),
    ] {
        site.apertur.with(|api| api.next.extend([reply.clone(), reply.clone(), reply]));
        let (code, said) = send();
        assert!(code == status && said.contains(part), "{code} {said}");
        assert!(said.contains("Back to the record"), "{said}");
        site.apertur.with(|api| api.next.clear());
    }
    assert_eq!((site.at_apertur(), site.sessions().await.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_made_nothing_is_sent_again_and_one_that_may_have_is_not() {
    let site = Site::start().await;
    let page = site.contact();
    let key = form(&site.get(&page));
    let send = |key: &str| site.post(&page, &[("form", key), ("mode", "contact")]).status;
    site.apertur.with(|api| api.sessions.quota = Some(0));
    assert_eq!(send(&key), 502);
    site.apertur.with(|api| api.sessions.quota = None);
    assert_eq!((send(&key), site.at_apertur()), (303, 1), "the quota is gone");
    let key = form(&site.get(&page));
    site.apertur.with(|api| api.next.push_back(Reply::refused(500, "Oops")));
    assert_eq!((send(&key), send(&key)), (503, 503));
    assert_eq!(site.at_apertur(), 1);
    // Ten at once, of which three passed; who is not let through is not remembered.
    let keys: Vec<_> = (0..8).map(|_| form(&site.get(&page))).collect();
    let sent: Vec<_> = keys.iter().map(|key| send(key)).collect();
    assert_eq!(sent, [303, 303, 303, 303, 303, 303, 303, 429]);
    site.clock.step(Duration::from_secs(30));
    assert_eq!(send(&keys[7]), 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_stops_nobody() {
    let site = Site::start().await;
    let page = site.contact();
    let key = form(&site.get(&page));
    site.clock.set(site.clock.now().checked_sub(jiff::SignedDuration::from_hours(5)).unwrap());
    assert_eq!(site.post(&page, &[("form", &key), ("mode", "contact")]).status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_photos_nobody_posts_says_that_they_come_late() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "contact");
    assert!(!text(&site.get(&session)).contains("id=\"slow\""));
    let made = json!({"id": "s-2", "upload_url": "https://u.example.com/s/s-2",
        "destinations": [{"id": "d-1", "type": "s3", "name": "a bucket"}]});
    site.apertur.with(|api| api.next.push_back(Reply::json(201, &made)));
    let session = site.made(&site.contact(), "contact");
    let html = text(&site.get(&session));
    assert!(html.contains("id=\"slow\"") && html.contains("may arrive late"), "{html}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_takes_long_is_on_the_page_of_its_record_later() {
    let site = Site::start().await;
    let page = site.contact();
    let key = form(&site.get(&page));
    let slow = Reply::refused(429, "slow").header("retry-after", "60");
    site.apertur.with(|api| api.next.push_back(slow));
    let answer = std::thread::scope(|scope| {
        let sent = scope.spawn(|| site.post(&page, &[("form", &key), ("mode", "contact")]));
        eventually(Duration::from_secs(10), "Apertur is asked", || {
            site.apertur.seen().last().filter(|seen| seen.status == 429).map(drop)
        });
        // Until whoever asked was told, and Apertur not asked again.
        while !sent.is_finished() {
            site.clock.step(Duration::from_millis(4_600));
            std::thread::sleep(Duration::from_millis(20));
            assert!(site.at_apertur() == 0 || sent.is_finished());
        }
        sent.join().unwrap()
    });
    assert!(answer.status == 503 && text(&answer).contains("Apertur takes its time"));
    site.clock.step(Duration::from_secs(60));
    eventually(Duration::from_secs(10), "it stands there", || {
        text(&site.get(&page)).contains("Still open").then_some(())
    });
    assert_eq!(site.at_apertur(), 1);
}
