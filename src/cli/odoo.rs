//! `odoo`: what an administrator lets the bridge put into Odoo itself.
//!
//! The administrator's key is used for this one call: asked for or read, never kept or shown.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use secrecy::SecretString;

use super::{
    Context, block_on,
    output::{Failure, json, line, remark, table},
};
use crate::{
    collect_page::Key,
    config::Config,
    destinations::{Actions, Administrator, Change, Entry, Outcome, Plan, Settings},
    http::Http,
    model::{self, DestinationName, ErrorKind},
};

/// Longer keys are none, in bytes.
const MAX_KEY: u64 = 4096;

/// Subcommands of `odoo`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Put "Collect photos" into the Action menu of Odoo's records, and the delivery of a photo in
    /// one call beside it; done again, it renews them
    #[command(after_help = "Example:
  apertur-bridge odoo install-actions --model res.partner --model project.task")]
    InstallActions {
        #[command(flatten)]
        args: Args,
        /// Let the entries lead to this bridge even where they lead to another address: after a
        /// change of `server.public_url`, or where this bridge takes the place of another
        #[arg(long)]
        take_over: bool,
    },
    /// Remove what `install-actions` made, on whichever machine that was
    #[command(after_help = "Example:
  apertur-bridge odoo remove-actions --admin-login admin --admin-key-file admin.key")]
    RemoveActions(Args),
}

/// Options of both.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The destination, the `erp` of [destination.erp] [default: the only one of type odoo]
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// A model, by its technical name; may be given several times [default: to install, those of
    /// the destination that this Odoo has; to remove, all]
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// The login of a user of the group Administration / Settings
    #[arg(long, value_name = "LOGIN", default_value = "admin")]
    admin_login: String,
    /// A file with that user's API key or password [default: it is asked for, or read from
    /// standard input]
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs one of them.
pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let config = context.load()?;
    match command {
        Command::InstallActions { args, take_over } => install(&config, &args, take_over),
        Command::RemoveActions(args) => remove(&config, &args),
    }
}

fn install(config: &Config, args: &Args, take_over: bool) -> Result<(), Failure> {
    let page = config.collect_page.as_ref().ok_or_else(|| {
        Failure::Unusable(anyhow!(
            "Odoo's users are led to the collect page, and there is none; set `server.public_url`, \
             where their browsers find it, and `apertur.api_key`, and let `collect.enabled` be true"
        ))
    })?;
    let (name, _) = destination(config, args)?;
    let key = Key::load(page.key.as_ref(), &config.data_dir).map_err(Failure::Unusable)?;
    let page = page.entry(&key, name);
    let actions = actions(config, args)?;
    let changes = block_on(async {
        let plan = Plan { take_over, ..args.plan() };
        actions.install(&plan, &page).await.map_err(|failure| failed(&failure))
    })?;
    if changes.is_empty() {
        remark("this Odoo has none of the destination's models, so nothing was made");
    }
    tell(args, &changes)
}

fn remove(config: &Config, args: &Args) -> Result<(), Failure> {
    let actions = actions(config, args)?;
    let changes =
        block_on(async { actions.remove(&args.plan()).await.map_err(|failure| failed(&failure)) })?;
    if changes.is_empty() {
        remark("there is nothing to remove");
    }
    tell(args, &changes)
}

impl Args {
    fn plan(&self) -> Plan {
        Plan { models: self.models.clone(), dry_run: self.dry_run, take_over: false }
    }
}

/// The actions of the destination that is meant, in the administrator's hands.
fn actions(config: &Config, args: &Args) -> Result<Actions, Failure> {
    let (name, settings) = destination(config, args)?;
    let key = match &args.admin_key_file {
        Some(file) => of_file(file)?,
        None => asked(&args.admin_login)?,
    };
    let administrator = Administrator { login: args.admin_login.clone(), key };
    let actions = settings.actions(name, administrator, Http::new()?);
    actions.ok_or_else(|| {
        Failure::Usage(format!("{name} is of type {}, not of type odoo", settings.kind()))
    })
}

/// The destination that is meant.
fn destination<'a>(
    config: &'a Config,
    args: &Args,
) -> Result<(&'a DestinationName, &'a Settings), Failure> {
    let all = || config.destinations.iter().map(|(name, settings)| (name, settings));
    if let Some(wanted) = &args.destination {
        let mut known = all().map(|(name, _)| name.as_str());
        return all().find(|(name, _)| name.as_str() == wanted).ok_or_else(|| {
            let known = known.by_ref().collect::<Vec<_>>().join(", ");
            Failure::Usage(format!(
                "there is no destination `{wanted}`; the configuration has {known}"
            ))
        });
    }
    let odoos: Vec<_> = all().filter(|(_, to)| matches!(to, Settings::Odoo(_))).collect();
    match odoos.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::Usage("there is no destination of type odoo".to_owned())),
        several => {
            let names: Vec<_> = several.iter().map(|(name, _)| name.as_str()).collect();
            Err(Failure::Usage(format!(
                "there are several destinations of type odoo; write --destination {}",
                names.join(" or --destination ")
            )))
        }
    }
}

fn of_file(path: &Path) -> Result<SecretString, Failure> {
    let read = || {
        let mut text = String::new();
        std::fs::File::open(path)?.take(MAX_KEY).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error: io::Error| {
        Failure::Usage(format!("{} cannot be read: {error}", path.display()))
    })?;
    key(&text)
}

/// The key as a person types it unseen, or as another program gives it.
fn asked(login: &str) -> Result<SecretString, Failure> {
    if io::stdin().is_terminal() {
        let typed = rpassword::prompt_password(format!("API key or password of {login}: "));
        return key(&typed.context("cannot ask for the key; give --admin-key-file")?);
    }
    let mut text = String::new();
    io::stdin().lock().take(MAX_KEY).read_line(&mut text)?;
    key(&text)
}

fn key(text: &str) -> Result<SecretString, Failure> {
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::Usage(
            "there is no key; type the administrator's API key or password, pipe it in or name \
             its file with --admin-key-file"
                .to_owned(),
        )),
        key => Ok(SecretString::from(key)),
    }
}

/// 69 where Odoo cannot be asked or does not let us in, 1 where it refuses.
fn failed(failure: &model::Failure) -> Failure {
    let cause = failure.cause();
    match failure {
        model::Failure::Refused { .. } => Failure::Failed(anyhow!("{cause}")),
        _ if cause.kind == ErrorKind::Local => Failure::Failed(anyhow!("{cause}")),
        _ => Failure::Unavailable(cause.to_string()),
    }
}

fn tell(args: &Args, changes: &[Change]) -> Result<(), Failure> {
    if args.json {
        return json(&changes);
    }
    if changes.is_empty() {
        return Ok(());
    }
    let mut text = table(&["MODEL", "ACTION", "OUTCOME"]);
    for Change { model, entry, outcome } in changes {
        let entry = match entry {
            Entry::Collect => "collect photos",
            Entry::Deliver => "deliver in one call",
        };
        let outcome = match outcome {
            Outcome::Made => "made",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
            Outcome::Removed => "removed",
        };
        text.add_row([model, entry, outcome]);
    }
    line(&text.trim_fmt())?;
    if args.dry_run {
        remark("nothing was changed: this was --dry-run");
    }
    Ok(())
}
