//! `webhook verify` as an operator uses it. What it finds is tested where it is written.

use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Said, said};
use crate::daemon::{Options, SECRET, binary};

/// Of the vectors of `fixtures/contracts/apertur.md`, section 1.5.
const V1_SECRET: &str = "whsec-demo-0123456789";
const V1: &str =
    "X-Apertur-Signature: sha256=0d8bf9858d20ceef27fac6e5cde0164c4c08f1729c617ea047b969291a52e2d3";

/// The body of a vector.
fn body(pointer: &str) -> String {
    let vectors = include_str!("../../../fixtures/contracts/vectors.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let body = vectors.pointer(pointer).unwrap()["body_b64"].as_str().unwrap();
    String::from_utf8(STANDARD.decode(body).unwrap()).unwrap()
}

struct Desk {
    home: tempfile::TempDir,
}

impl Desk {
    fn new(secrets: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let toml = Options::toml(format!("[webhook]\nsecrets = {secrets}\n")).whole();
        std::fs::write(home.path().join("config.toml"), toml).unwrap();
        Self { home }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn verify(&self, args: &[&str]) -> Said {
        let mut command: Command = binary(&self.home.path().join("config.toml"));
        said(command.args(["webhook", "verify"]).args(args).output().unwrap())
    }
}

#[test]
fn a_signature_verifies_with_the_secret_that_it_was_made_with() {
    let desk = Desk::new(&format!("[{SECRET:?}, {V1_SECRET:?}]"));
    let body = desk.file("body", &body("/body_hmac/0"));
    let said = desk.verify(&["--body", &body, "--header", V1]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("secret 2  gives 0d8bf985..., the same\n"), "{}", said.out);
    assert!(said.out.ends_with("verifies\n"), "{}", said.out);
    assert!(!said.out.contains(V1_SECRET) && !said.out.contains(SECRET));

    let pasted = format!("POST /apertur/webhook HTTP/1.1\n> Host: x\n> {V1}\n\n");
    let headers = desk.file("headers", &pasted);
    assert_eq!(desk.verify(&["--body", &body, "--headers", &headers]).code, 0);
}

#[test]
fn a_mistake_is_named_and_nothing_that_could_be_used_is_printed() {
    let desk = Desk::new(&format!("[{V1_SECRET:?}]"));
    let body = desk.file("body", &format!("{}\n", body("/body_hmac/0")));
    let said = desk.verify(&["--body", &body, "--header", V1]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("ends in a newline that was not signed"), "{}", said.out);
    let all = format!("{}{}", said.out, said.err);
    let longest = all.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
    assert!(longest <= Some(8), "{all}");
    assert!(!all.contains(V1_SECRET));
}

#[test]
fn a_body_comes_from_standard_input_and_a_time_can_be_given() {
    let desk = Desk::new("[\"unused\"]");
    let secret = desk.file("secret", &format!("{V1_SECRET}\n"));
    let body = body("/timestamped");
    let signature = "X-Apertur-Signature: \
                     sha256=cf4a10fb366248e3aa7b9377a5f22ba472f64b32fad2e86b91585fa1433ac8d9";
    let run = |at: &str| {
        let stdin = std::fs::File::open(desk.file("body", &body)).unwrap();
        let mut command = binary("/nowhere.toml".as_ref());
        command.args(["webhook", "verify", "--secret-file", &secret, "--header", signature]);
        command.args(["--header", "X-Apertur-Timestamp: 1800000000", "--at", at]).stdin(stdin);
        said(command.output().unwrap())
    };
    let fresh = run("2027-01-15T08:01:00Z");
    assert_eq!(fresh.code, 0, "{}{}", fresh.out, fresh.err);
    let late = run("1800000600");
    assert_eq!(late.code, 1);
    let expected = "the timestamp is too old: 10m away, webhook.max_age is 5m";
    assert!(late.out.contains(expected), "{}", late.out);
    assert!(late.out.contains("gives cf4a10fb..., the same"), "{}", late.out);
}

#[test]
fn without_headers_there_is_nothing_to_verify() {
    let desk = Desk::new("[\"s\"]");
    let body = desk.file("body", "{}");
    let said = desk.verify(&["--body", &body]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("there are no headers"), "{}", said.err);
    assert_eq!(desk.verify(&["--body", &body, "--header", "nonsense"]).code, 2);
}
