//! `demo` on a machine without any configuration.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use sha2::{Digest as _, Sha256};

use super::{photo, said};
use crate::{
    daemon::{binary, terminate},
    look::{digests, files},
};

fn demo(args: &[&str]) -> Command {
    let mut command = binary("/nowhere.toml".as_ref());
    command.arg("demo").args(args);
    command
}

const SUMMARY: &str = "6 photos landed, every byte as it was sent (sha256); the repeats and the \
                       forgery changed nothing\n";

#[test]
fn it_shows_every_shape_land_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let said = said(demo(&[]).env("TMPDIR", temporary.path()).output().unwrap());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains(SUMMARY), "{}", said.out);
    assert_eq!(said.err, "");
    for (title, answer) in [
        ("event with a download link", "200 accepted"),
        ("project event, photo by its id", "200 accepted"),
        ("photo inside JSON, base64", "200 accepted"),
        ("photo in a multipart form", "200 accepted"),
        ("photo as it is, binary", "200 accepted"),
        ("the first event again, a retry", "200 duplicate"),
        ("the second photo by another topic", "200 duplicate"),
        ("a forged event", "401 unauthorized"),
    ] {
        let line = said.out.lines().find(|line| line.contains(title)).unwrap();
        assert!(line.contains(answer), "{line}");
    }
    let fetched = said.out.lines().filter(|line| line.contains("fetched after ")).count();
    assert_eq!(fetched, 3, "{}", said.out);
    assert_eq!(files(temporary.path()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_named_directory_stays_and_can_be_looked_at() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a demo");
    let own = photo("try-me.jpg").with_file_name("../config/routes.toml");
    let refused = said(demo(&["--photo", own.to_str().unwrap()]).output().unwrap());
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("is no picture"), "{}", refused.err);

    // A picture of one's own: the built-in one with a tail.
    let mine = home.path().join("mine.jpg");
    let mut bytes = std::fs::read(photo("try-me.jpg")).unwrap();
    bytes.extend_from_slice(b"mine");
    std::fs::write(&mine, &bytes).unwrap();
    let args = ["--dir", dir.to_str().unwrap(), "--photo", mine.to_str().unwrap()];
    let said_first = said(demo(&args).output().unwrap());
    assert_eq!(said_first.code, 0, "{}{}", said_first.out, said_first.err);
    let photos = files(&dir.join("photos"));
    assert_eq!(photos.len(), 6);
    assert!(digests(&dir.join("photos")).contains(&hex::encode(Sha256::digest(&bytes))));

    let list = said_first.out.lines().last().unwrap();
    let (_, command) = list.split_once(": ").unwrap();
    let listed = said(Command::new("sh").args(["-c", command]).output().unwrap());
    assert_eq!((listed.code, listed.out.lines().count()), (0, 7), "{}", listed.out);

    let again = said(demo(&args).output().unwrap());
    assert_eq!(again.code, 1);
    assert!(again.err.contains("name a new or empty --dir"), "{}", again.err);
}

#[test]
fn it_stays_up_and_what_it_prints_can_be_pasted() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child =
        demo(&["--keep"]).env("TMPDIR", temporary.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut text = String::new();
    for line in lines.by_ref() {
        text.push_str(&line);
        text.push('\n');
        if line.ends_with("deliveries list") {
            break;
        }
    }
    assert!(text.contains(SUMMARY), "{text}");
    let (_, invitation) = text.split_once("to try it with:\n\n").unwrap();
    for (command, part) in
        invitation.trim().split("\n\n").zip(["200 {\"status\":\"accepted\"}", "accepted", "demo-1"])
    {
        let said = said(Command::new("sh").args(["-c", command]).output().unwrap());
        assert_eq!(said.code, 0, "{command}\n{}", said.err);
        assert!(said.out.contains(part), "{command}\n{}{}", said.out, said.err);
    }
    let landed = |path: &Path| path.components().any(|part| part.as_os_str() == "photos");
    super::eventually("8 photos land", || {
        files(temporary.path()).iter().filter(|path| landed(path)).count() == 8
    });
    terminate(child.id());
    assert!(child.wait().unwrap().success());
    assert_eq!(files(temporary.path()), Vec::<std::path::PathBuf>::new());
}
