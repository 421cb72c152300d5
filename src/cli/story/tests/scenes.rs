//! Every kind of story, as the daemon would have written it down.

use std::time::Duration;

use super::rig::{Rig, bytes, cause, name, receipt};
use crate::{
    journal::{Arrival, Bytes, DeliveryEnd, FetchEnd, Planned},
    model::{Cause, ErrorKind, Photo, PhotoId, Reason, Receipt, Shape, Verb},
};

/// All of them, by name.
pub(super) async fn all() -> Vec<(&'static str, Rig)> {
    vec![
        ("delivered", delivered().await),
        ("refused", refused().await),
        ("paused", paused().await),
        ("unrouted", unrouted().await),
        ("in-doubt", in_doubt().await),
        ("encrypted", encrypted().await),
        ("gave-up", gave_up().await),
        ("expired", expired().await),
        ("same-photo", same_photo().await),
        ("fallback", fallback().await),
        ("unsure", unsure().await),
        ("found", found().await),
        ("stray", stray().await),
        ("held-by-a-person", held_by_a_person().await),
        ("released", released().await),
        ("dropped", dropped().await),
        ("replayed", replayed().await),
        ("polled", polled().await),
        ("reconciled", reconciled().await),
        ("fetch-later", fetch_later().await),
        ("link-dead", link_dead().await),
        ("under-way", under_way().await),
        ("overdue", overdue().await),
        ("interleaved", interleaved().await),
    ]
}

fn busy() -> Cause {
    cause(ErrorKind::Unavailable, "Odoo cannot serve now: HTTP 503", "see why Odoo is down")
        .with_detail("Service Unavailable")
}

fn silent() -> Cause {
    let fix = "nothing; the next attempt looks before it sends";
    cause(ErrorKind::Timeout, "no answer from Odoo within 5 minutes", fix)
}

fn unreachable() -> Cause {
    let fix = "see that this machine reaches Apertur";
    cause(ErrorKind::Unreachable, "Apertur does not answer", fix).with_detail("connection refused")
}

fn gone() -> Cause {
    let fix = "restore the record in Odoo, or ask for the photo again in a session for another \
               record";
    cause(ErrorKind::NotFound, "Odoo has no project.task 42", fix)
        .with_detail("Record does not exist or has been deleted. (Record: project.task(42,))")
}

/// The usual: announced, fetched, delivered to a record.
pub(super) async fn delivered() -> Rig {
    let rig = Rig::new().await;
    let topic = Some("image.uploaded".to_owned());
    rig.announced(Photo { shape: Shape::Event, topic, ..rig.photo() }, &["erp"]).await;
    rig.step(40);
    rig.fetched(310, bytes()).await;
    rig.step(3);
    rig.attempt("erp", 420, DeliveryEnd::Delivered(receipt())).await;
    rig.step(300_000);
    rig
}

/// Only a person can help.
pub(super) async fn refused() -> Rig {
    let rig = Rig::new().await;
    rig.stored(rig.photo(), &["erp"]).await;
    rig.attempt("erp", 180, DeliveryEnd::Held { cause: gone() }).await;
    rig.step(7_500_000);
    rig
}

/// The destination as a whole does not work.
pub(super) async fn paused() -> Rig {
    let rig = Rig::new().await;
    let fix = "make a new API key in Odoo and put it in place of the old one";
    let cause = cause(ErrorKind::Unauthorized, "Odoo refuses the login", fix);
    rig.stored(rig.photo(), &["erp"]).await;
    rig.attempt("erp", 60, DeliveryEnd::Broken { cause: cause.clone() }).await;
    rig.pause("erp", cause).await;
    rig.step(1_800_000);
    rig
}

async fn unrouted() -> Rig {
    let rig = Rig::new().await;
    rig.stored(Photo { target: None, tags: Vec::new(), ..rig.photo() }, &[]).await;
    rig.step(60_000);
    rig
}

async fn in_doubt() -> Rig {
    let rig = Rig::new().await;
    let photo = rig.photo();
    let what = "what is signed names odoo:project.task:42, and a header that nobody signed names \
                session~01234567, which is for odoo:project.task:43";
    let fix = "look at the photo: if it belongs to odoo:project.task:42, `apertur-bridge \
               deliveries replay` sends it there; else ask for it again in a session for its \
               record";
    let held = Some(cause(ErrorKind::Unrouted, what, fix));
    let plan = vec![Planned { destination: None, target: photo.target.clone(), mode: None }];
    let arrival = Arrival { photo, bytes: Bytes::Stored, plan, held, is_doubtful: true };
    rig.journal.accept(arrival).await.unwrap();
    rig.step(60_000);
    rig
}

async fn encrypted() -> Rig {
    let rig = Rig::new().await;
    rig.announced(rig.photo(), &["erp"]).await;
    let fix = "add the project's private key to apertur.e2e_private_keys, then replay the photo";
    let what = "the photo is end-to-end encrypted and no key opens it";
    let cause = cause(ErrorKind::Encrypted, what, fix);
    rig.fetched(250, FetchEnd::Held { cause }).await;
    rig.step(60_000);
    rig
}

async fn gave_up() -> Rig {
    let rig = Rig::new().await;
    rig.stored(rig.photo(), &["erp"]).await;
    for _ in 0..5 {
        rig.attempt("erp", 90, rig.later(60_000, busy())).await;
        rig.step(60_000);
    }
    let what = "gave up after 3days; the last failure: Odoo cannot serve now: HTTP 503";
    let cause = cause(ErrorKind::GaveUp, what, "see why Odoo is down; then replay it");
    rig.attempt("erp", 90, DeliveryEnd::Held { cause }).await;
    rig.step(60_000);
    rig
}

async fn expired() -> Rig {
    let rig = delivered().await;
    rig.step(8 * 86_400_000);
    let now = rig.clock.now();
    assert_eq!(rig.journal.expire_bytes(now, 10).await.unwrap().len(), 1);
    rig
}

async fn same_photo() -> Rig {
    let rig = Rig::new().await;
    let copy = PhotoId::of_bytes(&rig.photo().sha256.unwrap(), rig.photo().target.as_ref());
    let first = Photo { id: copy, shape: Shape::Binary, filename: None, ..rig.photo() };
    rig.stored(first, &["erp"]).await;
    rig.attempt("erp", 300, DeliveryEnd::Delivered(receipt())).await;
    rig.step(2000);
    rig.stored(rig.photo(), &["erp"]).await;
    rig.step(60_000);
    rig
}

async fn fallback() -> Rig {
    let rig = Rig::new().await;
    let target = Some("zendesk:9".parse().unwrap());
    rig.stored(Photo { target, ..rig.photo() }, &["desk"]).await;
    let note = "written as an internal note: the ticket has no requester to write as";
    let receipt = Receipt {
        url: Some("https://acme.zendesk.com/agent/tickets/9".to_owned()),
        note: Some(note.to_owned()),
        ..Receipt::default()
    };
    rig.attempt("desk", 700, DeliveryEnd::Delivered(receipt.with("comment", 501))).await;
    rig.step(60_000);
    rig
}

async fn unsure() -> Rig {
    let rig = Rig::new().await;
    rig.stored(rig.photo(), &["erp"]).await;
    let at = rig.clock.after(Duration::from_secs(390));
    rig.attempt("erp", 300_000, DeliveryEnd::Unknown { at, cause: silent() }).await;
    rig.step(30_000);
    rig
}

async fn found() -> Rig {
    let rig = unsure().await;
    rig.step(60_000);
    rig.attempt("erp", 130, DeliveryEnd::Delivered(Receipt { found: true, ..receipt() })).await;
    rig.step(5000);
    rig
}

async fn stray() -> Rig {
    let rig = Rig::new().await;
    rig.stored(rig.photo(), &["erp", "gone"]).await;
    rig.attempt("erp", 200, DeliveryEnd::Delivered(receipt())).await;
    rig.step(86_400_000);
    rig.journal.hold_strays(&[name("erp")], rig.clock.now()).await.unwrap();
    rig.step(60_000);
    rig
}

async fn held_by_a_person() -> Rig {
    let rig = Rig::new().await;
    rig.announced(rig.photo(), &["erp"]).await;
    rig.step(2000);
    let reason = Reason::parse("the customer asked to wait").unwrap();
    rig.act(Verb::Hold { reason }).await;
    rig.step(60_000);
    rig
}

async fn released() -> Rig {
    let rig = unsure().await;
    rig.act(Verb::Hold { reason: Reason::default() }).await;
    rig.step(60_000);
    rig.act(Verb::Release).await;
    rig.step(1000);
    rig
}

async fn dropped() -> Rig {
    let rig = refused().await;
    rig.act(Verb::Drop { reason: Reason::parse("taken again as img_2").unwrap() }).await;
    rig.step(60_000);
    rig
}

async fn replayed() -> Rig {
    let rig = refused().await;
    rig.act(Verb::Replay { force: false }).await;
    rig.step(100);
    rig.attempt("erp", 400, DeliveryEnd::Delivered(receipt())).await;
    rig.step(100_000);
    rig.act(Verb::Replay { force: true }).await;
    rig.step(1000);
    rig
}

async fn polled() -> Rig {
    let rig = Rig::new().await;
    let photo = Photo { shape: Shape::Polled, scheme: None, tags: Vec::new(), ..rig.photo() };
    rig.stored(photo, &["erp"]).await;
    rig.step(500);
    rig
}

async fn reconciled() -> Rig {
    let rig = Rig::new().await;
    let photo = Photo { shape: Shape::Reconciled, scheme: None, index: None, ..rig.photo() };
    rig.announced(photo, &["erp"]).await;
    rig.step(900);
    rig.fetch().await;
    rig.step(4000);
    rig
}

async fn fetch_later() -> Rig {
    let rig = Rig::new().await;
    rig.announced(Photo { size: None, ..rig.photo() }, &["erp", "archive"]).await;
    for _ in 0..3 {
        let at = rig.clock.after(Duration::from_secs(60));
        rig.fetched(20, FetchEnd::Later { at, cause: unreachable() }).await;
        rig.step(60_000);
    }
    let at = rig.clock.after(Duration::from_mins(2));
    rig.fetched(20, FetchEnd::Later { at, cause: unreachable() }).await;
    rig
}

async fn link_dead() -> Rig {
    let rig = fetch_later().await;
    rig.step(120_000);
    let what = "the photo could not be fetched within 1day";
    let fix = "see that this machine reaches Apertur, then replay the photo";
    rig.fetched(20, FetchEnd::Held { cause: cause(ErrorKind::GaveUp, what, fix) }).await;
    rig.step(60_000);
    rig
}

async fn under_way() -> Rig {
    let rig = Rig::new().await;
    rig.stored(rig.photo(), &["erp"]).await;
    rig.claim("erp").await;
    rig.step(8000);
    rig
}

async fn overdue() -> Rig {
    let rig = Rig::new().await;
    rig.stored(rig.photo(), &["erp"]).await;
    rig.step(3_600_000);
    rig
}

async fn interleaved() -> Rig {
    let rig = Rig::new().await;
    rig.stored(rig.photo(), &["erp", "archive"]).await;
    rig.attempt("erp", 90, rig.later(5000, busy())).await;
    let key = Receipt::default().with("key", "2026-11-21/img_1.jpg");
    rig.attempt("archive", 30, DeliveryEnd::Delivered(key)).await;
    rig.step(5000);
    rig.attempt("erp", 80, rig.later(10_000, busy())).await;
    rig.step(4000);
    rig
}
