//! Lists, filters, pages and the story of one photo.

use serde_json::{Value, json};

use super::{ADMIN, OPERATE, READ, Site, each, json};
use crate::{daemon::SECRET, fakes::apertur::Photo, look};

/// The ids of the photos of a list of deliveries.
fn photos(list: &Value) -> Vec<String> {
    let id = |delivery: &Value| delivery["photo"]["id"].as_str().unwrap().to_owned();
    list["items"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn pages_follow_each_other_while_photos_arrive() {
    let site = Site::start();
    site.receive(&["a1", "a2", "a3", "a4", "a5", "a6", "a7"]);
    for (list, first) in [("/deliveries", "photo"), ("/photos", "photo")] {
        let (mut seen, mut pages) = (Vec::new(), 0);
        let mut path = format!("{list}?limit=3");
        loop {
            let answer = site.call(READ, "GET", &format!("/api/v1{path}"), None);
            let page = json(&answer);
            seen.extend(each(&page, first).iter().map(|it| it["id"].as_str().unwrap().to_owned()));
            pages += 1;
            // What arrives meanwhile is on no later page, and moves nothing.
            site.receive(&[&format!("{}-late-{pages}", &list[1..])]);
            let link = answer.header("link").map(str::to_owned);
            let Some(cursor) = page["next_cursor"].as_str() else {
                assert_eq!(link, None);
                break;
            };
            let link = link.unwrap();
            let next = link.strip_prefix("</api/v1").unwrap();
            let next = next.strip_suffix(">; rel=\"next\"").unwrap();
            assert!(next.ends_with(&format!("cursor={cursor}")), "{next} {cursor}");
            path = next.to_owned();
        }
        seen.retain(|id| !id.contains("late"));
        assert_eq!(seen, ["a7", "a6", "a5", "a4", "a3", "a2", "a1"], "{list}");
        assert!(pages >= 3, "{pages}");
    }
}

#[test]
fn every_field_of_the_query_narrows_the_list() {
    let site = Site::with("[[route]]\nwhen = { tag = \"room:*\" }\nto = [\"archive\"]\n");
    site.receive(&["in1", "in2"]);
    let stray = Photo::new("stray").odoo("res.partner", 42, "contact");
    let posted = stray.json_base64().signed();
    crate::fakes::apertur::post(site.daemon.url(), &posted).unwrap();
    look::settled(&site.daemon, &["delivered", "held"]);
    let all = site.get("/deliveries");
    assert_eq!(photos(&all), ["stray", "in2", "in1"]);
    let held = &all["items"][0];
    assert_eq!((&held["state"], &held["cause"]["kind"]), (&json!("held"), &json!("unrouted")));
    let number = held["id"].to_string();
    let later = "2100-01-01T00:00:00Z";
    for (query, wanted) in [
        ("state=held", vec!["stray"]),
        ("state=delivered", vec!["in2", "in1"]),
        ("state=delivered&state=held", vec!["stray", "in2", "in1"]),
        ("destination=archive", vec!["in2", "in1"]),
        ("target=odoo:res.partner:42", vec!["stray"]),
        ("photo=in1", vec!["in1"]),
        ("error=unrouted", vec!["stray"]),
        ("text=ROOM:12", vec!["in2", "in1"]),
        (&format!("id={number}"), vec!["stray"]),
        (&format!("since={later}"), vec![]),
        (&format!("until={later}"), vec!["stray", "in2", "in1"]),
        ("session=no-such-session", vec![]),
    ] {
        assert_eq!(photos(&site.get(&format!("/deliveries?{query}"))), wanted, "{query}");
        let counts = each(&site.get(&format!("/deliveries/counts?{query}")), "count");
        let sum: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(sum, wanted.len() as u64, "{query}");
        let rows = each(&site.get(&format!("/photos?{query}")), "photo");
        assert_eq!(rows.len(), wanted.len(), "{query}");
    }
    assert_eq!(site.get(&format!("/deliveries/{number}")), *held);
}

#[test]
fn a_cursor_that_was_changed_or_is_of_another_list_is_refused() {
    let site = Site::start();
    site.receive(&["a1", "a2"]);
    let page = site.get("/deliveries?limit=1");
    let cursor = page["next_cursor"].as_str().unwrap();
    let changed = format!("{}{}", &cursor[..cursor.len() - 2], "zz");
    for path in [
        format!("/deliveries?limit=1&cursor={changed}"),
        format!("/deliveries?limit=1&cursor={cursor}&state=due"),
        format!("/photos?limit=1&cursor={cursor}"),
        "/deliveries?cursor=".to_owned(),
        "/sessions?cursor=MTc".to_owned(),
    ] {
        let answer = site.call(READ, "GET", &format!("/api/v1{path}"), None);
        assert_eq!((answer.status, &json(&answer)["field"]), (400, &json!("cursor")), "{path}");
    }
    let next = site.get(&format!("/deliveries?limit=1&cursor={cursor}"));
    assert_eq!(photos(&next), ["a1"]);
}

#[test]
fn the_story_of_a_photo_and_its_bytes_are_to_be_had() {
    let site = Site::start();
    let photo = Photo::new("img_1");
    crate::fakes::apertur::post(site.daemon.url(), &photo.json_base64().signed()).unwrap();
    look::settled(&site.daemon, &["delivered"]);
    let story = site.get("/photos/img_1");
    assert_eq!(story["photo"]["sha256"], photo.sha256());
    assert_eq!(story["deliveries"][0]["delivery"]["state"], "delivered");
    assert_eq!(story["deliveries"][0]["next"]["kind"], "nothing");
    assert_eq!(story["timeline"][0]["kind"], "received");
    let bytes = site.call(OPERATE, "GET", "/api/v1/photos/img_1/bytes", None);
    assert_eq!((bytes.status, &bytes.body), (200, &photo.bytes));
    assert_eq!(bytes.header("content-type"), Some("image/jpeg"));
    assert_eq!(bytes.header("x-content-type-options"), Some("nosniff"));
    let shown = bytes.header("content-disposition").unwrap();
    assert!(shown.starts_with("attachment; filename=\"img_1"), "{shown}");
    assert_eq!(site.call(READ, "GET", "/api/v1/photos/none", None).status, 404);
}

#[test]
fn the_status_and_the_destinations_say_how_it_stands() {
    let site = Site::closed();
    site.receive(&["a1"]);
    let status = site.paused(1);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["journal"], json!({"ok": true}));
    assert_eq!(status["deliveries"]["due"], 1);
    assert_eq!(status["paused"][0]["destination"], "archive");
    let all = site.get("/destinations");
    let [archive] = &all["items"].as_array().unwrap()[..] else { panic!("{all}") };
    assert_eq!((&archive["name"], &archive["type"]), (&json!("archive"), &json!("folder")));
    assert_eq!((&archive["underway"], &archive["delivered"]), (&json!(1), &json!(0)));
    assert_eq!(archive["paused"]["cause"], status["paused"][0]["cause"]);
    let (_, failed) = site.post("/destinations/archive/test", &json!({}));
    assert_eq!(failed["ok"], false);
    assert!(!failed["findings"][0]["fix"].as_str().unwrap().is_empty(), "{failed}");
    site.open();
    let (_, well) = site.post("/destinations/archive/test", &json!({}));
    assert_eq!(well["ok"], true, "{well}");
}

#[test]
fn administrators_see_the_configuration_without_secrets_and_run_the_doctor() {
    let site = Site::start();
    let shown = json(&site.call(ADMIN, "GET", "/api/v1/config", None));
    let setting = |path: &str| {
        let mut items = shown["items"].as_array().unwrap().iter();
        items.find(|item| item["path"] == path).unwrap().clone()
    };
    assert_eq!(setting("webhook.max_age")["origin"], "default");
    let kind = setting("destination.archive.type");
    assert_eq!((&kind["origin"], kind["line"].is_u64()), (&json!("file"), true), "{kind}");
    let text = shown.to_string();
    for secret in [SECRET, READ, OPERATE, ADMIN] {
        assert!(!text.contains(secret), "{text}");
    }
    let report = json(&site.call(ADMIN, "GET", "/api/v1/doctor", None));
    let areas: Vec<_> = report["areas"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert!(areas.contains(&&json!("journal")), "{report}");
    assert!(areas.contains(&&json!("destination archive")), "{report}");
    assert!(!report.to_string().contains(SECRET), "{report}");
}
