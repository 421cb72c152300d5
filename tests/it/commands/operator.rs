//! `check`, `deliveries`, `destinations`, `config`, and who owns a data directory.

use std::{net::TcpListener, path::Path, time::Duration};

use super::{Said, delivered, done, said};
use crate::{
    daemon::{Daemon, Options, binary},
    look::{self, files},
};

/// Runs a command with a configuration that no daemon runs on.
fn with(toml: &str, args: &[&str]) -> Said {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, toml).unwrap();
    said(binary(&file).args(args).output().unwrap())
}

#[test]
fn check_says_that_a_configuration_is_good() {
    let said = with(&Options::default().whole(), &["check"]);
    assert_eq!((said.code, said.out.lines().count()), (0, 1), "{}", said.err);
    assert!(said.out.starts_with("configuration ok: 1 destination(s)"), "{}", said.out);
}

#[test]
fn a_wrong_configuration_reports_all_its_errors_and_exits_78() {
    let toml = "[server]\nlisten = \"here\"\n[destination.erp]\ntype = \"odoo\"\nurl = \"x\"\n";
    for command in ["check", "serve"] {
        let said = with(toml, &[command]);
        assert_eq!(said.code, 78, "{}", said.err);
        for part in [
            "config.toml:2: server.listen: \"here\" is no place to listen; ",
            "webhook.secrets: is missing; ",
            "destination.erp.url: \"x\" is not an http or https URL; ",
            "destination.erp.database: is missing; ",
            "errors in the configuration",
        ] {
            assert!(said.err.contains(part), "{part}\n{}", said.err);
        }
        assert_eq!(said.out, "");
    }
}

#[test]
fn without_a_webhook_secret_nothing_starts() {
    let toml = "[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n";
    let said = with(toml, &["serve"]);
    assert_eq!(said.code, 78);
    assert!(said.err.contains("webhook.secrets: is missing"), "{}", said.err);
    let said = with("webhook.secrets = [{ file = \"/nowhere\" }]\n", &["serve"]);
    assert_eq!(said.code, 78);
    assert!(said.err.contains("/nowhere cannot be read"), "{}", said.err);
}

#[test]
fn who_only_reads_deliveries_needs_no_secret_of_the_daemon() {
    let daemon = Daemon::start(Options::default());
    delivered(&daemon, "img-1");
    let data_dir = daemon.dir().join("data");
    let toml = format!(
        "data_dir = {data_dir:?}\nwebhook.secrets = [{{ env = \"OF_THE_DAEMON_ALONE\" }}]\n"
    );
    let said = with(&toml, &["deliveries", "list", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let listed: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let id = listed[0]["id"].to_string();
    let said = with(&toml, &["deliveries", "show", &id]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.starts_with("photo "), "{}", said.out);
    assert_eq!(with(&toml, &["deliveries", "replay"]).code, 78);
}

#[test]
fn a_folder_beside_a_configuration_that_is_named_without_its_folder_is_made() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), Options::default().whole()).unwrap();
    let run = |args: &[&str]| {
        let mut binary = binary(Path::new("config.toml"));
        said(binary.current_dir(&home).args(args).output().unwrap())
    };
    let found = run(&["check", "--connect"]);
    assert!(found.out.contains("the first photo makes it"), "{}{}", found.out, found.err);
    let sent = run(&["destinations", "test", "archive", "--json"]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    assert!(home.path().join("photos").is_dir());
}

#[test]
fn check_connect_exits_69_when_nobody_answers() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let erp = format!(
        "[destination.erp]\ntype = \"odoo\"\nurl = \"http://127.0.0.1:{port}\"\n\
         database = \"prod\"\nusername = \"u\"\napi_key = \"hush-hush\"\n"
    );
    let toml = Options::toml(erp).whole();
    assert_eq!(with(&toml, &["check"]).code, 0);
    let said = with(&toml, &["check", "--connect"]);
    assert_eq!(said.code, 69, "{}{}", said.out, said.err);
    assert!(said.out.contains("error: "), "{}", said.out);
    assert!(!format!("{}{}", said.out, said.err).contains("hush-hush"));
}

#[test]
fn options_that_do_not_exist_exit_2() {
    assert_eq!(with("", &["check", "--conect"]).code, 2);
    assert_eq!(with("", &["deliveries", "list", "--state", "lost"]).code, 2);
}

#[test]
fn the_example_configuration_loads() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    let example = said(binary(&file).args(["config", "example"]).output().unwrap());
    assert_eq!(example.code, 0);
    std::fs::write(&file, example.out).unwrap();
    let secrets = ("APERTUR_BRIDGE__WEBHOOK__SECRETS", "[\"s\"]");
    let check = binary(&file).arg("check").env(secrets.0, secrets.1).output().unwrap();
    let check = said(check);
    assert_eq!(check.code, 0, "{}", check.err);
    assert!(check.out.contains("127.0.0.1:8787"), "{}", check.out);
}

#[test]
fn a_second_daemon_on_one_data_dir_refuses_and_the_first_goes_on() {
    let daemon = Daemon::start(Options::default());
    let mut second = daemon.prepare(&["serve"]);
    second.env("APERTUR_BRIDGE__SERVER__LISTEN", "127.0.0.1:0");
    second.env("APERTUR_BRIDGE__CONSOLE__LISTEN", "off");
    let second = said(second.output().unwrap());
    assert_eq!(second.code, 1);
    assert!(second.err.contains("another apertur-bridge uses "), "{}", second.err);
    delivered(&daemon, "img-1");
}

#[test]
fn deliveries_are_listed_and_shown_with_and_without_a_daemon() {
    let mut daemon = Daemon::start(Options::default());
    delivered(&daemon, "img-1");
    for running in [true, false] {
        if !running {
            assert!(daemon.stop().success());
        }
        let list = done(&daemon, &["deliveries", "list"]);
        let rows: Vec<_> = list.out.lines().collect();
        assert_eq!(rows.len(), 2, "{}", list.out);
        assert!(
            rows[0].trim_start().starts_with("ID ") && rows[1].contains(" delivered "),
            "{}",
            list.out
        );
        let json = done(&daemon, &["deliveries", "list", "--state", "delivered", "--json"]).json();
        assert_eq!(json[0]["photo"]["id"], "img-1");
        assert_eq!(done(&daemon, &["deliveries", "list", "--state", "held", "--json"]).out, "[]\n");
        let show = done(&daemon, &["deliveries", "show", "img-1"]);
        for part in ["photo      img-1\n", "state      delivered\n", "receipt    key "] {
            assert!(show.out.contains(part), "{part}\n{}", show.out);
        }
        let json = done(&daemon, &["deliveries", "show", "img-1", "--json"]).json();
        assert_eq!(json["deliveries"][0]["receipt"]["found"], false);
        let unknown = said(daemon.command(&["deliveries", "show", "img-2"]));
        assert_eq!(unknown.code, 1);
        assert!(unknown.err.contains("there is no photo and no delivery `img-2`"));
    }
}

#[test]
fn a_replay_goes_through_the_daemon_and_without_one_waits_for_it() {
    let mut daemon = Daemon::start(Options::default());
    delivered(&daemon, "img-1");
    let state = |daemon: &Daemon| {
        let show = done(daemon, &["deliveries", "show", "img-1", "--json"]).json();
        let delivery = &show["deliveries"][0];
        (delivery["state"].as_str().unwrap().to_owned(), delivery["receipt"]["found"] == true)
    };
    let dry = done(&daemon, &["deliveries", "replay", "img-1", "--force", "--dry-run"]);
    assert!(dry.out.contains("nothing was changed (--dry-run)"), "{}", dry.out);
    let left = done(&daemon, &["deliveries", "replay", "img-1", "--json"]).json();
    let tally = &left["tally"];
    assert_eq!((&tally["done"], &tally["left"]["delivered"]), (&0.into(), &1.into()));
    assert_eq!(state(&daemon), ("delivered".to_owned(), false));

    let again = done(&daemon, &["deliveries", "replay", "img-1", "--force", "--json"]).json();
    assert_eq!(again["tally"]["done"], 1);
    let log = daemon.log();
    assert!(log.contains("deliveries changed run=2 verb=\"replay\" by="), "{log}");
    assert_eq!(state(&daemon).0, "due", "it is looked for in a minute");

    assert!(daemon.stop().success());
    let alone = done(&daemon, &["deliveries", "replay", "img-1", "--force"]);
    assert!(alone.out.starts_with("1 replayed, "), "{}", alone.out);
    assert_eq!(state(&daemon).0, "due");
    daemon.restart();
    let found = || (state(&daemon) == ("delivered".to_owned(), true)).then_some(());
    look::eventually(Duration::from_secs(90), "the photo is found", found);
    assert_eq!(files(&daemon.dir().join("photos")).len(), 1);

    let none = said(daemon.command(&["deliveries", "replay"]));
    assert_eq!(none.code, 2);
    assert!(none.err.contains("say which deliveries"), "{}", none.err);
}

#[test]
fn destinations_are_listed_and_tested() {
    let toml = "[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n\
                [destination.share]\ntype = \"folder\"\npath = \"away/photos\"\n";
    let mut daemon = Daemon::start(Options::toml(toml));
    delivered(&daemon, "img-1");
    daemon.wait_for_log("destination paused");
    let json = done(&daemon, &["destinations", "list", "--json"]).json();
    assert_eq!((&json[0]["name"], &json[0]["delivered"]), (&"archive".into(), &1.into()));
    assert_eq!((&json[1]["name"], &json[1]["underway"]), (&"share".into(), &1.into()));
    assert!(json[1]["paused"]["cause"]["fix"].is_string(), "{json}");
    let list = done(&daemon, &["destinations", "list"]);
    assert!(list.out.contains("\nshare is paused since "), "{}", list.out);
    assert!(list.out.contains("mount or make "), "what to do is said: {}", list.out);
    assert_eq!(list.err, "");

    let tested = done(&daemon, &["destinations", "test", "archive"]);
    assert!(tested.out.contains("ok: "), "{}", tested.out);
    assert_eq!(files(&daemon.dir().join("photos")).len(), 1, "the test leaves nothing behind");
    assert_eq!(said(daemon.command(&["destinations", "test", "share", "--json"])).code, 69);
    let unknown = said(daemon.command(&["destinations", "test", "erp"]));
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("the configuration has archive, share"), "{}", unknown.err);

    assert!(daemon.stop().success());
    let stopped = done(&daemon, &["destinations", "list"]);
    assert_eq!(stopped.out, list.out);
    assert!(stopped.err.contains("no daemon runs: this is how things stood"), "{}", stopped.err);
    std::fs::write(daemon.dir().join("data/journal.db"), "no journal").unwrap();
    let unreadable = done(&daemon, &["destinations", "list"]);
    assert!(unreadable.err.contains("how they stand is not known: "), "{}", unreadable.err);
    assert!(unreadable.out.contains(" unknown") && !unreadable.out.contains(" ok"));
    let json = done(&daemon, &["destinations", "list", "--json"]).json();
    assert!(json[0]["delivered"].is_null(), "{json}");
}

#[test]
fn a_configuration_that_was_named_must_be_there() {
    let said = said(binary(Path::new("/nowhere.toml")).arg("check").output().unwrap());
    assert_eq!(said.code, 78);
    assert!(said.err.contains("/nowhere.toml: cannot be read"), "{}", said.err);
}
