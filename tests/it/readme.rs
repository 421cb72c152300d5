//! The README held to the program: commands, options, keys, files, exit codes and answers that
//! it names are those there are, and its lines to copy work.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod answers;
mod api;
mod by_hand;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use crate::daemon::BINARY;

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../../config/example.toml");

/// The code block that follows `<!-- test: NAME -->`, without its indentation.
fn block(name: &str) -> String {
    let marker = format!("<!-- test: {name} -->");
    let (_, rest) = README.split_once(&marker).unwrap();
    let lines = rest.lines().skip_while(|line| !line.trim_start().starts_with("```"));
    let lines = lines.skip(1).take_while(|line| !line.trim_start().starts_with("```"));
    let lines: Vec<_> = lines.map(|line| format!("{line}\n")).collect();
    let indent = lines.iter().filter(|line| !line.trim().is_empty());
    let indent = indent.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| line.get(indent..).unwrap_or("\n")).collect()
}

/// The cells of the rows below the header `| FIRST | SECOND |...`.
fn table(header: &str) -> Vec<Vec<String>> {
    let start = format!("\n{header}\n");
    let (_, rest) = README.split_once(&start).unwrap();
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    let cell = |cell: &str| cell.trim().to_owned();
    rows.map(|row| row.trim_matches('|').split('|').map(cell).collect()).collect()
}

/// Everything that stands as code: the lines of blocks, and what is between backticks.
fn code() -> Vec<&'static str> {
    let mut is_block = false;
    let mut code = Vec::new();
    for line in README.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if is_block {
            code.push(line.trim());
        } else {
            code.extend(line.split('`').skip(1).step_by(2));
        }
    }
    assert!(!is_block, "a code block of the README has no end");
    code
}

/// What `--help` says about a command, asked once.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, String>);

impl Helps {
    fn of(&mut self, command: &[String]) -> &str {
        self.0.entry(command.to_vec()).or_insert_with(|| {
            let help = Command::new(BINARY).args(command).arg("--help").output().unwrap();
            assert!(help.status.success(), "apertur-bridge {} does not exist", command.join(" "));
            String::from_utf8(help.stdout).unwrap()
        })
    }

    /// The commands below one.
    fn below(&mut self, command: &[String]) -> BTreeSet<String> {
        let Some((_, list)) = self.of(command).split_once("\nCommands:\n") else {
            return BTreeSet::new();
        };
        let names = list.lines().take_while(|line| !line.is_empty());
        let names = names.filter(|line| !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next());
        names.filter(|name| *name != "help").map(ToOwned::to_owned).collect()
    }

    /// The command that a line names, and what follows it.
    fn command<'a>(&mut self, line: &'a str) -> (Vec<String>, Vec<&'a str>) {
        let mut words = line.split_whitespace().peekable();
        let mut command = Vec::new();
        loop {
            let below = self.below(&command);
            let Some(word) = words.next_if(|word| !below.is_empty() && !word.starts_with('-'))
            else {
                break;
            };
            assert!(below.contains(word), "the README names a command that is not there: {line}");
            command.push(word.to_owned());
        }
        (command, words.take_while(|word| !matches!(*word, "|" | "#")).collect())
    }

    /// Every command that has none below it.
    fn leaves(&mut self, command: &[String]) -> Vec<String> {
        let below = self.below(command);
        if below.is_empty() {
            return vec![command.join(" ")];
        }
        let deeper = |name: String| [command, &[name]].concat();
        below.into_iter().map(deeper).flat_map(|deeper| self.leaves(&deeper)).collect()
    }
}

#[test]
fn every_command_and_option_in_the_readme_exists() {
    let mut helps = Helps::default();
    let mut seen = 0;
    for line in code() {
        let ours = |prefix: &'static str| {
            let at = line.match_indices(prefix).map(|(at, _)| at);
            // A path that ends in this name is no command, nor is the service.
            let mut at = at.filter(|at| !line[..*at].ends_with('/'));
            at.next().map(|at| &line[at + prefix.len()..])
        };
        let Some(rest) = ours("apertur-bridge ").or_else(|| ours("cargo run --release -- ")) else {
            continue;
        };
        if line.contains("systemctl ") {
            continue;
        }
        let (command, rest) = helps.command(rest);
        for option in rest.iter().filter(|word| word.starts_with("--")) {
            assert!(helps.of(&command).contains(option), "{option} is no option of {command:?}");
        }
        seen += 1;
    }
    assert!(seen > 20, "only {seen} commands were found");
}

#[test]
fn the_table_of_commands_has_them_all_with_their_options() {
    let mut helps = Helps::default();
    let mut named = BTreeSet::new();
    for row in table("| Command | What it does |") {
        let command = row[0].trim_matches('`').strip_prefix("apertur-bridge ").unwrap();
        let words: Vec<_> = command.split(' ').map(ToOwned::to_owned).collect();
        for word in row[1].split(['`', ' ']).filter(|word| word.starts_with("--")) {
            assert!(helps.of(&words).contains(word), "{word} is no option of {command}");
        }
        named.insert(command.to_owned());
    }
    assert_eq!(named, helps.leaves(&[]).into_iter().collect());
}

/// Every key of the example: `server.listen`, `destination.erp.url`.
fn keys() -> BTreeSet<String> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in EXAMPLE.lines() {
        let line = line.trim_start_matches("# or:").trim_start_matches('#').trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).to_owned();
        } else if let Some((key, _)) = line.split_once(" = ")
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            let dot = if section.is_empty() { "" } else { "." };
            keys.insert(format!("{section}{dot}{key}"));
        }
    }
    assert!(keys.contains("data_dir") && keys.contains("destination.erp.message"), "{keys:?}");
    keys
}

#[test]
fn every_key_in_the_readme_is_in_the_example() {
    let keys = keys();
    let sections: BTreeSet<_> = keys.iter().filter_map(|key| key.split('.').next()).collect();
    let is_key = |text: &str| {
        let is_word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        text.contains('.')
            && text.split('.').all(is_word)
            && text.split('.').next().is_some_and(|first| sections.contains(first))
    };
    let named: BTreeSet<_> = code().into_iter().filter(|text| is_key(text)).collect();
    assert!(named.len() > 10, "{named:?}");
    let unknown: Vec<_> = named.iter().filter(|key| !keys.contains(**key)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_file_and_metric_in_the_readme_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let metrics = include_str!("../../docs/metrics.md");
    let mut seen = 0;
    for text in code() {
        let word = text.split([' ', '{']).next().unwrap_or_default();
        if ["src/", "tests/", "config/", "fixtures/", "docs/"]
            .iter()
            .any(|top| word.starts_with(top))
        {
            assert!(root.join(word).exists(), "{word} is not there");
            seen += 1;
        } else if word.starts_with("apertur_bridge_") {
            assert!(metrics.contains(&format!("| `{word}` |")), "{word} is no metric");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} were found");
}

/// What links within the README may lead to.
pub(crate) fn anchors() -> BTreeSet<String> {
    let headings = README.lines().filter_map(|line| line.strip_prefix('#'));
    let headings = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let keep = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-');
    let anchor = |line: String| line.chars().filter(keep).collect::<String>().replace(' ', "-");
    headings.map(anchor).collect()
}

#[test]
fn every_link_within_the_readme_leads_somewhere() {
    let anchors = anchors();
    for link in README.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.contains(link), "#{link} leads nowhere");
    }
}

#[test]
fn the_story_that_the_readme_shows_is_the_one_that_is_told() {
    assert_eq!(block("story"), include_str!("../../fixtures/stories/refused.txt"));
}

#[test]
fn the_changelog_tells_of_this_version() {
    let changelog = include_str!("../../CHANGELOG.md");
    let heading = format!("\n## [{}] - ", env!("CARGO_PKG_VERSION"));
    let (_, entry) = changelog.split_once(&heading).expect("the changelog has no such heading");
    assert!(entry.lines().any(|line| line.starts_with("- ")), "the entry is empty");
}
