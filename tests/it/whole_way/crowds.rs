//! Many photos for few tickets of accounts that allow few calls: the real sender, journal and
//! destinations, with the account on the same stepped clock.

use std::{io::Write as _, sync::Arc, time::Duration};

use apertur_bridge::{
    deliver::{self, Around, Sender},
    destinations::{self, Destination, Message, Shared, freshworks, zendesk},
    http::Http,
    journal::{self, Arrival, Bytes, Journal},
    model::{
        Delivery, DeliveryState, DestinationName, Filter, ImageId, Mode, Photo, PhotoId, Planned,
        Scheme, SessionId, Shape, Target,
    },
    spool::{Spool, Stored},
    system::Clock,
    telemetry::Telemetry,
    work::{Wake, Work as _},
};
use tokio_util::sync::CancellationToken;

use crate::fakes::{
    freshworks::{FakeFreshworks, KEY, Product, Switch as Turn, Ticket as OfFreshworks},
    oauth::{CLIENT_ID, CLIENT_SECRET, FakeOauth, Wants},
    zendesk::{FakeZendesk, SCOPES, Switch, Ticket as OfZendesk},
};

const PHOTOS: u64 = 300;
const TICKETS: u64 = 5;
/// Calls a minute that the account allows.
const CALLS: usize = 50;

/// The account, as its fake.
enum Account {
    Freshworks(FakeFreshworks),
    Zendesk(FakeZendesk),
}

impl Account {
    fn each(clock: &Clock) -> [Account; 3] {
        let freshworks = |product| {
            let fake = FakeFreshworks::on(product, clock.clone());
            fake.set(Turn::Calls(Some(CALLS)));
            (0..TICKETS).for_each(|n| fake.add_ticket(OfFreshworks::open(300 + n, 5501)));
            Account::Freshworks(fake)
        };
        let fake = FakeZendesk::on(clock.clone());
        let server = FakeOauth::start_at(Wants::Json, clock.clone());
        fake.trust(&server, SCOPES);
        fake.set(Switch::Calls(Some(CALLS)));
        (0..TICKETS).for_each(|n| fake.add_ticket(OfZendesk::open(300 + n, 5501)));
        let zendesk = Account::Zendesk(fake);
        [freshworks(Product::Freshdesk), freshworks(Product::Freshservice), zendesk]
    }

    fn target(&self, ticket: u64) -> Target {
        match self {
            Account::Zendesk(_) => Target::Zendesk { ticket },
            Account::Freshworks(fake) if fake.product() == Product::Freshdesk => {
                Target::Freshdesk { ticket }
            }
            Account::Freshworks(_) => Target::Freshservice { workspace: None, ticket },
        }
    }

    fn settings(&self) -> destinations::Settings {
        let agent_url = "https://acme.example.com".parse().unwrap();
        match self {
            Account::Freshworks(fake) => {
                let product = match fake.product() {
                    Product::Freshdesk => freshworks::Product::Freshdesk,
                    Product::Freshservice => freshworks::Product::Freshservice,
                };
                destinations::Settings::Freshworks(Box::new(freshworks::Settings {
                    product,
                    base_url: fake.url().parse().unwrap(),
                    agent_url,
                    login: freshworks::Login::ApiKey(KEY.into()),
                    default_mode: Mode::Internal,
                    message: Message::default(),
                    max_attachment: product.default_max_attachment(),
                    writes_per_minute: 10_000,
                    requester_refused: freshworks::RequesterRefused::default(),
                    timeout: freshworks::DEFAULT_TIMEOUT,
                    concurrency: 4,
                }))
            }
            Account::Zendesk(fake) => destinations::Settings::Zendesk(zendesk::Settings {
                base_url: fake.url().parse().unwrap(),
                agent_url,
                login: zendesk::Login::Client {
                    id: CLIENT_ID.to_owned(),
                    secret: CLIENT_SECRET.into(),
                    scopes: SCOPES.split(' ').map(str::to_owned).collect(),
                },
                default_mode: Mode::Internal,
                message: Message::default(),
                max_attachment: 50 << 20,
                writes_per_minute: 10_000,
                timeout: Duration::from_mins(2),
                concurrency: 4,
            }),
        }
    }

    /// Somebody else calls the account as well.
    fn others(&self, calls: usize) {
        match self {
            Account::Freshworks(fake) => fake.set(Turn::OthersCall(calls)),
            Account::Zendesk(fake) => fake.set(Switch::OthersCall(calls)),
        }
    }

    /// The most calls within a minute, updates of a ticket within ten, and calls refused.
    fn pace(&self) -> (usize, usize, usize) {
        match self {
            Account::Freshworks(fake) => (fake.pace().0, 0, fake.pace().1),
            Account::Zendesk(fake) => fake.pace(),
        }
    }

    /// The names of all files on the tickets, and how many notes carry them.
    fn arrived(&self) -> (Vec<String>, usize) {
        let mut notes: Vec<Vec<String>> = match self {
            Account::Freshworks(fake) => {
                let names = fake.everything().into_iter().map(|note| note.attachments);
                names.map(|files| files.into_iter().map(|file| file.name).collect()).collect()
            }
            Account::Zendesk(fake) => {
                let names = fake.everything().into_iter().map(|comment| comment.files);
                names.map(|files| files.into_iter().map(|file| file.name).collect()).collect()
            }
        };
        notes.retain(|files: &Vec<String>| !files.is_empty());
        let count = notes.len();
        let mut names = notes.concat();
        names.sort();
        (names, count)
    }
}

/// A sender with everything around it.
struct Rig {
    account: Account,
    clock: Clock,
    journal: Arc<dyn Journal>,
    sender: Arc<Sender>,
    file: Stored,
    _home: tempfile::TempDir,
}

impl Rig {
    async fn each() -> Vec<Rig> {
        let mut rigs = Vec::new();
        for number in 0..3 {
            let clock = Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap());
            let account = Account::each(&clock).into_iter().nth(number).unwrap();
            rigs.push(Rig::over(account, clock).await);
        }
        rigs
    }

    async fn over(account: Account, clock: Clock) -> Rig {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("journal.db");
        let journal = journal::open(&journal::Settings::Sqlite { path }).await.unwrap();
        let spool = Spool::open(&home.path().join("spool")).unwrap();
        let mut writer = spool.begin().unwrap();
        writer.write_all(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00").unwrap();
        let file = writer.keep().unwrap();
        let shared = Shared::new(Http::new().unwrap(), clock.clone(), home.path());
        let destination: Arc<dyn Destination> =
            destinations::build(&name(), account.settings(), &shared);
        let around = Around {
            journal: Arc::clone(&journal),
            spool,
            clock: clock.clone(),
            telemetry: Telemetry::default(),
            stop: CancellationToken::new(),
            asked: Wake::default(),
        };
        let settings = deliver::Settings::default();
        let sender = Arc::new(Sender::new(name(), destination, settings, around));
        Rig { account, clock, journal, sender, file, _home: home }
    }

    /// Takes in all photos: in turn for each ticket, each ticket's of one session or of none.
    async fn arrive(&self, together: bool) {
        for number in 0..PHOTOS {
            let image = ImageId::parse(&format!("img_{number}")).unwrap();
            let target = Some(self.account.target(300 + number % TICKETS));
            let session = SessionId::parse(&format!("s-{}", number % TICKETS)).ok();
            let photo = Photo {
                id: PhotoId::of_image(&image),
                sha256: Some(self.file.sha256),
                image_id: Some(image),
                session: session.filter(|_| together),
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
            let plan = vec![Planned { destination: Some(name()), target, mode: None }];
            self.journal
                .accept(Arrival {
                    photo,
                    bytes: Bytes::Stored,
                    plan,
                    held: None,
                    is_doubtful: false,
                })
                .await
                .unwrap();
        }
    }

    async fn deliveries(&self) -> Vec<Delivery> {
        self.journal.list(&Filter::default(), None, 1000).await.unwrap()
    }

    /// Works until everything has ended, with four at once as the daemon does; somebody else
    /// makes so many calls every minute.
    async fn work_off(&self, others: usize) {
        let mut minute = 0;
        for _ in 0..5_000 {
            let jobs = self.sender.claim(4).await.unwrap();
            if jobs.is_empty() {
                let Some(at) = self.sender.next_at().await.unwrap() else { return };
                let wait = Duration::try_from(at.duration_since(self.clock.now()));
                self.clock.step(wait.unwrap_or_default().max(Duration::from_millis(100)));
                let now = self.clock.now().as_second() / 60;
                if now > minute {
                    minute = now;
                    self.account.others(others);
                }
                continue;
            }
            let mut running = tokio::task::JoinSet::new();
            for job in jobs {
                let sender = Arc::clone(&self.sender);
                running.spawn(async move { sender.run(&job).await });
            }
            running.join_all().await;
        }
        panic!("{:?} do not end", self.account.pace());
    }

    async fn all_arrived_once(&self, told: &str) -> usize {
        let deliveries = self.deliveries().await;
        assert_eq!(deliveries.len() as u64, PHOTOS, "{told}");
        for delivery in &deliveries {
            let ended = (delivery.state, delivery.attempts);
            assert_eq!(ended, (DeliveryState::Delivered, 1), "{told} {delivery:?}");
        }
        let mut wanted: Vec<_> =
            (0..PHOTOS).map(|number| format!("apertur-img_{number}.jpg")).collect();
        wanted.sort();
        let (names, notes) = self.account.arrived();
        assert_eq!(names, wanted, "{told}");
        let (calls, of_ticket, _) = self.account.pace();
        assert!(calls <= CALLS, "{told}: {calls} calls in a minute");
        assert!(of_ticket <= 30, "{told}: {of_ticket} updates of a ticket in ten minutes");
        notes
    }
}

fn name() -> DestinationName {
    DestinationName::parse("desk").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_photos_one_by_one_keep_to_the_pace_and_spend_one_attempt_each() {
    for rig in Rig::each().await {
        rig.arrive(false).await;
        rig.work_off(0).await;
        let told = format!("{:?}", rig.account.target(300));
        let notes = rig.all_arrived_once(&told).await;
        assert_eq!((notes as u64, rig.account.pace().2), (PHOTOS, 0), "{told}: nothing refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_photos_of_five_sessions_travel_together_where_the_system_lets_them() {
    for rig in Rig::each().await {
        rig.arrive(true).await;
        rig.work_off(0).await;
        let target = rig.account.target(300);
        let notes = rig.all_arrived_once(&format!("{target:?}")).await;
        let wanted = if matches!(target, Target::Freshdesk { .. }) { PHOTOS } else { 30 };
        assert_eq!((notes as u64, rig.account.pace().2), (wanted, 0), "{target:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_others_use_up_costs_time_and_no_attempt() {
    for rig in Rig::each().await {
        rig.arrive(true).await;
        rig.work_off(CALLS / 2).await;
        rig.all_arrived_once(&format!("{:?}", rig.account.target(300))).await;
    }
}
