//! Help desks and the built binary: every mode, lost answers, power cuts, keys that end.

use std::{thread, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{QUICK, kind};
use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, Photo},
        desk::{Fault, Shape, What},
        freshworks::{FakeFreshworks, KEY, Product, Switch as Turn},
        oauth::{CLIENT_ID, CLIENT_SECRET, FakeOauth, Wants},
        zendesk::{FakeZendesk, SCOPES},
    },
    look,
};

/// A help desk, as its fake.
pub(super) enum Desk {
    Freshworks(FakeFreshworks),
    Zendesk(FakeZendesk, FakeOauth),
}

/// A note there: ticket, who sees it, its files as (name, digest).
type Note = (u64, &'static str, Vec<(String, String)>);

impl Desk {
    fn each() -> [Desk; 3] {
        let fake = FakeZendesk::start();
        let server = FakeOauth::start(Wants::Json);
        fake.trust(&server, SCOPES);
        [
            Desk::Freshworks(FakeFreshworks::start(Product::Freshdesk)),
            Desk::Freshworks(FakeFreshworks::start(Product::Freshservice)),
            Desk::Zendesk(fake, server),
        ]
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Desk::Zendesk(..) => "zendesk",
            Desk::Freshworks(fake) if fake.product() == Product::Freshdesk => "freshdesk",
            Desk::Freshworks(_) => "freshservice",
        }
    }

    pub(super) fn ticket(&self) -> u64 {
        match self.kind() {
            "zendesk" => 9,
            "freshdesk" => 17,
            _ => 241,
        }
    }

    pub(super) fn toml(&self, more: &str) -> String {
        let kind = self.kind();
        let (url, login) = match self {
            Desk::Freshworks(fake) => (fake.url(), format!("api_key = \"{KEY}\"")),
            Desk::Zendesk(fake, _) => {
                let login =
                    format!("client_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"");
                (fake.url(), login)
            }
        };
        format!(
            "{QUICK}[destination.desk]\ntype = \"{kind}\"\nbase_url = \"{url}\"\n{login}\n\
             writes_per_minute = 1000\n{more}\n"
        )
    }

    /// The call that makes a photo visible.
    fn write(&self) -> &'static str {
        if self.kind() == "zendesk" { "update" } else { "note" }
    }

    pub(super) fn fault(&self, on: &'static str, what: What) {
        match self {
            Desk::Freshworks(fake) => fake.fault(Fault::once(on, what)),
            Desk::Zendesk(fake, _) => fake.fault(Fault::once(on, what)),
        }
    }

    /// How often it was called so.
    fn count(&self, endpoint: &str) -> usize {
        let seen = match self {
            Desk::Freshworks(fake) => fake.seen(),
            Desk::Zendesk(fake, _) => fake.seen(),
        };
        seen.iter().filter(|seen| seen.endpoint == endpoint).count()
    }

    /// Notes with files.
    fn notes(&self) -> Vec<Note> {
        let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let mut notes: Vec<Note> = match self {
            Desk::Freshworks(fake) => fake
                .everything()
                .into_iter()
                .map(|note| {
                    let seen = match (note.private, note.incoming) {
                        (true, _) => "internal",
                        (false, true) => "client",
                        (false, false) => "agent",
                    };
                    let files = note.attachments.iter();
                    let files = files.map(|file| (file.name.clone(), digest(&file.bytes)));
                    (note.ticket, seen, files.collect())
                })
                .collect(),
            Desk::Zendesk(fake, _) => fake
                .everything()
                .into_iter()
                .map(|comment| {
                    let seen = match (comment.public, comment.author) {
                        (false, _) => "internal",
                        (true, 900) => "agent",
                        (true, _) => "client",
                    };
                    let files = comment.files.iter();
                    let files = files.map(|file| (file.name.clone(), digest(&file.bytes)));
                    (comment.ticket, seen, files.collect())
                })
                .collect(),
        };
        notes.retain(|(_, _, files)| !files.is_empty());
        notes
    }

    /// A photo for its ticket.
    fn photo(&self, id: &str, mode: &str) -> Photo {
        let mut photo = Photo::new(id);
        photo.metadata = json!({self.kind(): {"ticket_id": self.ticket(), "mode": mode}});
        photo
    }

    /// That the photo is there once, seen by those.
    pub(super) fn has_once(&self, photo: &Photo, mode: &str) {
        let file = (format!("apertur-{}.jpg", photo.image_id), photo.sha256());
        let mut notes = self.notes();
        notes.retain(|(_, _, files)| files.contains(&file));
        let kind = self.kind();
        assert!(notes.len() == 1, "{kind}: {notes:?}");
        assert_eq!((notes[0].0, notes[0].1), (self.ticket(), mode), "{kind}");
    }
}

fn accepted(daemon: &Daemon, photo: &Photo) {
    let answered = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
    assert_eq!(answered.told(), (200, "accepted".to_owned()));
}

/// Runs the same for each desk, all at once.
pub(super) fn each(run: impl Fn(Desk) + Sync) {
    thread::scope(|scope| {
        for desk in Desk::each() {
            scope.spawn(|| run(desk));
        }
    });
}

/// Waits until everything is delivered, with the wait that a doubtful ending has.
fn delivered(daemon: &Daemon) -> Vec<Value> {
    look::eventually(Duration::from_secs(90), "everything delivered", || {
        let all = look::deliveries(daemon);
        let done = all.iter().all(|delivery| delivery["state"] == "delivered");
        (done && !all.is_empty()).then_some(all)
    })
}

#[test]
fn a_webhook_becomes_a_note_in_every_mode() {
    each(|desk| {
        let daemon = Daemon::start(Options::toml(desk.toml("")));
        let modes = ["client", "agent", "internal", "secret"];
        let photos: Vec<_> =
            modes.iter().map(|mode| desk.photo(&format!("img_{mode}"), mode)).collect();
        photos.iter().for_each(|photo| accepted(&daemon, photo));
        for delivery in delivered(&daemon) {
            assert_eq!(delivery["attempts"], 1, "{delivery}");
        }
        for (photo, mode) in photos.iter().zip(["client", "agent", "internal", "internal"]) {
            desk.has_once(photo, mode);
        }
        let tagged = Photo::new("img_tag").tag(&format!("{}:{}", desk.kind(), desk.ticket()));
        accepted(&daemon, &tagged);
        delivered(&daemon);
        desk.has_once(&tagged, "internal");
        look::assert_well(&daemon);
    });
}

#[test]
fn a_lost_answer_or_an_error_after_the_note_was_made_leaves_one_note() {
    each(|desk| {
        let daemon = Daemon::start(Options::toml(desk.toml("")));
        let html = Shape::Html;
        let troubles = [What::LoseAnswer, What::After(500, html.clone()), What::After(502, html)];
        for (number, what) in troubles.into_iter().enumerate() {
            let photo = desk.photo(&format!("img_{number}"), "client");
            desk.fault(desk.write(), what);
            accepted(&daemon, &photo);
            let all = delivered(&daemon);
            desk.has_once(&photo, "client");
            assert_eq!(all[0]["receipt"]["found"], true, "{}", all[0]);
        }
        assert_eq!((desk.notes().len(), desk.count(desk.write())), (3, 3));
    });
}

#[test]
fn a_power_cut_between_upload_and_comment_or_during_the_note_leaves_one_note() {
    let late = Duration::from_secs(3);
    each(|desk| {
        let mut cuts = vec![(desk.write(), What::Late(late)), (desk.write(), What::Stall(late))];
        if desk.kind() == "zendesk" {
            cuts.push(("upload", What::Stall(late)));
        }
        let mut daemon = Daemon::start(Options::toml(desk.toml("")));
        for (number, (on, what)) in cuts.into_iter().enumerate() {
            let photo = desk.photo(&format!("img_{number}"), "client");
            let before = desk.count(on);
            desk.fault(on, what);
            accepted(&daemon, &photo);
            look::eventually(Duration::from_secs(20), on, || {
                (desk.count(on) > before).then_some(())
            });
            daemon.kill9();
            daemon.restart();
            delivered(&daemon);
            thread::sleep(late);
            desk.has_once(&photo, "client");
            assert_eq!(desk.notes().len(), number + 1);
        }
    });
}

#[test]
fn a_key_that_ends_pauses_and_a_good_one_goes_on() {
    each(|desk| {
        let daemon = Daemon::start(Options::toml(desk.toml("")));
        let photos: Vec<_> = (0..4).map(|n| desk.photo(&format!("img_{n}"), "agent")).collect();
        accepted(&daemon, &photos[0]);
        delivered(&daemon);
        match &desk {
            Desk::Freshworks(fake) => fake.set(Turn::Key("another")),
            Desk::Zendesk(fake, _) => fake.forget_tokens(),
        }
        photos[1..].iter().for_each(|photo| accepted(&daemon, photo));
        look::eventually(Duration::from_secs(30), "a pause", || {
            let listed = daemon.command(&["destinations", "list", "--json"]);
            let rows: Value = serde_json::from_slice(&listed.stdout).unwrap();
            (rows[0]["paused"]["cause"]["kind"] == "unauthorized").then_some(())
        });
        assert_eq!(desk.notes().len(), 1);
        match &desk {
            Desk::Freshworks(fake) => fake.set(Turn::Key(KEY)),
            Desk::Zendesk(fake, server) => fake.trust(server, SCOPES),
        }
        for delivery in delivered(&daemon) {
            assert_eq!(delivery["attempts"], 1, "{delivery}");
        }
        photos.iter().for_each(|photo| desk.has_once(photo, "agent"));
    });
}

#[test]
fn a_token_that_ends_in_the_middle_is_renewed_without_a_failed_attempt() {
    let [_, _, desk] = Desk::each();
    let Desk::Zendesk(_, server) = &desk else { panic!("another order") };
    let daemon = Daemon::start(Options::toml(desk.toml("")));
    for number in 0..3 {
        let photo = desk.photo(&format!("img_{number}"), "agent");
        accepted(&daemon, &photo);
        let all = delivered(&daemon);
        assert_eq!(all[0]["attempts"], 1, "{}", all[0]);
        desk.has_once(&photo, "agent");
        server.end_access_tokens();
    }
    assert_eq!(server.seen().len(), 3);
    for secret in server.secrets() {
        assert!(!daemon.log().contains(&secret));
    }
}

#[test]
fn twelve_photos_of_a_session_arrive_in_few_notes_with_a_receipt_each() {
    each(|desk| {
        let daemon = Daemon::start(Options::toml(desk.toml("")));
        // The first one is under way while the others come.
        desk.fault(desk.write(), What::Stall(Duration::from_secs(3)));
        let photos: Vec<_> = (0..12).map(|n| desk.photo(&format!("img_{n}"), "internal")).collect();
        photos.iter().for_each(|photo| accepted(&daemon, photo));
        let all = delivered(&daemon);
        let mut receipts: Vec<_> =
            all.iter().map(|delivery| delivery["receipt"]["ids"].to_string()).collect();
        receipts.sort();
        receipts.dedup();
        assert_eq!(receipts.len(), 12);
        photos.iter().for_each(|photo| desk.has_once(photo, "internal"));
        let notes = desk.notes().len();
        let most = if desk.kind() == "freshdesk" { 12 } else { 4 };
        assert!(notes <= most, "{}: {notes} notes", desk.kind());
    });
}

#[test]
fn a_photo_over_the_limit_is_held_and_the_setting_is_named() {
    each(|desk| {
        let daemon = Daemon::start(Options::toml(desk.toml("max_attachment = \"1KiB\"")));
        accepted(&daemon, &desk.photo("img_1", "client"));
        let held = look::settled(&daemon, &["held"]).remove(0);
        assert_eq!(kind(&held), "too_large");
        let cause = held["cause"].to_string();
        assert!(cause.contains("max_attachment") && cause.contains("1024"), "{cause}");
        assert_eq!(desk.notes(), []);
    });
}

#[test]
fn a_tag_that_names_no_ticket_is_named_until_the_right_one_comes() {
    each(|desk| {
        let daemon = Daemon::start(Options::toml(desk.toml("")));
        let right = format!("{}:{}", desk.kind(), desk.ticket());
        let wrong = format!("{right}a");
        accepted(&daemon, &Photo::new("img_1").tag(&wrong));
        let held = look::settled(&daemon, &["held"]).remove(0);
        assert_eq!(kind(&held), "unrouted");
        let shown = daemon.command(&["deliveries", "show", "img_1"]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains(&format!("the tag \"{wrong}\" names no record")), "{shown}");
        assert!(shown.contains("digits only, such as"), "{shown}");
        let again = Photo::new("img_1").tag(&right).json_base64().signed();
        let answer = apertur::post(daemon.url(), &again).unwrap();
        assert_eq!(answer.told(), (200, "duplicate".to_owned()));
        look::settled(&daemon, &["delivered"]);
        assert_eq!(desk.notes().len(), 1);
    });
}
