//! Deliveries that go wrong: nothing is lost, nothing is attached twice, and the ending says
//! what is to be done.

use std::time::{Duration, Instant};

use apertur_bridge::{
    destinations::{Destination, Item, Parcel, Progress, odoo::Api},
    model::{ErrorKind, Failure, Mode, Step},
    spool::SpooledFile,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    Lab, MOMENT, VERSIONS, delivery, destination, digest, ending, photo, to_contact, word,
};
use crate::fakes::odoo::{FakeOdoo, Fault, Seed, Switch, What};

fn once(on: &str, what: What) -> Fault {
    Fault { on: on.to_owned(), times: 1, what }
}

/// Every fault that can hit one call, and how a writing call then ends.
fn every() -> Vec<(What, &'static str)> {
    vec![
        (What::LoseAnswer, "unknown unavailable"),
        (What::CloseBefore, "unknown unavailable"),
        (What::HtmlStatus(500), "unknown unavailable"),
        (What::HtmlStatus(502), "unknown unavailable"),
        (What::HtmlStatus(504), "unknown timeout"),
        (What::HtmlStatus(408), "later timeout"),
        (What::HtmlStatus(429), "later rate_limited"),
        (What::HtmlStatus(413), "refused too_large"),
        (What::HtmlStatus(403), "broken unauthorized"),
        (What::HtmlStatus(404), "broken not_found"),
        (What::HtmlStatus(302), "broken protocol"),
        (What::MarshalNone, "unknown protocol"),
        (What::SerializationFailure, "later unavailable"),
        (What::OperationalError, "later unavailable"),
        (What::HalfAnswer, "unknown unavailable"),
        (What::Garbage, "unknown protocol"),
        (What::DeepXml(5_000), "unknown protocol"),
        (What::Huge(5_000_000), "unknown protocol"),
    ]
}

/// The calls of a delivery to a contact.
const CALLS: [&str; 3] = ["*.create", "*.message_post", "ir.attachment.search"];

/// After any fault on any call, going on as the sender does stores the photo exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn one_fault_anywhere_never_loses_or_doubles_a_photo() {
    let mut trials = tokio::task::JoinSet::new();
    for (version, on) in [16, 19].into_iter().flat_map(|v| CALLS.map(|on| (v, on))) {
        trials.spawn(async move {
            let lab = Lab::new(version);
            for (what, writing) in every() {
                recover(&lab, on, what, writing).await;
            }
        });
    }
    trials.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_never_loses_or_doubles_a_photo_on_any_version() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        for on in CALLS {
            recover(&lab, on, What::LoseAnswer, "unknown unavailable").await;
            recover(&lab, on, What::CloseBefore, "unknown unavailable").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_too_late_never_loses_or_doubles_a_photo() {
    let mut trials = tokio::task::JoinSet::new();
    for (version, on) in VERSIONS.into_iter().flat_map(|v| CALLS.map(|on| (v, on))) {
        let stall = What::Stall(Duration::from_secs(60));
        let lab = Lab::with(FakeOdoo::start(version), |settings| settings.timeout = MOMENT * 10);
        trials.spawn(async move { recover(&lab, on, stall, "unknown timeout").await });
    }
    trials.join_all().await;
}

async fn recover(lab: &Lab, on: &'static str, what: What, writing: &'static str) {
    let told = format!("{} {on} {what:?}", lab.destination.place());
    let (stored, _) = lab.counts();
    let photographed = delivery(&format!("img_{stored}"), "odoo:res.partner:42", None);
    lab.odoo.fault(once(on, what));
    let first = lab.send(&photographed, &photo()).await;
    let reads = on.contains("search");
    let wanted = if reads { writing.replace("unknown", "later") } else { writing.to_owned() };
    assert_eq!(ending(&first), wanted, "{told}");
    let found = if word(&first.unwrap_err()) == "unknown" {
        lab.destination.find(std::slice::from_ref(&photographed)).await.unwrap().remove(0)
    } else {
        None
    };
    if found.is_none() {
        lab.send(&photographed, &photo()).await.unwrap();
    }
    assert_eq!(lab.counts(), (stored + 1, stored + 1), "{told}");
    let last = lab.send(&photographed, &photo()).await.unwrap();
    assert!(last.found, "{told}");
    let attachment = lab.odoo.attachments().pop().unwrap();
    assert_eq!(attachment.sha256, digest(&photo()).to_hex(), "{told}");
    assert_eq!(lab.odoo.messages().pop().unwrap().attachment_ids, [attachment.id], "{told}");
}

#[tokio::test]
async fn faults_while_logging_in_are_never_a_photo_s_fault() {
    for version in VERSIONS {
        let log_in = if version == 19 { "res.users.context_get" } else { "authenticate" };
        // 19 is asked at a second place for its version.
        let first = if version == 19 { "done" } else { "broken unavailable" };
        for (on, what, wanted) in [
            ("*", What::CloseBefore, first),
            (log_in, What::CloseBefore, "broken unavailable"),
            (log_in, What::HtmlStatus(502), "broken unavailable"),
            (log_in, What::HtmlStatus(413), "broken too_large"),
            (log_in, What::OperationalError, "broken unavailable"),
            (log_in, What::Garbage, "broken protocol"),
        ] {
            let lab = Lab::new(version);
            let told = format!("{version} {on} {what:?}");
            lab.odoo.fault(once(on, what));
            assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), wanted, "{told}");
            let again = ending(&lab.send(&to_contact(), &photo()).await);
            assert_eq!(again, if wanted == "done" { "found" } else { "done" }, "{told}");
        }
    }
}

#[tokio::test]
async fn a_photo_for_what_is_not_there_is_refused_and_leaves_nothing() {
    for version in VERSIONS {
        let lab = Lab::with(FakeOdoo::start(version), |settings| {
            settings.models.push("res.country".to_owned());
        });
        for (target, wanted) in [
            ("odoo:res.partner:9999", "refused not_found"),
            ("odoo:project.task:6", "refused not_found"),
            ("odoo:res.country:20", "refused rejected"),
            ("odoo:res.users:7", "refused not_allowed"),
            ("zendesk:9", "refused unrouted"),
            ("", "refused unrouted"),
        ] {
            let sent = lab.send(&delivery("a", target, None), &photo()).await;
            assert_eq!(ending(&sent), wanted, "{version} {target}");
        }
        let sent = lab.send(&delivery("a", "odoo:helpdesk.ticket:77", None), &photo()).await;
        assert_eq!(word(&sent.unwrap_err()), "refused", "{version}");
        assert_eq!(lab.counts(), (0, 0), "{version}");
        lab.odoo.set(Switch::HelpdeskInstalled(true));
        let sent = lab.send(&delivery("a", "odoo:helpdesk.ticket:77", None), &photo()).await;
        assert_eq!(ending(&sent), "done", "{version}");
    }
}

#[tokio::test]
async fn a_model_that_is_not_allowed_costs_no_call_and_names_the_setting() {
    let lab = Lab::new(18);
    let sent = lab.send(&delivery("a", "odoo:res.users:7", None), &photo()).await;
    let fix = sent.unwrap_err().cause().fix.clone();
    assert_eq!(fix, "if they should, add \"res.users\" to `destination.erp.models`");
    assert!(lab.odoo.calls().is_empty());
}

#[tokio::test]
async fn a_key_that_is_revoked_breaks_the_destination_until_it_is_back() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "done");
        lab.odoo.set(Switch::KeyRevoked(true));
        let second = delivery("img_2", "odoo:res.partner:42", None);
        for _warm_then_cold in 0..2 {
            let sent = lab.send(&second, &photo()).await;
            assert_eq!(ending(&sent), "broken unauthorized", "{version}");
            let told = format!("{sent:?} {:?}", lab.destination);
            assert!(!told.contains("odoo-key"), "{told}");
        }
        lab.odoo.set(Switch::KeyRevoked(false));
        assert_eq!(ending(&lab.send(&second, &photo()).await), "done", "{version}");
        assert_eq!(lab.counts(), (2, 2));
    }
}

#[tokio::test]
async fn wrong_credentials_and_databases_are_broken() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let wrong = async |change: fn(&mut _)| {
            let destination = destination(&odoo.url(), change);
            let failure = destination.find(&[to_contact()]).await.unwrap_err();
            assert!(!failure.cause().fix.is_empty());
            format!("{} {}", word(&failure), failure.cause().kind)
        };
        assert_eq!(wrong(|settings| settings.secret = "no".into()).await, "broken unauthorized");
        let nobody = wrong(|settings| {
            settings.username = "nobody".to_owned();
            settings.api = Api::Xmlrpc;
        });
        assert_eq!(nobody.await, "broken unauthorized");
        let database = wrong(|settings| settings.database = "nodb".to_owned()).await;
        assert_eq!(database, "broken unavailable", "{version}");
        let json2 = wrong(|settings| {
            settings.api = Api::Json2;
            settings.secret = "no".into();
        });
        let wanted = if version == 19 { "broken unauthorized" } else { "broken not_found" };
        assert_eq!(json2.await, wanted);
    }
}

#[tokio::test]
async fn missing_rights_refuse_the_record_and_not_the_destination() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        lab.odoo.set(Switch::NoWriteOn("res.partner".to_owned()));
        let sent = lab.send(&to_contact(), &photo()).await;
        assert_eq!(ending(&sent), "refused forbidden", "{version}");
        assert_eq!(lab.counts(), (0, 0));
        let to_task = delivery("b", "odoo:project.task:5", None);
        assert_eq!(ending(&lab.send(&to_task, &photo()).await), "done", "{version}");
        lab.odoo.set(Switch::WriteOn("res.partner".to_owned()));
        assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "done", "{version}");
    }
}

#[tokio::test]
async fn a_database_that_stops_is_waited_for() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        lab.send(&to_contact(), &photo()).await.unwrap();
        lab.odoo.set(Switch::PostgresDown(true));
        let second = delivery("img_2", "odoo:res.partner:42", None);
        let warm = lab.send(&second, &photo()).await.unwrap_err();
        let cold = lab.send(&second, &photo()).await.unwrap_err();
        // JSON-2 cannot tell a stopped database from a wrong one.
        let wanted = if version == 19 { "broken" } else { "later" };
        assert_eq!((word(&warm), word(&cold)), (wanted, "broken"), "{version}");
        lab.odoo.set(Switch::PostgresDown(false));
        assert_eq!(ending(&lab.send(&second, &photo()).await), "done", "{version}");
    }
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again_and_nothing_doubles() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let port = odoo.port();
        let mut lab = Lab::with(odoo, |_| {});
        lab.send(&to_contact(), &photo()).await.unwrap();
        let stopped = std::mem::replace(&mut lab.odoo, FakeOdoo::start(version));
        let state = stopped.stop();
        let sent = lab.send(&to_contact(), &photo()).await;
        assert_eq!(ending(&sent), "later unreachable", "{version}");
        lab.odoo = FakeOdoo::start_on(version, Seed::from_state(state), port);
        assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "found", "{version}");
        assert_eq!(lab.counts(), (1, 1));
    }
}

#[tokio::test]
async fn a_user_without_email_keeps_one_attachment_and_posts_once_it_has_one() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        lab.odoo.set(Switch::UserWithoutEmail(true));
        let sent = ending(&lab.send(&to_contact(), &photo()).await);
        if version == 19 {
            assert_eq!(sent, "done");
            continue;
        }
        assert_eq!(sent, "refused rejected", "{version}");
        lab.odoo.set(Switch::UserWithoutEmail(false));
        assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "done", "{version}");
        assert_eq!(lab.counts(), (1, 1), "{version}");
    }
}

#[tokio::test]
async fn a_step_whose_attachment_was_deleted_is_done_again() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let mut stale = to_contact();
        stale.unsure = true;
        stale.steps = vec![Step { name: "attachment".to_owned(), value: "9999".to_owned() }];
        assert_eq!(lab.destination.find(std::slice::from_ref(&stale)).await, Ok(vec![None]));
        assert_eq!(ending(&lab.send(&stale, &photo()).await), "done", "{version}");
        assert_eq!(lab.counts(), (1, 1));
    }
}

/// The first attempt's work may commit after the second looked: of two attachments one stays.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_send_that_is_still_under_way_leaves_one_attachment() {
    for version in [16, 19] {
        let lab = Lab::new(version);
        let second = destination(&lab.odoo.url(), |_| {});
        lab.odoo.set(Switch::Slow(MOMENT));
        let mut unsure = to_contact();
        unsure.unsure = true;
        let path = lab.home.path().join("other");
        std::fs::write(&path, photo()).unwrap();
        let file = SpooledFile::at(path, photo().len() as u64, digest(&photo()));
        let parcel = Parcel { items: vec![Item { delivery: unsure.clone(), file }] };
        let progress = Progress(lab.steps.clone());
        let bytes = photo();
        let (one, two) =
            tokio::join!(lab.send(&unsure, &bytes), second.deliver(&parcel, &progress));
        assert_eq!(one.unwrap().ids[0], two.unwrap()[0].ids[0], "{version}");
        let created = lab.methods().iter().filter(|m| *m == "ir.attachment.create").count();
        assert_eq!((created, lab.counts().0), (2, 1), "{version}");
    }
}

#[tokio::test]
async fn an_attachment_of_another_length_is_never_taken_for_the_photo() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let mut short = to_contact();
        short.photo.size = Some(10);
        lab.send(&short, &photo()[..10]).await.unwrap();
        let sent = lab.send(&to_contact(), &photo()).await;
        assert_eq!(ending(&sent), "refused rejected", "{version}");
        let Err(Failure::Refused { cause }) = sent else { unreachable!() };
        assert!(cause.what.contains("with 10 bytes instead of"), "{cause}");
        let found = lab.destination.find(&[to_contact()]).await.unwrap_err();
        assert_eq!(found.cause().what, cause.what);
        assert_eq!(lab.counts(), (1, 1));
    }
}

#[tokio::test]
async fn a_slow_server_costs_no_more_than_the_limit() {
    let lab = Lab::with(FakeOdoo::start(18), |settings| settings.timeout = MOMENT);
    lab.odoo.set(Switch::Slow(Duration::from_secs(60)));
    let start = Instant::now();
    let failure = lab.send(&to_contact(), &photo()).await.unwrap_err();
    assert_eq!((word(&failure), failure.cause().kind), ("broken", ErrorKind::Timeout));
    assert!(start.elapsed() < MOMENT * 10);
}

#[tokio::test]
async fn a_photo_that_is_not_in_the_spool_is_not_sent() {
    let lab = Lab::new(18);
    let file = SpooledFile::at(lab.home.path().join("gone"), 3, digest(b"one"));
    let parcel = Parcel { items: vec![Item { delivery: to_contact(), file }] };
    let progress = Progress(lab.steps.clone());
    let failure = lab.destination.deliver(&parcel, &progress).await.unwrap_err();
    assert_eq!((word(&failure), failure.cause().kind), ("later", ErrorKind::Local));
    assert_eq!(lab.counts(), (0, 0));
}

/// nginx refuses a body by its announced length, before it has come.
#[tokio::test]
async fn a_proxy_that_refuses_the_size_at_once_is_heard() {
    let odoo = FakeOdoo::start(18);
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    let behind = odoo.port();
    let proxy = tokio::spawn(async move {
        while let Ok((guest, _)) = door.accept().await {
            tokio::spawn(pass_on(guest, behind));
        }
    });
    let lab = Lab::with(odoo, |settings| {
        settings.url = format!("http://{address}").parse().unwrap();
    });
    let sent = lab.send(&to_contact(), &vec![7; 3_000_000]).await;
    assert_eq!(ending(&sent), "refused too_large");
    assert!(sent.unwrap_err().cause().fix.contains("client_max_body_size"));
    assert_eq!(lab.counts(), (0, 0));
    proxy.abort();
}

async fn pass_on(mut guest: TcpStream, port: u16) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(guest.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    if length.is_some_and(|length| length.len() > 6) {
        let refusal = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        guest.write_all(refusal.as_bytes()).await?;
        guest.shutdown().await?;
        tokio::io::copy(&mut guest, &mut tokio::io::sink()).await?;
        return Ok(());
    }
    let mut odoo = TcpStream::connect(("127.0.0.1", port)).await?;
    odoo.write_all(&head).await?;
    tokio::io::copy_bidirectional(&mut guest, &mut odoo).await?;
    Ok(())
}

#[tokio::test]
async fn texts_in_another_language_change_no_decision() {
    for version in [16, 18, 19] {
        let lab = Lab::new(version);
        lab.odoo.set(Switch::Language("fr_FR".to_owned()));
        lab.odoo.set(Switch::NoWriteOn("res.partner".to_owned()));
        let internal = delivery("a", "odoo:res.partner:42", Some(Mode::Internal));
        assert_eq!(ending(&lab.send(&internal, &photo()).await), "refused forbidden");
    }
}
