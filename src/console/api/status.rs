//! `/status`: how the bridge stands.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, Scope, facts::Cause, operation::Operation, problem::Problem, query::Query};
use crate::{
    journal::{self, JournalError},
    model::{DeliveryState, Filter},
};

/// How long the journal may take before it counts as broken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Every state, in the order of a delivery's life.
const STATES: [DeliveryState; 6] = [
    DeliveryState::Waiting,
    DeliveryState::Due,
    DeliveryState::Sending,
    DeliveryState::Delivered,
    DeliveryState::Held,
    DeliveryState::Dropped,
];

/// How the bridge stands.
#[derive(Debug, Serialize, ToSchema)]
struct Status {
    /// The version that runs.
    version: &'static str,
    started_at: Timestamp,
    uptime_seconds: u64,
    journal: JournalStatus,
    /// How many deliveries stand where.
    deliveries: BTreeMap<&'static str, u64>,
    oldest_due: Option<OldestDue>,
    /// Destinations that get nothing now.
    paused: Vec<Pause>,
}

/// Whether the journal works.
#[derive(Debug, Serialize, ToSchema)]
struct JournalStatus {
    /// Whether it can be written.
    ok: bool,
}

/// The delivery that is due the longest.
#[derive(Debug, Serialize, ToSchema)]
struct OldestDue {
    due_at: Timestamp,
    age_seconds: u64,
}

/// Why and since when a destination gets nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pause {
    destination: String,
    since: Timestamp,
    cause: Cause,
}

impl From<&journal::Pause> for Pause {
    fn from(it: &journal::Pause) -> Self {
        let destination = it.destination.to_string();
        Self { destination, since: it.since, cause: Cause::from(&it.cause) }
    }
}

/// The operation `/status`.
pub(super) fn operations() -> Vec<Operation> {
    let show = ("showStatus", "Show how the bridge stands");
    let status = Operation::get("/status", Scope::Read, show, show_status);
    vec![status.gives::<Status>(200, "How it stands.")]
}

async fn show_status(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let ops = &api.ops;
    let written = tokio::time::timeout(PATIENCE, ops.journal.ping()).await;
    let silent = |_| JournalError::Unavailable("it does not answer".to_owned());
    let ok = written.map_err(silent).flatten().is_ok();
    let mut deliveries: BTreeMap<_, u64> = STATES.map(|state| (state.as_str(), 0)).into();
    for count in ops.count(&Filter::default()).await? {
        *deliveries.entry(count.state.as_str()).or_default() += count.count;
    }
    let now = ops.clock.now();
    let since = |at| u64::try_from(now.duration_since(at).as_secs()).unwrap_or_default();
    let oldest = ops.journal.oldest_due().await?;
    Ok(HttpResponse::Ok().json(Status {
        version: env!("CARGO_PKG_VERSION"),
        started_at: api.started_at,
        uptime_seconds: since(api.started_at),
        journal: JournalStatus { ok },
        deliveries,
        oldest_due: oldest.map(|due_at| OldestDue { due_at, age_seconds: since(due_at) }),
        paused: ops.journal.pauses().await?.iter().map(Pause::from).collect(),
    }))
}
