//! Sessions of our own: made, photographed into, and where the photos go then.

mod troubles;

use serde_json::{Value, json};

use super::Rig;
use crate::{
    daemon::{Daemon, Options, binary},
    fakes::{
        apertur::{FakeApertur, Photo, Reply, WEBHOOK_DESTINATION},
        odoo::{FakeOdoo, Fault, What},
    },
    look,
};

impl Rig {
    /// Runs `sessions ...`; gives code, standard output and standard error.
    pub(super) fn sessions(&self, args: &[&str]) -> (i32, String, String) {
        let done = self.daemon.command(&[&["sessions"], args].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
    }

    /// Makes a session for contact 42 and gives what was told.
    pub(super) fn session(&self, more: &[&str]) -> Value {
        let args = ["create", "--for", "odoo:res.partner:42", "--json"];
        let (code, out, err) = self.sessions(&[&args, more].concat());
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    }
}

/// A daemon whose sessions go to a destination that posts to it.
fn rig() -> Rig {
    let lines = format!("session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n");
    Rig::on(FakeOdoo::start(18), &lines)
}

pub(super) fn id(made: &Value) -> String {
    made["session"].as_str().unwrap().to_owned()
}

#[test]
fn a_photo_of_our_own_session_goes_to_its_record_whatever_it_says_itself() {
    let rig = rig();
    let made = rig.session(&["--mode", "internal", "--label", "the roof"]);
    let session = id(&made);
    let asked = rig.apertur.with(|api| api.sessions.all[0].asked.clone());
    let odoo = json!({"odoo": {"model": "res.partner", "res_id": 42, "mode": "internal"}});
    assert_eq!((&asked["metadata"], &asked["tags"]), (&odoo, &json!(["odoo:res.partner:42"])));
    assert_eq!(asked["destination_ids"], json!([WEBHOOK_DESTINATION]));

    let mut liar = rig.apertur.upload(&session, "img_1");
    liar.tags = vec!["odoo:res.partner:43".to_owned(), "zendesk:9".to_owned()];
    liar = liar.odoo("project.task", 7, "public");
    rig.accepted(liar.event("image.delivered", None));
    // Ids in headers that nobody signed count in a session of ours.
    let quiet = rig.apertur.upload(&session, "img_2");
    rig.accepted(quiet.binary());
    rig.delivered();
    for photo in [&liar, &quiet] {
        let (attachment, message) = rig.once(photo);
        assert_eq!((attachment.res_model.as_str(), attachment.res_id), ("res.partner", 42));
        assert_eq!(message.subtype, "mail.mt_note");
    }

    let (_, out, _) = rig.sessions(&["show", "the roof", "--json"]);
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&shown["state"], &shown["apertur"]), (&json!("open"), &json!("active")));
    assert_eq!(shown["photos"].as_array().unwrap().len(), 2);
    let first = &shown["photos"][0];
    assert_eq!(first["deliveries"][0]["state"], "delivered");
    assert_eq!(first["apertur"]["destinations"][0]["status"], "sent");
    look::assert_well(&rig.daemon);
}

#[test]
fn a_header_that_nobody_signed_sends_no_photo_away_from_what_is_signed() {
    let rig = rig();
    let session = id(&rig.session(&["--mode", "public"]));
    let mut photo = rig.apertur.upload(&session, "img_1");
    photo.tags = vec!["odoo:res.partner:43".to_owned()];
    rig.accepted(photo.multipart());
    let held = rig.held();
    assert_eq!((super::kind(&held), &held["target"]), ("unrouted", &json!("odoo:res.partner:43")));
    let why = held["cause"]["what"].as_str().unwrap();
    assert!(why.starts_with("what is signed names odoo:res.partner:43, and a header"), "{why}");
    assert!(why.ends_with("which is for odoo:res.partner:42"), "{why}");
    rig.daemon.wait_for_log("and a header that nobody signed names session~");
    assert_eq!(rig.post(&photo.multipart().signed()).told(), (200, "duplicate".to_owned()));
    let told = rig.daemon.command(&["deliveries", "show", held["id"].to_string().as_str()]);
    assert!(String::from_utf8_lossy(&told.stdout).contains("why        what is signed names"));

    // Somebody has looked. Nothing of the session counts, its mode neither.
    rig.replay(&["--all"]);
    rig.delivered();
    let (attachments, messages) = (rig.odoo.attachments(), rig.odoo.messages());
    assert_eq!((attachments.len(), messages.len()), (1, 1));
    assert_eq!((attachments[0].res_model.as_str(), attachments[0].res_id), ("res.partner", 43));

    // Where both name the same record, or nothing that is signed names one, it counts.
    photo.tags = vec!["odoo:res.partner:42".to_owned()];
    photo.image_id = "img_2".to_owned();
    rig.accepted(photo.multipart());
    rig.delivered();
    assert_eq!(rig.once(&photo).0.res_id, 42);
}

/// The section of a second Odoo.
fn second(odoo: &FakeOdoo) -> String {
    super::erp(odoo, "odoo-key").replace("[destination.erp]", "[destination.erp2]")
}

#[test]
fn photos_of_a_session_for_one_odoo_reach_nobody_of_another() {
    let other = FakeOdoo::start(18);
    let rig = Rig::with(FakeOdoo::start(18), &second(&other));
    let made = rig.session(&["--destination", "erp2", "--mode", "contact", "--label", "roof"]);
    assert_eq!(made["destination"], "erp2");
    let photo = rig.apertur.upload(&id(&made), "img_1");
    rig.accepted(photo.event("image.delivered", None));
    let photo = rig.apertur.upload(&id(&made), "img_2");
    rig.accepted(photo.binary());
    let all = rig.delivered();
    let to: Vec<_> = all.iter().map(|one| one["destination"].as_str().unwrap()).collect();
    assert_eq!(to, ["erp2", "erp2"]);
    assert_eq!((rig.odoo.attachments().len(), rig.odoo.messages().len()), (0, 0));
    assert_eq!((other.attachments().len(), other.messages().len()), (2, 2));

    for args in [vec!["show", "roof", "--local"], vec!["list"]] {
        let (_, out, err) = rig.sessions(&args);
        assert!(out.contains("odoo:res.partner:42 of erp2"), "{out}{err}");
    }
    let (_, out, _) = rig.sessions(&["list", "--json"]);
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed[0]["destination"], "erp2");
    let told = explained(&rig, &photo);
    assert!(told.contains("session is for the record of another destination"), "{told}");

    // Nobody named one: as ever to all of them.
    let made = rig.session(&[]);
    assert_eq!(made["destination"], Value::Null);
    let photo = rig.apertur.upload(&id(&made), "img_3");
    rig.accepted(photo.event("image.delivered", None));
    rig.delivered();
    rig.once(&photo);
    assert_eq!(other.attachments().len(), 3);
    look::assert_well(&rig.daemon);
}

fn explained(rig: &Rig, photo: &Photo) -> String {
    let file = rig.daemon.dir().join("event.json");
    std::fs::write(&file, photo.event("image.delivered", None).body).unwrap();
    let done = rig.daemon.command(&["check", "--explain", file.to_str().unwrap()]);
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_session_is_for_a_destination_that_takes_photos_for_its_record() {
    let other = FakeOdoo::start(18);
    let rig = Rig::with(FakeOdoo::start(18), &second(&other));
    let create =
        |more: &[&str]| rig.sessions(&[&["create", "--for", "odoo:res.partner:42"], more].concat());
    for (more, part) in [
        (&["--destination", "nobody"][..], "the destinations that do: erp2, erp"),
        (&["--destination", "erp", "--send=erp2"], "write --send=erp"),
    ] {
        let (code, out, err) = create(more);
        assert_eq!(code, 2, "{out}{err}");
        assert!(err.contains(part), "{err}");
    }
    assert_eq!(rig.apertur.with(|api| api.sessions.all.len()), 0);
    let (code, _, err) = create(&["--send=erp2", "--label", "sent", "--mode", "contact"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = create(&["--send", "--destination", "erp", "--mode", "contact"]);
    assert_eq!(code, 0, "{err}");
    let (_, out, _) = rig.sessions(&["list", "--json"]);
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&listed[1]["destination"], &listed[1]["label"]), (&json!("erp2"), &json!("sent")));
    assert_eq!(listed[0]["destination"], "erp");
    assert_eq!((rig.odoo.messages().len(), other.messages().len()), (1, 1));
}

#[test]
fn a_photo_in_doubt_is_attached_once_when_it_comes_for_certain() {
    let rig = rig();
    let session = id(&rig.session(&["--mode", "public"]));
    let mut photo = rig.apertur.upload(&session, "img_1");
    let honest = photo.clone();
    photo.tags = vec!["odoo:res.partner:43".to_owned()];
    rig.accepted(photo.multipart());
    assert_eq!(super::kind(&rig.held()), "unrouted");
    rig.accepted(honest.event("image.delivered", None));
    rig.delivered();
    assert_eq!(rig.only(&honest).0.res_id, 42);
    assert_eq!(rig.post(&photo.multipart().signed()).told(), (200, "duplicate".to_owned()));
    assert_eq!(rig.odoo.attachments().len(), 1);
}

#[test]
fn the_link_shows_where_it_is_asked_for_and_nowhere_else() {
    let rig = rig();
    let file = rig.daemon.dir().join("code.svg");
    let made = rig.session(&["--label", "roof", "--qr", file.to_str().unwrap()]);
    let (session, link) = (id(&made), made["link"].as_str().unwrap().to_owned());
    let name = made["name"].as_str().unwrap();
    let photo = rig.apertur.upload(&session, "img_1");
    rig.accepted(photo.event("image.delivered", None));
    rig.delivered();
    assert!(std::fs::read_to_string(&file).unwrap().contains("<svg"));

    for args in [
        vec!["list"],
        vec!["list", "--json"],
        vec!["list", "--remote"],
        vec!["show", name],
        vec!["show", name, "--json"],
        vec!["close", name],
    ] {
        let (code, out, err) = rig.sessions(&args);
        assert_eq!(code, 0, "{args:?}: {err}");
        let said = format!("{out}{err}");
        assert!(!said.contains(&session) && !said.contains(&link), "{args:?}: {said}");
        assert!(said.contains(name), "{args:?}: {said}");
        assert!(said.contains("sandbox") || args[0] == "close", "{args:?}: {said}");
    }
    let (_, shown, _) = rig.sessions(&["show", &name[8..], "--link"]);
    assert!(shown.contains(&link) && shown.contains(&session), "{shown}");
    let (_, drawn, _) = rig.sessions(&["qr", &session]);
    assert!(drawn.starts_with(&link) && drawn.contains('▀'), "{drawn}");
    let log = rig.daemon.log();
    assert!(!log.contains(&session) && !log.contains("u.example.com"), "{log}");
}

#[test]
fn a_closed_session_ends_soon_at_apertur_and_at_once_here() {
    let rig = rig();
    rig.apertur.with(|api| api.sessions.soonest = 600);
    let made = rig.session(&["--expires-in", "5h"]);
    let name = made["name"].as_str().unwrap();
    let (code, out, err) = rig.sessions(&["close", name, "--json"]);
    assert_eq!(code, 0, "{err}");
    let closed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(closed["state"], "closed");
    let left = rig.apertur.with(|api| {
        let end = api.sessions.all[0].expires_at;
        end.duration_since(jiff::Timestamp::now()).as_mins()
    });
    assert!((58..=60).contains(&left), "{left} min: what is too soon is tried later");
    let (_, out, _) = rig.sessions(&["list", "--open", "--json"]);
    assert_eq!(out.trim(), "[]");
    // Once more is no harm.
    assert_eq!(rig.sessions(&["close", name]).0, 0);
    // Photos that were on their way still go to the record.
    let mut late = Photo::new("img_9");
    late.session = id(&made);
    rig.accepted(late.json_base64());
    rig.delivered();
    assert_eq!(rig.once(&late).0.res_id, 42);
}

#[test]
fn a_watch_tells_each_photo_s_way_and_ends_with_the_session() {
    let rig = rig();
    let made = rig.session(&["--max-images", "2"]);
    let name = made["name"].as_str().unwrap().to_owned();
    let photos = ["img_1", "img_2"].map(|image| rig.apertur.upload(&id(&made), image));
    rig.accepted(photos[0].event("image.delivered", None));
    let watch = rig.daemon.prepare(&["sessions", "watch", &name, "--json"]);
    let watching = std::thread::spawn(move || {
        let mut watch = watch;
        watch.output().unwrap()
    });
    // The second comes while somebody watches.
    rig.delivered();
    rig.accepted(photos[1].event("image.delivered", None));
    let watched = watching.join().unwrap();
    let err = String::from_utf8_lossy(&watched.stderr);
    assert!(watched.status.success(), "{err}");
    let out = String::from_utf8(watched.stdout).unwrap();
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for image in ["img_1", "img_2"] {
        let last = lines.iter().rfind(|line| line["image"] == image).unwrap();
        assert_eq!(last["deliveries"][0]["state"], "delivered", "{out}");
    }
    let calls = rig.apertur.seen().iter().filter(|seen| seen.path.contains("status")).count();
    assert!(calls <= 2, "{calls} calls in a few seconds");
}

#[test]
fn a_session_is_made_without_a_daemon_and_known_to_the_next_one() {
    let (odoo, apertur) = (FakeOdoo::start(18), FakeApertur::start());
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    let text = format!("{}{}{}", apertur.settings(), super::QUICK, super::erp(&odoo, "odoo-key"));
    std::fs::write(&file, Options::toml(text).whole()).unwrap();
    let mut create = binary(&file);
    create.args(["sessions", "create", "--for", "odoo:res.partner:42", "--json"]);
    let made = create.current_dir(home.path()).output().unwrap();
    let err = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{err}");
    assert!(err.contains("set apertur.session_destinations"), "{err}");
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let daemon = Daemon::start_in(home, Vec::new());
    let rig = Rig { odoo, apertur, daemon };
    let mut photo = rig.apertur.upload(&id(&made), "img_1");
    (photo.tags, photo.metadata) = (Vec::new(), Value::Null);
    rig.accepted(photo.event("image.delivered", None));
    rig.delivered();
    assert_eq!(rig.only(&photo).0.res_id, 42);
}

#[test]
fn what_cannot_be_made_says_why_and_leaves_nothing() {
    let rig = rig();
    let create = ["create", "--for", "odoo:res.partner:42"];
    rig.apertur.with(|api| api.sessions.quota = Some(0));
    let (code, out, err) = rig.sessions(&create);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("the plan's sessions of this month are used up"), "{err}");
    assert!(err.contains("Monthly session quota exceeded"), "{err}");
    rig.apertur.with(|api| api.next.push_back(Reply::refused(401, "Invalid API key")));
    let (code, _, err) = rig.sessions(&create);
    assert_eq!(code, 69, "{err}");
    assert!(err.contains("mend apertur.api_key"), "{err}");
    for (args, part) in [
        (vec!["--for", "ticket:7"], "write for example zendesk:7"),
        (vec!["--for", "odoo:x:1", "--password", "abc"], "4 to 128 characters"),
        (vec!["--for", "odoo:x:1", "--expires-in", "8d"], "at most 7 days"),
        (vec!["--for", "odoo:x:1", "--allow-mime", "gif"], "jpeg, png, webp and heic"),
        (vec!["--for", "odoo:x:1", "--qr", "code.gif"], ".png or .svg"),
        (vec!["--for", "odoo:x:1", "--mode", "loud"], "contact, internal and public"),
    ] {
        let (code, _, err) = rig.sessions(&[vec!["create"], args.clone()].concat());
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains(part), "{args:?}: {err}");
    }
    let (_, out, _) = rig.sessions(&["list", "--json"]);
    assert_eq!(out.trim(), "[]");
    let (code, _, err) = rig.sessions(&["show", "nobody"]);
    assert_eq!(code, 1);
    assert!(err.contains("there is no session of that name"), "{err}");
}

#[test]
fn an_end_that_no_session_has_does_not_hurt_the_journal() {
    let mut rig = rig();
    let body = json!({"id": "s-1", "upload_url": "https://u.example.com/s-1",
        "expires_at": "9999-12-30T22:00:00.999999999Z"});
    rig.apertur.with(|api| api.next.push_back(Reply::json(201, &body)));
    let name = rig.session(&[])["name"].as_str().unwrap().to_owned();
    rig.daemon.kill9();
    rig.daemon.restart();
    let (code, out, err) = rig.sessions(&["list", "--json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(&name), "{out}");
}

#[test]
fn a_session_that_cannot_be_written_down_is_not_made() {
    let rig = rig();
    // Somebody else's folder: neither a daemon nor a journal.
    let nowhere = rig.daemon.dir().join("config.toml");
    let mut create = rig.daemon.prepare(&["sessions", "create", "--for", "odoo:res.partner:42"]);
    create.env("APERTUR_BRIDGE__DATA_DIR", nowhere.join("data"));
    assert_eq!(create.output().unwrap().status.code(), Some(1));
    assert_eq!(rig.apertur.seen(), []);
}

#[test]
fn a_sent_link_is_told_to_the_customer_of_an_odoo_record() {
    for version in [16, 18, 19] {
        let lines = format!("session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n");
        let rig = Rig::on(FakeOdoo::start(version), &lines);
        for (mode, subtype, told) in [
            ("contact", "mail.mt_comment", vec![42]),
            ("public", "mail.mt_comment", vec![]),
            ("internal", "mail.mt_note", vec![]),
        ] {
            let args = ["create", "--for", "odoo:res.partner:42", "--json", "--mode", mode];
            let (code, out, err) =
                rig.sessions(&[&args[..], &["--send", "--language", "fr"]].concat());
            assert_eq!(code, 0, "{err}");
            // Its sessions are all of the sandbox.
            assert_eq!(
                err.contains("warning: this is a session of the sandbox"),
                mode == "contact"
            );
            assert_eq!(err.contains("note: in mode internal"), mode == "internal");
            let made: Value = serde_json::from_str(&out).unwrap();
            let message = rig.odoo.messages().pop().unwrap();
            assert_eq!((message.model.as_str(), message.res_id), ("res.partner", 42));
            assert_eq!((message.subtype, &message.partner_ids), (subtype, &told), "{version}");
            let link = made["link"].as_str().unwrap();
            assert!(message.body.contains(&format!("href=\"{link}\"")), "{}", message.body);
            assert!(message.body.contains("vos photos ici"), "{}", message.body);
            assert_eq!(made["sent"]["done"]["ids"][0]["value"], message.id.to_string());
        }
        assert_eq!(rig.odoo.messages().len(), 3);
    }
}

#[test]
fn a_link_that_cannot_be_sent_leaves_a_session_that_works() {
    let rig = rig();
    let on = "res.partner.message_post".to_owned();
    rig.odoo.fault(Fault { on, times: 1, what: What::RetryAfter(429, 900) });
    let (code, out, err) = rig.sessions(&["create", "--for", "odoo:res.partner:42", "--send"]);
    assert_eq!(code, 69, "{err}");
    assert!(out.contains("https://u.example.com/s/"), "{out}");
    assert!(err.contains("the session works, but its link was not sent: erp: "), "{err}");
    assert!(err.contains("apertur-bridge sessions qr session~"), "{err}");
    assert!(!err.contains("u.example.com"), "{err}");
    let (_, out, _) = rig.sessions(&["list", "--open", "--json"]);
    let kept: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(kept.as_array().unwrap().len(), 1);
}

#[test]
fn a_link_that_nobody_could_be_sent_is_not_made() {
    let rig = rig();
    let before = rig.apertur.with(|api| api.sessions.all.len());
    let (code, _, err) = rig.sessions(&["create", "--for", "odoo:res.partner:999999", "--send"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("erp: ") && err.contains("no session was made"), "{err}");
    assert!(!err.contains("replay"), "{err}");
    let fault = Fault { on: "res.partner.read".to_owned(), times: 99, what: What::HtmlStatus(502) };
    rig.odoo.fault(fault);
    let (code, _, err) = rig.sessions(&["create", "--for", "odoo:res.partner:42", "--send"]);
    assert_eq!(code, 69, "{err}");
    for (args, part) in [
        (["--for", "zendesk:9", "--send"], "there is no destination to write to zendesk:9 with"),
        (["--for", "odoo:res.partner:42", "--send=other"], "there is no destination"),
    ] {
        let (code, _, err) = rig.sessions(&[vec!["create"], args.to_vec()].concat());
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(part), "{err}");
    }
    assert_eq!(rig.apertur.with(|api| api.sessions.all.len()), before, "asked for first");
}
