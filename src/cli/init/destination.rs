//! Where photos go: the keys that a type needs, and whether they work.

use std::path::PathBuf;

use anyhow::anyhow;

use super::{
    Args, Plan,
    answers::{self, Answers, Question},
    ways::{fits, wrong},
};
use crate::{
    cli::{
        block_on,
        output::{Failure, remark},
    },
    config::{Draft, KeyDoc},
    model::{DestinationName, Finding, Kind, Severity},
    serve,
};

/// What is asked of each type, in order; everything else has a default or is set by `--set`.
const KEYS: [(Kind, &[&str]); 15] = [
    (Kind::Odoo, &["url", "database", "username", "api_key"]),
    (Kind::Freshdesk, &["domain", "api_key"]),
    (Kind::Freshservice, &["domain", "api_key"]),
    (Kind::Zendesk, &["domain", "client_id", "client_secret"]),
    (Kind::Webhook, &["url", "secret"]),
    (Kind::S3, &["bucket", "region", "endpoint", "access_key_id", "secret_access_key"]),
    (Kind::Gcs, &["bucket", "credential"]),
    (Kind::AzureBlob, &["account_name", "container_name", "sas_token"]),
    (Kind::GoogleDrive, &["client_id", "client_secret"]),
    (Kind::Dropbox, &["client_id", "client_secret"]),
    (Kind::Onedrive, &["client_id", "client_secret"]),
    (Kind::Ftp, &["host", "username", "password", "directory"]),
    (Kind::Sftp, &["host", "username", "password", "host_key", "directory"]),
    (Kind::Webdav, &["url", "username", "password"]),
    (Kind::Folder, &["path"]),
];
/// Keys that may be left out.
const OPTIONAL: [&str; 1] = ["endpoint"];
/// Keys in place of others: where one is set, the others are not asked for.
const INSTEAD: [(&str, &[&str]); 9] = [
    ("base_url", &["url", "domain", "endpoint"]),
    ("password", &["api_key"]),
    ("token", &["username", "password"]),
    ("private_key", &["password"]),
    ("known_hosts", &["host_key"]),
    ("account_key", &["sas_token"]),
    ("connection_string", &["account_name", "sas_token"]),
    ("api_token", &["client_id", "client_secret"]),
    ("client_id", &["api_key"]),
];

/// Takes what the options set.
pub(super) fn given(plan: &mut Plan, args: &Args) -> Result<(), Failure> {
    let usage = |why: String| Failure::Usage(why);
    for text in &args.destinations {
        let (kind, name) = chosen(text, &plan.draft).map_err(usage)?;
        plan.draft.add(&name, kind);
    }
    let pair = |text: &str| -> Result<(String, String), Failure> {
        let pair =
            text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.to_owned()));
        pair.ok_or_else(|| Failure::Usage(format!("{text:?} is not KEY=VALUE")))
    };
    for text in &args.set {
        let (key, value) = pair(text)?;
        if plan.draft.key(&key).is_some_and(|key| key.is_secret) {
            return Err(Failure::Usage(format!("{key} is a secret; give it by a file: --secret")));
        }
        fits(&mut plan.draft, &key, &value, &plan.home.file)
            .map_err(|why| Failure::Usage(format!("--set {key}: {why}")))?;
    }
    for text in &args.secrets {
        let (key, file) = pair(text)?;
        let secret = answers::of_file(&PathBuf::from(file))?;
        let name = secret_name(&plan.draft, &key);
        plan.draft.set_secret(&key, secret, &name).map_err(usage)?;
        wrong(&plan.draft, &key, &plan.home.file)
            .map_err(|why| Failure::Usage(format!("--secret {key}: {why}")))?;
    }
    Ok(())
}

/// Asks for them, one after the other.
pub(super) fn ask(plan: &mut Plan, answers: &mut Answers, args: &Args) -> Result<(), Failure> {
    let mut named = plan.draft.destinations().to_vec();
    if named.is_empty() && !answers.are_asked() {
        return Err(Failure::Usage("give --destination, where photos go".to_owned()));
    }
    loop {
        if named.is_empty() {
            named.push(choose(plan, answers)?);
        }
        for (name, kind) in named.drain(..) {
            one(plan, answers, args, (&name, kind))?;
        }
        if !args.destinations.is_empty() || !answers.yes("Another destination?", false)? {
            return Ok(());
        }
    }
}

fn choose(plan: &mut Plan, answers: &mut Answers) -> Result<(DestinationName, Kind), Failure> {
    let all = Kind::ALL.map(Kind::as_str).join(", ");
    let question = Question {
        text: format!("Where photos go ({all}; with a name of your own: odoo:erp)"),
        default: Some("folder".to_owned()),
        given: None,
        option: "--destination",
    };
    let (kind, name) = answers.ask(question, |text| Ok(chosen(text, &plan.draft)))?;
    plan.draft.add(&name, kind);
    Ok((name, kind))
}

/// A type with the name of a destination that is not there yet.
fn chosen(text: &str, draft: &Draft) -> Result<(Kind, DestinationName), String> {
    let (kind, name) = text.split_once(':').map_or((text, None), |(kind, name)| (kind, Some(name)));
    let kind = kind.trim();
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(|| {
        format!("{kind:?} is no type; write one of {}", Kind::ALL.map(Kind::as_str).join(", "))
    })?;
    let name = name.unwrap_or_else(|| Draft::usual_name(kind)).trim();
    let name = DestinationName::parse(name).map_err(|error| error.to_string())?;
    if draft.destinations().iter().any(|(known, _)| *known == name) {
        return Err(format!("there is a destination {name} already; write {kind}:ANOTHER-NAME"));
    }
    Ok((kind, name))
}

/// One destination, until it works or is kept as it is.
fn one(
    plan: &mut Plan,
    answers: &mut Answers,
    args: &Args,
    (name, kind): (&DestinationName, Kind),
) -> Result<(), Failure> {
    let keys = KEYS.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, keys)| keys);
    let mut is_again = false;
    loop {
        for key in keys {
            answer(plan, answers, (name, key), is_again)?;
        }
        if args.offline {
            return Ok(());
        }
        let findings = probe(plan, name)?;
        for finding in &findings {
            remark(&format!("  {finding}"));
        }
        if findings.iter().all(|finding| finding.severity < Severity::Error) {
            return Ok(());
        }
        if !answers.are_asked() {
            return Err(Failure::Unavailable(format!(
                "destination {name} does not work; nothing was written; --offline tries nothing"
            )));
        }
        if !answers.yes("It does not work. Change the answers?", true)? {
            return Ok(());
        }
        is_again = true;
    }
}

/// Asks for one key, unless an option set it or another key stands in its place.
fn answer(
    plan: &mut Plan,
    answers: &mut Answers,
    (name, key): (&DestinationName, &str),
    is_again: bool,
) -> Result<(), Failure> {
    let path = |key: &str| format!("destination.{name}.{key}");
    let is_replaced = |(by, replaced): &(&str, &[&str])| {
        replaced.contains(&key) && plan.draft.has(&path(by)) && *by != key
    };
    let at = path(key);
    if (plan.draft.has(&at) && !is_again) || INSTEAD.iter().any(is_replaced) {
        return Ok(());
    }
    let Some(known) = plan.draft.key(&at) else { return Ok(()) };
    let text = format!("{name}: {key}, {}", known.doc.replace('\n', " "));
    if known.is_secret {
        return ask_secret(plan, answers, (&at, &text), is_again);
    }
    let question = Question {
        default: default(plan, (&at, key), known),
        text: if known.has_default { text } else { format!("{text}, such as {}", known.text) },
        given: None,
        option: &format!("--set {at}=..."),
    };
    let file = plan.home.file.clone();
    let mut draft = plan.draft.clone();
    answers.ask(question, |answer| {
        if answer.is_empty() {
            draft.unset(&at);
            return Ok(Ok(()));
        }
        Ok(fits(&mut draft, &at, answer, &file))
    })?;
    plan.draft = draft;
    Ok(())
}

/// What an empty answer means: what was answered before, the default, or nothing.
fn default(plan: &Plan, (at, key): (&str, &str), known: KeyDoc) -> Option<String> {
    if let Some(before) = plan.draft.text_of(at) {
        return Some(before.to_owned());
    }
    match key {
        "path" if plan.home.is_service() => Some("/var/lib/apertur-bridge/photos".to_owned()),
        "path" => Some("photos".to_owned()),
        _ if OPTIONAL.contains(&key) => Some(String::new()),
        _ => known.has_default.then(|| known.text.to_owned()),
    }
}

fn ask_secret(
    plan: &mut Plan,
    answers: &mut Answers,
    (at, text): (&str, &str),
    is_again: bool,
) -> Result<(), Failure> {
    let text = if is_again { format!("{text} (none: as before)") } else { text.to_owned() };
    let option = format!("--secret {at}=FILE");
    let (file, secret_file) = (plan.home.file.clone(), secret_name(&plan.draft, at));
    let mut draft = plan.draft.clone();
    answers.ask_secret((&text, &option), None, |secret| {
        let Some(secret) = secret else {
            let needed = || format!("it is needed; give {option}");
            return Ok(if draft.has(at) { Ok(()) } else { Err(needed()) });
        };
        let set = draft.set_secret(at, secret, &secret_file);
        Ok(set.and_then(|()| wrong(&draft, at, &file)))
    })?;
    plan.draft = draft;
    Ok(())
}

/// The file of a secret: as the unit and the reference call it, `odoo-api-key`.
fn secret_name(draft: &Draft, path: &str) -> String {
    let usual = |path: &str| path.replace(['.', '_'], "-");
    match path {
        "webhook.secrets" => return "webhook-secret".to_owned(),
        "apertur.api_key" => return "apertur-api-key".to_owned(),
        _ => {}
    }
    let Some((name, key)) = path.strip_prefix("destination.").and_then(|p| p.split_once('.'))
    else {
        return usual(path);
    };
    let all = draft.destinations();
    let kind = all.iter().find(|(known, _)| known.as_str() == name).map(|(_, kind)| *kind);
    let first = all.iter().find(|(_, known)| Some(*known) == kind).map(|(first, _)| first.as_str());
    match kind {
        Some(kind) if first == Some(name) => usual(&format!("{kind}-{key}")),
        _ => usual(&format!("{name}-{key}")),
    }
}

/// Whether photos could be delivered, by the destination's own words.
fn probe(plan: &Plan, name: &DestinationName) -> Result<Vec<Finding>, Failure> {
    let loaded = match plan.draft.load(&plan.home.file) {
        Ok(loaded) => loaded,
        Err(findings) => {
            let of_it = format!("destination.{name}");
            let found = findings.iter().filter(|finding| finding.path.starts_with(&of_it));
            let found: Vec<_> = found
                .map(|f| Finding {
                    severity: f.severity,
                    ..Finding::error(&f.path, &f.what, &f.remedy)
                })
                .collect();
            // What is wrong elsewhere was asked for before.
            return if found.is_empty() { Err(findings.into()) } else { Ok(found) };
        }
    };
    let destinations = serve::destinations(&loaded.config)?;
    let (_, destination) = destinations
        .into_iter()
        .find(|(known, _)| known == name)
        .ok_or_else(|| Failure::Failed(anyhow!("the configuration has no destination {name}")))?;
    if destination.login().is_ok() {
        let what = "a person logs in once, afterwards";
        return Ok(vec![Finding::ok("log in", what)]);
    }
    block_on(async { Ok(destination.probe().await) })
}
