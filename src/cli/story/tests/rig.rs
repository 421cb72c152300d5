//! A journal on disk, a clock that is stepped, and the daemon's part played by hand.

use std::{sync::Arc, time::Duration};

use tempfile::TempDir;

use crate::{
    journal::{
        self, Arrival, Bytes, Claim, Claimed, DeliveryEnd, Fetch, FetchEnd, Journal, Pause, Planned,
    },
    model::{
        By, Cause, DestinationName, Digest, ErrorKind, Filter, ImageId, Kind, Photo, PhotoId,
        Receipt, RunState, Scheme, SessionId, Shape, Tag, Verb,
    },
    ops::Ops,
    route::Routes,
    system::{Clock, Live},
};

pub(super) struct Rig {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) clock: Clock,
    _home: TempDir,
}

pub(super) fn name(text: &str) -> DestinationName {
    DestinationName::parse(text).unwrap()
}

pub(super) fn cause(kind: ErrorKind, what: &str, fix: &str) -> Cause {
    Cause::new(kind, what, fix)
}

impl Rig {
    /// An empty journal, and a story that begins at noon in Paris.
    pub(super) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let settings = journal::Settings::Sqlite { path: home.path().join("journal.db") };
        let journal = journal::open(&settings).await.unwrap();
        let clock = Clock::stepped("2026-11-21T11:00:00Z".parse().unwrap());
        Self { journal, clock, _home: home }
    }

    pub(super) fn step(&self, millis: u64) {
        self.clock.step(Duration::from_millis(millis));
    }

    /// The photo `img_1` of a task, as Apertur tells of it.
    pub(super) fn photo(&self) -> Photo {
        Photo {
            id: PhotoId::parse("img_1").unwrap(),
            image_id: Some(ImageId::parse("img_1").unwrap()),
            session: Some(SessionId::parse("s-hush").unwrap()),
            index: Some(0),
            filename: Some("IMG_0001.jpg".to_owned()),
            media_type: Some("image/jpeg".to_owned()),
            size: Some(2_123_456),
            sha256: Some(Digest([0xab; 32])),
            tags: vec![Tag::from_text("vip:gold")],
            target: Some("odoo:project.task:42".parse().unwrap()),
            mode: None,
            topic: None,
            shape: Shape::JsonBase64,
            scheme: Some(Scheme::Body),
            received_at: self.clock.now(),
        }
    }

    /// Takes a photo that brought its bytes, for these destinations.
    pub(super) async fn stored(&self, photo: Photo, to: &[&str]) {
        self.accept(photo, Bytes::Stored, to).await;
    }

    /// Takes a photo that was announced with a link.
    pub(super) async fn announced(&self, photo: Photo, to: &[&str]) {
        let photo = Photo { sha256: None, ..photo };
        let url = Some("https://photos.example.com/hush".to_owned());
        self.accept(photo, Bytes::Announced { url }, to).await;
    }

    async fn accept(&self, photo: Photo, bytes: Bytes, to: &[&str]) {
        let planned = |to: &&str| Planned {
            destination: Some(name(to)),
            target: photo.target.clone(),
            mode: photo.mode,
        };
        let plan = to.iter().map(planned).collect();
        let arrival = Arrival { photo, bytes, plan, held: None, is_doubtful: false };
        self.journal.accept(arrival).await.unwrap();
    }

    /// What the sender of a destination takes up now.
    pub(super) async fn claim(&self, to: &str) -> Claimed {
        let claim = Claim {
            now: self.clock.now(),
            lease_until: self.clock.after(Duration::from_mins(10)),
            lease_more: Duration::ZERO,
            destination: name(to),
            limit: 1,
            photos_per_parcel: 1,
            parcel_size: u64::MAX,
            one_per_target: false,
            except: Vec::new(),
        };
        self.journal.claim_deliveries(claim).await.unwrap().remove(0).remove(0)
    }

    /// An attempt that takes so many milliseconds and ends so.
    pub(super) async fn attempt(&self, to: &str, millis: u64, end: DeliveryEnd) {
        let claimed = self.claim(to).await;
        self.step(millis);
        self.journal.settle_delivery(&claimed, end, self.clock.now()).await.unwrap();
    }

    /// The end of an attempt that comes again after so many milliseconds.
    pub(super) fn later(&self, millis: u64, cause: Cause) -> DeliveryEnd {
        let at = self.clock.after(Duration::from_millis(millis));
        DeliveryEnd::Later { at, cause, counts: true }
    }

    pub(super) async fn fetch(&self) -> Fetch {
        let (now, until) = (self.clock.now(), self.clock.after(Duration::from_mins(10)));
        self.journal.claim_fetches(now, until, 1).await.unwrap().remove(0)
    }

    /// A fetch that takes so many milliseconds and ends so.
    pub(super) async fn fetched(&self, millis: u64, end: FetchEnd) {
        let fetch = self.fetch().await;
        self.step(millis);
        self.journal.settle_fetch(&fetch, end, self.clock.now()).await.unwrap();
    }

    /// What a person does with every delivery that can be.
    pub(super) async fn act(&self, verb: Verb) {
        let ops = Ops::to_read(self.journal.clone(), self.clock.clone());
        let destinations = ["erp", "archive"].map(|to| (name(to), Kind::Odoo)).into();
        let ops = Ops { routes: Live::new(Routes { rules: Vec::new(), destinations }), ..ops };
        let run = ops.begin(verb, Filter::default(), By::new("ana")).await.unwrap();
        while ops.advance(run.id).await.unwrap().unwrap().state == RunState::Running {}
    }

    pub(super) async fn pause(&self, to: &str, cause: Cause) {
        let pause = Pause { destination: name(to), since: self.clock.now(), cause };
        self.journal.set_pause(&name(to), Some(pause)).await.unwrap();
    }
}

/// The bytes that [`Rig::photo`] has.
pub(super) fn bytes() -> FetchEnd {
    let sha256 = Digest([0xab; 32]);
    FetchEnd::Stored { sha256, size: 2_123_456, media_type: "image/jpeg".to_owned() }
}

/// What Odoo gives for a photo.
pub(super) fn receipt() -> Receipt {
    let url = Some("https://erp.example.com/odoo/project.task/42".to_owned());
    Receipt { url, ..Receipt::default() }.with("attachment", 77).with("message", 1203)
}
