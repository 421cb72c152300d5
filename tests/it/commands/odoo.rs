//! `odoo install-actions` and `remove-actions` as an administrator uses them.

use std::{io::Write as _, process::Stdio};

use serde_json::json;

use super::{Said, said};
use crate::{
    daemon::{Options, binary},
    fakes::odoo::FakeOdoo,
};

const KEY: &str = "admin-key";

/// A configuration for an Odoo, in a folder of its own.
struct Desk {
    odoo: FakeOdoo,
    home: tempfile::TempDir,
}

impl Desk {
    fn new(server: &str) -> Self {
        let odoo = FakeOdoo::start(18);
        let erp = |name: &str| {
            format!(
                "[destination.{name}]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
                 username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
                odoo.url()
            )
        };
        let home = tempfile::tempdir().unwrap();
        let server = format!("[server]\nlisten = \"127.0.0.1:0\"\n{server}\n");
        let archive = "[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n";
        let one = format!("{server}{archive}{}", erp("erp"));
        let two = format!("{one}{}", erp("second"));
        for (name, toml) in [("config.toml", one), ("two.toml", two)] {
            std::fs::write(home.path().join(name), Options::toml(toml).whole()).unwrap();
        }
        std::fs::write(home.path().join("admin.key"), format!("{KEY}\n")).unwrap();
        Self { odoo, home }
    }

    /// Runs `odoo` with these words, the key on its standard input.
    fn odoo(&self, config: &str, key: &str, args: &[&str]) -> Said {
        let mut child = binary(&self.home.path().join(config))
            .arg("odoo")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who fails before that reads no key.
        drop(child.stdin.take().unwrap().write_all(key.as_bytes()));
        let said = said(child.wait_with_output().unwrap());
        let told = format!("{}{}", said.out, said.err).replace("--admin-key-file", "");
        assert!(!told.contains(KEY), "{args:?}: {told}");
        said
    }

    fn actions(&self) -> u64 {
        let count =
            self.odoo.call_as(2, "ir.actions.server", "search_count", json!([[]]), json!({}));
        count.unwrap().as_u64().unwrap()
    }
}

const PUBLIC: &str = "public_url = \"https://photos.example.com\"\n\
                      [apertur]\napi_key = \"aptr_test_x\"\n\
                      [collect]\nkey = \"0123456789abcdef0123456789abcdef\"";

#[test]
fn an_administrator_installs_uses_and_removes_the_actions() {
    let desk = Desk::new(PUBLIC);
    let dry = desk.odoo("config.toml", KEY, &["install-actions", "--dry-run"]);
    assert_eq!((dry.code, desk.actions()), (0, 0), "{}", dry.err);
    assert!(dry.err.contains("--dry-run"), "{}", dry.err);
    let made = desk.odoo("config.toml", KEY, &["install-actions"]);
    assert_eq!((made.code, desk.actions()), (0, 4), "{}", made.err);
    assert!(
        made.out.lines().any(|line| {
            line.split_whitespace().eq(["res.partner", "collect", "photos", "made"])
        })
    );
    let address = desk.odoo.collect(7, "project.task", 5).unwrap();
    assert!(address.starts_with("https://photos.example.com/collect?destination=erp&key="));
    let key = desk.home.path().join("admin.key");
    let again = ["install-actions", "--json", "--admin-key-file", key.to_str().unwrap()];
    let again = desk.odoo("config.toml", "", &again).json();
    let first = json!({"model": "res.partner", "entry": "collect", "outcome": "unchanged"});
    assert_eq!((again.as_array().unwrap().len(), &again[0]), (4, &first));
    let removed = desk.odoo("config.toml", KEY, &["remove-actions", "--json"]);
    assert_eq!((removed.json().as_array().unwrap().len(), desk.actions()), (4, 0));
    let nothing = desk.odoo("config.toml", KEY, &["remove-actions"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (0, ""));
    assert!(nothing.err.contains("nothing to remove"), "{}", nothing.err);
}

#[test]
fn what_cannot_be_done_says_why_by_its_exit_code() {
    let desk = Desk::new(PUBLIC);
    let nobody = Desk::new("");
    let unset = nobody.odoo("config.toml", KEY, &["install-actions"]);
    assert_eq!(unset.code, 78, "{}", unset.err);
    assert!(unset.err.contains("server.public_url"), "{}", unset.err);
    let keyless = Desk::new(PUBLIC.split("[collect]").next().unwrap());
    let keyless = keyless.odoo("config.toml", KEY, &["install-actions"]);
    assert_eq!(keyless.code, 78, "{}", keyless.err);
    assert!(keyless.err.contains("start the daemon once"), "{}", keyless.err);
    for (config, key, args, code, wanted) in [
        ("config.toml", "", &["install-actions"][..], 2, "there is no key"),
        ("config.toml", "wrong", &["install-actions"], 69, "does not let admin in"),
        ("two.toml", KEY, &["install-actions"], 2, "--destination erp or --destination second"),
        ("config.toml", KEY, &["remove-actions", "--destination", "x"], 2, "no destination `x`"),
        ("config.toml", KEY, &["remove-actions", "--destination", "archive"], 2, "of type folder"),
        ("config.toml", KEY, &["install-actions", "--model", "crm.lead"], 1, "no model crm.lead"),
        ("config.toml", KEY, &["install-actions", "--model", "x.y"], 1, "may not go to x.y"),
        (
            "config.toml",
            "intern",
            &["install-actions", "--admin-login", "intern@example.com"],
            1,
            "intern@example.com is no administrator",
        ),
        ("config.toml", "", &["remove-actions", "--admin-key-file", "/nowhere"], 2, "/nowhere"),
    ] {
        let said = desk.odoo(config, key, args);
        assert_eq!(said.code, code, "{args:?}: {}", said.err);
        assert!(said.err.contains(wanted), "{args:?}: {}", said.err);
        assert_eq!((said.out.as_str(), desk.actions()), ("", 0), "{args:?}");
    }
    let second = desk.odoo("two.toml", KEY, &["install-actions", "--destination", "second"]);
    assert_eq!((second.code, desk.actions()), (0, 4), "{}", second.err);
}
