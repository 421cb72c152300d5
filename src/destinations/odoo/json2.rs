//! JSON-2, Odoo's interface from 19 on: arguments by name, HTTP statuses, exact error names
//! (`fixtures/odoo/README.md`, "JSON-2").

use reqwest::{RequestBuilder, header};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{
    fault::Fault,
    wire::{Answer, Call, Wire},
};

/// A request to a method of a model.
pub(super) fn request(wire: &Wire, model: &str, method: &str) -> RequestBuilder {
    wire.http
        .client()
        .post(wire.settings.endpoint(&format!("json/2/{model}/{method}")))
        .header(header::CONTENT_TYPE, "application/json")
        .header("X-Odoo-Database", &wire.settings.database)
        .bearer_auth(wire.settings.secret.expose_secret())
}

/// The arguments of a call as JSON-2 wants them.
pub(super) fn arguments(call: &Call) -> String {
    let mut body: Map<String, Json> = call.named.clone();
    body.extend(call.args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    if let Some(id) = call.id {
        body.insert("ids".to_owned(), json!([id]));
    }
    if !call.context.is_empty() {
        body.insert("context".to_owned(), Json::Object(call.context.clone()));
    }
    Json::Object(body).to_string()
}

#[derive(Deserialize)]
struct Error {
    name: String,
    #[serde(default)]
    message: String,
}

/// The result that an answer holds.
///
/// # Errors
/// The error it holds, the status without one, or that it cannot be read.
pub(super) fn result(answer: Answer) -> Result<Json, Fault> {
    if answer.status.is_success() {
        return serde_json::from_slice(&answer.body)
            .map_err(|error| Fault::Unreadable(error.to_string()));
    }
    match serde_json::from_slice::<Error>(&answer.body) {
        Ok(Error { name, message }) => {
            Err(Fault::Error { status: answer.status, name, text: message })
        }
        Err(_) => Err(answer.into_status()),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn arguments_go_by_name() {
        let call = Call::writing("res.partner", "message_post", "post")
            .on(9)
            .named("body", "a\"b")
            .context("x", true);
        let wanted = json!({"ids": [9], "body": "a\"b", "context": {"x": true}});
        assert_eq!(serde_json::from_str::<Json>(&arguments(&call)).unwrap(), wanted);
    }

    #[test]
    fn an_error_is_told_from_a_page_that_is_none() {
        let answer = |status, body: &'static str| {
            let status = StatusCode::from_u16(status).unwrap();
            result(Answer { status, after: None, body: body.as_bytes().into() })
        };
        assert_eq!(answer(200, "[77]").unwrap(), json!([77]));
        let error = answer(403, r#"{"name": "odoo.exceptions.AccessError", "message": "no"}"#);
        assert!(matches!(error, Err(Fault::Error { name, text, .. })
            if name == "odoo.exceptions.AccessError" && text == "no"));
        assert!(matches!(answer(404, "<html>"), Err(Fault::Status { .. })));
        assert!(matches!(answer(200, "<html>"), Err(Fault::Unreadable(_))));
        let deep: &'static str = Box::leak("[".repeat(100_000).into_boxed_str());
        assert!(matches!(answer(200, deep), Err(Fault::Unreadable(_))));
    }
}
