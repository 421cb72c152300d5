//! End-to-end encrypted photos inside a request.

use std::fs;

use serde_json::{Value, json};

use super::{answer, door, post, told};
use crate::{
    daemon::Daemon,
    fakes::apertur::{Customer, Photo, Request},
    look,
};

/// Gives a stopped daemon the customer's key.
fn with_key(daemon: &mut Daemon, customer: &Customer) {
    daemon.stop();
    let key = daemon.dir().join("e2e.pem");
    fs::write(&key, customer.private_key()).unwrap();
    let text = fs::read_to_string(daemon.config_path()).unwrap();
    let line = format!("[apertur]\ne2e_private_keys = [{{ file = {key:?} }}]\n");
    fs::write(daemon.config_path(), text.replacen("[apertur]\n", &line, 1)).unwrap();
    daemon.restart();
}

fn replay(daemon: &Daemon) -> Value {
    let done = daemon.command(&["deliveries", "replay", "--state", "held", "--json"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let run: Value = serde_json::from_slice(&done.stdout).unwrap();
    run["tally"].clone()
}

/// Every way in which an envelope may come, with the picture that is in it.
fn every_way(customer: &Customer) -> Vec<(Photo, Request)> {
    let [json, plain_size, form, bytes, alone, large_json, large] =
        [("json", 1500), ("size", 1500), ("form", 1500), ("bytes", 1500), ("alone", 1500)]
            .into_iter()
            .chain([("large_json", 300_000), ("large", 300_000)])
            .map(|(id, size)| Photo::of_size(id, size))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
    let seal = |photo: &Photo| customer.seal(photo);
    let inside = |photo: &Photo| seal(photo).json_base64();
    let mut claimed = inside(&plain_size);
    let text = String::from_utf8(claimed.body).unwrap();
    let envelope = format!("\"size_bytes\":{}", seal(&plain_size).bytes.len());
    claimed.body = text.replacen(&envelope, "\"size_bytes\":1500", 1).into_bytes();
    let bare =
        |photo: &Photo| photo.with_ids(Request::new("application/json", seal(photo).bytes), "Aptr");
    vec![
        (json.clone(), inside(&json)),
        (plain_size, claimed),
        (form.clone(), seal(&form).multipart()),
        (bytes.clone(), seal(&bytes).binary()),
        (alone.clone(), bare(&alone)),
        (large_json.clone(), inside(&large_json)),
        (large.clone(), bare(&large)),
    ]
}

#[test]
fn an_envelope_is_held_without_a_key_and_its_picture_delivered_with_it() {
    let customer = Customer::new();
    let mut daemon = door("");
    let all = every_way(&customer);
    for (_, request) in &all {
        assert_eq!(told(&daemon, &request.clone().signed()), answer(200, "accepted"));
    }
    for held in look::settled(&daemon, &["held"]) {
        assert_eq!(held["cause"]["kind"], "encrypted");
        assert!(held["cause"]["fix"].as_str().unwrap().contains("apertur.e2e_private_keys"));
        assert_eq!(held["photo"]["sha256"], Value::Null);
    }
    assert!(daemon.log().contains("error=\"encrypted\""), "{}", daemon.log());
    assert_eq!(look::spooled(&daemon).len(), all.len(), "each envelope is kept");

    with_key(&mut daemon, &customer);
    assert_eq!(replay(&daemon)["fetching"], all.len());
    assert_eq!(look::settled(&daemon, &["delivered"]).len(), all.len());
    let mut expected: Vec<_> = all.iter().map(|(photo, _)| photo.sha256()).collect();
    expected.sort();
    assert_eq!(look::digests(&daemon.dir().join("photos")), expected);

    // Apertur did not hear the answer, and sends the same again.
    for (_, request) in all {
        assert_eq!(told(&daemon, &request.signed()), answer(200, "duplicate"));
    }
    assert_eq!(look::settled(&daemon, &["delivered"]).len(), expected.len());
    look::assert_well(&daemon);
}

#[test]
fn an_envelope_is_opened_without_anybody_asking_where_there_is_a_key() {
    let customer = Customer::new();
    let mut daemon = door("");
    with_key(&mut daemon, &customer);
    let photo = Photo::new("img_1");
    let sealed = customer.seal(&photo);
    assert_eq!(told(&daemon, &sealed.binary().signed()), answer(200, "accepted"));
    // Before, while and after it is opened.
    assert_eq!(told(&daemon, &sealed.binary().signed()), answer(200, "duplicate"));
    let [delivered] = &look::settled(&daemon, &["delivered"])[..] else { panic!() };
    assert_eq!(delivered["photo"]["media_type"], "image/jpeg");
    assert_eq!(told(&daemon, &sealed.multipart().signed()), answer(200, "duplicate"));
    // The picture itself under its signed id: the same photo.
    let plain = told(&daemon, &photo.json_base64().signed());
    assert_eq!(plain, answer(200, "accepted"));
    let all = look::settled(&daemon, &["delivered"]);
    assert!(all[1]["receipt"]["note"].as_str().unwrap().starts_with("same photo as "));
    assert_eq!(look::digests(&daemon.dir().join("photos")), [photo.sha256()]);
}

#[test]
fn a_redelivery_opens_what_a_key_was_missing_for() {
    let customer = Customer::new();
    let mut daemon = door("");
    let photo = Photo::new("img_1");
    let request = customer.seal(&photo).json_base64().signed();
    assert_eq!(told(&daemon, &request), answer(200, "accepted"));
    look::settled(&daemon, &["held"]);
    with_key(&mut daemon, &customer);
    assert_eq!(told(&daemon, &request), answer(200, "duplicate"));
    look::settled(&daemon, &["delivered"]);
    assert_eq!(look::digests(&daemon.dir().join("photos")), [photo.sha256()]);
}

#[test]
fn a_power_cut_between_answer_and_opening_loses_nothing() {
    let customer = Customer::new();
    let mut daemon = door("");
    with_key(&mut daemon, &customer);
    let photos: Vec<_> = (0..4).map(|n| Photo::of_size(&format!("img_{n}"), 200_000)).collect();
    for photo in &photos {
        assert_eq!(told(&daemon, &customer.seal(photo).json_base64().signed()).0, 200);
    }
    daemon.kill9();
    daemon.restart();
    assert_eq!(look::settled(&daemon, &["delivered"]).len(), 4);
    let mut expected: Vec<_> = photos.iter().map(Photo::sha256).collect();
    expected.sort();
    assert_eq!(look::digests(&daemon.dir().join("photos")), expected);
}

#[test]
fn what_only_looks_like_an_envelope_is_refused() {
    let daemon = door("");
    let part = json!({"encryptedKey": "AAAA", "encryptedData": "AAAA"});
    let twice = format!("{0}{0}", json!({"encryptedKey": "", "iv": "", "encryptedData": ""}));
    for bytes in [part.to_string(), twice, "{\"encryptedKey\":".to_owned(), "{}".to_owned()] {
        let photo = Photo { bytes: bytes.clone().into_bytes(), ..Photo::new("img_1") };
        for request in [photo.json_base64(), photo.multipart(), photo.binary()] {
            let said = told(&daemon, &request.signed());
            assert_eq!(said, answer(415, "unsupported"), "{bytes}");
        }
        let bare = post(&daemon, &Request::new("application/json", bytes.clone()).signed());
        assert_eq!(bare.told(), answer(400, "malformed"), "{bytes}");
    }
    look::assert_untouched(&daemon);
}
