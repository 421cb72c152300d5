//! Photos that no webhook brings: Apertur gave up on them while the bridge was away, or waits to
//! be asked.

use std::time::Duration;

use super::{Rig, sessions::id};
use crate::{
    fakes::{
        apertur::{Format, Photo, Signer, WEBHOOK_DESTINATION},
        odoo::FakeOdoo,
    },
    look,
};

#[test]
fn photos_that_apertur_gave_up_on_are_in_odoo_once_the_bridge_is_back() {
    for format in [Format::JsonBase64, Format::BOTH_TOPICS] {
        let lines = format!("session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n");
        let mut rig = Rig::on(FakeOdoo::start(18), &lines);
        let url = rig.daemon.webhook_url();
        rig.apertur.bridge(WEBHOOK_DESTINATION, &url, format, Signer::default());
        let sessions: Vec<_> = (0..3).map(|_| id(&rig.session(&[]))).collect();
        let before = rig.apertur.photographed(&sessions[0], &Photo::new("before"));
        rig.apertur.work_off();
        rig.delivered_all(1);

        rig.daemon.kill9();
        let mut photos: Vec<_> = sessions
            .iter()
            .flat_map(|session| ["a", "b"].map(|name| (session, format!("{session}-{name}"))))
            .map(|(session, name)| rig.apertur.photographed(session, &Photo::new(&name)))
            .collect();
        rig.apertur.work_off();
        for session in &sessions {
            let told = rig.standings(session);
            assert_eq!(told.iter().filter(|told| **told == ("failed".to_owned(), 6)).count(), 2);
        }

        rig.daemon.restart();
        photos.push(before);
        rig.delivered_all(photos.len());
        for photo in &photos {
            let (attachment, _) = rig.once(photo);
            assert_eq!(attachment.res_id, 42);
        }
        assert_eq!(rig.odoo.attachments().len(), photos.len());
        assert_eq!(rig.odoo.messages().len(), photos.len());

        // Somebody has Apertur deliver them after all.
        rig.apertur.with(|api| {
            let clock = api.sessions.clock.clone();
            for photo in &photos {
                api.sessions.outbox.redeliver(&photo.image_id, &clock);
            }
        });
        rig.apertur.work_off();
        assert_eq!(rig.delivered().len(), photos.len());
        assert_eq!(rig.odoo.attachments().len(), photos.len());
        look::assert_well(&rig.daemon);
    }
}

#[test]
fn a_photo_of_a_polled_session_is_attached_and_acknowledged() {
    let rig = Rig::on(FakeOdoo::start(18), "poll = true\n");
    let session = id(&rig.session(&["--password", "pass-word"]));
    let photo = Photo::new("a");
    let taken = rig.apertur.guest(&session, &photo, Some("pass-word"));
    assert_eq!(taken.status, 201);
    let taken: serde_json::Value = serde_json::from_slice(&taken.body).unwrap();
    assert_eq!(taken["long_polling"], true);
    let photo = Photo { image_id: taken["id"].as_str().unwrap().to_owned(), ..photo };
    look::eventually(Duration::from_secs(30), "acknowledged", || {
        let is_taken = rig.apertur.with(|api| api.sessions.all[0].photos[0].acknowledged);
        is_taken.then_some(())
    });
    rig.delivered_all(1);
    assert_eq!(rig.only(&photo).0.res_id, 42);
    assert_eq!(rig.apertur.with(|api| api.sessions.outbox.all.len()), 0, "nothing was posted");
}
