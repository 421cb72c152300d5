//! Telling, with a clock that is stepped, real sockets and real programs.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use serde_json::Value;

use super::*;
use crate::{
    destinations::{Limits, Notice, Parcel, Progress},
    http::Http,
    journal::{
        Arrival, Bytes, Claim, DeliveryEnd, NewRun, Page, Pause, Planned, Way,
        memory::Memory,
        notices::{Outlet, Telling},
    },
    model::{
        By, Cause, Delivery, Digest, ErrorKind, Failure, Filter, Finding, Kind, Photo, PhotoId,
        Receipt, Scheme, Shape, Target, Verb,
    },
};

const HOUR: Duration = Duration::from_hours(1);

/// A help desk that takes notes, and may answer nothing after it took one.
#[derive(Debug, Default)]
struct Desk {
    notes: Mutex<Vec<(Target, Notice)>>,
    /// Whether what it took is looked for and found.
    asked_again: Mutex<u32>,
    is_mute: Mutex<bool>,
}

#[async_trait]
impl Destination for Desk {
    fn kind(&self) -> Kind {
        Kind::Zendesk
    }

    fn place(&self) -> String {
        String::new()
    }

    fn limits(&self) -> Limits {
        Limits {
            max_size: 1,
            size_key: None,
            concurrency: 1,
            one_per_target: true,
            photos_per_parcel: 1,
            parcel_size: 1,
            settles_in: Duration::ZERO,
        }
    }

    async fn probe(&self) -> Vec<Finding> {
        Vec::new()
    }

    async fn test(&self, _: Option<&Target>) -> Vec<Finding> {
        Vec::new()
    }

    fn preview(&self, _: &Delivery) -> Result<Receipt, Failure> {
        Ok(Receipt::default())
    }

    async fn find(&self, _: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        Ok(Vec::new())
    }

    async fn deliver(&self, _: &Parcel, _: &Progress) -> Result<Vec<Receipt>, Failure> {
        Ok(Vec::new())
    }

    async fn leave_note(&self, to: &Target, note: &Notice, again: bool) -> Result<(), Failure> {
        let is_there = {
            let mut notes = self.notes.lock().unwrap();
            let is_there = notes.iter().any(|(_, known)| known.mark == note.mark);
            if again {
                *self.asked_again.lock().unwrap() += 1;
            }
            if !(again && is_there) {
                notes.push((to.clone(), note.clone()));
            }
            is_there
        };
        if *self.is_mute.lock().unwrap() && !is_there {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// A receiver of alerts on a real socket.
struct Receiver {
    got: Arc<Mutex<Vec<(String, Value)>>>,
    address: SocketAddr,
}

impl Receiver {
    fn at(address: &str) -> Self {
        let socket = TcpListener::bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        let got = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in socket.incoming() {
                let (mut stream, mut text) = (stream.unwrap(), String::new());
                let mut block = [0; 8192];
                while !text.ends_with('}') {
                    let read = stream.read(&mut block).unwrap();
                    text.push_str(std::str::from_utf8(&block[..read]).unwrap());
                    assert!(read > 0, "{text}");
                }
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let body = serde_json::from_str(body).unwrap();
                heard.lock().unwrap().push((head.to_ascii_lowercase(), body));
                let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
                stream.write_all(answer).unwrap();
            }
        });
        Self { got, address }
    }

    fn settings(&self) -> HookSettings {
        hook(self.address)
    }

    fn texts(&self) -> Vec<String> {
        let got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        got.iter().map(|(_, body)| body["text"].as_str().unwrap().to_owned()).collect()
    }
}

fn hook(address: SocketAddr) -> HookSettings {
    use crate::destinations::webhook::{Address, Signer};
    let url = format!("http://{address}/in?key=hush").parse().unwrap();
    let signer = Signer::new(Scheme::Timestamped, &"s".into()).unwrap();
    HookSettings { address: Address::new(url), signer }
}

/// A bridge with one help desk.
struct Rig {
    journal: Arc<dyn Journal>,
    desk: Arc<Desk>,
    destinations: Live<Vec<(DestinationName, Arc<dyn Destination>)>>,
    clock: Clock,
    settings: Settings,
}

impl Rig {
    fn new(settings: Settings) -> Self {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let desk = Arc::<Desk>::default();
        let shared: Arc<dyn Destination> = desk.clone();
        Self {
            journal: Arc::new(Memory::new()),
            desk,
            destinations: Live::new(vec![(name("desk"), shared)]),
            clock: Clock::stepped(start),
            settings: Settings { free_space: 0, ..settings },
        }
    }

    /// As after a start.
    fn alerts(&self) -> Alerts {
        let around = Around {
            journal: Arc::clone(&self.journal),
            destinations: self.destinations.clone(),
            data_dir: "/".into(),
            clock: self.clock.clone(),
            telemetry: Telemetry::default(),
            stop: CancellationToken::new(),
        };
        let outlets = Outlets::new(&self.settings, Http::new().unwrap(), self.clock.clone());
        Alerts::new(self.settings.clone(), outlets, around)
    }

    /// Holds a new photo for a ticket.
    async fn hold(&self, photo: &str, ticket: &str, error: ErrorKind) {
        let now = self.clock.now();
        let target: Option<Target> = Some(ticket.parse().unwrap());
        let photo = Photo {
            id: PhotoId::parse(photo).unwrap(),
            image_id: None,
            session: None,
            index: None,
            filename: Some(format!("{photo}.jpg")),
            media_type: None,
            size: Some(3),
            sha256: Some(Digest([photo.bytes().fold(0, u8::wrapping_add); 32])),
            tags: Vec::new(),
            target: target.clone(),
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: Some(Scheme::Body),
            received_at: now,
        };
        let plan = vec![Planned { destination: Some(name("desk")), target, mode: None }];
        let bytes = Bytes::Stored;
        let arrival = Arrival { photo, bytes, plan, held: None, is_doubtful: false };
        self.journal.accept(arrival).await.unwrap();
        self.refuse(error).await;
    }

    /// Lets the desk refuse what is due.
    async fn refuse(&self, error: ErrorKind) {
        let now = self.clock.now();
        let claim = Claim {
            now,
            lease_until: now,
            lease_more: Duration::ZERO,
            destination: name("desk"),
            limit: 1,
            photos_per_parcel: 1,
            parcel_size: 1,
            one_per_target: false,
            except: Vec::new(),
        };
        let claimed = self.journal.claim_deliveries(claim).await.unwrap().remove(0).remove(0);
        let end = DeliveryEnd::Held { cause: Cause::new(error, "no", "ask why") };
        self.journal.settle_delivery(&claimed, end, now).await.unwrap();
    }

    /// Sends again what is held for a ticket.
    async fn replay(&self, ticket: &str) {
        let now = self.clock.now();
        let filter = Filter { target: Some(ticket.parse().unwrap()), ..Filter::default() };
        let (verb, by) = (Verb::Replay { force: false }, By::new("ann"));
        let run =
            self.journal.begin_run(NewRun { verb, filter, by, matching: 2 }, now).await.unwrap();
        let found = self.journal.find_page(&run, 9).await.unwrap();
        let page = Page {
            run: run.id,
            after: run.cursor,
            steps: found.iter().map(|found| (found.delivery, Way::On)).collect(),
            is_last: true,
            now,
            look_at: now,
        };
        self.journal.advance(page).await.unwrap();
    }

    /// Looks every ten seconds for as long.
    async fn pass(&self, alerts: &mut Alerts, time: Duration) {
        for _ in 0..time.as_secs() / 10 {
            self.clock.step(EVERY);
            alerts.look().await;
        }
    }

    fn notes(&self) -> Vec<(String, u64)> {
        let notes = self.desk.notes.lock().unwrap();
        notes.iter().map(|(to, note)| (to.to_string(), note.count)).collect()
    }
}

fn name(text: &str) -> DestinationName {
    DestinationName::parse(text).unwrap()
}

#[tokio::test]
async fn a_burst_is_one_alert_and_one_note_a_record_and_what_follows_waits_its_turn() {
    let receiver = Receiver::at("127.0.0.1:0");
    let webhook = Some(receiver.settings());
    let rig = Rig::new(Settings { note_on_target: true, webhook, ..Settings::default() });
    let mut alerts = rig.alerts();
    rig.hold("d", "zendesk:10", ErrorKind::Rejected).await;
    for photo in ["a", "b", "c"] {
        rig.hold(photo, "zendesk:9", ErrorKind::Rejected).await;
        rig.pass(&mut alerts, EVERY / 2).await;
        rig.clock.step(EVERY / 2);
    }
    rig.pass(&mut alerts, HOUR / 2).await;
    let text = "apertur-bridge: 3 photos held for desk (rejected): no; ask why";
    assert_eq!(receiver.texts()[..], [text.replace('3', "4")]);
    assert_eq!(rig.notes(), [("zendesk:10".to_owned(), 1), ("zendesk:9".to_owned(), 3)]);

    rig.hold("e", "zendesk:9", ErrorKind::Rejected).await;
    rig.hold("f", "zendesk:9", ErrorKind::TooLarge).await;
    rig.pass(&mut alerts, Duration::from_mins(10)).await;
    assert_eq!(
        receiver.texts()[1..],
        [text.replace('3', "1").replace("rejected", "too_large").replace("photos", "photo")]
    );
    assert_eq!(rig.notes().len(), 2, "a note an hour");
    rig.pass(&mut alerts, HOUR).await;
    assert_eq!((receiver.texts().len(), rig.notes().len()), (3, 3));
    assert_eq!(rig.notes()[2], ("zendesk:9".to_owned(), 2));
    rig.pass(&mut alerts, HOUR * 5).await;
    assert_eq!((receiver.texts().len(), rig.notes().len()), (3, 3), "nothing is told twice");
    let got = receiver.got.lock().unwrap();
    let (head, body) = &got[0];
    assert!(head.contains("x-apertur-signature: ") && head.contains("idempotency-key: "), "{head}");
    assert_eq!((&body["state"], &body["count"]), (&"open".into(), &4.into()));
    assert_eq!((&body["type"], &body["problem"]), (&"apertur-bridge.alert".into(), &"held".into()));
}

#[tokio::test]
async fn a_note_without_an_answer_is_looked_for_after_a_restart() {
    let rig = Rig::new(Settings { note_on_target: true, ..Settings::default() });
    let mut alerts = rig.alerts();
    rig.hold("a", "zendesk:9", ErrorKind::Rejected).await;
    *rig.desk.is_mute.lock().unwrap() = true;
    rig.clock.step(Duration::from_mins(1));
    let killed = tokio::time::timeout(Duration::from_millis(200), alerts.look()).await;
    assert!(killed.is_err() && rig.notes().len() == 1);
    drop(alerts);
    rig.hold("b", "zendesk:9", ErrorKind::Rejected).await;
    let mut alerts = rig.alerts();
    rig.pass(&mut alerts, HOUR / 2).await;
    assert_eq!((rig.notes().len(), *rig.desk.asked_again.lock().unwrap()), (1, 1));
    *rig.desk.is_mute.lock().unwrap() = false;
    rig.pass(&mut alerts, HOUR).await;
    assert_eq!(rig.notes(), [("zendesk:9".to_owned(), 1), ("zendesk:9".to_owned(), 1)]);
}

#[tokio::test]
async fn a_webhook_that_is_down_for_hours_hears_all_of_it_once_and_grouped() {
    // A place where nobody is for now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let rig = Rig::new(Settings { webhook: Some(hook(address)), ..Settings::default() });
    let mut alerts = rig.alerts();
    rig.hold("a", "zendesk:9", ErrorKind::Rejected).await;
    rig.pass(&mut alerts, HOUR * 2).await;
    rig.hold("b", "zendesk:9", ErrorKind::Rejected).await;
    rig.pass(&mut alerts, HOUR).await;
    assert_eq!(rig.journal.notices().await.unwrap().len(), 1, "bounded");
    let mut alerts = rig.alerts();
    let receiver = Receiver::at(&address.to_string());
    rig.pass(&mut alerts, HOUR).await;
    assert_eq!(
        receiver.texts(),
        ["apertur-bridge: 2 photos held for desk (rejected): no; ask why"]
    );
    assert_eq!(rig.journal.notices().await.unwrap(), []);
}

#[tokio::test]
async fn a_pause_that_lasts_is_told_at_its_beginning_and_at_its_end() {
    let receiver = Receiver::at("127.0.0.1:0");
    let webhook = Some(receiver.settings());
    let rig = Rig::new(Settings { webhook, ..Settings::default() });
    let mut alerts = rig.alerts();
    let destination = name("desk");
    let cause = Cause::new(ErrorKind::Unauthorized, "the key is refused", "make a new key");
    let pause = Pause { destination: destination.clone(), since: rig.clock.now(), cause };
    rig.journal.set_pause(&destination, Some(pause.clone())).await.unwrap();
    rig.pass(&mut alerts, Duration::from_mins(14)).await;
    assert_eq!(receiver.texts().len(), 0);
    rig.pass(&mut alerts, HOUR * 3).await;
    let text = "apertur-bridge: desk is paused (unauthorized): the key is refused; make a new key";
    assert_eq!(receiver.texts(), [text]);
    // A restart lifts it for a moment.
    rig.journal.set_pause(&destination, None).await.unwrap();
    let mut alerts = rig.alerts();
    rig.pass(&mut alerts, Duration::from_secs(30)).await;
    rig.journal.set_pause(&destination, Some(pause)).await.unwrap();
    rig.pass(&mut alerts, HOUR).await;
    assert_eq!(receiver.texts().len(), 1);
    rig.journal.set_pause(&destination, None).await.unwrap();
    rig.pass(&mut alerts, HOUR).await;
    let texts = receiver.texts();
    assert_eq!(texts.len(), 2);
    assert!(texts[1].starts_with("apertur-bridge: desk goes on"), "{texts:?}");
    assert_eq!(receiver.got.lock().unwrap()[1].1["state"], "over");
}

#[tokio::test]
async fn what_a_person_holds_is_told_nobody_and_what_was_held_before_is_no_news() {
    let rig = Rig::new(Settings { note_on_target: true, ..Settings::default() });
    rig.hold("a", "zendesk:9", ErrorKind::Operator).await;
    rig.pass(&mut rig.alerts(), HOUR).await;
    assert_eq!(rig.notes(), []);
    let off = Rig { settings: Settings::default(), ..rig };
    off.hold("b", "zendesk:9", ErrorKind::Rejected).await;
    off.pass(&mut off.alerts(), HOUR).await;
    let receiver = Receiver::at("127.0.0.1:0");
    let webhook = Some(receiver.settings());
    let settings = Settings { note_on_target: true, webhook, free_space: 0, ..Settings::default() };
    let on = Rig { settings, ..off };
    on.pass(&mut on.alerts(), HOUR).await;
    assert_eq!((on.notes(), receiver.texts()), (Vec::new(), Vec::new()));
    assert_eq!(on.journal.untold(Telling::Note).await.unwrap(), []);
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_and_a_journal_that_fails_are_told() {
    let receiver = Receiver::at("127.0.0.1:0");
    let webhook = Some(receiver.settings());
    let mut rig = Rig::new(Settings { webhook, ..Settings::default() });
    rig.settings.free_space = u64::MAX;
    let mut alerts = rig.alerts();
    rig.pass(&mut alerts, HOUR).await;
    assert_eq!(receiver.texts().len(), 1, "{:?}", receiver.texts());
    assert!(receiver.texts()[0].starts_with("apertur-bridge: the disk is nearly full: "));
    for _ in 0..30 {
        alerts.without_journal("it cannot be written").await;
        rig.clock.step(EVERY);
    }
    let texts = receiver.texts();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[1].contains("the journal does not work: it cannot be written"), "{texts:?}");
}

/// A command that is a script of the shell.
fn script(text: &str, timeout: Duration) -> Command {
    let args = vec!["-c".to_owned(), text.to_owned()];
    let mail_to = Some("ops@example.com".to_owned());
    Command { timeout, ..Command::new("/bin/sh".into(), args, mail_to) }
}

#[tokio::test]
async fn a_command_gets_the_alert_as_a_mail_and_nothing_of_our_environment() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("mail");
    let text = format!("{{ cat; env; }} > {}", file.display());
    let command = Some(script(&text, Duration::from_secs(20)));
    let rig = Rig::new(Settings { command, ..Settings::default() });
    rig.hold("a", "zendesk:9", ErrorKind::Rejected).await;
    rig.pass(&mut rig.alerts(), Duration::from_mins(1)).await;
    let mail = std::fs::read_to_string(&file).unwrap();
    for line in [
        "To: ops@example.com\nSubject: [apertur-bridge] 1 photo held for desk\nDate: ",
        " Jan 2027 08:0",
        "\nAuto-Submitted: auto-generated\n",
        "\n\n1 photo held for desk\n\nError: rejected\n",
        "\nWhat: no\nWhat to do: ask why\n",
    ] {
        assert!(mail.contains(line), "{line:?} is not in {mail}");
    }
    assert!(mail.contains("\nPATH=/usr/") || mail.contains("PATH=/usr/"), "{mail}");
    assert!(!mail.contains("CARGO"), "{mail}");
}

/// Whether a process runs.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits for the end of the process that wrote its number down.
async fn ends(file: &Path) {
    let pid = std::fs::read_to_string(file).unwrap();
    for _ in 0..100 {
        if !runs(pid.trim()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{pid} still runs");
}

#[tokio::test]
async fn a_command_is_done_once_it_ends_whoever_holds_its_pipes() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("pid");
    let text = format!("sleep 1000 & echo $! > {}; echo no relay >&2; exit", file.display());
    let long = Duration::from_secs(60);
    let message = "long ".repeat(100_000);
    script(&format!("{text} 0"), long).run(&message).await.unwrap();
    let pid = std::fs::read_to_string(&file).unwrap();
    assert!(runs(pid.trim()), "what it left to others goes on");
    kill(&pid);
    let failure = script(&format!("{text} 7"), long).run(&message).await.unwrap_err();
    assert_eq!(failure.cause().detail, "no relay");
    kill(&std::fs::read_to_string(&file).unwrap());
}

fn kill(pid: &str) {
    let killed = std::process::Command::new("kill").arg(pid.trim()).status();
    assert!(killed.unwrap().success());
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_and_one_that_fails_is_run_again() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("pid");
    let text = format!("echo $$ > {}; exec sleep 1000", file.display());
    let command = script(&text, Duration::from_millis(500));
    let failure = command.run("hello").await.unwrap_err();
    assert_eq!(failure.cause().kind, ErrorKind::Timeout);
    ends(&file).await;
    // Whoever it started and left behind holds its pipes, and is killed with it.
    let text = format!("sleep 1000 & echo $! > {}; wait", file.display());
    script(&text, Duration::from_millis(500)).run("hello").await.unwrap_err();
    ends(&file).await;

    let tries = home.path().join("tries");
    let text =
        format!("echo x >> {0}; echo no relay >&2; test $(wc -l < {0}) -ge 3", tries.display());
    let command = Some(script(&text, Duration::from_secs(20)));
    let rig = Rig::new(Settings { command, ..Settings::default() });
    rig.hold("a", "zendesk:9", ErrorKind::Rejected).await;
    rig.pass(&mut rig.alerts(), HOUR / 2).await;
    assert_eq!(std::fs::read_to_string(&tries).unwrap(), "x\nx\nx\n");
    let failure = script("seq 100000; echo no relay >&2; exit 7", Duration::from_secs(20));
    let failure = failure.run(&"long ".repeat(100_000)).await.unwrap_err();
    let cause = failure.cause();
    assert!(cause.what.contains('7') && cause.detail == "no relay", "{cause}");
    let none = Command::new("/nowhere/mail".into(), Vec::new(), None);
    assert!(none.run("").await.unwrap_err().cause().what.contains("cannot be started"));
}

#[tokio::test]
async fn a_test_goes_to_every_outlet() {
    let receiver = Receiver::at("127.0.0.1:0");
    let (webhook, command) = (Some(receiver.settings()), Some(script("exit 1", HOUR)));
    let rig = Rig::new(Settings { webhook, command, ..Settings::default() });
    let told = rig.alerts().outlets.tell(&Alert::test(rig.clock.now()), rig.clock.now()).await;
    let told: Vec<_> = told.into_iter().map(|(outlet, told)| (outlet, told.is_ok())).collect();
    assert_eq!(told, [(Outlet::Webhook, true), (Outlet::Command, false)]);
    assert!(receiver.texts()[0].starts_with("apertur-bridge: this is a test: "));
}

#[tokio::test]
async fn what_was_mended_before_it_could_be_told_is_told_nobody() {
    let receiver = Receiver::at("127.0.0.1:0");
    let webhook = Some(receiver.settings());
    let rig = Rig::new(Settings { note_on_target: true, webhook, ..Settings::default() });
    let mut alerts = rig.alerts();
    for photo in ["a", "b"] {
        rig.hold(photo, "zendesk:9", ErrorKind::Rejected).await;
    }
    rig.hold("c", "zendesk:10", ErrorKind::TooLarge).await;
    rig.clock.step(Duration::from_mins(1));
    alerts.plan().await.unwrap();
    assert_eq!(rig.journal.notices().await.unwrap().len(), 4);
    rig.replay("zendesk:9").await;
    rig.pass(&mut alerts, HOUR / 2).await;
    assert_eq!(rig.notes(), [("zendesk:10".to_owned(), 1)]);
    let text = "apertur-bridge: 1 photo held for desk (too_large): no; ask why";
    assert_eq!(receiver.texts(), [text]);
    assert_eq!(rig.journal.notices().await.unwrap(), []);
}

#[tokio::test]
async fn a_destination_that_a_reload_adds_has_its_notes() {
    let rig = Rig::new(Settings { note_on_target: true, ..Settings::default() });
    let destinations = rig.destinations.load();
    rig.destinations.store(Vec::new());
    let mut alerts = rig.alerts();
    rig.destinations.store(destinations.to_vec());
    rig.hold("a", "zendesk:9", ErrorKind::Rejected).await;
    rig.pass(&mut alerts, HOUR).await;
    assert_eq!(rig.notes(), [("zendesk:9".to_owned(), 1)]);
}

#[tokio::test]
async fn a_pause_that_comes_and_goes_is_told_once_an_hour_with_its_end() {
    let receiver = Receiver::at("127.0.0.1:0");
    let webhook = Some(receiver.settings());
    let rig = Rig::new(Settings { webhook, ..Settings::default() });
    let mut alerts = rig.alerts();
    let destination = name("desk");
    for _ in 0..30 {
        let since = rig.clock.now() - HOUR;
        let cause = Cause::new(ErrorKind::Unauthorized, "the key is refused", "make a new key");
        let pause = Pause { destination: destination.clone(), since, cause };
        rig.journal.set_pause(&destination, Some(pause)).await.unwrap();
        rig.pass(&mut alerts, Duration::from_mins(2)).await;
        rig.journal.set_pause(&destination, None).await.unwrap();
        rig.pass(&mut alerts, Duration::from_mins(2)).await;
    }
    let got = receiver.got.lock().unwrap();
    let states: Vec<_> = got.iter().map(|(_, body)| body["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["open", "over", "open", "over"], "two hours of it");
}

#[tokio::test]
async fn a_disk_that_fills_again_is_told_an_hour_after_its_first_alert() {
    let receiver = Receiver::at("127.0.0.1:0");
    let webhook = Some(receiver.settings());
    let rig = Rig::new(Settings { webhook, ..Settings::default() });
    let mut alerts = rig.alerts();
    for (free_space, minutes, told) in
        [(u64::MAX, 50, 1), (0, 5, 2), (u64::MAX, 5, 2), (u64::MAX, 1, 3), (0, 120, 4)]
    {
        alerts.settings.free_space = free_space;
        rig.pass(&mut alerts, Duration::from_mins(minutes)).await;
        assert_eq!(receiver.texts().len(), told, "{:?}", receiver.texts());
    }
    let got = receiver.got.lock().unwrap();
    let states: Vec<_> = got.iter().map(|(_, body)| body["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["open", "over", "open", "over"]);
}
