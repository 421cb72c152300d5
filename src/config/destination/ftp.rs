//! `type = "ftp"`.

use super::{
    super::{
        entry::Entry,
        secret::secret,
        section::Section,
        values::{Wrong, count, name, path, text, timeout, word},
    },
    files::{host, port},
    key_template,
};
use crate::destinations::ftp::{Authorities, Settings, Tls};

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    let host = host(s);
    let port = port(s, "21");
    let username = s.key("username", "whom to log in as").required("bridge", text(name));
    let password = s
        .key("password", "that user's password")
        .required("{ file = \"/etc/apertur-bridge/ftp-password\" }", secret);
    let tls = tls(s);
    let directory = s
        .key(
            "directory",
            "the folder, which has to exist; one that does not begin with / is below the folder \
             the\nserver logs in to",
        )
        .or(".", text(name));
    let key_template = key_template(s);
    let timeout = s
        .key("timeout", "longest time of one call, or of one block of a transfer")
        .or("2m", timeout);
    let concurrency = s.key("concurrency", "uploads at once").or("4", count(1, 32));
    Some(Settings {
        host: host?,
        port: port?,
        username: username?,
        password: password?,
        tls: tls?,
        directory: directory?,
        key_template: key_template?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

fn tls(s: &mut Section<'_>) -> Option<Tls> {
    let is_private = s
        .key("tls", "\"explicit\" (FTPS; implicit TLS on port 990 is not supported) or \"none\"")
        .or("explicit", |entry| {
            let is_private = word(&[("explicit", true), ("none", false)])(entry)?;
            if !is_private {
                entry.warn(
                    "sends the password and the photos unprotected: all on the way can read them",
                    "use \"explicit\" wherever the server has TLS",
                );
            }
            Some(is_private)
        });
    let has_file = s.has("ca_file");
    let authorities = s
        .key("ca_file", "PEM file of a certificate to trust besides those of the system")
        .optional("/etc/apertur-bridge/ca.pem", authorities);
    match (is_private?, has_file) {
        (true, true) => authorities.map(Tls::Explicit),
        (true, false) => Some(Tls::Explicit(Authorities::default())),
        (false, true) => s.wrong("has a ca_file without TLS", "take it out"),
        (false, false) => Some(Tls::None),
    }
}

fn authorities(entry: &Entry<'_>) -> Option<Authorities> {
    let path = path(entry)?;
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) => {
            return entry.wrong(
                format!("{} cannot be read: {error}", path.display()),
                "correct the path, or make the file readable by the user the daemon runs as",
            );
        }
    };
    entry.reader.holds(&entry.path, &pem);
    Authorities::parse(&pem).map_or_else(
        |error| {
            let Wrong { what, remedy } = Wrong::of(&error);
            entry.wrong(format!("{} {what}", path.display()), remedy)
        },
        Some,
    )
}
