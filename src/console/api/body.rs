//! JSON bodies: short, whole, and of a type whose fields are all known.

use std::time::Duration;

use actix_web::{HttpRequest, http::header, web};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Longest body, in bytes.
const MAX: usize = 64 * 1024;
/// Longest time for a body to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a body; `None` where there is none.
pub(super) async fn optional<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Option<T>, Problem> {
    let fix = "send the whole body at once";
    let cut = |_| Problem::invalid("", "the body did not arrive whole", fix);
    let read = tokio::time::timeout(PATIENCE, payload.to_bytes_limited(MAX)).await;
    let bytes = read.map_err(|_| cut(()))?.map_err(|_| Problem::too_large(MAX))?;
    let bytes = bytes.map_err(|_| cut(()))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Problem::unsupported());
    }
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let field = if field == "." { "" } else { field.as_str() };
        // The words of serde_json say what was expected, and where; they repeat short texts.
        let what = error.inner().to_string();
        Problem::invalid(field, what, "see /api/v1/openapi.json for what this takes")
    })?;
    let trailing = |_| Problem::invalid("", "something follows the JSON", "send one JSON value");
    json.end().map_err(trailing)?;
    Ok(Some(body))
}

/// Reads a body that has to be there.
pub(super) async fn required<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<T, Problem> {
    let missing = || Problem::invalid("", "a body is missing", "send a JSON object");
    optional(request, payload).await?.ok_or_else(missing)
}
