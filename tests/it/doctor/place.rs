//! The data directory, the journal and the exit codes.

use std::{
    fs::{self, Permissions},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::{PermissionsExt as _, chown},
};

use super::{Told, Words, doctor, findings, home};
use crate::{
    daemon::{Daemon, Options},
    files::disk::Disk,
};

const AREAS: [&str; 3] = ["daemon", "data directory", "journal"];

#[test]
fn the_data_directory_and_the_journal_are_told_of_as_they_are() {
    let mut words = Words::default();
    let empty = home("");
    let at = empty.path().display().to_string();
    let before = doctor(empty.path(), &["--offline"]);
    assert_eq!((before.code, before.err.as_str()), (1, ""));
    words.tell("before the first start", &before.about(&AREAS, &[(&at, "HOME")]));

    let mut daemon = Daemon::start(Options::default());
    let at = daemon.dir().display().to_string();
    let plain = [(at.as_str(), "HOME"), (env!("CARGO_PKG_VERSION"), "1.2.3")];
    let told = |daemon: &Daemon| Told::of(daemon.command(&["doctor", "--offline"]));
    words.tell("all is well", &told(&daemon).about(&AREAS, &plain));

    let data = daemon.dir().join("data");
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(data.join("journal.db"), Permissions::from_mode(0o644)).unwrap();
    words.tell("open to others", &told(&daemon).about(&AREAS, &plain));
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(data.join("journal.db"), Permissions::from_mode(0o600)).unwrap();

    chown(&data, Some(65534), Some(65534)).unwrap();
    let strange = told(&daemon);
    assert_eq!(strange.code, 1);
    let first = strange.about(&["data directory"], &plain);
    let first: Vec<_> = first.lines().filter(|line| line.contains("journal.db ")).collect();
    words.tell("of another user", &first.join("\n"));
    chown(&data, Some(0), Some(0)).unwrap();

    assert!(daemon.stop().success());
    let mut file = fs::OpenOptions::new().write(true).open(data.join("journal.db")).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&[0xa5; 16384]).unwrap();
    let damaged = told(&daemon);
    assert_eq!(damaged.code, 1);
    assert!(damaged.out.contains("ERROR   "), "{}", damaged.out);
    let damaged = damaged.about(&["journal"], &plain);
    assert!(damaged.contains("damaged") && damaged.contains("restore"), "{damaged}");
    fs::write(data.join("journal.db"), "no journal at all, but long enough for one").unwrap();
    words.tell("no journal", &told(&daemon).about(&["journal"], &plain));
    words.are_those_of("place");
}

#[test]
fn a_disk_without_room_and_one_in_memory_are_told_of() {
    let home = home("data_dir = \"disk\"\n");
    let _disk = Disk::full(&home.path().join("disk"));
    let told = doctor(home.path(), &["--offline", "--json"]);
    assert_eq!(told.code, 1, "{}", told.err);
    let found = findings(&told, "data directory");
    let of = |subject: &str| found.iter().find(|f| f["subject"] == subject).unwrap().clone();
    let room = of("free space");
    assert_eq!(room["severity"], "error");
    assert!(room["what"].as_str().unwrap().ends_with("photos need 256 MiB"), "{room}");
    assert!(room["fix"].as_str().unwrap().contains("df -h"), "{room}");
    assert_eq!(of("file system")["severity"], "warning");
    assert_eq!(of("mode")["fix"], format!("chmod 700 {}/disk", home.path().display()));
}

#[test]
fn the_exit_code_says_how_bad_it_is() {
    let daemon = Daemon::start(Options::toml(
        "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://x.example.com\"\n",
    ));
    // The home of a test may be in memory, which is a warning.
    let well = Told::of(daemon.command(&["doctor", "--offline", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&well.out).unwrap();
    let expected = if report["severity"] == "ok" { 0 } else { 3 };
    assert_eq!(well.code, expected, "{}", well.out);
    let data = daemon.dir().join("data");
    fs::set_permissions(data.join("spool"), Permissions::from_mode(0o755)).unwrap();
    let warned = Told::of(daemon.command(&["doctor", "--offline", "--quiet"]));
    assert_eq!(warned.code, 3, "{}", warned.out);
    assert!(warned.out.contains("chmod 700") && !warned.out.contains("ok "), "{}", warned.out);
    let nobody = home("");
    assert_eq!(doctor(nobody.path(), &["--offline"]).code, 1);
    fs::write(nobody.path().join("config.toml"), "[webhook]\n").unwrap();
    let unusable = doctor(nobody.path(), &["--json"]);
    assert_eq!(unusable.code, 78);
    assert!(unusable.err.contains("webhook.secrets: is missing"), "{}", unusable.err);
    let found = findings(&unusable, "configuration");
    assert_eq!((&found[0]["severity"], &found[0]["what"]), (&"error".into(), &"is missing".into()));
}
