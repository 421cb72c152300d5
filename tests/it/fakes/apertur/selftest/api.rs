//! What the upload page and the API take and refuse.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::{Answer, FakeApertur, PROJECT, Photo, get, raw},
    message, session,
};

impl FakeApertur {
    /// Asks the API with its key.
    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let key = FakeApertur::secrets()[0];
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        raw(self.api_url(), head.as_bytes()).unwrap()
    }
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn a_guest_uploads_what_the_session_takes() {
    let fake = FakeApertur::start();
    let limited = session(
        &fake,
        &json!({"max_images": 2, "password": "pass-word",
        "allowed_mime_types": ["image/jpeg", "image/png"]}),
    );
    let photo = Photo::new("a");
    let (word, told) = (Some("pass-word"), |answer: Answer| message(&answer));
    assert_eq!(told(fake.guest(&limited, &photo, None)).0, 401);
    assert_eq!(told(fake.guest(&limited, &photo, Some("wrong"))).0, 401);
    assert_eq!(told(fake.guest("nobody", &photo, word)).0, 404);
    let typed = |mime: &str| Photo { mime: mime.to_owned(), ..photo.clone() };
    assert_eq!(told(fake.guest(&limited, &typed("image/webp"), word)).0, 415);
    assert_eq!(told(fake.guest(&limited, &typed("image/png"), word)).0, 415, "it begins no PNG");
    let huge = Photo::of_size("b", (20 << 20) + 1);
    assert_eq!(told(fake.guest(&limited, &huge, word)).0, 413);

    let taken = fake.guest(&limited, &photo, word);
    let body = json_of(&taken);
    assert_eq!((taken.status, &body["size_bytes"]), (201, &json!(1500)));
    assert_eq!((&body["filename"], &body["destinations"]), (&json!("a.jpg"), &json!(1)));
    assert_eq!(body["long_polling"], false);
    assert_eq!(fake.guest(&limited, &photo, word).status, 201);
    assert_eq!(told(fake.guest(&limited, &photo, word)), (422, "Session is full".to_owned()));

    let open = session(&fake, &json!({}));
    fake.clock.step(Duration::from_hours(13));
    assert_eq!(told(fake.guest(&open, &photo, None)), (410, "Session expired".to_owned()));
}

#[test]
fn a_form_without_a_file_or_from_a_program_is_refused() {
    let fake = FakeApertur::start();
    let id = session(&fake, &json!({}));
    let form = |source: &str, name: &str| {
        let body = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"source\"\r\n\r\n{source}\r\n--XX\r\n\
             Content-Disposition: form-data; name=\"{name}\"; filename=\"a.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\n\u{1}\r\n--XX--\r\n"
        );
        let head = format!(
            "POST /api/v1/upload/{id}/images HTTP/1.1\r\nContent-Length: {}\r\n\
             Content-Type: multipart/form-data; boundary=XX\r\n\r\n{body}",
            body.len()
        );
        message(&raw(fake.api_url(), head.as_bytes()).unwrap())
    };
    assert_eq!(form("sdk", "file").0, 400);
    assert_eq!(form("camera", "image"), (400, "file is required".to_owned()));
    assert_eq!(form("gallery", "file").0, 415);
}

#[test]
fn a_link_ends_before_the_photo_is_removed() {
    let fake = FakeApertur::start();
    let id = session(&fake, &json!({"long_polling": true}));
    let photo = fake.photographed(&id, &Photo::new("a"));
    let link = fake.with(|api| api.sessions.link(&photo.image_id));
    let (origin, path) = link.split_at(link.match_indices('/').nth(2).unwrap().0);
    let by_id = format!("/api/v1/uploads/{}/download", photo.image_id);
    let ways = || (get(origin, path).unwrap().status, fake.ask("GET", &by_id, "").status);
    assert_eq!(get(origin, path).unwrap().body, photo.bytes);
    assert_eq!(get(origin, &path.replace("s1gn", "forged")).unwrap().status, 403);
    assert_eq!(ways(), (200, 200));
    fake.clock.step(Duration::from_hours(1));
    assert_eq!(ways(), (410, 200));
    fake.clock.step(Duration::from_hours(7 * 24));
    assert_eq!(ways(), (410, 404));
}

#[test]
fn a_polled_photo_is_listed_until_it_is_acknowledged() {
    let fake = FakeApertur::start();
    let id = session(&fake, &json!({"long_polling": true, "destination_ids": null}));
    let photo = fake.photographed(&id, &Photo::new("a"));
    let at = |rest: &str| format!("/api/v1/upload-sessions/{id}/{rest}");
    let listed = || json_of(&fake.ask("GET", &at("poll"), ""))["images"].as_array().unwrap().len();
    assert_eq!((listed(), listed()), (1, 1));
    let image = at(&format!("images/{}", photo.image_id));
    assert_eq!(fake.ask("GET", &image, "").body, photo.bytes);
    assert_eq!(fake.ask("POST", &format!("{image}/ack"), "").status, 200);
    assert_eq!((listed(), fake.ask("POST", &format!("{image}/ack"), "").status), (0, 409));
    assert_eq!(fake.with(|api| api.sessions.outbox.all.len()), 0, "nothing is posted");
}

#[test]
fn a_minute_has_so_many_requests_and_a_month_so_many_sessions() {
    let fake = FakeApertur::start();
    fake.with(|api| api.limits.are_on = true);
    let create = || fake.ask("POST", "/api/v1/upload-sessions", "{}");
    let mut last = create();
    assert_eq!((last.status, last.header("X-RateLimit-Limit")), (201, Some("100")));
    assert_eq!(last.header("x-ratelimit-remaining"), Some("99"));
    for _ in 0..200 {
        if last.status == 429 {
            break;
        }
        last = create();
    }
    assert_eq!(message(&last), (429, "Too many requests".to_owned()));
    let wait: u64 = last.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait) && last.header("X-RateLimit-Reset").is_some());
    assert_eq!(fake.ask("GET", "/api/v1/sessions/recent?limit=1", "").status, 200, "of its own");
    fake.clock.step(Duration::from_secs(wait));
    assert_eq!(create().status, 201);

    fake.with(|api| api.sessions.quota = Some(0));
    let spent = create();
    assert_eq!(message(&spent), (429, "Monthly session quota exceeded".to_owned()));
    assert_eq!(spent.header("Retry-After"), None);
}

#[test]
fn the_password_is_verified_and_a_strangers_project_is_none() {
    let fake = FakeApertur::start();
    let id = session(&fake, &json!({"password": "pass-word"}));
    let verify = format!("/api/v1/upload/{id}/verify-password");
    assert_eq!(json_of(&fake.ask("POST", &verify, "{\"password\":\"pass-word\"}"))["valid"], true);
    assert_eq!(fake.ask("POST", &verify, "{\"password\":\"pass\"}").status, 401);
    assert_eq!(fake.ask("GET", "/api/v1/projects/other/webhooks", "").status, 403);
    let own = format!("/api/v1/projects/{PROJECT}/webhooks");
    assert_eq!(json_of(&fake.ask("GET", &own, "")), json!([]));
    assert_eq!(fake.ask("POST", &own, "{\"topics\":[]}").status, 400);
}

#[test]
fn an_unchanged_status_is_held_back_until_something_changes() {
    let fake = FakeApertur::start();
    let id = session(&fake, &json!({}));
    fake.with(|api| api.sessions.hold = Duration::from_secs(20));
    let status = |since: &str| {
        let path = format!("/api/v1/upload-sessions/{id}/delivery-status{since}");
        json_of(&fake.ask("GET", &path, ""))
    };
    let seen = status("")["lastChanged"].as_str().unwrap().replace(':', "%3A");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| status(&format!("?pollFrom={seen}")));
        fake.clock.step(Duration::from_secs(1));
        fake.photographed(&id, &Photo::new("a"));
        assert_eq!(waiting.join().unwrap()["files"].as_array().unwrap().len(), 1);
    });
}
