//! How far a session's photos have come at Apertur (`fixtures/contracts/apertur.md`, section 4.1),
//! and which destinations a project has (section 4.3).

use std::time::Duration;

use serde_json::Value;

use super::{
    Apertur,
    answer::redacted,
    call::Call,
    fault::ApiError,
    reading::{self, Fields},
    session::Place,
};
use crate::model::{ImageId, SessionId};

/// Apertur holds a call that waits for news up to five minutes.
const LONG_PATIENCE: Duration = Duration::from_secs(360);

/// How far a session's photos have come.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct DeliveryStatus {
    /// `pending`, `active`, `completed`, `expired`, or a word to come; empty where it is not told.
    pub status: String,
    /// What [`Apertur::delivery_status`] takes to wait for what comes after this answer.
    #[serde(skip)]
    pub last_changed: Option<String>,
    /// The photos.
    pub files: Vec<RemoteFile>,
    /// How many more are named that cannot be read.
    #[serde(skip)]
    pub unread: usize,
}

impl DeliveryStatus {
    /// Whether no more photos can come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "expired")
    }
}

/// One photo at Apertur.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RemoteFile {
    /// Its id, the one that webhooks name.
    pub image: ImageId,
    /// The name that the guest's device gave, without control characters.
    pub filename: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// What became of it at each of Apertur's destinations.
    pub destinations: Vec<RemoteDelivery>,
}

/// A photo's way to one of Apertur's destinations.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RemoteDelivery {
    /// The destination.
    #[serde(flatten)]
    pub place: Place,
    /// `pending`, `sending`, `sent`, `failed`, `retrying`, or a word to come.
    pub status: String,
    /// How often Apertur tried.
    pub attempts: Option<u64>,
    /// Why the last try failed.
    pub last_error: Option<String>,
}

impl Apertur {
    /// How far a session's photos have come. With `since`, an earlier answer's
    /// [`DeliveryStatus::last_changed`], Apertur waits up to five minutes for something new.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn delivery_status(
        &self,
        id: &SessionId,
        since: Option<&str>,
    ) -> Result<DeliveryStatus, ApiError> {
        let path = ["upload-sessions", id.reveal(), "delivery-status"];
        let mut call = Call::get(&path);
        if let Some(since) = since {
            call.query.push(("pollFrom", since.to_owned()));
            call.patience = LONG_PATIENCE;
        }
        let done = self.call(call).await?;
        let whole: Option<Value> = serde_json::from_slice(&done.body).ok();
        // An older form is the bare list of files.
        let fields = whole.and_then(Fields::of).unwrap_or_default();
        let files = reading::rows(&done.body, &["files", "data"]).ok_or_else(|| {
            ApiError::unreadable("Apertur's answer about the session's photos cannot be read")
        })?;
        let rows = files.len();
        let files: Vec<_> = files.iter().filter_map(file).collect();
        Ok(DeliveryStatus {
            status: fields.shown("status").unwrap_or_default(),
            last_changed: fields.text(&["last_changed"]),
            unread: rows - files.len(),
            files,
        })
    }

    /// The destinations of a project at Apertur.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn places(&self, project: &str) -> Result<Vec<Place>, ApiError> {
        let done = self.call(Call::get(&["projects", project, "destinations"])).await?;
        let rows = reading::rows(&done.body, &["destinations", "data"]);
        let rows = rows.ok_or_else(|| {
            ApiError::unreadable("Apertur's list of the project's destinations cannot be read")
        })?;
        Ok(rows.iter().map(Place::read).collect())
    }
}

fn file(fields: &Fields) -> Option<RemoteFile> {
    let image = fields.text(&["record_id", "id", "image_id"])?;
    Some(RemoteFile {
        image: ImageId::parse(&image).ok()?,
        filename: fields.shown("filename"),
        size: fields.number("size_bytes"),
        destinations: fields.list("destinations").iter().map(delivery).collect(),
    })
}

fn delivery(fields: &Fields) -> RemoteDelivery {
    let place = Place::read(fields);
    RemoteDelivery {
        place: Place { id: fields.text(&["destination_id", "id"]).unwrap_or_default(), ..place },
        status: fields.shown("status").unwrap_or_default(),
        attempts: fields.number("attempts"),
        last_error: fields.text(&["last_error"]).map(|said| redacted(&said)),
    }
}
