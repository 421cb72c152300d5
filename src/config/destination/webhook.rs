//! `type = "webhook"`.

use secrecy::SecretString;

use super::super::{
    entry::Entry,
    secret::secret,
    section::Section,
    values::{count, flag, hook_url, size, timeout, word},
};
use crate::{
    destinations::webhook::{Address, Format, Header, InvalidHeader, Settings, Signer},
    model::Scheme,
};

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    const EXAMPLE: &str = "https://bridge.example.com/apertur/webhook";
    let url = s.key("url", "where photos are posted").required(EXAMPLE, hook_url(EXAMPLE));
    let secret = s
        .key("secret", "what requests are signed with; the receiver knows it too")
        .required("{ file = \"/etc/apertur-bridge/partner-secret\" }", secret);
    let signer = signer(s, secret.as_ref());
    let format = s
        .key(
            "format",
            "\"json_base64\" (all that is said is signed), \"multipart\" or \"binary\" (the bytes \
             alone)",
        )
        .or(
            "json_base64",
            word(&[
                ("json_base64", Format::JsonBase64),
                ("multipart", Format::Multipart),
                ("binary", Format::Binary),
            ]),
        );
    let headers = headers(s);
    let timeout =
        s.key("timeout", "longest time from the first byte sent to the answer").or("2m", timeout);
    let max_size = s.key("max_size", "largest photo; larger ones are held").or("200MiB", size);
    let allow_private = s
        .key(
            "allow_private",
            "whether the name in url may lead into the own network; numbers may, always",
        )
        .or("false", flag);
    let concurrency = s.key("concurrency", "deliveries under way at once").or("4", count(1, 32));
    Some(Settings {
        address: Address::new(url?),
        signer: signer?,
        format: format?,
        headers: headers?,
        timeout: timeout?,
        max_size: max_size?,
        allow_private: allow_private?,
        concurrency: concurrency?,
    })
}

/// The scheme with a key for it.
fn signer(s: &mut Section<'_>, secret: Option<&SecretString>) -> Option<Signer> {
    const SCHEMES: &[(&str, Scheme)] =
        &[("timestamped", Scheme::Timestamped), ("body", Scheme::Body), ("svix", Scheme::Svix)];
    s.key(
        "signature",
        "\"timestamped\" (old requests cannot be sent again), \"body\" (as Apertur signs photos) \
         or\n\"svix\" (secret in hex, or whsec_ and base64)",
    )
    .or("timestamped", |entry| {
        let scheme = word(SCHEMES)(entry)?;
        match Signer::new(scheme, secret?) {
            Ok(signer) => Some(signer),
            Err(error) => entry.wrong_value(
                &format!("does not fit the secret: {error}"),
                "make one with `openssl rand -hex 32`, or write \"timestamped\"",
            ),
        }
    })
}

/// Headers by their names; every value may be a secret.
fn headers(s: &mut Section<'_>) -> Option<Vec<Header>> {
    let has_none = !s.has("headers");
    let read = s
        .key(
            "headers",
            "headers beside our own; each value a text, or a secret by file or variable",
        )
        .optional("{ Authorization = { file = \"/etc/apertur-bridge/partner-key\" } }", table);
    if has_none { Some(Vec::new()) } else { read }
}

fn table(entry: &Entry<'_>) -> Option<Vec<Header>> {
    let mut s = Section::new(entry.reader, entry.path.clone(), entry.table()?);
    let read: Vec<Option<Header>> = s
        .names()
        .iter()
        .map(|name| {
            let entry = s.entry(name)?;
            let value = secret(&entry)?;
            Header::parse(name, &value).map_or_else(|error| wrong(&entry, error), Some)
        })
        .collect();
    read.into_iter().collect()
}

fn wrong(entry: &Entry<'_>, error: InvalidHeader) -> Option<Header> {
    let text = error.to_string();
    let (what, remedy) = text.split_once("; ").unwrap_or((&text, ""));
    entry.wrong(what, remedy)
}
