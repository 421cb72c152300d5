//! Where the photo of an example would go, and why. The door reads it, the routes plan it, the
//! destinations say what they would make of it; here it is only put together.

use std::path::Path;

use serde::Serialize;

use super::story;
use crate::{
    apertur::{Apertur, FetchFailure},
    cli::{
        output::{Failure, json},
        webhook::{headers::headers, read_body},
    },
    config::Config,
    destinations::Destination,
    http::Http,
    intake, journal,
    model::{
        Cause, Delivery, DeliveryId, DeliveryState, DestinationName, Kind, OwnSession, Photo,
        Planned, Receipt, Target,
    },
    receive::{
        NamedBy, Status,
        example::{self, Around, Example, Reading, Unreadable, Whereabouts},
    },
    route::{Reason, Route},
    serve,
    spool::{Spool, Stored, blocking},
    system::Clock,
};

/// What there is to say about an example.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    pub(super) photo: Photo,
    pub(super) named_by: Option<NamedBy>,
    pub(super) bytes: Whereabouts,
    /// Whether the journal has the photo, so that the webhook would answer `duplicate`.
    pub(super) known: bool,
    pub(super) remarks: Vec<String>,
    pub(super) routes: Vec<Rule>,
    pub(super) destinations: Vec<Way>,
    /// Why the photo would be held for want of a destination.
    pub(super) held: Option<Cause>,
}

/// A route, held against the photo.
#[derive(Debug, Serialize)]
pub(super) struct Rule {
    /// Its number in the configuration, from 1.
    pub(super) route: usize,
    pub(super) to: Vec<DestinationName>,
    pub(super) matches: bool,
    pub(super) conditions: Vec<Term>,
}

/// One of its conditions.
#[derive(Debug, Serialize)]
pub(super) struct Term {
    pub(super) key: &'static str,
    /// Left out for a session: its id works like a password.
    pub(super) pattern: Option<String>,
    pub(super) met: bool,
}

/// A destination and what becomes of the photo there.
#[derive(Debug, Serialize)]
pub(super) struct Way {
    pub(super) name: DestinationName,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) place: String,
    /// Whether a delivery to it is made.
    pub(super) reached: bool,
    pub(super) why: String,
    /// What is known of the receipt before anybody is asked.
    pub(super) receipt: Option<Receipt>,
    /// Why that delivery would be held at once.
    pub(super) refused: Option<Cause>,
}

/// Explains the request in a file.
pub(super) async fn run(
    config: &Config,
    file: &Path,
    given: &[(String, String)],
    as_json: bool,
) -> Result<(), Failure> {
    let headers = headers(given, None)?;
    let body = read_body(Some(file))?;
    let no_json = serde_json::from_slice::<serde::de::IgnoredAny>(&body).err();
    // The way of a picture goes through a spool, which must not be the daemon's.
    let (_kept, spool) = blocking(|| {
        let folder = tempfile::tempdir()?;
        Spool::open(folder.path()).map(|spool| (folder, spool))
    })
    .await?;
    let mut remarks = Vec::new();
    let journal = journal::open_if_there(&config.journal).await.unwrap_or_else(|error| {
        remarks.push(format!("what is in the journal was not looked at: {error:#}"));
        None
    });
    let around = Around {
        spool: &spool,
        journal: journal.clone(),
        routes: &config.routes,
        max_body: config.receive.max_body,
        now: Clock::system().now(),
    };
    let reading = match example::read(&headers, body, &around).await {
        Ok(Example::Photo(reading)) => *reading,
        Ok(Example::Ignored { topic }) => return Err(ignored(&topic)),
        Err(unreadable) => return Err(unread(&unreadable, no_json.filter(|_| given.is_empty()))),
    };
    let (reading, shut) = open(config, reading, &spool).await?;
    let known = match &journal {
        Some(journal) => journal.knows_photo(&reading.photo.id).await?.is_some(),
        None => false,
    };
    let own = match &journal {
        Some(journal) => intake::session_of(journal.as_ref(), &reading.photo).await?,
        None => None,
    };
    let explained = explain(config, (reading, own.as_ref()), shut, remarks)?;
    let explained = Explained { known, ..explained };
    if as_json { json(&explained) } else { story::tell(&explained) }
}

/// Opens a photo that came in an envelope as the collector would; gives why it stays shut, too.
async fn open(
    config: &Config,
    mut reading: Reading,
    spool: &Spool,
) -> Result<(Reading, Option<Cause>), Failure> {
    let Some(envelope) = reading.envelope else { return Ok((reading, None)) };
    let apertur = Apertur::new(Http::new()?, config.apertur.clone(), Clock::system())?;
    match apertur.open(envelope, spool).await {
        Ok(Stored { sha256, size, media_type }) => {
            reading.photo.sha256 = Some(sha256);
            reading.photo.size = Some(size);
            reading.photo.media_type = media_type.map(ToOwned::to_owned);
            Ok((reading, None))
        }
        Err(FetchFailure::Held { cause } | FetchFailure::Later { cause, .. }) => {
            Ok((reading, Some(cause)))
        }
    }
}

/// Why no destination gets a photo that is in doubt.
const LOOKED_AT: &str = "it is held until a person has looked";

fn ignored(topic: &str) -> Failure {
    Failure::Failed(anyhow::anyhow!(
        "the topic {topic:?} carries no photo: the webhook answers 200 `ignored` and keeps \
         nothing; photos come with image.uploaded and image.delivered, or inside the request"
    ))
}

fn unread(why: &Unreadable, no_json: Option<serde_json::Error>) -> Failure {
    let place = no_json.map_or(String::new(), |error| format!(" ({error})"));
    let fix = match why.status {
        Status::Malformed | Status::Unsupported => {
            "; give the body of a request byte by byte, and where it is no JSON its form with \
             --header 'Content-Type: ...'"
        }
        _ => "",
    };
    let word = why.status.as_str();
    Failure::Failed(anyhow::anyhow!("the webhook would answer `{word}`: {why}{place}{fix}"))
}

fn explain(
    config: &Config,
    (reading, own): (Reading, Option<&OwnSession>),
    shut: Option<Cause>,
    mut remarks: Vec<String>,
) -> Result<Explained, Failure> {
    let Reading { photo, named_by, bytes, doubt, remark, .. } = reading;
    remarks.extend(remark);
    if photo.media_type.is_none() {
        remarks
            .push("its type is read from its bytes once they are here; `bin` stands for it".into());
    }
    let routes = &config.routes;
    let (plan, held) = match &doubt {
        Some(doubt) => (Vec::new(), Some(doubt.clone())),
        None => intake::planned(routes, &photo, own),
    };
    let reasons = routes.reasons(&photo, own);
    let ways = serve::destinations(config)?.into_iter().zip(&reasons);
    let destinations = ways.map(|((name, destination), reason)| {
        let planned = plan.iter().find(|planned| planned.destination.as_ref() == Some(&name));
        let way = way(&photo, name, destination.as_ref(), (*reason, planned));
        let way = if doubt.is_none() { way } else { Way { why: LOOKED_AT.to_owned(), ..way } };
        // What stays shut is tried nowhere.
        match shut.clone().filter(|_| way.reached) {
            Some(cause) => Way { receipt: None, refused: Some(cause), ..way },
            None => way,
        }
    });
    let destinations = destinations.collect();
    if held.is_none() {
        let odd = journal::misnamed(photo.target.as_ref(), &photo.tags);
        remarks.extend(odd.map(|cause| cause.to_string()));
    }
    let rules = routes.rules.iter().enumerate();
    let routes = rules.map(|(at, rule)| judged(at, rule, &photo)).collect();
    let known = false;
    Ok(Explained { photo, named_by, bytes, known, remarks, routes, destinations, held })
}

fn judged(at: usize, rule: &Route, photo: &Photo) -> Rule {
    let conditions = rule.when.conditions(photo);
    let matches = conditions.iter().all(|condition| condition.is_met);
    let term = |condition: &crate::route::Condition<'_>| Term {
        key: condition.key,
        pattern: (condition.key != "session").then(|| condition.pattern.to_string()),
        met: condition.is_met,
    };
    let conditions = conditions.iter().map(term).collect();
    Rule { route: at + 1, to: rule.to.clone(), matches, conditions }
}

fn way(
    photo: &Photo,
    name: DestinationName,
    destination: &dyn Destination,
    (reason, planned): (Reason, Option<&Planned>),
) -> Way {
    let kind = destination.kind();
    let outcome = planned.map(|planned| match destination.limits().refusal(&name, photo.size) {
        Some(cause) => Err(cause),
        None => destination
            .preview(&delivery(photo, planned))
            .map_err(|failure| failure.cause().clone()),
    });
    let (receipt, refused) = match outcome {
        None => (None, None),
        Some(Ok(receipt)) => (Some(receipt), None),
        Some(Err(cause)) => (None, Some(cause)),
    };
    let (place, reached) = (destination.place(), planned.is_some());
    Way {
        why: because(reason, kind, photo.target.as_ref()),
        name,
        kind,
        place,
        reached,
        receipt,
        refused,
    }
}

fn because(reason: Reason, kind: Kind, target: Option<&Target>) -> String {
    match (reason, target) {
        (Reason::TakesAll, _) => format!("without routes every photo goes to {kind}"),
        (Reason::OfTarget, Some(target)) => format!("without routes {target} goes to {kind}"),
        (Reason::Rule(at), _) => format!("route {} matches", at + 1),
        (Reason::NoRule, _) => "no route that matches names it".to_owned(),
        (Reason::OtherSystem, _) => {
            "its session is for the record of another destination of this type".to_owned()
        }
        (Reason::WhichDesk, _) => "nobody knows which help desk has that ticket".to_owned(),
        (Reason::OtherTarget, Some(target)) => format!("{target} is nothing of {kind}"),
        (Reason::OtherTarget | Reason::OfTarget, None) => "the photo names no record".to_owned(),
    }
}

/// The delivery that would be made.
fn delivery(photo: &Photo, planned: &Planned) -> Delivery {
    let Planned { destination, target, mode } = planned.clone();
    let at = photo.received_at;
    Delivery {
        id: DeliveryId(0),
        photo: photo.clone(),
        destination,
        target,
        mode,
        state: DeliveryState::Waiting,
        attempts: 0,
        due_at: at,
        since: at,
        unsure: false,
        steps: Vec::new(),
        cause: None,
        receipt: None,
        settled_at: None,
    }
}
