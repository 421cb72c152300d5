//! The sender over every journal, with a clock that is stepped and a destination that does as
//! it is told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pacing;
mod parcels;
mod rules;
mod running;

use std::{
    collections::{HashSet, VecDeque},
    io::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use apertur_bridge::{
    deliver::{Around, Sender, Settings},
    destinations::{Allowance, Destination, Limits, Parcel, Progress},
    journal::{self, Arrival, Bytes, Journal, Planned, Story, memory::Memory},
    model::{
        AttemptOutcome, Cause, Delivery, DeliveryState, DestinationName, ErrorKind, Failure,
        Finding, ImageId, Kind, Photo, PhotoId, Receipt, Scheme, SessionId, Shape, Target,
    },
    spool::{Spool, Stored},
    system::Clock,
    telemetry::Telemetry,
    work::{Wake, Work},
};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What a destination does when it is called.
#[derive(Debug, Clone)]
enum Play {
    /// Stores the photos, or finds them.
    Well,
    /// Looks and finds nothing.
    Nothing,
    /// Looks and finds only this one.
    Only(&'static str),
    Fail(Failure),
    Panic,
    /// Stores the photos once it is let.
    Wait,
}

/// A destination that plays what it is told, and `Well` without a word.
#[derive(Debug)]
struct Stage {
    limits: Limits,
    allowance: Mutex<Allowance>,
    plays: Mutex<VecDeque<Play>>,
    /// How a parcel ends, without a word, that holds one of these photos.
    bad: Mutex<Option<(HashSet<&'static str>, Play)>>,
    works: Mutex<bool>,
    /// What a probe says while it works.
    finding: Mutex<Finding>,
    /// `deliver img_1 img_2`, `find img_1`, `probe`.
    seen: Mutex<Vec<String>>,
    /// What was stored, each time.
    stored: Mutex<Vec<String>>,
    go: Notify,
}

impl Stage {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            allowance: Mutex::new(Allowance::Parcels(usize::MAX)),
            plays: Mutex::default(),
            bad: Mutex::default(),
            works: Mutex::new(true),
            finding: Mutex::new(Finding::ok("stage", "up")),
            seen: Mutex::default(),
            stored: Mutex::default(),
            go: Notify::new(),
        }
    }

    /// Every parcel ends so that holds one of these.
    fn is_bad(&self, photos: &[&'static str], play: Play) {
        *self.bad.lock().unwrap() = Some((photos.iter().copied().collect(), play));
    }

    fn told<'a>(&self, what: &str, photos: impl Iterator<Item = &'a Photo>) -> (Vec<String>, Play) {
        let images: Vec<_> = photos.map(|photo| photo.id.to_string()).collect();
        self.seen.lock().unwrap().push(format!("{what} {}", images.join(" ")));
        let play =
            self.plays.lock().unwrap().pop_front().unwrap_or_else(|| {
                match &*self.bad.lock().unwrap() {
                    Some((bad, play))
                        if images.iter().any(|image| bad.contains(image.as_str())) =>
                    {
                        if what == "find" { Play::Nothing } else { play.clone() }
                    }
                    _ => Play::Well,
                }
            });
        (images, play)
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    async fn play(&self, images: &[String], play: Play) -> Result<Vec<Option<Receipt>>, Failure> {
        let receipt = || Some(Receipt::default().with("number", 7));
        let each = |there: &dyn Fn(&String) -> bool| {
            images.iter().map(|image| receipt().filter(|_| there(image))).collect()
        };
        match play {
            Play::Well => Ok(each(&|_| true)),
            Play::Nothing => Ok(each(&|_| false)),
            Play::Only(one) => Ok(each(&|image| image == one)),
            Play::Fail(failure) => Err(failure),
            Play::Panic => panic!("as it was told"),
            Play::Wait => {
                self.go.notified().await;
                Ok(each(&|_| true))
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

    fn allowance(&self) -> Allowance {
        *self.allowance.lock().unwrap()
    }

    async fn probe(&self) -> Vec<Finding> {
        self.seen.lock().unwrap().push("probe".to_owned());
        let works = *self.works.lock().unwrap();
        let finding = self.finding.lock().unwrap().clone();
        vec![if works { finding } else { Finding::error("stage", "down", "wait") }]
    }

    async fn test(&self, _target: Option<&Target>) -> Vec<Finding> {
        self.probe().await
    }

    fn preview(&self, _delivery: &Delivery) -> Result<Receipt, Failure> {
        Ok(Receipt::default())
    }

    async fn find(&self, deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        let (images, play) = self.told("find", deliveries.iter().map(|d| &d.photo));
        self.play(&images, play).await
    }

    async fn deliver(&self, parcel: &Parcel, _: &Progress) -> Result<Vec<Receipt>, Failure> {
        let photos = parcel.items.iter().map(|item| &item.delivery.photo);
        let (images, play) = self.told("deliver", photos);
        let receipts = self.play(&images, play).await?;
        self.stored.lock().unwrap().extend(images);
        Ok(receipts.into_iter().map(Option::unwrap_or_default).collect())
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
    /// The one file in the spool, which every photo has.
    file: Stored,
    _home: tempfile::TempDir,
}

const LIMITS: Limits = Limits {
    max_size: 1000,
    size_key: None,
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
        let spool = Spool::open(&home.path().join("spool")).unwrap();
        let mut writer = spool.begin().unwrap();
        writer.write_all(b"jpg").unwrap();
        let file = writer.keep().unwrap();
        let around = Around {
            journal: Arc::clone(&journal),
            spool,
            clock: clock.clone(),
            telemetry: Telemetry::default(),
            stop: stop.clone(),
            asked: Wake::default(),
        };
        let stage = Arc::new(Stage::new(limits));
        let destination: Arc<dyn Destination> = Arc::clone(&stage) as _;
        let sender = Arc::new(Sender::new(name(), destination, settings, around));
        Rig { store, journal, clock, stop, stage, sender, file, _home: home }
    }

    fn plays(&self, plays: impl IntoIterator<Item = Play>) {
        self.stage.plays.lock().unwrap().extend(plays);
    }

    /// Takes in a photo for a contact.
    async fn arrive(&self, image: &str, contact: u64) {
        self.arrive_as(image, contact, |_| {}).await;
    }

    /// Takes in photos of one session for one contact.
    async fn arrive_together(&self, images: impl IntoIterator<Item = impl AsRef<str>>) {
        for image in images {
            self.arrive_as(image.as_ref(), 1, |photo| {
                photo.session = Some(SessionId::parse("s-1").unwrap());
            })
            .await;
        }
    }

    async fn arrive_as(&self, image: &str, contact: u64, change: impl FnOnce(&mut Photo)) {
        let image = ImageId::parse(image).unwrap();
        let target = Some(Target::odoo("res.partner", contact).unwrap());
        let mut photo = Photo {
            id: PhotoId::of_image(&image),
            sha256: Some(self.file.sha256),
            image_id: Some(image),
            session: None,
            index: None,
            filename: None,
            media_type: Some("image/jpeg".to_owned()),
            size: Some(self.file.size),
            tags: Vec::new(),
            target: target.clone(),
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: Some(Scheme::Body),
            received_at: self.clock.now(),
        };
        change(&mut photo);
        let plan = vec![Planned { destination: Some(name()), target, mode: None }];
        let arrival = Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false };
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
        self.story(image).await.deliveries.remove(0)
    }

    async fn story(&self, image: &str) -> Story {
        self.journal.story(&PhotoId::parse(image).unwrap()).await.unwrap().unwrap()
    }

    /// How the attempts of a photo ended, oldest first.
    async fn outcomes(&self, image: &str) -> Vec<AttemptOutcome> {
        self.story(image).await.attempts.iter().map(|attempt| attempt.outcome).collect()
    }

    /// State and counted attempts of each.
    async fn states<const N: usize>(&self, images: [&str; N]) -> [(DeliveryState, u32); N] {
        let mut states = [(DeliveryState::Waiting, 0); N];
        for (state, image) in states.iter_mut().zip(images) {
            let delivery = self.delivery(image).await;
            *state = (delivery.state, delivery.attempts);
        }
        states
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

fn refused() -> Play {
    Play::Fail(Failure::Refused { cause: cause(ErrorKind::Rejected) })
}

fn broken() -> Play {
    Play::Fail(Failure::Broken { cause: cause(ErrorKind::Unauthorized) })
}
