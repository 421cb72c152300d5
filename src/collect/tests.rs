//! The collector over a real journal, a real spool and servers on this machine.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
    task::JoinHandle,
};

use super::*;
use crate::{
    apertur,
    http::Http,
    journal::{self, Arrival, Bytes, NewRun, Page, Planned, Story, Way},
    model::{
        AttemptOutcome, By, DeliveryState, DestinationName, FetchState, Filter, ImageId, Photo,
        PhotoId, Scheme, Shape, Verb,
    },
};

const START: i64 = 1_800_000_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A server that gives every request this answer; with an empty one it keeps silent.
async fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("http://{}/d/hush", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                silent.push(stream);
            }
        }
    });
    link
}

const GIF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nGIF89a...";
const DOWN: &str = "HTTP/1.1 503 Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const LIMITED: &str = "HTTP/1.1 429 Slow\r\nretry-after: 7200\r\ncontent-length: 0\r\n\
                       connection: close\r\n\r\n";
const HTML: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";

struct Rig {
    collector: Arc<Collector>,
    _home: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("journal.db");
        let clock = Clock::stepped(Timestamp::from_second(START).unwrap());
        let mut settings = apertur::Settings::for_test("https://api.aptr.ca", false);
        settings.allow_private_downloads = true;
        let collector = Collector {
            journal: journal::open(&journal::Settings::Sqlite { path }).await.unwrap(),
            spool: Spool::open(&home.path().join("spool")).unwrap(),
            apertur: Apertur::new(Http::new().unwrap(), settings, clock.clone()).unwrap(),
            settings: Settings::default(),
            floor: Floor::default(),
            clock,
            stored: Wake::default(),
            stop: CancellationToken::new(),
            telemetry: Telemetry::default(),
        };
        Self { collector: Arc::new(collector), _home: home }
    }

    async fn announce(&self, link: impl Into<Option<String>>) {
        let image = ImageId::parse("img_1").unwrap();
        let photo = Photo {
            id: PhotoId::of_image(&image),
            image_id: Some(image),
            session: None,
            index: None,
            filename: None,
            media_type: None,
            size: None,
            sha256: None,
            tags: Vec::new(),
            target: None,
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: Some(Scheme::Body),
            received_at: self.collector.clock.now(),
        };
        let destination = Some(DestinationName::parse("erp").unwrap());
        let plan = vec![Planned { destination, target: None, mode: None }];
        let bytes = Bytes::Announced { url: link.into() };
        let arrival = Arrival { photo, bytes, plan, held: None, is_doubtful: false };
        self.collector.journal.accept(arrival).await.unwrap();
    }

    /// Does what is due now.
    async fn work(&self) {
        for job in self.collector.claim(4).await.unwrap() {
            self.collector.run(&job).await;
        }
    }

    /// A person asks for the one photo again.
    async fn replay(&self) {
        let (journal, now) = (&self.collector.journal, self.collector.clock.now());
        let new = NewRun {
            verb: Verb::Replay { force: false },
            filter: Filter::default(),
            by: By::new("a test"),
            matching: 1,
        };
        let run = journal.begin_run(new, now).await.unwrap();
        let found = journal.find_page(&run, 9).await.unwrap();
        let steps = found.iter().map(|found| (found.delivery, Way::On)).collect();
        let after = run.cursor;
        let page = Page { run: run.id, after, steps, is_last: true, now, look_at: now };
        journal.advance(page).await.unwrap();
    }

    async fn story(&self) -> Story {
        let photo = PhotoId::parse("img_1").unwrap();
        self.collector.journal.story(&photo).await.unwrap().unwrap()
    }

    /// Seconds until the next try.
    async fn due_in(&self) -> i64 {
        let due = self.story().await.fetch_due_at.unwrap();
        due.duration_since(self.collector.clock.now()).as_secs()
    }

    fn start(&self, announced: &Wake) -> JoinHandle<()> {
        tokio::spawn(Arc::clone(&self.collector).collect(announced.clone()))
    }
}

/// A sender that only tells when it looks for work.
struct Sender(mpsc::UnboundedSender<()>);

#[async_trait]
impl Work for Sender {
    type Job = ();

    async fn claim(&self, _room: usize) -> Result<Vec<()>, JournalError> {
        self.0.send(()).unwrap();
        Ok(Vec::new())
    }

    async fn run(&self, _job: &()) {}

    async fn panicked(&self, _job: &(), _message: &str) {}

    async fn next_at(&self) -> Result<Option<Timestamp>, JournalError> {
        Ok(None)
    }

    fn resting(&self, _error: &JournalError, _rest: Duration) {}
}

#[tokio::test]
async fn an_announced_photo_is_stored_and_the_senders_are_woken() {
    let rig = Rig::new().await;
    let (looked, mut looks) = mpsc::unbounded_channel();
    let sender = Loop {
        clock: rig.collector.clock.clone(),
        wake: rig.collector.stored.clone(),
        stop: CancellationToken::new(),
        limit: 1,
    };
    tokio::spawn(sender.run(Arc::new(Sender(looked))));
    looks.recv().await.unwrap();

    let announced = Wake::default();
    let running = rig.start(&announced);
    rig.announce(server(GIF).await).await;
    announced.wake();
    looks.recv().await.unwrap();

    let story = rig.story().await;
    assert_eq!(story.fetch_state, FetchState::Stored);
    assert_eq!(story.deliveries[0].state, DeliveryState::Due);
    assert_eq!((story.photo.size, story.photo.media_type.as_deref()), (Some(9), Some("image/gif")));
    assert_eq!(rig.collector.spool.digests().unwrap(), [story.photo.sha256.unwrap()]);
    rig.collector.stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn what_fails_is_due_again_by_the_schedule() {
    let rig = Rig::new().await;
    rig.announce(server(DOWN).await).await;
    for delay in DELAYS {
        rig.work().await;
        let due = rig.due_in().await;
        let around = i64::from(delay * 8 / 10)..=i64::from(delay * 12 / 10);
        assert!(around.contains(&due), "{due} {delay}");
        rig.work().await;
        assert_eq!(rig.due_in().await, due, "not due, not tried");
        rig.collector.clock.step(Duration::from_secs(due.cast_unsigned() + 1));
    }
    let story = rig.story().await;
    assert_eq!(story.attempts.len(), DELAYS.len());
    assert!(story.attempts.iter().all(|a| a.outcome == AttemptOutcome::Later));
    assert_eq!(story.fetch_cause.unwrap().kind, ErrorKind::Unavailable);
    assert_eq!(story.deliveries[0].state, DeliveryState::Waiting);
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept() {
    let rig = Rig::new().await;
    rig.announce(server(LIMITED).await).await;
    rig.work().await;
    assert_eq!(rig.due_in().await, 7200);
}

#[tokio::test]
async fn after_a_day_there_is_a_last_try_and_then_the_photo_is_held() {
    let rig = Rig::new().await;
    rig.announce(server(LIMITED).await).await;
    rig.collector.clock.step(DAY - Duration::from_secs(60));
    rig.work().await;
    assert_eq!(rig.due_in().await, 60, "the wait does not outlast the patience");
    rig.collector.clock.step(Duration::from_secs(60));
    rig.work().await;
    let story = rig.story().await;
    assert_eq!(story.fetch_state, FetchState::Held);
    let cause = story.fetch_cause.unwrap();
    assert_eq!(cause.kind, ErrorKind::GaveUp);
    assert_eq!(cause.what, "the photo could not be fetched within 1day");
    assert!(cause.detail.contains("slow down") && cause.fix.contains("replay"), "{cause}");
    assert_eq!(story.deliveries[0].state, DeliveryState::Held);
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_held_at_once() {
    let rig = Rig::new().await;
    rig.announce(server(HTML).await).await;
    rig.work().await;
    let story = rig.story().await;
    assert_eq!(story.fetch_state, FetchState::Held);
    assert_eq!(story.deliveries[0].cause.as_ref().unwrap().kind, ErrorKind::NotAnImage);
    assert!(!format!("{story:?}").contains("hush"));
}

#[tokio::test]
async fn a_stop_cuts_a_download_off_and_it_does_not_count() {
    let rig = Rig::new().await;
    rig.announce(server("").await).await;
    let running = rig.start(&Wake::default());
    while rig.story().await.attempts.is_empty() {
        tokio::task::yield_now().await;
    }
    rig.collector.stop.cancel();
    running.await.unwrap();

    assert_eq!(rig.due_in().await, 0);
    assert_eq!(rig.story().await.attempts[0].outcome, AttemptOutcome::Cancelled);
    let again = rig.collector.claim(4).await.unwrap();
    assert_eq!((again.len(), again[0].attempts), (1, 0));
}

#[tokio::test]
async fn a_bug_in_one_fetch_counts_as_a_failed_try() {
    let rig = Rig::new().await;
    rig.announce(server(GIF).await).await;
    let jobs = rig.collector.claim(4).await.unwrap();
    rig.collector.panicked(&jobs[0], "hush").await;
    let story = rig.story().await;
    assert_eq!(story.fetch_cause.as_ref().unwrap().kind, ErrorKind::Local);
    assert!(!format!("{story:?}").contains("hush"));
    assert!((1..=3).contains(&rig.due_in().await));
}

#[tokio::test]
async fn a_journal_that_fails_to_settle_is_asked_again_and_then_left_to_the_lease() {
    let rig = Rig::new().await;
    rig.announce(server(GIF).await).await;
    let job = rig.collector.claim(1).await.unwrap().remove(0);
    rig.collector.journal.close().await;
    let collector = Arc::clone(&rig.collector);
    let running = tokio::spawn(async move { collector.run(&job).await });
    let mut stepped = Duration::ZERO;
    while !running.is_finished() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        rig.collector.clock.step(Duration::from_secs(1));
        stepped += Duration::from_secs(1);
    }
    assert!(stepped >= SETTLE.iter().sum::<Duration>(), "{stepped:?}");
    running.await.unwrap();
}

#[test]
fn the_schedule_is_as_written_and_moves_by_a_fifth() {
    let seconds: Vec<u64> = (0..15).map(|n| delay(n, 0.5).as_secs()).collect();
    let written = [2, 5, 10, 20, 40, 60, 120, 180, 300, 600, 900, 1200, 1800, 1800, 1800];
    assert_eq!(seconds, written);
    assert_eq!(delay(3, 0.0), Duration::from_secs(16));
    assert_eq!(delay(3, 1.0), Duration::from_secs(24));
    assert_eq!(delay(u32::MAX, 0.5), Duration::from_secs(1800));
}

fn vector() -> serde_json::Value {
    let all = include_str!("../../fixtures/contracts/vectors.json");
    serde_json::from_str::<serde_json::Value>(all).unwrap()["envelope"].take()
}

fn decoded(text: &serde_json::Value) -> Vec<u8> {
    let standard = base64::engine::general_purpose::STANDARD;
    base64::Engine::decode(&standard, text.as_str().unwrap()).unwrap()
}

impl Rig {
    /// The same with the vector's private key.
    fn with_key(&mut self) {
        let mut settings = self.collector.apertur.settings().clone();
        let key = apertur::envelope::PrivateKey::parse(&decoded(&vector()["rsa_pkcs8_der_b64"]));
        settings.e2e_private_keys = vec![key.unwrap()];
        let collector = Arc::get_mut(&mut self.collector).unwrap();
        let clock = collector.clock.clone();
        collector.apertur = Apertur::new(Http::new().unwrap(), settings, clock).unwrap();
    }

    /// A photo that came in this envelope.
    async fn seal(&self, envelope: &[u8], url: Option<String>) {
        self.announce(url).await;
        let mut writer = self.collector.spool.begin().unwrap();
        std::io::Write::write_all(&mut writer, envelope).unwrap();
        let envelope = writer.keep().unwrap().sha256;
        let photo = self.story().await.photo;
        let arrival = Arrival {
            photo,
            bytes: Bytes::Sealed { envelope },
            plan: Vec::new(),
            held: None,
            is_doubtful: false,
        };
        self.collector.journal.accept(arrival).await.unwrap();
    }
}

#[tokio::test]
async fn an_envelope_stays_shut_without_its_key_and_is_opened_with_it() {
    let mut rig = Rig::new().await;
    let envelope = vector()["json"].to_string();
    rig.seal(envelope.as_bytes(), None).await;
    rig.work().await;
    let story = rig.story().await;
    assert_eq!((story.fetch_state, story.photo.sha256), (FetchState::Held, None));
    let cause = story.deliveries[0].cause.clone().unwrap();
    assert_eq!(cause.kind, ErrorKind::Encrypted);
    assert!(cause.fix.contains("apertur.e2e_private_keys"), "{cause}");
    assert_eq!(rig.collector.spool.digests().unwrap().len(), 1, "the envelope is kept");

    rig.with_key();
    rig.replay().await;
    rig.work().await;
    let story = rig.story().await;
    let plain = decoded(&vector()["plaintext_b64"]);
    assert_eq!(story.deliveries[0].state, DeliveryState::Due);
    assert_eq!(story.photo.size, Some(plain.len() as u64));
    assert_eq!(story.photo.media_type.as_deref(), Some("image/jpeg"));
    let path = rig.collector.spool.path(&story.photo.sha256.unwrap());
    assert_eq!(std::fs::read(path).unwrap(), plain);
}

#[tokio::test]
async fn what_is_in_an_envelope_is_measured_and_looked_at() {
    let json = vector()["json"].clone();
    for (max_size, damage, kind) in [
        (4, None, ErrorKind::TooLarge),
        (1000, Some(("encryptedData", "AAAA")), ErrorKind::Encrypted),
        (1000, Some(("algorithm", "none")), ErrorKind::Encrypted),
    ] {
        let mut rig = Rig::new().await;
        let mut envelope = json.clone();
        if let Some((key, text)) = damage {
            envelope[key] = text.into();
        }
        rig.with_key();
        let collector = Arc::get_mut(&mut rig.collector).unwrap();
        let mut settings = collector.apertur.settings().clone();
        settings.max_size = max_size;
        let clock = collector.clock.clone();
        collector.apertur = Apertur::new(Http::new().unwrap(), settings, clock).unwrap();
        rig.seal(envelope.to_string().as_bytes(), None).await;
        rig.work().await;
        let story = rig.story().await;
        assert_eq!(story.deliveries[0].cause.as_ref().unwrap().kind, kind, "{damage:?}");
    }
}

#[tokio::test]
async fn an_envelope_that_is_lost_is_looked_for_again() {
    let rig = Rig::new().await;
    rig.seal(vector()["json"].to_string().as_bytes(), None).await;
    for digest in rig.collector.spool.digests().unwrap() {
        std::fs::remove_file(rig.collector.spool.path(&digest)).unwrap();
    }
    rig.work().await;
    assert_eq!(rig.story().await.fetch_cause.unwrap().kind, ErrorKind::Local);
    assert!(rig.due_in().await > 0);
}

#[tokio::test]
async fn a_link_is_the_second_way_and_shutness_the_better_reason() {
    let envelope = vector()["json"].to_string();
    let rig = Rig::new().await;
    rig.seal(envelope.as_bytes(), Some(server(GIF).await)).await;
    rig.work().await;
    assert_eq!(rig.story().await.fetch_state, FetchState::Stored);

    let rig = Rig::new().await;
    rig.seal(envelope.as_bytes(), Some(server(HTML).await)).await;
    rig.work().await;
    assert_eq!(rig.story().await.fetch_cause.unwrap().kind, ErrorKind::Encrypted);
}
