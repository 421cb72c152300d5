//! The client of Apertur's API against a strict fake of it, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificate;

use std::{collections::BTreeMap, path::Path, time::Duration};

use apertur_bridge::{
    apertur::{Apertur, ApiError, End, NewSession, QrFormat, SessionChange},
    config,
    http::Http,
    model::{Environment, ErrorKind, ImageId, SessionId},
    spool::Spool,
    system::Clock,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    daemon::SECRET,
    fakes::apertur::{FakeApertur, PROJECT, Photo, Reply, WEBHOOK_DESTINATION},
};

/// The client with these lines more in `[apertur]`, on this clock.
fn client_on(clock: &Clock, fake: &FakeApertur, more: &str) -> Apertur {
    let text = format!("webhook.secrets = [\"{SECRET}\"]\n{}{more}", fake.settings());
    let loaded = config::load_from(Some((Path::new("config.toml"), &text)), &BTreeMap::new());
    let settings = loaded.unwrap().config.apertur;
    Apertur::new(Http::new().unwrap(), settings, clock.clone()).unwrap()
}

fn client(fake: &FakeApertur) -> Apertur {
    client_on(&Clock::system(), fake, "")
}

/// What is asked for in most tests.
fn wish() -> NewSession {
    NewSession {
        destinations: vec![WEBHOOK_DESTINATION.to_owned()],
        tags: vec!["odoo:res.partner:42".to_owned()],
        metadata: Some(json!({"odoo": {"model": "res.partner", "res_id": 42}})),
        ..NewSession::default()
    }
}

fn image(id: &str) -> ImageId {
    ImageId::parse(id).unwrap()
}

/// The bodies of the requests to make a session.
fn posted(fake: &FakeApertur) -> Vec<Value> {
    fake.with(|api| {
        let posts = api.asked.iter().filter(|asked| asked.method == "POST");
        posts.map(|asked| serde_json::from_slice(&asked.body).unwrap()).collect()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_made_read_changed_and_listed_in_either_casing() {
    for is_old in [false, true] {
        let fake = FakeApertur::start();
        fake.with(|api| api.is_old = is_old);
        let apertur = client(&fake);
        let new = NewSession {
            end: Some(End::Hours(3)),
            max_images: Some(2),
            media_types: vec!["image/jpeg".to_owned()],
            max_dimension: Some(4000),
            password: Some("pass-word".into()),
            ..wish()
        };
        let made = apertur.create_session(&new).await.unwrap();
        assert!(made.link.reveal().ends_with(made.id.reveal()));
        assert!(made.short_link.is_some() && made.has_password && !made.without_metadata);
        assert_eq!(made.environment, Some(Environment::Sandbox));
        assert_eq!(made.destinations[0].kind, "webhook");
        let asked = &posted(&fake)[0];
        assert_eq!((&asked["expires_in_hours"], &asked["max_images"]), (&json!(3), &json!(2)));

        let state = apertur.session(&made.id).await.unwrap();
        assert_eq!((state.status.as_str(), state.max_images), ("pending", Some(2)));
        assert_eq!((state.tags, state.has_password), (wish().tags, true));
        let end = Timestamp::now().checked_add(SignedDuration::from_mins(90)).unwrap();
        let change = SessionChange {
            expires_at: Some(end),
            password: Some(None),
            ..SessionChange::default()
        };
        apertur.update_session(&made.id, &change).await.unwrap();
        let state = apertur.session(&made.id).await.unwrap();
        assert_eq!((state.expires_at, state.has_password), (Some(end), false));

        fake.upload(made.id.reveal(), "img_1");
        let page = apertur.sessions(1, 10).await.unwrap();
        assert_eq!((page.total, page.pages, page.rows.len()), (1, 1, 1));
        let rows = apertur.recent_sessions(5).await.unwrap();
        assert_eq!(rows, page.rows);
        assert_eq!((&rows[0].id, rows[0].images, rows[0].delivered), (&made.id, 1, 1));
        let status = apertur.delivery_status(&made.id, None).await.unwrap();
        assert_eq!((status.status.as_str(), &status.files[0].image), ("active", &image("img_1")));
        assert_eq!(status.files[0].destinations[0].status, "sent");
        let since = status.last_changed.as_deref();
        assert!(apertur.delivery_status(&made.id, since).await.is_ok());
        let png = apertur.session_qr(&made.id, QrFormat::Png, 300).await.unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        let places = apertur.places(PROJECT).await.unwrap();
        assert_eq!(
            places.iter().map(|to| to.name.as_str()).collect::<Vec<_>>(),
            ["Bridge", "Archive"]
        );
    }
}

#[tokio::test]
async fn where_metadata_is_refused_the_session_is_made_without() {
    let fake = FakeApertur::start();
    fake.with(|api| api.sessions.refuses_metadata = true);
    let made = client(&fake).create_session(&wish()).await.unwrap();
    assert!(made.without_metadata);
    let posted = posted(&fake);
    assert_eq!(posted.len(), 2);
    assert!(posted[0]["metadata"].is_object() && posted[1]["metadata"].is_null());
    assert_eq!(posted[0]["tags"], posted[1]["tags"]);
}

#[tokio::test]
async fn a_refusal_comes_in_apertur_s_words_and_is_not_repeated() {
    let fake = FakeApertur::start();
    let apertur = client(&fake);
    let elsewhere = NewSession {
        destinations: vec!["d0d0d0d0-2222-4333-8444-000000000000".to_owned()],
        ..wish()
    };
    let error = apertur.create_session(&elsewhere).await.unwrap_err();
    assert_eq!(error.status, Some(404));
    assert_eq!(error.cause.detail, "destination not found in this project");
    let id = SessionId::parse("5e551012-2222-4333-8444-999999999999").unwrap();
    let error = apertur.session(&id).await.unwrap_err();
    assert_eq!(error.cause.kind, ErrorKind::NotFound);
    assert!(!format!("{error:?}").contains("999999999999"), "{error:?}");
    assert_eq!(fake.seen().len(), 2);
}

/// Has time pass while the work waits.
async fn stepping<T>(clock: &Clock, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::task::yield_now() => clock.step(Duration::from_millis(100)),
        }
    }
}

fn slow_down() -> Reply {
    Reply::refused(429, "Too many requests").header("Retry-After", "7")
}

#[tokio::test]
async fn a_limit_of_the_minute_is_waited_for_and_a_spent_quota_is_told() {
    let clock = Clock::stepped(Timestamp::now());
    let fake = FakeApertur::start();
    let apertur = client_on(&clock, &fake, "");
    fake.with(|api| api.next.extend([slow_down(), slow_down()]));
    let begun = clock.now();
    stepping(&clock, apertur.create_session(&wish())).await.unwrap();
    assert!(clock.now().duration_since(begun) >= SignedDuration::from_secs(14));
    assert_eq!(posted(&fake).len(), 3);

    fake.with(|api| api.next.extend([slow_down(), slow_down(), slow_down(), slow_down()]));
    let error = stepping(&clock, apertur.create_session(&wish())).await.unwrap_err();
    assert_eq!(
        (error.cause.kind, error.after),
        (ErrorKind::RateLimited, Some(Duration::from_secs(7)))
    );
    assert_eq!(posted(&fake).len(), 6, "tries are counted");

    fake.with(|api| {
        api.next.clear();
        api.sessions.quota = Some(0);
    });
    let error = stepping(&clock, apertur.create_session(&wish())).await.unwrap_err();
    assert_eq!((error.cause.kind, error.passes()), (ErrorKind::NotAllowed, false));
    assert_eq!(error.cause.detail, "Monthly session quota exceeded");
    assert_eq!(posted(&fake).len(), 7);
}

#[tokio::test]
async fn asking_is_repeated_and_making_a_session_only_when_it_surely_was_not_made() {
    let clock = Clock::stepped(Timestamp::now());
    let fake = FakeApertur::start();
    let apertur = client_on(&clock, &fake, "");
    let down = || Reply::refused(503, "try later");
    fake.with(|api| api.next.extend([down(), down()]));
    assert!(stepping(&clock, apertur.recent_sessions(1)).await.is_ok());
    assert_eq!(fake.seen().len(), 3);

    fake.with(|api| api.next.push_back(down()));
    let error = stepping(&clock, apertur.create_session(&wish())).await.unwrap_err();
    assert!(error.unsure && error.passes(), "{error:?}");
    assert_eq!(posted(&fake).len(), 1);

    // An answer that breaks off: what it says of its form is not so.
    let broken = || Reply::json(200, &json!([])).header("Transfer-Encoding", "chunked");
    fake.with(|api| api.next.extend([broken(), broken()]));
    assert!(stepping(&clock, apertur.recent_sessions(1)).await.is_ok());
    assert_eq!(fake.seen().len(), 7);
    fake.with(|api| api.next.push_back(broken()));
    let error = stepping(&clock, apertur.create_session(&wish())).await.unwrap_err();
    assert!(error.unsure && error.passes(), "{error:?}");
    assert_eq!(posted(&fake).len(), 2);
}

#[tokio::test]
async fn what_a_key_demands_goes_along_with_calls_and_downloads() {
    const SIGNING: &str = "0123456789abcdef0123456789abcdef";
    let fake = FakeApertur::start();
    let photo = Photo::new("img_1");
    fake.keep("img_1", &photo.bytes);
    fake.with(|api| {
        api.signing_secret = Some(SIGNING.to_owned());
        api.totp_secret = Some(b"12345678901234567890".to_vec());
    });
    let more = format!(
        "signing_secret = \"{SIGNING}\"\ntotp_secret = \"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\"\n"
    );
    let apertur = client_on(&Clock::system(), &fake, &more);
    let made = apertur.create_session(&wish()).await.unwrap();
    apertur.delivery_status(&made.id, Some("2027-01-15T08:00:00Z")).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    let stored = apertur.download(None, Some(&image("img_1")), &spool).await.unwrap();
    assert_eq!(stored.sha256.to_hex(), photo.sha256());

    let plain = client(&fake);
    let error = plain.recent_sessions(1).await.unwrap_err();
    assert_eq!(error.cause.kind, ErrorKind::Unauthorized);
    assert_eq!(error.cause.detail, "TOTP code required");
    assert!(error.cause.fix.contains("apertur.totp_secret"), "{error}");
    assert!(plain.download(None, Some(&image("img_1")), &spool).await.is_err());
}

#[tokio::test]
async fn a_photo_is_polled_for_until_it_is_acknowledged() {
    let fake = FakeApertur::start();
    let apertur = client(&fake);
    let new = NewSession { long_polling: Some(true), destinations: Vec::new(), ..wish() };
    let id = apertur.create_session(&new).await.unwrap().id;
    assert_eq!(apertur.poll(&id).await.unwrap().images, []);
    let photo = fake.upload(id.reveal(), "img_1");
    for _ in 0..2 {
        let polled = apertur.poll(&id).await.unwrap();
        assert_eq!((&polled.images[0].id, polled.is_over), (&image("img_1"), false));
        assert_eq!(polled.images[0].size, Some(1500));
    }
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    let stored = apertur.download_polled(&id, &image("img_1"), &spool).await.unwrap();
    assert_eq!(stored.stored.sha256.to_hex(), photo.sha256());
    apertur.acknowledge(&id, &image("img_1")).await.unwrap();
    apertur.acknowledge(&id, &image("img_1")).await.unwrap();
    assert_eq!(apertur.poll(&id).await.unwrap().images, []);
    fake.with(|api| api.sessions.all[0].expires_at = Timestamp::UNIX_EPOCH);
    assert!(apertur.poll(&id).await.unwrap().is_over);
}

#[tokio::test]
async fn older_forms_of_answers_are_read_and_rubbish_is_told() {
    let fake = FakeApertur::start();
    let apertur = client(&fake);
    let id = SessionId::parse("s-1").unwrap();
    let next = |body: Value| fake.with(|api| api.next.push_back(Reply::json(200, &body)));
    next(json!({"image_id": "img_1", "filename": "a.jpg"}));
    assert_eq!(apertur.poll(&id).await.unwrap().images[0].id, image("img_1"));
    next(json!([{"id": "img_2"}]));
    assert_eq!(apertur.poll(&id).await.unwrap().images[0].id, image("img_2"));
    fake.with(|api| api.next.push_back(Reply { body: Vec::new(), ..Reply::json(204, &json!(0)) }));
    assert_eq!(apertur.poll(&id).await.unwrap().images, []);
    next(json!([{"id": "img_3", "destinations": [{"name": "x", "status": "delivered"}]}]));
    let status = apertur.delivery_status(&id, None).await.unwrap();
    assert_eq!((status.files[0].image.as_str(), status.is_over()), ("img_3", false));

    let unread = |error: ApiError| assert_eq!(error.cause.kind, ErrorKind::Protocol, "{error}");
    next(json!("hello"));
    unread(apertur.poll(&id).await.unwrap_err());
    next(json!({}));
    unread(apertur.delivery_status(&id, None).await.unwrap_err());
    next(json!({"id": "s-1"}));
    unread(apertur.create_session(&wish()).await.unwrap_err());
    next(json!({"id": "s 1", "upload_url": "https://u.example.com/s"}));
    unread(apertur.create_session(&wish()).await.unwrap_err());
    fake.with(|api| api.next.push_back(Reply::refused(302, "elsewhere")));
    unread(apertur.recent_sessions(1).await.unwrap_err());
}

#[tokio::test]
async fn without_a_key_nothing_is_asked() {
    let fake = FakeApertur::start();
    let text = format!("webhook.secrets = [\"{SECRET}\"]\n");
    let loaded = config::load_from(Some((Path::new("c.toml"), &text)), &BTreeMap::new());
    let settings = loaded.unwrap().config.apertur;
    let apertur = Apertur::new(Http::new().unwrap(), settings, Clock::system()).unwrap();
    let error = apertur.create_session(&wish()).await.unwrap_err();
    assert_eq!(error.cause.fix, "set apertur.api_key");
    assert_eq!(fake.seen(), []);
}
