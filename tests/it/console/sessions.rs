//! The upload sessions: made, shown, closed, and who sees a link.

use super::site::{OPERATE, READ, Site, keys, text};
use crate::{
    fakes::apertur::{FakeApertur, WEBHOOK_DESTINATION, post},
    look,
};

/// With an Apertur, and an Odoo whose records have sessions.
fn site(apertur: &FakeApertur) -> Site {
    Site::of(&format!(
        "{}{}session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n\
         [destination.erp]\ntype = \"odoo\"\nurl = \"http://127.0.0.1:9\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        keys(""),
        apertur.settings(),
    ))
}

#[test]
fn a_session_is_made_shown_to_who_may_and_closed() {
    let apertur = FakeApertur::start();
    let site = site(&apertur);
    let user = site.user(OPERATE);
    let wish = [
        ("target", "odoo:res.partner:42"),
        ("destination", "erp"),
        ("mode", "internal"),
        ("hours", "4"),
        ("label", "The roof"),
    ];
    let made = user.post("/sessions", &wish);
    assert_eq!(made.status, 303, "{}", text(&made));
    let address = made.header("location").unwrap().to_owned();
    let id = apertur.with(|api| api.sessions.all.last().unwrap().id.clone());
    assert!(address.starts_with("/sessions/") && !address.contains(&id), "{address}");
    let html = text(&user.get(&address));
    for part in
        ["The roof", "odoo:res.partner:42", "https://u.example.com/", "/qr.svg", "internal:"]
    {
        assert!(html.contains(part), "{part}");
    }
    let qr = user.get(&format!("{address}/qr.svg"));
    assert_eq!((qr.status, qr.header("content-type")), (200, Some("image/svg+xml")));

    let reader = site.user(READ);
    let html = text(&reader.get(&address));
    assert!(html.contains("The roof") && !html.contains("https://u.") && !html.contains(&id));
    assert_eq!(reader.get(&format!("{address}/qr.svg")).status, 403);
    assert_eq!(reader.get("/sessions/new").status, 403);
    assert_eq!(reader.post("/sessions", &wish).status, 403);
    assert_eq!(reader.post(&format!("{address}/close"), &[]).status, 403);
    assert!(text(&reader.get("/sessions")).contains("The roof"));

    let closed = user.post(&format!("{address}/close"), &[]);
    assert_eq!((closed.status, closed.header("location")), (303, Some(address.as_str())));
    let html = text(&user.get(&address));
    assert!(html.contains("closed") && !html.contains("https://u."), "{html}");
    assert_eq!(apertur.with(|api| api.sessions.all.len()), 1);
    assert!(!site.daemon.log().contains(&id) && !site.daemon.log().contains("https://u."));
}

#[test]
fn what_cannot_be_wished_makes_no_session() {
    let apertur = FakeApertur::start();
    let site = site(&apertur);
    let user = site.user(OPERATE);
    for wish in [
        vec![("target", "rubbish")],
        vec![("target", "")],
        vec![("target", "odoo:res.partner:42"), ("destination", "archive")],
        vec![("target", "odoo:res.partner:42"), ("mode", "loud")],
        vec![("target", "odoo:res.partner:42"), ("hours", "5000")],
        vec![("target", "ticket:17")],
    ] {
        let answer = user.post("/sessions", &wish);
        let location = answer.header("location").unwrap();
        assert!(location.starts_with("/sessions/new?said=invalid"), "{wish:?} {location}");
        assert!(text(&user.get(location)).contains("role=\"alert\""));
    }
    apertur.with(|api| api.sessions.quota = Some(0));
    let refused = user.post("/sessions", &[("target", "odoo:res.partner:42")]);
    assert_eq!(refused.status, 502, "{}", text(&refused));
    assert_eq!(apertur.with(|api| api.sessions.all.len()), 0);
    for address in ["/sessions/nothing", "/sessions/nothing/qr.svg"] {
        assert_eq!(user.get(address).status, 404);
    }
    assert_eq!(user.post("/sessions/nothing/close", &[]).status, 404);
}

#[test]
fn a_photo_that_goes_to_two_places_counts_once() {
    let apertur = FakeApertur::start();
    let site = Site::of(&format!(
        "{}{}session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n\
         [destination.first]\ntype = \"folder\"\npath = \"first\"\n\
         [destination.second]\ntype = \"folder\"\npath = \"second\"\n\
         [[route]]\nto = [\"first\", \"second\"]\n",
        keys(""),
        apertur.settings(),
    ));
    for folder in ["first", "second"] {
        std::fs::create_dir_all(site.daemon.dir().join(folder)).unwrap();
    }
    let user = site.user(OPERATE);
    let made = user.post("/sessions", &[("target", "odoo:res.partner:42")]);
    assert_eq!(made.status, 303, "{}", text(&made));
    let address = made.header("location").unwrap().to_owned();
    let id = apertur.with(|api| api.sessions.all.last().unwrap().id.clone());
    let photo = apertur.upload(&id, "img_1").json_base64().signed();
    assert_eq!(post(site.daemon.url(), &photo).unwrap().status, 200);
    look::settled(&site.daemon, &["delivered"]);
    for page in ["/sessions", &address] {
        let html = text(&user.get(page));
        assert!(html.contains("1 photo<") && !html.contains("2 photos"), "{page} {html}");
    }
}
