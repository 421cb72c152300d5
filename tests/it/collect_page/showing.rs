//! The page of a session: progress, sending, closing.

use std::time::Duration;

use apertur_bridge::{
    journal::{Bytes, Claim, DeliveryEnd},
    model::{Cause, DestinationName, ErrorKind, Failure, Receipt},
};
use serde_json::{Value, json};

use super::site::{Site, form, text};
use crate::fakes::apertur::Reply;

fn states(progress: &Value) -> Vec<&str> {
    let photos = progress["photos"].as_array().unwrap();
    photos.iter().map(|photo| photo["state"].as_str().unwrap()).collect()
}

/// Claims what is due at `erp` and ends it so.
async fn end(site: &Site, end: impl Fn(&str) -> DeliveryEnd) {
    end_at(site, "erp", end).await;
}

/// The same at a destination.
async fn end_at(site: &Site, destination: &str, end: impl Fn(&str) -> DeliveryEnd) {
    let claim = Claim {
        now: site.clock.now(),
        lease_until: site.clock.after(Duration::from_mins(1)),
        lease_more: Duration::ZERO,
        destination: DestinationName::parse(destination).unwrap(),
        limit: 10,
        photos_per_parcel: 1,
        parcel_size: 1,
        one_per_target: false,
        except: Vec::new(),
    };
    for parcel in site.journal.claim_deliveries(claim).await.unwrap() {
        let end = end(parcel[0].delivery.photo.id.as_str());
        site.journal.settle_delivery(&parcel[0], end, site.clock.now()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn photos_are_seen_from_their_arrival_to_the_record() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "contact");
    let id = site.sessions().await[0].session.clone();
    let none = site.progress(&session);
    assert_eq!(
        (&none["open"], &none["done"], states(&none).len()),
        (&json!(true), &json!(false), 0)
    );

    site.arrived("announced", &id, Bytes::Announced { url: None }).await;
    for photo in ["one", "late", "bad"] {
        site.arrived(photo, &id, Bytes::Stored).await;
    }
    let other = apertur_bridge::model::SessionId::parse("another").unwrap();
    site.arrived("foreign", &other, Bytes::Stored).await;
    assert_eq!(states(&site.progress(&session)), ["received", "sending", "sending", "sending"]);
    let cause = |kind| Cause::new(kind, "secret.internal is down", "see to it");
    end(&site, |photo| match photo {
        "one" => DeliveryEnd::Delivered(Receipt::default()),
        "late" => DeliveryEnd::Later {
            at: site.clock.after(Duration::from_mins(1)),
            cause: cause(ErrorKind::Unreachable),
            counts: true,
        },
        _ => DeliveryEnd::Held { cause: cause(ErrorKind::TooLarge) },
    })
    .await;
    let progress = site.progress(&session);
    assert_eq!(states(&progress), ["received", "landed", "delayed", "problem"]);
    assert_eq!(progress["summary"], "1 of 4 photos is on the record.");
    assert_eq!(progress["photos"][1]["title"], "Photo 2");
    assert_eq!(progress["photos"][1]["name"], "<b>one</b>.jpg");
    assert_eq!(progress["photos"][3]["cause"], "The photo is too large.");
    let html = text(&site.get(&session));
    assert!(html.contains("<li data-state=\"landed\">"), "{html}");
    assert!(html.contains("&lt;b&gt;one&lt;/b&gt;.jpg") && !html.contains("<b>"), "{html}");
    assert!(!html.contains("secret.internal") && !progress.to_string().contains("internal"));
    // Without a script the page looks again by itself.
    assert!(html.contains("<noscript><meta http-equiv=\"refresh\""), "{html}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_closed_and_watched_until_its_photos_rest() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "contact");
    let id = site.sessions().await[0].session.clone();
    let closed = site.post(&format!("{session}/close"), &[]);
    assert_eq!((closed.status, closed.header("location")), (303, Some(session.as_str())));
    let html = text(&site.get(&session));
    assert!(html.contains("The session is over.") && !html.contains("u.example.com"), "{html}");
    assert!(!html.contains("id=\"qr\"") && !html.contains("id=\"close\""), "{html}");
    site.arrived("one", &id, Bytes::Stored).await;
    // The page's own link is good for an hour.
    let session = || format!("{}/{}", site.contact(), id.mark());
    let done = || site.progress(&session())["done"].as_bool().unwrap();
    assert!(!done());
    site.clock.step(Duration::from_mins(70));
    assert!(!done(), "a photo is on its way");
    end(&site, |_| DeliveryEnd::Delivered(Receipt::default())).await;
    assert!(done());
    let session = session();
    let html = text(&site.get(&session));
    assert!(!html.contains("http-equiv=\"refresh\"") && !html.contains("data-progress"), "{html}");
    let page = text(&site.get(&site.contact()));
    assert!(!page.contains("Still open"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_sent_once_a_form_and_its_fate_is_told() {
    let site = Site::start().await;
    for (mode, label) in [
        ("contact", "Send to the customer"),
        ("public", "Post to the followers"),
        ("internal", "Note on the record"),
    ] {
        let session = site.made(&site.contact(), mode);
        let view = site.get(&session);
        assert!(text(&view).contains(label), "{}", text(&view));
        let key = form(&view);
        for _ in 0..2 {
            let sent = site.post(&format!("{session}/send"), &[("form", &key)]);
            let told = format!("{session}?said=sent");
            assert_eq!((sent.status, sent.header("location")), (303, Some(told.as_str())));
        }
        assert_eq!(site.erp.count(&format!("tell {mode}")), 1);
    }
    let session = site.made(&site.contact(), "contact");
    let send = || {
        let key = form(&site.get(&session));
        let sent = site.post(&format!("{session}/send"), &[("form", &key), ("language", "fr")]);
        text(&site.get(sent.header("location").unwrap()))
    };
    let cause = |kind| Cause::new(kind, "no", "");
    site.erp.fail(Failure::Unknown { cause: cause(ErrorKind::Timeout) });
    assert!(send().contains("It is not certain whether the link was sent"));
    site.erp.fail(Failure::Refused { cause: cause(ErrorKind::NotFound) });
    let said = send();
    assert!(said.contains("The link was not sent: The record is not there any more."), "{said}");
    // Five at once, then one a minute.
    assert!(send().contains("The system is busy"));
    let before = site.erp.count("tell");
    assert!(send().contains("The system is busy"));
    assert_eq!(site.erp.count("tell"), before);
    assert!(text(&site.get(&session)).contains("id=\"send\""), "the session still works");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_apertur_does_not_close_can_be_closed_again() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "contact");
    site.apertur.with(|api| api.next.push_back(Reply::refused(404, "Session not found")));
    let close = format!("{session}/close");
    let shown = || text(&site.get(&session));
    assert_eq!(site.post(&close, &[]).header("location"), Some(session.as_str()));
    for _ in 0..2 {
        let html = shown();
        assert!(html.contains("the link still works") && html.contains("id=\"close\""), "{html}");
    }
    // Guests may go on for as long as Apertur said.
    site.clock.step(Duration::from_mins(30));
    assert_eq!(site.progress(&session)["done"], false);
    assert_eq!(site.post(&close, &[]).header("location"), Some(session.as_str()));
    let html = shown();
    assert!(html.contains("The session is over.") && !html.contains("id=\"close\""), "{html}");
    let left = site.apertur.with(|api| api.sessions.all[0].expires_at);
    assert!(left.duration_since(site.clock.now()).as_mins() <= 61);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_reaches_no_customer_says_so_also_in_the_destination_s_own_mode() {
    let site = Site::start().await;
    site.made(&site.contact(), "contact");
    let mut own = site.sessions().await.remove(0);
    own.mode = None;
    let session = format!("{}/{}", site.contact(), own.session.mark());
    site.journal.keep_session(own).await.unwrap();
    *site.erp.note.lock().unwrap() = Some("nobody to notify".to_owned());
    let view = site.get(&session);
    assert!(text(&view).contains("Send to the customer"), "{}", text(&view));
    let sent = site.post(&format!("{session}/send"), &[("form", &form(&view))]);
    let told = format!("{session}?said=followers");
    assert_eq!(sent.header("location"), Some(told.as_str()));
    assert!(text(&site.get(&told)).contains("the record names no customer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_only_a_storage_gets_is_not_on_the_record() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "contact");
    let id = site.sessions().await[0].session.clone();
    site.arrived_for("one", &id, Bytes::Stored, &["archive"]).await;
    assert_eq!(states(&site.progress(&session)), ["sending"]);
    end_at(&site, "archive", |_| DeliveryEnd::Delivered(Receipt::default())).await;
    let progress = site.progress(&session);
    assert_eq!(states(&progress), ["stored"]);
    assert_eq!(progress["photos"][0]["standing"], "Stored, not on the record");
    assert_eq!(progress["summary"], "The photo is not on the record yet.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_link_and_end_are_there_when_the_record_s_system_is_not() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "contact");
    let down = || {
        site.clock.step(Duration::from_secs(61));
        site.erp.fail(super::site::down());
        text(&site.get(&session))
    };
    let html = down();
    assert!(html.contains("<h1>Marc Demo</h1>") && html.contains("id=\"qr\""), "{html}");
    let link = site.link("freshdesk:17", "desk");
    let session = site.made(&link, "internal");
    site.clock.step(Duration::from_secs(61));
    site.desk.name.lock().unwrap().clear();
    let html = text(&site.get(&session));
    assert!(html.contains("id=\"qr\"") && html.contains("id=\"close\""), "{html}");
    let closed = site.post(&format!("{session}/close"), &[]);
    assert_eq!(closed.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_name_of_a_file_shows_that_it_goes_on() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "contact");
    let id = site.sessions().await[0].session.clone();
    site.arrived(&"n".repeat(60), &id, Bytes::Stored).await;
    let name = site.progress(&session)["photos"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!((name.chars().count(), name.ends_with("n…")), (61, true), "{name}");
}
