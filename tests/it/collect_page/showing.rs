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
    let claim = Claim {
        now: site.clock.now(),
        lease_until: site.clock.after(Duration::from_mins(1)),
        lease_more: Duration::ZERO,
        destination: DestinationName::parse("erp").unwrap(),
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
    assert_eq!(progress["summary"], "1 of 4 photos are on the record.");
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
    assert!(html.contains("Closed.") && !html.contains("u.example.com"), "{html}");
    assert!(!html.contains("id=\"qr\"") && !html.contains("id=\"close\""), "{html}");
    site.arrived("one", &id, Bytes::Stored).await;
    let done = || site.progress(&session)["done"].as_bool().unwrap();
    assert!(!done());
    site.clock.step(Duration::from_mins(10));
    assert!(!done(), "a photo is on its way");
    end(&site, |_| DeliveryEnd::Delivered(Receipt::default())).await;
    assert!(done());
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
        ("public", "Post on the record"),
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
    let closed = site.post(&close, &[]);
    assert_eq!(closed.header("location"), Some(format!("{session}?said=open").as_str()));
    let html = text(&site.get(&format!("{session}?said=open")));
    assert!(html.contains("the link still works") && html.contains("id=\"close\""), "{html}");
    assert_eq!(site.post(&close, &[]).header("location"), Some(session.as_str()));
    let left = site.apertur.with(|api| api.sessions.all[0].expires_at);
    assert!(left.duration_since(site.clock.now()).as_mins() <= 61);
}
