//! Sessions where something is in the way: what was made is told and kept, and what was not
//! closed is not taken for closed.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use apertur_bridge::system::DataDir;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{super::Rig, rig};
use crate::{
    daemon::{Options, binary},
    fakes::{
        apertur::{FakeApertur, Reply},
        odoo::{FakeOdoo, Fault, What},
    },
};

const CREATE: [&str; 4] = ["sessions", "create", "--for", "odoo:res.partner:42"];

/// A configuration that no daemon runs on, and both other sides.
struct Quiet {
    odoo: FakeOdoo,
    apertur: FakeApertur,
    home: TempDir,
}

impl Quiet {
    fn new() -> Quiet {
        let (odoo, apertur) = (FakeOdoo::start(18), FakeApertur::start());
        let erp = super::super::erp(&odoo, "odoo-key");
        let home = tempfile::tempdir().unwrap();
        let text = Options::toml(format!("{}{erp}", apertur.settings())).whole();
        fs::write(home.path().join("config.toml"), text).unwrap();
        Quiet { odoo, apertur, home }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn create(&self, more: &[&str]) -> Command {
        let mut create = binary(&self.home.path().join("config.toml"));
        create.args(CREATE).args(more).current_dir(self.home.path());
        create.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        create
    }
}

/// Waits for something that is about to be, a little while.
fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not come");
}

/// Code, standard output and standard error.
fn ended(child: std::process::Child) -> (i32, String, String) {
    let done = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

fn expires_at(rig: &Rig) -> Value {
    let (_, out, _) = rig.sessions(&["list", "--json"]);
    serde_json::from_str::<Value>(&out).unwrap()[0]["expires_at"].clone()
}

#[test]
fn a_session_that_apertur_does_not_know_is_not_taken_for_ended() {
    let rig = rig();
    let made = rig.session(&[]);
    let (name, ends) = (made["name"].as_str().unwrap(), expires_at(&rig));
    rig.apertur.with(|api| api.sessions.all.clear());
    let (code, _, err) = rig.sessions(&["close", name]);
    assert_eq!(code, 69, "{err}");
    assert!(err.contains("its link may work until"), "{err}");
    assert!(err.contains("made with this API key, in the same environment"), "{err}");
    assert_eq!(expires_at(&rig), ends);
}

#[test]
fn a_session_of_the_other_environment_is_not_asked_about() {
    let rig = rig();
    let made = rig.session(&[]);
    let calls = rig.apertur.seen().len();
    let mut close = rig.daemon.prepare(&["sessions", "close", made["name"].as_str().unwrap()]);
    close.env("APERTUR_BRIDGE__APERTUR__API_KEY", "aptr_live_0123456789abcdef0123456789abcdef");
    let done = close.output().unwrap();
    let err = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(78), "{err}");
    assert!(err.contains("one of Apertur's sandbox environment"), "{err}");
    assert!(err.contains("with a key of that environment"), "{err}");
    assert_eq!(rig.apertur.seen().len(), calls);
    let (_, out, _) = rig.sessions(&["list", "--open", "--json"]);
    assert!(out.contains(made["name"].as_str().unwrap()), "{out}");
}

#[test]
fn what_needs_apertur_says_at_first_that_there_is_no_key() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    fs::write(&file, Options::default().whole()).unwrap();
    for args in [&CREATE[1..], &["close", "x"], &["list", "--remote"]] {
        let done = binary(&file).arg("sessions").args(args).output().unwrap();
        let err = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(78), "{args:?}: {err}");
        assert!(err.contains("set apertur.api_key"), "{args:?}: {err}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_known_before_a_session_is_made() {
    let rig = rig();
    let folder = rig.daemon.dir().join("code.png");
    fs::create_dir(&folder).unwrap();
    for file in [Path::new("/nowhere/code.png"), &folder] {
        let (code, _, err) =
            rig.sessions(&[&CREATE[1..], &["--qr", file.to_str().unwrap()]].concat());
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("the QR code cannot be written to"), "{err}");
    }
    assert_eq!(rig.apertur.seen(), []);
}

#[test]
fn a_file_that_goes_wrong_later_keeps_no_link_from_anybody() {
    let rig = rig();
    let folder = rig.daemon.dir().join("codes");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("code.png");
    let args = [&CREATE[..], &["--send", "--qr", file.to_str().unwrap()]].concat();
    let mut create = rig.daemon.prepare(&args);
    create.stdout(Stdio::piped()).stderr(Stdio::piped());
    // Apertur answers when this is over.
    let child = rig.apertur.with(|_| {
        let child = create.spawn().unwrap();
        wait_until(|| folder.read_dir().unwrap().next().is_some());
        fs::remove_dir_all(&folder).unwrap();
        child
    });
    let (code, out, err) = ended(child);
    assert_eq!(code, 1, "{err}");
    assert!(out.contains("https://u.example.com/s/"), "{out}");
    assert!(err.contains("the QR code cannot be written to"), "{err}");
    assert_eq!(rig.odoo.messages().len(), 1, "it was sent");
    let (_, out, _) = rig.sessions(&["list", "--open", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap().as_array().unwrap().len(), 1);
}

#[test]
fn a_qr_code_takes_the_place_of_a_file_that_others_may_read() {
    let rig = rig();
    let file = rig.daemon.dir().join("code.svg");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let made = rig.session(&["--qr", file.to_str().unwrap()]);
    let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert!(fs::read_to_string(&file).unwrap().contains("<svg"));
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let name = made["name"].as_str().unwrap();
    rig.sessions(&["close", name]);
    let (code, _, err) = rig.sessions(&["qr", name, "--out", file.to_str().unwrap()]);
    assert_eq!((code, mode()), (0, 0o600), "{err}");
    assert!(err.contains("is closed; its link works until"), "{err}");
}

#[test]
fn who_holds_the_data_directory_for_a_moment_is_waited_for() {
    let quiet = Quiet::new();
    let lock = DataDir::take(&quiet.data()).unwrap();
    let child = quiet.create(&["--json"]).spawn().unwrap();
    thread::sleep(Duration::from_millis(700));
    drop(lock);
    let (code, out, err) = ended(child);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("https://u.example.com/s/"), "{out}");
}

#[test]
fn nobody_is_sent_to_a_session_that_could_not_be_written_down() {
    let quiet = Quiet::new();
    let data = quiet.data();
    let mut create = quiet.create(&["--send"]);
    let child = quiet.apertur.with(|_| {
        let child = create.spawn().unwrap();
        // It sees that it can write, then it asks Apertur.
        wait_until(|| data.join("journal.db").exists() && DataDir::take(&data).is_ok());
        fs::rename(&data, quiet.home.path().join("elsewhere")).unwrap();
        fs::write(&data, "no directory").unwrap();
        child
    });
    let (code, out, err) = ended(child);
    assert_eq!(code, 1, "{err}");
    assert!(out.contains("https://u.example.com/s/"), "{out}");
    assert!(err.contains("the session works, but it could not be written down here"), "{err}");
    assert!(err.contains("its link was not sent to anybody"), "{err}");
    assert_eq!(quiet.odoo.messages().len(), 0);
}

#[test]
fn a_session_that_may_have_been_made_is_looked_for_before_another_is() {
    let rig = rig();
    rig.apertur.with(|api| api.next.push_back(Reply::refused(503, "try later")));
    let (code, _, err) = rig.sessions(&CREATE[1..]);
    assert_eq!(code, 69, "{err}");
    assert!(err.contains("look at `apertur-bridge sessions list --remote` first"), "{err}");
    // Here it surely was.
    rig.apertur.with(|api| api.next.push_back(Reply::json(201, &json!({"id": "s-1"}))));
    let (_, _, err) = rig.sessions(&CREATE[1..]);
    assert!(err.contains("a session may have been made"), "{err}");
    assert_eq!(rig.apertur.seen().len(), 2);
}

#[test]
fn a_session_that_was_just_made_is_open_whatever_end_is_told() {
    let rig = rig();
    let body = json!({"id": "s-1", "upload_url": "https://u.example.com/s-1",
        "expires_at": "2001-01-15T08:00:00Z"});
    rig.apertur.with(|api| api.next.push_back(Reply::json(201, &body)));
    assert_eq!(rig.session(&["--expires-in", "2h"])["state"], "open");
}

#[test]
fn a_password_that_is_refused_is_not_repeated_and_one_is_taken_from_a_pipe() {
    let rig = rig();
    let given = [&CREATE[1..], &["--password", "hus"]].concat();
    let (code, _, err) = rig.sessions(&given);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("4 to 128 characters") && !err.contains("hus"), "{err}");
    let mut create = rig.daemon.prepare(&[&CREATE[..], &["--password-file", "-"]].concat());
    create.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = create.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hush hush\nmore\n").unwrap();
    let (code, _, err) = ended(child);
    assert_eq!(code, 0, "{err}");
    let asked = rig.apertur.with(|api| api.sessions.all[0].asked.clone());
    assert_eq!(asked["password"], "hush hush");
}

#[test]
fn the_record_s_tag_comes_first_and_no_other_record_s_beside_it() {
    let rig = rig();
    for (more, part) in [
        (["--tag", "odoo:res.partner:43"], "names another record than --for odoo:res.partner:42"),
        (["--expires-at", "2020-01-15T08:00:00Z"], "that is past"),
    ] {
        let (code, _, err) = rig.sessions(&[&CREATE[1..], &more].concat());
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(part), "{err}");
    }
    rig.session(&["--tag", "vip:gold", "--tag", "odoo:res.partner:42"]);
    let tags = rig.apertur.with(|api| api.sessions.all[0].asked["tags"].clone());
    assert_eq!(tags, json!(["odoo:res.partner:42", "vip:gold"]));
}

#[test]
fn a_verdict_is_told_though_nobody_reads_the_rest() {
    let rig = rig();
    let on = "res.partner.message_post".to_owned();
    rig.odoo.fault(Fault { on, times: 1, what: What::RetryAfter(429, 900) });
    for code in [69, 0] {
        let record = "odoo:res.partner:42";
        let mut create = rig.daemon.prepare(&["sessions", "create", "--for", record, "--send"]);
        create.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = create.spawn().unwrap();
        drop(child.stdout.take());
        let (ended_with, _, err) = ended(child);
        assert_eq!(ended_with, code, "{err}");
        assert_eq!(err.contains("its link was not sent"), code == 69, "{err}");
    }
}
