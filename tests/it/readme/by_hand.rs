//! The configuration and the lines to copy, run as they stand in the README, with nothing but
//! addresses and folders replaced.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use super::block;
use crate::{
    daemon::{Daemon, Options, SECRET, binary},
    fakes::odoo::FakeOdoo,
};

const PHOTO: &[u8] = include_bytes!("../../../fixtures/photos/try-me.jpg");

/// Runs the lines of a block beside `photo.jpg` against a daemon.
fn run(name: &str, daemon: &Daemon) -> Output {
    let dir = daemon.dir();
    fs::write(dir.join("webhook-secret"), format!("{SECRET}\n")).unwrap();
    fs::write(dir.join("photo.jpg"), PHOTO).unwrap();
    let text = block(name);
    assert!(text.contains("http://127.0.0.1:8787/") && text.contains("/etc/apertur-bridge/"));
    let text = text.replace("http://127.0.0.1:8787", daemon.url());
    let text = text.replace("/etc/apertur-bridge", &dir.display().to_string());
    Command::new("sh").args(["-euc", &text]).current_dir(dir).output().unwrap()
}

fn answers(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_photo_posted_by_hand_lands_in_the_folder_once() {
    let daemon = Daemon::start(Options::default());
    assert_eq!(answers(&run("photo", &daemon)), r#"{"status":"accepted"}"#);
    assert_eq!(answers(&run("photo", &daemon)), r#"{"status":"duplicate"}"#);
    daemon.wait_for_log("photo delivered");
    let photos = files(&daemon.dir().join("photos"));
    assert_eq!(photos.len(), 1, "{photos:?}");
    assert_eq!(photos[0], PHOTO);
}

/// What the files below a folder hold.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn a_photo_posted_by_hand_for_a_record_lands_in_odoo_once() {
    let odoo = FakeOdoo::start(18);
    let daemon = Daemon::start(Options::toml(format!(
        "[destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        odoo.url()
    )));
    assert_eq!(answers(&run("record", &daemon)), r#"{"status":"accepted"}"#);
    assert_eq!(answers(&run("record", &daemon)), r#"{"status":"duplicate"}"#);
    daemon.wait_for_log("photo delivered");
    let [attachment] = &odoo.attachments()[..] else { panic!("{:?}", odoo.attachments()) };
    assert_eq!((attachment.res_model.as_str(), attachment.res_id), ("res.partner", 42));
    assert_eq!(attachment.description, "apertur:by-hand-1");
    assert_eq!(odoo.content(attachment.id).unwrap(), PHOTO);
    assert_eq!(odoo.messages().len(), 1);
}

/// A home with the configuration of the quick start and its secrets, and more after it.
fn quick_start(more: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for name in ["webhook-secret", "odoo-api-key"] {
        let file = home.path().join(name);
        fs::write(&file, "secret\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let text = block("config").replace("/etc/apertur-bridge", &home.path().display().to_string());
    fs::write(home.path().join("config.toml"), format!("{text}{more}")).unwrap();
    home
}

#[test]
fn the_configuration_of_the_quick_start_is_right() {
    let home = quick_start("");
    let output = binary(&home.path().join("config.toml")).arg("check").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "no warning is wanted: {output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("2 destination(s)"), "{output:?}");
}

#[test]
fn the_alerts_of_the_readme_can_be_configured() {
    let home = quick_start(&block("alerts"));
    fs::write(home.path().join("alert-secret"), "secret").unwrap();
    let mut command = binary(&home.path().join("config.toml"));
    command.args(["config", "show"]).env("CREDENTIALS_DIRECTORY", home.path());
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("secret = { credential = \"alert-secret\" }"), "{shown}");
}

#[test]
fn an_example_is_explained_as_it_stands_there() {
    let home = quick_start(&block("routes"));
    fs::write(home.path().join("event.json"), block("event")).unwrap();
    let mut command = binary(&home.path().join("config.toml"));
    command.args(["config", "check", "--explain", "event.json"]).current_dir(home.path());
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d/").to_string();
    let said = answers(&output).replace(&today, "2027-01-15/");
    assert_eq!(said, block("explained"));
}
