//! Where things are kept, where it listens, how photos come.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use rustix::fs::{Access, access};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{
    Args, Plan,
    answers::{Answers, Question},
};
use crate::{
    cli::{
        block_on,
        output::{Failure, remark},
    },
    config::Draft,
    console::{hash_password, is_hash},
    http::Http,
    model::Severity,
    system::Disk,
};

/// How photos come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Apertur posts them.
    Webhook,
    /// They are asked for.
    Poll,
}

/// Asks for them.
pub(super) fn ask(plan: &mut Plan, answers: &mut Answers, args: &Args) -> Result<Way, Failure> {
    data_dir(plan, answers, args)?;
    listen(plan, answers, ("server.listen", args.listen.clone()), args.force)?;
    free_console(plan, answers, args)?;
    public_url(plan, answers, args)
}

fn data_dir(plan: &mut Plan, answers: &mut Answers, args: &Args) -> Result<(), Failure> {
    const KEY: &str = "data_dir";
    if plan.draft.has(KEY) {
        return Ok(());
    }
    let usual = if plan.home.is_service() { "/var/lib/apertur-bridge" } else { "data" };
    let question = Question {
        text: "Folder for the journal and for photos on their way".to_owned(),
        default: Some(usual.to_owned()),
        given: args.data_dir.as_ref().map(|path| path.display().to_string()),
        option: "--data-dir",
    };
    let home = plan.home.clone();
    let path = answers.ask(question, |answer| {
        let path = home.folder.join(answer);
        let is_seen = if home.is_service() { seen(&path) } else { Ok(()) };
        Ok(is_seen.and_then(|()| keeps(&path)).map(|()| answer.to_owned()))
    })?;
    // What is the default by itself stays a remark.
    if path != "/var/lib/apertur-bridge" {
        set(&mut plan.draft, KEY, &path)?;
    }
    Ok(())
}

/// Whether the service sees a folder at all (`ProtectHome=` and `PrivateTmp=` of its unit).
fn seen(path: &Path) -> Result<(), String> {
    const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
    let hidden = HIDDEN.iter().find(|hidden| path.starts_with(hidden));
    hidden.map_or(Ok(()), |hidden| {
        Err(format!("the service sees nothing of {hidden}; choose a folder elsewhere, as in /srv"))
    })
}

/// Whether a folder can be the data directory, as far as it can be told before it is made.
fn keeps(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let mut there: &Path = path;
    while !there.exists() {
        there = there.parent().ok_or("there is no such place")?;
    }
    if !there.is_dir() {
        return Err(format!("{} is no folder", there.display()));
    }
    access(there, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("{} cannot be written: {error}", there.display()))?;
    match Disk::under(there) {
        Ok(disk) if disk.is_shared() => {
            Err(format!("{shown} is on a network file system ({}); choose a local disk", disk.kind))
        }
        _ => Ok(()),
    }
}

/// Asks where to listen, unless it was set.
fn listen(
    plan: &mut Plan,
    answers: &mut Answers,
    (key, given): (&'static str, Option<String>),
    may_be_taken: bool,
) -> Result<(), Failure> {
    if plan.draft.has(key) {
        return Ok(());
    }
    let usual = plan.draft.key(key).map_or("", |key| key.text);
    let question = Question {
        text: "Address and port to listen at, for the proxy in front".to_owned(),
        default: Some(usual.to_owned()),
        given,
        option: "--listen",
    };
    let question = match key {
        "console.listen" => Question {
            text: "Address and port of the console, for you alone".to_owned(),
            option: "--set console.listen=ADDRESS",
            ..question
        },
        _ => question,
    };
    let file = plan.home.file.clone();
    let mut draft = plan.draft.clone();
    answers.ask(question, |answer| {
        Ok(fits(&mut draft, key, answer, &file).and_then(|()| is_free(answer, may_be_taken)))
    })?;
    plan.draft = draft;
    if plan.draft.text_of(key) == Some(usual) {
        plan.draft.unset(key);
    }
    Ok(())
}

/// The console's place is asked for only where somebody is there already.
fn free_console(plan: &mut Plan, answers: &mut Answers, args: &Args) -> Result<(), Failure> {
    const KEY: &str = "console.listen";
    let usual = plan.draft.key(KEY).map_or("", |key| key.text);
    if plan.draft.has(KEY) || is_free(usual, args.force).is_ok() {
        return Ok(());
    }
    if !answers.are_asked() {
        let why = format!("{usual} is taken; give --set {KEY}=ADDRESS");
        return Err(Failure::Usage(why));
    }
    answers.say(&format!("  the console's usual place, {usual}, is taken by another program"));
    listen(plan, answers, (KEY, None), args.force)
}

/// Whether nobody listens there.
fn is_free(answer: &str, may_be_taken: bool) -> Result<(), String> {
    let Ok(address) = answer.parse::<SocketAddr>() else { return Ok(()) };
    match TcpListener::bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && may_be_taken => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(format!("another program listens at {address}; choose another port"))
        }
        Err(error) => Err(format!("nobody can listen at {address} here: {error}")),
        Ok(_) => Ok(()),
    }
}

/// Asks for the address at which Apertur posts; none is [`Way::Poll`].
pub(super) fn public_url(
    plan: &mut Plan,
    answers: &mut Answers,
    args: &Args,
) -> Result<Way, Failure> {
    const KEY: &str = "server.public_url";
    let file = plan.home.file.clone();
    if args.poll && args.public_url.is_none() {
        return Ok(Way::Poll);
    }
    let given = args.public_url.clone().or_else(|| plan.draft.text_of(KEY).map(str::to_owned));
    let question = Question {
        text: "https address at which Apertur reaches this machine (none: photos are asked for)"
            .to_owned(),
        default: Some(String::new()),
        given: given.filter(|given| !given.is_empty()),
        option: "--public-url",
    };
    let mut draft = plan.draft.clone();
    let url = answers.ask(question, |answer| {
        if answer.is_empty() {
            return Ok(Ok(None));
        }
        let read = fits(&mut draft, KEY, answer, &file);
        Ok(read.and_then(|()| answer.parse::<Url>().map(Some).map_err(|error| error.to_string())))
    })?;
    let Some(url) = url else { return Ok(Way::Poll) };
    plan.draft = draft;
    if !args.offline {
        try_address(answers, &url)?;
    }
    Ok(if args.poll { Way::Poll } else { Way::Webhook })
}

/// Before the first start at most a proxy answers; what is missing is said and taken.
fn try_address(answers: &Answers, url: &Url) -> Result<(), Failure> {
    let looked = block_on(async {
        let http = Http::new()?;
        Ok(http.look("the public address", url, None).await)
    })?;
    match looked {
        Ok(seen) => answers.say(&format!("  somebody answers there (HTTP {})", seen.status)),
        Err(failure) => remark(&format!(
            "  warning: {}; put a proxy with TLS in front that passes on to this machine before \
             photos come",
            failure.cause().what
        )),
    }
    Ok(())
}

/// Asks for the console's password, or makes one.
pub(super) fn console(plan: &mut Plan, answers: &mut Answers, args: &Args) -> Result<(), Failure> {
    const KEY: &str = "console.password";
    if plan.draft.has(KEY) || plan.draft.text_of("console.listen") == Some("off") {
        return Ok(());
    }
    let given = args.console_password_file.as_deref();
    let text = "Password for the console (none: one is made and shown)";
    let (file, mut draft) = (plan.home.file.clone(), plan.draft.clone());
    let chosen = answers.ask_secret((text, "--console-password-file"), given, |secret| {
        let Some(secret) = secret else { return Ok(Ok(None)) };
        let set = draft.set_secret(KEY, secret.clone(), "console-password");
        Ok(set.and_then(|()| wrong(&draft, KEY, &file)).map(|()| Some(secret)))
    })?;
    let password = match chosen {
        Some(chosen) => chosen,
        None => plan.made_password.insert(super::apertur::random()).clone(),
    };
    // Who reads the file knows no password.
    let kept = if is_hash(password.expose_secret()) { password } else { hash_password(&password)? };
    plan.draft
        .set_secret(KEY, kept, "console-password")
        .map_err(|why| Failure::Failed(anyhow::anyhow!(why)))
}

/// Sets a key where its value is one.
pub(super) fn fits(draft: &mut Draft, key: &str, answer: &str, file: &Path) -> Result<(), String> {
    let before = draft.clone();
    draft.set(key, answer)?;
    wrong(draft, key, file).inspect_err(|_| *draft = before)
}

/// What the configuration says is wrong with a key.
pub(super) fn wrong(draft: &Draft, key: &str, file: &Path) -> Result<(), String> {
    let Err(findings) = draft.load(file) else { return Ok(()) };
    let is_about = |path: &str| path == key || path.starts_with(&format!("{key}["));
    let wrong = findings.iter().find(|f| f.severity == Severity::Error && is_about(&f.path));
    wrong.map_or(Ok(()), |f| Err(format!("{}; {}", f.what, f.remedy)))
}

fn set(draft: &mut Draft, key: &str, answer: &str) -> Result<(), Failure> {
    draft.set(key, answer).map_err(|why| Failure::Failed(anyhow::anyhow!(why)))
}

/// Whether a folder is outside of what the service may write.
pub(super) fn is_outside(path: &Path) -> bool {
    !path.starts_with("/var/lib/apertur-bridge")
}
