//! A disk that fills up: below the floor nothing new is taken, what is here goes on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command, time::Duration};

use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Photo},
    look,
};

/// A file system of 16 MiB, where this user may mount one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=16m", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(home.path()).output();
        mounted.is_ok_and(|done| done.status.success()).then(|| Self(home))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn fill(&self, mebibytes: usize) {
        fs::write(self.path().join("filler"), vec![1; mebibytes << 20]).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).output());
    }
}

fn post(daemon: &Daemon, image: &str) -> apertur::Answer {
    let request = Photo::of_size(image, 20_000).json_base64().signed();
    apertur::post(daemon.url(), &request).unwrap()
}

fn ready(daemon: &Daemon) -> (u16, String) {
    let answer = apertur::get(daemon.console_url(), "/readyz").unwrap();
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

#[test]
fn below_the_floor_nothing_is_taken_and_what_is_here_is_delivered() {
    let Some(disk) = Disk::mount() else { return };
    let toml = format!(
        "data_dir = {:?}\nretry.first_delay = \"100ms\"\nretry.probe_every = \"100ms\"\n\
         [journal]\nmin_free = \"6MiB\"\n\
         [destination.archive]\ntype = \"folder\"\npath = \"photos/below\"\n",
        disk.path().join("data")
    );
    let daemon = Daemon::start(Options::toml(toml));
    let in_the_way = daemon.dir().join("photos");
    fs::write(&in_the_way, "no folder").unwrap();
    assert_eq!(post(&daemon, "img-1").status, 200);
    daemon.wait_for_log("destination paused");

    disk.fill(10);
    daemon.wait_for_log("no new photo is taken; what is here is delivered");
    let refused = post(&daemon, "img-2");
    assert_eq!(refused.told(), (503, "unavailable".to_owned()));
    assert!(refused.header("retry-after").is_some());
    // Before a byte of the body, signed or not.
    let head = b"POST /apertur/webhook HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n";
    assert_eq!(apertur::raw(daemon.url(), head).unwrap().status, 503);
    let (status, why) = ready(&daemon);
    assert!(status == 503 && why.contains("no room for new photos"), "{status} {why}");
    let stats = daemon.command(&["journal", "stats"]);
    let stats = String::from_utf8(stats.stdout).unwrap();
    assert!(stats.contains("journal.min_free wants 6 MiB: no new photo is taken"), "{stats}");

    // The sender goes on.
    fs::remove_file(&in_the_way).unwrap();
    fs::create_dir(&in_the_way).unwrap();
    look::settled(&daemon, &["delivered"]);
    assert_eq!(look::deliveries(&daemon).len(), 1);
    disk.free();
    daemon.wait_for_log("there is room again; photos are taken");
    assert_eq!(post(&daemon, "img-2").status, 200);
    assert_eq!(ready(&daemon).0, 200);
    look::settled(&daemon, &["delivered"]);
    assert_eq!(look::files(&in_the_way).len(), 2);
    let log = daemon.log();
    assert_eq!(log.matches("no new photo is taken; what").count(), 1, "once: {log}");
    look::assert_well(&daemon);
}

#[test]
fn a_journal_without_room_for_its_backup_is_told_of_before_it_is_brought_up_to_date() {
    let Some(disk) = Disk::mount() else { return };
    let toml = format!("data_dir = {:?}\njournal.min_free = 0\n", disk.path().join("data"));
    let mut daemon = Daemon::start(Options::toml(toml));
    assert_eq!(post(&daemon, "img-1").status, 200);
    assert!(daemon.stop().success());
    let path = disk.path().join("data/journal.db");
    let journal = rusqlite::Connection::open(&path).unwrap();
    let known: i64 = journal.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    journal.pragma_update(None, "user_version", known - 1).unwrap();
    drop(journal);
    let dry_run = ["journal", "migrate", "--dry-run"];
    assert!(daemon.command(&dry_run).status.success());
    // Room to read it, and no more.
    assert!(fs::metadata(&path).unwrap().len() > 128 << 10);
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![1; 16 << 20]).unwrap_err();
    let filler = fs::File::options().write(true).open(filler).unwrap();
    filler.set_len(filler.metadata().unwrap().len() - (64 << 10)).unwrap();
    let refused = daemon.command(&dry_run);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("make room there"), "{said}");
}

#[test]
fn a_disk_that_really_fills_loses_nothing_that_was_acknowledged() {
    let Some(disk) = Disk::mount() else { return };
    let toml = format!(
        "data_dir = {:?}\njournal.min_free = 0\n\
         [destination.archive]\ntype = \"folder\"\npath = \"photos\"\n",
        disk.path().join("data")
    );
    let mut daemon = Daemon::start(Options::toml(toml));
    let mut acknowledged = Vec::new();
    for number in 0..400 {
        let photo = Photo::of_size(&format!("img-{number}"), 60_000);
        match apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap().status {
            200 => acknowledged.push(photo.sha256()),
            status => {
                assert_eq!(status, 503);
                break;
            }
        }
    }
    assert!((50..400).contains(&acknowledged.len()), "{} photos", acknowledged.len());
    daemon.kill9();
    let remount = ["-o", "remount,size=32m"];
    assert!(Command::new("mount").args(remount).arg(disk.path()).status().unwrap().success());
    daemon.restart();
    look::eventually(Duration::from_secs(60), "everything delivered", || {
        let states = look::states(&daemon);
        (states.iter().all(|state| state == "delivered")).then_some(())
    });
    let there = look::digests(&daemon.dir().join("photos"));
    assert!(acknowledged.iter().all(|digest| there.contains(digest)), "lost");
    look::assert_well(&daemon);
}
