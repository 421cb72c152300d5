//! Making a session: kept before anybody is shown its link.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Api, PATIENCE, Problem, Session, Shown};
use crate::{
    apertur::{Apertur, ApiError, End, NewSession},
    console::api::{body, query},
    model::{Mode, SessionLink, Target},
    ops::Ops,
    route::Routes,
    sessions::{self, LONGEST_LIFE, Made, Wish},
    telemetry::Fact,
};

/// The header that says where the session is, for the document.
pub(super) const LOCATION: (&str, &str) = ("Location", "The address of the session.");

/// A session that somebody wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wished {
    /// The record that its photos belong to.
    #[schema(example = "odoo:res.partner:42")]
    target: String,
    /// The destination whose record is meant, where several take photos for it.
    destination: Option<String>,
    /// How visible its photos are: contact, internal, public; on tickets also client, agent.
    mode: Option<String>,
    /// What to call it here, 1 to 100 characters; Apertur is not told.
    label: Option<String>,
    /// Most photos.
    #[schema(minimum = 1)]
    max_images: Option<u32>,
    /// When it ends, at most 7 days from now; as long as Apertur lets it without.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What guests have to type, 4 to 128 characters.
    #[schema(value_type = Option<String>, write_only, min_length = 4, max_length = 128)]
    password: Option<SecretString>,
    /// The types of picture that are taken: jpeg, png, webp, heic.
    #[serde(default)]
    media_types: Vec<String>,
    /// Longest side of a photo in pixels; Apertur shrinks larger ones.
    #[schema(minimum = 1)]
    max_dimension: Option<u32>,
    /// More tags, `key:value`.
    #[serde(default)]
    tags: Vec<String>,
    /// Whether its photos wait at Apertur until they are polled for; as `apertur.poll` without.
    long_polling: Option<bool>,
}

/// `POST /sessions`.
pub(super) async fn make(
    request: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    query::Query::read(request.query_string(), &[])?;
    let wished: Wished = body::required(&request, payload).await?;
    let (apertur, ops) = (api.apertur.clone(), api.ops.clone());
    let now = ops.clock.now();
    let places = apertur.settings().session_destinations.clone();
    let wish = wished.read(&ops.routes.load(), places, now)?;
    api.may_ask_apertur()?;
    // What cannot be written down is better not made.
    ops.journal.ping().await?;
    let made = api.finished(async move { kept(&apertur, &ops, wish).await }, PATIENCE).await??;
    let session = Session::new(&made.own, now);
    let address = format!("/api/v1/sessions/{}", session.mark);
    let link = made.own.link.as_ref().map(SessionLink::reveal).map(ToOwned::to_owned);
    let mut response = HttpResponse::Created();
    Ok(response.insert_header((header::LOCATION, address)).json(Shown { session, link }))
}

/// Makes a session and keeps it; one that cannot be kept is closed again.
pub(in crate::console) async fn kept(
    apertur: &Apertur,
    ops: &Ops,
    wish: Wish,
) -> Result<Made, Problem> {
    let now = ops.clock.now();
    let made = sessions::make(apertur, wish, now).await.map_err(|error| refused(&error))?;
    if let Err(error) = ops.keep_session(made.own.clone()).await {
        drop(sessions::close(apertur, &made.own, now).await);
        return Err(error.into());
    }
    ops.telemetry.emit(&Fact::SessionMade {
        session: &made.own.session,
        target: &made.own.target,
        posts_nowhere: made.posts_nowhere(),
    });
    Ok(made)
}

fn refused(error: &ApiError) -> Problem {
    if error.passes() || error.unsure {
        Problem::unavailable(&error.cause)
    } else {
        Problem::refused(&error.cause)
    }
}

impl Wished {
    fn read(self, routes: &Routes, places: Vec<String>, now: Timestamp) -> Result<Wish, Problem> {
        let target = target(&self.target, routes)?;
        let destination = self.destination.as_deref().map(|wanted| {
            sessions::choose(&routes.destinations, &target, wanted)
                .map_err(|error| Problem::invalid("destination", error.to_string(), LEAVE_OUT))
        });
        let mode = self.mode.as_deref().map(|text| {
            let fix =
                "the modes are contact, internal and public; on a ticket client and agent too";
            Mode::parse(text).ok_or_else(|| Problem::invalid("mode", "is no mode", fix))
        });
        let label = self.label.as_deref().map(sessions::label).transpose();
        let label = label.map_err(|error| Problem::invalid("label", error.to_string(), LEAVE_OUT));
        let password = self.password.map(sessions::password).transpose();
        let password =
            password.map_err(|error| Problem::invalid("password", error.to_string(), LEAVE_OUT));
        if let Some(tag) = self.tags.iter().find(|tag| sessions::names_other(tag, &target)) {
            let what = format!("the tag {tag} names another record than {target}");
            return Err(Problem::invalid("tags", what, LEAVE_OUT));
        }
        let pictures: Result<_, _> =
            self.media_types.iter().map(|text| sessions::picture(text)).collect();
        let pictures: Result<Vec<_>, sessions::InvalidPicture> = pictures;
        let session = NewSession {
            password: password?,
            destinations: places,
            long_polling: self.long_polling,
            tags: self.tags,
            end: self.expires_at.as_deref().map(|text| end(text, now)).transpose()?,
            max_images: positive("max_images", self.max_images)?,
            media_types: pictures
                .map_err(|error| Problem::invalid("media_types", error.to_string(), LEAVE_OUT))?,
            max_dimension: positive("max_dimension", self.max_dimension)?,
            metadata: None,
        };
        let (destination, mode) = (destination.transpose()?, mode.transpose()?);
        Ok(Wish { target, destination, mode, label: label?, session })
    }
}

const LEAVE_OUT: &str = "correct it or leave it out";

/// The record, of a help desk that is known.
fn target(text: &str, routes: &Routes) -> Result<Target, Problem> {
    let fix = "write for example odoo:res.partner:42, freshdesk:17 or zendesk:9";
    let target = text.parse().map_err(|_| Problem::invalid("target", "is not a target", fix))?;
    match routes.named(target) {
        Target::Ticket { .. } => {
            let what = "may be a ticket of one of several help desks";
            Err(Problem::invalid("target", what, "name the help desk, as in zendesk:9"))
        }
        target => Ok(target),
    }
}

fn positive(field: &str, number: Option<u32>) -> Result<Option<u32>, Problem> {
    match number {
        Some(0) => Err(Problem::invalid(field, "is 0", "write 1 or more, or leave it out")),
        number => Ok(number),
    }
}

fn end(text: &str, now: Timestamp) -> Result<End, Problem> {
    let at = query::time("expires_at", text)?;
    let life: SignedDuration = at.duration_since(now);
    if life.is_positive() && life <= LONGEST_LIFE {
        return Ok(End::At(at));
    }
    let what = "a session ends after now and within 7 days";
    Err(Problem::invalid("expires_at", what, LEAVE_OUT))
}
