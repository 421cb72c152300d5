//! `webhook send` against a running daemon.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{done, eventually, photo, said};
use crate::{
    daemon::{Daemon, Options, SECRET, binary},
    look::{deliveries, digests},
};

#[test]
fn every_shape_scheme_and_spelling_is_taken_and_what_it_carries_lands() {
    let daemon = Daemon::start(Options::default());
    let original = std::fs::read(photo("meter-reading.jpg")).unwrap();
    let (mut sent, mut number) = (BTreeSet::new(), 0);
    for shape in ["event", "project-event", "json-base64", "multipart", "binary"] {
        for scheme in ["body", "timestamped", "svix"] {
            for spelling in ["apertur", "aptr"] {
                number += 1;
                // A picture of its own: the same bytes would be the same photo.
                let bytes = [original.as_slice(), format!("{number}").as_bytes()].concat();
                let file = daemon.dir().join("sent.jpg");
                std::fs::write(&file, &bytes).unwrap();
                let said = done(
                    &daemon,
                    &["webhook", "send", file.to_str().unwrap(), "--shape", shape, "--scheme"]
                        .into_iter()
                        .chain([scheme, "--spelling", spelling])
                        .collect::<Vec<_>>(),
                );
                assert!(said.out.starts_with("200 {\"status\":\"accepted\"}"), "{}", said.out);
                if !shape.contains("event") {
                    sent.insert(hex::encode(Sha256::digest(&bytes)));
                }
            }
        }
    }
    let photos = daemon.dir().join("photos");
    eventually("18 photos land", || digests(&photos).len() == 18);
    eventually("they are whole", || digests(&photos).into_iter().collect::<BTreeSet<_>>() == sent);
    let all: BTreeSet<_> = deliveries(&daemon)
        .iter()
        .map(|delivery| format!("{} {}", delivery["photo"]["shape"], delivery["photo"]["scheme"]))
        .collect();
    assert_eq!(all.len(), 15, "{all:?}");
}

#[test]
fn what_is_told_about_a_photo_arrives() {
    let daemon = Daemon::start(Options::default());
    let file = photo("try-me.jpg");
    let told = [
        ["--image-id", "img-7"],
        ["--session", "sess-1"],
        ["--index", "3"],
        ["--filename", "péché.jpg"],
        ["--tag", "vip:gold"],
        ["--for", "odoo:res.partner:42"],
        ["--mode", "internal"],
    ];
    let mut args = vec!["webhook", "send", file.to_str().unwrap()];
    args.extend(told.iter().flatten());
    done(&daemon, &args);
    let photo = &done(&daemon, &["deliveries", "show", "img-7", "--json"]).json()["photo"];
    assert_eq!(photo["index"], 3);
    assert_eq!(photo["filename"], "péché.jpg");
    assert_eq!(photo["target"], "odoo:res.partner:42");
    assert_eq!(photo["mode"], "internal");
    assert_eq!(photo["tags"][1], serde_json::json!({ "key": "vip", "value": "gold" }));

    args.extend(["--shape", "event", "--topic", "image.uploaded"]);
    let again = done(&daemon, &args);
    assert!(again.out.contains("duplicate"), "{}", again.out);
}

#[test]
fn many_are_sent_and_told_as_json_lines() {
    let daemon = Daemon::start(Options::default());
    let said = done(&daemon, &["webhook", "send", "--count", "3", "--json"]);
    let rows: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: BTreeSet<_> = rows.iter().map(|row| row["image_id"].as_str().unwrap()).collect();
    assert_eq!((rows.len(), ids.len()), (3, 3));
    assert!(rows.iter().all(|row| row["code"] == 200 && row["answer"]["status"] == "accepted"));

    let args = ["webhook", "send", "--count", "2", "--json", "--image-id", "one"];
    let said = done(&daemon, &args);
    assert!(said.out.lines().nth(1).unwrap().contains("duplicate"), "{}", said.out);
}

#[test]
fn a_file_is_posted_as_it_is() {
    let daemon = Daemon::start(Options::default());
    let file = daemon.dir().join("body.json");
    let file = file.to_str().unwrap();
    std::fs::write(file, "{\"topic\":\"project.billing.plan_changed\",\"data\":{}}\n").unwrap();
    let said = done(&daemon, &["webhook", "send", "--body", file]);
    assert!(said.out.contains("ignored"), "{}", said.out);
    std::fs::write(file, "{").unwrap();
    let refused = super::said(daemon.command(&["webhook", "send", "--body", file]));
    assert_eq!(refused.code, 1);
    assert!(refused.out.starts_with("400 {\"status\":\"malformed\""), "{}", refused.out);
    let args = ["webhook", "send", "--body", file, "--content-type", "text/plain"];
    assert!(super::said(daemon.command(&args)).out.starts_with("415 "));
}

#[test]
fn without_a_configuration_url_and_secret_file_are_enough() {
    let daemon = Daemon::start(Options::default());
    let secret = daemon.dir().join("secret");
    let send = |text: &str, url: &str| {
        std::fs::write(&secret, text).unwrap();
        let mut command = binary("/nowhere.toml".as_ref());
        command.args(["webhook", "send", "--url", url, "--secret-file"]).arg(&secret);
        said(command.output().unwrap())
    };
    let url = daemon.webhook_url();
    assert_eq!(send(&format!("{SECRET}\n"), &url).code, 0);
    let refused = send("another", &url);
    assert_eq!(refused.code, 1);
    assert!(refused.out.starts_with("401 {\"status\":\"unauthorized\"}"), "{}", refused.out);
    assert!(refused.err.contains("webhook verify"), "{}", refused.err);
    assert_eq!(send(" \n", &url).code, 1);
    let closed = url.replace("127.0.0.1", "127.0.0.2");
    let missed = send(SECRET, &closed);
    assert_eq!(missed.code, 69, "{}", missed.err);
    assert!(!format!("{}{}", missed.err, missed.out).contains(SECRET));
}

#[test]
fn what_a_shape_has_no_place_for_is_a_usage_error() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, Options::toml("[server]\nlisten = \"unix:a.sock\"\n").whole()).unwrap();
    let photo = photo("try-me.jpg");
    let photo = photo.to_str().unwrap();
    for (args, part) in [
        (&["--shape", "binary"][..], "carries the photo; name its FILE"),
        (&[photo, "--shape", "binary", "--tag", "a:b"], "has no place for --tag"),
        (&[photo, "--shape", "multipart", "--mode", "public"], "has no place for --mode"),
        (&[photo, "--topic", "x"], "has no place for --topic"),
        (&[photo, "--body", photo], "cannot be used with"),
        (&[], "give its address with --url"),
        (&["--shape", "round"], "the shapes are event, "),
    ] {
        // Only the one without other faults is to look for the daemon.
        let url: &[_] =
            if part.contains("--url") { &[] } else { &["--url", "http://127.0.0.1:1/"] };
        let command = ["webhook", "send"].iter().chain(args).chain(url);
        let said = said(binary(&file).args(command).output().unwrap());
        assert_eq!(said.code, 2, "{args:?}: {}", said.err);
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
}
