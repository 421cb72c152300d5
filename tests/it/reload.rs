//! The configuration is read again under way: what is in force at once, what is not, and that
//! nothing is refused or lost meanwhile.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, Photo, Signer},
        odoo::{FakeOdoo, Fault, What},
    },
    look,
};

const AGAIN: &str = "configuration read again";

/// Writes a configuration over the daemon's, at once.
fn write(daemon: &Daemon, toml: &str) {
    let new = daemon.dir().join("config.new");
    fs::write(&new, Options::toml(toml).whole()).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, daemon.config_path()).unwrap();
}

/// How often the configuration was read again.
fn times(daemon: &Daemon) -> usize {
    daemon.log().matches(AGAIN).count()
}

/// As `systemctl reload` does.
fn hang_up(daemon: &Daemon) {
    let before = times(daemon);
    let sent = Command::new("kill").args(["-HUP", &daemon.pid().to_string()]).status().unwrap();
    assert!(sent.success());
    look::eventually(Duration::from_secs(30), "a reload", || {
        (times(daemon) > before).then_some(())
    });
}

/// `config reload`: its exit code, and what it says.
fn reload(daemon: &Daemon) -> (i32, String) {
    let said = daemon.command(&["config", "reload"]);
    let text = [said.stdout, said.stderr].concat();
    (said.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn post(daemon: &Daemon, image: &str, signer: &Signer) -> u16 {
    let request = signer.sign(Photo::of_size(image, 4000).json_base64());
    apertur::post(daemon.url(), &request).unwrap().status
}

fn files(folder: &Path) -> usize {
    look::files(folder).len()
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    look::eventually(Duration::from_secs(30), what, || is_so().then_some(()));
}

#[test]
fn a_secret_is_changed_under_traffic_and_no_valid_request_is_refused() {
    let toml = |names: &str| format!("[webhook]\nsecrets = [{names}]\n");
    let daemon = Daemon::start(Options::toml(toml("\"one\"")));
    let (sent, stop) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // Each sender signs with a secret that is good for as long as it does.
    let send = |name: &'static str, secret: &'static str, until: usize| {
        let (daemon, sent, stop) = (&daemon, &sent, &stop);
        move || {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) >= until {
                    return;
                }
                let image = format!("{name}-{number}");
                assert_eq!(post(daemon, &image, &Signer::secret(secret)), 200, "{image}");
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let more = || {
        let now = sent.load(Ordering::Relaxed);
        eventually("traffic", || sent.load(Ordering::Relaxed) > now + 10);
    };
    std::thread::scope(|scope| {
        let first = scope.spawn(send("a", "one", 1));
        more();
        write(&daemon, &toml("\"one\", \"two\""));
        hang_up(&daemon);
        scope.spawn(send("b", "two", 2));
        more();
        // Apertur signs with the new one alone by now.
        stop.store(1, Ordering::Relaxed);
        first.join().unwrap();
        write(&daemon, &toml("\"two\""));
        hang_up(&daemon);
        more();
        stop.store(2, Ordering::Relaxed);
    });
    assert_eq!(post(&daemon, "old", &Signer::secret("one")), 401);
    let accepted = sent.load(Ordering::Relaxed);
    let all = look::settled(&daemon, &["delivered"]);
    assert_eq!(all.len(), accepted);
    look::assert_well(&daemon);
}

const ARCHIVE: &str = "[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n";
const SECOND: &str = "[destination.second]\ntype = \"folder\"\npath = \"second\"\n";

#[test]
fn routes_and_destinations_come_change_and_go() {
    let daemon = Daemon::start(Options::toml(ARCHIVE));
    let (first, second) = (daemon.dir().join("photos"), daemon.dir().join("second"));
    let send = |image: &str| assert_eq!(post(&daemon, image, &Signer::default()), 200);
    send("img-1");
    eventually("one in the first", || files(&first) == 1);

    write(&daemon, &format!("{ARCHIVE}{SECOND}"));
    let (code, said) = reload(&daemon);
    assert_eq!(code, 0, "{said}");
    for key in ["destination.second.path", "destination.second.type"] {
        assert!(said.contains(&format!("in force      {key}\n")), "{said}");
    }
    send("img-2");
    eventually("in both", || files(&first) == 2 && files(&second) == 1);

    let route = "[[route]]\nto = [\"second\"]\n";
    write(&daemon, &format!("{ARCHIVE}{SECOND}{route}"));
    hang_up(&daemon);
    send("img-3");
    eventually("by the route", || files(&second) == 2);
    assert_eq!(files(&first), 2);

    let moved = SECOND.replace("path = \"second\"", "path = \"third\"");
    write(&daemon, &format!("{ARCHIVE}{moved}{route}"));
    hang_up(&daemon);
    send("img-4");
    eventually("at the new place", || files(&daemon.dir().join("third")) == 1);
    assert_eq!(files(&second), 2);

    write(&daemon, ARCHIVE);
    hang_up(&daemon);
    send("img-5");
    eventually("in the first again", || files(&first) == 3);
    assert_eq!(reload(&daemon), (0, "nothing was changed\n".to_owned()));
    assert_eq!(look::settled(&daemon, &["delivered"]).len(), 6);
    look::assert_well(&daemon);
}

#[test]
fn what_is_left_for_a_destination_that_is_taken_out_is_held() {
    let toml = "retry.probe_every = \"100ms\"\n[destination.archive]\ntype = \"folder\"\n\
                path = \"photos\"\n[destination.second]\ntype = \"folder\"\npath = \"second/below\"\n";
    let daemon = Daemon::start(Options::toml(toml));
    fs::write(daemon.dir().join("second"), "in the way").unwrap();
    assert_eq!(post(&daemon, "img-1", &Signer::default()), 200);
    daemon.wait_for_log("destination paused");
    write(&daemon, ARCHIVE);
    hang_up(&daemon);
    daemon.wait_for_log("held deliveries whose destinations are not configured any more");
    let all = look::settled(&daemon, &["delivered", "held"]);
    let states: Vec<_> = all.iter().map(|delivery| delivery["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["delivered", "held"]);
    // And put in again.
    fs::remove_file(daemon.dir().join("second")).unwrap();
    fs::create_dir(daemon.dir().join("second")).unwrap();
    write(&daemon, toml);
    hang_up(&daemon);
    assert!(daemon.command(&["deliveries", "replay", "--state", "held"]).status.success());
    look::settled(&daemon, &["delivered"]);
}

#[test]
fn what_is_under_way_ends_under_what_it_began_with_and_is_sent_once() {
    let odoo = FakeOdoo::start(18);
    let toml = |message: &str| {
        format!(
            "[destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
             username = \"bot@example.com\"\napi_key = \"odoo-key\"\nmessage = \"{message}\"\n",
            odoo.url()
        )
    };
    let daemon = Daemon::start(Options::toml(toml("before")));
    let send = |image: &str| {
        let photo = Photo::new(image).odoo("res.partner", 42, "internal");
        let answer = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
        assert_eq!(answer.status, 200);
    };
    let late = What::Stall(Duration::from_secs(3));
    odoo.fault(Fault { on: "*.create".to_owned(), times: 1, what: late });
    send("img-1");
    eventually("a call that hangs", || odoo.calls().iter().any(|call| call.method == "create"));
    let asked = Instant::now();
    write(&daemon, &toml("after"));
    hang_up(&daemon);
    assert!(asked.elapsed() < Duration::from_secs(3), "a reload waits for no delivery");
    send("img-2");
    assert_eq!(look::settled(&daemon, &["delivered"]).len(), 2);
    assert_eq!((odoo.attachments().len(), odoo.messages().len()), (2, 2));
    let bodies: Vec<_> = odoo.messages().iter().map(|message| message.body.clone()).collect();
    assert!(bodies[0].contains("before") && bodies[1].contains("after"), "{bodies:?}");
}

#[test]
fn a_broken_configuration_changes_nothing_and_says_all_that_is_wrong() {
    let daemon = Daemon::start(Options::toml(ARCHIVE));
    let server = "[server]\nlisten = \"127.0.0.1:0\"\nworkers = \"many\"\n";
    write(&daemon, &format!("{server}[destination.archive]\ntype = \"floder\"\n"));
    let (code, said) = reload(&daemon);
    assert_eq!(code, 1);
    let wrong = ["server.workers: \"many\" is not a whole number", "destination.archive.type"];
    for part in wrong {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let sent = Command::new("kill").args(["-HUP", &daemon.pid().to_string()]).status().unwrap();
    assert!(sent.success());
    eventually("both in the log, twice", || {
        let log = daemon.log();
        let places = ["server.workers: ", "destination.archive.type: "];
        places.iter().all(|part| log.matches(part).count() >= 2)
    });
    assert!(daemon.log().contains("nothing was changed"));
    assert_eq!(post(&daemon, "img-1", &Signer::default()), 200);
    look::settled(&daemon, &["delivered"]);
    assert_eq!(files(&daemon.dir().join("photos")), 1);
}

#[test]
fn what_needs_a_restart_is_named_until_there_was_one() {
    let mut daemon = Daemon::start(Options::toml(ARCHIVE));
    let server = "[server]\nlisten = \"127.0.0.1:0\"\nworkers = 3\n[retention]\nbytes = \"3d\"\n";
    write(&daemon, &format!("{server}{ARCHIVE}"));
    let (code, said) = reload(&daemon);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("in force      retention.bytes\n"), "{said}");
    assert!(said.contains("needs restart server.workers\n"), "{said}");
    let (_, said) = reload(&daemon);
    assert_eq!(said, "needs restart server.workers\n");
    assert!(daemon.stop().success());
    let (code, said) = reload(&daemon);
    assert!(code == 1 && said.contains("no daemon runs on"), "{said}");
    daemon.restart();
    assert_eq!(reload(&daemon), (0, "nothing was changed\n".to_owned()));
}

#[test]
fn the_level_of_the_log_changes_under_way() {
    let daemon = Daemon::start(Options::toml(ARCHIVE));
    let level = |level: &str| format!("log.level = \"{level}\"\n{ARCHIVE}");
    write(&daemon, &level("error"));
    assert_eq!(reload(&daemon).0, 0);
    assert_eq!(post(&daemon, "img-quiet", &Signer::default()), 200);
    look::settled(&daemon, &["delivered"]);
    write(&daemon, &level("info"));
    assert_eq!(reload(&daemon).0, 0);
    assert_eq!(post(&daemon, "img-loud", &Signer::default()), 200);
    daemon.wait_for_log("photo delivered photo=img-loud ");
    assert!(!daemon.log().contains("img-quiet"), "{}", daemon.log());
}

fn make_certificate(home: &Path, name: &str) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                  -keyout photos.key -out photos.pem -subj /CN=$0";
    let made = Command::new("sh").args(["-c", script, name]).current_dir(home).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The name in the certificate that a listener shows.
fn shown(daemon: &Daemon) -> String {
    let address = daemon.url().strip_prefix("http://").unwrap();
    let script = "openssl s_client -connect \"$0\" -servername localhost </dev/null 2>/dev/null \
                  | openssl x509 -noout -subject";
    let said = Command::new("sh").args(["-c", script, address]).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_renewed_certificate_is_shown_and_one_without_its_key_is_not() {
    let home = tempfile::tempdir().unwrap();
    make_certificate(home.path(), "first");
    let toml = "[server]\nlisten = \"127.0.0.1:0\"\n\
                tls = { cert = \"photos.pem\", key = \"photos.key\" }\n";
    fs::write(home.path().join("config.toml"), Options::toml(toml).whole()).unwrap();
    let daemon = Daemon::start_in(home, Vec::new());
    assert!(shown(&daemon).ends_with("first"), "{}", shown(&daemon));
    make_certificate(daemon.dir(), "second");
    assert!(shown(&daemon).ends_with("first"));
    let (code, said) = reload(&daemon);
    assert_eq!((code, said.contains("in force      server.tls")), (0, true), "{said}");
    assert!(shown(&daemon).ends_with("second"), "{}", shown(&daemon));

    let key = fs::read(daemon.dir().join("photos.key")).unwrap();
    make_certificate(daemon.dir(), "third");
    fs::write(daemon.dir().join("photos.key"), key).unwrap();
    let (code, said) = reload(&daemon);
    assert!(code == 1 && said.contains("do not belong together"), "{said}");
    assert!(shown(&daemon).ends_with("second"));
}
