//! `type = "gcs"`.

use secrecy::SecretString;
use serde_json::Value;

use super::{
    super::{
        entry::Entry,
        secret::revealed,
        section::Section,
        values::{http_url, text, word},
    },
    bucket::{bucket, key_template, pace},
};
use crate::destinations::gcs::{self, Credentials};

const KEY_FILE: &str = "{ file = \"/etc/apertur-bridge/gcs-key.json\" }";

/// How it is said who calls.
#[derive(Clone, Copy)]
enum Way {
    Key,
    Environment,
    Anonymous,
}

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<gcs::Settings> {
    let bucket = s.key("bucket", "the bucket; it must be there").required("photos", text(bucket));
    let credentials = credentials(s);
    let has_base_url = s.has("base_url");
    let base_url = s
        .key("base_url", "called instead of https://storage.googleapis.com: tests, proxies")
        .alternative("http://127.0.0.1:9023", http_url("https://storage.example.com"));
    let key_template = key_template(s, "key_template");
    let (timeout, concurrency) = pace(s);
    Some(gcs::Settings {
        bucket: bucket?,
        credentials: credentials?,
        base_url: if has_base_url { Some(base_url?) } else { None },
        key_template: key_template?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

fn credentials(s: &mut Section<'_>) -> Option<Credentials> {
    let has_key = s.has("credential");
    let way = s
        .key(
            "credentials",
            "\"key\": the one below; \"environment\": as Google's own tools find them (variables,\n\
             gcloud, the machine's service account); \"none\": for emulators",
        )
        .or(
            "key",
            word(&[("key", Way::Key), ("environment", Way::Environment), ("none", Way::Anonymous)]),
        )?;
    if has_key && !matches!(way, Way::Key) {
        s.entry("credential");
        return s.wrong("has credential and other credentials", "keep one of the two");
    }
    Some(match way {
        Way::Environment => Credentials::Environment,
        Way::Anonymous => Credentials::Anonymous,
        Way::Key => Credentials::Key(
            s.key("credential", "the JSON key of a service account").required(KEY_FILE, key)?,
        ),
    })
}

/// The JSON that Google hands out for a service account, or another kind of credential of its
/// own tools.
fn key(entry: &Entry<'_>) -> Option<SecretString> {
    let text = revealed(entry)?;
    let Ok(json) = serde_json::from_str::<Value>(&text) else {
        return entry.wrong("is not JSON", "give the whole file that Google made for the key");
    };
    let has = |name: &str| json[name].as_str().is_some_and(|text| !text.is_empty());
    if json["type"] == "service_account" && !(has("client_email") && has("private_key")) {
        return entry.wrong(
            "is a service account without client_email and private_key",
            "give the whole file that Google made for the key",
        );
    }
    if !has("type") {
        return entry.wrong(
            "is JSON, but no credential of Google",
            "make a key of type JSON for the service account and give that file",
        );
    }
    Some(SecretString::from(text))
}
