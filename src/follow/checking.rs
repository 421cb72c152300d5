//! Looking for photos that never came: an outage that was longer than Apertur's patience, a
//! destination that was wrong, an event that was lost.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Follower,
    book::{Answer, Said, Tried, Try},
    compare::{Known, Standing, compare},
    pace,
};
use crate::{
    apertur::{ApiError, DeliveryStatus, RemoteFile},
    intake::Listed,
    journal::{Accepted, Bytes, JournalError},
    model::{OwnSession, Shape},
    telemetry::Fact,
};

impl Follower {
    /// Compares a session's photos at Apertur with those here, and announces what never came.
    /// `is_polled` says that polling brings them still.
    pub(super) async fn check(&self, own: &OwnSession, tried: Tried, is_polled: bool) -> Answer {
        let asked_at = self.clock.now();
        let status = self.unless_stopped(self.apertur.delivery_status(&own.session, None)).await;
        let status = match status {
            // It is over, and nothing is left to be told of.
            Some(Err(ApiError { status: Some(410), .. })) => return self.gone(own, asked_at).await,
            Some(status) => status,
            None => return Answer { asked_at, said: Ok(unknown()), tried },
        };
        let took = self.clock.now().duration_since(asked_at).unsigned_abs();
        let status = match status {
            Ok(status) => status,
            Err(error) => return Answer { asked_at, said: Err(error), tried },
        };
        let (taken, leaves, tried) = match self.reconcile(own, &status, &tried, is_polled).await {
            Ok(done) => done,
            Err(error) => {
                self.journal_failed(&error);
                (0, true, tried)
            }
        };
        let (leaves, unread) = (leaves || status.unread > 0, status.unread);
        Answer { asked_at, said: Ok(Said { taken, leaves, unread, took, ..unknown() }), tried }
    }

    /// Apertur tells nothing of a session any more.
    async fn gone(&self, own: &OwnSession, asked_at: Timestamp) -> Answer {
        let said = match self.last_heard(own).await {
            Ok(heard) => {
                let gone_after = Some(heard.unwrap_or(own.created_at));
                Said { leaves: false, gone_after, ..unknown() }
            }
            Err(error) => {
                self.journal_failed(&error);
                unknown()
            }
        };
        Answer { asked_at, said: Ok(said), tried: Tried::new() }
    }

    /// Gives how many were announced, whether some are on their way, and since when.
    async fn reconcile(
        &self,
        own: &OwnSession,
        status: &DeliveryStatus,
        before: &Tried,
        is_polled: bool,
    ) -> Result<(usize, bool, Tried), JournalError> {
        let settings = self.apertur.settings();
        let now = self.clock.now();
        let known = Known {
            journal: self.journal.as_ref(),
            destinations: &settings.session_destinations,
            is_polled,
            now,
        };
        let is_old = |image: &_| {
            let seen = before.get(image).map_or(now, |seen: &Try| seen.since);
            now.duration_since(seen).unsigned_abs() >= pace::STRAGGLERS
        };
        let (mut taken, mut waiting) = (0, Tried::new());
        for (file, standing) in compare(own, status, is_old, known).await? {
            match standing {
                Standing::Here | Standing::Elsewhere => {}
                Standing::OnItsWay => {
                    let seen = before.get(&file.image).copied();
                    waiting.insert(file.image, seen.unwrap_or_else(|| Try::new(now)));
                }
                Standing::Missing => taken += usize::from(self.announce(own, file).await?),
            }
        }
        Ok((taken, !waiting.is_empty(), waiting))
    }

    async fn announce(&self, own: &OwnSession, file: RemoteFile) -> Result<bool, JournalError> {
        let RemoteFile { image, filename, size, .. } = file;
        let listed = Listed { image, filename, media_type: None, size };
        let photo = listed.photo(own, Shape::Reconciled, self.clock.now());
        let bytes = Bytes::Announced { url: None };
        let taken = self.take_in(photo.clone(), bytes).await?;
        let is_new = taken.accepted == Accepted::New;
        if is_new {
            let unrouted = taken.remark.as_ref();
            self.telemetry.emit(&Fact::Reconciled { photo: &photo, unrouted });
        }
        Ok(is_new)
    }
}

/// Nothing was learned.
fn unknown() -> Said {
    let (is_over, took) = (false, Duration::ZERO);
    Said { taken: 0, leaves: true, is_over, unread: 0, gone_after: None, took }
}
