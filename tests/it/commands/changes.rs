//! What people change, by the built binary: asked first, carried out through any end, told.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use apertur_bridge::{
    journal::{self, Arrival, Bytes, Claim, DeliveryEnd, Journal, Planned},
    model::{
        Cause, DestinationName, Digest, ErrorKind, Filter, ImageId, Photo, PhotoId, Scheme, Shape,
    },
    spool::Spool,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Said, delivered, done, said};
use crate::{
    daemon::{Daemon, Options},
    look::{self, files},
};

/// Pages of 200, so that there is time to interrupt a run.
const MANY: usize = 2_000;
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn a_replay_has_a_paused_destination_asked_at_once() {
    let toml = "retry.probe_every = \"1h\"\n[destination.archive]\ntype = \"folder\"\n\
                path = \"disk/photos\"\n";
    let daemon = Daemon::start(Options::toml(toml));
    let photo = super::photo("try-me.jpg");
    done(&daemon, &["webhook", "send", photo.to_str().unwrap()]);
    daemon.wait_for_log("destination paused");
    std::fs::create_dir(daemon.dir().join("disk")).unwrap();
    done(&daemon, &["deliveries", "replay", "1"]);
    look::settled(&daemon, &["delivered"]);
}

/// A daemon that is stopped, with so many photos that its folder refused.
fn with_held(photos: usize) -> Daemon {
    let mut daemon = Daemon::start(Options::default());
    assert!(daemon.stop().success());
    let data = daemon.dir().join("data");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let picture = std::fs::read(super::photo("try-me.jpg")).unwrap();
        let spool = Spool::open(&data.join("spool")).unwrap();
        let settings = journal::Settings::Sqlite { path: data.join("journal.db") };
        let journal = journal::open(&settings).await.unwrap();
        let mut accepted = tokio::task::JoinSet::new();
        for number in 0..photos {
            // Each its own picture.
            let bytes = [picture.clone(), number.to_string().into_bytes()].concat();
            let mut writer = spool.begin().unwrap();
            writer.write_all(&bytes).unwrap();
            writer.keep().unwrap();
            let (journal, arrival) = (Arc::clone(&journal), arrival(number, &bytes));
            accepted.spawn(async move { journal.accept(arrival).await.unwrap() });
        }
        accepted.join_all().await;
        refuse_all(&journal).await;
        journal.close().await;
    });
    daemon
}

fn arrival(number: usize, bytes: &[u8]) -> Arrival {
    let image = format!("img_{number:05}");
    let photo = Photo {
        id: PhotoId::parse(&image).unwrap(),
        image_id: Some(ImageId::parse(&image).unwrap()),
        session: None,
        index: None,
        filename: Some("try-me.jpg".to_owned()),
        media_type: Some("image/jpeg".to_owned()),
        size: Some(bytes.len() as u64),
        sha256: Some(Digest(Sha256::digest(bytes).into())),
        tags: Vec::new(),
        target: None,
        mode: None,
        topic: None,
        shape: Shape::Event,
        scheme: Some(Scheme::Body),
        received_at: Timestamp::now(),
    };
    let destination = Some(DestinationName::parse("archive").unwrap());
    let plan = vec![Planned { destination, target: None, mode: None }];
    Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false }
}

async fn refuse_all(journal: &Arc<dyn Journal>) {
    let now = Timestamp::now();
    let claim = Claim {
        now: now + Duration::from_secs(1),
        lease_until: now + Duration::from_secs(60),
        lease_more: Duration::ZERO,
        destination: DestinationName::parse("archive").unwrap(),
        limit: usize::MAX,
        photos_per_parcel: 1,
        parcel_size: u64::MAX,
        one_per_target: false,
        except: Vec::new(),
    };
    let mut settled = tokio::task::JoinSet::new();
    for claimed in journal.claim_deliveries(claim).await.unwrap().into_iter().flatten() {
        let journal = Arc::clone(journal);
        settled.spawn(async move {
            let cause = Cause::new(ErrorKind::Rejected, "the folder was full", "make room");
            journal.settle_delivery(&claimed, DeliveryEnd::Held { cause }, now).await.unwrap();
        });
    }
    settled.join_all().await;
}

fn runs(daemon: &Daemon) -> Vec<Value> {
    let runs = done(daemon, &["deliveries", "runs", "--json"]).json();
    runs.as_array().unwrap().clone()
}

fn count(daemon: &Daemon, state: &str) -> usize {
    let limit = (MANY * 4).to_string();
    let args = ["deliveries", "list", "--state", state, "--limit", &limit, "--json"];
    done(daemon, &args).json().as_array().unwrap().len()
}

#[test]
fn a_run_goes_on_after_a_power_cut_and_every_photo_arrives_once() {
    let mut daemon = with_held(MANY);
    daemon.restart();
    let replay = ["deliveries", "replay", "--state", "held"];
    let foreseen = done(&daemon, &[&replay[..], &["--dry-run", "--json"]].concat()).json();
    assert_eq!((&foreseen["changes"], &foreseen["left"]), (&json!(MANY), &json!(0)));
    done(&daemon, &[&replay[..], &["--yes", "--detach", "--by", "ana"]].concat());
    let cut = look::eventually(PATIENCE, "a page of the run", || {
        let seen = runs(&daemon)[0]["tally"]["done"].as_u64().unwrap();
        (seen > 0).then_some(seen)
    });
    daemon.kill9();
    assert!(cut < MANY as u64, "there was something left to do");
    let files_before = files(&daemon.dir().join("photos")).len();
    daemon.restart();
    look::eventually(PATIENCE, "the end of the run", || {
        (runs(&daemon)[0]["state"] == "done").then_some(())
    });
    let run = &runs(&daemon)[0];
    let tally = json!({"done": MANY, "fetching": 0, "routed": 0, "left": {}, "failed": 0});
    assert_eq!((&run["tally"], &run["by"]), (&tally, &json!("ana")));
    look::eventually(PATIENCE, "every photo", || {
        (count(&daemon, "delivered") == MANY).then_some(())
    });
    assert_eq!(files(&daemon.dir().join("photos")).len(), MANY, "{files_before} before the cut");
    assert_once(&daemon);
}

/// Asserts that every photo was changed once.
fn assert_once(daemon: &Daemon) {
    let path = daemon.dir().join("data/journal.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = journal::Settings::Sqlite { path };
        let journal = journal::open_to_read(&settings).await.unwrap();
        for delivery in journal.list(&Filter::default(), None, usize::MAX).await.unwrap() {
            let story = journal.story(&delivery.photo.id).await.unwrap().unwrap();
            assert_eq!(story.actions.len(), 1, "{}", delivery.photo.id);
            assert_eq!(story.deliveries.len(), 1);
        }
    });
}

/// Interrupts a command as Ctrl-C does, once its run is under way.
fn interrupt(daemon: &Daemon, args: &[&str]) -> Said {
    let mut command = daemon.prepare(args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    look::eventually(PATIENCE, "the run", || {
        let seen = runs(daemon).first()?["tally"]["done"].as_u64()?;
        (seen > 0).then_some(())
    });
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    said(child.wait_with_output().unwrap())
}

#[test]
fn a_command_that_is_interrupted_says_how_to_go_on() {
    for has_daemon in [true, false] {
        let mut daemon = with_held(MANY);
        if has_daemon {
            daemon.restart();
        }
        let drop = ["deliveries", "drop", "--all", "--yes", "--reason", "a test"];
        let stopped = interrupt(&daemon, &drop);
        assert_eq!(stopped.code, 1, "{}{}", stopped.out, stopped.err);
        assert!(stopped.err.contains("deliveries replay --resume 1`"), "{}", stopped.err);
        let run = &runs(&daemon)[0];
        let before = run["tally"]["done"].as_u64().unwrap();
        assert_eq!(run["state"], "stopped");
        assert!(before > 0 && before < MANY as u64, "{before}");
        assert!(stopped.out.starts_with(&format!("{before} dropped; ")), "{}", stopped.out);
        let resumed = done(&daemon, &["deliveries", "replay", "--resume", "1"]);
        assert_eq!(resumed.out, format!("{MANY} dropped; 0 left alone, 0 failed (run 1)\n"));
        assert_eq!(count(&daemon, "dropped"), MANY);
        let again = done(&daemon, &["deliveries", "replay", "--resume", "1", "--json"]).json();
        assert_eq!(again["tally"]["done"], MANY, "what is done stays done");
        assert_eq!(said(daemon.command(&["deliveries", "replay", "--resume", "9"])).code, 1);
        // It goes on with what it was begun for, so nothing else can be asked of it.
        let other = ["deliveries", "replay", "--resume", "1", "--destination", "archive"];
        assert_eq!(said(daemon.command(&other)).code, 2);
    }
}

#[test]
fn many_are_changed_only_where_a_person_means_it() {
    let mut daemon = with_held(101);
    daemon.restart();
    let said = |args: &[&str]| said(daemon.command(&[&["deliveries"], args].concat()));
    for verb in ["replay", "hold", "release"] {
        let nothing = said(&[verb]);
        assert_eq!(nothing.code, 2, "{verb}");
        assert!(nothing.err.contains("--all"), "{}", nothing.err);
    }
    assert_eq!(said(&["drop", "--all"]).code, 2, "why?");
    let unasked = said(&["replay", "--all"]);
    assert_eq!(unasked.code, 2);
    assert!(unasked.err.contains("101 deliveries; say --yes"), "{}", unasked.err);
    assert!(runs(&daemon).is_empty());

    let few = said(&["drop", "--all", "--limit", "2", "--reason", "a test", "--by", "ana"]);
    assert_eq!((few.code, few.out.as_str()), (0, "2 dropped; 0 left alone, 0 failed (run 1)\n"));
    let other = ["drop", "--error", "not_found", "--limit", "2", "--reason", "x", "--dry-run"];
    let other = said(&other);
    assert!(other.out.contains("0 would be changed, 0 left alone"), "{}", other.out);
    let dry = said(&["replay", "--all", "--dry-run"]);
    assert!(dry.out.contains("99 would be changed, 0 left alone"), "{}", dry.out);
    let left = said(&["replay", "--state", "dropped"]);
    assert_eq!(left.code, 0);
    assert!(left.err.contains("2 left alone: given up by a person"), "{}", left.err);
    let none = said(&["replay", "--text", "nowhere"]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("no delivery matches"), "{}", none.err);

    let newest = said(&["list", "--limit", "2"]);
    let last = newest.out.lines().last().unwrap().split_whitespace().next().unwrap();
    assert!(newest.err.contains(&format!("--before {last}")), "{}", newest.err);
    let next = said(&["list", "--limit", "1", "--before", last, "--json"]).json();
    assert!(next[0]["id"].as_u64().unwrap() < last.parse().unwrap());
    let listed = said(&["runs"]);
    assert!(listed.out.contains("2 of 2  2 dropped; 0 left alone"), "{}", listed.out);
}

#[test]
fn a_preview_tells_what_the_daemon_would_do_by_what_is_in_force() {
    let mut daemon = with_held(2);
    let journal = rusqlite::Connection::open(daemon.dir().join("data/journal.db")).unwrap();
    journal.execute_batch("UPDATE deliveries SET destination = 'gone'").unwrap();
    // A hold that no error tells of is none of the others.
    journal.execute_batch("UPDATE deliveries SET error = NULL, cause = NULL WHERE id = 1").unwrap();
    drop(journal);
    let changes = |daemon: &Daemon| {
        let dry = ["deliveries", "replay", "--all", "--dry-run", "--json"];
        done(daemon, &dry).json()["changes"].clone()
    };
    assert_eq!(changes(&daemon), 2, "by the configuration where no daemon runs");
    daemon.restart();
    let config = std::fs::read_to_string(daemon.config_path()).unwrap();
    let elsewhere = config.replace("type = \"folder\"", "type = \"odoo\"");
    let elsewhere = elsewhere.replace(
        "path = \"photos\"",
        "url = \"https://erp.example.com\"\ndatabase = \"d\"\nusername = \"u\"\napi_key = \"k\"",
    );
    assert_ne!(config, elsewhere);
    std::fs::write(daemon.config_path(), elsewhere).unwrap();
    assert_eq!(changes(&daemon), 2, "no reload was asked for");
    assert!(daemon.stop().success());
    assert_eq!(changes(&daemon), 0, "nobody wants them any more");
}

#[test]
fn a_number_is_that_of_a_delivery_before_it_is_a_photo_s_id() {
    let daemon = Daemon::start(Options::default());
    for image in ["img-1", "2", "1", "17"] {
        delivered(&daemon, image);
    }
    let photo = |word: &str| {
        let show = done(&daemon, &["deliveries", "show", word, "--json"]);
        (show.json()["photo"]["id"].clone(), show.err.contains("taken for the number"))
    };
    let dry = |words: &[&str]| {
        let dry = ["deliveries", "replay", "--force", "--dry-run", "--json"];
        let dry = done(&daemon, &[&dry[..], words].concat());
        (dry.json()["changes"].clone(), dry.err.contains("taken for the number"))
    };
    let number = |photo: &str| {
        let listed = done(&daemon, &["deliveries", "list", "--photo", photo, "--json"]).json();
        listed[0]["id"].to_string()
    };
    let (first, second) = (number("img-1"), number("2"));
    assert_eq!((first.as_str(), second.as_str()), ("1", "2"));
    assert_eq!(photo("1"), (json!("img-1"), true));
    assert_eq!(dry(&["1"]), (json!(1), true));
    assert_eq!(photo("17"), (json!("17"), false));
    assert_eq!(dry(&["17"]), (json!(1), false));
    let drop = |words: &[&str]| {
        let drop = ["deliveries", "drop", "--reason", "a test", "--dry-run"];
        said(daemon.command(&[&drop[..], words].concat()))
    };
    let unclear = drop(&["1"]);
    assert_eq!(unclear.code, 2, "{}", unclear.out);
    assert!(unclear.err.contains("`--photo 1` for the photo"), "{}", unclear.err);
    assert!(unclear.err.contains("`1 --photo img-1` for the delivery"), "{}", unclear.err);
    for clear in [&["--photo", "1"][..], &["1", "--photo", "img-1"], &["17"]] {
        let clear = drop(clear);
        assert!(clear.out.contains("0 would be changed, 1 left alone"), "{}", clear.out);
    }
    let missing = said(daemon.command(&["deliveries", "replay", "18"]));
    assert!(missing.err.contains("no delivery matches"), "{}", missing.err);
    for list in [["deliveries", "list"], ["deliveries", "runs"], ["photos", "list"]] {
        let none = said(daemon.command(&[&list[..], &["--limit", "0"]].concat()));
        assert_eq!(none.code, 2);
        assert!(none.err.contains("write a number from 1 to 1000000"), "{}", none.err);
    }
}

#[test]
fn a_forced_replay_takes_delivered_ones_however_they_are_asked_for() {
    let daemon = Daemon::start(Options::default());
    for image in ["img-1", "img-2", "img-3"] {
        delivered(&daemon, image);
    }
    let changes = |words: &[&str]| {
        let dry = ["deliveries", "replay", "--force", "--dry-run", "--json"];
        done(&daemon, &[&dry[..], words].concat()).json()["changes"].clone()
    };
    assert_eq!(changes(&["--all"]), 3);
    assert_eq!(changes(&["--limit", "2"]), 2);
    assert_eq!(changes(&["--destination", "archive", "--limit", "2"]), 2);
    assert_eq!(changes(&["1", "2", "--limit", "1"]), 1);
    assert_eq!(changes(&["img-1", "--limit", "1"]), 1);
    let unforced = ["deliveries", "replay", "img-1", "--limit", "1", "--dry-run"];
    let unforced = done(&daemon, &unforced);
    assert!(unforced.out.contains("0 would be changed, 1 left alone"), "{}", unforced.out);
}

#[test]
fn a_delivery_is_held_released_and_dropped_by_number() {
    let daemon = Daemon::start(Options::default());
    delivered(&daemon, "img-1");
    let held = done(&daemon, &["deliveries", "hold", "img-1"]);
    assert!(held.out.starts_with("0 held; 1 left alone"), "{}", held.out);
    assert!(held.err.contains("delivered already"), "{}", held.err);
    let show = done(&daemon, &["deliveries", "show", "img-1", "--json"]).json();
    let id = show["deliveries"][0]["id"].to_string();
    done(&daemon, &["deliveries", "replay", "--force", &id]);
    let held = done(&daemon, &["deliveries", "hold", &id, "--reason", "wrong record"]);
    assert!(held.out.starts_with("1 held; 0 left alone"), "{}", held.out);
    let state = || {
        let listed = done(&daemon, &["deliveries", "list", "--json"]).json();
        (listed[0]["state"].clone(), listed[0]["cause"]["what"].clone())
    };
    assert_eq!(state(), (json!("held"), json!("wrong record")));
    let replayed = done(&daemon, &["deliveries", "replay", &id]);
    assert!(replayed.err.contains("deliveries release"), "{}", replayed.err);
    done(&daemon, &["deliveries", "release", &id]);
    assert_eq!(state().0, json!("due"));
    done(&daemon, &["deliveries", "drop", &id, "--reason", "a test"]);
    assert_eq!(state(), (json!("dropped"), json!("a test")));
}
