//! Photos that wait at Apertur until we take them (`fixtures/contracts/apertur.md`, section 4.2;
//! `open-questions.md`, B7 and B8).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;

use super::{
    Apertur, FetchFailure,
    answer::Way,
    call::Call,
    download::timed_out,
    fault::ApiError,
    opening::{Fetched, IfShut},
    reading::{self, Fields},
};
use crate::{
    model::{ImageId, SessionId},
    spool::Spool,
};

/// Longest answer to a poll: older documents tell of servers that hold it for half a minute.
const HELD: Duration = Duration::from_secs(75);

/// What a poll gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polled {
    /// The photos that wait; one comes again until it is acknowledged.
    pub images: Vec<PolledImage>,
    /// How many are named that cannot be read.
    pub unread: usize,
    /// Whether no more can come.
    pub is_over: bool,
}

/// A photo that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolledImage {
    /// Its id.
    pub id: ImageId,
    /// The name that the guest's device gave, without control characters.
    pub filename: Option<String>,
    /// Its media type, as the device said.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// When it was uploaded.
    pub created_at: Option<Timestamp>,
}

impl Apertur {
    /// The photos of a session that wait. May return at once with none: wait between two polls.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn poll(&self, session: &SessionId) -> Result<Polled, ApiError> {
        let path = ["upload-sessions", session.reveal(), "poll"];
        let call = Call { patience: HELD, ..Call::get(&path) };
        let done = match self.call(call).await {
            Err(ApiError { status: Some(410), .. }) => {
                return Ok(Polled { is_over: true, ..Polled::default() });
            }
            done => done?,
        };
        if done.status.as_u16() == 204 || done.body.is_empty() {
            return Ok(Polled::default());
        }
        let rows = reading::rows(&done.body, &["images", "data"]);
        // An older form is a single photo.
        let one = || Fields::of_body(&done.body).filter(|one| image(one).is_some());
        let rows = rows.or_else(|| one().map(|one| vec![one]));
        let rows = rows.ok_or_else(|| {
            ApiError::unreadable("Apertur's answer about waiting photos cannot be read")
        })?;
        let images: Vec<_> = rows.iter().filter_map(image).collect();
        Ok(Polled { unread: rows.len() - images.len(), images, is_over: false })
    }

    /// Fetches a photo that waits, by the rules of [`Apertur::download`]; an end-to-end encrypted
    /// one that no private key opens is kept as the envelope that it is.
    ///
    /// # Errors
    /// As there.
    pub async fn download_polled(
        &self,
        session: &SessionId,
        image: &ImageId,
        spool: &Spool,
    ) -> Result<Fetched, FetchFailure> {
        let path = ["upload-sessions", session.reveal(), "images", image.as_str()];
        let url = self
            .endpoint(&path, &[])
            .map_err(|error| FetchFailure::Later { after: error.after, cause: error.cause })?;
        let total = self.settings.timeouts.total;
        tokio::time::timeout(total, self.fetch_sealed(Way::Api, url, spool, IfShut::Keep))
            .await
            .unwrap_or_else(|_| Err(timed_out("Apertur", total)))
            .map_err(FetchFailure::from)
    }

    /// Says that a photo is safe here, so that it comes no more. Once more is once.
    ///
    /// # Errors
    /// When Apertur does not hear it.
    pub async fn acknowledge(&self, session: &SessionId, image: &ImageId) -> Result<(), ApiError> {
        let path = ["upload-sessions", session.reveal(), "images", image.as_str(), "ack"];
        match self.call(Call::new(Method::POST, &path)).await {
            Err(ApiError { status: Some(409 | 410), .. }) => Ok(()),
            done => done.map(drop),
        }
    }
}

fn image(fields: &Fields) -> Option<PolledImage> {
    Some(PolledImage {
        id: ImageId::parse(&fields.text(&["id", "image_id"])?).ok()?,
        filename: fields.shown("filename"),
        media_type: fields.shown("mime_type"),
        size: fields.number("size_bytes"),
        created_at: fields.time("created_at"),
    })
}
