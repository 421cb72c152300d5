//! Readiness and metrics, for whoever reaches the listener.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::Console;

/// 200 while the journal can be written and read and there is room for photos, else 503.
pub(super) async fn ready(console: web::Data<Console>) -> HttpResponse {
    let unavailable = |error: &dyn ToString| {
        HttpResponse::ServiceUnavailable()
            .json(json!({ "status": "unavailable", "error": error.to_string() }))
    };
    if let Some(low) = console.ops().floor.low() {
        return unavailable(&low);
    }
    match console.behind.measures.ready().await {
        Ok(queue) => {
            let paused: Vec<_> = queue.paused.iter().map(|(name, _)| name).collect();
            HttpResponse::Ok().json(json!({
                "status": "ready",
                "oldest_due_seconds": queue.oldest_due_seconds,
                "paused": paused,
            }))
        }
        Err(error) => unavailable(&error),
    }
}

/// Every metric, in Prometheus' text form; also while the journal does not work: whoever watches
/// wants to know the rest all the more.
pub(super) async fn metrics(console: web::Data<Console>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(console.behind.measures.render().await)
}
