//! `destinations list` and `destinations test` as an administrator meets them: the built binary
//! against real servers, and what it says, word by word, when all is well and of every usual
//! mistake. The words are in a file beside each test; `UPDATE_FIXTURES=1` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod buckets;
mod folder;
mod ftp;
mod gate;
mod sftp;
mod webdav;

use std::{env, fs, net::Ipv4Addr, path::Path, process::Output};

use crate::daemon::{Options, binary};

/// Nobody listens there.
const NOBODY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 1);

/// What is said of one destination after the other.
struct Story {
    type_name: &'static str,
    told: String,
    /// What no command may say.
    secrets: Vec<String>,
}

impl Story {
    fn of(type_name: &'static str, secrets: Vec<String>) -> Self {
        Self { type_name, told: String::new(), secrets }
    }

    /// A destination that works: `destinations list` has it, `destinations test` goes well.
    fn works(&mut self, keys: &str, plain: &[(&str, &str)]) {
        let listed = run(keys, &["destinations", "list"]);
        let err = String::from_utf8_lossy(&listed.stderr);
        assert!(err.contains("no daemon runs") && listed.status.success(), "{err}");
        let table = said(&listed, plain);
        let rows: Vec<_> = table.lines().map(words).collect();
        self.tell("list", &rows.join("\n"));
        self.test("all is well", keys, plain, 0);
    }

    /// A destination with a mistake.
    fn fails(&mut self, mistake: &str, keys: &str, plain: &[(&str, &str)]) {
        self.test(mistake, keys, plain, 69);
    }

    fn test(&mut self, what: &str, keys: &str, plain: &[(&str, &str)], code: i32) {
        let tested = run(keys, &["destinations", "test", "far"]);
        assert_eq!(tested.status.code(), Some(code), "{what}: {tested:?}");
        let all = format!("{tested:?}");
        assert!(self.secrets.iter().all(|secret| !all.contains(secret)), "{what}: {all}");
        self.tell(what, &said(&tested, plain));
    }

    fn tell(&mut self, what: &str, words: &str) {
        self.told.push_str(&format!("# {what}\n{words}\n\n"));
    }

    /// Asserts that the words are those of the file.
    fn ends(self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/trials");
        let file = folder.join(format!("{}.txt", self.type_name));
        if env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&file, &self.told).unwrap();
        }
        let wanted = fs::read_to_string(&file).unwrap_or_default();
        assert!(self.told == wanted, "not the words of {}:\n{}", file.display(), self.told);
    }
}

/// Runs a command with the destination `far` that no daemon runs on.
fn run(keys: &str, args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    fs::write(&file, Options::toml(format!("[destination.far]\n{keys}\n")).whole()).unwrap();
    binary(&file).args(args).current_dir(home.path()).output().unwrap()
}

/// What it said on standard output, without what differs from run to run.
fn said(output: &Output, plain: &[(&str, &str)]) -> String {
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    for (from, to) in plain {
        text = text.replace(from, to);
    }
    for mark in ["apertur-bridge-test-", ".apertur-", " at port "] {
        text = without_digits(&text, mark);
    }
    let text = without_digits(&text, "127.0.0.1:");
    // How full the disk is here is nobody's mistake.
    let lines = text.lines().filter(|line| !is_room(line)).map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let is_time =
            |at: usize| words.get(at + 1).is_some_and(|unit| unit.trim_matches(';') == "ms");
        let plain = words.iter().enumerate().map(|(at, w)| if is_time(at) { "#" } else { w });
        plain.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// A line about room that is left.
fn is_room(line: &str) -> bool {
    ["ok: space: ", "warning: space: "].iter().any(|start| line.starts_with(start))
}

/// A text without the digits, which are random, behind a mark.
fn without_digits(text: &str, mark: &str) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    let digits = |c: char| c.is_ascii_hexdigit();
    parts.fold(first, |told, part| told + mark + part.trim_start_matches(digits))
}

/// A row of a table with one space between its cells.
fn words(row: &str) -> String {
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}
