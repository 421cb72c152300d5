//! The Zendesk destination against the fake Zendesk: what only this system does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod access;
mod finding;
mod uploads;

use std::{sync::Arc, time::Duration};

use apertur_bridge::{
    destinations::{
        self, Destination, Item, Message, Shared,
        zendesk::{Login, Settings},
    },
    http::Http,
    model::{Delivery, DestinationName, ErrorKind, Failure, Mode, Receipt},
    system::Clock,
};
use jiff::Timestamp;

use crate::{
    fakes::{
        apertur,
        desk::{self, Fault, What},
        zendesk::{EMAIL, FakeZendesk, SIGNED, TOKEN, UPLOAD},
    },
    parcel::{self, ending},
};

/// A fake Zendesk and a destination that points at it, by the same stepped clock.
struct Lab {
    zendesk: FakeZendesk,
    destination: Arc<dyn Destination>,
    clock: Clock,
    home: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// With settings changed.
    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Clock::stepped(Timestamp::from_second(1_800_000_017).unwrap());
        let zendesk = FakeZendesk::on(clock.clone());
        let home = tempfile::tempdir().unwrap();
        let mut settings = settings(&zendesk.url());
        change(&mut settings);
        let destination = destination(settings, &clock, &home);
        Self { zendesk, destination, clock, home }
    }

    fn item(&self, delivery: &Delivery) -> Item {
        parcel::item(self.home.path(), delivery.clone(), &bytes(delivery.photo.id.as_str()))
    }

    async fn send_all(&self, deliveries: &[Delivery]) -> Result<Vec<Receipt>, Failure> {
        let items = deliveries.iter().map(|d| self.item(d)).collect();
        let sent = parcel::send_at_once(&*self.destination, items).await;
        // Nobody is to keep or show an upload's token or where a file can be had.
        let told = format!("{sent:?}{:?}", sent.as_ref().err().map(|f| f.cause().to_string()));
        for secret in [TOKEN, UPLOAD, SIGNED] {
            assert!(!told.contains(secret), "{told}");
        }
        sent
    }

    async fn send(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        self.send_all(std::slice::from_ref(delivery)).await.map(|mut all| all.remove(0))
    }

    /// The kinds of the calls so far, in order.
    fn calls(&self) -> Vec<&'static str> {
        self.zendesk.seen().iter().map(|seen| seen.endpoint).collect()
    }
}

fn settings(url: &str) -> Settings {
    Settings {
        base_url: url.parse().unwrap(),
        agent_url: "https://acme.zendesk.com".parse().unwrap(),
        login: Login::ApiToken { email: EMAIL.to_owned(), token: TOKEN.into() },
        default_mode: Mode::Internal,
        message: Message::default(),
        max_attachment: 50 << 20,
        writes_per_minute: 50,
        timeout: Duration::from_secs(10),
        concurrency: 4,
    }
}

fn destination(
    settings: Settings,
    clock: &Clock,
    home: &tempfile::TempDir,
) -> Arc<dyn Destination> {
    let shared = Shared::new(Http::new().unwrap(), clock.clone(), home.path());
    let name = DestinationName::parse("support").unwrap();
    destinations::build(&name, destinations::Settings::Zendesk(settings), &shared)
}

/// A small JPEG, as far as anybody looks at it; it grows with the length of its id.
fn bytes(id: &str) -> Vec<u8> {
    apertur::Photo::of_size(id, 300 * id.len()).bytes
}

/// A delivery of the photo `id` to a ticket.
fn delivery(id: &str, ticket: u64, mode: Option<Mode>) -> Delivery {
    let delivery = parcel::of(&bytes(id), parcel::delivery(id, "pé <b>.jpg"));
    parcel::to(&format!("zendesk:{ticket}"), mode, delivery)
}

fn id(receipt: &Receipt, name: &str) -> Option<u64> {
    receipt.ids.iter().find(|step| step.name == name)?.value.parse().ok()
}

#[tokio::test]
async fn each_mode_is_a_comment_that_those_see_who_are_meant_to() {
    let lab = Lab::new();
    for (photo, mode, public, author) in [
        ("a", Some(Mode::Contact), true, 5501),
        ("b", Some(Mode::Public), true, 900),
        ("c", Some(Mode::Internal), false, 900),
        ("d", None, false, 900),
    ] {
        let receipt = lab.send(&delivery(photo, 9, mode)).await.unwrap();
        let comment = lab.zendesk.comments(9).pop().unwrap();
        assert_eq!((comment.public, comment.author), (public, author), "{photo}");
        let html = format!("<p>Photo received: pé _b_.jpg (ref apertur-{photo})</p>");
        assert_eq!(comment.html, html);
        let [file] = &comment.files[..] else { panic!("{comment:?}") };
        assert_eq!(file.name, format!("apertur-{photo}.jpg"));
        assert_eq!(
            (file.content_type.as_str(), &file.bytes[..]),
            ("image/jpeg", &bytes(photo)[..])
        );
        assert_eq!(comment.metadata, serde_json::json!({"apertur": [photo]}));
        assert_eq!(id(&receipt, "comment"), Some(comment.id));
        assert_eq!(id(&receipt, "attachment"), Some(file.id));
        assert_eq!(receipt.url.as_deref(), Some("https://acme.zendesk.com/agent/tickets/9"));
        assert_eq!((receipt.note, receipt.found), (None, false));
    }
    assert_eq!(lab.zendesk.overwritten(), Vec::<String>::new());
    assert_eq!(lab.calls()[..3], ["ticket", "upload", "update"]);
}

#[tokio::test]
async fn ten_photos_are_one_comment_with_a_receipt_each() {
    let lab = Lab::new();
    let photos: Vec<_> =
        (0..10).map(|n| delivery(&format!("p{n}"), 9, Some(Mode::Contact))).collect();
    let receipts = lab.send_all(&photos).await.unwrap();
    let [comment] = &lab.zendesk.comments(9)[..] else { panic!("one comment") };
    assert_eq!(comment.files.len(), 10);
    for (file, receipt) in comment.files.iter().zip(&receipts) {
        assert_eq!(id(receipt, "attachment"), Some(file.id));
        assert_eq!(id(receipt, "comment"), Some(comment.id));
    }
    let mut order = vec!["ticket"];
    order.extend(["upload"; 10]);
    order.push("update");
    assert_eq!(lab.calls(), order);
    let limits = lab.destination.limits();
    assert_eq!((limits.photos_per_parcel, limits.one_per_target), (10, true));
}

#[tokio::test]
async fn a_ticket_that_takes_nothing_gets_no_upload_where_that_can_be_seen() {
    let lab = Lab::new();
    let closed = lab.send(&delivery("a", 94, None)).await;
    assert_eq!(ending(&closed), "refused rejected");
    assert_eq!(closed.unwrap_err().cause().what, "ticket 94 is closed");
    let missing = lab.send(&delivery("a", 1, None)).await;
    assert_eq!(ending(&missing), "refused not_found");
    assert_eq!(lab.calls(), ["ticket", "ticket"]);
    // Only the update tells that a ticket is full; the upload is removed again.
    let full = lab.send(&delivery("a", 95, None)).await;
    assert_eq!(ending(&full), "refused rejected");
    assert!(full.unwrap_err().cause().fix.contains("5,000"));
    assert_eq!(lab.calls()[2..], ["ticket", "upload", "update", "unupload"]);
    assert_eq!(lab.zendesk.loose_uploads(), 0);
    let record = lab.destination.record(&"zendesk:94".parse().unwrap()).await;
    assert_eq!(ending(&record), "refused rejected");
}

#[tokio::test]
async fn a_refusal_stops_the_account_only_where_the_account_refuses_too() {
    for (on, status, shape, kind) in [
        ("ticket", 404, desk::Shape::Html, "not_found"),
        ("update", 404, desk::Shape::Html, "not_found"),
        ("update", 405, desk::Shape::Empty, "not_found"),
        ("upload", 410, desk::Shape::Empty, "not_found"),
        ("update", 302, desk::Shape::Empty, "protocol"),
        ("ticket", 403, desk::Shape::Empty, "forbidden"),
        ("upload", 403, desk::Shape::Html, "forbidden"),
        ("update", 402, desk::Shape::Empty, "forbidden"),
        ("comments", 423, desk::Shape::Empty, "forbidden"),
    ] {
        let refusal = What::Status(status, shape);
        let end = async |of_account: Option<What>| {
            let lab = Lab::new();
            lab.zendesk.fault(Fault::once(on, refusal.clone()));
            let is_fine = of_account.is_none();
            of_account.into_iter().for_each(|what| lab.zendesk.fault(Fault::once("count", what)));
            let photo = delivery("a", 9, None);
            let ended = match on {
                "comments" => ending(&lab.destination.find(&[photo]).await),
                _ => ending(&lab.send(&photo).await),
            };
            assert_eq!(lab.calls().iter().filter(|call| **call == "count").count(), 1);
            assert!(!is_fine || lab.zendesk.loose_uploads() == 0, "{on} {status}");
            ended
        };
        assert_eq!(end(None).await, format!("refused {kind}"), "{on} {status}");
        assert_eq!(end(Some(refusal.clone())).await, format!("broken {kind}"), "{on} {status}");
        // Nobody knows whose it is.
        let busy = What::RetryAfter(429, "9");
        assert_eq!(end(Some(busy)).await, "later rate_limited", "{on} {status}");
    }
}

#[tokio::test]
async fn a_long_refusal_is_not_read_and_a_long_list_says_so() {
    let lab = Lab::new();
    let long = serde_json::json!({"description": "x".repeat(70_000)});
    lab.zendesk.fault(Fault::once("update", What::Status(422, desk::Shape::Json(long))));
    let sent = lab.send(&delivery("a", 9, None)).await;
    assert_eq!(ending(&sent), "refused rejected");
    assert_eq!(sent.unwrap_err().cause().detail, "");
    lab.zendesk.fault(Fault::once("comments", What::Huge(17 << 20)));
    let found = lab.destination.find(&[delivery("a", 9, None)]).await;
    assert_eq!(ending(&found), "later protocol");
    assert_eq!(found.unwrap_err().cause().what, "Zendesk's answer has more than 16 MiB");
}

#[tokio::test]
async fn a_file_that_the_answer_does_not_list_is_said_on_the_receipt() {
    let lab = Lab::new();
    let answer = |attachments: serde_json::Value| {
        let event = serde_json::json!({"type": "Comment", "id": 7, "attachments": attachments});
        let body = serde_json::json!({"ticket": {}, "audit": {"events": [event]}});
        What::After(200, desk::Shape::Json(body))
    };
    let other = serde_json::json!([{"id": 1, "file_name": "apertur-b.jpg"}]);
    for (attachments, is_said) in [(other, true), (serde_json::Value::Null, false)] {
        lab.zendesk.fault(Fault::once("update", answer(attachments)));
        let receipt = lab.send(&delivery("a", 9, None)).await.unwrap();
        let note = receipt.note.unwrap_or_default();
        assert_eq!(note.contains("its file is not listed"), is_said, "{note}");
    }
}

#[tokio::test]
async fn a_requester_who_may_not_write_is_not_replaced_in_public() {
    let lab = Lab::new();
    let receipt = lab.send(&delivery("a", 93, Some(Mode::Contact))).await.unwrap();
    let [comment] = &lab.zendesk.comments(93)[..] else { panic!("one comment") };
    assert_eq!((comment.public, comment.author, comment.files.len()), (false, 900, 1));
    assert!(receipt.note.unwrap().contains("internal comment that only agents see"));
    assert_eq!(lab.calls(), ["ticket", "upload", "update", "update"]);
    assert_eq!(lab.zendesk.loose_uploads(), 0);
}

#[tokio::test]
async fn what_is_for_another_s_ticket_is_refused_before_anything_is_asked() {
    let lab = Lab::new();
    let elsewhere = Delivery { target: "ticket:9".parse().ok(), ..delivery("a", 9, None) };
    let failure = lab.send(&elsewhere).await.unwrap_err();
    assert_eq!(failure.cause().kind, ErrorKind::Unrouted);
    assert_eq!(lab.calls(), Vec::<&str>::new());
}
