//! The JSON API as the README tells of it: its lines to copy, and its table of operations.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

use super::{block, table};
use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Photo},
    look,
};

const TOKEN: &str = "a-token-for-the-lines-of-the-readme-0123";

fn daemon() -> Daemon {
    Daemon::start(Options::toml(format!(
        "[console]\nlisten = \"127.0.0.1:0\"\n\
         tokens = [{{ name = \"ci\", scope = \"operate\", token = \"{TOKEN}\" }}]\n"
    )))
}

#[test]
fn the_lines_for_the_api_work_as_they_stand() {
    let daemon = daemon();
    let dir = daemon.dir();
    fs::create_dir_all(dir.join("photos")).unwrap();
    let photo = Photo::new("by-hand-1");
    apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
    look::settled(&daemon, &["delivered"]);
    fs::write(dir.join("ci-token"), format!("{TOKEN}\n")).unwrap();
    let text = block("api");
    assert!(text.contains("http://127.0.0.1:8788/api/v1"), "{text}");
    let text = text.replace("http://127.0.0.1:8788", daemon.console_url());
    let text = text.replace("/etc/apertur-bridge", &dir.display().to_string());
    let done = Command::new("sh").args(["-euc", &text]).current_dir(dir).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    let answers = serde_json::Deserializer::from_str(&said).into_iter::<Value>();
    let answers: Vec<_> = answers.map(Result::unwrap).collect();
    let [held, story, foreseen, run, runs] = &answers[..] else { panic!("{said}") };
    assert!(held["items"].as_array().unwrap().is_empty(), "{held}");
    assert_eq!(story["photo"]["id"], "by-hand-1");
    assert_eq!((&foreseen["changes"], &run["by"]), (&1.into(), &"ci".into()));
    assert_eq!(runs["items"][0]["id"], run["id"]);
    assert_eq!(fs::read(dir.join("photo-again.jpg")).unwrap(), photo.bytes);
}

#[test]
fn the_table_of_operations_has_them_all_with_their_scopes() {
    let daemon = daemon();
    let answer = apertur::get(daemon.console_url(), "/api/v1/openapi.json").unwrap();
    let document: Value = serde_json::from_slice(&answer.body).unwrap();
    let mut there = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["token"][0].as_str().unwrap();
            there.insert((format!("`{} {path}`", method.to_uppercase()), format!("`{scope}`")));
        }
    }
    let rows = table("| Operation | Scope | What it does |").into_iter();
    let told: BTreeSet<_> = rows.map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(told, there);
}
