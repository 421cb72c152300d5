//! The operator's listener: readiness and metrics.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::ops::measure::Measures;

/// Adds the console's pages.
pub(super) fn configure(app: &mut web::ServiceConfig) {
    app.route("/readyz", web::get().to(ready)).route("/metrics", web::get().to(metrics));
}

/// 200 while the journal can be written and read, else 503.
async fn ready(measures: web::Data<Measures>) -> HttpResponse {
    match measures.ready().await {
        Ok(queue) => {
            let paused: Vec<_> = queue.paused.iter().map(|(name, _)| name).collect();
            HttpResponse::Ok().json(json!({
                "status": "ready",
                "oldest_due_seconds": queue.oldest_due_seconds,
                "paused": paused,
            }))
        }
        Err(error) => HttpResponse::ServiceUnavailable()
            .json(json!({ "status": "unavailable", "error": error.to_string() })),
    }
}

/// Also while the journal does not work: whoever watches wants to know the rest all the more.
async fn metrics(measures: web::Data<Measures>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(measures.render().await)
}
