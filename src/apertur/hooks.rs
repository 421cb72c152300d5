//! Who at Apertur posts to us: the event webhooks of a project and its destinations with an
//! address (`fixtures/contracts/apertur.md`, section 4.3).

use jiff::Timestamp;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use url::Url;

use super::{
    Apertur,
    answer::redacted,
    call::{Call, Repeat},
    fault::ApiError,
    reading::{self, Fields},
};

/// An event webhook of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Apertur's id of it.
    pub id: String,
    /// Where it posts to.
    pub url: Option<Url>,
    /// What it tells of, also with a `*` at the end.
    pub topics: Vec<String>,
    /// Since when it is switched off; `Some(None)` where it is, and it is not told since when.
    pub disabled: Option<Option<Timestamp>>,
    /// How often it failed since it last worked.
    pub failures: u64,
}

/// A destination of a project that posts to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Its type, `webhook` or `odoo`.
    pub kind: String,
    /// What it is called there.
    pub name: String,
    /// Where it posts to.
    pub url: Url,
    /// Whether it is switched on.
    pub is_active: bool,
}

/// An event webhook that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Apertur's id of it.
    pub id: String,
    /// What it signs with.
    pub secret: SecretString,
}

impl Apertur {
    /// The event webhooks of a project.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn hooks(&self, project: &str) -> Result<Vec<Hook>, ApiError> {
        let done = self.call(Call::get(&["projects", project, "webhooks"])).await?;
        let rows = reading::rows(&done.body, &["webhooks", "data"]);
        let rows = rows.ok_or_else(|| {
            ApiError::unreadable("Apertur's list of the project's event webhooks cannot be read")
        })?;
        Ok(rows.iter().filter_map(hook).collect())
    }

    /// Why the latest delivery of an event webhook failed, in Apertur's words; `None` where none
    /// did or it is not told.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn last_failure(
        &self,
        project: &str,
        hook: &str,
    ) -> Result<Option<String>, ApiError> {
        let path = ["projects", project, "webhooks", hook, "deliveries"];
        let call = Call::get(&path);
        let query = vec![("page", "1".to_owned()), ("limit", "20".to_owned())];
        let done = self.call(Call { query, ..call }).await?;
        let rows = reading::rows(&done.body, &["deliveries", "data"]).unwrap_or_default();
        let said = |row: &Fields| {
            let code = row.number("response_code").map(|code| format!("HTTP {code}"));
            row.text(&["last_error"]).map(|said| redacted(&said)).or(code)
        };
        let failed = |row: &&Fields| row.shown("status").is_some_and(|status| status != "sent");
        Ok(rows.iter().filter(failed).find_map(said))
    }

    /// The destinations of a project that post to an address.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn receivers(&self, project: &str) -> Result<Vec<Receiver>, ApiError> {
        let done = self.call(Call::get(&["projects", project, "destinations"])).await?;
        let rows = reading::rows(&done.body, &["destinations", "data"]);
        let rows = rows.ok_or_else(|| {
            ApiError::unreadable("Apertur's list of the project's destinations cannot be read")
        })?;
        Ok(rows.iter().filter_map(receiver).collect())
    }

    /// Makes an event webhook that posts there what these topics tell of.
    ///
    /// # Errors
    /// When Apertur does not make it, or does not say what it signs with.
    pub async fn create_hook(
        &self,
        project: &str,
        url: &Url,
        topics: &[&str],
    ) -> Result<Made, ApiError> {
        let path = ["projects", project, "webhooks"];
        let call = Call::new(Method::POST, &path);
        let body = json!({"url": url.as_str(), "topics": topics, "signatureMethod": "hmac_sha256"});
        // A second one would post every event twice.
        let call = Call { body: Some(body), repeat: Repeat::IfNotDone, ..call };
        let done = self.call(call).await?;
        let fields = Fields::of_body(&done.body);
        let made = fields.and_then(|fields| Some((fields.id()?, fields.text(&["secret"])?)));
        let (id, secret) = made.ok_or_else(|| {
            ApiError::unreadable("Apertur made an event webhook and does not say its secret")
        })?;
        Ok(Made { id, secret: secret.into() })
    }
}

fn hook(fields: &Fields) -> Option<Hook> {
    let since = fields.time("disabled_at");
    let is_off = since.is_some() || fields.is_false("is_active");
    Some(Hook {
        id: fields.id()?,
        url: fields.text(&["url"]).and_then(|url| url.parse().ok()),
        topics: fields.texts("topics"),
        disabled: is_off.then_some(since),
        failures: fields.number("consecutive_failures").unwrap_or(0),
    })
}

fn receiver(fields: &Fields) -> Option<Receiver> {
    Some(Receiver {
        kind: fields.shown("type")?,
        name: fields.shown("name").unwrap_or_default(),
        url: fields.object("config")?.text(&["url", "webhook_url"])?.parse().ok()?,
        is_active: !fields.is_false("is_active"),
    })
}
