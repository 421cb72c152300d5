//! `sessions create`.

use std::{
    convert::Infallible,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Serialize;

use super::{About, apertur, failed, keep, qr, send};
use crate::{
    apertur::{Apertur, End, NewSession, Place},
    cli::{
        ask,
        output::{Failure, json, line, remark},
    },
    config::Config,
    destinations::Language,
    model::{DestinationName, Mode, Target},
    ops::control::Request,
    sessions::{self, LONGEST_LIFE, Made, Sent, Wish},
    spool::blocking,
    system::Clock,
};

/// Options of `sessions create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apertur-bridge sessions create --for odoo:res.partner:42 --mode contact
  apertur-bridge sessions create --for freshdesk:17 --mode client --expires-in 2h --max-images 5
  apertur-bridge sessions create --for odoo:project.task:7 --mode contact --send --language fr
  apertur-bridge sessions create --for odoo:res.partner:42 --destination erp
  apertur-bridge sessions create --for zendesk:9 --label \"broken screen\" --qr code.png --json")]
pub(in crate::cli) struct Args {
    /// The record that the photos belong to, for example odoo:res.partner:42 or freshdesk:17
    #[arg(long = "for", value_name = "TARGET")]
    target: Target,
    /// How visible they are there: contact, internal or public; on a ticket also client, agent or
    /// internal [default: that of the destination]
    #[arg(long, value_parser = mode)]
    mode: Option<Mode>,
    /// What to call the session here; Apertur is not told
    #[arg(long, value_parser = sessions::label)]
    label: Option<String>,
    /// Most photos
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    max_images: Option<u32>,
    /// How long it lasts, at most 7d, for example 2h [default: as long as Apertur lets it]
    #[arg(long, value_name = "DURATION", value_parser = life, conflicts_with = "expires_at")]
    expires_in: Option<SignedDuration>,
    /// When it ends, in RFC 3339, for example 2027-01-15T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = end)]
    expires_at: Option<Timestamp>,
    /// What guests have to type, 4 to 128 characters; other users of this machine can see it
    /// while the command runs
    #[arg(long, value_parser = secret)]
    password: Option<SecretString>,
    /// A file with the password, better than --password; - reads a line of standard input, on a
    /// terminal without showing it
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// Only these types of picture: jpeg, png, webp, heic; may be given several times
    #[arg(long = "allow-mime", value_name = "TYPE", value_delimiter = ',')]
    #[arg(value_parser = sessions::picture)]
    allow_mime: Vec<String>,
    /// Longest side of a photo in pixels; Apertur shrinks larger ones
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..))]
    max_dimension: Option<u32>,
    /// A tag more, key:value; may be given several times
    #[arg(long = "tag", value_name = "KEY:VALUE")]
    tags: Vec<String>,
    /// The destination whose record is meant, where several take photos for it, as two Odoos do:
    /// the photos go to that one, and to storage as always [default: that of --send=DESTINATION,
    /// else all of them]
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// A destination at Apertur that gets the photos: its id, or with apertur.project_id its name;
    /// may be given several times [default: apertur.session_destinations]
    #[arg(long = "apertur-destination", value_name = "ID")]
    apertur_destinations: Vec<String>,
    /// Whether its photos wait at Apertur until the bridge takes them by polling, so that nothing
    /// has to reach it; =false for a session whose photos are posted [default: as apertur.poll]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    long_polling: Option<bool>,
    /// Send the link to the record's people: a message in Odoo, which notifies the customer in
    /// mode contact; a reply on a ticket in mode client, else a note. By this destination, where
    /// several take photos for the record
    #[arg(long, value_name = "DESTINATION", num_args = 0..=1, require_equals = true,
        default_missing_value = "")]
    send: Option<String>,
    /// The language of what is sent: en, fr or es
    #[arg(long, requires = "send", default_value = "en", value_parser = language)]
    language: Language,
    /// Write the QR code to a file, .png or .svg
    #[arg(long, value_name = "FILE", value_parser = qr::file)]
    qr: Option<qr::File>,
    /// As JSON, with id and link
    #[arg(long)]
    json: bool,
}

/// Makes a session.
pub(super) async fn run(config: &Config, args: Args) -> Result<(), Failure> {
    let apertur = apertur(config)?;
    let target = known(config, args.target.clone())?;
    let destination = destination(config, &args, &target)?;
    let messenger = match &args.send {
        Some(name) => {
            let named = destination.as_ref().map_or(name.as_str(), DestinationName::as_str);
            Some(send::messenger(config, &target, named).await?)
        }
        None => None,
    };
    let session = new(config, &apertur, &args, &target).await?;
    if session.long_polling == Some(true) && !config.apertur.poll {
        remark(
            "warning: the photos of this session wait at Apertur to be polled for and apertur.poll \
             is not set: they are taken late, by the check for photos that never came",
        );
    }
    // What cannot be written down is better not made.
    let file = match &args.qr {
        Some(file) => Some(file.begin().await?),
        None => None,
    };
    ask::perform(config, Request::Ping).await?;
    let wish = Wish { target, destination, mode: args.mode, label: args.label.clone(), session };
    let now = Clock::system().now();
    let made = sessions::make(&apertur, wish, now).await.map_err(|error| failed(&error))?;
    // From here on nothing keeps the link from whoever asked for it.
    let kept = keep(config, &made.own).await;
    let drawn = match file {
        Some(file) => file.finish(&made.session.link).await,
        None => Ok(()),
    };
    let sent = match &messenger {
        // Nobody is sent to a session whose photos may go astray.
        Some(messenger) if kept.is_ok() => {
            Some(send::send(messenger, &made.own, args.language).await)
        }
        _ => None,
    };
    let told = tell(&made, sent.as_ref(), &args, now);
    let kept = kept.map_err(|error| not_kept(&error, messenger.is_some()));
    let verdict = sent.map_or(Ok(()), |sent| send::verdict(&sent, &made.own));
    first_of([kept, drawn, verdict, told])
}

fn not_kept(error: &Failure, was_to_be_sent: bool) -> Failure {
    let unsent = if was_to_be_sent { "; its link was not sent to anybody" } else { "" };
    Failure::Failed(anyhow::anyhow!(
        "the session works, but it could not be written down here: its photos go by its tags and \
         metadata alone{unsent} ({error})"
    ))
}

/// The first failure; the others are told at once.
fn first_of(all: impl IntoIterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
    let mut failures = all.into_iter().filter_map(Result::err);
    let first = failures.next();
    failures.for_each(|failure| remark(&failure.to_string()));
    first.map_or(Ok(()), Err)
}

/// The record, of a system that is configured.
fn known(config: &Config, target: Target) -> Result<Target, Failure> {
    let target = config.routes.named(target);
    if let Target::Ticket { ticket, .. } = target {
        return Err(Failure::Usage(format!(
            "ticket {ticket} may be one of several help desks; write for example zendesk:{ticket}"
        )));
    }
    let kinds = || config.routes.destinations.iter().map(|(_, kind)| *kind);
    if !kinds().any(|kind| target.belongs_to(kind)) {
        remark(&format!(
            "warning: no destination is configured that takes photos for {target}; they go to \
             storage alone, or are held as unrouted"
        ));
    }
    Ok(target)
}

/// Our destination whose record is meant, where one was named.
fn destination(
    config: &Config,
    args: &Args,
    target: &Target,
) -> Result<Option<DestinationName>, Failure> {
    let sender = args.send.as_deref().filter(|name| !name.is_empty());
    let Some(wanted) = args.destination.as_deref().or(sender) else { return Ok(None) };
    if sender.is_some_and(|sender| sender != wanted) {
        return Err(Failure::Usage(format!(
            "--send writes to the record that --destination means; leave its name out, or write \
             --send={wanted}"
        )));
    }
    match sessions::choose(&config.routes.destinations, target, wanted) {
        Ok(name) => Ok(Some(name)),
        // Who is to write says what is wrong with the name.
        Err(_) if args.destination.is_none() => Ok(None),
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

async fn new(
    config: &Config,
    apertur: &Apertur,
    args: &Args,
    target: &Target,
) -> Result<NewSession, Failure> {
    let end = args.expires_at.map(End::At).or(args.expires_in.map(|life| {
        match u8::try_from(life.as_hours()) {
            Ok(hours) if SignedDuration::from_hours(hours.into()) == life => End::Hours(hours),
            _ => End::At(Timestamp::now().saturating_add(life).unwrap_or(Timestamp::MAX)),
        }
    }));
    if let Some(tag) = args.tags.iter().find(|tag| sessions::names_other(tag, target)) {
        return Err(Failure::Usage(format!(
            "the tag {tag} names another record than --for {target}; leave it out"
        )));
    }
    Ok(NewSession {
        password: password(args).await?,
        destinations: places(config, apertur, &args.apertur_destinations).await?,
        long_polling: args.long_polling,
        tags: args.tags.clone(),
        end,
        max_images: args.max_images,
        media_types: args.allow_mime.clone(),
        max_dimension: args.max_dimension,
        metadata: None,
    })
}

/// The password as it was given; no refusal repeats it.
async fn password(args: &Args) -> Result<Option<SecretString>, Failure> {
    let given = match &args.password_file {
        None => args.password.clone(),
        Some(file) => {
            let path = file.clone();
            let text = blocking(move || if path == Path::new("-") { typed() } else { read(&path) });
            Some(text.await.map_err(|error| {
                let file = file.display();
                Failure::Failed(anyhow::anyhow!("{file} cannot be read: {error}"))
            })?)
        }
    };
    let checked = given.map(sessions::password).transpose();
    checked.map_err(|error| Failure::Usage(error.to_string()))
}

fn read(path: &Path) -> io::Result<SecretString> {
    Ok(line_of(&std::fs::read_to_string(path)?))
}

/// A line of standard input; on a terminal nobody sees it.
fn typed() -> io::Result<SecretString> {
    let text = if io::stdin().is_terminal() {
        rpassword::prompt_password("password for guests: ")?
    } else {
        let mut text = String::new();
        io::stdin().read_line(&mut text)?;
        text
    };
    Ok(line_of(&text))
}

fn line_of(text: &str) -> SecretString {
    SecretString::from(text.trim_end_matches(['\r', '\n']))
}

/// Apertur's ids of the destinations that are meant.
async fn places(
    config: &Config,
    apertur: &Apertur,
    named: &[String],
) -> Result<Vec<String>, Failure> {
    if named.is_empty() {
        return Ok(config.apertur.session_destinations.clone());
    }
    let Some(project) = &config.apertur.project_id else { return Ok(named.to_vec()) };
    let all = apertur.places(project).await.map_err(|error| failed(&error))?;
    let find = |wanted: &String| {
        let is_it = |place: &&Place| place.id == *wanted || place.name == *wanted;
        all.iter().find(is_it).map(|place| place.id.clone()).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|place| place.name.as_str()).collect();
            let names = names.join(", ");
            Failure::Usage(format!("the project has no destination `{wanted}`; it has {names}"))
        })
    };
    named.iter().map(find).collect()
}

/// What was made, with its link: it was asked for.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    about: About<'a>,
    session: &'a str,
    link: &'a str,
    short_link: Option<&'a str>,
    password_protected: bool,
    destinations: &'a [Place],
    /// Where the link was written, where it was to be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<&'a Sent>,
}

fn tell(made: &Made, sent: Option<&Sent>, args: &Args, now: Timestamp) -> Result<(), Failure> {
    let Made { own, session } = made;
    let about = About::new(own, now);
    let short_link = session.short_link.as_ref().filter(|short| **short != session.link);
    if args.json {
        json(&Row {
            about,
            session: own.session.reveal(),
            link: session.link.reveal(),
            short_link: short_link.map(|link| link.reveal()),
            password_protected: session.has_password,
            destinations: &session.destinations,
            sent,
        })?;
    } else {
        for text in about.lines() {
            line(&text)?;
        }
        line(&format!("link       {}", session.link.reveal()))?;
        if let Some(short) = short_link {
            line(&format!("in short   {}", short.reveal()))?;
        }
        if let Some(done) = sent.and_then(send::done) {
            line(&format!("sent       {done}"))?;
        }
        line("")?;
        line(&qr::text(&session.link)?)?;
    }
    if session.without_metadata {
        remark("note: Apertur took no metadata; tags and this bridge know the record");
    }
    if made.posts_nowhere() {
        remark(
            "warning: no destination of this session at Apertur posts to this bridge: its photos \
             come by an event webhook of the project, or late, by the check for photos that never \
             came; set apertur.session_destinations",
        );
    }
    Ok(())
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| {
        "the modes are contact, internal and public (on a ticket: client, internal and agent)"
            .to_owned()
    })
}

fn language(text: &str) -> Result<Language, String> {
    Language::parse(text).ok_or_else(|| "the languages are en, fr and es".to_owned())
}

fn life(text: &str) -> Result<SignedDuration, String> {
    let life = humantime::parse_duration(text).map_err(|_| "write for example 30m, 2h or 3d")?;
    let life = SignedDuration::try_from(life).map_err(|error| error.to_string())?;
    if life.is_zero() || life > LONGEST_LIFE {
        return Err("a session lasts longer than nothing and at most 7 days".to_owned());
    }
    Ok(life)
}

fn end(text: &str) -> Result<Timestamp, String> {
    let end: Timestamp = text.parse().map_err(|_| "write for example 2027-01-15T18:00:00Z")?;
    if end <= Timestamp::now() { Err("that is past".to_owned()) } else { Ok(end) }
}

/// Takes anything: what is refused on the command line is repeated there.
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_people_write_them() {
        assert_eq!(life("90m"), Ok(SignedDuration::from_mins(90)));
        for text in ["0s", "8d", "soon", "-1h"] {
            assert!(life(text).is_err(), "{text}");
        }
        assert!(end("2099-01-15T18:00:00Z").is_ok());
        assert!(end("2020-01-15T18:00:00Z").is_err() && end("soon").is_err());
    }
}
