//! `[console]`, and the configuration as it is shown there.

use super::*;
use crate::console::{Scope, check_password};

/// An argon2id hash, from the tests of the reference implementation.
const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                    CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

#[test]
fn the_console_is_opened_by_a_password_its_hash_or_tokens() {
    let tokens = format!(
        "[console]\npassword = \"{HASH}\"\nsession_lifetime = \"1d\"\n\
         public_url = \"https://bridge.example.com\"\n\
         tokens = [{{ name = \"ci\", scope = \"read\", token = \"{}\" }}, \"{}\"]\n",
        "1".repeat(32),
        "2".repeat(32),
    );
    let console = load_text(&tokens, &[]).console;
    let password = console.password.unwrap();
    assert_eq!(check_password(password.expose_secret()), Ok(()));
    assert_eq!(console.session_lifetime, Duration::from_hours(24));
    let caller = |text: String| console.tokens.caller(&text).map(|c| (c.name.clone(), c.scope));
    assert_eq!(caller("1".repeat(32)), Some(("ci".to_owned(), Scope::Read)));
    assert_eq!(caller("2".repeat(32)), Some(("token-2".to_owned(), Scope::Admin)));
    assert_eq!(caller("3".repeat(32)), None);
}

#[test]
fn what_would_not_guard_the_console_is_refused_without_being_repeated() {
    for (lines, part) in [
        ("password = \"hush\"", "console.password: has fewer than 8 characters; make"),
        ("password = \"$argon2id$hush\"", "console.password: begins as a hash and is none"),
        ("session_lifetime = \"60d\"", "console.session_lifetime: \"60d\" is longer than 31 days"),
        (
            "public_url = \"https://a.example.com/b\"",
            "console.public_url: \"https://a.example.com/b\" has a path",
        ),
        ("tokens = [\"hush\"]", "console.tokens[0]: has fewer than 32 characters"),
    ] {
        let said = refused(&format!("[console]\n{lines}\n"));
        assert!(said.contains(part), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_console_that_others_reach_is_a_warning_unless_a_proxy_guards_the_way() {
    let warns = |lines: &str| {
        let text = format!("[console]\nlisten = \"0.0.0.0:8788\"\n{lines}");
        let warnings = load_at(Path::new("/etc/bridge"), &text, &[]).warnings;
        let ours = warnings.iter().filter(|finding| finding.path == "console");
        ours.map(|finding| finding.what.clone()).collect::<Vec<_>>().join(" ")
    };
    assert!(warns("").contains("ask nobody who they are"));
    assert!(warns("password = \"open sesame\"").contains("travel in the clear"));
    let guarded = "password = \"open sesame\"\npublic_url = \"https://bridge.example.com\"";
    assert_eq!(warns(guarded), "");
}

#[test]
fn what_is_shown_of_a_configuration_says_where_it_comes_from_and_no_secret() {
    let text = "[destination.erp]\ntype = \"odoo\"\nbase_url = \"http://odoo:8069\"\n\
                database = \"prod\"\nusername = \"bot\"\napi_key = { env = \"KEY\" }\n\
                [destination.in]\ntype = \"webhook\"\nurl = \"https://a.example.com/?k=hush\"\n\
                headers = { X-Key = \"hush\" }\nsecret = \"hush\"\n[[route]]\nto = \"erp\"\n";
    let variables = [
        ("KEY", "hush"),
        ("APERTUR_BRIDGE__WEBHOOK__SECRETS", "[\"hush\", { env = \"KEY\" }]"),
        ("APERTUR_BRIDGE__CONSOLE__PASSWORD", "hush hush"),
        ("APERTUR_BRIDGE__SERVER__WORKERS", "3"),
    ];
    let shown = load_text(text, &variables).shown;
    let of = |path: &str| {
        let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
        let found = shown.iter().find(|key| key.table == table && key.name == name);
        found.map(|key| (key.value.as_str(), key.origin.clone()))
    };
    let variable = |name: &str| Origin::Variable(format!("APERTUR_BRIDGE__{name}"));
    let line = |line| {
        let name = "/etc/bridge/config.toml".to_owned();
        Origin::File(Place::File { name, line: Some(line), column: None })
    };
    assert_eq!(of("destination.erp.api_key"), Some(("{ env = \"KEY\" }", line(6))));
    assert_eq!(of("destination.in.url"), Some(("\"(hidden)\"", line(9))));
    let headers = "{ X-Key = \"(hidden)\" }";
    assert_eq!(of("destination.in.headers"), Some((headers, line(10))));
    let secrets = "[\"(hidden)\", { env = \"KEY\" }]";
    assert_eq!(of("webhook.secrets"), Some((secrets, variable("WEBHOOK__SECRETS"))));
    assert_eq!(of("console.password"), Some(("\"(hidden)\"", variable("CONSOLE__PASSWORD"))));
    assert_eq!(of("server.workers"), Some(("3", variable("SERVER__WORKERS"))));
    assert_eq!(of("retention.rows"), Some(("\"90d\"", Origin::Default)));
    assert_eq!(of("route"), Some(("[{ to = \"erp\" }]", line(12))));
    assert!(!format!("{shown:?}").contains("hush"), "{shown:?}");
}
