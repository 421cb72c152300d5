//! `photos`, `deliveries export`, and finding a photo by whatever a person knows of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;

use super::{delivered, done, photo, said};
use crate::{
    daemon::{Daemon, Options},
    look::{self, digests, eventually, files},
};

/// Sends a photo of its own bytes, and waits until the folder has it.
fn sent(daemon: &Daemon, image: &str, more: &[&str]) {
    let file = daemon.dir().join(format!("{image}.jpg"));
    let mut bytes = fs::read(photo("try-me.jpg")).unwrap();
    bytes.extend_from_slice(image.as_bytes());
    fs::write(&file, bytes).unwrap();
    let args = ["webhook", "send", file.to_str().unwrap(), "--image-id", image];
    done(daemon, &[&args[..], more].concat());
    daemon.wait_for_log(&format!("photo delivered photo={image} "));
}

/// What an export says: saved, there already, without bytes, failed.
fn counts(out: &str) -> Vec<u64> {
    let line = out.lines().find(|line| line.contains(" there already, ")).unwrap();
    line.split(' ').filter_map(|word| word.parse().ok()).collect()
}

fn export<'a>(to: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["photos", "export", "--to", to.to_str().unwrap()][..], more].concat()
}

fn rows(file: &Path) -> Vec<csv::StringRecord> {
    csv::Reader::from_path(file).unwrap().records().map(Result::unwrap).collect()
}

#[test]
fn photos_are_listed_one_row_each_however_many_deliveries_they_have() {
    let toml = "[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n\
                [destination.second]\ntype = \"folder\"\npath = \"second\"\n";
    let daemon = Daemon::start(Options::toml(toml));
    for image in ["img-1", "img-2", "img-3"] {
        delivered(&daemon, image);
    }
    look::settled(&daemon, &["delivered"]);
    let listed = done(&daemon, &["photos", "list", "--json"]).json();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|row| &row["photo"]["id"]).collect();
    assert_eq!(ids, ["img-3", "img-2", "img-1"]);
    assert_eq!(listed[0]["summary"], "delivered to archive and second");
    assert_eq!(listed[0]["deliveries"].as_array().unwrap().len(), 2);

    let one = done(&daemon, &["photos", "list", "--limit", "1", "--destination", "second"]);
    assert_eq!(one.out.lines().count(), 2, "{}", one.out);
    assert!(one.out.contains("img-3") && one.err.contains("only the newest 1"), "{}", one.err);
    let none = done(&daemon, &["photos", "list", "--state", "held"]);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "no photos match\n"));
    let shown = done(&daemon, &["photos", "show", "img-1", "--json"]).json();
    assert_eq!(shown, done(&daemon, &["deliveries", "show", "img-1", "--json"]).json());
}

#[test]
fn a_photo_is_found_by_what_a_person_knows_of_it() {
    let daemon = Daemon::start(Options::default());
    sent(&daemon, "img-77", &["--filename", "Façade Nord.jpg"]);
    sent(&daemon, "img-78", &["--filename", "IMG_0002.jpg"]);
    sent(&daemon, "img-7", &["--filename", "IMG_0002.jpg"]);
    let shown = |word: &str| done(&daemon, &["deliveries", "show", word]).out;
    for (word, id) in [("img-7", "img-7"), ("façade nord.jpg", "img-77"), ("IMG-78", "img-78")] {
        let told = shown(word);
        assert!(told.starts_with(&format!("photo      {id}\n")), "{told}");
    }
    let several = said(daemon.command(&["deliveries", "show", "img_0002.jpg"]));
    assert_eq!((several.code, several.out.as_str()), (1, ""));
    for part in ["not the name of one photo alone", "\n  img-7  IMG_0002.jpg", "\n  img-78  "] {
        assert!(several.err.contains(part), "{part}\n{}", several.err);
    }
    let unknown = said(daemon.command(&["deliveries", "show", "img-9"]));
    assert!(unknown.err.contains("sessions reconcile --dry-run"), "{}", unknown.err);
}

#[test]
fn photos_are_saved_under_safe_names_whether_the_daemon_runs_or_not() {
    let mut daemon = Daemon::start(Options::default());
    sent(&daemon, "img-1", &["--filename", "../../etc/passwd"]);
    sent(&daemon, "img-2", &["--filename", "same.jpg", "--tag", "=cmd|' /C calc'!A0"]);
    sent(&daemon, "img-3", &["--filename", "same.jpg"]);
    sent(&daemon, "img-4", &["--filename", "nul.jpg"]);
    let kept = digests(&daemon.dir().join("photos"));
    let before = look::spooled(&daemon);
    let to = daemon.dir().join("saved photos");

    let dry = done(&daemon, &export(&to, &["--dry-run"]));
    assert_eq!(counts(&dry.out), [4, 0, 0, 0], "{}", dry.out);
    assert!(dry.out.contains("nothing was written (--dry-run)") && !to.exists(), "{}", dry.out);
    for (running, expected) in [(true, [4, 0, 0, 0]), (false, [0, 4, 0, 0])] {
        if !running {
            assert!(daemon.stop().success());
        }
        let saved = done(&daemon, &export(&to, &["--name", "{filename}"]));
        assert_eq!(counts(&saved.out), expected, "{}", saved.out);
    }
    let mut names: Vec<_> = files(&to)
        .iter()
        .map(|path| path.strip_prefix(&to).unwrap().display().to_string())
        .collect();
    names.retain(|name| !name.starts_with("manifest"));
    assert_eq!(names, ["_.._etc_passwd.jpg", "_nul.jpg", "same-img-2.jpg", "same.jpg"]);
    let manifests = [to.join("manifest.csv"), to.join("manifest-2.csv")];
    for (manifest, outcome) in manifests.iter().zip(["saved", "there"]) {
        let rows = rows(manifest);
        assert_eq!(rows.len(), 4);
        assert!(rows.iter().all(|row| &row[1] == outcome), "{rows:?}");
        let guarded = rows.iter().any(|row| row.iter().any(|cell| cell.starts_with("'=cmd")));
        assert!(guarded, "{rows:?}");
        fs::remove_file(manifest).unwrap();
    }
    assert_eq!(digests(&to), kept);
    assert_eq!(look::spooled(&daemon), before, "the spool is as it was");
}

#[test]
fn an_export_never_writes_over_another_file_and_says_what_it_could_not_save() {
    let mut daemon = Daemon::start(Options::default());
    for image in ["img-1", "img-2", "img-3"] {
        sent(&daemon, image, &[]);
    }
    let args = ["webhook", "send", "--shape", "event", "--image-id", "img-away"];
    done(&daemon, &args);
    assert!(daemon.stop().success());
    let to = daemon.dir().join("out");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("img-1.jpg"), "mine").unwrap();
    let shown = done(&daemon, &["photos", "show", "img-2", "--json"]).json();
    let sha256 = shown["photo"]["sha256"].as_str().unwrap().to_owned();
    let damaged = daemon.dir().join("data/spool").join(&sha256[..2]).join(&sha256[2..]);
    let length = fs::metadata(&damaged).unwrap().len();
    fs::write(&damaged, vec![0; usize::try_from(length).unwrap()]).unwrap();

    let args = export(&to, &["--name", "{image_id}.{ext}", "--manifest", "jsonl"]);
    let saved = said(daemon.command(&args));
    assert_eq!((saved.code, counts(&saved.out)), (1, vec![2, 0, 1, 1]), "{}", saved.out);
    assert_eq!(fs::read(to.join("img-1.jpg")).unwrap(), b"mine");
    assert!(to.join("img-1-img-1.jpg").exists() && to.join("img-3.jpg").exists());
    assert!(!to.join("img-2.jpg").exists(), "damaged bytes are no photo");
    assert!(saved.err.contains("missing  img-away  not here yet"), "{}", saved.err);
    assert!(saved.err.contains("failed  img-2  "), "{}", saved.err);
    let listed = fs::read_to_string(to.join("manifest.jsonl")).unwrap();
    let listed: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcome =
        |id: &str| listed.iter().find(|row| row["photo"] == id).unwrap()["outcome"].clone();
    assert_eq!(["img-1", "img-2", "img-away"].map(outcome), ["saved", "failed", "missing"]);
}

#[test]
fn an_export_that_was_killed_goes_on_where_it_ended() {
    let daemon = Daemon::start(Options::default());
    let images: Vec<_> = (0..25).map(|number| format!("img-{number}")).collect();
    for image in &images {
        sent(&daemon, image, &[]);
    }
    let to = daemon.dir().join("out");
    let args = export(&to, &[]);
    let mut command = daemon.prepare(&args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let photos = || -> BTreeSet<PathBuf> {
        let all = files(&to).into_iter();
        all.filter(|path| path.extension().is_some_and(|ext| ext == "jpg")).collect()
    };
    eventually(Duration::from_secs(30), "a photo in the folder", || {
        (!photos().is_empty()).then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let there = photos().len();
    let again = done(&daemon, &args);
    let counts = counts(&again.out);
    // One may have got its name in the very moment of the kill.
    assert_eq!(counts[0] + counts[1], 25, "{}", again.out);
    assert!(counts[1] >= there as u64, "{there}: {}", again.out);
    assert_eq!(photos().len(), 25);
    let all: BTreeSet<_> = digests(&to).into_iter().collect();
    assert!(digests(&daemon.dir().join("photos")).iter().all(|digest| all.contains(digest)));
    let left = files(&to).into_iter().filter(|path| path.to_string_lossy().contains(".part"));
    assert_eq!(left.count(), 0, "nothing half written stays");
}

#[test]
fn deliveries_are_rows_that_no_spreadsheet_takes_for_formulas() {
    let daemon = Daemon::start(Options::default());
    sent(&daemon, "img-1", &["--filename", "=1+1.jpg"]);
    sent(&daemon, "img-2", &["--filename", "a, \"b\".jpg"]);
    let csv = done(&daemon, &["deliveries", "export"]);
    let mut reader = csv::Reader::from_reader(csv.out.as_bytes());
    let header = reader.headers().unwrap().clone();
    let help = done(&daemon, &["deliveries", "export", "--help"]).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let told: Vec<_> = header
        .iter()
        .map(|name| if name == "session" { "session (its fingerprint)" } else { name })
        .collect();
    assert!(help.contains(&told.join(", ")), "{help}");
    let names = header.iter().position(|name| name == "filename").unwrap();
    let all: Vec<_> = reader.records().map(|row| row.unwrap()[names].to_owned()).collect();
    assert_eq!(all, ["a, \"b\".jpg", "'=1+1.jpg"]);

    let lines = done(&daemon, &["deliveries", "export", "--format", "jsonl"]).out;
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::from(rows), Value::from(look::deliveries(&daemon)));
    let none = done(&daemon, &["deliveries", "export", "--state", "held"]);
    assert_eq!(none.out, "", "no rows, no header");
}
