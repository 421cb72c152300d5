//! Readiness and metrics, for whoever reaches the listener.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::Console;
use crate::{
    journal::JournalError,
    telemetry::{Fact, Telemetry},
};

/// 200 while the journal can be written and read and there is room for photos, else 503.
pub(super) async fn ready(console: web::Data<Console>) -> HttpResponse {
    if console.ops().floor.low().is_some() {
        return unavailable("there is no room for new photos; see the daemon's log");
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
        Err(error) => without_journal(&error, console.telemetry()),
    }
}

fn unavailable(why: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable().json(json!({ "status": "unavailable", "error": why }))
}

/// What the journal says is for the log: here anybody asks.
fn without_journal(error: &JournalError, telemetry: &Telemetry) -> HttpResponse {
    telemetry.emit(&Fact::JournalFailed { room: "readiness", error: &error.to_string() });
    unavailable("the journal cannot be written or read now; see the daemon's log")
}

/// Every metric, in Prometheus' text form; also while the journal does not work: whoever watches
/// wants to know the rest all the more.
pub(super) async fn metrics(console: web::Data<Console>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(console.behind.measures.render().await)
}

#[cfg(test)]
mod tests {
    use actix_web::body;

    use super::*;

    #[actix_web::test]
    async fn who_asks_does_not_learn_what_the_journal_says() {
        let error = JournalError::Damaged("/var/lib/journal.db: page 7".to_owned());
        let answer = without_journal(&error, &Telemetry::default());
        assert_eq!(answer.status(), 503);
        let body = body::to_bytes(answer.into_body()).await.unwrap_or_default();
        let told = r#"{"error":"the journal cannot be written or read now; see the daemon's log","#;
        assert_eq!(body, format!(r#"{told}"status":"unavailable"}}"#));
    }
}
