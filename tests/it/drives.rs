//! Google Drive, Dropbox and OneDrive against strict fakes of their APIs, all with a login at a
//! strict authorization server: what they have in common here, the rest in files of their own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod dropbox;
mod google_drive;
mod onedrive;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use apertur_bridge::{
    destinations::{
        Destination, Item, Settings, Shared, build,
        key::KeyTemplate,
        oauth::{Addresses, Client, Endpoints, Style},
    },
    http::Http,
    model::{DestinationName, Failure, Receipt, Tag},
    system::Clock,
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur,
        desk::{Desk, Fault, Seen, Server, Shape as Body, What},
        oauth::{CLIENT_ID, CLIENT_SECRET, FakeOauth, Wants, visit},
    },
    look,
    parcel::{self, ending, errors, key},
};

/// A fake drive, as the tests that all have to pass see it.
trait Cloud: Desk {
    /// Its type in the configuration.
    const TYPE: &'static str;
    /// What it adds to the address to log in at.
    const OFFLINE: &'static [&'static str];
    /// Scopes that a login asks for.
    const SCOPES: &'static [&'static str];
    /// The kind of call that carries a piece of a large photo.
    const PIECE: &'static str;
    /// The kinds of calls that ask how an upload stands.
    const ASKS: &'static [&'static str];

    /// The kind of call after which a photo of so many bytes is there.
    fn last(size: usize) -> &'static str;

    /// How often that kind of call comes before the one that ends an upload.
    fn before_the_last(size: usize) -> usize;

    fn start(oauth: FakeOauth, clock: Clock, url: String) -> Self;

    /// A destination in the folder `Apertur`.
    fn settings(url: &str, login: Client, key_template: KeyTemplate) -> Settings;

    /// Every file that is seen: its path below the folder, or where it is outside one that begins
    /// with a slash; its bytes and its media type, where the drive keeps one.
    fn stored(&self) -> Vec<Stored>;

    /// Somebody else's file below the folder.
    fn add(&mut self, path: &str, bytes: &[u8]);

    /// Nothing fits any more.
    fn fill(&mut self);

    /// Folders that are there twice.
    fn twins(&self) -> usize;
}

type Stored = (String, Vec<u8>, Option<String>);

/// A drive, a login to it, and a destination.
struct Lab<C: Cloud> {
    server: Server<C>,
    oauth: FakeOauth,
    destination: Arc<dyn Destination>,
    home: tempfile::TempDir,
}

impl<C: Cloud> Lab<C> {
    async fn new() -> Self {
        Self::with("{date}/{image_id}.{ext}").await
    }

    async fn with(template: &str) -> Self {
        Self::changed(template, |_, settings| settings).await
    }

    async fn changed(template: &str, change: impl FnOnce(&C, Settings) -> Settings) -> Self {
        let lab = Self::logged_out(template, change);
        lab.log_in().await;
        lab
    }

    fn logged_out(template: &str, change: impl FnOnce(&C, Settings) -> Settings) -> Self {
        let clock = Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap());
        let oauth = FakeOauth::start_at(Wants::Form, clock.clone());
        let server = Server::start(|address| {
            C::start(oauth.clone(), clock.clone(), format!("http://{address}"))
        });
        let login = Client {
            id: CLIENT_ID.to_owned(),
            secret: CLIENT_SECRET.into(),
            scopes: C::SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            endpoints: Endpoints::Fixed(Addresses {
                authorize: Some(oauth.authorize_url()),
                token: oauth.token_url(),
            }),
            style: Style::Form,
            redirect: "http://localhost:8789/callback".parse().unwrap(),
        };
        let template = KeyTemplate::parse(template).unwrap();
        let settings = C::settings(&server.url(), login, template);
        let settings = change(&server.desk(), settings);
        let home = tempfile::tempdir().unwrap();
        let shared = Shared::new(Http::new().unwrap(), clock, home.path());
        let destination = build(&DestinationName::parse("drive").unwrap(), settings, &shared);
        Self { server, oauth, destination, home }
    }

    async fn log_in(&self) {
        let login = self.destination.login().unwrap();
        let (_, back, page) = visit(login.url().await.unwrap().as_str()).unwrap();
        let reply = login.pasted(&back.unwrap_or(page)).unwrap();
        login.exchange(reply).await.unwrap();
    }

    fn fault(&self, fault: Fault) {
        self.server.desk().core().faults.push(fault);
    }

    /// No question about an upload is answered any more.
    fn silence(&self) {
        for on in C::ASKS {
            self.fault(Fault { on, times: 9, what: What::CloseBefore });
        }
    }

    fn item(&self, id: &str, bytes: &[u8]) -> Item {
        parcel::item(self.home.path(), parcel::delivery(id, "door.jpg"), bytes)
    }

    async fn send(&self, id: &str, bytes: &[u8]) -> Result<Receipt, Failure> {
        self.send_item(self.item(id, bytes)).await
    }

    async fn send_item(&self, item: Item) -> Result<Receipt, Failure> {
        let sent = parcel::send(&*self.destination, vec![item], &Arc::default()).await;
        self.assert_silent(&format!("{sent:?} {:?}", self.destination));
        Ok(sent?.remove(0))
    }

    async fn found(&self, id: &str, bytes: &[u8]) -> Option<Receipt> {
        let delivery = self.item(id, bytes).delivery;
        self.destination.find(&[delivery]).await.unwrap().remove(0)
    }

    /// Asserts that a text gives nothing away.
    fn assert_silent(&self, text: &str) {
        for secret in self.oauth.secrets().iter().map(String::as_str).chain(["secret-", "Bearer"]) {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }

    fn stored(&self) -> Vec<Stored> {
        self.server.desk().stored()
    }

    fn paths(&self) -> Vec<String> {
        self.stored().into_iter().map(|(path, ..)| path).collect()
    }

    /// The kinds of calls since they were forgotten last.
    fn calls(&self) -> Vec<&'static str> {
        self.server.desk().core().seen.iter().map(|seen| seen.endpoint).collect()
    }
}

/// Bytes that repeat nowhere near a piece's length.
fn picture(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 31 % 251) as u8 ^ (i >> 13) as u8).collect()
}

/// Larger than two pieces of every drive, and no multiple of any.
const LARGE: usize = 21_234_567;

async fn it_arrives_once_whole_and_is_found_again<C: Cloud>() {
    let lab = Lab::<C>::new().await;
    for (id, bytes) in [("img_1", picture(3_000)), ("img_2", picture(LARGE))] {
        assert_eq!(lab.found(id, &bytes).await, None);
        let first = lab.send(id, &bytes).await.unwrap();
        let at = format!("2027-01-15/{id}.jpg");
        assert_eq!((key(&first), first.found), (at.as_str(), false));
        let again = lab.send(id, &bytes).await.unwrap();
        assert_eq!((key(&again), again.found), (at.as_str(), true));
        assert!(lab.found(id, &bytes).await.unwrap().found);
        let (path, stored, mime) = lab.stored().pop().unwrap();
        assert!(path == at && stored == bytes, "{path}");
        assert!(mime.is_none_or(|mime| mime == "image/jpeg"));
    }
    assert_eq!(lab.stored().len(), 2);
    assert_eq!(lab.server.desk().twins(), 0);
}

async fn photos_at_one_time_share_their_folders_and_replace_nothing<C: Cloud>() {
    let lab = Lab::<C>::with("{year}/{month}/photo.{ext}").await;
    let (one, two, three) = (picture(5_000), picture(5_001), vec![7; 5_000]);
    let sent =
        tokio::join!(lab.send("img_1", &one), lab.send("img_2", &two), lab.send("img_3", &three));
    for sent in [sent.0, sent.1] {
        assert_eq!(ending(&sent), "done");
    }
    assert_eq!(ending(&sent.2), "done");
    assert_eq!(lab.stored().len(), 3, "{:?}", lab.paths());
    assert_eq!(lab.server.desk().twins(), 0);
    // One that somebody else put there is not touched.
    let lab = Lab::<C>::with("photo.{ext}").await;
    lab.server.desk().add("photo.jpg", b"theirs");
    let receipt = lab.send("img_1", &one).await.unwrap();
    let theirs = lab.stored().into_iter().find(|(_, bytes, _)| bytes == b"theirs");
    assert_eq!(theirs.unwrap().0, "photo.jpg");
    assert_eq!(lab.stored().len(), 2, "{receipt:?}");
}

async fn a_thousand_hostile_names_land_inside<C: Cloud>() {
    let lab = Lab::<C>::with("{filename}/{stem}-{tag:x}.{ext}").await;
    let mut runner = TestRunner::deterministic();
    let hostile =
        "(\\.\\./|/|\\\\|\\.|~\\$|'|\"|#|%2e|%|\\?|:|\\||con|nul|\\.lock|é|\\PC|[ -~]){0,12}";
    let names = proptest::string::string_regex(hostile).unwrap();
    for number in 0..1000 {
        let mut name = || names.new_tree(&mut runner).unwrap().current();
        let (filename, tag) = (name(), name());
        let mut item = lab.item(&format!("img_{number}"), number.to_string().as_bytes());
        item.delivery.photo.filename = Some(filename.clone());
        item.delivery.photo.tags = vec![Tag::from_text(&format!("x:{tag}"))];
        let sent = lab.send_item(item).await;
        assert_eq!(ending(&sent), "done", "{filename:?} {tag:?} {sent:?}");
    }
    let stored = lab.stored();
    assert_eq!(stored.len(), 1000);
    assert!(stored.iter().all(|(path, ..)| !path.starts_with('/')), "{:?}", lab.paths());
}

async fn a_cut_wire_leaves_nothing_half_and_the_upload_goes_on<C: Cloud>() {
    let bytes = picture(LARGE);
    for what in [What::Cut(1_000_000), What::CloseBefore, What::LoseAnswer, What::HalfAnswer] {
        let lab = Lab::<C>::new().await;
        let spared = Fault { on: C::PIECE, times: 1, what: What::Stall(Duration::ZERO) };
        lab.fault(spared);
        lab.fault(Fault::once(C::PIECE, what.clone()));
        let sent = lab.send("img_1", &bytes).await;
        assert_eq!(ending(&sent), "done", "{what:?} {sent:?}");
        assert!(lab.stored()[0].1 == bytes && lab.stored().len() == 1, "{what:?}");
    }
    // The other side does not come back: nothing is seen, and the next try begins anew.
    let lab = Lab::<C>::new().await;
    lab.fault(Fault::once(C::PIECE, What::Cut(1000)));
    lab.fault(Fault::once(C::PIECE, What::CloseBefore));
    lab.silence();
    let sent = lab.send("img_1", &bytes).await;
    assert!(ending(&sent).starts_with("later") && lab.stored().is_empty(), "{sent:?}");
    lab.server.desk().core().faults.clear();
    assert_eq!(ending(&lab.send("img_1", &bytes).await), "done");
    assert!(lab.stored().len() == 1 && lab.stored()[0].1 == bytes);
}

async fn a_lost_last_answer_makes_no_second_file<C: Cloud>() {
    for size in [3_000, LARGE] {
        let lab = Lab::<C>::new().await;
        let bytes = picture(size);
        // The last call is done, and nothing is heard of it or of what comes after it.
        for _ in 0..C::before_the_last(size) {
            lab.fault(Fault::once(C::last(size), What::Stall(Duration::ZERO)));
        }
        lab.fault(Fault::once(C::last(size), What::LoseAnswer));
        lab.fault(Fault::once(C::last(size), What::CloseBefore));
        lab.silence();
        let sent = lab.send("img_1", &bytes).await;
        assert!(ending(&sent).starts_with("unknown"), "{size} {sent:?}");
        lab.server.desk().core().faults.clear();
        assert_eq!(lab.stored().len(), 1);
        assert!(lab.found("img_1", &bytes).await.unwrap().found);
        assert!(lab.send("img_1", &bytes).await.unwrap().found);
        assert_eq!(lab.stored().len(), 1);
    }
}

async fn tokens_are_renewed_and_a_login_that_ended_is_said<C: Cloud>() {
    let lab = Lab::<C>::new().await;
    let bytes = picture(LARGE);
    lab.send("img_1", &bytes).await.unwrap();
    lab.oauth.end_access_tokens();
    lab.send("img_2", &bytes).await.unwrap();
    assert_eq!(lab.stored().len(), 2);
    lab.oauth.end_all_tokens();
    let sent = lab.send("img_3", &bytes).await;
    assert_eq!(ending(&sent), "broken unauthorized");
    let fix = sent.unwrap_err().cause().fix.clone();
    assert!(fix.contains("apertur-bridge destinations login drive"), "{fix}");
    let findings = lab.destination.probe().await;
    assert!(errors(&findings)[0].contains("destinations login drive"), "{findings:?}");
    let lab = Lab::<C>::logged_out("{image_id}", |_, settings| settings);
    assert_eq!(ending(&lab.send("img_1", b"abc").await), "broken unauthorized");
    assert!(lab.stored().is_empty() && lab.calls().is_empty(), "{:?}", lab.calls());
}

async fn a_busy_and_a_full_drive_are_told_apart<C: Cloud>() {
    let lab = Lab::<C>::new().await;
    for (what, wanted) in [
        (What::RetryAfter(429, "17"), "later rate_limited"),
        (What::RetryAfter(503, "17"), "later unavailable"),
        (What::Status(500, Body::Html), "later unavailable"),
        (What::Status(200, Body::Html), "later protocol"),
        (What::Status(404, Body::Html), "broken protocol"),
    ] {
        let waits = matches!(what, What::RetryAfter(..));
        lab.fault(Fault::once("*", what));
        let sent = lab.send("img_1", b"abc").await;
        assert_eq!(ending(&sent), wanted);
        if let Err(Failure::Later { after, .. }) = sent {
            assert_eq!(after.map(|after| after.as_secs()), waits.then_some(17));
        }
    }
    lab.server.desk().fill();
    for size in [3_000, LARGE] {
        let sent = lab.send("img_1", &picture(size)).await;
        assert!(ending(&sent).starts_with("broken"), "{sent:?}");
        let cause = sent.unwrap_err().cause().clone();
        assert!(cause.what.contains("full") && cause.fix.contains("room"), "{cause}");
    }
    assert!(lab.stored().is_empty());
    let said = errors(&lab.destination.probe().await);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("error: space: none is left"), "{said:?}");
}

async fn a_refusal_that_repeats_the_request_gives_nothing_away<C: Cloud>() {
    let lab = Lab::<C>::new().await;
    let echo = Body::Echo(|sent| {
        let error = json!({ "code": sent, "message": sent, "errors": [{ "reason": sent }] });
        json!({ "error_summary": sent, "user_message": { "text": sent }, "error": error })
    });
    let pieces = [C::PIECE, C::last(LARGE)].map(|on| (on, LARGE));
    for (on, size) in [("*", 3_000), (C::last(3_000), 3_000)].into_iter().chain(pieces) {
        for status in [400, 401, 403, 409, 429, 500] {
            // A 401 is met with a new token, once.
            lab.fault(Fault { on, times: 2, what: What::Status(status, echo.clone()) });
            // What it gives away is looked for where it is sent.
            drop(lab.send("img_1", &picture(size)).await);
            lab.server.desk().core().faults.clear();
        }
    }
    lab.fault(Fault { on: "*", times: 9, what: What::Status(403, echo) });
    lab.assert_silent(&format!("{:?}", lab.destination.probe().await));
}

async fn a_trial_says_who_and_how_much_and_leaves_nothing<C: Cloud>() {
    let lab = Lab::<C>::new().await;
    let findings = lab.destination.test(None).await;
    assert_eq!(errors(&findings), [""; 0]);
    let said: Vec<_> = findings.iter().map(|f| (f.subject.as_str(), f.what.as_str())).collect();
    let of = |subject| said.iter().find(|(known, _)| *known == subject).unwrap().1;
    assert!(of("log in").contains("Ada"), "{said:?}");
    assert!(of("space").ends_with("GiB are left"), "{said:?}");
    for step in ["write", "look", "read", "remove"] {
        assert!(!of(step).is_empty());
    }
    lab.assert_silent(&format!("{findings:?}"));
    assert!(lab.stored().is_empty(), "{:?}", lab.paths());
    assert!(lab.destination.kind().is_storage());
}

/// Most memory of the daemon while a photo of 200 MiB passes, in KiB.
const MOST: u64 = 32 << 10;

async fn two_hundred_mebibytes_pass_through_thirty_two<C: Cloud>() {
    const SIZE: usize = 200 << 20;
    let oauth = FakeOauth::start(Wants::Form);
    oauth.want(C::OFFLINE);
    let server = Server::start(|address| {
        C::start(oauth.clone(), Clock::system(), format!("http://{address}"))
    });
    let daemon = Daemon::start(Options::toml(format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nmax_body = \"256MiB\"\n{}",
        section::<C>(&server.url(), &oauth)
    )));
    log_in(&daemon);
    let photo = apertur::Photo::of_size("img_1", SIZE);
    let answer = apertur::post(daemon.url(), &photo.binary().signed()).unwrap();
    assert_eq!(answer.told(), (200, "accepted".to_owned()));
    look::eventually(Duration::from_mins(2), "the photo is there", || {
        (look::states(&daemon) == ["delivered"]).then_some(())
    });
    let stored = server.desk().stored();
    assert_eq!(stored.len(), 1);
    assert_eq!(hex::encode(Sha256::digest(&stored[0].1)), photo.sha256());
    let peak = daemon.peak_memory();
    assert!(peak < MOST, "{peak} KiB");
    for secret in oauth.secrets().iter().map(String::as_str).chain(["secret-"]) {
        assert!(!daemon.log().contains(secret), "{}", daemon.log());
    }
}

async fn the_commands_say_what_works_and_what_is_wrong<C: Cloud>() {
    let oauth = FakeOauth::start(Wants::Form);
    oauth.want(C::OFFLINE);
    let server = Server::start(|address| {
        C::start(oauth.clone(), Clock::system(), format!("http://{address}"))
    });
    let daemon = Daemon::start(Options::toml(section::<C>(&server.url(), &oauth)));
    let said = |args: &[&str]| {
        let output = daemon.command(args);
        let out = String::from_utf8(output.stdout).unwrap();
        let all = format!("{out}{}", String::from_utf8_lossy(&output.stderr));
        for secret in oauth.secrets().iter().map(String::as_str).chain(["secret-"]) {
            assert!(!all.contains(secret), "{secret} is in {all}");
        }
        (output.status.code().unwrap(), out)
    };
    let test = || said(&["destinations", "test", "drive"]);
    let subjects = |out: &str| {
        let subject = |line: &str| line.splitn(3, ": ").take(2).collect::<Vec<_>>().join(" ");
        out.lines().map(subject).collect::<Vec<_>>()
    };
    let (code, out) = test();
    assert_eq!((code, subjects(&out)), (69, vec!["error log in".to_owned()]));
    assert!(out.contains("apertur-bridge destinations login drive"), "{out}");
    log_in(&daemon);
    let (_, listed) = said(&["destinations", "list"]);
    let row = listed.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!((row[0], row[1], row[row.len() - 1]), ("drive", C::TYPE, "ok"));
    let (code, out) = test();
    let steps = ["log in", "space", "folder", "write", "look", "read", "remove"];
    let all_is_well: Vec<_> = steps.iter().map(|step| format!("ok {step}")).collect();
    assert_eq!((code, subjects(&out)), (0, all_is_well));
    for step in ["log in", "write", "look", "read", "remove"] {
        let line = out.lines().find(|line| line.starts_with(&format!("ok: {step}: "))).unwrap();
        assert!(line.ends_with(" ms"), "{line}");
    }
    server.desk().fill();
    let (code, out) = test();
    assert!(code == 69 && out.contains("error: space: none is left"), "{out}");
    oauth.end_all_tokens();
    let (code, out) = test();
    assert_eq!((code, subjects(&out)), (69, vec!["error log in".to_owned()]));
    assert!(out.contains("apertur-bridge destinations login drive"), "{out}");
}

/// The drive's section of a configuration.
fn section<C: Cloud>(url: &str, oauth: &FakeOauth) -> String {
    format!(
        "[destination.drive]\ntype = \"{}\"\nbase_url = \"{url}\"\nfolder = \"Apertur\"\n\
         client_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
         authorize_url = \"{}\"\ntoken_url = \"{}\"\n",
        C::TYPE,
        oauth.authorize_url(),
        oauth.token_url(),
    )
}

/// `destinations login drive`, with what the browser was sent to pasted.
fn log_in(daemon: &Daemon) {
    let mut command = daemon.prepare(&["destinations", "login", "drive"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut url = String::new();
    said.read_line(&mut url).unwrap();
    let (status, back, page) = visit(url.trim()).unwrap();
    assert_eq!(status, 302, "{url} {page}");
    writeln!(child.stdin.take().unwrap(), "{}", back.unwrap()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// What every drive has to pass.
macro_rules! contract {
    ($cloud:ty: $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                super::$name::<$cloud>().await;
            }
        )*
    };
    ($cloud:ty) => {
        super::contract!(
            $cloud:
            it_arrives_once_whole_and_is_found_again
            photos_at_one_time_share_their_folders_and_replace_nothing
            a_thousand_hostile_names_land_inside
            a_cut_wire_leaves_nothing_half_and_the_upload_goes_on
            a_lost_last_answer_makes_no_second_file
            tokens_are_renewed_and_a_login_that_ended_is_said
            a_busy_and_a_full_drive_are_told_apart
            a_refusal_that_repeats_the_request_gives_nothing_away
            a_trial_says_who_and_how_much_and_leaves_nothing
            the_commands_say_what_works_and_what_is_wrong
            two_hundred_mebibytes_pass_through_thirty_two
        );
    };
}
use contract;
