//! `[collect]` as run on.

use std::time::Duration;

use super::*;
use crate::model::Mode;

const WHOLE: &str = "server.public_url = \"https://photos.example.com/bridge/\"\n\
                     apertur.api_key = \"aptr_test_x\"\n[collect]\n";

#[test]
fn the_collect_page_is_there_once_it_can_be_reached_and_can_make_sessions() {
    let page = load_text(WHOLE, &[]).collect_page.unwrap();
    assert_eq!(page.link_lifetime, Duration::from_hours(12));
    assert!(page.password.is_none() && page.key.is_none() && page.default_mode.is_none());
    let off = format!("{WHOLE}enabled = false");
    assert!(load_text(&off, &[]).collect_page.is_none());
    for line in ["server.public_url = \"https://p.example.com\"", "apertur.api_key = \"k\"", ""] {
        assert!(load_text(line, &[]).collect_page.is_none(), "{line}");
    }
    let text = format!(
        "{WHOLE}password = \"open sesame\"\nlink_lifetime = \"7d\"\ndefault_mode = \"client\"\n\
         key = \"{}\"",
        "k".repeat(32)
    );
    let page = load_text(&text, &[]).collect_page.unwrap();
    assert_eq!(page.link_lifetime, Duration::from_hours(168));
    assert_eq!(page.default_mode, Some(Mode::Contact));
    assert_eq!(page.password.unwrap().expose_secret(), "open sesame");
}

#[test]
fn proxies_are_addresses_and_networks() {
    let proxies = |line: &str| load_text(&format!("{line}\n{WHOLE}"), &[]).collect_page.unwrap();
    let shown = |line: &str| {
        let proxies = proxies(line).trusted_proxies;
        proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown(""), "127.0.0.0/8 ::1/128");
    let line = "server.trusted_proxies = [\"10.0.0.7\", \"fd00::/8\"]";
    assert_eq!(shown(line), "10.0.0.7/32 fd00::/8");
    assert_eq!(shown("server.trusted_proxies = []"), "");
    let findings = refused("server.trusted_proxies = [\"proxy\"]");
    assert!(findings.contains("is no address and no network"), "{findings}");
}
