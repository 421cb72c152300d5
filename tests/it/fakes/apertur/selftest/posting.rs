//! How deliveries are posted, retried and given up.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    super::{
        FakeApertur, Format, Hook, PROJECT, Photo, Request, Scheme, Signer, WEBHOOK_DESTINATION,
    },
    Ear, Heard, session, standing,
};

fn fake(ear: &Ear, format: Format, signer: Signer) -> FakeApertur {
    let fake = FakeApertur::start();
    fake.bridge(WEBHOOK_DESTINATION, &ear.url, format, signer);
    fake
}

/// Whether the signature is that of this body.
fn is_signed(heard: &Heard, signer: &Signer) -> bool {
    let at = [heard.header("X-Aptr-Timestamp"), heard.header("svix-timestamp")].concat();
    let signer = Signer { at: at.parse().unwrap_or_default(), ..signer.clone() };
    let again = signer.sign(Request::new("x/y", heard.body.clone()));
    again.headers.iter().skip(1).all(|(name, value)| heard.header(name).as_bytes() == value)
}

#[test]
fn each_format_says_what_it_says_in_either_spelling_and_every_scheme() {
    for (scheme, spelling) in
        [(Scheme::Body, "Apertur"), (Scheme::Timestamped, "Aptr"), (Scheme::Svix, "Apertur")]
    {
        for format in Format::ALL {
            let ear = Ear::new(&[]);
            let signer = Signer { spelling, ..Signer::scheme(scheme) };
            let fake = fake(&ear, format, signer.clone());
            let id = session(&fake, &json!({"metadata": {"odoo": {"res_id": 1}}}));
            let photo = fake.photographed(&id, &Photo::new("a"));
            assert_eq!(standing(&fake, &id).0, "pending");
            let expected = if format == Format::BOTH_TOPICS { 2 } else { 1 };
            assert_eq!(fake.work(), expected);
            assert_eq!(standing(&fake, &id), ("sent".to_owned(), 1, Value::Null));
            let heard = ear.heard();
            assert!(heard.iter().all(|heard| is_signed(heard, &signer)), "{heard:?}");
            match format {
                Format::JsonBase64 => {
                    let body = heard[0].json();
                    assert_eq!(
                        STANDARD.decode(body["data"].as_str().unwrap()).unwrap(),
                        photo.bytes
                    );
                    assert_eq!(
                        (&body["image_id"], &body["session_id"]),
                        (&json!(photo.image_id), &json!(id))
                    );
                    assert_eq!(body["tags"], json!({"vip": "gold"}));
                }
                Format::Multipart => {
                    assert!(heard[0].header("content-type").starts_with("multipart/form-data"));
                }
                Format::Binary => assert_eq!(heard[0].body, photo.bytes),
                Format::Events(topics) => {
                    for (heard, topic) in heard.iter().zip(topics) {
                        let body = heard.json();
                        assert_eq!(
                            (&body["topic"], &body["data"]["id"]),
                            (&json!(topic), &json!(photo.image_id))
                        );
                        assert_eq!(body["data"]["metadata"]["odoo"]["res_id"], 1);
                    }
                }
            }
            if !matches!(format, Format::Events(_)) {
                let id_header = format!("X-{spelling}-Image-Id");
                assert_eq!(heard[0].header(&id_header), photo.image_id, "{format:?}");
            }
        }
    }
}

#[test]
fn a_failed_delivery_is_tried_five_times_more_with_growing_waits() {
    let ear = Ear::new(&[500, 503, 404, 302, 429, 500, 200]);
    let fake = fake(&ear, Format::JsonBase64, Signer::default());
    let id = session(&fake, &json!({}));
    let photo = fake.photographed(&id, &Photo::new("a"));
    let mut wait = Duration::from_secs(60);
    for attempt in 1..=5 {
        assert_eq!(fake.work(), 1);
        let (status, attempts, error) = standing(&fake, &id);
        assert_eq!((status.as_str(), attempts), ("retrying", attempt));
        assert!(error.as_str().unwrap().starts_with("HTTP "));
        fake.clock.step(wait - Duration::from_secs(5));
        assert_eq!(fake.work(), 0, "it waits");
        fake.clock.step(Duration::from_secs(5));
        wait *= 2;
    }
    fake.work();
    assert_eq!(standing(&fake, &id).0, "failed");
    fake.work_off();
    assert_eq!(ear.heard().len(), 6, "given up");
    let heard = ear.heard();
    assert!(heard.iter().all(|one| one.header("X-APTR-Delivery-ID") == "del_0"));

    fake.with(|api| {
        let clock = api.sessions.clock.clone();
        api.sessions.outbox.redeliver(&photo.image_id, &clock);
    });
    fake.work_off();
    assert_eq!(standing(&fake, &id).0, "sent");
}

#[test]
fn silence_and_a_lost_answer_are_failures_though_the_request_came_through() {
    let ear = Ear::new(&[0, 200]);
    let fake = fake(&ear, Format::Binary, Signer::default());
    fake.with(|api| {
        api.sessions.outbox.patience = Duration::from_millis(200);
        api.sessions.outbox.lost_answers = 1;
    });
    let id = session(&fake, &json!({}));
    fake.photographed(&id, &Photo::new("a"));
    fake.work_off();
    assert_eq!((standing(&fake, &id).0, ear.heard().len()), ("sent".to_owned(), 3));
}

#[test]
fn nobody_at_home_is_a_failure_without_a_status() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fake = FakeApertur::start();
    fake.bridge(
        WEBHOOK_DESTINATION,
        &format!("http://{gone}/x"),
        Format::Binary,
        Signer::default(),
    );
    let id = session(&fake, &json!({}));
    fake.photographed(&id, &Photo::new("a"));
    fake.work_off();
    let (status, attempts, error) = standing(&fake, &id);
    assert_eq!((status.as_str(), attempts), ("failed", 6));
    assert!(error.as_str().unwrap().starts_with("no answer: "), "{error}");
    let row = fake.with(|api| api.sessions.recent(1));
    assert_eq!((&row[0]["imagesDelivered"], &row[0]["imagesFailed"]), (&json!(0), &json!(1)));
}

#[test]
fn an_event_webhook_is_told_of_its_topics_and_switched_off_after_failures() {
    for (method, header) in [("hmac_sha256", "X-Apertur-Timestamp"), ("svix", "svix-id")] {
        let ear = Ear::new(&[200, 500, 500]);
        let fake = FakeApertur::start();
        let asked = json!({"url": ear.url, "topics": ["project.upload.*"], "maxRetries": 0,
            "signatureMethod": method, "disableAfterFailures": 2});
        let hook = Hook::create(1, &asked).unwrap();
        fake.with(|api| api.sessions.hooks.push(hook));
        let id = session(&fake, &json!({}));
        let photo = fake.photographed(&id, &Photo::new("a"));
        fake.work_off();
        let [told] = &ear.heard()[..] else { panic!("{:?}", ear.heard()) };
        assert_ne!(told.header(header), "");
        assert!(PROJECT.len() == 36 && told.json()["project_id"].is_string());
        assert_eq!(told.json()["event"], "project.upload.image.uploaded");
        assert_eq!(told.json()["data"]["id"], photo.image_id);
        for image in ["b", "c", "d"] {
            fake.photographed(&id, &Photo::new(image));
            fake.work_off();
        }
        assert_eq!(ear.heard().len(), 3, "the last one is told to nobody");
        let hook = fake.with(|api| api.sessions.hooks[0].clone());
        assert_eq!((hook.failures, hook.disabled_at.is_some()), (2, true));
    }
}
