//! `/deliveries/replay` and the other verbs, and `/runs`: what becomes of them.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{ToSchema, openapi::Required};

use super::{
    Api, Scope, body, caller,
    operation::Operation,
    problem::Problem,
    query::{Query, State, Wanted},
};
use crate::model::{self, By, Filter, Reason, RunId, Verb};

/// Runs that are shown unless something else is asked for.
const PAGE: usize = 50;

/// The header that says where the run is, for the document.
const LOCATION: (&str, &str) = ("Location", "The address of the run.");

/// Which deliveries are to be changed, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Which deliveries.
    #[serde(default)]
    filter: Wanted,
    /// Needed where the filter is empty: every delivery.
    #[serde(default)]
    all: bool,
    /// Only say what would become of them; nothing is changed.
    #[serde(default)]
    dry_run: bool,
}

/// Which deliveries are to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// Which deliveries.
    #[serde(default)]
    filter: Wanted,
    /// Needed where the filter is empty: every delivery.
    #[serde(default)]
    all: bool,
    /// Only say what would become of them; nothing is changed.
    #[serde(default)]
    dry_run: bool,
    /// Also those that are delivered; what is there is found and not doubled.
    #[serde(default)]
    force: bool,
}

/// Which deliveries are to be held.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Hold {
    /// Which deliveries.
    #[serde(default)]
    filter: Wanted,
    /// Needed where the filter is empty: every delivery.
    #[serde(default)]
    all: bool,
    /// Only say what would become of them; nothing is changed.
    #[serde(default)]
    dry_run: bool,
    /// Why, in one line.
    #[schema(min_length = 1, max_length = 300)]
    reason: Option<String>,
}

/// Which deliveries are to be given up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Drop {
    /// Which deliveries.
    #[serde(default)]
    filter: Wanted,
    /// Needed where the filter is empty: every delivery.
    #[serde(default)]
    all: bool,
    /// Only say what would become of them; nothing is changed.
    #[serde(default)]
    dry_run: bool,
    /// Why, in one line.
    #[schema(min_length = 1, max_length = 300)]
    reason: String,
}

/// What a change would do now.
#[derive(Debug, Serialize, ToSchema)]
struct Preview {
    /// How many would be changed.
    changes: u64,
    /// How many would be left as they are.
    left: u64,
    /// The same by sort.
    items: Vec<Foreseen>,
}

/// What a change would do now with deliveries of a sort.
#[derive(Debug, Serialize, ToSchema)]
struct Foreseen {
    /// Their destination; null for photos that no destination wants.
    destination: Option<String>,
    #[schema(value_type = State)]
    state: &'static str,
    /// The kind of their last error, if there was one.
    error: Option<&'static str>,
    /// Why they would be left as they are; null: they would be changed.
    left: Option<&'static str>,
    count: u64,
}

/// The latest runs.
#[derive(Debug, Serialize, ToSchema)]
struct Runs {
    /// The newest first.
    items: Vec<Run>,
}

/// A change of deliveries, carried out page by page through any restart.
#[derive(Debug, Serialize, ToSchema)]
struct Run {
    /// Its number.
    id: i64,
    /// `replay`, `hold`, `release` or `drop`.
    verb: &'static str,
    /// Whether a replay takes what is delivered, too.
    force: bool,
    /// Why, where a reason was given.
    reason: Option<String>,
    /// With which deliveries; sessions by their marks.
    filter: Wanted,
    /// Who asked for it.
    by: String,
    started_at: Timestamp,
    /// When it was done or stopped.
    ended_at: Option<Timestamp>,
    /// `running`, `stopped` or `done`.
    state: &'static str,
    /// How many deliveries matched when it began.
    matching: u64,
    /// How many were changed.
    done: u64,
    /// Of these, those whose photo is fetched again first.
    fetching: u64,
    /// Of these, those that go where the routes say now.
    routed: u64,
    /// How many were left as they were, by reason.
    left: BTreeMap<&'static str, u64>,
    /// How many could not be read or changed.
    failed: u64,
}

impl From<model::Run> for Run {
    fn from(it: model::Run) -> Self {
        Self {
            id: it.id.0,
            verb: it.verb.as_str(),
            force: matches!(it.verb, Verb::Replay { force: true }),
            reason: it.verb.reason().map(|reason| reason.as_str().to_owned()),
            filter: Wanted::from(&it.filter),
            by: it.by.to_string(),
            started_at: it.started_at,
            ended_at: it.ended_at,
            state: it.state.as_str(),
            matching: it.matching,
            done: it.tally.done,
            fetching: it.tally.fetching,
            routed: it.tally.routed,
            left: it.tally.left.iter().map(|(why, count)| (why.as_str(), *count)).collect(),
            failed: it.tally.failed,
        }
    }
}

impl From<model::Preview> for Preview {
    fn from(it: model::Preview) -> Self {
        let foreseen = |one: &model::Foreseen| Foreseen {
            destination: one.destination.as_ref().map(ToString::to_string),
            state: one.state.as_str(),
            error: one.error.map(model::ErrorKind::as_str),
            left: one.left.map(model::Left::as_str),
            count: one.count,
        };
        Self { changes: it.changes, left: it.left, items: it.counts.iter().map(foreseen).collect() }
    }
}

/// The operations that change deliveries, and those of runs.
pub(super) fn operations() -> Vec<Operation> {
    let changes = |operation: Operation| {
        operation
            .gives::<Preview>(200, "What it would do; nothing was changed (`dry_run`).")
            .gives_with::<Run>(202, "It was written down and is carried out.", LOCATION)
    };
    let replay = ("replayDeliveries", "Send deliveries again; what is there is found, not doubled");
    let hold = ("holdDeliveries", "Hold deliveries until a person releases them");
    let release = ("releaseDeliveries", "Let deliveries go on that a person held");
    let drop = ("dropDeliveries", "Give deliveries up for good");
    let list = ("listRuns", "List the latest runs");
    let show = ("showRun", "Show a run");
    let stop = ("stopRun", "Stop a run behind the page it is at");
    let resume = ("resumeRun", "Let a stopped run go on where it was");
    vec![
        changes(Operation::post("/deliveries/replay", Scope::Operate, replay, self::replay))
            .takes::<Replay>(Required::True),
        changes(Operation::post("/deliveries/hold", Scope::Operate, hold, self::hold))
            .takes::<Hold>(Required::True),
        changes(Operation::post("/deliveries/release", Scope::Operate, release, self::release))
            .takes::<Change>(Required::True),
        changes(Operation::post("/deliveries/drop", Scope::Operate, drop, self::drop))
            .takes::<Drop>(Required::True),
        Operation::get("/runs", Scope::Read, list, self::list).gives::<Runs>(200, "The runs."),
        Operation::get("/runs/{run}", Scope::Read, show, self::show)
            .gives::<Run>(200, "The run as it stands."),
        Operation::post("/runs/{run}/stop", Scope::Operate, stop, self::stop)
            .gives::<Run>(200, "The run as it stands."),
        Operation::post("/runs/{run}/resume", Scope::Operate, resume, self::resume)
            .gives::<Run>(200, "The run as it stands."),
    ]
}

async fn replay(
    request: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    let Replay { filter, all, dry_run, force } = body::required(&request, payload).await?;
    api.change(&request, Verb::Replay { force }, &filter, (all, dry_run)).await
}

async fn hold(
    request: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    let Hold { filter, all, dry_run, reason } = body::required(&request, payload).await?;
    let reason = reason.as_deref().map(self::reason).transpose()?.unwrap_or_default();
    api.change(&request, Verb::Hold { reason }, &filter, (all, dry_run)).await
}

async fn release(
    request: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    let Change { filter, all, dry_run } = body::required(&request, payload).await?;
    api.change(&request, Verb::Release, &filter, (all, dry_run)).await
}

async fn drop(
    request: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    let Drop { filter, all, dry_run, reason } = body::required(&request, payload).await?;
    let reason = self::reason(&reason)?;
    api.change(&request, Verb::Drop { reason }, &filter, (all, dry_run)).await
}

fn reason(text: &str) -> Result<Reason, Problem> {
    Reason::parse(text)
        .map_err(|error| Problem::invalid("reason", error.to_string(), "say in one line why"))
}

async fn list(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let runs = api.ops.runs(PAGE).await?;
    Ok(HttpResponse::Ok().json(Runs { items: runs.into_iter().map(Run::from).collect() }))
}

async fn show(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    answer(api.ops.run(meant(&request, &part)?).await?)
}

async fn stop(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    answer(api.ops.stop(meant(&request, &part)?).await?)
}

async fn resume(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    answer(api.ops.resume(meant(&request, &part)?).await?)
}

/// The run that an address means, which has no query.
fn meant(request: &HttpRequest, part: &str) -> Result<RunId, Problem> {
    Query::read(request.query_string(), &[])?;
    let wrong = |_| Problem::invalid("run", "is no number of a run", "write digits");
    part.parse().map(RunId).map_err(wrong)
}

fn answer(run: Option<model::Run>) -> Result<HttpResponse, Problem> {
    let missing = || Problem::not_found("there is no run of that number", "see /api/v1/runs");
    run.map(|run| HttpResponse::Ok().json(Run::from(run))).ok_or_else(missing)
}

impl Api {
    /// Begins a change, or says what it would do.
    async fn change(
        &self,
        request: &HttpRequest,
        verb: Verb,
        wanted: &Wanted,
        (all, dry_run): (bool, bool),
    ) -> Result<HttpResponse, Problem> {
        Query::read(request.query_string(), &[])?;
        let filter = self.filter(wanted).await?;
        if filter == Filter::default() && !all {
            let what = "an empty filter matches every delivery";
            let fix = "say which deliveries, or set `all` to true";
            return Err(Problem::invalid("filter", what, fix));
        }
        if dry_run {
            let preview = self.ops.preview(&verb, &filter).await?;
            return Ok(HttpResponse::Ok().json(Preview::from(preview)));
        }
        let by = By::new(&caller(request).map(|caller| caller.name).unwrap_or_default());
        let run = self.ops.begin(verb, filter, by).await?;
        let address = format!("/api/v1/runs/{}", run.id);
        let mut response = HttpResponse::Accepted();
        Ok(response.insert_header((header::LOCATION, address)).json(Run::from(run)))
    }
}
