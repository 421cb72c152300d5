//! `destinations login`: a person logs in with a browser, and the tokens are kept.

mod redirect;

use std::{io, sync::Arc, time::Duration};

use anyhow::anyhow;
use jiff::Timestamp;
use tokio::sync::mpsc::{self, Sender};

use super::{super::output::remark, Failure, line, named};
use crate::{
    config::Config,
    destinations::oauth::{Granted, Login, NoLogin, Reply, Unreadable},
    model::{self, ErrorKind, Kind},
};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// What came from the browser, or by the person's hand.
enum Heard {
    Reply(Reply),
    /// The other side said no, in these words.
    Refused(String),
}

/// Logs in to the destination of this name.
pub(super) async fn login(config: &Config, name: &str) -> Result<(), Failure> {
    let destination = named(config, name)?;
    let login = match destination.login() {
        Ok(login) => Arc::new(login),
        Err(why) => return Err(Failure::Failed(no_login(name, destination.kind(), why))),
    };
    let url = login.url().await.map_err(failed)?;
    // One is enough: who comes second hears that the login is over.
    let (heard, mut came) = mpsc::channel(1);
    let listening = redirect::listen(&login, &heard).await;
    remark("Open this address in a browser, on this machine or another, and agree:");
    line(url.as_str())?;
    remark(&where_next(&login, listening));
    take_pasted(Arc::clone(&login), heard);
    let first = tokio::time::timeout(PATIENCE, came.recv()).await;
    drop(came);
    let reply = match first {
        Ok(Some(Heard::Reply(reply))) => reply,
        Ok(Some(Heard::Refused(words))) => {
            let whom = login.whom();
            return Err(Failure::Failed(anyhow!("{whom} refused the login: {words}")));
        }
        Ok(None) => {
            let why = "standard input ended before a code was pasted; run it in a terminal";
            return Err(Failure::Failed(anyhow!(why)));
        }
        Err(_) => {
            let why = "nobody agreed within 10 minutes; run the command again when you are there";
            return Err(Failure::Failed(anyhow!(why)));
        }
    };
    let granted = login.exchange(reply).await.map_err(failed)?;
    report(name, &granted)
}

fn no_login(name: &str, kind: Kind, why: NoLogin) -> anyhow::Error {
    match why {
        NoLogin::ByType => anyhow!(
            "{name} needs no login: the configuration has all that a destination of type {kind} \
             needs"
        ),
        NoLogin::ApiKey => anyhow!(
            "{name} needs no login: the configuration has an API key for it; with client_id and \
             client_secret in place of the key there would be one"
        ),
        NoLogin::ClientCredentials => anyhow!(
            "{name} needs no login: its client_id and client_secret are all it takes; see \
             apertur-bridge check --connect"
        ),
    }
}

/// What happens after the person agreed.
fn where_next(login: &Login, listening: Result<(), String>) -> String {
    let redirect = login.redirect();
    match listening {
        Ok(()) => format!(
            "The browser is sent to {redirect} then, where this command waits. If it finds \
             nobody there because it runs on another machine, paste its address here."
        ),
        Err(why) => format!(
            "The browser is sent to {redirect} then, where this command cannot wait: {why}. \
             Paste its address here."
        ),
    }
}

/// Reads what is pasted, in a thread of its own that ends with the program: a line of standard
/// input that never comes must hold nothing up.
fn take_pasted(login: Arc<Login>, heard: Sender<Heard>) {
    std::thread::spawn(move || {
        for text in io::stdin().lines().map_while(Result::ok) {
            let what = match login.pasted(&text) {
                Ok(reply) => Heard::Reply(reply),
                Err(Unreadable::Refused(words)) => Heard::Refused(words),
                Err(Unreadable::State) => {
                    remark("That belongs to another login; paste what this one's address led to.");
                    continue;
                }
                Err(Unreadable::Other) => {
                    if !text.trim().is_empty() {
                        remark("There is no code in that; paste the whole address.");
                    }
                    continue;
                }
            };
            // Nobody listens any more: the browser was faster.
            drop(heard.blocking_send(what));
            return;
        }
    });
}

fn report(name: &str, granted: &Granted) -> Result<(), Failure> {
    line(&format!("logged in to {name}"))?;
    line(&format!("granted: {}", granted.scopes.join(" ")))?;
    let until = |at: Timestamp| format!("{at:.0}");
    if let Some(at) = granted.expires_at {
        line(&format!("the access token is good until {} and renewed by itself", until(at)))?;
    }
    if let Some(at) = granted.login_ends_at {
        line(&format!("the login lasts until {}, longer when it is used", until(at)))?;
    }
    if !granted.missing.is_empty() {
        let missing = granted.missing.join(" ");
        remark(&format!(
            "warning: not granted: {missing}; give the client these scopes and log in again"
        ));
    }
    Ok(())
}

fn failed(failure: model::Failure) -> Failure {
    let cause = failure.cause();
    match cause.kind {
        ErrorKind::Local => Failure::Failed(anyhow!(cause.to_string())),
        _ => Failure::Unavailable(cause.to_string()),
    }
}
