//! `type = "s3"`.

use url::Url;

use super::{
    super::{
        secret::secret,
        section::Section,
        values::{Wrong, flag, http_url, name, text, word},
    },
    bucket::{bucket, key_template, pace},
};
use crate::destinations::s3::{self, Credentials};

const SECRET_FILE: &str = "{ file = \"/etc/apertur-bridge/s3-secret\" }";

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<s3::Settings> {
    let bucket = s.key("bucket", "the bucket; it must be there").required("photos", text(bucket));
    let region = s
        .key("region", "the region it is in; \"auto\" for R2; what others that speak S3 name")
        .or("us-east-1", text(name));
    let credentials = credentials(s);
    let has_endpoint = s.has("endpoint") || s.has("base_url");
    let endpoint = endpoint(s);
    let path_style = s
        .key(
            "path_style",
            "the bucket in the path instead of in the host name; true where an endpoint is set",
        )
        .or(if has_endpoint { "true" } else { "false" }, flag);
    let server_side_encryption = s
        .key("server_side_encryption", "asked for with every object: \"AES256\" or \"aws:kms\"")
        .optional(
            "AES256",
            word(&[("AES256", "AES256"), ("aws:kms", "aws:kms"), ("aws:kms:dsse", "aws:kms:dsse")]),
        );
    let storage_class =
        s.key("storage_class", "asked for with every object").optional("STANDARD_IA", text(class));
    let key_template = key_template(s, "key_template");
    let (timeout, concurrency) = pace(s);
    let bucket = bucket?;
    let endpoint = endpoint?;
    if let Some(url) = &endpoint {
        bare(s, url, &bucket)?;
    }
    Some(s3::Settings {
        // No certificate is for a host name with one label more than its own.
        path_style: path_style? || bucket.contains('.'),
        bucket,
        region: region?,
        endpoint,
        credentials: credentials?,
        server_side_encryption: server_side_encryption.map(ToOwned::to_owned),
        storage_class,
        key_template: key_template?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

fn credentials(s: &mut Section<'_>) -> Option<Credentials> {
    let has_keys = ["access_key_id", "secret_access_key", "session_token"].map(|key| s.has(key));
    let from_environment = s
        .key(
            "credentials",
            "\"keys\": those below; \"environment\": as Amazon's own tools find them (variables,\n\
             profile, role of the instance)",
        )
        .or("keys", word(&[("keys", false), ("environment", true)]));
    if from_environment? {
        if has_keys.contains(&true) {
            for key in ["access_key_id", "secret_access_key", "session_token"] {
                s.entry(key);
            }
            let fix = "take the keys out, or credentials = \"environment\"";
            return s.wrong("has keys and credentials = \"environment\"", fix);
        }
        return Some(Credentials::Environment);
    }
    let id = s.key("access_key_id", "the access key").required("AKIA...", text(name));
    let key = s.key("secret_access_key", "its secret").required(SECRET_FILE, secret);
    let token = s
        .key("session_token", "goes with keys that expire")
        .alternative("{ file = \"/run/apertur-bridge/s3-session-token\" }", secret);
    Some(Credentials::Keys { access_key_id: id?, secret_access_key: key?, session_token: token })
}

/// `endpoint` or `base_url`; the outer `None` says that something is wrong.
fn endpoint(s: &mut Section<'_>) -> Option<Option<Url>> {
    const EXAMPLE: &str = "https://minio.example.com";
    let (has_endpoint, has_base_url) = (s.has("endpoint"), s.has("base_url"));
    let endpoint = s
        .key("endpoint", "MinIO, R2, B2, Wasabi, Spaces: their address; without it Amazon's")
        .optional(EXAMPLE, http_url(EXAMPLE));
    let base_url = s
        .key("base_url", "the same as endpoint")
        .alternative("http://127.0.0.1:9000", http_url(EXAMPLE));
    match (has_endpoint, has_base_url) {
        (true, true) => s.wrong("has both endpoint and base_url", "keep one of them"),
        (true, false) => endpoint.map(Some),
        (false, true) => base_url.map(Some),
        (false, false) => Some(None),
    }
}

/// Some providers' pages show the address of the bucket, not of the service; photos would get
/// the bucket's name once more before their own.
fn bare(s: &mut Section<'_>, endpoint: &Url, bucket: &str) -> Option<()> {
    let fix = "write the address of the service alone; bucket names the bucket";
    let parts = endpoint.path_segments();
    let last = parts.and_then(|mut parts| parts.rfind(|part| !part.is_empty()));
    if last == Some(bucket) {
        return s.wrong("has an endpoint with the bucket at its end", fix);
    }
    let host = endpoint.host_str().unwrap_or_default();
    if host.strip_prefix(bucket).is_some_and(|rest| rest.starts_with('.')) {
        s.warn("has an endpoint that begins with the bucket", fix);
    }
    Some(())
}

fn class(text: &str) -> Result<String, Wrong> {
    if !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(&b))
    {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("is no storage class", "write for example \"STANDARD_IA\""))
}
