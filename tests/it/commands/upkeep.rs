//! `journal`: its measures, a backup that is gone back to, retention and schema on demand.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use super::{Said, delivered, done, said};
use crate::{
    daemon::{BINARY, Daemon, Options, binary},
    fakes::{
        apertur::{self, Photo},
        odoo::{FakeOdoo, Fault, What},
    },
    look,
};

fn failed(daemon: &Daemon, args: &[&str]) -> Said {
    let said = said(daemon.command(args));
    assert_eq!(said.code, 1, "{args:?}: {}{}", said.out, said.err);
    said
}

#[test]
fn stats_say_what_there_is_and_what_was_done() {
    let mut daemon = Daemon::start(Options::default());
    delivered(&daemon, "img-1");
    let stats = done(&daemon, &["journal", "stats", "--json"]).json();
    assert_eq!(stats["photos"], serde_json::json!([["stored", 1]]));
    assert_eq!(stats["deliveries"], serde_json::json!([["delivered", 1]]));
    assert_eq!((&stats["attempts"], &stats["spool"]["files"]), (&1.into(), &1.into()));
    assert!(stats["schema"].as_i64().unwrap() >= 7 && stats["file"].as_u64().unwrap() >= 4096);
    assert_eq!(stats["last_backup"], serde_json::Value::Null);
    assert_eq!(stats["min_free"], 256 << 20);
    let text = done(&daemon, &["journal", "stats"]).out;
    for part in ["photos      1 stored\n", "deliveries  1 delivered\n", "backup      never\n"] {
        assert!(text.contains(part), "{part}\n{text}");
    }

    let to = daemon.dir().join("backups");
    fs::create_dir(&to).unwrap();
    let made = done(&daemon, &["journal", "backup", "--to", "backups", "--json"]).json();
    let path = Path::new(made["path"].as_str().unwrap());
    let file = fs::metadata(daemon.dir().join(path)).unwrap();
    assert_eq!(
        (file.permissions().mode() & 0o777, file.len()),
        (0o600, made["bytes"].as_u64().unwrap())
    );
    assert_eq!((&made["photos"], &made["undelivered"]), (&1.into(), &0.into()));
    let again = failed(&daemon, &["journal", "backup", "--to", path.to_str().unwrap()]);
    assert!(again.err.contains("is there already; name another file"), "{}", again.err);
    done(&daemon, &["journal", "prune", "--bytes-older", "100d"]);
    let stats = done(&daemon, &["journal", "stats", "--json"]).json();
    assert_eq!(stats["last_backup"]["what"], "backup");
    assert_eq!(stats["last_retention"]["files"], 0);

    // Without a daemon the same, but nobody notes it.
    assert!(daemon.stop().success());
    let made = done(&daemon, &["journal", "backup", "--to", "later.db"]);
    assert!(made.out.contains("1 photo(s), 1 deliveries, 0 of them not delivered"), "{}", made.out);
    assert!(made.err.contains("not in it: the photos' bytes"), "{}", made.err);
}

#[test]
fn a_dry_run_says_what_retention_then_removes() {
    let daemon = Daemon::start(Options::default());
    for image in ["img-1", "img-2"] {
        delivered(&daemon, image);
    }
    // No photo that was kept within the last hour goes: somebody may be about to need it.
    for file in look::spooled(&daemon) {
        let old = std::time::SystemTime::now() - Duration::from_secs(7200);
        fs::File::open(file).unwrap().set_modified(old).unwrap();
    }
    let times = ["--bytes-older", "1ms", "--rows-older", "1ms"];
    let dry = |json: bool| {
        let more: &[&str] = if json { &["--dry-run", "--json"] } else { &["--dry-run"] };
        done(&daemon, &[&["journal", "prune"], &times[..], more].concat())
    };
    let would = dry(true).json();
    assert_eq!(would["photos"], 2);
    assert_eq!((&would["files"], &would["rows"]), (&1.into(), &2.into()), "one file of two");
    let size = look::spooled(&daemon).iter().map(|file| fs::metadata(file).unwrap().size()).sum();
    assert_eq!(would["bytes"].as_u64(), Some(size));
    assert!(dry(false).out.contains("nothing was changed"));
    let run = done(&daemon, &[&["journal", "prune", "--json"], &times[..]].concat()).json();
    assert_eq!(run, serde_json::json!({ "files": 1, "bytes": size, "photos": 2 }));
    look::assert_untouched(&daemon);
    let wrong = daemon.command(&["journal", "prune", "--bytes-older", "2d", "--rows-older", "1d"]);
    assert_eq!(said(wrong).code, 2);
}

#[test]
fn the_schema_is_told_and_nothing_done_where_it_is_up_to_date() {
    let mut daemon = Daemon::start(Options::default());
    for args in [&["journal", "migrate"][..], &["journal", "migrate", "--dry-run"]] {
        assert!(done(&daemon, args).out.contains(", up to date"));
    }
    assert!(daemon.stop().success());
    assert!(done(&daemon, &["journal", "migrate"]).out.contains(", up to date"));
    let journal = rusqlite::Connection::open(daemon.dir().join("data/journal.db")).unwrap();
    journal.pragma_update(None, "user_version", 999).unwrap();
    drop(journal);
    for args in [&["journal", "migrate"][..], &["journal", "migrate", "--dry-run", "--json"]] {
        assert!(failed(&daemon, args).err.contains("written by a newer apertur-bridge"));
    }
    fs::remove_dir_all(daemon.dir().join("data")).unwrap();
    assert!(done(&daemon, &["journal", "migrate"]).out.contains("there is no journal yet"));
}

/// Odoo, and a folder that is not there yet.
fn two_shores(odoo: &FakeOdoo) -> Options {
    Options::toml(format!(
        "[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"300ms\"\nprobe_every = \"100ms\"\n\
         [destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n\
         [destination.archive]\ntype = \"folder\"\npath = \"photos/below\"\n",
        odoo.url()
    ))
}

/// The steps of the README, "Going back to a backup", on a machine where nothing is left.
#[test]
fn after_going_back_what_was_missing_is_delivered_and_what_was_there_is_found() {
    let odoo = FakeOdoo::start(18);
    let options = two_shores(&odoo);
    let mut daemon = Daemon::start(options.clone());
    let in_the_way = daemon.dir().join("photos");
    fs::write(&in_the_way, "no folder").unwrap();
    let images = ["img-1", "img-2", "img-3"];
    let post = |daemon: &Daemon, image: &str| {
        let photo = Photo::of_size(image, 5000).odoo("res.partner", 42, "internal");
        let answer = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
        assert_eq!(answer.status, 200);
    };
    let at_erp = |daemon: &Daemon, count: usize| {
        look::eventually(Duration::from_secs(30), "photos in Odoo", || {
            let args =
                ["deliveries", "list", "--destination", "erp", "--state", "delivered", "--json"];
            let listed = done(daemon, &args).json();
            (listed.as_array().unwrap().len() == count).then_some(())
        });
    };
    post(&daemon, images[0]);
    at_erp(&daemon, 1);
    odoo.fault(Fault { on: "*.create".to_owned(), times: 10_000, what: What::HtmlStatus(503) });
    for image in &images[1..] {
        post(&daemon, image);
    }
    let args = ["journal", "backup", "--to", "backup.db", "--with-spool", "backup-spool", "--json"];
    let made = done(&daemon, &args).json();
    assert_eq!((&made["deliveries"], &made["undelivered"]), (&6.into(), &5.into()));
    assert_eq!(made["spool"], serde_json::json!({ "files": 3, "copied": 3, "missing": 0 }));
    // What is delivered after it, the backup does not know of.
    odoo.clear_faults();
    at_erp(&daemon, 3);
    assert!(daemon.stop().success());

    let fresh = tempfile::tempdir().unwrap();
    fs::write(fresh.path().join("config.toml"), options.whole()).unwrap();
    let script = "mkdir photos && mkdir -m 700 data && cp backup/backup.db data/journal.db \
                  && cp -R backup/backup-spool data/spool && chmod 600 data/journal.db";
    let linked = std::os::unix::fs::symlink(daemon.dir(), fresh.path().join("backup"));
    linked.unwrap();
    let mut copying = std::process::Command::new("sh");
    copying.args(["-c", script]).current_dir(fresh.path());
    assert!(copying.status().unwrap().success());
    let daemon = Daemon::start_in(fresh, Vec::new());
    let all = look::settled(&daemon, &["delivered"]);
    assert_eq!(all.len(), 6);
    assert_eq!((odoo.attachments().len(), odoo.messages().len()), (3, 3), "found, not doubled");
    let kept = look::digests(&daemon.dir().join("photos"));
    let mut sent = images.map(|image| Photo::of_size(image, 5000).sha256());
    sent.sort();
    assert_eq!(kept, sent);
    look::assert_well(&daemon);
}

#[test]
fn who_may_not_write_the_backup_is_told_so() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    fs::write(&file, Options::default().whole()).unwrap();
    let mut command = binary(&file);
    command.args(["journal", "backup", "--to", "b.db"]).current_dir(home.path());
    let none = said(command.output().unwrap());
    assert_eq!(none.code, 1, "{BINARY} has no journal yet: {}", none.out);
    assert!(!home.path().join("b.db").exists());
}
