//! Readiness and metrics, for whoever reaches the listener.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::Console;
use crate::{
    journal::JournalError,
    model::{DestinationName, Filter},
    ops::Ops,
    telemetry::Gauges,
};

/// How long the journal may take before it counts as not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// 200 while the journal can be written and read and there is room for photos, else 503.
pub(super) async fn ready(console: web::Data<Console>) -> HttpResponse {
    let ops = console.ops();
    let written = tokio::time::timeout(PATIENCE, ops.journal.ping()).await;
    let silent = |_| JournalError::Unavailable("it does not answer".to_owned());
    if let Some(low) = ops.floor.low() {
        return HttpResponse::ServiceUnavailable()
            .json(json!({ "status": "unavailable", "error": low.to_string() }));
    }
    let gauges = match written.map_err(silent).flatten() {
        Ok(()) => gauges(ops).await,
        Err(error) => Err(error),
    };
    match gauges {
        Ok(gauges) => HttpResponse::Ok().json(json!({
            "status": "ready",
            "oldest_due_seconds": gauges.oldest_due_seconds,
            "paused": gauges.paused,
        })),
        Err(error) => HttpResponse::ServiceUnavailable()
            .json(json!({ "status": "unavailable", "error": error.to_string() })),
    }
}

/// Every metric, in Prometheus' text form.
pub(super) async fn metrics(console: web::Data<Console>) -> HttpResponse {
    let ops = console.ops();
    match gauges(ops).await {
        Ok(gauges) => HttpResponse::Ok()
            .content_type("text/plain; version=0.0.4; charset=utf-8")
            .body(ops.telemetry.render(&gauges)),
        Err(error) => HttpResponse::ServiceUnavailable().body(error.to_string()),
    }
}

async fn gauges(ops: &Ops) -> Result<Gauges, JournalError> {
    let counts = ops.count(&Filter::default()).await?;
    let oldest = ops.journal.oldest_due().await?;
    let age = oldest.map_or(0.0, |at| ops.clock.now().duration_since(at).as_secs_f64());
    let paused = ops.journal.pauses().await?.into_iter().map(|pause| pause.destination);
    let mut deliveries: Vec<(String, &'static str, u64)> = Vec::new();
    for count in counts {
        let name = count.destination.as_ref().map_or("", DestinationName::as_str);
        let state = count.state.as_str();
        // The counts are split by error as well and sorted, so equal ones are neighbours.
        match deliveries.last_mut() {
            Some((known, at, sum)) if known == name && *at == state => *sum += count.count,
            _ => deliveries.push((name.to_owned(), state, count.count)),
        }
    }
    let (oldest_due_seconds, paused) = (age.max(0.0), paused.collect());
    Ok(Gauges { deliveries, oldest_due_seconds, now: ops.clock.now(), paused })
}
