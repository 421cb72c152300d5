//! `webhook send`: sign and post as Apertur does.

use std::path::PathBuf;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use super::{
    message::{Answer, Message, Spelling, fresh_image},
    read_file, read_secret,
};
use crate::{
    cli::{
        Context, block_on,
        output::{Failure, line, remark},
    },
    config::{Config, Listen},
    http::Http,
    model::{ImageId, Mode, Scheme, SessionId, Shape, Tag, Target},
    webhook::{About, Picture},
};

/// Options of `webhook send`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The photo; without one an event is sent
    file: Option<PathBuf>,
    /// Where to post [default: the listener of the configuration]
    #[arg(long)]
    url: Option<Url>,
    /// A file with the secret to sign with [default: the first secret of the configuration]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// event, project-event, json-base64, multipart or binary [default: json-base64 with a
    /// photo, event without]
    #[arg(long, value_parser = shape)]
    shape: Option<Shape>,
    /// body, timestamped or svix
    #[arg(long, value_parser = scheme, default_value = "body")]
    scheme: Scheme,
    /// How the headers are spelled
    #[arg(long, value_enum, default_value = "apertur")]
    spelling: Spelling,
    /// The image id [default: a fresh one]
    #[arg(long, value_parser = |t: &str| ImageId::parse(t), value_name = "ID")]
    image_id: Option<ImageId>,
    /// The upload session's id
    #[arg(long, value_parser = |t: &str| SessionId::parse(t), value_name = "ID")]
    session: Option<SessionId>,
    /// The photo's place in its session, from 0
    #[arg(long)]
    index: Option<u32>,
    /// The photo's name [default: that of the file]
    #[arg(long, value_name = "NAME")]
    filename: Option<String>,
    /// A tag of the session, key:value; may be given several times
    #[arg(long = "tag", value_name = "KEY:VALUE")]
    tags: Vec<String>,
    /// The record the photo is for, for example odoo:res.partner:42 or freshdesk:17
    #[arg(long = "for", value_name = "TARGET")]
    target: Option<Target>,
    /// How visible it is there: contact, internal or public; on a ticket also client, agent or
    /// internal
    #[arg(long, value_parser = mode)]
    mode: Option<Mode>,
    /// The event's topic [default: image.delivered, or project.upload.image.uploaded]
    #[arg(long)]
    topic: Option<String>,
    /// Where the daemon is to fetch an event's photo
    #[arg(long, value_name = "URL")]
    download_url: Option<String>,
    /// Post exactly the bytes of this file, signed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "shape", "image_id", "session",
        "index", "filename", "tags", "target", "mode", "topic", "download_url"])]
    body: Option<PathBuf>,
    /// Content type of --body
    #[arg(long, value_name = "TYPE", requires = "body", default_value = "application/json")]
    content_type: String,
    /// Send this many, one after the other, each with an id of its own unless --image-id is given
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// One JSON object a request
    #[arg(long)]
    json: bool,
}

fn shape(text: &str) -> Result<Shape, String> {
    Shape::parse(&text.replace('-', "_")).ok_or_else(|| {
        "the shapes are event, project-event, json-base64, multipart and binary".to_owned()
    })
}

fn scheme(text: &str) -> Result<Scheme, String> {
    Scheme::parse(text).ok_or_else(|| "the schemes are body, timestamped and svix".to_owned())
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| {
        "the modes are contact, internal and public (on a ticket: client, internal and agent)"
            .to_owned()
    })
}

/// Where to and signed with what.
struct Sender {
    http: Http,
    url: String,
    secret: SecretString,
}

/// Sends.
pub(super) fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let sender = sender(context, args)?;
    let shape = args.shape.unwrap_or(match &args.file {
        Some(_) => Shape::JsonBase64,
        None => Shape::Event,
    });
    misplaced(args, shape).map_err(Failure::Usage)?;
    let photo = args.file.as_deref().map(read_file).transpose()?;
    let about = about(args, photo.as_deref())?;
    let raw = args.body.as_deref().map(read_file).transpose()?;
    block_on(async {
        let (mut refused, mut missed) = (0, 0);
        for number in 0..args.count {
            let now = Timestamp::now();
            let (image, message) = match &raw {
                Some(bytes) => (None, Message::raw(&args.content_type, bytes.clone())),
                None => {
                    let about = one(args, about.clone(), number)?;
                    let told = (&about, photo.as_deref().unwrap_or_default());
                    let message = Message::compose(shape, args.spelling, told, now)?;
                    (Some(about.image), message)
                }
            };
            let message = message.sign(args.scheme, args.spelling, &sender.secret, now)?;
            let answer = message.post(&sender.http, &sender.url).await;
            tell(args.json, image.as_ref(), &answer)?;
            match answer {
                Ok(Answer { code: 200..=299, .. }) => {}
                Ok(Answer { code: 500.., .. }) | Err(_) => missed += 1,
                Ok(_) => refused += 1,
            }
        }
        verdict(refused, missed, args.count)
    })
}

fn sender(context: &Context, args: &Args) -> Result<Sender, Failure> {
    let (url, secret) = match (&args.url, &args.secret_file) {
        (Some(url), Some(file)) => (url.to_string(), read_secret(file)?),
        (url, file) => {
            let config = context.load()?;
            let url = match url {
                Some(url) => url.to_string(),
                None => webhook_url(&config).map_err(Failure::Usage)?,
            };
            let secret = match file {
                Some(file) => Some(read_secret(file)?),
                None => config.receive.secrets.into_iter().next(),
            };
            (url, secret.ok_or_else(|| anyhow::anyhow!("the configuration has no secret"))?)
        }
    };
    Ok(Sender { http: Http::new()?, url, secret })
}

/// Where the daemon of a configuration takes webhooks, seen from this machine.
fn webhook_url(config: &Config) -> Result<String, String> {
    let path = &config.receive.webhook_path;
    let give = |why: &str| {
        Err(format!("{why}; give its address with --url, for example http://127.0.0.1:8787{path}"))
    };
    match &config.server.listen {
        Listen::Tcp(address) if address.port() == 0 => give("server.listen has no fixed port"),
        Listen::Tcp(_) if config.server.tls.is_some() => {
            give("the daemon has a certificate for a name that is not in server.listen")
        }
        Listen::Tcp(address) => {
            let mut address = *address;
            if address.ip().is_unspecified() {
                address.set_ip(match address {
                    std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                    std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                });
            }
            Ok(format!("http://{address}{path}"))
        }
        Listen::Unix(_) => give("the daemon listens at a socket file"),
        Listen::Systemd => give("the service manager knows where the daemon listens"),
    }
}

/// What was asked for and has no place in the shape.
fn misplaced(args: &Args, shape: Shape) -> Result<(), String> {
    if args.body.is_some() {
        return Ok(());
    }
    let is_event = matches!(shape, Shape::Event | Shape::ProjectEvent);
    let name = shape.as_str().replace('_', "-");
    if !is_event && args.file.is_none() {
        return Err(format!("the shape {name} carries the photo; name its FILE"));
    }
    let is_binary = shape == Shape::Binary;
    let is_form = shape == Shape::Multipart;
    let wrong = [
        ("--topic", args.topic.is_some() && !is_event),
        ("--download-url", args.download_url.is_some() && !is_event),
        ("--mode", args.mode.is_some() && (is_binary || is_form)),
        ("--for", args.target.is_some() && is_binary),
        ("--tag", !args.tags.is_empty() && is_binary),
        ("--filename", args.filename.is_some() && is_binary),
    ];
    match wrong.iter().find(|(_, wrong)| *wrong) {
        Some((option, _)) => {
            Err(format!("the shape {name} has no place for {option}; leave it out"))
        }
        None => Ok(()),
    }
}

/// What is the same in every request.
fn about(args: &Args, photo: Option<&[u8]>) -> Result<About, Failure> {
    let name = args.file.as_deref().and_then(|file| file.file_name());
    Ok(About {
        session: args.session.clone(),
        index: args.index,
        filename: args.filename.clone().or(name.map(|n| n.to_string_lossy().into_owned())),
        tags: args.tags.iter().map(|tag| Tag::from_text(tag)).collect(),
        target: args.target.clone(),
        mode: args.mode,
        topic: args.topic.clone(),
        download_url: args.download_url.clone(),
        picture: photo.map(Picture::of),
        ..About::new(fresh_image()?)
    })
}

/// What is not.
fn one(args: &Args, mut about: About, number: u32) -> anyhow::Result<About> {
    about.image = match &args.image_id {
        Some(image) => image.clone(),
        None => fresh_image()?,
    };
    about.index = args.index.or((args.count > 1).then_some(number));
    Ok(about)
}

#[derive(Serialize)]
struct Row<'a> {
    image_id: Option<&'a ImageId>,
    code: Option<u16>,
    answer: Option<serde_json::Value>,
    ms: Option<u64>,
    error: Option<String>,
}

fn tell(
    as_json: bool,
    image: Option<&ImageId>,
    answer: &anyhow::Result<Answer>,
) -> Result<(), Failure> {
    let ms = |answer: &Answer| u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX);
    if as_json {
        let text = |text: &str| {
            serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::from(text))
        };
        let answered = answer.as_ref().ok();
        let row = Row {
            image_id: image,
            code: answered.map(|answer| answer.code),
            answer: answered.map(|answer| text(&answer.text)),
            ms: answered.map(ms),
            error: answer.as_ref().err().map(|error| format!("{error:#}")),
        };
        return line(&serde_json::to_string(&row).map_err(anyhow::Error::from)?);
    }
    match answer {
        Ok(answer) => {
            let image = image.map_or(String::new(), |image| format!("  {image}"));
            line(&format!("{} {}{image}  {} ms", answer.code, answer.text, ms(answer)))
        }
        Err(error) => {
            remark(&format!("{error:#}"));
            Ok(())
        }
    }
}

fn verdict(refused: u32, missed: u32, count: u32) -> Result<(), Failure> {
    if missed > 0 {
        return Err(Failure::Unavailable(format!(
            "{missed} of {count} not taken: the daemon does not work or is not there; look at its \
             log and at the address"
        )));
    }
    if refused > 0 {
        return Err(Failure::Failed(anyhow::anyhow!(
            "{refused} of {count} refused; the daemon's log says why, and \
             `apertur-bridge webhook verify` explains a 401"
        )));
    }
    Ok(())
}
