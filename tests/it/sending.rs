//! The sender over every journal, with a clock that is stepped and a destination that does as
//! it is told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rules;
mod running;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use apertur_bridge::{
    deliver::{Around, Sender, Settings},
    destinations::{Destination, Limits, Parcel, Progress},
    journal::{self, Arrival, Bytes, Journal, Planned, memory::Memory},
    model::{
        Cause, Delivery, DestinationName, Digest, ErrorKind, Failure, Filter, Finding, ImageId,
        Kind, Photo, PhotoId, Receipt, Scheme, Shape, Target,
    },
    spool::Spool,
    system::Clock,
    telemetry::Telemetry,
    work::Work,
};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What a destination does when it is called.
#[derive(Debug, Clone)]
enum Play {
    /// Stores the photo, or finds it.
    Well,
    /// Looks and finds nothing.
    Nothing,
    Fail(Failure),
    Panic,
    /// Stores the photo once it is let.
    Wait,
}

/// A destination that plays what it is told, and `Well` without a word.
#[derive(Debug)]
struct Stage {
    limits: Limits,
    plays: Mutex<VecDeque<Play>>,
    works: Mutex<bool>,
    /// `deliver img_1`, `find img_1`, `probe`.
    seen: Mutex<Vec<String>>,
    go: Notify,
}

impl Stage {
    fn told(&self, what: &str, photo: &Photo) -> Play {
        self.seen.lock().unwrap().push(format!("{what} {}", photo.id));
        self.plays.lock().unwrap().pop_front().unwrap_or(Play::Well)
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    async fn play(&self, play: Play) -> Result<Option<Receipt>, Failure> {
        match play {
            Play::Well => Ok(Some(Receipt::default().with("number", 7))),
            Play::Nothing => Ok(None),
            Play::Fail(failure) => Err(failure),
            Play::Panic => panic!("as it was told"),
            Play::Wait => {
                self.go.notified().await;
                Ok(Some(Receipt::default()))
            }
        }
    }
}

#[async_trait]
impl Destination for Stage {
    fn kind(&self) -> Kind {
        Kind::Folder
    }

    fn place(&self) -> String {
        "a stage".to_owned()
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn probe(&self) -> Vec<Finding> {
        self.seen.lock().unwrap().push("probe".to_owned());
        let works = *self.works.lock().unwrap();
        vec![if works {
            Finding::ok("stage", "up")
        } else {
            Finding::error("stage", "down", "wait")
        }]
    }

    async fn test(&self, _target: Option<&Target>) -> Vec<Finding> {
        self.probe().await
    }

    async fn find(&self, deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        let play = self.told("find", &deliveries[0].photo);
        Ok(vec![self.play(play).await?])
    }

    async fn deliver(&self, parcel: &Parcel, _: &Progress) -> Result<Vec<Receipt>, Failure> {
        let play = self.told("deliver", &parcel.items[0].delivery.photo);
        Ok(vec![self.play(play).await?.unwrap_or_default()])
    }
}

/// A sender with everything around it.
struct Rig {
    store: &'static str,
    journal: Arc<dyn Journal>,
    clock: Clock,
    stop: CancellationToken,
    stage: Arc<Stage>,
    sender: Arc<Sender>,
    _home: tempfile::TempDir,
}

const LIMITS: Limits = Limits {
    max_size: 1000,
    concurrency: 4,
    one_per_target: false,
    photos_per_parcel: 1,
    parcel_size: 1000,
    settles_in: Duration::from_secs(3),
};

impl Rig {
    /// One over each journal.
    async fn each() -> Vec<Rig> {
        Rig::each_with(LIMITS, Settings::default()).await
    }

    async fn each_with(limits: Limits, settings: Settings) -> Vec<Rig> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("journal.db");
        let sqlite = journal::open(&journal::Settings::Sqlite { path }).await.unwrap();
        let memory: Arc<dyn Journal> = Arc::new(Memory::new());
        let (other, settings_too) = (tempfile::tempdir().unwrap(), settings.clone());
        vec![
            Rig::over("sqlite", sqlite, home, limits, settings),
            Rig::over("memory", memory, other, limits, settings_too),
        ]
    }

    fn over(
        store: &'static str,
        journal: Arc<dyn Journal>,
        home: tempfile::TempDir,
        limits: Limits,
        settings: Settings,
    ) -> Rig {
        let clock = Clock::stepped(Timestamp::from_second(1_800_000_000).unwrap());
        let stop = CancellationToken::new();
        let around = Around {
            journal: Arc::clone(&journal),
            spool: Spool::open(&home.path().join("spool")).unwrap(),
            clock: clock.clone(),
            telemetry: Telemetry::default(),
            stop: stop.clone(),
        };
        let stage = Arc::new(Stage {
            limits,
            plays: Mutex::default(),
            works: Mutex::new(true),
            seen: Mutex::default(),
            go: Notify::new(),
        });
        let destination: Arc<dyn Destination> = Arc::clone(&stage) as _;
        let sender = Arc::new(Sender::new(name(), destination, settings, around));
        Rig { store, journal, clock, stop, stage, sender, _home: home }
    }

    fn plays(&self, plays: impl IntoIterator<Item = Play>) {
        self.stage.plays.lock().unwrap().extend(plays);
    }

    /// Takes in a photo for a contact.
    async fn arrive(&self, image: &str, contact: u64) {
        let image = ImageId::parse(image).unwrap();
        let target = Some(Target::odoo("res.partner", contact).unwrap());
        let photo = Photo {
            id: PhotoId::of_image(&image),
            sha256: Some(Digest([image.as_str().len() as u8; 32])),
            image_id: Some(image),
            session: None,
            index: None,
            filename: None,
            media_type: Some("image/jpeg".to_owned()),
            size: Some(3),
            tags: Vec::new(),
            target: target.clone(),
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: Scheme::Body,
            received_at: self.clock.now(),
        };
        let plan = vec![Planned { destination: Some(name()), target, mode: None }];
        let arrival = Arrival { photo, bytes: Bytes::Stored, plan };
        self.journal.accept(arrival).await.unwrap();
    }

    /// Does everything that is due now; gives how many attempts that were.
    async fn work(&self) -> usize {
        let jobs = self.sender.claim(4).await.unwrap();
        for job in &jobs {
            self.sender.run(job).await;
        }
        jobs.len()
    }

    async fn delivery(&self, image: &str) -> Delivery {
        let all = self.journal.list(&Filter::default(), None, 100).await.unwrap();
        all.into_iter().find(|delivery| delivery.photo.id.as_str() == image).unwrap()
    }

    /// Seconds until a delivery is due.
    async fn due_in(&self, image: &str) -> i64 {
        self.delivery(image).await.due_at.duration_since(self.clock.now()).as_secs()
    }

    fn step(&self, seconds: u64) {
        self.clock.step(Duration::from_secs(seconds));
    }
}

fn name() -> DestinationName {
    DestinationName::parse("erp").unwrap()
}

fn cause(kind: ErrorKind) -> Cause {
    Cause::new(kind, "it went wrong", "look at it")
}

fn later(kind: ErrorKind) -> Play {
    Play::Fail(Failure::Later { after: None, cause: cause(kind) })
}

fn after(kind: ErrorKind, seconds: u64) -> Play {
    let after = Some(Duration::from_secs(seconds));
    Play::Fail(Failure::Later { after, cause: cause(kind) })
}

fn unknown(kind: ErrorKind) -> Play {
    Play::Fail(Failure::Unknown { cause: cause(kind) })
}

fn broken() -> Play {
    Play::Fail(Failure::Broken { cause: cause(ErrorKind::Unauthorized) })
}
