//! The follower over a real journal and the fake Apertur, with a clock that is stepped.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod crowds;
mod troubles;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use apertur_bridge::{
    apertur::Apertur,
    collect::{self, Collector},
    config,
    follow::{Around, Follower},
    http::Http,
    journal::{Journal, Story, memory::Memory},
    model::{DestinationName, Environment, Kind, OwnSession, PhotoId, SessionId, Tag},
    route::Routes,
    spool::Spool,
    system::{Clock, Floor, Live},
    telemetry::{Gauges, Telemetry},
    work::Wake,
};
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    daemon::SECRET,
    fakes::apertur::{FakeApertur, Photo, Refused, WEBHOOK_DESTINATION},
};

/// A follower, the other side and the journal between them.
struct Rig {
    fake: FakeApertur,
    journal: Arc<dyn Journal>,
    clock: Clock,
    telemetry: Telemetry,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
    /// Whether what is announced is fetched.
    collects: bool,
    floor: Floor,
    home: tempfile::TempDir,
}

impl Rig {
    /// Nothing runs yet.
    fn new() -> Self {
        Self {
            fake: FakeApertur::start(),
            journal: Arc::new(Memory::new()),
            clock: Clock::stepped(Timestamp::now()),
            telemetry: Telemetry::default(),
            stop: CancellationToken::new(),
            running: None,
            collects: false,
            floor: Floor::default(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// Starts a follower with these lines more in `[apertur]`.
    async fn start(&mut self, more: &str) {
        let text = format!("webhook.secrets = [\"{SECRET}\"]\n{}{more}", self.fake.settings());
        let loaded = config::load_from(Some((Path::new("c.toml"), &text)), &BTreeMap::new());
        let settings = loaded.unwrap().config.apertur;
        let apertur = Apertur::new(Http::new().unwrap(), settings, self.clock.clone()).unwrap();
        let destinations = vec![(DestinationName::parse("erp").unwrap(), Kind::Odoo)];
        self.stop = CancellationToken::new();
        let around = Around {
            journal: Arc::clone(&self.journal),
            spool: Spool::open(&self.home.path().join("spool")).unwrap(),
            routes: Live::new(Routes { rules: Vec::new(), destinations }),
            floor: self.floor.clone(),
            clock: self.clock.clone(),
            telemetry: self.telemetry.clone(),
            collector: Wake::default(),
            sender: Wake::default(),
            stop: self.stop.clone(),
        };
        let collecting = self.collects.then(|| self.collect(&apertur, &around));
        let follower = Arc::new(Follower::new(&apertur, around));
        let before = self.calls("");
        self.running = Some(tokio::spawn(async move {
            let collecting = async {
                if let Some(collecting) = collecting {
                    collecting.await;
                }
            };
            tokio::join!(follower.follow(), collecting);
        }));
        for _ in 0..100 {
            if self.calls("") > before {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.settle().await;
    }

    /// The collector of the same daemon.
    fn collect(&self, apertur: &Apertur, around: &Around) -> impl Future<Output = ()> + use<> {
        let collector = Collector {
            journal: Arc::clone(&around.journal),
            spool: around.spool.clone(),
            apertur: apertur.clone(),
            settings: collect::Settings::default(),
            floor: around.floor.clone(),
            clock: around.clock.clone(),
            stored: around.sender.clone(),
            stop: around.stop.clone(),
            telemetry: around.telemetry.clone(),
        };
        Arc::new(collector).collect(around.collector.clone())
    }

    /// Ends the follower, as a stop of the daemon does.
    async fn end(&mut self) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
    }

    /// A session that was made so many seconds ago and lasts so many more.
    async fn session(&self, made: u64, lasts: u64, is_polled: bool) -> OwnSession {
        let asked = match is_polled {
            true => json!({"long_polling": true, "max_images": 50}),
            false => json!({"destination_ids": [WEBHOOK_DESTINATION], "max_images": 50}),
        };
        let made_there: Result<_, Refused> = self.fake.with(|api| api.sessions.create(&asked));
        let id = made_there.unwrap()["id"].as_str().unwrap().to_owned();
        let now = self.clock.now();
        let own = OwnSession {
            session: SessionId::parse(&id).unwrap(),
            target: "odoo:res.partner:42".parse().unwrap(),
            destination: None,
            mode: None,
            label: None,
            link: None,
            environment: Environment::Sandbox,
            long_polling: is_polled,
            tags: vec![Tag::from_text("odoo:res.partner:42")],
            created_at: now.checked_sub(Duration::from_secs(made)).unwrap(),
            expires_at: self.clock.after(Duration::from_secs(lasts)),
            closed_at: None,
        };
        self.journal.keep_session(own.clone()).await.unwrap();
        own
    }

    fn upload(&self, own: &OwnSession, image: &str) -> Photo {
        self.fake.upload(own.session.reveal(), image)
    }

    /// Says how far Apertur has come with a photo.
    fn remote(&self, image: &str, status: &'static str) {
        self.fake.with(|api| {
            let photos = api.sessions.all.iter_mut().flat_map(|session| &mut session.photos);
            let mut found = photos.filter(|uploaded| uploaded.photo.image_id == image);
            found.next().unwrap().status = status;
        });
    }

    /// Calls so far whose path ends so; with nothing all of them, downloads included.
    fn calls(&self, end: &str) -> usize {
        if end.is_empty() {
            return self.fake.count();
        }
        self.fake.with(|api| {
            let path = |target: &str| target.split('?').next().unwrap().ends_with(end);
            api.asked.iter().filter(|asked| path(&asked.target)).count()
        })
    }

    /// Waits until nothing is asked any more.
    async fn settle(&self) {
        let mut seen = usize::MAX;
        let mut still = 0;
        while still < 4 {
            let now = self.calls("");
            still = if now == seen { still + 1 } else { 0 };
            seen = now;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lets so many seconds pass, one by one.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.step(Duration::from_secs(1));
            self.settle().await;
        }
    }

    /// Waits until a photo is known.
    async fn known(&self, image: &str) -> Story {
        for _ in 0..1000 {
            if let Some(story) = self.story(image).await {
                return story;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{image} did not come");
    }

    async fn story(&self, image: &str) -> Option<Story> {
        self.journal.story(&PhotoId::parse(image).unwrap()).await.unwrap()
    }

    fn counted(&self, metric: &str) -> u64 {
        let text = self.telemetry.render(&Gauges::default());
        let lines =
            text.lines().filter(|line| line.starts_with(&format!("apertur_bridge_{metric}")));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    }
}
