//! Sessions over the API: made, shown, drawn, closed; ids and links are shown to nobody else.

use serde_json::{Value, json};

use super::{OPERATE, READ, Site, each, json};
use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, Answer},
        odoo::FakeOdoo,
    },
};

/// A site with an Odoo `erp`.
fn site() -> (Site, FakeOdoo) {
    let odoo = FakeOdoo::start(18);
    let site = Site::with(&format!(
        "[destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        odoo.url()
    ));
    (site, odoo)
}

fn draw(site: &Site, mark: &str, accept: &str) -> Answer {
    let text = format!(
        "GET /api/v1/sessions/{mark}/qr HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: Bearer {OPERATE}\r\nAccept: {accept}\r\n\r\n"
    );
    apertur::raw(site.daemon.console_url(), text.as_bytes()).unwrap()
}

#[test]
fn a_session_is_made_kept_shown_drawn_and_closed() {
    let (site, _odoo) = site();
    let wished = json!({
        "target": "odoo:res.partner:42", "mode": "internal", "label": "the roof",
        "max_images": 5, "media_types": ["jpeg"], "tags": ["vip:gold"], "destination": "erp",
    });
    let answer = site.call(OPERATE, "POST", "/api/v1/sessions", Some(&wished));
    let made = json(&answer);
    assert_eq!(answer.status, 201, "{made}");
    let mark = made["mark"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/api/v1/sessions/{mark}").as_str()));
    let asked = site.apertur.with(|api| api.sessions.all[0].asked.clone());
    assert_eq!(asked["tags"], json!(["odoo:res.partner:42", "vip:gold"]));
    assert_eq!(asked["max_images"], 5);
    let link = made["link"].as_str().unwrap();
    let own = site.apertur.with(|api| api.sessions.all[0].id.clone());

    let shown = json(&site.call(OPERATE, "GET", &format!("/api/v1/sessions/{mark}"), None));
    assert_eq!(shown, made);
    for path in [format!("/sessions/{mark}"), format!("/sessions/{}", text(&made["name"]))] {
        let read = site.get(&path);
        assert_eq!((&read["link"], &read["state"]), (&Value::Null, &json!("open")));
    }
    let list = site.get("/sessions");
    assert_eq!(
        (each(&list, "mark"), each(&list, "label")),
        (vec![json!(mark)], vec![json!("the roof")])
    );
    for said in [&answer.body, &list.to_string().into_bytes()] {
        assert!(!String::from_utf8_lossy(said).replace(link, "").contains(&own));
    }

    let svg = draw(&site, mark, "*/*");
    assert_eq!((svg.status, svg.header("content-type")), (200, Some("image/svg+xml")));
    let png = draw(&site, mark, "image/png;q=1, text/html");
    assert_eq!(png.header("content-type"), Some("image/png"));
    assert!(png.body.starts_with(b"\x89PNG"));
    assert_eq!(draw(&site, mark, "text/html").status, 406);

    let (_, closed) = site.post(&format!("/sessions/{mark}/close"), &json!({}));
    assert_eq!((&closed["state"], &closed["left_open"]), (&json!("closed"), &Value::Null));
    let photos = site.get(&format!("/deliveries?session={mark}"));
    assert_eq!(each(&photos, "id"), Vec::<Value>::new());
    let log = site.daemon.log();
    assert!(!log.contains(&own) && !log.contains(link), "{log}");
}

#[test]
fn the_next_page_of_a_session_is_asked_for_by_its_mark() {
    let (site, _odoo) = site();
    let (_, made) = site.post("/sessions", &json!({"target": "odoo:res.partner:42"}));
    let mark = text(&made["mark"]);
    let own = site.apertur.with(|api| api.sessions.all[0].id.clone());
    for image in ["a1", "a2", "a3"] {
        let photo = site.apertur.upload(&own, image).json_base64().signed();
        assert_eq!(apertur::post(site.daemon.url(), &photo).unwrap().status, 200);
    }
    for list in ["/deliveries", "/photos"] {
        let first = format!("/api/v1{list}?limit=1&session={own}&state=due,sending,delivered,held");
        let (mut path, mut pages) = (first, 0);
        loop {
            let answer = site.call(READ, "GET", &path, None);
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            pages += 1;
            let Some(link) = answer.header("link") else { break };
            assert!(!link.contains(&own) && link.contains(&format!("session={mark}&")), "{link}");
            path = link[1..].split('>').next().unwrap().to_owned();
        }
        assert!(pages >= 3, "{list} {pages}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn a_wish_that_cannot_be_granted_is_refused_before_apertur_is_asked() {
    let (site, _odoo) = site();
    for (body, field) in [
        (json!({"target": "nowhere"}), "target"),
        (json!({"target": "ticket:9"}), "target"),
        (json!({"target": "odoo:res.partner:42", "destination": "archive"}), "destination"),
        (json!({"target": "odoo:res.partner:42", "mode": "loud"}), "mode"),
        (json!({"target": "odoo:res.partner:42", "label": ""}), "label"),
        (json!({"target": "odoo:res.partner:42", "password": "abc"}), "password"),
        (json!({"target": "odoo:res.partner:42", "tags": ["zendesk:9"]}), "tags"),
        (json!({"target": "odoo:res.partner:42", "media_types": ["gif"]}), "media_types"),
        (json!({"target": "odoo:res.partner:42", "max_images": 0}), "max_images"),
        (
            json!({"target": "odoo:res.partner:42", "expires_at": "2020-01-01T00:00:00Z"}),
            "expires_at",
        ),
        (
            json!({"target": "odoo:res.partner:42", "expires_at": "2999-01-01T00:00:00Z"}),
            "expires_at",
        ),
    ] {
        let answer = site.call(OPERATE, "POST", "/api/v1/sessions", Some(&body));
        assert_eq!((answer.status, &json(&answer)["field"]), (400, &json!(field)), "{body}");
    }
    assert!(site.apertur.with(|api| api.sessions.all.is_empty()));
}

#[test]
fn without_a_key_no_session_is_made() {
    let daemon = Daemon::start(Options::toml(format!(
        "[console]\nlisten = \"127.0.0.1:0\"\ntokens = [\"{READ}\"]\n"
    )));
    let body = "{\"target\":\"odoo:res.partner:42\"}";
    let text = format!(
        "POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: \
         application/json\r\nAuthorization: Bearer {READ}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = apertur::raw(daemon.console_url(), text.as_bytes()).unwrap();
    assert_eq!(answer.status, 409);
    assert!(json(&answer)["fix"].as_str().unwrap().contains("apertur.api_key"));
}
