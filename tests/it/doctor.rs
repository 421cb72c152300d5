//! `doctor` as an administrator meets it: everything that may be wrong made wrong for real, and
//! what is said of it, word by word. The words are in a file beside each test;
//! `UPDATE_FIXTURES=1` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod address;
mod apertur;
mod certificate;
mod clock;
mod deliveries;
mod place;

use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::daemon::{Options, SECRET, binary};

/// What is told of one thing after the other.
#[derive(Default)]
struct Words(String);

impl Words {
    fn tell(&mut self, what: &str, words: &str) {
        self.0.push_str(&format!("# {what}\n{words}\n\n"));
    }

    /// Asserts that the words are those of the file.
    fn are_those_of(self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/doctor");
        let file = folder.join(format!("{name}.txt"));
        if env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&file, &self.0).unwrap();
        }
        let wanted = fs::read_to_string(&file).unwrap_or_default();
        assert!(self.0 == wanted, "not the words of {}:\n{}", file.display(), self.0);
    }
}

/// What one checkup said.
struct Told {
    code: i32,
    out: String,
    err: String,
}

impl Told {
    fn of(output: Output) -> Told {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert!(!format!("{out}{err}").contains(SECRET), "{out}{err}");
        Told { code: output.status.code().unwrap(), out, err }
    }

    /// What is said of these areas, without what differs from run to run.
    fn about(&self, areas: &[&str], plain: &[(&str, &str)]) -> String {
        let mut told = Vec::new();
        let mut is_wanted = false;
        for line in self.out.lines() {
            if !line.starts_with(' ') {
                is_wanted = areas.contains(&line);
            }
            let is_of_disk = ["file system: ", "free space: ", "store: "];
            let is_room =
                is_of_disk.iter().any(|subject| line.contains(&format!("ok      {subject}")));
            if is_wanted && !is_room && !line.contains(" space: ") {
                told.push(line);
            }
        }
        let text = plain.iter().fold(told.join("\n"), |text, (from, to)| text.replace(from, to));
        assert!(!text.is_empty(), "{areas:?}: {}{}", self.out, self.err);
        text
    }
}

/// A folder with a configuration that no daemon runs on.
fn home(toml: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let text = Options::toml(toml).whole();
    fs::write(home.path().join("config.toml"), text).unwrap();
    home
}

/// Runs `doctor` in such a folder.
fn doctor(home: &Path, args: &[&str]) -> Told {
    let mut command = binary(&home.join("config.toml"));
    Told::of(command.arg("doctor").args(args).current_dir(home).output().unwrap())
}

#[test]
fn what_a_start_ends_at_does_not_end_the_doctor() {
    let home = home(
        "[server]\nlisten = \"127.0.0.1:0\"\n\
         tls = { cert = \"away.pem\", key = \"away.key\" }",
    );
    let told = doctor(home.path(), &["--offline"]);
    let away = home.path().join("away.pem");
    let error = format!("ERROR   server.tls: server.tls.cert: cannot read {}: ", away.display());
    assert!(told.out.contains(&error), "{}{}", told.out, told.err);
    assert!(told.out.contains("\njournal\n  ok "), "{}", told.out);
    assert_eq!(told.code, 1);
    let told = doctor(home.path(), &["--offline", "--json"]);
    let is_told = |told: &Told| {
        let found = findings(told, "configuration");
        found.iter().any(|found| found["subject"] == "server.tls")
    };
    assert!(is_told(&told), "{}", told.out);

    // No root certificates: nobody can be asked.
    let mut command = binary(&home.path().join("config.toml"));
    let nowhere = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];
    let told = Told::of(command.args(["doctor", "--json"]).envs(nowhere).output().unwrap());
    let found = findings(&told, "this machine");
    assert!(found[0]["fix"].as_str().unwrap().contains("ca-certificates"), "{found:?}");
    assert!(is_told(&told), "{}", told.out);
    assert_eq!(told.code, 1);
}

/// A port that nobody listens at.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs a script in a folder.
fn sh(folder: &Path, script: &str) {
    let done = Command::new("sh").args(["-euc", script]).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The findings of an area in the JSON form.
fn findings(told: &Told, area: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(&told.out).unwrap();
    let areas = report["areas"].as_array().unwrap();
    let found = areas.iter().find(|found| found["name"] == area);
    found.unwrap_or_else(|| panic!("{area}: {report}"))["findings"].as_array().unwrap().clone()
}
