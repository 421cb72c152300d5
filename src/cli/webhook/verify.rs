//! `webhook verify`: says which scheme a request's headers ask for, what its signature should be,
//! and why it is not. The door's own code judges; what is here only explains.

mod explain;

use std::{
    fs::File,
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::Duration,
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use anyhow::Context as _;
use jiff::Timestamp;
use secrecy::SecretString;

use self::explain::{Request, explain};
use super::{MAX_FILE, MAX_SECRET, read_all, read_file, read_secret};
use crate::cli::{
    Context,
    output::{Failure, line, remark},
};

/// `webhook.max_age` where no configuration is read.
const MAX_AGE: Duration = Duration::from_mins(5);

/// Options of `webhook verify`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A file with the body as it came, byte by byte [default: standard input]
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// A header of the request, 'X-Apertur-Signature: sha256=...'; may be given several times
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    header: Vec<(String, String)>,
    /// A file with the headers, one a line, for example pasted from a log
    #[arg(long, value_name = "FILE")]
    headers: Option<PathBuf>,
    /// A file with the secret [default: the secrets of the configuration]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Judge the age of the signature at this time, in RFC 3339 or unix seconds [default: now]
    #[arg(long, value_parser = time, value_name = "TIME")]
    at: Option<Timestamp>,
}

fn header(text: &str) -> Result<(String, String), String> {
    split(text).ok_or_else(|| "write it as 'Name: value'".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds
        .or_else(|| text.parse().ok())
        .ok_or_else(|| "write it as 2027-01-15T08:00:00Z or in unix seconds".to_owned())
}

/// Name and value of a header as written in a log or by `curl -v`.
fn split(line: &str) -> Option<(String, String)> {
    let line = line.trim().trim_start_matches(['<', '>']).trim_start();
    let (name, value) = line.split_once(':')?;
    HeaderName::from_bytes(name.as_bytes()).ok()?;
    Some((name.to_owned(), value.trim().to_owned()))
}

/// Verifies.
pub(super) fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let (secrets, max_age) = secrets(context, args)?;
    let headers = headers(args)?;
    let body = match args.body.as_deref() {
        Some(file) if file.as_os_str() != "-" => read_file(file)?,
        _ => standard_input()?,
    };
    let now = args.at.unwrap_or_else(Timestamp::now);
    let request = Request { headers: &headers, body: &body, secrets: &secrets, max_age, now };
    let explained = explain(&request);
    for (label, text) in &explained.facts {
        line(&format!("{label:<10}{text}"))?;
    }
    for why in &explained.why {
        line(&format!("{:<10}{why}", "why"))?;
    }
    if explained.verified {
        return line("verifies");
    }
    Err(Failure::Failed(anyhow::anyhow!("it does not verify; see above")))
}

fn secrets(context: &Context, args: &Args) -> Result<(Vec<SecretString>, Duration), Failure> {
    if let Some(file) = &args.secret_file {
        return Ok((vec![read_secret(file)?], MAX_AGE));
    }
    let receive = context.load()?.receive;
    Ok((receive.secrets, receive.max_age))
}

fn standard_input() -> anyhow::Result<Vec<u8>> {
    let input = io::stdin();
    if input.is_terminal() {
        remark("type or paste the body, then Ctrl-D; or name its file by --body");
    }
    read_all(input.lock(), MAX_FILE).context("cannot read standard input")
}

fn headers(args: &Args) -> anyhow::Result<HeaderMap> {
    let mut pairs = args.header.clone();
    if let Some(file) = &args.headers {
        let read = File::open(file).and_then(|file| read_all(file, MAX_SECRET));
        let text = read.with_context(|| format!("cannot read {}", file.display()))?;
        pairs.extend(String::from_utf8_lossy(&text).lines().filter_map(split));
    }
    anyhow::ensure!(
        !pairs.is_empty(),
        "there are no headers; give them with --header 'X-Apertur-Signature: ...' or --headers FILE"
    );
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let value = HeaderValue::from_str(&value)
            .with_context(|| format!("the value of {name} is not that of a header"))?;
        headers.append(HeaderName::from_bytes(name.as_bytes())?, value);
    }
    Ok(headers)
}
