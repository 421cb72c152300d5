//! What a form or a query says.

use std::{collections::HashMap, time::Duration};

use actix_web::web;

/// Longest time for a form to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);

/// A form that no page of ours has, or one that does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the form cannot be read")]
pub struct BadForm;

/// The fields of a form or query; of two of one name the first counts.
#[derive(Debug, Clone, Default)]
pub struct Fields(HashMap<String, String>);

impl Fields {
    /// The fields of a body or a query string, `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut fields = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(fields)
    }

    /// Reads a form of at most so many bytes.
    ///
    /// # Errors
    /// When it is longer, or does not arrive within ten seconds.
    pub async fn read(payload: web::Payload, most: usize) -> Result<Self, BadForm> {
        let read = tokio::time::timeout(FORM_TIME, payload.to_bytes_limited(most)).await;
        let bytes = read.ok().and_then(Result::ok).and_then(Result::ok).ok_or(BadForm)?;
        Ok(Self::parse(&bytes))
    }

    /// What a field says; empty where it is not there.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// What its fields are called, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
