//! The deliveries and what is done with them: found, foreseen, begun, told.

use std::time::Duration;

use super::site::{OPERATE, PASSWORD, READ, Site, User, encoded, keys, text};
use crate::{
    fakes::apertur::{self, Photo},
    look,
};

/// With an archive whose folder is not there until it is opened.
fn closed() -> Site {
    Site::of(&format!(
        "{}[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"200ms\"\nprobe_every = \"100ms\"\n\
         [destination.archive]\ntype = \"folder\"\npath = \"disk/photos\"\n",
        keys("")
    ))
}

fn open(site: &Site) {
    std::fs::create_dir(site.daemon.dir().join("disk")).unwrap();
}

fn receive(site: &Site, photo: &Photo) {
    let answer = apertur::post(site.daemon.url(), &photo.json_base64().signed()).unwrap();
    assert_eq!(answer.status, 200);
}

fn receive_all(site: &Site, ids: impl Iterator<Item = usize>) {
    ids.for_each(|id| receive(site, &Photo::new(&format!("img-{id:03}"))));
}

/// What stands between two texts of a page, each time.
fn between<'t>(html: &'t str, before: &str, after: &str) -> Vec<&'t str> {
    let rest = html.split(before).skip(1);
    rest.map(|rest| rest.split(after).next().unwrap()).collect()
}

/// The photos that a list shows.
fn listed(html: &str) -> Vec<&str> {
    between(html, "<th scope=\"row\"><a href=\"/photos/", "\"")
}

/// Begins a change as the preview's form does, and gives the page of its run when it is done.
fn changed(user: &User<'_>, fields: &[(&str, &str)]) -> String {
    let begun = user.post("/deliveries/change", fields);
    assert_eq!(begun.status, 303, "{}", text(&begun));
    let place = begun.header("location").unwrap().to_owned();
    assert!(place.starts_with("/runs/"), "{place}");
    look::eventually(Duration::from_secs(30), "the end of a run", || {
        Some(text(&user.get(&place))).filter(|html| html.contains("data-run=\"done\""))
    })
}

#[test]
fn deliveries_are_listed_by_pages_filtered_and_counted() {
    let site = Site::start();
    receive_all(&site, 0..55);
    receive(&site, &Photo::new("other").tag("room:12"));
    look::settled(&site.daemon, &["delivered"]);
    let user = site.user(READ);
    let first = text(&user.get("/deliveries"));
    let older = between(&first, "id=\"older\" href=\"", "\"")[0].replace("&amp;", "&");
    let second = text(&user.get(&older));
    assert_eq!((listed(&first).len(), listed(&second).len()), (50, 6));
    assert_eq!(listed(&first)[0], "other", "the newest comes first");
    assert!(!second.contains("id=\"older\""));
    let mut all = [listed(&first), listed(&second)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 56, "each once");
    let count = "/deliveries?state=delivered\">delivered <span class=\"hint\">56</span>";
    assert!(first.contains(count), "{first}");
    for (query, photos) in [
        ("text=room:12", 1),
        ("text=img-00", 10),
        ("state=held", 0),
        ("state=waiting,due,sending", 0),
        ("destination=archive&state=delivered&text=img-05", 5),
        ("photo=other", 1),
        ("since=2099-01-01T00:00", 0),
        ("until=2099-01-01T00:00&text=other", 1),
    ] {
        let html = text(&user.get(&format!("/deliveries?{query}")));
        assert_eq!(listed(&html).len(), photos, "{query}");
        assert!(!html.contains("id=\"invalid\""), "{query}");
    }
    for query in
        ["state=lost", "target=x", "session=hush-hush", "since=soon", "error=sad", "text=17"]
    {
        let answer = user.get(&format!("/deliveries?{query}"));
        let html = text(&answer);
        assert_eq!(answer.status, 200);
        assert!(html.contains("id=\"invalid\"") && listed(&html).is_empty(), "{query}");
        assert!(!html.contains("value=\"hush-hush\""), "what may be a session's id");
    }
}

#[test]
fn a_run_does_what_its_preview_says_and_tells_who_asked() {
    let site = closed();
    receive_all(&site, 0..3);
    let user = site.user(OPERATE);
    let all = [("of", "all"), ("destination", "archive")];
    let preview = |verb: &str, more: &str| {
        text(&user.get(&format!("/deliveries/change?verb={verb}&of=all&destination=archive{more}")))
    };
    let html = preview("hold", "");
    assert!(html.contains("3 deliveries would be changed"), "{html}");
    let hold = [&all[..], &[("verb", "hold"), ("reason", "the customer asked")]].concat();
    let done = changed(&user, &hold);
    for part in ["3 of 3", "the customer asked", "the-operate"] {
        assert!(done.contains(part), "{part}: {done}");
    }
    let html = preview("replay", "");
    assert!(html.contains("0 deliveries would be changed"), "{html}");
    assert!(html.contains("3 would be left as they are") && html.contains("held by a person"));
    assert!(!html.contains("id=\"do\""), "nothing is offered that would do nothing");
    open(&site);
    assert!(preview("release", "").contains("3 deliveries would be changed"));
    changed(&user, &[&all[..], &[("verb", "release")]].concat());
    look::settled(&site.daemon, &["delivered"]);
    let html = preview("replay", "");
    assert!(html.contains("delivered already") && html.contains("id=\"force\""), "{html}");
    let html = preview("replay", "&force=on");
    assert!(html.contains("3 deliveries would be changed") && html.contains("id=\"do\""));
    changed(&user, &[&all[..], &[("verb", "replay"), ("force", "on")]].concat());
    look::settled(&site.daemon, &["delivered"]);
    assert_eq!(look::files(&site.daemon.dir().join("disk/photos")).len(), 3, "none twice");
    for step in ["stop", "resume"] {
        let answer = user.post(&format!("/runs/1/{step}"), &[]);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/runs/1")));
        let run = text(&user.get("/runs/1"));
        assert!(run.contains("data-run=\"done\"") && !run.contains("/runs/1/"), "{run}");
    }
    assert_eq!(between(&text(&user.get("/runs")), "<a href=\"/runs/", "\"").len(), 3);
}

#[test]
fn those_chosen_are_changed_and_no_others() {
    let site = closed();
    receive_all(&site, 0..3);
    let user = site.user(OPERATE);
    let html = text(&user.get("/deliveries"));
    let boxes = between(&html, "type=\"checkbox\" name=\"", "\"");
    let [one, two, _] = boxes[..] else { panic!("{html}") };
    let nothing = text(&user.get("/deliveries/change?verb=drop&of=chosen"));
    assert!(nothing.contains("id=\"nothing\"") && !nothing.contains("id=\"do\""));
    let none = user.post("/deliveries/change", &[("verb", "drop"), ("reason", "x")]);
    assert!(none.status == 200 && text(&none).contains("id=\"nothing\""));
    let chosen = format!("/deliveries/change?verb=drop&of=chosen&{one}=on&{two}=on");
    assert!(text(&user.get(&chosen)).contains("2 deliveries would be changed"));
    let drop = [("verb", "drop"), ("of", "chosen"), (one, "on"), (two, "on")];
    let long = "x".repeat(301);
    for reason in ["", " ", "a\nb", &long] {
        let refused = user.post("/deliveries/change", &[&drop[..], &[("reason", reason)]].concat());
        assert!(text(&refused).contains("id=\"invalid\""), "{reason:?}");
    }
    assert!(text(&user.get("/runs")).contains("Nothing was changed yet"));
    let done = changed(&user, &[&drop[..], &[("reason", "wrong record")]].concat());
    assert!(done.contains("2 of 2") && done.contains("wrong record"), "{done}");
    assert_eq!(listed(&text(&user.get("/deliveries?state=dropped"))).len(), 2);
    assert_eq!(listed(&text(&user.get("/deliveries?state=due"))).len(), 1);
}

#[test]
fn who_only_reads_and_who_comes_from_elsewhere_changes_nothing() {
    let site = closed();
    receive_all(&site, 0..1);
    let reader = site.user(READ);
    let html = text(&reader.get("/deliveries"));
    assert!(!html.contains("checkbox") && !html.contains("name=\"verb\""), "{html}");
    let story = text(&reader.get("/photos/img-000"));
    assert!(!story.contains("data-verb") && !story.contains("id=\"bytes\""), "{story}");
    let drop = [("verb", "drop"), ("of", "all"), ("reason", "x")];
    assert_eq!(reader.post("/deliveries/change", &drop).status, 403);
    for path in ["/deliveries/change?verb=drop&of=all", "/photos/img-000/bytes"] {
        assert_eq!(reader.get(path).status, 403, "{path}");
    }
    for path in ["/runs/1/stop", "/runs/1/resume"] {
        assert_eq!(reader.post(path, &[]).status, 403, "{path}");
    }
    let user = site.user(OPERATE);
    let cookie = ("Cookie", user.cookie.as_str());
    let key = user.key();
    let own = [&[("form", key.as_str())], &drop[..]].concat();
    let evil = ("Origin", "https://evil.example.com");
    let origin = ("Origin", site.origin());
    for (headers, body) in [([cookie, evil], encoded(&own)), ([cookie, origin], encoded(&drop))] {
        assert_eq!(site.ask("POST", "/deliveries/change", &headers, &body).status, 403);
    }
    for missing in ["/runs/1", "/runs/x", "/photos/nothing", "/photos/nothing/bytes"] {
        assert_eq!(user.get(missing).status, 404, "{missing}");
    }
    assert_eq!(user.get("/deliveries/change?verb=steal&of=all").status, 400);
    assert!(text(&user.get("/runs")).contains("Nothing was changed yet"));
}

#[test]
fn one_photo_is_replayed_right_from_its_story_which_tells_of_it() {
    let site = closed();
    receive(&site, &Photo::new("lonely"));
    let user = site.user(PASSWORD);
    look::eventually(Duration::from_secs(30), "why", || {
        text(&user.get("/photos/lonely")).contains("paused").then_some(())
    });
    let html = text(&user.get("/deliveries"));
    let one = between(&html, "type=\"checkbox\" name=\"", "\"")[0];
    let hold = [("verb", "hold"), ("of", "chosen"), (one, "on"), ("back", "lonely")];
    let held = user.post("/deliveries/change", &hold);
    assert_eq!(held.header("location"), Some("/photos/lonely"));
    let story = text(&user.get("/photos/lonely"));
    for part in [
        "held by console",
        "held by a person",
        "data-verb=\"release\"",
        "data-state=\"held\"",
        "received",
    ] {
        assert!(story.contains(part), "{part}: {story}");
    }
    open(&site);
    let release = [("verb", "release"), ("of", "chosen"), (one, "on"), ("back", "lonely")];
    assert_eq!(user.post("/deliveries/change", &release).status, 303);
    look::settled(&site.daemon, &["delivered"]);
    let story = text(&user.get("/photos/lonely"));
    assert!(story.contains("released by console") && story.contains("data-state=\"delivered\""));
    let bytes = user.get("/photos/lonely/bytes");
    assert_eq!(bytes.status, 200);
    assert!(bytes.header("content-disposition").unwrap().starts_with("attachment"));
    assert_eq!(bytes.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(bytes.body, Photo::new("lonely").bytes);
}

#[test]
fn what_strangers_write_is_text_and_never_markup() {
    let site = closed();
    let hostile = "<img src=x onerror=alert(1)>\"'&.jpg";
    let mut photo = Photo::new("evil").tag("<script>alert(2)</script>:\"><b>");
    photo.filename = hostile.to_owned();
    receive(&site, &photo);
    let user = site.user(OPERATE);
    // What is under way is not held.
    look::eventually(Duration::from_secs(30), "a pause", || {
        Some(()).filter(|()| text(&user.get("/")).contains("archive is paused"))
    });
    let hold = [("verb", "hold"), ("of", "all"), ("reason", "<svg onload=alert(3)>")];
    let run = changed(&user, &hold);
    let query = encoded(&[("text", "\"><script>alert(4)</script>")]);
    let pages = ["/deliveries".to_owned(), "/photos/evil".to_owned(), "/runs".to_owned()];
    let pages = pages.into_iter().chain([
        format!("/deliveries?{query}"),
        format!("/deliveries/change?verb=hold&of=all&{query}"),
    ]);
    for html in pages.map(|path| text(&user.get(&path))).chain([run]) {
        for markup in ["<img src=x", "<script>alert", "<svg onload", "\"><b>"] {
            assert!(!html.contains(markup), "{markup}: {html}");
        }
    }
    let story = text(&user.get("/photos/evil"));
    assert!(story.contains("&lt;img src=x onerror") && story.contains("&lt;svg onload"), "{story}");
}

/// The texts of a page, apart from what it says to be English.
fn texts(html: &str) -> Vec<&str> {
    let parts = html.split('<').filter_map(|part| part.split_once('>'));
    parts.filter(|(tag, _)| !tag.contains("lang=\"en\"")).map(|(_, text)| text).collect()
}

/// All that the API says of a photo in its own words, which are English.
fn sayings(story: &serde_json::Value, all: &mut Vec<String>) {
    match story {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if ["summary", "came", "words"].contains(&name.as_str()) => {
                        all.push(text.to_owned());
                    }
                    _ => sayings(value, all),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| sayings(item, all)),
        _ => {}
    }
}

#[test]
fn a_story_is_told_in_the_visitor_s_language_and_what_is_english_says_so() {
    let site = closed();
    receive_all(&site, 0..3);
    site.daemon.wait_for_log("paused");
    // What is under way is neither held nor dropped.
    look::eventually(Duration::from_secs(30), "all to be due", || {
        let all = look::deliveries(&site.daemon);
        all.iter().all(|delivery| delivery["state"] == "due").then_some(())
    });
    let user = site.user(OPERATE);
    let on =
        |verb, photo, reason| [("of", "all"), ("verb", verb), ("photo", photo), ("reason", reason)];
    changed(&user, &on("hold", "img-001", ""));
    changed(&user, &on("drop", "img-002", "une autre est meilleure"));
    let headers = [("Cookie", user.cookie.as_str()), ("Accept-Language", "fr")];
    let run = text(&site.ask("GET", "/runs/1", &headers, ""));
    assert!(run.contains("retenue par une personne"), "{run}");
    let paused = ["archive est en pause", "archive está en pausa"];
    let since = ["depuis ", "desde hace "];
    let held = ["retenue par une personne", "retenida por una persona"];
    let dropped = ["abandonnée par une personne", "descartada por una persona"];
    for (photo, said) in
        [("img-000", paused), ("img-000", since), ("img-001", held), ("img-002", dropped)]
    {
        let bearer = format!("Bearer {READ}");
        let api = format!("/api/v1/photos/{photo}");
        let story = text(&site.ask("GET", &api, &[("Authorization", &bearer)], ""));
        let mut english = Vec::new();
        sayings(&serde_json::from_str(&story).unwrap(), &mut english);
        assert!(english.len() > 5, "{story}");
        for (language, said) in ["fr", "es"].into_iter().zip(said) {
            let headers = [("Cookie", user.cookie.as_str()), ("Accept-Language", language)];
            let page = text(&site.ask("GET", &format!("/photos/{photo}"), &headers, ""));
            let texts = texts(&page);
            assert!(texts.iter().any(|text| text.contains(said)), "{said}: {page}");
            for english in &english {
                let is_said = texts.iter().any(|text| text.contains(english.as_str()));
                assert!(!is_said, "{language} {photo}: {english}: {page}");
            }
        }
        let page = text(&user.get(&format!("/photos/{photo}")));
        assert!(!page.contains("<span lang=\"en\""), "English needs no mark in English: {page}");
    }
}
