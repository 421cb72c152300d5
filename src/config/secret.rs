//! Secrets: as a text, or by file, environment variable or systemd credential. What is read here
//! is never shown, whatever is wrong with it.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use ::config::{Map, Value, ValueKind};
use secrecy::SecretString;

use super::{CREDENTIALS_VARIABLE, entry::Entry, reader::Type};

/// Larger files hold no secret, in bytes.
const MAX_FILE: u64 = 64 * 1024;
/// What a secret can be.
const WAYS: &str = "a text in quotes, { file = \"path\" }, { env = \"NAME\" } or \
                    { credential = \"name\" }";

/// A secret, not empty.
pub(super) fn secret(entry: &Entry<'_>) -> Option<SecretString> {
    revealed(entry).map(SecretString::from)
}

/// As [`secret`], with its text for checks that need it.
pub(super) fn revealed(entry: &Entry<'_>) -> Option<String> {
    entry.reader.hide(&entry.path);
    entry.reader.learn(&entry.path, || Type::Secret);
    if entry.reader.describing {
        return None;
    }
    let opened = entry.inlined('{', '}')?;
    let text = match &opened.value.kind {
        ValueKind::String(text) => {
            if opened.value.origin().is_none() {
                opened.reader.holds_secret.set(true);
            }
            text.clone()
        }
        ValueKind::Table(keys) => referred(&opened, keys)?,
        _ => return opened.wrong_kind(WAYS),
    };
    if text.trim().is_empty() {
        return opened.wrong("is an empty secret", "put the secret where the key points to");
    }
    entry.reader.holds(&entry.path, text.as_bytes());
    Some(text)
}

/// The secret a table with one key points to.
fn referred(entry: &Entry<'_>, keys: &Map<String, Value>) -> Option<String> {
    let mut pairs = keys.iter().map(|(key, value)| (key.as_str(), &value.kind));
    match (pairs.next(), pairs.next()) {
        (Some(("file", ValueKind::String(path))), None) => {
            of_file(entry, &entry.reader.resolve(path))
        }
        (Some(("env", ValueKind::String(name))), None) => of_variable(entry, name),
        (Some(("credential", ValueKind::String(name))), None) => of_credential(entry, name),
        _ => entry.wrong("is no secret", format!("write {WAYS}")),
    }
}

fn of_file(entry: &Entry<'_>, path: &Path) -> Option<String> {
    match read(path) {
        Ok((text, mode)) => {
            if mode & 0o007 != 0 {
                entry.warn(
                    format!("{} can be read by others (mode {mode:03o})", path.display()),
                    format!("chmod 600 {}, owned by the user the daemon runs as", path.display()),
                );
            }
            Some(text)
        }
        Err(error) => entry.wrong(
            format!("{} cannot be read: {error}", path.display()),
            "make the file with the secret in it, readable by the user the daemon runs as",
        ),
    }
}

fn of_variable(entry: &Entry<'_>, name: &str) -> Option<String> {
    let text = entry.reader.env.get(name).cloned();
    text.or_else(|| {
        entry.wrong(
            format!("the environment variable {name} is not set"),
            "set it for the daemon, or point to a file instead",
        )
    })
}

fn of_credential(entry: &Entry<'_>, name: &str) -> Option<String> {
    let Some(folder) = entry.reader.env.get(CREDENTIALS_VARIABLE) else {
        // The unit takes them from there; so do commands while the service does not run.
        if is_name(name)
            && let Ok((text, _)) = read(&entry.reader.resolve(name))
        {
            return Some(text);
        }
        return entry.wrong(
            format!("credential {name:?} cannot be looked up: {CREDENTIALS_VARIABLE} is not set"),
            format!(
                "run under systemd with LoadCredential={name}:/path, or for a command set \
                 {CREDENTIALS_VARIABLE} to the folder that file is in"
            ),
        );
    };
    if !is_name(name) {
        return entry.wrong(
            format!("{name:?} is not the name of a credential"),
            "write the name given to LoadCredential=",
        );
    }
    match read(&Path::new(folder).join(name)) {
        Ok((text, _)) => Some(text),
        Err(error) => entry.wrong(
            format!("credential {name:?} cannot be read: {error}"),
            format!("add LoadCredential={name}:/path to the unit"),
        ),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && !name.starts_with('.')
}

/// The text of a file without the newline at its end, and the file's permissions.
fn read(path: &Path) -> io::Result<(String, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.mode() & 0o777;
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok((text, mode))
}
