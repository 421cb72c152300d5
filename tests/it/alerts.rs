//! A photo that is finally held is told to people, through power cuts.

use std::time::Duration;

use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, Photo},
        desk::{Fault, What},
        freshworks::{FakeFreshworks, KEY, Product},
    },
    look,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A Freshdesk that is sent nothing larger than a KiB, and a program for alerts.
fn config(desk: &FakeFreshworks) -> Options {
    Options::toml(format!(
        "[alert]\nnote_on_target = true\ngather = \"3s\"\nmail_to = \"ops@example.com\"\n\
         command = [\"/bin/sh\", \"-c\", \"cat >> mails\"]\n\
         [destination.desk]\ntype = \"freshdesk\"\nbase_url = \"{}\"\napi_key = \"{KEY}\"\n\
         max_attachment = \"1KiB\"\nlanguage = \"fr\"\n",
        desk.url()
    ))
}

fn notes(desk: &FakeFreshworks) -> Vec<String> {
    desk.everything().iter().filter(|note| note.private).map(|note| note.body.clone()).collect()
}

#[test]
fn a_held_photo_leaves_one_note_and_one_mail_whenever_the_power_is_cut() {
    let desk = FakeFreshworks::start(Product::Freshdesk);
    let mails = tempfile::tempdir().unwrap();
    let mails = mails.path().join("mails");
    let mut options = config(&desk);
    options.toml = options.toml.replace(">> mails", &format!(">> {}", mails.display()));
    let mut daemon = Daemon::start(options);
    let late = Duration::from_secs(1);
    desk.fault(Fault::once("note", What::Stall(late * 30)));
    for id in ["img_1", "img_2"] {
        let photo = Photo::of_size(id, 3000).tag("freshdesk:17");
        let answer = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
        assert_eq!(answer.status, 200);
    }
    look::settled(&daemon, &["held", "held"]);
    // Nobody was told yet.
    daemon.kill9();
    daemon.restart();
    look::eventually(PATIENCE, "the note", || (notes(&desk).len() == 1).then_some(()));
    daemon.wait_for_log("outlet=\"command\"");
    // The note is there and was not answered.
    daemon.kill9();
    daemon.restart();
    daemon.wait_for_log("outlet=\"note\"");
    let mail = std::fs::read_to_string(&mails).unwrap();
    let notes = notes(&desk);
    let [note] = &notes[..] else { panic!("{notes:?}") };
    assert!(note.contains("2 photos n’ont pas pu être jointes ici"), "{note}");
    assert!(mail.contains("Subject: [apertur-bridge] 2 photos held for desk\n"), "{mail}");
    look::assert_well(&daemon);
    assert_eq!(mail.matches("Subject: ").count(), 1, "{mail}");
}

#[test]
fn a_destination_that_is_configured_under_way_has_its_notes_at_once() {
    let desk = FakeFreshworks::start(Product::Freshdesk);
    let whole = config(&desk);
    let (before, _) = whole.toml.split_once("[destination.").unwrap();
    let daemon = Daemon::start(Options::toml(before));
    std::fs::write(daemon.config_path(), whole.whole()).unwrap();
    assert!(daemon.command(&["config", "reload"]).status.success());
    let photo = Photo::of_size("img_1", 3000).tag("freshdesk:17");
    let answer = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
    assert_eq!(answer.status, 200);
    look::eventually(PATIENCE, "the note", || (notes(&desk).len() == 1).then_some(()));
}
