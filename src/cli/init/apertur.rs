//! Apertur: the API key, the project, and what its webhooks sign with.

use anyhow::anyhow;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    Args, Plan,
    answers::{Answers, Question},
    ways::{self, Way, wrong},
};
use crate::{
    apertur::{Apertur, ApiError, Hook},
    cli::{
        block_on,
        output::{Failure, line, remark},
    },
    config::Draft,
    http::Http,
    system::Clock,
};

const KEY: &str = "apertur.api_key";
const SECRET: &str = "webhook.secrets";
const PROJECT: &str = "apertur.project_id";
/// Fewest characters of a secret that Apertur signs with.
const SHORTEST: usize = 16;
const NEEDED: &str = "photos can be asked for with a key alone; make one in Apertur's dashboard, \
                      or give the public address";
/// What an event webhook that carries photos tells of (`fixtures/contracts/apertur.md`, 1.3, 1.4).
const TOPICS: [&str; 1] = ["project.upload.image.uploaded"];

/// Asks for them; gives how photos come in the end.
pub(super) fn ask(
    plan: &mut Plan,
    answers: &mut Answers,
    (args, mut way): (&Args, Way),
) -> Result<Way, Failure> {
    let mut has_key = key(plan, answers, args, way)?;
    while way == Way::Poll && !has_key {
        answers.say(&format!("  {NEEDED}"));
        way = ways::public_url(plan, answers, args)?;
        has_key = key(plan, answers, args, way)?;
    }
    if has_key {
        project(plan, answers, args)?;
    }
    match way {
        Way::Poll => set(&mut plan.draft, "apertur.poll", "true")?,
        Way::Webhook => signed(plan, answers, args)?,
    }
    Ok(way)
}

/// Asks for what webhooks are signed with.
fn signed(plan: &mut Plan, answers: &mut Answers, args: &Args) -> Result<(), Failure> {
    if plan.draft.has(SECRET) {
        return Ok(());
    }
    plan.makes_hook = plan.draft.has(PROJECT) && may_make(plan, answers, args)?;
    if plan.makes_hook {
        // Stands in until Apertur says the real one.
        return keep(&mut plan.draft, random());
    }
    secret(plan, answers, args)
}

/// Whether there is a key in the end. Where photos cannot come without one, there is none only
/// where the public address can be asked for again.
fn key(plan: &mut Plan, answers: &mut Answers, args: &Args, way: Way) -> Result<bool, Failure> {
    let mut given = plan.draft.secret_of(KEY).cloned();
    let may_be_none = way == Way::Webhook || (answers.are_asked() && !args.poll);
    let text = match way {
        Way::Webhook => {
            "API key of Apertur, aptr_live_... or aptr_test_... (none: photos come by \
                         webhook alone)"
        }
        Way::Poll if may_be_none => {
            "API key of Apertur, aptr_live_... or aptr_test_... (none: back to the public address)"
        }
        Way::Poll => "API key of Apertur, aptr_live_... or aptr_test_...",
    };
    let (file, mut draft) = (plan.home.file.clone(), plan.draft.clone());
    let has_key = answers.ask_secret(
        (text, "--apertur-key-file"),
        args.apertur_key_file.as_deref(),
        |typed| {
            let Some(key) = given.take().or(typed) else {
                return Ok(if may_be_none { Ok(false) } else { Err(NEEDED.to_owned()) });
            };
            // What was refused before is forgotten.
            draft = plan.draft.clone();
            if let Err(why) = draft.set_secret(KEY, key, "apertur-api-key") {
                return Ok(Err(why));
            }
            if let Err(why) = wrong(&draft, KEY, &file) {
                return Ok(Err(why));
            }
            if args.offline {
                return Ok(Ok(true));
            }
            Ok(match with(&draft, &file, async |apertur| apertur.sessions(1, 1).await)? {
                Ok(_) => {
                    let is_test = draft
                        .secret_of(KEY)
                        .is_some_and(|key| key.expose_secret().starts_with("aptr_test_"));
                    let which = if is_test { "the sandbox" } else { "the live Apertur" };
                    remark(&format!("  {which} accepts the key"));
                    Ok(true)
                }
                Err(error) => Err(error.cause.to_string()),
            })
        },
    )?;
    plan.draft = draft;
    Ok(has_key)
}

fn project(plan: &mut Plan, answers: &mut Answers, args: &Args) -> Result<(), Failure> {
    if plan.draft.has(PROJECT) {
        return Ok(());
    }
    let question = Question {
        text: "Id of the project, to look after its webhooks (from the address of its page in \
               Apertur's dashboard)"
            .to_owned(),
        default: Some(String::new()),
        given: args.project.clone(),
        option: "--project",
    };
    let (file, draft) = (plan.home.file.clone(), plan.draft.clone());
    let id = answers.ask(question, |id| {
        if id.is_empty() || args.offline {
            return Ok(Ok(id.to_owned()));
        }
        let asked = with(&draft, &file, async |apertur| apertur.hooks(id).await)?;
        Ok(asked.map(|_| id.to_owned()).map_err(|error| error.cause.to_string()))
    })?;
    if id.is_empty() { Ok(()) } else { set(&mut plan.draft, PROJECT, &id) }
}

/// Whether Apertur is to make the event webhook. One that is there keeps its secret to itself.
fn may_make(plan: &Plan, answers: &mut Answers, args: &Args) -> Result<bool, Failure> {
    if args.offline || (!answers.are_asked() && !args.create_webhook) {
        return Ok(false);
    }
    let url = webhook_url(&plan.draft)?;
    let project = plan.draft.text_of(PROJECT).unwrap_or_default().to_owned();
    let asked = with(&plan.draft, &plan.home.file, async |apertur| apertur.hooks(&project).await)?;
    let is_there = |hook: &Hook| hook.url.as_ref() == Some(&url);
    if asked.map_err(unavailable)?.iter().any(is_there) {
        answers.say("  an event webhook for this address is there already: its secret is needed");
        return Ok(false);
    }
    Ok(args.create_webhook || answers.yes("Make the event webhook at Apertur now?", false)?)
}

/// Makes the event webhook and keeps what it signs with.
pub(super) fn make_hook(plan: &mut Plan) -> Result<(), Failure> {
    let url = webhook_url(&plan.draft)?;
    let project = plan.draft.text_of(PROJECT).unwrap_or_default().to_owned();
    let made = with(&plan.draft, &plan.home.file, async |apertur| {
        apertur.create_hook(&project, &url, &TOPICS).await
    })?;
    keep(&mut plan.draft, made.map_err(unavailable)?.secret)
}

/// Says what is left at Apertur where nothing could be written here.
pub(super) fn say_left(plan: &Plan) {
    if plan.makes_hook {
        let project = plan.draft.text_of(PROJECT).unwrap_or_default();
        remark(&format!(
            "the event webhook was made at Apertur, and what it signs with is lost: remove it in \
             Apertur's dashboard at the webhooks of project {project}, then run this again"
        ));
    }
}

fn secret(plan: &mut Plan, answers: &mut Answers, args: &Args) -> Result<(), Failure> {
    let text = "Secret that Apertur shows for its destination or webhook (none: one is made to be \
                entered there)";
    let file = args.webhook_secret_file.as_deref();
    let chosen = answers.ask_secret((text, "--webhook-secret-file"), file, |secret| {
        Ok(match secret {
            Some(secret) => shape(&secret).map(|()| Some(secret)),
            None => Ok(None),
        })
    })?;
    plan.made_secret = chosen.is_none();
    keep(&mut plan.draft, chosen.unwrap_or_else(random))
}

/// Whether a text can be what Apertur signs with.
fn shape(secret: &SecretString) -> Result<(), String> {
    let text = secret.expose_secret();
    if text.chars().any(char::is_whitespace) {
        return Err("there is white space in it; copy it again, alone".to_owned());
    }
    if text.chars().count() < SHORTEST {
        return Err(format!("it has fewer than {SHORTEST} characters; copy it again, whole"));
    }
    if text.starts_with("aptr_") {
        return Err("this is an API key, not the secret that webhooks are signed with".to_owned());
    }
    Ok(())
}

/// A secret nobody can guess.
pub(super) fn random() -> SecretString {
    hex::encode(rand::random::<[u8; 32]>()).into()
}

fn keep(draft: &mut Draft, secret: SecretString) -> Result<(), Failure> {
    let kept = draft.set_secret(SECRET, secret, "webhook-secret");
    kept.map_err(|why| Failure::Failed(anyhow!(why)))
}

fn set(draft: &mut Draft, key: &str, text: &str) -> Result<(), Failure> {
    draft.set(key, text).map_err(|why| Failure::Failed(anyhow!(why)))
}

/// Where Apertur posts to.
fn webhook_url(draft: &Draft) -> Result<Url, Failure> {
    let base = draft.text_of("server.public_url").unwrap_or_default().trim_end_matches('/');
    let path = draft.text_of("server.webhook_path").unwrap_or("/apertur/webhook");
    Url::parse(&format!("{base}{path}")).map_err(|error| Failure::Failed(error.into()))
}

/// Asks Apertur something with what was answered so far.
fn with<T>(
    draft: &Draft,
    file: &std::path::Path,
    ask: impl AsyncFnOnce(Apertur) -> Result<T, ApiError>,
) -> Result<Result<T, ApiError>, Failure> {
    // What is asked for later is not there yet.
    let mut alone = Draft::default();
    for key in ["apertur.base_url", "server.public_url"] {
        if let Some(text) = draft.text_of(key) {
            set(&mut alone, key, text)?;
        }
    }
    for key in [KEY, "apertur.signing_secret", "apertur.totp_secret", "apertur.client_certificate"]
    {
        if let Some(secret) = draft.secret_of(key) {
            let set = alone.set_secret(key, secret.clone(), "x");
            set.map_err(|why| Failure::Failed(anyhow!(why)))?;
        }
    }
    keep(&mut alone, random())?;
    let settings = alone.load(file)?.config.apertur;
    block_on(async {
        let apertur = Apertur::new(Http::new()?, settings, Clock::system())?;
        Ok(ask(apertur.unrepeated()).await)
    })
}

fn unavailable(error: ApiError) -> Failure {
    Failure::Unavailable(format!("{}; nothing was written", error.cause))
}

/// Says what to enter at Apertur.
pub(super) fn tell(plan: &Plan) -> Result<(), Failure> {
    line(&format!("  address  {}", webhook_url(&plan.draft)?))?;
    if plan.made_secret
        && let Some(secret) = plan.draft.secret_of(SECRET)
    {
        line(&format!("  secret   {}", secret.expose_secret()))?;
    } else {
        line("  secret   the one that you gave")?;
    }
    line("  as       a destination of type odoo, or of type webhook with the format json_base64")?;
    line(&format!("           or an event webhook with the topic {}", TOPICS.join(", ")))
}
