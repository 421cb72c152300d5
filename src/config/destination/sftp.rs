//! `type = "sftp"`.

use std::path::PathBuf;

use super::{
    super::{
        entry::Entry,
        secret::{revealed, secret},
        section::Section,
        values::{Wrong, count, name, path, some_of, text, timeout},
    },
    files::{host, port},
    key_template,
};
use crate::destinations::sftp::{Fingerprint, InvalidKey, Key, Login, Settings, Trust};

/// The example of a fingerprint.
const FINGERPRINT: &str = "SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM";
/// The example of a private key.
const KEY_FILE: &str = "{ file = \"/etc/apertur-bridge/sftp-key\" }";

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    let host = host(s);
    let port = port(s, "22");
    let username = s.key("username", "whom to log in as").required("bridge", text(name));
    let login = login(s);
    let trust = trust(s);
    let directory = s
        .key(
            "directory",
            "the folder, which has to exist; one that does not begin with / is below the folder \
             the\nserver logs in to",
        )
        .or(".", text(name));
    let key_template = key_template(s);
    let timeout = s.key("timeout", "longest time of one call").or("2m", timeout);
    let concurrency = s.key("concurrency", "uploads at once").or("4", count(1, 32));
    Some(Settings {
        host: host?,
        port: port?,
        username: username?,
        login: login?,
        trust: trust?,
        directory: directory?,
        key_template: key_template?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

fn login(s: &mut Section<'_>) -> Option<Login> {
    let both = s.has("private_key") && s.has("password");
    let neither = !s.has("private_key") && !s.has("password");
    let stray = s.has("passphrase") && !s.has("private_key");
    let given = s
        .key("private_key", "that user's key (Ed25519, ECDSA, RSA) as ssh-keygen made it")
        .optional(KEY_FILE, |entry| Some(entry.clone()));
    let has_passphrase = s.has("passphrase");
    let passphrase = s
        .key("passphrase", "of the private key, where it has one")
        .optional("{ file = \"/etc/apertur-bridge/sftp-passphrase\" }", secret);
    let password = s
        .key("password", "that user's password, instead of private_key")
        .alternative("{ file = \"/etc/apertur-bridge/sftp-password\" }", secret);
    if neither {
        s.missing("private_key", KEY_FILE);
    }
    if both {
        return s.wrong("has both private_key and password", "keep one of them");
    }
    if stray {
        return s.wrong("has a passphrase without a private_key", "take it out");
    }
    match given {
        // A passphrase that could not be read was noted.
        Some(_) if has_passphrase && passphrase.is_none() => None,
        Some(entry) => key(&entry, |text| Key::parse(text, passphrase.as_ref())).map(Login::Key),
        None => password.map(Login::Password),
    }
}

fn key(entry: &Entry<'_>, parse: impl Fn(&str) -> Result<Key, InvalidKey>) -> Option<Key> {
    let text = revealed(entry)?;
    parse(&text).map_or_else(
        |error| {
            let Wrong { what, remedy } = Wrong::of(&error);
            entry.wrong(what, remedy)
        },
        Some,
    )
}

fn trust(s: &mut Section<'_>) -> Option<Trust> {
    let (has_key, has_file) = (s.has("host_key"), s.has("known_hosts"));
    let fingerprints = s
        .key(
            "host_key",
            "the fingerprint of the server's key, or several in a list; without it nothing is \
             sent,\nand `destinations test` shows the one to compare and write here",
        )
        .optional(FINGERPRINT, some_of(text(fingerprint)));
    let file = s
        .key("known_hosts", "a file as OpenSSH keeps it, instead of host_key")
        .alternative("/etc/apertur-bridge/known_hosts", readable);
    match (has_key, has_file) {
        (true, true) => s.wrong("has both host_key and known_hosts", "keep one of them"),
        (true, false) => fingerprints.map(Trust::Fingerprints),
        (false, true) => file.map(Trust::KnownHosts),
        (false, false) => {
            s.warn(
                "has neither host_key nor known_hosts, so no server is trusted",
                "run: apertur-bridge destinations test NAME; it shows the host_key to compare and \
                 write here",
            );
            Some(Trust::Fingerprints(Vec::new()))
        }
    }
}

fn readable(entry: &Entry<'_>) -> Option<PathBuf> {
    let path = path(entry)?;
    match std::fs::File::open(&path) {
        Ok(_) => Some(path),
        Err(error) => entry.wrong(
            format!("{} cannot be read: {error}", path.display()),
            "correct the path, or make the file readable by the user the daemon runs as",
        ),
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, Wrong> {
    Fingerprint::parse(text).map_err(|error| {
        let fix = "write what ssh-keygen -lf shows for the server's key, for example \
                   \"SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM\"";
        Wrong::new(error.to_string(), fix)
    })
}
