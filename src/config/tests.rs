//! Whole configurations: `fixtures/config/NAME.toml` gives exactly the findings of
//! `NAME.findings`. A line `#env NAME=VALUE` of a fixture is its environment. With
//! `UPDATE_FIXTURES=1` the texts are written instead of compared.

use std::{fs, time::Duration};

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::destinations::{Settings, odoo};

/// Compares a text with the file that holds it, or writes the file.
fn same_as_file(text: &str, file: &str) {
    if env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(file, text).unwrap();
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(text, kept, "{file}: look at the difference, then run with UPDATE_FIXTURES=1");
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const SECRET: (&str, &str) = ("APERTUR_BRIDGE__WEBHOOK__SECRETS", "s");

fn loads(text: &str, pairs: &[(&str, &str)]) -> Config {
    match load_from(Some((Path::new("/etc/bridge/config.toml"), text)), &env(pairs)) {
        Ok(loaded) => loaded.config,
        Err(findings) => panic!("{findings}"),
    }
}

#[test]
fn every_wrong_configuration_gives_its_findings() {
    let mut seen = 0;
    for entry in fs::read_dir("fixtures/config").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let pairs: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("#env ")?.split_once('=')).collect();
        let name = Path::new(path.file_name().unwrap());
        let said = match load_from(Some((name, &text)), &env(&pairs)) {
            Ok(loaded) => {
                let all = loaded.warnings.iter().chain(&loaded.notes);
                all.map(|finding| format!("{finding}\n")).collect()
            }
            Err(findings) => format!("{findings}\n"),
        };
        same_as_file(&said, path.with_extension("findings").to_str().unwrap());
        seen += 1;
    }
    assert!(seen >= 7);
}
