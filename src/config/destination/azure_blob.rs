//! `type = "azure_blob"`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use secrecy::SecretString;
use url::Url;

use super::{
    super::{
        entry::Entry,
        secret::revealed,
        section::Section,
        values::{Wrong, http_url, inner_url, text},
    },
    bucket::{bucket, key_template, pace},
};
use crate::{
    destinations::azure_blob::{self, Credential},
    system::Clock,
};

const SAS_FILE: &str = "{ file = \"/etc/apertur-bridge/azure-sas\" }";
const KEY_FILE: &str = "{ file = \"/etc/apertur-bridge/azure-key\" }";
const ENDPOINT: &str = "https://acme.blob.core.windows.net";
/// So long before its end a signature is warned of.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The three ways to say who calls.
const WAYS: [&str; 3] = ["sas_token", "account_key", "connection_string"];

/// Who calls, and what a connection string says besides.
struct Login {
    credential: Credential,
    account_name: Option<String>,
    endpoint: Option<Url>,
}

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<azure_blob::Settings> {
    let names_account = s.has("account_name");
    let account_name = s.key("account_name", "the storage account").optional("acme", text(account));
    let container_name =
        s.key("container_name", "the container; it must be there").required("photos", text(bucket));
    let login = login(s);
    let (has_endpoint, has_base_url) = (s.has("endpoint"), s.has("base_url"));
    let endpoint = s
        .key("endpoint", "the blob service, where it is not that of the public cloud")
        .optional(ENDPOINT, http_url(ENDPOINT));
    let base_url = s
        .key("base_url", "the same as endpoint")
        .alternative("http://127.0.0.1:10000/devstoreaccount1", http_url(ENDPOINT));
    let blob_template = key_template(s, "blob_template");
    let (timeout, concurrency) = pace(s);
    if has_endpoint && has_base_url {
        return s.wrong("has both endpoint and base_url", "keep one of them");
    }
    if (has_endpoint || has_base_url) && endpoint.is_none() && base_url.is_none() {
        return None;
    }
    let login = login?;
    let account_name = if names_account { Some(account_name?) } else { login.account_name };
    let Some(account_name) = account_name else {
        s.missing("account_name", "acme");
        return None;
    };
    let endpoint = endpoint.or(base_url).or(login.endpoint).or_else(|| of_account(&account_name));
    Some(azure_blob::Settings {
        account_name,
        container_name: container_name?,
        endpoint: endpoint?,
        credential: login.credential,
        blob_template: blob_template?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

fn of_account(account: &str) -> Option<Url> {
    Url::parse(&format!("https://{account}.blob.core.windows.net")).ok()
}

fn account(text: &str) -> Result<String, Wrong> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if (3..=24).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    let what = "is not the name of a storage account";
    Err(Wrong::new(what, "write the acme of https://acme.blob.core.windows.net"))
}

fn login(s: &mut Section<'_>) -> Option<Login> {
    let given = WAYS.map(|way| s.has(way)).into_iter().filter(|has| *has).count();
    let only = |credential| Login { credential, account_name: None, endpoint: None };
    let sas = s
        .key("sas_token", "a shared access signature that may read, create, write and delete blobs")
        .optional(SAS_FILE, sas);
    let key = s
        .key("account_key", "one of the account's keys, instead of sas_token")
        .alternative(KEY_FILE, key);
    let connection = s
        .key("connection_string", "says account, key or signature and address in one")
        .alternative("{ file = \"/etc/apertur-bridge/azure-connection\" }", connection);
    match given {
        0 => {
            s.missing("sas_token", SAS_FILE);
            None
        }
        1 => sas.or(key).map(only).or(connection),
        _ => s.wrong("has more than one of sas_token, account_key, connection_string", "keep one"),
    }
}

fn sas(entry: &Entry<'_>) -> Option<Credential> {
    let text = revealed(entry)?;
    let token = text.trim().trim_start_matches('?');
    if token.contains("sig=") && !token.contains("://") {
        let credential = Credential::Sas(SecretString::from(token));
        return Some(credential).inspect(|credential| fresh(entry, credential));
    }
    let fix = "give what follows the question mark of the address: sv=...&sig=...";
    entry.wrong("is no SAS token", fix)
}

/// Warns of a signature that has ended, or is about to.
fn fresh(entry: &Entry<'_>, credential: &Credential) {
    let Some(ends) = credential.expires() else { return };
    let now = Clock::system().now();
    let day = ends.strftime("%Y-%m-%d");
    let what = match ends.duration_since(now) {
        left if left.is_negative() => format!("expired on {day}"),
        left if left < SOON => format!("expires on {day}"),
        _ => return,
    };
    entry.warn(what, "make a new SAS token and write it here");
}

fn key(entry: &Entry<'_>) -> Option<Credential> {
    let text = revealed(entry)?;
    of_key(&text).or_else(|| {
        let fix = "copy the whole key, with the = at its end";
        entry.wrong("is no account key: it is not base64", fix)
    })
}

fn of_key(text: &str) -> Option<Credential> {
    let key = text.trim();
    STANDARD.decode(key).ok().filter(|key| !key.is_empty())?;
    Some(Credential::Key(SecretString::from(key)))
}

/// `DefaultEndpointsProtocol=https;AccountName=..;AccountKey=..;EndpointSuffix=..` or
/// `BlobEndpoint=..;SharedAccessSignature=..`, as Azure's portal shows them.
fn connection(entry: &Entry<'_>) -> Option<Login> {
    let text = revealed(entry)?;
    let value = |name: &str| {
        let mut parts = text.trim().split(';').filter_map(|part| part.split_once('='));
        let (_, value) = parts.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().to_owned())
    };
    let wrong = |what: &str| {
        let fix = "copy the connection string of the account's page whole";
        entry.wrong(format!("is no connection string: {what}"), fix)
    };
    let credential = match (value("SharedAccessSignature"), value("AccountKey")) {
        (Some(token), _) => Credential::Sas(SecretString::from(token.trim_start_matches('?'))),
        (None, Some(key)) => match of_key(&key) {
            Some(key) => key,
            None => return wrong("its AccountKey is not base64"),
        },
        (None, None) => return wrong("it has no AccountKey and no SharedAccessSignature"),
    };
    let account_name = value("AccountName");
    let suffix = value("EndpointSuffix").unwrap_or_else(|| "core.windows.net".to_owned());
    let protocol = value("DefaultEndpointsProtocol").unwrap_or_else(|| "https".to_owned());
    let of_parts = account_name.as_ref().map(|name| format!("{protocol}://{name}.blob.{suffix}"));
    let endpoint = match value("BlobEndpoint").or(of_parts) {
        Some(url) => Some(inner_url(entry, &url, ENDPOINT)?),
        None => None,
    };
    let of_host = || endpoint.as_ref()?.host_str()?.split('.').next().map(ToOwned::to_owned);
    let account_name = account_name.clone().or_else(of_host);
    fresh(entry, &credential);
    Some(Login { credential, account_name, endpoint })
}
