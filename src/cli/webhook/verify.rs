//! `webhook verify`: says which scheme a request's headers ask for, what its signature should be,
//! and why it is not. The door's own code judges; what is here only explains.

mod explain;

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;
use secrecy::SecretString;

use self::explain::{Request, explain};
use super::{
    headers::{header, headers},
    read_body, read_secret,
};
use crate::cli::{
    Context,
    output::{Failure, line},
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

fn time(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds
        .or_else(|| text.parse().ok())
        .ok_or_else(|| "write it as 2027-01-15T08:00:00Z or in unix seconds".to_owned())
}

/// Verifies.
pub(super) fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let (secrets, max_age) = secrets(context, args)?;
    let headers = headers(&args.header, args.headers.as_deref())?;
    if headers.is_empty() {
        return Err(Failure::Failed(anyhow::anyhow!(
            "there are no headers; give them with --header 'X-Apertur-Signature: ...' or \
             --headers FILE"
        )));
    }
    let body = read_body(args.body.as_deref())?;
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
