//! What is understood of what is let in.

use std::time::Duration;

use serde_json::{Value, json};

use super::{answer, door, post, told};
use crate::{
    daemon::Daemon,
    fakes::apertur::{FakeApertur, Photo, Request, Scheme, Signer},
    look,
};

fn accepted(daemon: &Daemon, request: &Request) {
    let answered = post(daemon, request);
    assert_eq!(answered.body, br#"{"status":"accepted"}"#, "{request:?}");
    assert_eq!(answered.status, 200);
}

/// The photo of a story, without what differs from run to run.
fn photo(daemon: &Daemon, id: &str) -> Value {
    look::story(daemon, id)["photo"].clone()
}

#[test]
fn every_documented_key_is_read() {
    let daemon = door("");
    let shown = Photo { index: 3, ..Photo::new("img_a") }.tag("vip:gold").tag("plain");
    let shown = shown.odoo("res.partner", 42, "public");
    accepted(&daemon, &shown.event("image.delivered", None).signed());
    let read = photo(&daemon, "img_a");
    let expected = json!({
        "id": "img_a", "image_id": "img_a", "session": "session~0b90baca", "index": null,
        "filename": "img_a.jpg", "media_type": "image/jpeg", "size": 1500, "sha256": null,
        "tags": [{"key": "vip", "value": "gold"}, {"key": "plain", "value": ""}],
        "target": "odoo:res.partner:42", "mode": "public", "topic": "image.delivered",
        "shape": "event", "scheme": "body", "received_at": read["received_at"],
    });
    assert_eq!(read, expected);

    let inline = Photo { image_id: "img_b".to_owned(), ..shown.clone() };
    accepted(&daemon, &Signer::scheme(Scheme::Svix).sign(inline.json_base64()));
    let read = photo(&daemon, "img_b");
    assert_eq!(read["index"], 3);
    assert_eq!(read["sha256"], shown.sha256());
    assert_eq!((&read["shape"], &read["scheme"]), (&json!("json_base64"), &json!("svix")));
    assert_eq!(read["tags"], json!([{"key": "vip", "value": "gold"}]));
    assert_eq!((&read["mode"], &read["topic"]), (&json!("public"), &Value::Null));

    let form = Photo { bytes: Photo::new("c").bytes, ..shown };
    accepted(&daemon, &Photo { tags: vec!["vip:gold".to_owned()], ..form }.multipart().signed());
    let all = look::deliveries(&daemon);
    let read = &all[0]["photo"];
    assert_eq!((&read["shape"], &read["filename"]), (&json!("multipart"), &json!("img_a.jpg")));
    assert_eq!((&read["image_id"], &read["index"]), (&json!("img_a"), &json!(3)));
    assert_eq!(read["tags"], json!([{"key": "vip", "value": "gold"}]));
    assert!(read["id"].as_str().unwrap().starts_with("sha256-"));
}

#[test]
fn names_may_be_written_in_camel_case_and_ids_as_numbers() {
    let daemon = door("");
    let event = json!({"type": "image.uploaded", "data": {
        "recordId": 7_000_000_001_u64, "sessionId": 12, "filename": "a.jpg", "sizeBytes": 3,
        "mimeType": "image/png", "downloadUrl": "http://127.0.0.1:1/", "imageIndex": 5,
        "metadata": {"odoo": {"model": "project.task", "res_id": "5", "mode": "agent"}},
    }});
    accepted(&daemon, &Request::json(&event).signed());
    let read = photo(&daemon, "7000000001");
    assert_eq!((&read["session"], &read["index"]), (&json!("session~6b51d431"), &json!(5)));
    assert_eq!((&read["media_type"], &read["size"]), (&json!("image/png"), &json!(3)));
    assert_eq!((&read["target"], &read["mode"]), (&json!("odoo:project.task:5"), &json!("public")));

    let inline = json!({
        "imageId": "img_i", "sessionId": "s", "imageIndex": 1, "mimeType": "image/jpeg",
        "filename": "b.jpg", "sizeBytes": 3, "data": "_9j_", "project_id": 9,
    });
    accepted(&daemon, &Request::json(&inline).signed());
    let read = photo(&daemon, "img_i");
    assert_eq!((&read["size"], &read["media_type"]), (&json!(3), &json!("image/jpeg")));
    // What is only good to know may have any type.
    let odd = json!({"topic": "image.uploaded", "data": {
        "id": "img_o", "filename": 7, "mime_type": ["x"], "size_bytes": "many", "tags": 9,
        "metadata": "none", "download_url": null,
    }});
    accepted(&daemon, &Request::json(&odd).signed());
    let read = photo(&daemon, "img_o");
    assert_eq!((&read["filename"], &read["tags"]), (&Value::Null, &json!([])));
}

#[test]
fn tags_come_in_every_form_and_one_may_name_the_target() {
    let daemon = door("");
    let pair = |key: &str, value: &str| json!({"key": key, "value": value});
    let partner = pair("odoo", "res.partner:42");
    for (number, (tags, expected)) in [
        (json!(["odoo:res.partner:42", "b"]), json!([partner, pair("b", "")])),
        (json!({"odoo": "res.partner:42", "b": 1}), json!([pair("b", "1"), partner])),
        (json!({"odoo": ["res.partner:42", "x"]}), json!([partner, pair("odoo", "x")])),
        (json!("odoo:res.partner:42"), json!([partner])),
        (
            json!(["a", {"b": 1}, 2, true, null, "odoo:res.partner:42"]),
            json!([pair("a", ""), pair("2", ""), pair("true", ""), partner,]),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("img_{number}");
        let event = json!({"topic": "image.delivered", "data": {"id": id, "tags": tags}});
        accepted(&daemon, &Request::json(&event).signed());
        let read = photo(&daemon, &id);
        assert_eq!((&read["tags"], &read["target"]), (&expected, &json!("odoo:res.partner:42")));
    }
    let form = Photo::new("form").tag("odoo:res.partner:42").tag("b:c:d");
    accepted(&daemon, &form.multipart().signed());
    let read = look::deliveries(&daemon)[0]["photo"].clone();
    assert_eq!(
        (&read["tags"][1], &read["target"]),
        (&pair("b", "c:d"), &json!("odoo:res.partner:42"),)
    );
}

#[test]
fn topics_without_a_photo_are_ignored_and_those_with_one_must_name_it() {
    let daemon = door("");
    let event = |key: &str, topic: &str, data: Value| {
        told(&daemon, &Request::json(&json!({key: topic, "data": data})).signed())
    };
    let ignored = answer(200, "ignored");
    for topic in ["project.session.expired", "upload.started", "session.completed", "", "🦀"] {
        assert_eq!(event("topic", topic, json!({"id": "img_1"})), ignored, "{topic}");
    }
    for data in [json!({}), Value::Null, json!([]), json!(7)] {
        assert_eq!(event("event", "project.upload.completed", data.clone()), ignored, "{data}");
        let named = event("topic", "image.uploaded", data.clone());
        assert_eq!(named, answer(400, "malformed"), "{data}");
    }
    assert_eq!(look::deliveries(&daemon), Vec::<Value>::new());
    let accepted = answer(200, "accepted");
    assert_eq!(event("event", "project.upload.completed", json!({"id": "img_1"})), accepted);
    assert_eq!(event("topic", "project.upload.image.uploaded", json!({"id": "img_2"})), accepted);
    assert_eq!(event("type", "image.delivered", json!({"image_id": "img_3"})), accepted);
}

#[test]
fn one_photo_is_one_photo_however_often_it_comes() {
    let apertur = FakeApertur::start();
    let daemon = door(&apertur.settings());
    let photo = Photo::new("img_1");
    let link = apertur.keep("img_1", &photo.bytes);
    let duplicate = answer(200, "duplicate");
    let uploaded = photo.event("project.upload.image.uploaded", Some(&link));
    accepted(&daemon, &uploaded.clone().signed());
    for scheme in Scheme::ALL {
        assert_eq!(told(&daemon, &Signer::scheme(scheme).sign(uploaded.clone())), duplicate);
        let delivered = photo.event("image.delivered", Some(&link));
        assert_eq!(told(&daemon, &Signer::scheme(scheme).sign(delivered)), duplicate);
    }
    assert_eq!(told(&daemon, &photo.json_base64().signed()), duplicate);
    let completed = photo.project_event("project.upload.completed", None);
    assert_eq!(told(&daemon, &completed.signed()), duplicate);
    let done = look::settled(&daemon, &["delivered"]);
    assert_eq!(done.len(), 1);
    // The bytes alone, with the id in a header: recognised by both.
    assert_eq!(told(&daemon, &photo.binary().signed()), duplicate);
    assert_eq!(told(&daemon, &photo.multipart().signed()), duplicate);
    assert_eq!(look::settled(&daemon, &["delivered"]).len(), 1);
    assert_eq!(look::digests(&daemon.dir().join("photos")), [photo.sha256()]);
}

#[test]
fn the_same_bytes_under_other_unsigned_ids_are_no_other_photo() {
    let daemon = door("");
    let photo = Photo::new("img_1");
    accepted(&daemon, &photo.binary().signed());
    for (image, session) in [("img_2", "s-2"), ("img_3", "s-3")] {
        let replayed =
            Photo { image_id: image.to_owned(), session: session.to_owned(), ..photo.clone() };
        for request in [replayed.binary(), replayed.multipart()] {
            assert_eq!(told(&daemon, &request.signed()), answer(200, "duplicate"));
        }
    }
    assert_eq!(look::settled(&daemon, &["delivered"]).len(), 1);
    assert_eq!(look::digests(&daemon.dir().join("photos")), [photo.sha256()]);
}

#[test]
fn twenty_mebibytes_arrive_unchanged_in_every_shape() {
    const SIZE: usize = 20 * 1024 * 1024;
    let apertur = FakeApertur::start();
    let daemon = door(&apertur.settings());
    let photos: Vec<_> =
        ["json", "form", "bytes", "link", "api"].map(|id| Photo::of_size(id, SIZE)).into();
    let [json, form, bytes, link, api] = &photos[..] else { panic!() };
    let to = apertur.keep("link", &link.bytes);
    apertur.keep("api", &api.bytes);
    for request in [
        json.json_base64(),
        form.multipart(),
        bytes.binary(),
        link.event("image.delivered", Some(&to)),
        api.event("image.delivered", None),
    ] {
        accepted(&daemon, &request.signed());
    }
    let mut expected: Vec<_> = photos.iter().map(Photo::sha256).collect();
    expected.sort();
    let done = look::eventually(Duration::from_secs(60), "five photos", || {
        let done = look::deliveries(&daemon);
        (done.iter().filter(|d| d["state"] == "delivered").count() == 5).then_some(done)
    });
    assert_eq!(done.len(), 5);
    assert_eq!(look::digests(&daemon.dir().join("photos")), expected);
    assert_eq!(look::files(&daemon.dir().join("data/spool/tmp")).len(), 0);
}
