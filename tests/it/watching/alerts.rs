//! `docs/alerts.yml`: what promtool says of it, what sets each alert off, and where it leads.

use std::{collections::BTreeSet, fs, process::Command};

use super::{docs, promtool};
use crate::{daemon::BINARY, readme};

const TESTS: &str = include_str!("alerts_test.yml");

fn rules() -> String {
    fs::read_to_string(docs("alerts.yml")).unwrap()
}

/// The lines that are no comments.
fn live(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with('#'))
}

/// The values of a key that stand behind it, or in the folded lines below it.
fn values(text: &str, key: &str) -> Vec<String> {
    let lines: Vec<_> = live(text).collect();
    let key = format!("{key}: ");
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(value) = line.trim_start_matches("- ").strip_prefix(&key) else { continue };
        if value != ">-" {
            found.push(value.trim_matches('\'').to_owned());
            continue;
        }
        let is_key = |line: &&&str| {
            line.split_once(": ")
                .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase()))
        };
        let folded = lines[at + 1..].iter().take_while(|line| !is_key(line));
        found.push(folded.copied().collect::<Vec<_>>().join(" "));
    }
    found
}

/// Every expression of the rules.
pub(super) fn expressions() -> Vec<String> {
    values(&rules(), "expr")
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    promtool(&["check", "rules", &docs("alerts.yml").display().to_string()], "");
}

#[test]
fn every_alert_fires_when_it_should_and_else_stays_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let tests = folder.path().join("alerts_test.yml");
    fs::write(&tests, TESTS).unwrap();
    fs::copy(docs("alerts.yml"), folder.path().join("alerts.yml")).unwrap();
    promtool(&["test", "rules", &tests.display().to_string()], "");
    let alerts = values(&rules(), "alert");
    assert!(alerts.len() > 15, "{alerts:?}");
    for alert in alerts {
        for word in ["fires", "stays quiet"] {
            assert!(TESTS.contains(&format!("# {alert}: {word}\n")), "{alert}: {word}");
        }
    }
}

#[test]
fn every_alert_says_what_to_do_and_where_to_read_on() {
    let (rules, alerts) = (rules(), values(&rules(), "alert"));
    let (summaries, descriptions) = (values(&rules, "summary"), values(&rules, "description"));
    let runbooks = values(&rules, "runbook");
    let counts = [summaries.len(), descriptions.len(), runbooks.len(), expressions().len()];
    assert_eq!(counts, [alerts.len(); 4]);
    assert_eq!(alerts.iter().collect::<BTreeSet<_>>().len(), alerts.len());
    let anchors = readme::anchors();
    for runbook in runbooks {
        let anchor = runbook.strip_prefix("README.md#").unwrap();
        assert!(anchors.contains(anchor), "#{anchor} leads nowhere");
    }
    for description in descriptions {
        let (_, command) = description.split_once(" Begin with `").unwrap();
        let command = command.strip_suffix('`').unwrap();
        let Some(ours) = command.strip_prefix("apertur-bridge ") else {
            let known = ["systemctl ", "journalctl ", "du "];
            assert!(known.iter().any(|tool| command.starts_with(tool)), "{command}");
            continue;
        };
        let words = ours.split(' ');
        let options: Vec<_> = words.clone().filter(|word| word.starts_with("--")).collect();
        let words = words.take_while(|word| !word.starts_with("--"));
        let help = Command::new(BINARY).args(words).arg("--help").output().unwrap();
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.contains("Usage: apertur-bridge"), "{command}");
        options.iter().for_each(|option| assert!(help.contains(option), "{option}: {command}"));
    }
}
