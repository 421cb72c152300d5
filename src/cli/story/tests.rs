//! Whole stories, each made through a real journal: the screen of each is `fixtures/stories/
//! NAME.txt` as a terminal of 80 columns shows it, and one is there as JSON, too; `fr.txt` and
//! `es.txt` hold what all of them say in French and in Spanish. With `UPDATE_FIXTURES=1` the files
//! are written instead of compared.

mod rig;
mod scenes;

use std::path::Path;

use jiff::tz::TimeZone;

use self::rig::Rig;
use super::*;
use crate::{
    cli::output::Line,
    destinations::Language,
    ops::{Found, Ops, story::tell},
};

/// Compares a text with the file that holds it, or writes the file.
fn same_as_file(text: &str, name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(text == kept, "{name}, to be written with UPDATE_FIXTURES=1, is now:\n{text}");
}

/// The story of `img_1`, as it stands.
async fn told(rig: &Rig) -> Account {
    told_in(Language::En, rig).await
}

async fn told_in(language: Language, rig: &Rig) -> Account {
    let ops = Ops::to_read(rig.journal.clone(), rig.clock.clone());
    let Found::Photo(story) = ops.find("img_1").await.unwrap() else { panic!("no img_1") };
    tell(&story, &rig.journal.pauses().await.unwrap(), rig.clock.now(), language)
}

fn text(lines: &[Line]) -> String {
    let line = |line: &Line| {
        let text: String = line.0.iter().map(|(_, part)| part.as_str()).collect();
        format!("{}\n", text.trim_end())
    };
    lines.iter().map(line).collect()
}

fn shown(account: &Account, now: Timestamp, width: Option<usize>) -> String {
    let zone = TimeZone::get("Europe/Paris").unwrap();
    text(&screen(account, &Reader { now, zone, width }))
}

#[tokio::test]
async fn every_kind_of_story_fills_the_screen_that_is_kept_of_it() {
    for (name, rig) in scenes::all().await {
        let account = told(&rig).await;
        let screen = shown(&account, rig.clock.now(), Some(80));
        same_as_file(&screen, &format!("{name}.txt"));
        for line in screen.lines() {
            let is_address = line.contains("://");
            assert!(line.chars().count() <= 80 || is_address, "{name}: {line}");
        }
        assert!(!screen.contains("s-hush"), "{name} gives its session away:\n{screen}");
    }
}

#[tokio::test]
async fn the_usual_photo_needs_one_screen_of_24_lines() {
    for scene in [scenes::delivered().await, scenes::refused().await, scenes::paused().await] {
        let screen = shown(&told(&scene).await, scene.clock.now(), Some(80));
        // One line is the prompt's.
        assert!(screen.lines().count() < 24, "{}:\n{screen}", screen.lines().count());
    }
}

#[tokio::test]
async fn the_account_is_json_that_scripts_can_rely_on() {
    let rig = scenes::refused().await;
    let account = told(&rig).await;
    let json = serde_json::to_string_pretty(&account).unwrap();
    same_as_file(&format!("{json}\n"), "refused.json");
    assert!(!json.contains("s-hush"));
}

#[tokio::test]
async fn what_happens_next_is_never_in_the_past_and_every_held_delivery_has_a_command() {
    for (name, rig) in scenes::all().await {
        let account = told(&rig).await;
        let now = rig.clock.now();
        for standing in &account.deliveries {
            assert!(standing.next.at.is_none_or(|at| at > now), "{name}: {:?}", standing.next);
            if standing.delivery.state == DeliveryState::Held {
                let remedy = standing.remedy.as_ref().unwrap();
                let says = !remedy.what.is_empty() || remedy.command.is_some();
                assert!(says && remedy.give_up.is_some(), "{name}: {remedy:?}");
            }
        }
        assert!(account.timeline.is_sorted_by_key(|entry| entry.at), "{name}");
    }
}

#[tokio::test]
async fn lines_are_not_broken_where_no_terminal_is() {
    let rig = scenes::refused().await;
    let account = told(&rig).await;
    let screen = shown(&account, rig.clock.now(), None);
    let why = "why        Odoo has no project.task 42\n";
    assert!(screen.contains(why), "{screen}");
    assert!(screen.lines().any(|line| line.chars().count() > 80), "{screen}");
}

/// What a story says in its own words; what was written down in English is left out.
fn sayings(account: &Account) -> Vec<String> {
    let mut all = vec![account.summary.clone(), account.came.clone()];
    all.extend(account.hint.clone());
    let mut goes_on = |words: &str, next: Option<&Next>, remedy: Option<&Remedy>| {
        all.push(words.to_owned());
        all.extend(next.map(|next| format!("  {}", next.words)));
        let own =
            |it: &Remedy| it.what.strip_suffix(&it.fix).map(|own| format!("  {}", own.trim()));
        all.extend(remedy.and_then(own).filter(|own| !own.trim().is_empty()));
    };
    let fetch = &account.fetch;
    goes_on(&fetch.words, fetch.next.as_ref(), fetch.remedy.as_ref());
    for it in &account.deliveries {
        goes_on(&it.words, Some(&it.next), it.remedy.as_ref());
    }
    all.extend(account.timeline.iter().map(|entry| format!("- {}", entry.words)));
    all
}

#[tokio::test]
async fn every_kind_of_story_is_told_in_french_and_in_spanish_without_an_english_word() {
    let scenes = scenes::all().await;
    for (language, name) in [(Language::Fr, "fr.txt"), (Language::Es, "es.txt")] {
        let mut stories = Vec::new();
        for (scene, rig) in &scenes {
            let english = sayings(&told(rig).await);
            let said = sayings(&told_in(language, rig).await);
            assert_eq!(said.len(), english.len(), "{scene}");
            for (said, english) in said.iter().zip(&english) {
                assert_ne!(said, english, "{scene}");
            }
            stories.push(format!("{scene}\n{}\n", said.join("\n")));
        }
        same_as_file(&stories.join("\n"), name);
    }
}

#[test]
fn spans_are_told_in_their_largest_unit() {
    let told = |seconds| span(SignedDuration::from_secs(seconds));
    let all = [0, -119, 120, 7199, 7200, 172_800].map(told);
    assert_eq!(all, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
    assert_eq!([999, 1500, 120_000].map(took), ["999 ms", "1.5 s", "2 min"]);
}
