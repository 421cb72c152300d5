//! The whole way with an Apertur that posts by itself: a session is made here, a guest uploads,
//! Apertur delivers as it is told to, and the photo is on its record, once.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::{Rig, desks::Desk, kind, sessions::id};
use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{
            Customer, FakeApertur, Format, Hook, Photo, Scheme, Signer, WEBHOOK_DESTINATION,
        },
        odoo::FakeOdoo,
    },
    look,
};

/// A daemon whose sessions go to a destination that posts to it like this.
fn rig(format: Format, signer: Signer, more: &str) -> Rig {
    let lines = format!("session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n{more}");
    let rig = Rig::on(FakeOdoo::start(18), &lines);
    rig.posts(format, signer);
    rig
}

impl Rig {
    /// How Apertur posts from now on.
    fn posts(&self, format: Format, signer: Signer) {
        self.apertur.bridge(WEBHOOK_DESTINATION, &self.daemon.webhook_url(), format, signer);
    }

    /// Waits until that many photos are delivered and nothing else is there.
    pub(super) fn delivered_all(&self, count: usize) {
        look::eventually(Duration::from_secs(30), &format!("{count} photos"), || {
            let all = look::deliveries(&self.daemon);
            let done = all.iter().filter(|one| one["state"] == "delivered").count();
            (all.len() == count && done == count).then_some(())
        });
    }

    /// What Apertur says of the photos of a session at the destination that posts.
    pub(super) fn standings(&self, session: &str) -> Vec<(String, u64)> {
        let status = self.apertur.with(|api| api.sessions.delivery_status(session)).unwrap();
        let files = status["files"].as_array().unwrap().iter();
        let told = |file: &Value| {
            let there = &file["destinations"][0];
            (there["status"].as_str().unwrap().to_owned(), there["attempts"].as_u64().unwrap())
        };
        files.map(told).collect()
    }
}

#[test]
fn every_shape_and_signature_brings_the_photo_to_the_record_of_its_session() {
    let rig = rig(Format::JsonBase64, Signer::default(), "");
    let mut photos = Vec::new();
    for (number, format) in Format::ALL.into_iter().enumerate() {
        for (turn, scheme) in Scheme::ALL.into_iter().enumerate() {
            let spelling = ["Aptr", "Apertur"][(number + turn) % 2];
            rig.posts(format, Signer { spelling, ..Signer::scheme(scheme) });
            let session = id(&rig.session(&["--mode", "internal"]));
            let photo = Photo::new(&format!("{number}-{turn}"));
            let photo = rig.apertur.photographed(&session, &photo);
            rig.apertur.work_off();
            let told = rig.standings(&session);
            assert_eq!(told, [("sent".to_owned(), 1)], "{format:?} {scheme:?}");
            photos.push(photo);
        }
    }
    rig.delivered_all(photos.len());
    for photo in &photos {
        let (attachment, message) = rig.once(photo);
        assert_eq!((attachment.res_model.as_str(), attachment.res_id), ("res.partner", 42));
        assert_eq!(message.subtype, "mail.mt_note");
    }
    assert_eq!(rig.odoo.attachments().len(), photos.len());
    look::assert_well(&rig.daemon);
}

#[test]
fn every_way_of_one_photo_at_once_attaches_it_once() {
    let rig = rig(Format::BOTH_TOPICS, Signer::default(), "");
    let url = rig.daemon.webhook_url();
    for method in ["hmac_sha256", "svix"] {
        let topics = ["project.upload.image.*", "project.session.created"];
        let asked = json!({"url": url, "topics": topics, "signatureMethod": method});
        rig.apertur.with(|api| api.sessions.hooks.push(Hook::create(1, &asked).unwrap()));
    }
    let session = id(&rig.session(&[]));
    let photo = rig.apertur.photographed(&session, &Photo::new("a"));
    rig.apertur.work_off();
    // Two topics, and of each event webhook session, upload and delivery.
    let posted = rig.apertur.with(|api| {
        let all = api.sessions.outbox.all.iter();
        all.map(|posting| (posting.status, posting.attempts)).collect::<Vec<_>>()
    });
    assert_eq!(posted, [("sent", 1); 8]);
    rig.delivered_all(1);
    rig.only(&photo);
}

#[test]
fn an_answer_that_is_lost_is_posted_again_and_attached_once() {
    for format in Format::ALL {
        let rig = rig(format, Signer::scheme(Scheme::Timestamped), "");
        rig.apertur.with(|api| api.sessions.outbox.lost_answers = 3);
        let session = id(&rig.session(&[]));
        let photo = rig.apertur.photographed(&session, &Photo::new("a"));
        rig.apertur.work_off();
        let [(status, attempts)] = &rig.standings(&session)[..] else { panic!() };
        assert!(status == "sent" && *attempts > 1, "{attempts}");
        rig.delivered_all(1);
        rig.only(&photo);
    }
}

#[test]
fn a_short_outage_is_bridged_by_retries_though_the_link_has_ended() {
    let mut rig = rig(Format::BOTH_TOPICS, Signer::default(), "");
    rig.apertur.with(|api| api.sessions.link_life = Duration::from_secs(100));
    let session = id(&rig.session(&[]));
    rig.daemon.kill9();
    let photo = rig.apertur.photographed(&session, &Photo::new("a"));
    rig.apertur.work();
    rig.apertur.clock.step(Duration::from_mins(1));
    rig.apertur.work();
    assert_eq!(rig.standings(&session), [("retrying".to_owned(), 2)]);
    rig.daemon.restart();
    rig.apertur.work_off();
    assert_eq!(rig.standings(&session), [("sent".to_owned(), 3)]);
    rig.delivered_all(1);
    rig.only(&photo);
    let ways: Vec<_> = rig.apertur.seen().iter().map(|seen| (seen.way, seen.status)).collect();
    assert!(ways.contains(&("link", 410)), "{ways:?}");
}

#[test]
fn an_encrypted_photo_is_attached_as_the_picture_that_it_is() {
    let customer = Customer::new();
    for format in Format::ALL {
        let mut rig = rig(format, Signer::default(), "");
        let session = id(&rig.session(&[]));
        let plain = Photo::new("a");
        let taken = rig.apertur.photographed(&session, &customer.seal(&plain));
        rig.apertur.work_off();
        assert_eq!(rig.standings(&session), [("sent".to_owned(), 1)], "acknowledged");
        assert_eq!(kind(&rig.held()), "encrypted", "{format:?}");
        assert_eq!(rig.odoo.attachments(), []);

        rig.daemon.stop();
        let text = fs::read_to_string(rig.daemon.config_path()).unwrap();
        let key = format!("[apertur]\ne2e_private_keys = ['''{}''']\n", customer.private_key());
        fs::write(rig.daemon.config_path(), text.replacen("[apertur]\n", &key, 1)).unwrap();
        rig.daemon.restart();
        assert_eq!(rig.replay(&["--state", "held"])["fetching"], 1);
        rig.delivered_all(1);
        rig.only(&Photo { image_id: taken.image_id, ..plain });

        for is_downgraded in [false, true] {
            rig.apertur.with(|api| api.sessions.is_downgraded = is_downgraded);
            let (code, _, err) = rig.sessions(&["show", &session]);
            assert_eq!((code, err.contains("without end-to-end encryption")), (0, is_downgraded));
        }
    }
}

#[test]
fn a_ticket_gets_the_photo_of_its_session_as_one_note() {
    super::desks::each(|desk: Desk| {
        let apertur = FakeApertur::start();
        let lines = format!("session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n");
        let text = format!("{}{lines}{}", apertur.settings(), desk.toml(""));
        let daemon = Daemon::start(Options::toml(text));
        let ticket = format!("{}:{}", desk.kind(), desk.ticket());
        let url = daemon.webhook_url();
        apertur.bridge(WEBHOOK_DESTINATION, &url, Format::BOTH_TOPICS, Signer::default());
        let create = ["sessions", "create", "--for", &ticket, "--mode", "agent", "--json"];
        let made = daemon.command(&create);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let session = id(&serde_json::from_slice(&made.stdout).unwrap());
        let photo = apertur.photographed(&session, &Photo::new("a"));
        apertur.work_off();
        look::settled(&daemon, &["delivered"]);
        desk.has_once(&photo, "agent");
    });
}

#[test]
fn whoever_has_no_secret_is_refused_until_the_webhook_is_switched_off() {
    let rig = rig(Format::JsonBase64, Signer::secret("a stranger's"), "");
    let asked = json!({"url": rig.daemon.webhook_url(), "topics": ["project.*"],
        "disableAfterFailures": 1, "maxRetries": 1});
    rig.apertur.with(|api| api.sessions.hooks.push(Hook::create(1, &asked).unwrap()));
    let session = id(&rig.session(&[]));
    rig.apertur.photographed(&session, &Photo::new("a"));
    rig.apertur.work_off();
    assert_eq!(rig.standings(&session), [("failed".to_owned(), 6)]);
    let error = rig.apertur.with(|api| api.sessions.outbox.all[1].last_error.clone());
    assert_eq!(error.as_deref(), Some("HTTP 401"));
    let hook = rig.apertur.with(|api| api.sessions.hooks[0].clone());
    assert_eq!((hook.failures, hook.disabled_at), (0, None), "that one has the secret");
}
