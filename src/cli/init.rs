//! `init`: asks what is needed, tries each answer at once, and writes configuration and secrets.
//!
//! Everything is in memory until the last answer: who stops before leaves nothing behind.

mod answers;
mod apertur;
mod destination;
mod home;
mod ways;
mod write;

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

use self::{answers::Answers, home::Home, ways::Way, write::Written};
use super::{
    Context,
    output::{Failure, line},
};
use crate::config::Draft;

/// Options of `init`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It asks for what is not given here, and tries each answer at once: a folder \
is written to, a key shown to who gave it, a destination asked whether photos may come. Nothing is \
written before the last answer. The file goes where --config says, as root by default to \
/etc/apertur-bridge/config.toml, each secret into a file of its own beside it.

Examples:
  sudo apertur-bridge init
  apertur-bridge --config bridge/config.toml init
  sudo apertur-bridge init --non-interactive --public-url https://photos.example.com \\
    --destination odoo --set destination.erp.url=https://erp.example.com \\
    --set destination.erp.database=prod --set destination.erp.username=bridge@example.com \\
    --secret destination.erp.api_key=/root/odoo-key"
)]
pub(super) struct Args {
    /// Ask nothing: what is not given here stays at its default, or is an error
    #[arg(long)]
    non_interactive: bool,
    /// Try nothing with Apertur or a destination
    #[arg(long)]
    offline: bool,
    /// Write over what is there; it is kept beside it as *.bak-TIME
    #[arg(long)]
    force: bool,
    /// Where journal and photos are kept
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Where to listen, address and port
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The https address at which Apertur reaches this machine
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Take photos by asking Apertur for them: no public address is needed
    #[arg(long)]
    poll: bool,
    /// A file with the secret that Apertur signs with [default: one is made]
    #[arg(long, value_name = "FILE")]
    webhook_secret_file: Option<PathBuf>,
    /// A file with the API key of Apertur
    #[arg(long, value_name = "FILE")]
    apertur_key_file: Option<PathBuf>,
    /// Apertur's id of the project
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// Make the event webhook at Apertur; it signs with a secret of its own
    #[arg(long, requires = "project")]
    create_webhook: bool,
    /// Where photos go: a type, or a type and a name, odoo or odoo:erp; may be given several times
    #[arg(long = "destination", value_name = "TYPE[:NAME]")]
    destinations: Vec<String>,
    /// Any key of the configuration: destination.erp.database=prod
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A secret of the configuration by a file: destination.erp.api_key=FILE
    #[arg(long = "secret", value_name = "KEY=FILE")]
    secrets: Vec<String>,
    /// A file with the console's password [default: one is made and shown]
    #[arg(long, value_name = "FILE")]
    console_password_file: Option<PathBuf>,
    /// Refer to secrets as systemd's credentials, as the unit hands them over [default: for
    /// /etc/apertur-bridge]
    #[arg(long, conflicts_with = "no_credentials")]
    credentials: bool,
    /// Refer to secrets as files
    #[arg(long)]
    no_credentials: bool,
    /// The drop-in of the unit, for more secrets than it hands over by itself
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/systemd/system/apertur-bridge.service.d/secrets.conf"
    )]
    drop_in: PathBuf,
}

/// What comes of the answers.
#[derive(Debug)]
struct Plan {
    home: Home,
    draft: Draft,
    /// Whether the event webhook is to be made at Apertur.
    makes_hook: bool,
    /// Whether the webhook secret was made here, and has to be told to Apertur.
    made_secret: bool,
    /// The console's password where it was made here, to be told to a person.
    made_password: Option<SecretString>,
}

/// Asks, tries and writes.
pub(super) fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let home = Home::find(context, args)?;
    let mut answers = Answers::new(args.non_interactive);
    answers.say(&format!(
        "This writes {}. An empty answer takes what stands in brackets; Ctrl-C writes nothing.",
        home.file.display()
    ));
    let mut plan = Plan {
        home,
        draft: Draft::default(),
        makes_hook: false,
        made_secret: false,
        made_password: None,
    };
    destination::given(&mut plan, args)?;
    let way = ways::ask(&mut plan, &mut answers, args)?;
    let way = apertur::ask(&mut plan, &mut answers, (args, way))?;
    destination::ask(&mut plan, &mut answers, args)?;
    ways::console(&mut plan, &mut answers, args)?;
    write::check(&plan, args)?;
    if plan.makes_hook {
        apertur::make_hook(&mut plan)?;
    }
    let written = write::write(&plan, args).inspect_err(|_| apertur::say_left(&plan))?;
    tell(&plan, &written, way)
}

fn tell(plan: &Plan, written: &Written, way: Way) -> Result<(), Failure> {
    line("written:")?;
    for file in &written.files {
        line(&format!("  {}", file.display()))?;
    }
    for kept in &written.kept {
        line(&format!("  what was there is kept as {}", kept.display()))?;
    }
    if let Some(password) = &plan.made_password {
        line(&format!("\nthe console's password, shown this once: {}", password.expose_secret()))?;
    }
    if way == Way::Webhook && !plan.makes_hook {
        line("\nenter in Apertur's dashboard, at the project's destinations or webhooks:")?;
        apertur::tell(plan)?;
    }
    line("\nwhat remains:")?;
    write::next(plan)?.iter().try_for_each(|next| line(&format!("  {next}")))
}
