//! `webhook`: be Apertur (`send`), and find out why a signature does not match (`verify`).
//!
//! Both work beside a daemon of any machine; neither touches the journal.

pub(super) mod headers;
pub(super) mod message;
mod reformat;
mod send;
mod signed;
mod verify;

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::Path,
};

use anyhow::Context as _;
use secrecy::SecretString;

use super::{
    Context,
    output::{Failure, remark},
};

/// Largest photo or body taken, in bytes: it is held in memory. The daemon says what is too much
/// for its `max_body`.
const MAX_FILE: u64 = 1024 * 1024 * 1024;
/// Largest secret file, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Subcommands of `webhook`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Sign and post a photo or an event as Apertur does
    Send(Box<send::Args>),
    /// Explain whether and why a signature matches a body, or not
    Verify(verify::Args),
}

/// Runs one of them.
pub(super) fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Send(args) => send::run(context, args),
        Command::Verify(args) => verify::run(context, args),
    }
}

/// The bytes of a file of up to 1 GiB.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = File::open(path).and_then(|file| read_all(file, MAX_FILE));
    read.with_context(|| format!("cannot read {}", path.display()))
}

/// The body of a request of up to 1 GiB; `-` and nothing are standard input.
pub(super) fn read_body(file: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    if let Some(file) = file.filter(|file| file.as_os_str() != "-") {
        return read_file(file);
    }
    let input = io::stdin();
    if input.is_terminal() {
        remark("type or paste the body, then Ctrl-D; or name its file");
    }
    read_all(input.lock(), MAX_FILE).context("cannot read standard input")
}

fn read_all(source: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it has over {} KiB", most / 1024)));
    }
    Ok(bytes)
}

/// A secret as the configuration reads it: without the newline at the file's end.
fn read_secret(path: &Path) -> anyhow::Result<SecretString> {
    let what = || format!("cannot read the secret in {}", path.display());
    let bytes = File::open(path).and_then(|file| read_all(file, MAX_SECRET)).with_context(what)?;
    let mut text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("it is not text"));
    if let Ok(text) = &mut text {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        anyhow::ensure!(!text.trim().is_empty(), "{} is empty", path.display());
    }
    text.map(SecretString::from).with_context(what)
}
