//! `/destinations`: where photos go, how that stands, and a test of it.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{ToSchema, openapi::Required};

use super::{
    Api, Scope, body, facts::Finding, operation::Operation, problem::Problem, query::Query,
    status::Pause,
};
use crate::{
    console::standing::{Standing, standings},
    model::{Filter, Severity, Target},
};

/// Longest wait for a test.
const PATIENCE: Duration = Duration::from_mins(2);

/// The destinations.
#[derive(Debug, Serialize, ToSchema)]
struct Destinations {
    /// In the order of the configuration.
    items: Vec<Destination>,
}

/// A place that takes photos.
#[derive(Debug, Serialize, ToSchema)]
struct Destination {
    /// Its name: the `erp` of `[destination.erp]`.
    name: String,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(example = "odoo")]
    kind: &'static str,
    /// Where it points.
    place: String,
    /// Deliveries that are there.
    delivered: u64,
    /// Deliveries that are waiting, due or being sent.
    underway: u64,
    /// Deliveries that wait for a person.
    held: u64,
    /// Whether somebody has to log in first: `apertur-bridge destinations login NAME`.
    login_needed: bool,
    /// When a photo was delivered last, of those that are still known.
    last_delivered_at: Option<Timestamp>,
    /// Why it gets nothing now, if it does not.
    paused: Option<Pause>,
}

impl From<Standing> for Destination {
    fn from(it: Standing) -> Self {
        Self {
            name: it.name.to_string(),
            kind: it.kind.as_str(),
            place: it.place,
            delivered: it.delivered,
            underway: it.underway,
            held: it.held,
            login_needed: it.login_needed,
            last_delivered_at: it.last,
            paused: it.pause.as_ref().map(Pause::from),
        }
    }
}

/// What to test with.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Test {
    /// The record to write to, for types that have records.
    #[serde(default)]
    #[schema(example = "odoo:res.partner:42")]
    target: Option<String>,
}

/// What a test found.
#[derive(Debug, Serialize, ToSchema)]
struct Tested {
    /// Whether photos would be taken.
    ok: bool,
    findings: Vec<Finding>,
}

/// The operations below `/destinations`.
pub(super) fn operations() -> Vec<Operation> {
    let list = ("listDestinations", "List destinations and how they stand");
    let test = ("testDestination", "Write something small to a destination and remove it again");
    vec![
        Operation::get("/destinations", Scope::Read, list, self::list)
            .gives::<Destinations>(200, "The destinations."),
        Operation::post("/destinations/{destination}/test", Scope::Operate, test, self::test)
            .takes::<Test>(Required::False)
            .gives::<Tested>(200, "What was found, also where it does not work.")
            .fails(504, "The destination takes too long."),
    ]
}

async fn list(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let counts = api.ops.count(&Filter::default()).await?;
    let setup = api.setup.load();
    let all = standings(&api.ops, &setup.destinations, &counts).await?;
    let items = all.into_iter().map(Destination::from).collect();
    Ok(HttpResponse::Ok().json(Destinations { items }))
}

async fn test(
    request: HttpRequest,
    part: web::Path<String>,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let setup = api.setup.load();
    let mut known = setup.destinations.iter();
    let found = known.find(|place| place.name.as_str() == *part).ok_or_else(|| {
        Problem::not_found("there is no destination of that name", "see /api/v1/destinations")
    })?;
    let destination = Arc::clone(&found.destination);
    let Test { target } = body::optional(&request, payload).await?.unwrap_or_default();
    let parse = |text: String| {
        let fix = "write for example odoo:res.partner:42";
        text.parse::<Target>().map_err(|_| Problem::invalid("target", "is not a target", fix))
    };
    let target = target.map(parse).transpose()?;
    let place = api.place_to_test()?;
    let work = async move {
        let findings = destination.test(target.as_ref()).await;
        drop(place);
        findings
    };
    let findings = api.finished(work, PATIENCE).await?;
    let ok = findings.iter().all(|finding| finding.severity < Severity::Error);
    let findings = findings.into_iter().map(Finding::from).collect();
    Ok(HttpResponse::Ok().json(Tested { ok, findings }))
}
