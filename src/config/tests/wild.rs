//! Whatever is written, nothing panics and every finding has a remedy.

use std::path::Path;

use proptest::prelude::*;

use super::{super::load_from, SECRET, env};

/// Keys and values that fit, nearly fit or do not fit at all.
fn line() -> impl Strategy<Value = String> {
    const KEYS: &[&str] = &[
        "listen",
        "secrets",
        "tls",
        "max_body",
        "max_age",
        "api_key",
        "type",
        "url",
        "to",
        "when",
        "models",
        "message",
        "key_template",
        "path",
        "x[9999999999]",
        "\"a.b[-5]\"",
        "route",
    ];
    const VALUES: &[&str] = &[
        "1",
        "-1",
        "99999999999999999999999999999999999999999999",
        "1e999",
        "nan",
        "true",
        "''",
        "[]",
        "{}",
        "[[]]",
        "{ file = '/' }",
        "{ file = '/dev/null' }",
        "{ env = '' }",
        "{ credential = '..' }",
        "1979-05-27",
        "'unix:'",
        "'systemd'",
        "'odoo'",
        "'folder'",
        "'1ns'",
        "'584y'",
        "'18446744073709551615GiB'",
        "'https://[::1]'",
        "'*.'",
        "'{'",
        "'\\u0000'",
    ];
    const TABLES: &[&str] = &[
        "[server]",
        "[webhook]",
        "[apertur]",
        "[console]",
        "[destination.a]",
        "[[route]]",
        "[destination]",
        "[retry]",
        "[log]",
        "[spool]",
        "[journal]",
    ];
    prop_oneof![
        prop::sample::select(TABLES).prop_map(str::to_owned),
        (prop::sample::select(KEYS), prop::sample::select(VALUES))
            .prop_map(|(key, value)| format!("{key} = {value}")),
        (prop::sample::select(KEYS), any::<String>())
            .prop_map(|(key, value)| format!("{key} = {value:?}")),
    ]
}

fn says_something_useful(text: &str, pairs: &[(&str, &str)]) -> Result<(), TestCaseError> {
    if let Err(findings) = load_from(Some((Path::new("c.toml"), text)), &env(pairs)) {
        prop_assert!(findings.errors() > 0);
        for finding in findings.iter() {
            prop_assert!(!finding.what.is_empty() && !finding.remedy.is_empty(), "{finding}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text: String) {
        says_something_useful(&text, &[])?;
    }

    #[test]
    fn no_configuration_makes_it_panic(lines in prop::collection::vec(line(), 0..12)) {
        says_something_useful(&lines.join("\n"), &[])?;
    }

    #[test]
    fn no_variable_makes_it_panic(
        path in "(SERVER|DESTINATION|A)?(__?[A-Z\\[\\]0-9.-]{0,6}){0,12}",
        value in "[\\[{]?\\PC*[\\]}]?",
    ) {
        says_something_useful("", &[(&format!("APERTUR_BRIDGE__{path}"), &value), SECRET])?;
    }
}
