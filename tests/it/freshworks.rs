//! Freshdesk and Freshservice against the strict fake of both.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod login;

use std::time::Duration;

use apertur_bridge::{
    destinations::{
        Destination, Message, Shared,
        freshworks::{
            DEFAULT_CONCURRENCY, DEFAULT_MODE, DEFAULT_TIMEOUT, DEFAULT_WRITES_PER_MINUTE,
            Freshworks, Login, Product, RequesterRefused, Settings,
        },
    },
    http::Http,
    model::{Delivery, DestinationName, Failure, Finding, Mode, Receipt, Severity},
    system::Clock,
};

use crate::{
    fakes::{
        desk::{Fault, What},
        freshworks::{self as fake, FakeFreshworks, KEY, SIGNED, Switch},
    },
    parcel::{self, ending},
};

const BOTH: [Product; 2] = [Product::Freshdesk, Product::Freshservice];

/// A fake help desk on a stepped clock, and a destination that points at it.
struct Lab {
    desk: FakeFreshworks,
    destination: Freshworks,
    product: Product,
    clock: Clock,
    home: tempfile::TempDir,
}

impl Lab {
    fn new(product: Product) -> Self {
        Self::with(product, |_| {})
    }

    fn with(product: Product, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap());
        let kind = match product {
            Product::Freshdesk => fake::Product::Freshdesk,
            Product::Freshservice => fake::Product::Freshservice,
        };
        let desk = FakeFreshworks::on(kind, clock.clone());
        let home = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            product,
            base_url: desk.url().parse().unwrap(),
            agent_url: "https://acme.example.com".parse().unwrap(),
            login: Login::ApiKey(KEY.into()),
            default_mode: DEFAULT_MODE,
            message: Message::default(),
            max_attachment: product.default_max_attachment(),
            writes_per_minute: DEFAULT_WRITES_PER_MINUTE,
            requester_refused: RequesterRefused::default(),
            timeout: DEFAULT_TIMEOUT,
            concurrency: DEFAULT_CONCURRENCY,
        };
        change(&mut settings);
        let shared = Shared::new(Http::new().unwrap(), clock.clone(), home.path());
        let name = DestinationName::parse("desk").unwrap();
        let destination = Freshworks::new(name, settings, &shared);
        Self { desk, destination, product, clock, home }
    }

    /// A delivery to the product's ticket of this number.
    fn to(&self, ticket: u64, id: &str, mode: Mode) -> Delivery {
        let target = match self.product {
            Product::Freshdesk => format!("freshdesk:{ticket}"),
            Product::Freshservice => format!("freshservice:{ticket}"),
        };
        parcel::to(&target, Some(mode), parcel::delivery(id, "door \"<b>\".jpg"))
    }

    /// The number of an open ticket.
    fn ticket(&self) -> u64 {
        match self.product {
            Product::Freshdesk => 17,
            Product::Freshservice => 241,
        }
    }

    async fn send(&self, deliveries: &[Delivery], bytes: &[u8]) -> Result<Vec<Receipt>, Failure> {
        let item = |delivery: &Delivery| parcel::item(self.home.path(), delivery.clone(), bytes);
        let items = deliveries.iter().map(item).collect();
        let sent = parcel::send_at_once(&self.destination, items).await;
        let shown = format!("{sent:?}");
        assert!(!shown.contains(KEY) && !shown.contains(SIGNED), "{shown}");
        sent
    }

    /// The kinds of the calls since they were forgotten last.
    fn calls(&self) -> Vec<&'static str> {
        self.desk.seen().iter().map(|seen| seen.endpoint).collect()
    }
}

fn ids(receipt: &Receipt) -> Vec<&str> {
    receipt.ids.iter().map(|step| step.name.as_str()).collect()
}

#[tokio::test]
async fn a_large_photo_arrives_whole_with_the_author_that_its_mode_wants() {
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|i| (i * 31 % 251) as u8).collect();
    for product in BOTH {
        for wrapped in [true, false] {
            let lab = Lab::new(product);
            lab.desk.set(Switch::Wrapped(wrapped));
            for (mode, private, incoming, user) in [
                (Mode::Contact, false, true, 5501),
                (Mode::Public, false, false, 900),
                (Mode::Internal, true, false, 900),
            ] {
                let delivery = lab.to(lab.ticket(), &format!("img_{mode}"), mode);
                let receipts = lab.send(&[delivery], &bytes).await.unwrap();
                let note = lab.desk.conversations(lab.ticket()).pop().unwrap();
                assert_eq!(
                    (note.private, note.incoming, note.user),
                    (private, incoming, Some(user))
                );
                assert!(note.attachments[0].bytes == bytes);
                let name = format!("apertur-img_{mode}.jpg");
                assert_eq!(
                    (&*note.attachments[0].name, &*note.attachments[0].content_type),
                    (&*name, "image/jpeg")
                );
                let text = format!("door _&lt;b&gt;_.jpg (ref apertur-img_{mode})");
                assert!(
                    note.body.contains("(ref apertur-") && !note.body.contains("<b>"),
                    "{text}"
                );
                assert_eq!(ids(&receipts[0])[..2], ["conversation", "attachment"]);
                assert_eq!(receipts[0].note, None);
            }
        }
    }
}

#[tokio::test]
async fn a_requester_who_is_gone_is_replaced_once_as_the_setting_says() {
    for product in BOTH {
        for (setting, private) in
            [(RequesterRefused::Internal, true), (RequesterRefused::Public, false)]
        {
            let lab = Lab::with(product, |s| s.requester_refused = setting);
            lab.desk.remove_contact(5501);
            let photo = lab.to(lab.ticket(), "img_1", Mode::Contact);
            let receipts = lab.send(&[photo], b"abc").await.unwrap();
            assert_eq!(lab.calls(), ["ticket", "note", "note"]);
            let notes = lab.desk.conversations(lab.ticket());
            assert_eq!((notes.len(), notes[0].private, notes[0].incoming), (1, private, !private));
            let remark = receipts[0].note.as_ref().unwrap();
            assert!(remark.starts_with("the requester was refused as the author: "), "{remark}");
        }
    }
    let lab = Lab::new(Product::Freshdesk);
    lab.send(&[lab.to(93, "img_1", Mode::Contact)], b"abc").await.unwrap();
    assert!(lab.desk.conversations(93)[0].private);
    let lab = Lab::new(Product::Freshservice);
    lab.send(&[lab.to(93, "img_1", Mode::Contact)], b"abc").await.unwrap();
    let note = &lab.desk.conversations(93)[0];
    assert!(!note.private && note.incoming);
}

#[tokio::test]
async fn tickets_that_take_no_note_refuse_the_photo_and_nothing_else() {
    for product in BOTH {
        let lab = Lab::new(product);
        for (ticket, mode, end) in [
            (1, Mode::Internal, "refused not_found"),
            (1, Mode::Contact, "refused not_found"),
            (90, Mode::Internal, "refused not_found"),
            (91, Mode::Internal, "refused not_found"),
            (92, Mode::Internal, "refused forbidden"),
            (94, Mode::Contact, "done"),
            (95, Mode::Public, "refused rejected"),
            (95, Mode::Internal, "done"),
        ] {
            let sent = lab.send(&[lab.to(ticket, "img_1", mode)], b"abc").await;
            assert_eq!(ending(&sent), end, "{product:?} {ticket} {mode}");
            lab.clock.step(Duration::from_mins(5));
        }
        lab.desk.set(Switch::Key("another"));
        let sent = lab.send(&[lab.to(lab.ticket(), "img_1", Mode::Internal)], b"abc").await;
        assert_eq!(ending(&sent), "broken unauthorized");
        assert_eq!(lab.destination.probe().await[0].severity, Severity::Error);
    }
}

#[tokio::test]
async fn a_ticket_that_is_gone_is_no_record() {
    for product in BOTH {
        let lab = Lab::new(product);
        for (ticket, end) in [
            (90, "refused not_found"),
            (91, "refused not_found"),
            (92, "refused forbidden"),
            (94, "done"),
        ] {
            let target = lab.to(ticket, "img_1", Mode::Internal).target.unwrap();
            let record = lab.destination.record(&target).await;
            assert_eq!(ending(&record), end, "{product:?} {ticket}");
            lab.clock.step(Duration::from_mins(5));
        }
    }
}

#[tokio::test]
async fn what_the_account_finds_too_large_is_refused_with_the_setting() {
    let lab = Lab::with(Product::Freshdesk, |s| s.max_attachment = 64 << 20);
    let bytes = vec![1; 21 << 20];
    let sent = lab.send(&[lab.to(17, "img_1", Mode::Internal)], &bytes).await;
    assert_eq!(ending(&sent), "refused too_large");
    let fix = sent.unwrap_err().cause().fix.clone();
    assert!(fix.contains("`destination.desk.max_attachment` (now 67108864 bytes)"), "{fix}");
}

#[tokio::test]
async fn lost_notes_are_found_by_file_or_text_on_every_page_and_nowhere_else() {
    for product in BOTH {
        let lab = Lab::new(product);
        lab.desk.set(Switch::PageOf(2));
        lab.desk.set(Switch::LinksTo("http://127.0.0.1:1".to_owned()));
        for number in 0..5 {
            lab.desk.add_note(lab.ticket(), "<p>ref apertur-img_10</p>", &format!("{number}.jpg"));
        }
        lab.desk.fault(Fault::once("note", What::LoseAnswer));
        let photo = lab.to(lab.ticket(), "img_1", Mode::Internal);
        let lost = lab.send(std::slice::from_ref(&photo), b"abc").await;
        assert_eq!(ending(&lost), "unknown unavailable");
        lab.desk.add_note(lab.ticket(), "quoted: <p>ref apertur-img_2</p>", "");
        let asked = [photo, lab.to(lab.ticket(), "img_2", Mode::Internal)];
        let asked = [&asked[..], &[lab.to(lab.ticket(), "img_3", Mode::Internal)]].concat();
        lab.desk.forget_seen();
        let found = lab.destination.find(&asked).await.unwrap();
        let ids: Vec<_> = found.iter().map(|it| it.as_ref().map(ids).unwrap_or_default()).collect();
        assert_eq!(ids, [vec!["conversation", "attachment"], vec!["conversation"], vec![]]);
        let note = |at: usize| found[at].as_ref().and_then(|it| it.note.as_deref());
        assert_eq!(note(0), None);
        assert!(note(1).is_some_and(|note| note.contains("its file is not listed")));
        assert_eq!(lab.calls(), ["conversations"; 4]);
    }
}

#[tokio::test]
async fn an_account_is_never_called_more_often_than_it_allows() {
    for product in BOTH {
        let lab = Lab::with(product, |s| s.writes_per_minute = 10_000);
        lab.desk.set(Switch::Calls(Some(10)));
        let (mut done, mut waits) = (0, 0);
        while done < 25 {
            let photo = lab.to(lab.ticket(), &format!("img_{done}"), Mode::Contact);
            match lab.send(&[photo], b"abc").await {
                Ok(_) => done += 1,
                Err(Failure::Later { after: Some(after), cause }) => {
                    assert_eq!(cause.kind.to_string(), "rate_limited");
                    waits += 1;
                    lab.clock.step(after);
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        let (most, refused) = lab.desk.pace();
        assert!(most <= 10 && refused == 0 && waits >= 4, "{most} {refused} {waits}");
    }
}

#[tokio::test]
async fn a_test_leaves_nothing_and_names_each_step() {
    for product in BOTH {
        let lab = Lab::new(product);
        let target = lab.to(lab.ticket(), "img_1", Mode::Internal).target;
        let findings = lab.destination.test(target.as_ref()).await;
        let subjects: Vec<_> = findings.iter().map(|finding| finding.subject.as_str()).collect();
        assert_eq!(subjects, ["log in", "limits", "ticket", "write", "read", "remove"]);
        assert!(findings.iter().all(|it| it.severity == Severity::Ok), "{findings:?}");
        assert_eq!(lab.desk.everything().len(), 0);
        let note = lab.desk.seen().into_iter().find(|seen| seen.endpoint == "note").unwrap();
        assert_eq!(note.status, Some(201));

        let findings = lab.destination.test(Some(&"zendesk:9".parse().unwrap())).await;
        assert_eq!(findings.last().map(|it| it.severity), Some(Severity::Error));
        assert_eq!(lab.desk.everything().len(), 0);
    }
}

fn said(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}
